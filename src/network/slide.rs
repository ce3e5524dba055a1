//! Windows that slide over each channel by itself: depthwise convolution and pooling, block by block, from where the maps lie.
//! Cells of the output whose window reaches into padding are computed one by one.

use std::ops::Range;

use macerator::{AutoArch, Scalar, Simd, Vector, WithSimd};
use rayon::prelude::*;

use super::tiles::each_cell;
use super::vectors::{Line, as_floats, lanes, load, store};
use crate::model::{Shape, Window};

/// What is made of the values in a window.
pub trait Slide: Sync {
    /// True where padding may be read as zeros.
    const PADS: bool;

    /// Before the first value, in this block.
    fn start<S: Simd>(&self, block: usize) -> Vector<S, f32>;

    /// What belongs to a place of the kernel in this block, for all cells.
    fn weight<S: Simd>(&self, block: usize, place: usize) -> Vector<S, f32>;

    /// With one value more.
    fn join<S: Simd>(
        &self,
        sum: Vector<S, f32>,
        value: Vector<S, f32>,
        weight: Vector<S, f32>,
    ) -> Vector<S, f32>;

    /// At the end; so many places lie in the picture.
    fn finish<S: Simd>(&self, sum: Vector<S, f32>, inside: usize) -> Vector<S, f32>;
}

/// Most cells of the output that are computed together.
const CELLS: usize = 8;

/// How many of so many neighbouring cells are computed together: a power of two, or 7, as maps are 7, 14 and 28 wide.
fn together(cells: usize) -> usize {
    if cells.is_multiple_of(7) && !cells.is_multiple_of(8) {
        7
    } else {
        1 << cells.ilog2().min(CELLS.ilog2())
    }
}

/// Values of the output that one thread works on at a time.
const UNIT: usize = 16_384;

/// Of maps with so many cells each thread takes some rows of all channels, as convolutions before and behind do: what another
/// core has written comes slowly. Of smaller ones, blocks of channels.
const MANY_CELLS: usize = 400;

/// Values of a channel block that are copied between zeros first, for windows of more than [`FEW_PLACES`]: of larger maps, or
/// by smaller windows, few cells reach over the edge.
const SMALL: usize = 16_384;

/// See [`SMALL`].
const FEW_PLACES: usize = 9;

/// Slides over one image, `[block][row][column][lane]`, into `out`.
pub fn slide<W: Slide>(
    work: &W,
    window: Window,
    (x, input): (&[f32], Shape),
    (out, output): (&mut [f32], Shape),
) {
    let row = output.width * lanes();
    let padded = Shape {
        height: input.height + window.padding[0] + window.padding_after[0],
        width: input.width + window.padding[1] + window.padding_after[1],
        ..input
    };
    let is_small = padded.height * padded.width * lanes() <= SMALL;
    if W::PADS && padded != input && is_small && window.kernel[0] * window.kernel[1] > FEW_PLACES {
        let bare = Window { padding: [0, 0], padding_after: [0, 0], ..window };
        let planes = x.par_chunks_exact(input.height * input.width * lanes());
        let parts = planes.zip(out.par_chunks_exact_mut(output.height * row)).enumerate();
        return parts.for_each_init(Vec::new, |memory: &mut Vec<Line>, (block, (plane, out))| {
            let to = as_floats(memory, padded.height * padded.width * lanes());
            let rows = to.chunks_exact_mut(padded.width * lanes()).skip(window.padding[0]);
            for (to, from) in rows.zip(plane.chunks_exact(input.width * lanes())) {
                to[window.padding[1] * lanes()..][..from.len()].copy_from_slice(from);
            }
            let (input, plane) = (padded, &*to);
            AutoArch::new().dispatch(Rows { work, window: bare, input, output, block, plane, first: 0, out });
        });
    }
    let parts = (output.height * row).div_ceil(UNIT);
    let by_rows = output.height * output.width >= MANY_CELLS;
    let parts = match by_rows {
        true => parts.next_multiple_of(rayon::current_num_threads()),
        false => parts,
    };
    let parts = parts.clamp(1, output.height);
    let planes = x.chunks_exact(input.height * input.width * lanes());
    let mut units: Vec<_> = planes
        .zip(out.chunks_exact_mut(output.height * row))
        .enumerate()
        .flat_map(|(block, (plane, mut out))| {
            (0..parts).map(move |part| {
                let first = part * output.height / parts;
                let rows = (part + 1) * output.height / parts - first;
                let out = out.split_off_mut(..rows * row).unwrap_or_default();
                Rows { work, window, input, output, block, plane, first, out }
            })
        })
        .collect();
    if by_rows {
        units.sort_by_key(|unit| unit.first);
    }
    units.into_par_iter().for_each(|unit| AutoArch::new().dispatch(unit));
}

/// Some rows of a block.
struct Rows<'a, W> {
    work: &'a W,
    window: Window,
    input: Shape,
    output: Shape,
    block: usize,
    plane: &'a [f32],
    first: usize,
    out: &'a mut [f32],
}

impl<W: Slide> WithSimd for Rows<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        match self.window.stride[1] {
            1 => self.run::<S, 1>(),
            2 => self.run::<S, 2>(),
            // Rare: one cell at a time.
            _ => self.run::<S, 0>(),
        }
    }
}

/// The places of a kernel, along one axis, that lie in the picture.
#[inline(always)]
fn inside(at: usize, axis: usize, window: &Window, length: usize) -> Range<usize> {
    let Window { kernel, stride, padding, dilation, .. } = window;
    let from = at * stride[axis];
    let before = |end: usize| end.saturating_sub(from).div_ceil(dilation[axis]).min(kernel[axis]);
    before(padding[axis])..before(padding[axis] + length)
}

impl<W: Slide> Rows<'_, W> {
    /// `STRIDE`: 0 for any.
    #[inline(always)]
    fn run<S: Simd, const STRIDE: usize>(mut self) {
        let (window, input, output) = (self.window, self.input, self.output);
        let columns = |x: usize| inside(x, 1, &window, input.width);
        let is_whole = |x: &usize| columns(*x).len() == window.kernel[1];
        // In the middle all columns of the kernel lie in the picture.
        let left = (0..output.width).find(is_whole).unwrap_or(output.width);
        let right = (left..output.width).rfind(is_whole).map_or(left, |last| last + 1);
        let most = if STRIDE == 0 { 1 } else { CELLS };
        let row = output.width * f32::lanes::<S>();
        let out = std::mem::take(&mut self.out);
        for (number, out) in out.chunks_exact_mut(row).enumerate() {
            let y = self.first + number;
            let rows = inside(y, 0, &window, input.height);
            for x in (0..left).chain(right..output.width) {
                self.tile::<S, STRIDE, 1>([rows.clone(), columns(x)], [y, x], out);
            }
            let mut x = left;
            while x < right {
                let count = together(right - x).min(most);
                let places = [rows.clone(), 0..window.kernel[1]];
                match count {
                    1 => self.tile::<S, STRIDE, 1>(places, [y, x], out),
                    2 if STRIDE > 0 => self.tile::<S, STRIDE, 2>(places, [y, x], out),
                    4 if STRIDE > 0 => self.tile::<S, STRIDE, 4>(places, [y, x], out),
                    7 if STRIDE > 0 => self.tile::<S, STRIDE, 7>(places, [y, x], out),
                    8 if STRIDE > 0 => self.tile::<S, STRIDE, 8>(places, [y, x], out),
                    _ => unreachable!("no tile is that large"),
                }
                x += count;
            }
        }
    }

    /// Neighbouring cells of a row, with these rows and columns of the kernel.
    #[inline(always)]
    fn tile<S: Simd, const STRIDE: usize, const COUNT: usize>(
        &self,
        [rows, columns]: [Range<usize>; 2],
        [y, x]: [usize; 2],
        out: &mut [f32],
    ) {
        let Self {
            work, window: Window { kernel, stride, padding, dilation, .. }, input, block, plane, ..
        } = self;
        let lanes = f32::lanes::<S>();
        let step = if STRIDE == 0 { stride[1] } else { STRIDE } * lanes;
        let mut sums = [work.start::<S>(*block); COUNT];
        for kernel_y in rows.clone() {
            let row = (y * stride[0] + kernel_y * dilation[0] - padding[0]) * input.width;
            for kernel_x in columns.clone() {
                let column = x * stride[1] + kernel_x * dilation[1] - padding[1];
                let values = &plane[(row + column) * lanes..][..(COUNT - 1) * step + lanes];
                let weight = work.weight::<S>(*block, kernel_y * kernel[1] + kernel_x);
                each_cell!(CELL < COUNT => {
                    sums[CELL] = work.join::<S>(sums[CELL], load::<S>(&values[CELL * step..]), weight);
                });
            }
        }
        let count = rows.len() * columns.len();
        let out = &mut out[x * lanes..][..COUNT * lanes];
        each_cell!(CELL < COUNT => {
            store::<S>(work.finish::<S>(sums[CELL], count), &mut out[CELL * lanes..]);
        });
    }
}
