//! The reverse of a convolution on the CPU.
//!
//! Of one without strides it is one again: input and output channels exchanged, kernels turned by 180°. With strides, a
//! convolution of 1×1 multiplies the gradient with each place of the kernel, and the products are added to the cells that they
//! belong to (`col2im`): nothing is multiplied by the zeros that stand between the cells in the textbooks' picture (Dumoulin
//! and Visin, "A guide to convolution arithmetic for deep learning", 2016, arXiv:1603.07285).

use macerator::{AutoArch, Scalar, Simd, WithSimd};
use rayon::prelude::*;

use crate::model::{Op, Shape, Window};
use crate::network::blocked::{Blocked, blocked_len};
use crate::network::conv::Kernel;
use crate::network::cpu::Host;
use crate::network::maps::Value;
use crate::network::vectors::{Limits, lanes, load, store};

/// The reverse of a convolution, with the shape of the gradient that comes out.
pub enum Turned {
    /// One convolution.
    Whole(Kernel, Shape),
    /// Products with all places of the kernel.
    Spread(Spread, Shape),
}

/// Products with each place of a kernel, and where they belong.
pub struct Spread {
    window: Window,
    /// One for some places of the kernel each: as many as there is room for in a block of few channels.
    kernels: Vec<Kernel>,
    /// How many places each has.
    together: usize,
    /// Of the products of one.
    shape: Shape,
}

impl Turned {
    /// The gradient of what the convolution read, from that of what came out.
    pub fn apply(&self, host: &mut Host, gradient: Value) -> Blocked {
        match self {
            Self::Whole(kernel, to) => host.convolve(gradient, kernel, Limits::NONE.into(), *to),
            Self::Spread(spread, to) => spread.apply(host, gradient, *to),
        }
    }
}

impl Spread {
    fn apply(&self, host: &mut Host, gradient: Value, to: Shape) -> Blocked {
        let gradient = host.blocked(gradient);
        let mut lines = host.take_lines(blocked_len(to));
        let out = &mut bytemuck::cast_slice_mut(&mut lines)[..blocked_len(to)];
        out.fill(0.0);
        for (number, kernel) in self.kernels.iter().enumerate() {
            let products = host.convolve(gradient.clone().into(), kernel, Limits::NONE.into(), self.shape);
            self.add(number * self.together, products.values(), to, out);
            host.give_lines_back(products);
        }
        Blocked::new(1, to, lines)
    }

    /// Adds the products of the places from `first` on to the cells that they belong to.
    fn add(&self, first: usize, products: &[f32], to: Shape, out: &mut [f32]) {
        let Window { kernel, stride, padding, dilation, .. } = self.window;
        let (lanes, from) = (lanes(), self.shape);
        let count = self.together.min(kernel[0] * kernel[1] - first);
        let rows = out.par_chunks_exact_mut(to.width * lanes).enumerate().with_min_len(8);
        rows.for_each(|(row, out)| {
            let (block, row) = (row / to.height, row % to.height);
            for at in 0..count {
                let place = [(first + at) / kernel[1] * dilation[0], (first + at) % kernel[1] * dilation[1]];
                let Some(below) = (row + padding[0]).checked_sub(place[0]) else { continue };
                if below % stride[0] != 0 || below / stride[0] >= from.height {
                    continue;
                }
                // The first window whose place lies in the row, and its cell.
                let window = padding[1].saturating_sub(place[1]).div_ceil(stride[1]);
                let Some(cell) = (window * stride[1] + place[1]).checked_sub(padding[1]) else { continue };
                let start = (block * from.height + below / stride[0]) * from.width;
                let values = products.get((start + window) * lanes + at * to.channels..).unwrap_or_default();
                let out = out.get_mut(cell * lanes..).unwrap_or_default();
                let windows = from.width.saturating_sub(window);
                AutoArch::new().dispatch(AddCells { values, windows, stride: stride[1], out });
            }
        });
    }
}

/// Adds vectors that stand side by side to cells that stand a stride apart. What lies behind the channels means nothing.
struct AddCells<'a> {
    values: &'a [f32],
    windows: usize,
    stride: usize,
    out: &'a mut [f32],
}

impl WithSimd for AddCells<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        let Self { values, windows, stride, out } = self;
        let lanes = f32::lanes::<S>();
        for (number, cell) in out.chunks_mut(stride * lanes).take(windows).enumerate() {
            match values.get(number * lanes..(number + 1) * lanes) {
                Some(values) => {
                    let sum = load::<S>(cell) + load::<S>(values);
                    store(sum, cell);
                }
                // At the very end.
                None => {
                    let values = values.get(number * lanes..).unwrap_or_default();
                    for (cell, value) in cell.iter_mut().zip(values) {
                        *cell += value;
                    }
                }
            }
        }
    }
}

/// The reverse of a layer's convolutions, in the order in which a gradient goes through them; nothing where our own loops do
/// not have it. `kernels` are the layer's, of a separable convolution both.
pub fn turn(op: &Op, kernels: &[&[f32]], [input, output]: [Shape; 2]) -> Vec<Turned> {
    let plain = Window::new([1, 1], [1, 1], [0, 0]);
    match (op, kernels) {
        (Op::Conv(window, groups), [kernel]) => vec![turned(kernel, (*window, *groups), input, output)],
        (Op::Dense, [kernel]) => vec![turned(kernel, (plain, 1), input, output)],
        (Op::SeparableConv(window), [depthwise, pointwise]) => {
            let places = (window.kernel[0] * window.kernel[1]).max(1);
            let middle = Shape { channels: depthwise.len() / places, ..output };
            let last = turned(pointwise, (plain, 1), middle, output);
            vec![last, turned(depthwise, (*window, input.channels), input, middle)]
        }
        (Op::ConvTranspose(window, groups), [kernel]) => {
            let after = |axis: usize, from: usize, to: usize| {
                ((to - 1) * window.stride[axis] + window.extent(axis))
                    .checked_sub(from + window.padding[axis])
            };
            let after = [after(0, output.height, input.height), after(1, output.width, input.width)];
            // Where the output reaches further than the kernel, less than nothing would have to be added.
            let [Some(below), Some(right)] = after else { return vec![] };
            let window = Window { padding_after: [below, right], ..*window };
            vec![Turned::Whole(Kernel::new(kernel, None, (window, *groups), output, input), input)]
        }
        _ => vec![],
    }
}

/// Turns `kernel` (`[outputs, input channels of a group, height, width]`) of a convolution from `input` to `output`.
fn turned(kernel: &[f32], (window, groups): (Window, usize), input: Shape, output: Shape) -> Turned {
    let along = |axis: usize, from: usize, to: usize| {
        let before = (window.extent(axis) - 1).checked_sub(window.padding[axis])?;
        Some([before, (to + window.extent(axis) - 1).checked_sub(from + before)?])
    };
    let margins = (along(0, output.height, input.height), along(1, output.width, input.width));
    let places = window.kernel[0] * window.kernel[1];
    if let (Some(rows), Some(columns)) = margins
        && window.stride == [1, 1]
    {
        let turned =
            Window { padding: [rows[0], columns[0]], padding_after: [rows[1], columns[1]], ..window };
        let kernel = exchanged(kernel, groups, [input, output], places, None);
        return Turned::Whole(Kernel::new(&kernel, None, (turned, groups), output, input), input);
    }
    let plain = Window::new([1, 1], [1, 1], [0, 0]);
    // Groups have their own order of channels.
    let together = if groups > 1 { 1 } else { (lanes() / input.channels).clamp(1, places) };
    let shape = Shape { channels: input.channels * together, ..output };
    let of_places = |first: usize| {
        let mut all: Vec<f32> = (first..(first + together).min(places))
            .flat_map(|place| exchanged(kernel, groups, [input, output], places, Some(place)))
            .collect();
        all.resize(shape.channels * (output.channels / groups), 0.0);
        Kernel::new(&all, None, (plain, groups), output, shape)
    };
    let kernels = (0..places).step_by(together).map(of_places).collect();
    Turned::Spread(Spread { window, kernels, together, shape }, input)
}

/// A kernel with input and output channels exchanged: its turned filters, `[inputs, output channels of a group, height, width]`,
/// or one `place` of them, `[inputs, output channels of a group]`.
fn exchanged(
    kernel: &[f32],
    groups: usize,
    [input, output]: [Shape; 2],
    places: usize,
    place: Option<usize>,
) -> Vec<f32> {
    let (of_group, outputs) = (input.channels / groups, output.channels / groups);
    let mut exchanged = Vec::with_capacity(kernel.len());
    for channel in 0..input.channels {
        let (group, channel) = (channel / of_group, channel % of_group);
        for out in group * outputs..(group + 1) * outputs {
            let filter = &kernel[(out * of_group + channel) * places..][..places];
            match place {
                None => exchanged.extend(filter.iter().rev()),
                Some(place) => exchanged.push(filter[place]),
            }
        }
    }
    exchanged
}
