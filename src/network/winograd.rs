//! Convolution with fewer products: Winograd's minimal filtering along one axis.
//!
//! m outputs of a filter of r taps need m + r − 1 products instead of m · r (S. Winograd, "Arithmetic Complexity of
//! Computations", 1980; for convolutional networks A. Lavin & S. Gray, "Fast Algorithms for Convolutional Neural Networks",
//! 2016): the inputs and the filter are seen as polynomials, which are multiplied at m + r − 1 points, one of them at
//! infinity (A. Toom 1963, S. Cook 1966). Here this is done down the columns only: at each point remains a convolution along the
//! rows. Kernels of one row run along the columns of the transposed picture.
//!
//! The products of a tile at all points stay in the core's first-level cache until they are put together to rows of the
//! output. Where a value is infinite or not a number, all outputs of its group of m rows are not numbers.

mod lines;
mod transforms;

use std::array;
use std::cell::RefCell;
use std::ops::Range;

use bytemuck::{Zeroable, cast_slice, pod_read_unaligned};
use macerator::{AutoArch, Scalar, Simd, Vector, WithSimd};
use rayon::prelude::*;

use self::lines::{Lines, scatter, spread};
use self::transforms::Transforms;
use super::panels::{UNITS, Workspace};
use super::product::{CHUNK, Limits, Line, MOST_ROWS, PackedKernel, as_floats, multiply_block};
use crate::model::{Shape, Window};

/// Values of the panels of one thread: they stay in its second-level cache.
const PANEL_VALUES: usize = 110_000;

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
fn taps_of(window: Window) -> Option<usize> {
    let taps = match window.kernel {
        [1, _] if window.padding[0] + window.padding_after[0] != 0 => return None,
        [1, taps] | [taps, 1 | 3 | 5] => taps,
        _ => return None,
    };
    of_taps(taps).filter(|_| window.stride == [1, 1] && window.dilation == [1, 1]).map(|_| taps)
}

/// True where a convolution can be computed so.
#[cfg(test)]
pub fn has_fewer_products(window: Window) -> bool {
    taps_of(window).is_some()
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
    /// A convolution along the rows for each point.
    kernels: Vec<PackedKernel>,
    biases: Vec<f32>,
    of_input: Vec<f32>,
    to_output: Vec<f32>,
}

impl TransformedKernel {
    /// Packs `kernel` (`[outputs, input channels, height, width]`), of 3, 5 or 7 taps along an axis, and one bias for each
    /// output, if there are any.
    pub fn new(kernel: &[f32], bias: Option<&[f32]>, outputs: usize, window: Window) -> Self {
        let is_turned = window.kernel[0] == 1;
        let [taps, across] = if is_turned { [window.kernel[1], 1] } else { window.kernel };
        let along = Window::new([1, across], [1, 1], [0, 0]);
        let (rows, _) = of_taps(taps).unwrap_or((1, 0));
        let Transforms { of_filter, of_input, to_output } = Transforms::new(rows, taps);
        let at_point = |weights: &[f64]| {
            let filters = kernel.chunks_exact(taps * across);
            let columns = filters
                .flat_map(|filter| (0..across).map(move |column| filter[column..].iter().step_by(across)));
            let sums = columns.map(|taps| {
                taps.zip(weights).map(|(tap, weight)| f64::from(*tap) * weight).sum::<f64>() as f32
            });
            PackedKernel::shifted(&sums.collect::<Vec<_>>(), None, outputs, along, across)
        };
        let kernels = of_filter.par_chunks_exact(taps).map(at_point).collect();
        let biases = bias.map_or_else(|| vec![0.0; outputs], <[f32]>::to_vec);
        let to_f32 = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
        Self { window, rows, kernels, biases, of_input: to_f32(of_input), to_output: to_f32(to_output) }
    }
}

/// Writes the convolution of one image, as [`super::conv::convolve`] does.
pub fn convolve(
    kernel: &TransformedKernel,
    limits: Limits,
    (x, input): (&[f32], Shape),
    (out, output): (&mut [f32], Shape),
    workspace: &mut Workspace,
) {
    let lines = Lines::new(kernel.window, kernel.rows, input, output);
    let picture = Picture { kernel, limits, lines, x, plane: input.height * input.width };
    let planes = out.chunks_exact_mut(output.height * output.width).collect();
    match kernel.kernels.len() {
        8 => picture.convolve::<8>(planes, workspace),
        10 => picture.convolve::<10>(planes, workspace),
        count => unreachable!("no window has {count} points"),
    }
}

thread_local! {
    static SCRATCH: RefCell<(Vec<Line>, Scratch)> = RefCell::default();
}

/// Memory of one thread, of any content.
#[derive(Default)]
struct Scratch {
    turned: Vec<f32>,
    rows: Vec<Line>,
    products: Vec<Line>,
    biases: Vec<Line>,
    finished: Vec<Line>,
}

/// One line for each point and input channel, `[points][channels][line]`: the cells of some groups.
#[derive(Clone, Copy)]
struct Panels<'a> {
    values: &'a [f32],
    line: usize,
    /// Cells before those that are meant.
    first: usize,
}

/// A convolution of one image.
#[derive(Clone, Copy)]
struct Picture<'a> {
    kernel: &'a TransformedKernel,
    limits: Limits,
    lines: Lines,
    x: &'a [f32],
    /// Cells of an input channel.
    plane: usize,
}

impl Picture<'_> {
    /// Writes all `planes` of the output.
    fn convolve<const N: usize>(&self, planes: Vec<&mut [f32]>, workspace: &mut Workspace) {
        let of_group = N * (self.x.len() / self.plane) * self.lines.pitch;
        let fitting = (PANEL_VALUES / of_group).max(1);
        let threads = rayon::current_num_threads();
        if !self.lines.is_turned && 2 * threads * fitting <= self.lines.groups() {
            self.in_bands::<N>(fitting, planes);
        } else {
            self.shared::<N>(planes, workspace);
        }
    }

    /// Every thread makes the panels of some groups, and multiplies them with all weights.
    fn in_bands<const N: usize>(&self, fitting: usize, mut planes: Vec<&mut [f32]>) {
        let (groups, threads) = (self.lines.groups(), rayon::current_num_threads());
        // As many for each thread.
        let bands = groups.div_ceil(threads * fitting) * threads;
        let units = (0..bands).map(|band| {
            let groups = band * groups / bands..(band + 1) * groups / bands;
            let parts = self.lines.take(&groups, &mut planes);
            (groups, parts)
        });
        units.collect::<Vec<_>>().into_par_iter().for_each(|(groups, mut parts)| {
            SCRATCH.with_borrow_mut(|(panels, scratch)| {
                let line = self.line(groups.len());
                let panels = as_floats(panels, N * self.x.len() / self.plane * line);
                for (channel, to) in channels_of::<N>(panels, line).enumerate() {
                    self.pack(channel, groups.clone(), to, scratch);
                }
                let panels = Panels { values: panels, line, first: 0 };
                let blocks = 0..self.kernel.kernels[0].blocks();
                self.multiply::<N>(blocks, groups.len(), panels, &mut parts, scratch);
            });
        });
    }

    /// All panels are made first, and the threads share out the output channels.
    fn shared<const N: usize>(&self, mut planes: Vec<&mut [f32]>, workspace: &mut Workspace) {
        let (groups, threads) = (self.lines.groups(), rayon::current_num_threads());
        let line = self.line(groups);
        let values = as_floats(&mut workspace.panels, N * self.x.len() / self.plane * line);
        let channels: Vec<_> = channels_of::<N>(values, line).enumerate().collect();
        channels.into_par_iter().with_min_len(4).for_each(|(channel, to)| {
            SCRATCH.with_borrow_mut(|(_, scratch)| self.pack(channel, 0..groups, to, scratch));
        });

        let values = &*values;
        let kernel = &self.kernel.kernels[0];
        let all: Vec<_> = kernel.groups(UNITS * threads).collect();
        // With many threads there are too few channels to share.
        let bands = if self.lines.is_turned { 1 } else { threads.div_ceil(all.len()).min(groups) };
        let (mut units, mut rest) = (vec![], &mut planes[..]);
        for blocks in all {
            let (planes, others) = rest.split_at_mut(kernel.channels(&blocks).len());
            rest = others;
            for band in 0..bands {
                let groups = band * groups / bands..(band + 1) * groups / bands;
                let parts = self.lines.take(&groups, planes);
                units.push((blocks.clone(), groups, parts));
            }
        }
        units.into_par_iter().for_each(|(blocks, groups, mut parts)| {
            let panels = Panels { values, line, first: groups.start * self.lines.pitch };
            SCRATCH.with_borrow_mut(|(_, scratch)| {
                self.multiply::<N>(blocks, groups.len(), panels, &mut parts, scratch);
            });
        });
    }

    /// Values of a line with the cells of so many groups, and with what is read behind the last.
    fn line(&self, groups: usize) -> usize {
        (groups * self.lines.pitch + self.kernel.kernels[0].tile()).next_multiple_of(CHUNK) + CHUNK
    }

    /// Fills the lines of one input channel.
    fn pack<const N: usize>(
        &self,
        channel: usize,
        groups: Range<usize>,
        to: [&mut [f32]; N],
        scratch: &mut Scratch,
    ) {
        let Self { kernel, lines, .. } = *self;
        let Scratch { turned, rows, .. } = scratch;
        let [height, width] = lines.input;
        let mut plane = &self.x[channel * self.plane..][..self.plane];
        if lines.is_turned {
            turned.resize(plane.len().max(turned.len()), 0.0);
            for (row, to) in turned.chunks_exact_mut(width).take(height).enumerate() {
                to.iter_mut().zip(plane[row..].iter().step_by(height)).for_each(|(to, from)| *to = *from);
            }
            plane = turned;
        }
        let count = to[0].len();
        let rows = as_floats(rows, N * count);
        for (row, to) in rows.chunks_exact_mut(count).enumerate() {
            spread(plane, lines, groups.clone(), row, to);
        }
        let from = array::from_fn(|row| &rows[row * count..][..count]);
        AutoArch::new().dispatch(Sum::<_, N> {
            weights: &kernel.of_input,
            from,
            to: to.into_iter(),
            start: None,
            count,
            limits: Limits::NONE,
        });
    }

    /// Multiplies `blocks` with the panels of so many groups, and writes `parts`: what belongs to them of the blocks' planes.
    fn multiply<const N: usize>(
        &self,
        blocks: Range<usize>,
        groups: usize,
        panels: Panels,
        mut parts: &mut [&mut [f32]],
        scratch: &mut Scratch,
    ) {
        let TransformedKernel { kernels, biases: of_channels, to_output, .. } = self.kernel;
        let (tile, cells) = (kernels[0].tile(), groups * self.lines.pitch);
        let size = (MOST_ROWS * tile).next_multiple_of(CHUNK);
        let Scratch { products, biases, finished, .. } = scratch;
        products.resize(N * size / CHUNK, Line::zeroed());
        let (biases, finished) = (as_floats(biases, size), as_floats(finished, self.lines.rows * size));
        for block in blocks {
            let (channels, rows) = (kernels[0].channels(&(block..block + 1)), kernels[0].rows(block));
            let (own, others) = parts.split_at_mut(channels.len());
            parts = others;
            for at in (0..cells).step_by(tile) {
                let is_half = cells - at <= tile / 2;
                let width = if is_half { tile / 2 } else { tile };
                let of_points = panels.values.chunks_exact(panels.values.len() / N);
                let to = products.chunks_exact_mut(size / CHUNK);
                for ((kernel, values), to) in kernels.iter().zip(of_points).zip(to) {
                    let panel = (&values[panels.first + at..], panels.line);
                    multiply_block(kernel, block, panel, is_half, to);
                }
                let bias = of_channels[channels.clone()].iter();
                biases.chunks_exact_mut(width).zip(bias).for_each(|(to, bias)| to.fill(*bias));
                let products: &[f32] = cast_slice(products);
                AutoArch::new().dispatch(Sum::<_, N> {
                    weights: to_output,
                    from: array::from_fn(|point| &products[point * size..][..size]),
                    to: finished.chunks_exact_mut(size),
                    start: Some(biases),
                    count: rows * width,
                    limits: self.limits,
                });
                for (row, plane) in own.iter_mut().enumerate() {
                    let rows = finished.chunks_exact(size).map(|finished| &finished[row * width..][..width]);
                    scatter(rows, self.lines, at..cells.min(at + tile), plane);
                }
            }
        }
    }
}

/// The lines of each channel at all points, from panels `[N][channels][line]`.
fn channels_of<const N: usize>(panels: &mut [f32], line: usize) -> impl Iterator<Item = [&mut [f32]; N]> {
    let (of_point, count) = (panels.len() / N, panels.len() / N / line);
    let mut points: Vec<_> =
        panels.chunks_exact_mut(of_point).map(|panel| panel.chunks_exact_mut(line)).collect();
    (0..count).map(move |_| array::from_fn(|point| points[point].next().unwrap_or_default()))
}

/// Each of `to` becomes the sum of all `from`, with its own `weights`, and of `start`, kept between `limits`. Chunks are read
/// and written as a whole, so that all reach at least that far behind `count`.
struct Sum<'a, T, const N: usize> {
    weights: &'a [f32],
    from: [&'a [f32]; N],
    to: T,
    start: Option<&'a [f32]>,
    count: usize,
    limits: Limits,
}

impl<'to, T: Iterator<Item = &'to mut [f32]>, const N: usize> WithSimd for Sum<'_, T, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        let Self { weights, from, to, start, count, limits: Limits(low, high) } = self;
        let weights = weights.as_chunks::<N>().0;
        // As many as there are rows or points at most.
        let mut all: [&mut [f32]; N] = array::from_fn(|_| &mut [][..]);
        let outputs = all.iter_mut().zip(to).map(|(all, to)| *all = to).count();
        let (zero, lanes) = (0.0f32.splat::<S>(), f32::lanes::<S>());
        let (low, high) = (low.splat::<S>(), high.splat::<S>());
        let load =
            |from: &[f32], at| -> Vector<S, f32> { pod_read_unaligned(cast_slice(&from[at..at + lanes])) };
        for at in (0..count.next_multiple_of(CHUNK)).step_by(lanes) {
            let values: [_; N] = array::from_fn(|point| load(from[point], at));
            let start = start.map_or(zero, |start| load(start, at));
            for (weights, to) in weights.iter().zip(&mut all[..outputs]) {
                let sums = values.iter().zip(weights);
                let sum = sums.fold(start, |sum, (value, weight)| weight.splat::<S>().mul_add(*value, sum));
                // In this order NaN stays NaN on x86, as it does in Burn.
                let sum = high.min(low.max(sum));
                to[at..at + lanes].copy_from_slice(cast_slice(array::from_ref(&sum)));
            }
        }
    }
}
