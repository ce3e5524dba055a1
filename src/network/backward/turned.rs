//! The reverse of a convolution on the CPU, which is one again: input and output channels exchanged, kernels turned by 180°.
//!
//! Where the convolution takes strides, cells of the input that lie a stride apart see the same places of the kernel: each
//! such phase is a convolution of stride 1 with those places alone, so that nothing is multiplied by zeros (as in Dumoulin and
//! Visin, "A guide to convolution arithmetic for deep learning", 2016, arXiv:1603.07285, without their inserted zeros).

use burn::tensor::Tensor;
use rayon::prelude::*;

use crate::model::{Op, Shape, Window};
use crate::network::conv::{Kernel, convolve};
use crate::network::cpu::Host;
use crate::network::vectors::Limits;

/// The reverse of a convolution.
pub enum Turned {
    /// Of a convolution.
    Phases(Phases),
    /// Of a transposed one, which is a plain one; the shapes of what goes in and comes out.
    Plain(Kernel, [Shape; 2]),
}

/// The reverse of a convolution, by cells that lie a stride apart.
pub struct Phases {
    phases: Vec<Phase>,
    stride: [usize; 2],
    /// Of the gradient that goes in.
    from: Shape,
    /// Of the gradient that comes out.
    to: Shape,
}

/// Cells that lie a stride apart.
struct Phase {
    /// The first of them.
    first: [usize; 2],
    /// How many there are.
    cells: [usize; 2],
    /// What they are computed with; `None`: no place of the kernel reaches them. Before it, so many rows and columns of the
    /// gradient are left out: `[above, below, left, right]`.
    kernel: Option<(Kernel, [usize; 4])>,
}

/// What one axis of a phase reads.
struct Along {
    /// Places of the kernel, the last one first.
    places: Vec<usize>,
    /// Zeros before and after, or less than none: what is left out.
    padding: [isize; 2],
    cells: usize,
}

impl Turned {
    /// The gradient of what the convolution read, from that of what came out.
    pub fn apply(&self, host: &mut Host, gradient: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Phases(phases) => phases.apply(host, gradient),
            Self::Plain(kernel, shapes) => host.conv2d(gradient, kernel, Limits::NONE, *shapes),
        }
    }
}

/// The reverse of a layer's convolutions, in the order in which a gradient goes through them; nothing where our own loops do
/// not have it. `kernels` are the layer's, of a separable convolution both.
pub fn turn(op: &Op, kernels: &[&[f32]], [input, output]: [Shape; 2]) -> Vec<Turned> {
    let plain = Window::new([1, 1], [1, 1], [0, 0]);
    let phases = |kernel, place, input, output| Phases::new(kernel, place, input, output).map(Turned::Phases);
    match (op, kernels) {
        (Op::Conv(window, groups), [kernel]) => {
            phases(kernel, (*window, *groups), input, output).into_iter().collect()
        }
        (Op::Dense, [kernel]) => phases(kernel, (plain, 1), input, output).into_iter().collect(),
        (Op::SeparableConv(window), [depthwise, pointwise]) => {
            let places = (window.kernel[0] * window.kernel[1]).max(1);
            let middle = Shape { channels: depthwise.len() / places, ..output };
            let last = phases(pointwise, (plain, 1), middle, output);
            let first = phases(depthwise, (*window, input.channels), input, middle);
            last.zip(first).map_or_else(Vec::new, |(last, first)| vec![last, first])
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
            let kernel = Kernel::new(kernel, None, (window, *groups), output, input);
            vec![Turned::Plain(kernel, [output, input])]
        }
        _ => vec![],
    }
}

impl Phases {
    /// Turns `kernel` (`[outputs, input channels of a group, height, width]`) of a convolution from `input` to `output`; `None`
    /// where its strides and dilation do not go together so.
    fn new(kernel: &[f32], (window, groups): (Window, usize), input: Shape, output: Shape) -> Option<Self> {
        if (0..2).any(|axis| window.stride[axis] > 1 && window.dilation[axis] > 1) {
            return None;
        }
        let mut phases = vec![];
        for row in 0..window.stride[0].min(input.height) {
            for column in 0..window.stride[1].min(input.width) {
                let along = [
                    along(window, 0, row, [input.height, output.height]),
                    along(window, 1, column, [input.width, output.width]),
                ];
                let cells = [along[0].cells, along[1].cells];
                let is_reached = along.iter().all(|axis| !axis.places.is_empty());
                let kernel = is_reached.then(|| of_phase(kernel, (window, groups), &along, input, output));
                phases.push(Phase { first: [row, column], cells, kernel });
            }
        }
        Some(Self { phases, stride: window.stride, from: output, to: input })
    }

    fn apply(&self, host: &mut Host, gradient: Tensor<4>) -> Tensor<4> {
        let [from, to] = [self.from, self.to];
        if let [Phase { kernel: Some((kernel, [0, 0, 0, 0])), .. }] = &self.phases[..] {
            return host.conv2d(gradient, kernel, Limits::NONE, [from, to]);
        }
        host.apply(vec![gradient], to, |workspace, gradient, out| {
            let mut values = std::mem::take(&mut workspace.phase);
            for phase in &self.phases {
                let shape = Shape { channels: to.channels, height: phase.cells[0], width: phase.cells[1] };
                if values.len() < shape.len() {
                    values.resize(shape.len(), 0.0);
                }
                let values = &mut values[..shape.len()];
                match &phase.kernel {
                    None => values.fill(0.0),
                    Some((kernel, [0, 0, 0, 0])) => {
                        convolve(kernel, Limits::NONE, (gradient[0], from), (values, shape), workspace);
                    }
                    Some((kernel, left_out)) => {
                        let (cropped, size) = crop(gradient[0], from, *left_out);
                        convolve(kernel, Limits::NONE, (&cropped, size), (values, shape), workspace);
                    }
                }
                self.scatter(phase, values, out);
            }
            workspace.phase = values;
        })
    }

    /// Writes the cells of a phase where they belong.
    fn scatter(&self, phase: &Phase, values: &[f32], out: &mut [f32]) {
        let [rows, columns] = phase.cells;
        let planes = out.par_chunks_exact_mut(self.to.height * self.to.width);
        planes.zip(values.par_chunks_exact(rows * columns)).with_min_len(8).for_each(|(out, values)| {
            let lines = out.chunks_exact_mut(self.to.width).skip(phase.first[0]).step_by(self.stride[0]);
            for (out, values) in lines.zip(values.chunks_exact(columns)) {
                let cells = out[phase.first[1]..].iter_mut().step_by(self.stride[1]);
                cells.zip(values).for_each(|(out, value)| *out = *value);
            }
        });
    }
}

/// What the cells `first`, `first + stride`, … of an axis read; `lengths` are those of the input and of the output.
fn along(window: Window, axis: usize, first: usize, lengths: [usize; 2]) -> Along {
    let (stride, dilation) = (window.stride[axis], window.dilation[axis]);
    let from_edge = first + window.padding[axis];
    let cells = (lengths[0] - first).div_ceil(stride);
    // Output cell o, place k and input cell i: o·stride + k·dilation = i + padding.
    let start = from_edge % stride;
    let places: Vec<usize> = (start..window.kernel[axis]).step_by(stride).collect();
    let (count, step) = (places.len() as isize, dilation as isize);
    let behind = ((from_edge - start) / stride) as isize;
    let before = (count - 1) * step - behind;
    let after = cells as isize - lengths[1] as isize - before + (count - 1) * step;
    Along { places: places.into_iter().rev().collect(), padding: [before, after], cells }
}

/// The kernel of a phase, and what of the gradient is left out before.
fn of_phase(
    kernel: &[f32],
    (window, groups): (Window, usize),
    along: &[Along; 2],
    input: Shape,
    output: Shape,
) -> (Kernel, [usize; 4]) {
    let [height, width] = window.kernel;
    let (of_group, outputs) = (input.channels / groups, output.channels / groups);
    let [rows, columns] = along;
    let mut turned = Vec::with_capacity(kernel.len());
    for channel in 0..input.channels {
        let (group, channel) = (channel / of_group, channel % of_group);
        for out in group * outputs..(group + 1) * outputs {
            let filter = &kernel[(out * of_group + channel) * height * width..][..height * width];
            for row in &rows.places {
                turned.extend(columns.places.iter().map(|column| filter[row * width + column]));
            }
        }
    }
    let padding = |side: usize| [0, 1].map(|axis| along[axis].padding[side].max(0) as usize);
    let left_out = |axis: usize, side: usize| (-along[axis].padding[side]).max(0) as usize;
    let left_out = [left_out(0, 0), left_out(0, 1), left_out(1, 0), left_out(1, 1)];
    let places = Window {
        kernel: [rows.places.len(), columns.places.len()],
        stride: [1, 1],
        padding: padding(0),
        padding_after: padding(1),
        dilation: window.dilation,
    };
    let from = cropped(output, left_out);
    let to = Shape { channels: input.channels, height: rows.cells, width: columns.cells };
    (Kernel::new(&turned, None, (places, groups), from, to), left_out)
}

fn cropped(shape: Shape, [above, below, left, right]: [usize; 4]) -> Shape {
    Shape {
        height: shape.height.saturating_sub(above + below),
        width: shape.width.saturating_sub(left + right),
        ..shape
    }
}

/// The values without some rows and columns.
fn crop(values: &[f32], shape: Shape, left_out: [usize; 4]) -> (Vec<f32>, Shape) {
    let size = cropped(shape, left_out);
    let [above, _, left, _] = left_out;
    let planes = values.chunks_exact(shape.height * shape.width);
    let rows = planes.flat_map(|plane| plane.chunks_exact(shape.width).skip(above).take(size.height));
    (rows.flat_map(|row| &row[left..left + size.width]).copied().collect(), size)
}
