//! Convolution on the CPU.
//!
//! Every product is computed ([`direct`]), or, where [`winograd::pays`] says so, a part of them is saved.

use super::panels::{Geometry, Workspace, multiply_all};
use super::product::PackedKernel;
use super::winograd::{self, TransformedKernel};
use crate::model::{Shape, Window};

/// The parameters of a convolution, as it is computed.
pub enum Kernel {
    /// Every product.
    Direct(PackedKernel),
    /// With fewer products.
    Winograd(TransformedKernel),
}

impl Kernel {
    /// Packs `kernel` (`[outputs, input channels, height, width]`) and one bias for each output, if there are any, for
    /// maps of this size.
    pub fn new(kernel: &[f32], bias: Option<&[f32]>, window: Window, input: Shape, output: Shape) -> Self {
        match winograd::pays(window, input, output) {
            true => Self::Winograd(TransformedKernel::new(kernel, bias, output.channels, window)),
            false => Self::Direct(PackedKernel::new(kernel, bias, output.channels, window)),
        }
    }
}

/// Writes the convolution of `x` (`[batch, channels, height, width]`, of `input`'s shape each) with `kernel` to
/// `out` (`[batch, channels, height, width]`, of `output`'s shape each), with bias, and with max(0, x) where
/// `relu` says so.
pub fn convolve(
    kernel: &Kernel,
    relu: bool,
    (x, input): (&[f32], Shape),
    (out, output): (&mut [f32], Shape),
    workspace: &mut Workspace,
) {
    for (x, out) in x.chunks_exact(input.len()).zip(out.chunks_exact_mut(output.len())) {
        match kernel {
            Kernel::Direct(kernel) => direct(kernel, relu, (x, input), (out, output), workspace),
            Kernel::Winograd(kernel) => {
                winograd::convolve(kernel, relu, (x, input), (out, output), workspace)
            }
        }
    }
}

/// The same for one image, with every product of the definition.
fn direct(
    kernel: &PackedKernel,
    relu: bool,
    (x, input): (&[f32], Shape),
    (out, output): (&mut [f32], Shape),
    workspace: &mut Workspace,
) {
    let geometry = &Geometry::new(kernel, input, output);
    multiply_all(kernel, relu, geometry.tiling(), out, workspace, |pixels, panels, runs| {
        geometry.runs(pixels, runs);
        let mut line = 0;
        for first in (0..x.len()).step_by(input.height * input.width) {
            line = geometry.pack(&x[first..], runs, panels, line);
        }
    });
}
