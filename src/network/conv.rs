//! Convolution on the CPU.
//!
//! Every product is computed ([`direct`]), or, where [`winograd::pays`] says so, a part of them is saved. Groups of channels
//! are convolutions of their own, and single channels have a loop of their own ([`super::depthwise`]).

use super::depthwise::{self, DepthwiseKernel};
use super::panels::{Geometry, Workspace, multiply_all};
use super::product::{Limits, PackedKernel};
use super::winograd::{self, TransformedKernel};
use crate::model::{Shape, Window};

/// The parameters of a convolution, as it is computed.
pub enum Kernel {
    /// Every product.
    Direct(PackedKernel),
    /// With fewer products.
    Winograd(TransformedKernel),
    /// Each group of channels by itself.
    Grouped(Vec<Kernel>),
    /// Each channel by itself.
    Depthwise(DepthwiseKernel),
}

impl Kernel {
    /// Packs `kernel` (`[outputs, input channels of a group, height, width]`) and one bias for each output, if there are any,
    /// for maps of this size.
    pub fn new(
        kernel: &[f32],
        bias: Option<&[f32]>,
        (window, groups): (Window, usize),
        input: Shape,
        output: Shape,
    ) -> Self {
        if groups > 1 && groups == input.channels {
            return Self::Depthwise(DepthwiseKernel::new(kernel, bias, output.channels / groups, window));
        }
        if groups > 1 {
            let of_group = |shape: Shape| Shape { channels: shape.channels / groups, ..shape };
            let (input, output) = (of_group(input), of_group(output));
            let kernels = kernel.chunks_exact((kernel.len() / groups).max(1)).enumerate();
            let packed = kernels.map(|(group, kernel)| {
                let bias = bias.and_then(|bias| bias.chunks_exact(output.channels).nth(group));
                Self::new(kernel, bias, (window, 1), input, output)
            });
            return Self::Grouped(packed.collect());
        }
        match winograd::pays(window, input, output) {
            true => Self::Winograd(TransformedKernel::new(kernel, bias, output.channels, window)),
            false => Self::Direct(PackedKernel::new(kernel, bias, output.channels, window)),
        }
    }
}

/// Writes the convolution of `x` (`[batch, channels, height, width]`, of `input`'s shape each) with `kernel` to
/// `out` (`[batch, channels, height, width]`, of `output`'s shape each), with bias, kept between `limits`.
pub fn convolve(
    kernel: &Kernel,
    limits: Limits,
    (x, input): (&[f32], Shape),
    (out, output): (&mut [f32], Shape),
    workspace: &mut Workspace,
) {
    for (x, out) in x.chunks_exact(input.len()).zip(out.chunks_exact_mut(output.len())) {
        match kernel {
            Kernel::Direct(kernel) => direct(kernel, limits, (x, input), (out, output), workspace),
            Kernel::Winograd(kernel) => {
                winograd::convolve(kernel, limits, (x, input), (out, output), workspace)
            }
            Kernel::Depthwise(kernel) => depthwise::convolve(kernel, limits, (x, input), (out, output)),
            Kernel::Grouped(kernels) => {
                let of_group = |shape: Shape| Shape { channels: shape.channels / kernels.len(), ..shape };
                let (input, output) = (of_group(input), of_group(output));
                let parts = x.chunks_exact(input.len()).zip(out.chunks_exact_mut(output.len()));
                for (kernel, (x, out)) in kernels.iter().zip(parts) {
                    convolve(kernel, limits, (x, input), (out, output), workspace);
                }
            }
        }
    }
}

/// The same for one image, with every product of the definition.
fn direct(
    kernel: &PackedKernel,
    limits: Limits,
    (x, input): (&[f32], Shape),
    (out, output): (&mut [f32], Shape),
    workspace: &mut Workspace,
) {
    let geometry = &Geometry::new(kernel, input, output);
    multiply_all(kernel, limits, geometry.tiling(), out, workspace, |pixels, panels, runs| {
        geometry.runs(pixels, runs);
        let mut line = 0;
        for first in (0..x.len()).step_by(input.height * input.width) {
            line = geometry.pack(&x[first..], runs, panels, line);
        }
    });
}
