//! Depthwise convolution on the CPU: each channel by itself.

use bytemuck::cast_slice;
use macerator::{Scalar, Simd, Vector};

use super::direct::biases;
use super::sigmoid::silu;
use super::slide::{Slide, slide};
use super::vectors::{Finish, Line, lanes, load, zeros};
use crate::model::{Shape, Window};

/// The parameters of a depthwise convolution with one output channel for each input channel.
pub struct DepthwiseKernel {
    window: Window,
    /// `[block][place][lane]`
    weights: Vec<Line>,
    /// `[block][lane]`
    biases: Vec<Line>,
}

impl DepthwiseKernel {
    /// Of `kernel` (`[channels, 1, height, width]`) and one bias for each channel, if there are any.
    pub fn new(kernel: &[f32], bias: Option<&[f32]>, window: Window) -> Self {
        let (lanes, places) = (lanes(), window.kernel[0] * window.kernel[1]);
        let channels = kernel.len() / places.max(1);
        let mut weights = zeros(channels.next_multiple_of(lanes) * places);
        let to: &mut [f32] = bytemuck::cast_slice_mut(&mut weights);
        for (channel, kernel) in kernel.chunks_exact(places).enumerate() {
            let to = to[channel / lanes * lanes * places + channel % lanes..].iter_mut().step_by(lanes);
            to.zip(kernel).for_each(|(to, from)| *to = *from);
        }
        Self { window, weights, biases: biases(bias, channels) }
    }
}

/// Writes the convolution of one image in blocks.
pub fn convolve(
    kernel: &DepthwiseKernel,
    finish: Finish,
    (x, input): (&[f32], Shape),
    (out, output): (&mut [f32], Shape),
) {
    let places = kernel.window.kernel[0] * kernel.window.kernel[1];
    let work =
        Weighted { weights: cast_slice(&kernel.weights), biases: cast_slice(&kernel.biases), places, finish };
    slide(&work, kernel.window, (x, input), (out, output));
}

struct Weighted<'a> {
    weights: &'a [f32],
    biases: &'a [f32],
    places: usize,
    finish: Finish<'a>,
}

impl Slide for Weighted<'_> {
    const PADS: bool = true;

    #[inline(always)]
    fn start<S: Simd>(&self, block: usize) -> Vector<S, f32> {
        load::<S>(&self.biases[block * f32::lanes::<S>()..])
    }

    #[inline(always)]
    fn weight<S: Simd>(&self, block: usize, place: usize) -> Vector<S, f32> {
        load::<S>(&self.weights[(block * self.places + place) * f32::lanes::<S>()..])
    }

    #[inline(always)]
    fn join<S: Simd>(
        &self,
        sum: Vector<S, f32>,
        value: Vector<S, f32>,
        weight: Vector<S, f32>,
    ) -> Vector<S, f32> {
        weight.mul_add(value, sum)
    }

    #[inline(always)]
    fn finish<S: Simd>(&self, sum: Vector<S, f32>, _: usize) -> Vector<S, f32> {
        let sum = self.finish.limits.apply::<S>(sum);
        if self.finish.is_gated { silu::<S>(sum) } else { sum }
    }
}
