//! Depthwise convolution on the CPU: each plane on a thread of rayon's pool.
//!
//! A plane is copied with its padding first, columns that a step of the stride reads together one after the other, so that
//! every place of the kernel reads vectors of neighbours.

use bytemuck::{cast_slice, pod_read_unaligned};
use macerator::{AutoArch, Scalar, Simd, Vector, WithSimd};
use rayon::prelude::*;

use super::product::{CHUNK, Limits};
use crate::model::{Shape, Window};

/// The parameters of a depthwise convolution.
pub struct DepthwiseKernel {
    window: Window,
    /// Output channels of each input channel.
    multiplier: usize,
    /// `[outputs, height, width]`
    weights: Vec<f32>,
    /// `[outputs]`
    biases: Vec<f32>,
}

impl DepthwiseKernel {
    /// Of `kernel` (`[outputs, 1, height, width]`) and one bias for each output, if there are any.
    pub fn new(kernel: &[f32], bias: Option<&[f32]>, multiplier: usize, window: Window) -> Self {
        let outputs = kernel.len() / (window.kernel[0] * window.kernel[1]).max(1);
        let biases = bias.map_or_else(|| vec![0.0; outputs], <[f32]>::to_vec);
        Self { window, multiplier: multiplier.max(1), weights: kernel.to_vec(), biases }
    }
}

/// Memory of one thread.
#[derive(Default)]
struct Scratch {
    padded: Vec<f32>,
    row: Vec<f32>,
}

/// How a plane lies in memory with its padding: `[phase][row][column]`, where a phase has every so many columns.
struct Layout {
    rows: usize,
    /// From one row to the next.
    pitch: usize,
    /// Where each place of the kernel reads for the first cell.
    places: Vec<usize>,
}

impl Layout {
    fn new(window: Window, input: Shape, output: Shape) -> Self {
        let Window { kernel, stride, padding, padding_after, dilation } = window;
        let rows = input.height + padding[0] + padding_after[0];
        let columns = input.width + padding[1] + padding_after[1];
        let pitch = columns.div_ceil(stride[1]).max(output.width);
        let place = |at: usize| {
            let (row, column) = (at / kernel[1] * dilation[0], at % kernel[1] * dilation[1]);
            ((column % stride[1]) * rows + row) * pitch + column / stride[1]
        };
        Self { rows, pitch, places: (0..kernel[0] * kernel[1]).map(place).collect() }
    }

    /// Every second value of a row to the one phase, the others to the other. The compiler makes vectors of pairs, but not of
    /// every second value.
    #[inline(always)]
    fn copy_pairs(&self, row: &[f32], padding: usize, at: usize, padded: &mut [f32]) {
        let (even, odd) = padded.split_at_mut(self.rows * self.pitch);
        // The first value lies in the odd phase where the padding is odd.
        let (first, second, shift) = match padding % 2 {
            0 => (even, odd, 0),
            _ => (odd, even, 1),
        };
        let start = at + padding / 2;
        let (pairs, last) = row.as_chunks::<2>();
        let first = &mut first[start..];
        let second = &mut second[start + shift..];
        for ((first, second), pair) in first.iter_mut().zip(second.iter_mut()).zip(pairs) {
            [*first, *second] = *pair;
        }
        if let [last] = last {
            first[pairs.len()] = *last;
        }
    }

    /// Copies a plane; what is padding stays zero.
    #[inline(always)]
    fn copy(&self, plane: &[f32], window: Window, input: Shape, padded: &mut Vec<f32>) {
        let Window { stride, padding, .. } = window;
        // Whole vectors are read behind the last row.
        padded.resize(stride[1] * self.rows * self.pitch + 2 * CHUNK, 0.0);
        for (y, row) in plane.chunks_exact(input.width).enumerate() {
            let at = (y + padding[0]) * self.pitch;
            if stride[1] == 2 {
                self.copy_pairs(row, padding[1], at, padded);
                continue;
            }
            for phase in 0..stride[1] {
                // The first column of the picture in this phase.
                let first = (phase + stride[1] - padding[1] % stride[1]) % stride[1];
                let to = phase * self.rows * self.pitch + at + (first + padding[1]) / stride[1];
                let from = row.get(first..).unwrap_or_default();
                match stride[1] {
                    1 => padded[to..to + from.len()].copy_from_slice(from),
                    stride => {
                        let from = from.iter().step_by(stride);
                        padded[to..].iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                    }
                }
            }
        }
    }
}

/// Writes the convolution of one image, as [`super::conv::convolve`] does.
pub fn convolve(
    kernel: &DepthwiseKernel,
    limits: Limits,
    (x, input): (&[f32], Shape),
    (out, output): (&mut [f32], Shape),
) {
    let layout = &Layout::new(kernel.window, input, output);
    let planes = x.par_chunks_exact(input.height * input.width);
    let cells = output.height * output.width;
    let outputs = out.par_chunks_exact_mut(kernel.multiplier * cells).enumerate();
    planes.zip(outputs).with_min_len(4).for_each_init(
        Scratch::default,
        |scratch, (plane, (channel, out))| {
            AutoArch::new().dispatch(
                #[inline(always)]
                || layout.copy(plane, kernel.window, input, &mut scratch.padded),
            );
            for (number, out) in out.chunks_exact_mut(cells).enumerate() {
                let number = channel * kernel.multiplier + number;
                let weights = &kernel.weights[number * layout.places.len()..][..layout.places.len()];
                AutoArch::new().dispatch(Rows {
                    weights,
                    bias: kernel.biases[number],
                    limits,
                    padded: &scratch.padded,
                    places: &layout.places,
                    step: kernel.window.stride[0] * layout.pitch,
                    row: &mut scratch.row,
                    out,
                    width: output.width,
                });
            }
        },
    );
}

/// All rows of one output plane.
struct Rows<'a> {
    weights: &'a [f32],
    bias: f32,
    limits: Limits,
    padded: &'a [f32],
    places: &'a [usize],
    /// In the padded plane, from one output row to the next.
    step: usize,
    row: &'a mut Vec<f32>,
    out: &'a mut [f32],
    width: usize,
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        match self.places.len() {
            9 => self.run::<S, 9>(),
            25 => self.run::<S, 25>(),
            49 => self.run::<S, 49>(),
            _ => self.run::<S, 0>(),
        }
    }
}

impl Rows<'_> {
    /// `PLACES`: of the kernel; 0 for any number.
    #[inline(always)]
    fn run<S: Simd, const PLACES: usize>(self) {
        let Self { weights, bias, limits: Limits(low, high), padded, places, step, row, out, width } = self;
        let lanes = f32::lanes::<S>();
        let (low, high, bias) = (low.splat::<S>(), high.splat::<S>(), bias.splat::<S>());
        let count = if PLACES == 0 { places.len() } else { PLACES };
        let (weights, places) = (&weights[..count], &places[..count]);
        row.resize(width.next_multiple_of(lanes), 0.0);
        for (y, out) in out.chunks_exact_mut(width).enumerate() {
            for (at, to) in row.chunks_exact_mut(lanes).enumerate() {
                let first = y * step + at * lanes;
                let mut sum = bias;
                for (weight, place) in weights.iter().zip(places) {
                    let from = &padded[first + place..][..lanes];
                    let values: Vector<S, f32> = pod_read_unaligned(cast_slice(from));
                    sum = weight.splat::<S>().mul_add(values, sum);
                }
                let sum = high.min(low.max(sum));
                to.copy_from_slice(cast_slice(std::array::from_ref(&sum)));
            }
            out.copy_from_slice(&row[..width]);
        }
    }
}
