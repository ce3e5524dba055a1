//! Convolution with fewer products: Winograd's minimal filtering along one axis.
//!
//! m outputs of a filter of r taps need m + r − 1 products instead of m · r (S. Winograd, "Arithmetic Complexity of
//! Computations", 1980; for convolutional networks A. Lavin & S. Gray, "Fast Algorithms for Convolutional Neural Networks",
//! 2016): the inputs and the filter are seen as polynomials, which are multiplied at m + r − 1 points, one of them at
//! infinity (A. Toom 1963, S. Cook 1966). Here this is done down the columns only: at each point remains a convolution along the
//! rows, and rounding stays within a few times that of the definition, where both axes at once would be worse by its square.
//! Kernels of one row run along the columns of the transposed picture.
//!
//! Where a value is infinite or not a number, all outputs of its group of m rows are not numbers.

use std::array;
use std::ops::Range;

use bytemuck::{Zeroable, cast_slice, cast_slice_mut};
use macerator::{AutoArch, Scalar, Simd, Vector, WithSimd};
use rayon::prelude::*;

use super::panels::{Tiling, Workspace, copy_whole, multiply_all};
use super::product::{CHUNK, Line, PackedKernel};
use crate::model::{Shape, Window};

/// Points to multiply at, besides infinity: few and small numbers keep the rounding small.
const POINTS: [f32; 7] = [0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0];

/// Up to this many products, seen as a map for each point, are kept until they are put together: a megabyte for each of
/// two cores.
const BAND_VALUES: usize = 500_000;

/// In smaller maps too little is shared out among threads.
const LEAST_PIXELS: usize = 200;

/// Rows of output that are computed together from a filter of so many taps, and the least number of channels on either
/// side with which the transforms cost less than they save; `None` where nothing is saved.
fn of_taps(taps: usize) -> Option<(usize, usize)> {
    match taps {
        3 => Some((4, 24)),
        5 => Some((4, 12)),
        7 => Some((2, 128)),
        _ => None,
    }
}

/// The taps along the axis that is transformed, where a convolution can be computed so.
fn taps_of(window: Window) -> Option<usize> {
    let taps = match window.kernel {
        [1, _] if window.padding[0] != 0 => return None,
        [1, taps] | [taps, _] => taps,
    };
    of_taps(taps).filter(|_| window.stride == [1, 1]).map(|_| taps)
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

/// What computes `rows` outputs of a filter of `taps` values from `points` products, `points` = rows + taps − 1.
struct Transforms {
    /// `[points][taps]`
    of_filter: Vec<f64>,
    /// `[points][points]`: of as many inputs as there are points.
    of_input: Vec<f64>,
    /// `[rows][points]`
    to_output: Vec<f64>,
}

impl Transforms {
    fn new(rows: usize, taps: usize) -> Self {
        let count = rows + taps - 1;
        let points: Vec<_> =
            POINTS[..count - 1].iter().map(|at| Some(f64::from(*at))).chain([None]).collect();
        // At infinity only the highest power counts.
        let power = |at: &Option<f64>, power: usize, count: usize| match at {
            Some(at) => at.powi(power as i32),
            None => f64::from(power + 1 == count),
        };
        let (mut of_filter, mut of_input) = (vec![], vec![]);
        for at in &points {
            let others: Vec<f64> = points.iter().filter(|other| *other != at).copied().flatten().collect();
            let scale: f64 = at.map_or(1.0, |at| others.iter().map(|other| at - other).product());
            of_filter.extend((0..taps).map(|tap| power(at, tap, taps) / scale));
            // The polynomial that is zero at all other points, lowest power first.
            let mut polynomial = vec![1.0];
            for other in others {
                polynomial.insert(0, 0.0);
                for power in 1..polynomial.len() {
                    polynomial[power - 1] -= other * polynomial[power];
                }
            }
            polynomial.resize(count, 0.0);
            of_input.extend(polynomial);
        }
        let to_output = (0..rows).flat_map(|row| points.iter().map(move |at| power(at, row, rows))).collect();
        Self { of_filter, of_input, to_output }
    }
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
        let along = Window { kernel: [1, across], stride: [1, 1], padding: [0, 0] };
        let (rows, _) = of_taps(taps).unwrap_or((1, 0));
        let Transforms { of_filter, of_input, to_output } = Transforms::new(rows, taps);
        let at_point = |weights: &[f64]| {
            let filters = kernel.chunks_exact(taps * across);
            let columns = filters
                .flat_map(|filter| (0..across).map(move |column| filter[column..].iter().step_by(across)));
            let sums = columns.map(|taps| {
                taps.zip(weights).map(|(tap, weight)| f64::from(*tap) * weight).sum::<f64>() as f32
            });
            PackedKernel::new(&sums.collect::<Vec<_>>(), None, outputs, along)
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
    relu: bool,
    x: (&[f32], Shape),
    out: (&mut [f32], Shape),
    workspace: &mut Workspace,
) {
    match kernel.kernels.len() {
        6 => at_points::<6>(kernel, relu, x, out, workspace),
        8 => at_points::<8>(kernel, relu, x, out, workspace),
        count => unreachable!("no window has {count} points"),
    }
}

/// A picture as rows that are computed together in groups: its columns, where kernels have one row.
#[derive(Clone, Copy)]
struct Lines {
    /// Height and width of the input.
    input: [usize; 2],
    /// Height and width of the output.
    output: [usize; 2],
    /// Cells above the input, and before it.
    padding: [usize; 2],
    is_turned: bool,
    /// Rows of a group.
    rows: usize,
    /// Cells of a row with all padding. As many are computed, so that all cells of a group have their neighbours at the
    /// same distance; the last of each row mean nothing.
    pitch: usize,
}

impl Lines {
    fn new(kernel: &TransformedKernel, input: Shape, output: Shape) -> Self {
        let is_turned = kernel.window.kernel[0] == 1;
        let turned = |[height, width]: [usize; 2]| if is_turned { [width, height] } else { [height, width] };
        let output = turned([output.height, output.width]);
        Self {
            input: turned([input.height, input.width]),
            output,
            padding: turned(kernel.window.padding),
            is_turned,
            rows: kernel.rows,
            pitch: output[1] + turned(kernel.window.kernel)[1] - 1,
        }
    }
}

fn at_points<const N: usize>(
    kernel: &TransformedKernel,
    relu: bool,
    (x, input): (&[f32], Shape),
    (out, output): (&mut [f32], Shape),
    workspace: &mut Workspace,
) {
    let lines = Lines::new(kernel, input, output);
    let [height, width] = lines.output;
    let groups = height.div_ceil(lines.rows);
    // Columns of a plane do not follow each other, so that they cannot be shared out.
    let most = if lines.is_turned { groups } else { BAND_VALUES / (N * output.channels * lines.pitch) };
    // Bands of about the same height.
    let band = groups.div_ceil(groups.div_ceil(most.max(1)));
    let planes = out.chunks_exact_mut(output.height * output.width);
    let mut planes: Vec<_> = planes.map(|plane| plane.chunks_mut(band * lines.rows * width)).collect();
    let mut products = std::mem::take(&mut workspace.products);
    for first in (0..groups).step_by(band) {
        let cells = band.min(groups - first) * lines.pitch;
        let tiling = Tiling::new(&kernel.kernels[0], cells);
        let of_point = output.channels * cells;
        products.resize((N * of_point + CHUNK).max(products.len()), 0.0);
        let to = &mut products[..N * of_point];
        let picture = Picture { kernel, lines, first, tiling, x, plane: input.height * input.width };
        multiply_all(&kernel.kernels, false, tiling, to, workspace, |cells, panels, scratch| {
            picture.pack::<N>(cells, panels, &mut scratch.values);
        });
        let products = &products;
        let parts: Vec<&mut [f32]> = planes.iter_mut().filter_map(Iterator::next).collect();
        let parts = parts.into_par_iter().zip(&kernel.biases).enumerate().with_min_len(8);
        parts.for_each_init(Vec::new, |rows, (channel, (part, bias))| {
            let from = array::from_fn(|point| &products[point * of_point + channel * cells..]);
            to_rows::<N>(kernel, lines, from, (*bias, relu), cells, part, rows);
        });
    }
    workspace.products = products;
}

/// A band of groups of a picture.
struct Picture<'a> {
    kernel: &'a TransformedKernel,
    lines: Lines,
    /// The band's first group.
    first: usize,
    /// Of the band at one point.
    tiling: Tiling,
    x: &'a [f32],
    /// Cells of a channel.
    plane: usize,
}

impl Picture<'_> {
    /// Fills the panels of all points for some `cells` of the band.
    fn pack<const N: usize>(&self, cells: Range<usize>, panels: &mut [&mut [f32]], values: &mut Vec<f32>) {
        let Self { kernel, lines, first, tiling, .. } = *self;
        let across = kernel.kernels[0].window().kernel[1];
        let count = cells.len() + across - 1;
        let reach = (N - 1) / lines.rows * lines.pitch;
        // Whole chunks are read, from up to a tile behind the last cell.
        let (of_point, of_phase) = (count + tiling.tile + CHUNK, count + reach + CHUNK);
        values.resize((N * of_point + lines.rows * of_phase).max(values.len()), 0.0);
        let (points, phases) = values.split_at_mut(N * of_point);
        let phases = &mut phases[..lines.rows * of_phase];
        for (channel, plane) in self.x.chunks_exact(self.plane).enumerate() {
            for (phase, to) in phases.chunks_exact_mut(of_phase).enumerate() {
                spread(plane, lines, first, phase, cells.start..cells.start + count + reach, to);
            }
            let from = |row: usize| row % lines.rows * of_phase + row / lines.rows * lines.pitch;
            let from = array::from_fn(|row| &phases[from(row)..]);
            let to = points.chunks_exact_mut(of_point);
            let weights = &kernel.of_input;
            AutoArch::new().dispatch(Sum::<_, N> { weights, from, to, count, bias: 0.0, relu: false });
            for (point, panels) in points.chunks_exact(of_point).zip(panels.iter_mut()) {
                for (first, width, panel) in tiling.tiles(cells.len(), panels) {
                    for column in 0..across {
                        let line = (channel * across + column) * width;
                        copy_whole(&point[first + column..], &mut panel[line..], width);
                    }
                }
            }
        }
    }
}

/// Copies every `rows`-th row of a plane, from `phase` on and with padding, one after the other: what is read together
/// then lies together. `cells` are counted from the first row of group `first`.
fn spread(plane: &[f32], lines: Lines, first: usize, phase: usize, cells: Range<usize>, to: &mut [f32]) {
    let ([height, width], [above, before]) = (lines.input, lines.padding);
    let mut at = cells.start;
    while at < cells.end {
        let (group, column) = (at / lines.pitch, at % lines.pitch);
        let count = (lines.pitch - column).min(cells.end - at);
        let to = &mut to[at - cells.start..][..count];
        at += count;
        let row = ((first + group) * lines.rows + phase).wrapping_sub(above);
        if row >= height {
            to.fill(0.0);
            continue;
        }
        // The part of the row that is not padding.
        let start = before.saturating_sub(column).min(count);
        let end = (before + width).saturating_sub(column).clamp(start, count);
        to[..start].fill(0.0);
        to[end..].fill(0.0);
        let to = &mut to[start..end];
        // Between the last of one row and the first of the next there may be nothing but padding.
        if to.is_empty() {
            continue;
        }
        let from = (column + start).saturating_sub(before);
        if lines.is_turned {
            let from = plane[from * height + row..].iter().step_by(height);
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        } else {
            to.copy_from_slice(&plane[row * width + from..][..to.len()]);
        }
    }
}

/// Puts the products of one channel together to rows of its `plane`.
fn to_rows<const N: usize>(
    kernel: &TransformedKernel,
    lines: Lines,
    from: [&[f32]; N],
    (bias, relu): (f32, bool),
    count: usize,
    plane: &mut [f32],
    rows: &mut Vec<f32>,
) {
    let [height, width] = lines.output;
    let of_row = count + CHUNK;
    rows.resize((lines.rows * of_row).max(rows.len()), 0.0);
    let to = rows.chunks_exact_mut(of_row).take(lines.rows);
    AutoArch::new().dispatch(Sum { weights: &kernel.to_output, from, to, count, bias, relu });
    for (phase, from) in rows.chunks_exact(of_row).take(lines.rows).enumerate() {
        for (group, from) in from[..count].chunks_exact(lines.pitch).enumerate() {
            let row = group * lines.rows + phase;
            if lines.is_turned && row < height {
                plane[row..]
                    .iter_mut()
                    .step_by(height)
                    .zip(&from[..width])
                    .for_each(|(to, from)| *to = *from);
            } else if let Some(to) = plane.get_mut(row * width..(row + 1) * width) {
                to.copy_from_slice(&from[..width]);
            }
        }
    }
}

/// Each of `to` becomes the sum of all `from`, with its own `weights`, and of `bias`, or max(0, x) of it. Chunks are read
/// and written as a whole, so that all reach at least that far behind `count`.
struct Sum<'a, T, const N: usize> {
    weights: &'a [f32],
    from: [&'a [f32]; N],
    to: T,
    count: usize,
    bias: f32,
    relu: bool,
}

impl<'to, T: Iterator<Item = &'to mut [f32]>, const N: usize> WithSimd for Sum<'_, T, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        let Self { weights, from, to, count, bias, relu } = self;
        let weights = weights.as_chunks::<N>().0;
        // As many as there are rows or points at most.
        let mut all: [&mut [f32]; N] = array::from_fn(|_| &mut [][..]);
        let outputs = all.iter_mut().zip(to).map(|(all, to)| *all = to).count();
        let (zero, bias) = (0.0f32.splat::<S>(), bias.splat::<S>());
        for at in (0..count).step_by(CHUNK) {
            let mut chunks = [Line::zeroed(); N];
            for (chunk, from) in chunks.iter_mut().zip(&from) {
                chunk.0.copy_from_slice(&from[at..at + CHUNK]);
            }
            let values: &[Vector<S, f32>] = cast_slice(&chunks);
            let vectors = CHUNK / f32::lanes::<S>();
            for (weights, to) in weights.iter().zip(&mut all[..outputs]) {
                let mut chunk = Line::zeroed();
                let sums: &mut [Vector<S, f32>] = cast_slice_mut(array::from_mut(&mut chunk));
                for (vector, out) in sums.iter_mut().enumerate() {
                    let mut sum = bias;
                    for (point, weight) in weights.iter().enumerate() {
                        sum = weight.splat::<S>().mul_add(values[point * vectors + vector], sum);
                    }
                    // In this order NaN stays NaN on x86, as it does in Burn.
                    *out = if relu { zero.max(sum) } else { sum };
                }
                to[at..at + CHUNK].copy_from_slice(&chunk.0);
            }
        }
    }
}
