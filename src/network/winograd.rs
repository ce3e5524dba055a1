//! Convolution with fewer products: Winograd's minimal filtering along one axis.
//!
//! m outputs of a filter of r taps need m + r − 1 products instead of m · r (S. Winograd, "Arithmetic Complexity of
//! Computations", 1980; for convolutional networks A. Lavin & S. Gray, "Fast Algorithms for Convolutional Neural Networks",
//! 2016): the inputs and the filter are seen as polynomials, which are multiplied at m + r − 1 points, one of them at
//! infinity (A. Toom 1963, S. Cook 1966). Here this is done down the columns only: at each point remains a convolution along the
//! rows. Kernels of one row are transformed along the rows.
//!
//! The products of some cells at all points stay in the core's second-level cache until they are put together to rows of the
//! output. Where a value is infinite or not a number, all outputs of its group of m rows are not numbers.

mod lines;
mod transforms;

use std::array;
use std::cell::RefCell;
use std::ops::Range;

use bytemuck::cast_slice;
use macerator::{AutoArch, Scalar, Simd, WithSimd};
use rayon::prelude::*;

use self::lines::Lines;
use self::transforms::Transforms;
use super::direct::{UNITS, biases};
use super::sigmoid::silu;
use super::tiles::{Multiplication, PackedWeights, Tiles, multiply};
use super::vectors::{Finish, LONGEST, Limits, Line, as_floats, lanes, load, store};
use crate::model::{Shape, Window};

/// Values of the panels of one thread: they stay in its second-level cache.
const PANEL_VALUES: usize = 200_000;

/// Cells that are multiplied in a row, so that their products at all points stay in the second-level cache too.
const CELLS: usize = 256;

/// In smaller maps too little is shared out among threads.
const LEAST_PIXELS: usize = 200;

/// Rows of output that are computed together from a filter of so many taps, and the least number of channels on either
/// side with which the transforms cost less than they save; `None` where nothing is saved.
fn of_taps(taps: usize) -> Option<(usize, usize)> {
    match taps {
        3 => Some((6, 8)),
        5 => Some((4, 12)),
        7 => Some((4, 24)),
        _ => None,
    }
}

/// The taps along the axis that is transformed, where a convolution can be computed so.
pub fn taps_of(window: Window) -> Option<usize> {
    let taps = match window.kernel {
        [1, _] if window.padding[0] + window.padding_after[0] != 0 => return None,
        [1, taps] | [taps, 1 | 3 | 5] => taps,
        _ => return None,
    };
    of_taps(taps).filter(|_| window.stride == [1, 1] && window.dilation == [1, 1]).map(|_| taps)
}

/// True where it is faster so.
pub fn pays(window: Window, input: Shape, output: Shape) -> bool {
    let least = taps_of(window).and_then(of_taps).map(|(_, least)| least);
    least.is_some_and(|least| input.channels.min(output.channels) >= least)
        && output.height * output.width >= LEAST_PIXELS
}

/// The parameters of a convolution, at each point.
pub struct TransformedKernel {
    window: Window,
    /// Rows of output that are computed together.
    rows: usize,
    /// Values from one place of the kernel to the next are those of a cell: `[across]`.
    places: Vec<usize>,
    /// A convolution along the rows for each point.
    kernels: Vec<PackedWeights>,
    biases: Vec<Line>,
    of_input: Vec<f32>,
    to_output: Vec<f32>,
}

impl TransformedKernel {
    /// Packs `kernel` (`[outputs, input channels, height, width]`), of 3, 5 or 7 taps along an axis, and one bias for each
    /// output, if there are any.
    pub fn new(kernel: &[f32], bias: Option<&[f32]>, [outputs, inputs]: [usize; 2], window: Window) -> Self {
        let is_turned = window.kernel[0] == 1;
        let [taps, across] = if is_turned { [window.kernel[1], 1] } else { window.kernel };
        let (rows, _) = of_taps(taps).unwrap_or((1, 0));
        let Transforms { of_filter, of_input, to_output } = Transforms::new(rows, taps);
        let at_point = |weights: &[f64]| {
            let filters = kernel.chunks_exact(taps * across);
            let columns = filters
                .flat_map(|filter| (0..across).map(move |column| filter[column..].iter().step_by(across)));
            let sums = columns.map(|taps| {
                taps.zip(weights).map(|(tap, weight)| f64::from(*tap) * weight).sum::<f64>() as f32
            });
            PackedWeights::new(&sums.collect::<Vec<_>>(), [outputs, inputs], lanes())
        };
        let kernels = of_filter.par_chunks_exact(taps).map(at_point).collect();
        let to_f32 = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
        Self {
            window,
            rows,
            places: (0..across).map(|place| place * lanes()).collect(),
            kernels,
            biases: biases(bias, outputs),
            of_input: to_f32(of_input),
            to_output: to_f32(to_output),
        }
    }
}

/// Writes the convolution of one image in blocks, with bias and what is done at the end.
pub fn convolve(
    kernel: &TransformedKernel,
    finish: Finish,
    (x, input): (&[f32], Shape),
    (out, output): (&mut [f32], Shape),
    memory: &mut Vec<Line>,
) {
    let lines = Lines::new(kernel.window, kernel.rows, input, output);
    let picture = Picture { kernel, finish, lines, x, plane: input.height * input.width * lanes() };
    let planes = out.chunks_exact_mut(output.height * output.width * lanes()).collect();
    match kernel.kernels.len() {
        8 => picture.convolve::<8>(planes, memory),
        10 => picture.convolve::<10>(planes, memory),
        count => unreachable!("no window has {count} points"),
    }
}

thread_local! {
    static SCRATCH: RefCell<[Vec<Line>; 2]> = RefCell::default();
}

/// A convolution of one image.
#[derive(Clone, Copy)]
struct Picture<'a> {
    kernel: &'a TransformedKernel,
    finish: Finish<'a>,
    lines: Lines,
    x: &'a [f32],
    /// Values of an input block.
    plane: usize,
}

impl Picture<'_> {
    /// Values of the panels of some groups of rows, for each point and input block.
    fn line(&self, groups: usize) -> usize {
        groups * self.lines.pitch * lanes()
    }

    fn blocks(&self) -> usize {
        self.x.len() / self.plane
    }

    /// Writes all `planes` of the output.
    fn convolve<const N: usize>(&self, planes: Vec<&mut [f32]>, memory: &mut Vec<Line>) {
        let fitting = (PANEL_VALUES / (N * self.blocks() * self.line(1))).max(1);
        let threads = rayon::current_num_threads();
        if !self.lines.is_turned && 2 * threads * fitting <= self.lines.groups() {
            self.in_bands::<N>(fitting, planes);
        } else {
            self.shared::<N>(planes, memory);
        }
    }

    /// Every thread makes the panels of some groups of rows, and multiplies them with all weights.
    fn in_bands<const N: usize>(&self, fitting: usize, mut planes: Vec<&mut [f32]>) {
        let (groups, threads) = (self.lines.groups(), rayon::current_num_threads());
        // As many for each thread.
        let bands = (groups.div_ceil(threads * fitting) * threads).min(groups);
        let units = (0..bands).map(|band| {
            let groups = band * groups / bands..(band + 1) * groups / bands;
            let parts = self.lines.take(&groups, &mut planes);
            (groups, parts)
        });
        units.collect::<Vec<_>>().into_par_iter().with_max_len(1).for_each(|(groups, parts)| {
            SCRATCH.with_borrow_mut(|[panels, products]| {
                let line = self.line(groups.len());
                let panels = as_floats(panels, N * self.blocks() * line);
                for (block, to) in blocks_of::<N>(panels, line).enumerate() {
                    AutoArch::new().dispatch(ToPoints { picture: self, block, groups: groups.clone(), to });
                }
                let panels = Panels { values: panels, line, first: 0 };
                let all = 0..self.kernel.kernels[0].groups();
                Multiply::<N> { picture: self, all, groups, panels, parts, products }.compute();
            });
        });
    }

    /// All panels are made first, and the threads share out the output channels.
    fn shared<const N: usize>(&self, mut planes: Vec<&mut [f32]>, memory: &mut Vec<Line>) {
        let (groups, threads) = (self.lines.groups(), rayon::current_num_threads());
        let line = self.line(groups);
        let values = as_floats(memory, N * self.blocks() * line);
        let blocks: Vec<_> = blocks_of::<N>(values, line).enumerate().collect();
        blocks.into_par_iter().for_each(|(block, to)| {
            AutoArch::new().dispatch(ToPoints { picture: self, block, groups: 0..groups, to });
        });

        let (values, kernel) = (&*values, &self.kernel.kernels[0]);
        let (parts, of_channels) = ((UNITS * threads).min(kernel.groups()), kernel.groups());
        // With many threads there are too few channels to share.
        let wanted = (UNITS * threads).div_ceil(parts);
        let bands = if self.lines.is_turned { 1 } else { wanted.min(groups) };
        let (mut units, mut rest) = (vec![], &mut planes[..]);
        for part in 0..parts {
            let all = part * of_channels / parts..(part + 1) * of_channels / parts;
            let count = kernel.blocks(all.end - 1).end - kernel.blocks(all.start).start;
            let (planes, others) = rest.split_at_mut(count);
            rest = others;
            for band in 0..bands {
                let groups = band * groups / bands..(band + 1) * groups / bands;
                let parts = self.lines.take(&groups, planes);
                units.push((all.clone(), groups, parts));
            }
        }
        units.into_par_iter().with_max_len(1).for_each(|(all, groups, parts)| {
            let panels = Panels { values, line, first: self.line(groups.start) };
            SCRATCH.with_borrow_mut(|[_, products]| {
                Multiply::<N> { picture: self, all, groups, panels, parts, products }.compute();
            });
        });
    }
}

/// The values of each block at all points, from panels `[N][blocks][line]`.
fn blocks_of<const N: usize>(panels: &mut [f32], line: usize) -> impl Iterator<Item = [&mut [f32]; N]> {
    let (of_point, count) = (panels.len() / N, panels.len() / N / line);
    let mut points: Vec<_> =
        panels.chunks_exact_mut(of_point).map(|panel| panel.chunks_exact_mut(line)).collect();
    (0..count).map(move |_| array::from_fn(|point| points[point].next().unwrap_or_default()))
}

/// Values at each point and of each input block, `[points][blocks][line]`: the cells of some groups of rows.
#[derive(Clone, Copy)]
struct Panels<'a> {
    values: &'a [f32],
    line: usize,
    /// Values before those that are meant.
    first: usize,
}

/// Brings some groups of rows of an input block to all points.
struct ToPoints<'a, 'to, const N: usize> {
    picture: &'a Picture<'a>,
    block: usize,
    groups: Range<usize>,
    to: [&'to mut [f32]; N],
}

impl<const N: usize> WithSimd for ToPoints<'_, '_, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        let Self { picture: Picture { kernel, lines, x, plane, .. }, block, groups, mut to } = self;
        let plane = &x[block * plane..][..*plane];
        let lanes = f32::lanes::<S>();
        let weights = kernel.of_input.as_chunks::<N>().0;
        let zero = 0.0f32.splat::<S>();
        for (number, group) in groups.enumerate() {
            for across in 0..lines.pitch {
                let at = (number * lines.pitch + across) * lanes;
                let values: [_; N] = array::from_fn(|row| match lines.cell(group, row, across) {
                    Some(cell) => load::<S>(&plane[cell * lanes..]),
                    None => zero,
                });
                for (weights, to) in weights.iter().zip(&mut to) {
                    let sums = values.iter().zip(weights);
                    let sum =
                        sums.fold(zero, |sum, (value, weight)| weight.splat::<S>().mul_add(*value, sum));
                    store::<S>(sum, &mut to[at..]);
                }
            }
        }
    }
}

/// Multiplies all groups of weights with the panels of some groups of rows, and writes `parts`: what belongs to them of the
/// output's planes.
struct Multiply<'a, 'out, const N: usize> {
    picture: &'a Picture<'a>,
    all: Range<usize>,
    groups: Range<usize>,
    panels: Panels<'a>,
    parts: Vec<&'out mut [f32]>,
    products: &'a mut Vec<Line>,
}

impl<const N: usize> Multiply<'_, '_, N> {
    fn compute(self) {
        let Self { picture, all, groups, panels, mut parts, products } = self;
        let Picture { kernel, lines, .. } = picture;
        let row = lines.output[1] * lanes();
        let together = (CELLS / lines.output[1]).max(1);
        let mut rest = &mut parts[..];
        for of_channels in all {
            let blocks = kernel.kernels[0].blocks(of_channels);
            let (own, others) = rest.split_at_mut(blocks.len());
            rest = others;
            for first in groups.clone().step_by(together) {
                let some = first..(first + together).min(groups.end);
                let size = some.len() * row;
                let products = as_floats(products, N * blocks.len() * size);
                let rows = some.clone().map(|group| {
                    let read = panels.first + (group - groups.start) * lines.pitch * lanes();
                    ([read, (group - first) * row], lines.output[1])
                });
                let tiles = Tiles::new(blocks.len(), lanes(), rows);
                let of_points = panels.values.chunks_exact(panels.values.len() / N);
                let to = products.chunks_exact_mut(blocks.len() * size);
                for ((number, values), to) in of_points.enumerate().zip(to) {
                    let weights = &kernel.kernels[number];
                    let after = if some.end < groups.end { of_channels } else { of_channels + 1 };
                    let (point, group) = if number + 1 < N { (number + 1, of_channels) } else { (0, after) };
                    let multiplication = Multiplication {
                        values,
                        plane: panels.line,
                        places: &kernel.places,
                        inputs: weights.inputs,
                        is_few: false,
                        weights: weights.of_group(of_channels),
                        following: kernel.kernels[point].of_group(group),
                        biases: &[0.0; 4 * LONGEST],
                        added: None,
                        limits: Limits::NONE,
                        is_gated: false,
                    };
                    let mut to: Vec<_> = to.chunks_exact_mut(size).collect();
                    multiply(&multiplication, &tiles, &mut to);
                }
                for (number, (block, out)) in blocks.clone().zip(own.iter_mut()).enumerate() {
                    let of_points = products.chunks_exact(blocks.len() * size);
                    let mut of_points = of_points.map(|products| &products[number * size..][..size]);
                    let products: [&[f32]; N] = array::from_fn(|_| of_points.next().unwrap_or_default());
                    let out = &mut **out;
                    let from = groups.start;
                    AutoArch::new().dispatch(ToOutput {
                        picture,
                        block,
                        products,
                        groups: some.clone(),
                        from,
                        out,
                    });
                }
            }
        }
    }
}

/// Puts the products of some groups of rows together. What is written begins `from` a group on.
struct ToOutput<'a, const N: usize> {
    picture: &'a Picture<'a>,
    block: usize,
    products: [&'a [f32]; N],
    groups: Range<usize>,
    from: usize,
    out: &'a mut [f32],
}

impl<const N: usize> WithSimd for ToOutput<'_, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        let Self { picture: Picture { kernel, finish, lines, .. }, block, products, groups, from, out } =
            self;
        let (lanes, width) = (f32::lanes::<S>(), lines.output[1]);
        let weights = kernel.to_output.as_chunks::<N>().0;
        let bias = load::<S>(&cast_slice::<Line, f32>(&kernel.biases)[block * lanes..]);
        let steps = lines.steps();
        let plane = lines.output[0] * lines.output[1] * lanes;
        let added = finish.added.map(|added| &added[block * plane..][..plane]);
        for (number, group) in groups.enumerate() {
            let rows = lines.rows.min(lines.output[0] - group * lines.rows);
            for across in 0..width {
                let at = (number * width + across) * lanes;
                let values: [_; N] = array::from_fn(|point| load::<S>(&products[point][at..]));
                for (row, weights) in weights.iter().enumerate().take(rows) {
                    let sums = values.iter().zip(weights);
                    let sum =
                        sums.fold(bias, |sum, (value, weight)| weight.splat::<S>().mul_add(*value, sum));
                    let along = across * steps[1] + row * steps[0];
                    let sum = match added {
                        Some(added) => {
                            sum + load::<S>(&added[(group * lines.rows * steps[0] + along) * lanes..])
                        }
                        None => sum,
                    };
                    let sum = finish.limits.apply::<S>(sum);
                    let sum = if finish.is_gated { silu::<S>(sum) } else { sum };
                    store::<S>(sum, &mut out[((group - from) * lines.rows * steps[0] + along) * lanes..]);
                }
            }
        }
    }
}
