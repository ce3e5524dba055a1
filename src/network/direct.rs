//! Convolution with every product of the definition, and how it is shared out among threads.

use std::ops::Range;

use bytemuck::cast_slice;
use rayon::prelude::*;

use super::padded::{Image, Padded};
use super::tiles::{FEW, Multiplication, PackedWeights, Tiles, multiply};
use super::vectors::{Finish, Line, lanes, zeros};
use crate::model::{Shape, Window};

/// Each thread gets so many units of work: none waits long for the last.
pub const UNITS: usize = 4;

/// Values of the input that are read again and again at a time; they stay in the core's second-level cache.
const BAND_VALUES: usize = 160_000;

/// The parameters of a convolution in the order in which they are read.
pub struct DirectKernel {
    window: Window,
    weights: PackedWeights,
    /// `[output block][lane]`
    biases: Vec<Line>,
}

impl DirectKernel {
    /// Packs `kernel` (`[outputs, input channels, height, width]`) and one bias for each output, if there are any.
    pub fn new(kernel: &[f32], bias: Option<&[f32]>, [outputs, inputs]: [usize; 2], window: Window) -> Self {
        let of_cell = if is_few(inputs) { FEW } else { lanes() };
        Self {
            window,
            weights: PackedWeights::new(kernel, [outputs, inputs], of_cell),
            biases: biases(bias, outputs),
        }
    }

    /// See [`super::conv::Kernel::scaled`].
    pub fn scaled(&self, scale: &[f32]) -> Option<Self> {
        let is_pointwise = self.window.kernel == [1, 1] && !self.reads_planes();
        is_pointwise.then(|| Self {
            window: self.window,
            weights: self.weights.scaled(scale),
            biases: self.biases.clone(),
        })
    }

    /// True where it reads planes, of few channels.
    pub fn reads_planes(&self) -> bool {
        is_few(self.weights.inputs)
    }
}

/// So few channels that a vector would be mostly empty.
fn is_few(inputs: usize) -> bool {
    inputs <= FEW && lanes() > FEW
}

/// Biases as vectors; zeros behind the last.
pub fn biases(bias: Option<&[f32]>, outputs: usize) -> Vec<Line> {
    let mut biases = zeros(outputs.next_multiple_of(lanes()));
    let to: &mut [f32] = bytemuck::cast_slice_mut(&mut biases);
    bias.into_iter().for_each(|bias| to[..bias.len()].copy_from_slice(bias));
    biases
}

/// Writes the convolution of an image to `out`, `[output block][row][column][lane]`, with bias and what is
/// done at the end.
pub fn convolve(
    kernel: &DirectKernel,
    finish: Finish,
    (image, input): (Image, Shape),
    (out, output): (&mut [f32], Shape),
    memory: &mut Vec<Line>,
) {
    let padded = &Padded::new(image, kernel.window, [input, output], memory);
    let cells = output.height * output.width;
    let parts = Parts::new(kernel, padded, input.len(), cells);
    let mut planes: Vec<_> = out.chunks_exact_mut(cells * lanes()).collect();
    let mut units = vec![];
    for (band, groups) in parts.all() {
        let cells = parts.cells(band, padded.rows);
        let blocks = kernel.weights.blocks(groups.start).start..kernel.weights.blocks(groups.end - 1).end;
        let planes = planes[blocks].iter_mut();
        let out: Vec<_> = planes.filter_map(|plane| plane.split_off_mut(..cells.len() * lanes())).collect();
        units.push(Unit { kernel, finish, padded, groups, cells, out });
    }
    units.into_par_iter().with_max_len(1).for_each(Unit::compute);
}

/// How the work is divided: into bands of cells, and each of them by output channels.
struct Parts {
    bands: usize,
    parts: usize,
    groups: usize,
    by_cells: bool,
}

impl Parts {
    fn new(kernel: &DirectKernel, padded: &Padded, input: usize, cells: usize) -> Self {
        let groups = kernel.weights.groups();
        let threads = rayon::current_num_threads();
        let wanted = UNITS * threads;
        let fitting = input.div_ceil(BAND_VALUES);
        let most = if padded.rows[0] == 1 { cells.div_ceil(12) } else { padded.rows[0] };
        // The larger of both is read once.
        let by_cells = input * size_of::<f32>() >= kernel.weights.bytes();
        let parts = match by_cells {
            true => wanted.div_ceil(most).min(groups),
            // Groups that are not many are not counted out unevenly.
            false if groups < 2 * wanted => groups,
            false => wanted,
        };
        let fewest = fitting.max(wanted.div_ceil(parts)).min(most);
        // As many units for each thread, if possible.
        let is_even = |bands: &usize| (parts * bands).is_multiple_of(threads);
        let bands = (fewest..(2 * fewest + 1).min(most + 1)).find(is_even).unwrap_or(fewest);
        Self { bands, parts, groups, by_cells }
    }

    /// The cells of a band: whole rows where there are several.
    fn cells(&self, band: usize, [rows, columns]: [usize; 2]) -> Range<usize> {
        let start = |band: usize| match rows {
            1 => band * columns.div_ceil(12) / self.bands * 12,
            rows => band * rows / self.bands * columns,
        };
        start(band).min(columns * rows)..start(band + 1).min(columns * rows)
    }

    /// Each band with each of the parts of the groups. Threads take neighbours, so that few of what is read once, cells or
    /// weights, are read by several.
    fn all(&self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let Self { bands, parts, groups, by_cells } = *self;
        (0..bands * parts).map(move |unit| {
            let (band, part) =
                if by_cells { (unit / parts, unit % parts) } else { (unit % bands, unit / bands) };
            (band, part * groups / parts..(part + 1) * groups / parts)
        })
    }
}

/// What one thread computes in a row.
struct Unit<'a> {
    kernel: &'a DirectKernel,
    finish: Finish<'a>,
    padded: &'a Padded<'a>,
    groups: Range<usize>,
    cells: Range<usize>,
    /// Of each block of the groups, these cells.
    out: Vec<&'a mut [f32]>,
}

impl Unit<'_> {
    fn compute(self) {
        let Self { kernel, finish, padded, groups, cells, mut out } = self;
        let is_few = kernel.reads_planes();
        let pitch = if is_few { FEW } else { lanes() };
        let (columns, biases): (_, &[f32]) = (padded.rows[1], cast_slice(&kernel.biases));
        let rows = || {
            (cells.start / columns..cells.end.div_ceil(columns)).map(|row| {
                let (start, end) = (cells.start.max(row * columns), cells.end.min((row + 1) * columns));
                let read = row * padded.step + (start - row * columns) * pitch;
                ([read, (start - cells.start) * lanes()], end - start)
            })
        };
        let mut tiles: [Option<Tiles>; 5] = Default::default();
        let mut rest = &mut out[..];
        for group in groups {
            let blocks = kernel.weights.blocks(group);
            let (own, others) = rest.split_at_mut(blocks.len());
            rest = others;
            let added: Option<Vec<&[f32]>> = finish.added.map(|added| {
                let plane = padded.rows[0] * columns * lanes();
                let of_block = |block: usize| &added[block * plane + cells.start * lanes()..];
                blocks.clone().map(of_block).collect()
            });
            let multiplication = Multiplication {
                values: padded.values,
                plane: padded.plane,
                places: &padded.places,
                inputs: kernel.weights.inputs,
                is_few,
                weights: kernel.weights.of_group(group),
                following: kernel.weights.of_group(group + 1),
                biases: &biases[blocks.start * lanes()..],
                added: added.as_deref(),
                limits: finish.limits,
                is_gated: finish.is_gated,
            };
            let tiles = tiles[blocks.len()].get_or_insert_with(|| Tiles::new(blocks.len(), pitch, rows()));
            multiply(&multiplication, tiles, own);
        }
    }
}
