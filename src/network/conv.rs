//! Convolution on the CPU.
//!
//! Every product is computed ([`super::direct`]), or, where [`winograd::pays`] says so, a part of them is saved. Single
//! channels have a loop of their own ([`super::depthwise`]); other groups of channels are convolutions of their own.

use super::blocked::blocked_len;
use super::depthwise::{self, DepthwiseKernel};
use super::direct::{self, DirectKernel};
use super::padded::Image;
use super::vectors::{Finish, Line, lanes};
use super::winograd::{self, TransformedKernel};
use crate::model::{Shape, Window};

/// The parameters of a convolution, as it is computed.
pub enum Kernel {
    /// Every product.
    Direct(DirectKernel),
    /// With fewer products.
    Winograd(TransformedKernel),
    /// Some blocks of channels after the other.
    Grouped(Vec<Kernel>),
    /// Each channel by itself.
    Depthwise(DepthwiseKernel),
}

/// Memory that convolutions use again and again.
#[derive(Default)]
pub struct Workspace {
    /// What all threads read.
    memory: Vec<Line>,
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
        if groups > 1 && groups == input.channels && groups == output.channels {
            return Self::Depthwise(DepthwiseKernel::new(kernel, bias, window));
        }
        if groups > 1 {
            return Self::grouped(kernel, bias, (window, groups), input, output);
        }
        let channels = [output.channels, input.channels];
        match winograd::pays(window, input, output) {
            true => Self::Winograd(TransformedKernel::new(kernel, bias, channels, window)),
            false => Self::Direct(DirectKernel::new(kernel, bias, channels, window)),
        }
    }

    /// Groups of channels: as many of them together as fill whole blocks, with zeros between them.
    fn grouped(
        kernel: &[f32],
        bias: Option<&[f32]>,
        (window, groups): (Window, usize),
        input: Shape,
        output: Shape,
    ) -> Self {
        let (inputs, outputs) = (input.channels / groups, output.channels / groups);
        let is_whole = |count: &usize| {
            groups % count == 0
                && (count * inputs).is_multiple_of(lanes())
                && (count * outputs).is_multiple_of(lanes())
        };
        let together = (1..groups).find(is_whole).unwrap_or(groups);
        let of_some = |shape: Shape| Shape { channels: shape.channels / groups * together, ..shape };
        let (input, output) = (of_some(input), of_some(output));
        let places = window.kernel[0] * window.kernel[1];
        let kernels = kernel.chunks_exact((output.channels * inputs * places).max(1)).enumerate();
        let mut packed: Vec<_> = kernels
            .map(|(number, kernel)| {
                let mut dense = vec![0.0; output.channels * input.channels * places];
                let rows =
                    kernel.chunks_exact(inputs * places).zip(dense.chunks_exact_mut(input.channels * places));
                for (channel, (from, to)) in rows.enumerate() {
                    to[channel / outputs * inputs * places..][..from.len()].copy_from_slice(from);
                }
                let bias = bias.and_then(|bias| bias.chunks_exact(output.channels).nth(number));
                Self::new(&dense, bias, (window, 1), input, output)
            })
            .collect();
        match packed.len() {
            1 => packed.swap_remove(0),
            _ => Self::Grouped(packed),
        }
    }

    /// The kernel for what is multiplied with one value for each input channel, `[block][lane]`; `None` unless it is a direct one
    /// of a single place.
    pub fn scaled(&self, scale: &[f32]) -> Option<Self> {
        match self {
            Self::Direct(kernel) => kernel.scaled(scale).map(Self::Direct),
            _ => None,
        }
    }

    /// True where it reads planes, of few channels; the others read blocks.
    pub fn reads_planes(&self) -> bool {
        matches!(self, Self::Direct(kernel) if kernel.reads_planes())
    }
}

/// Writes the convolution of one image with `kernel` to `out`, in blocks, with bias, and what is done at the end.
pub fn convolve_blocks(
    kernel: &Kernel,
    finish: Finish,
    (image, input): (Image, Shape),
    (out, output): (&mut [f32], Shape),
    workspace: &mut Workspace,
) {
    let memory = &mut workspace.memory;
    match (kernel, image) {
        (Kernel::Direct(kernel), image) => {
            direct::convolve(kernel, finish, (image, input), (out, output), memory);
        }
        (Kernel::Winograd(kernel), Image::Blocks(x)) => {
            winograd::convolve(kernel, finish, (x, input), (out, output), memory);
        }
        (Kernel::Depthwise(kernel), Image::Blocks(x)) => {
            depthwise::convolve(kernel, finish, (x, input), (out, output));
        }
        (Kernel::Grouped(kernels), Image::Blocks(x)) => {
            let of_group = |shape: Shape| Shape { channels: shape.channels / kernels.len(), ..shape };
            let (input, output) = (of_group(input), of_group(output));
            let parts = x.chunks_exact(blocked_len(input)).zip(out.chunks_exact_mut(blocked_len(output)));
            let mut added =
                finish.added.into_iter().flat_map(|added| added.chunks_exact(blocked_len(output)));
            for (kernel, (x, out)) in kernels.iter().zip(parts) {
                let finish = Finish { added: added.next(), ..finish };
                convolve_blocks(kernel, finish, (Image::Blocks(x), input), (out, output), workspace);
            }
        }
        (_, Image::Planes(_)) => unreachable!("only kernels of few channels read planes"),
    }
}
