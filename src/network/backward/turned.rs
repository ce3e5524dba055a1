//! The reverse of a convolution on the CPU.
//!
//! Of one without strides it is one again: input and output channels exchanged, kernels turned by 180°. With strides, cells
//! as many places apart as the stride are reached by the same places of the kernel: each such phase is a convolution of its
//! own, with these places alone, so that nothing is multiplied by the zeros that stand between the cells in the textbooks'
//! picture (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, arXiv:1603.07285).

use std::ops::RangeInclusive;

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
    /// One for each phase of the stride.
    Phased(Phased, Shape),
}

/// Convolutions whose results stand between each other.
pub struct Phased {
    stride: [usize; 2],
    parts: Vec<Part>,
    /// Some phases no place of the kernel reaches.
    has_gaps: bool,
}

/// Phases that are computed together: several only where they have few channels, which stand one after the other.
struct Part {
    /// The first row and column of each.
    phases: Vec<[usize; 2]>,
    kernel: Kernel,
    shape: Shape,
}

impl Turned {
    /// The gradient of what the convolution read, from that of what came out.
    pub fn apply(&self, host: &mut Host, gradient: Value) -> Blocked {
        match self {
            Self::Whole(kernel, to) => host.convolve(gradient, kernel, Limits::NONE.into(), *to),
            Self::Phased(phased, to) => phased.apply(host, gradient, *to),
        }
    }
}

impl Phased {
    fn apply(&self, host: &mut Host, gradient: Value, to: Shape) -> Blocked {
        let gradient = host.blocked(gradient);
        let mut lines = host.take_lines(blocked_len(to));
        let out = &mut bytemuck::cast_slice_mut(&mut lines)[..blocked_len(to)];
        if self.has_gaps {
            out.fill(0.0);
        }
        for part in &self.parts {
            let maps = host.convolve(gradient.clone().into(), &part.kernel, Limits::NONE.into(), part.shape);
            self.put_between(part, maps.values(), to, out);
            host.give_lines_back(maps);
        }
        Blocked::new(1, to, lines)
    }

    fn put_between(&self, part: &Part, values: &[f32], to: Shape, out: &mut [f32]) {
        let (lanes, stride, from) = (lanes(), self.stride, part.shape);
        let rows = out.par_chunks_exact_mut(to.width * lanes).enumerate().with_min_len(8);
        rows.for_each(|(row, out)| {
            let (block, row) = (row / to.height, row % to.height);
            let start = (block * from.height + row / stride[0]) * from.width * lanes;
            let phases = part.phases.iter().enumerate();
            for (at, [_, column]) in phases.filter(|(_, phase)| row % stride[0] == phase[0]) {
                let values = &values[start + at * to.channels..];
                let out = out.get_mut(column * lanes..).unwrap_or_default();
                AutoArch::new().dispatch(CopyCells { values, stride: stride[1], out });
            }
        });
    }
}

/// Copies vectors that stand side by side to cells that stand a stride apart. What lies behind the channels means nothing.
struct CopyCells<'a> {
    values: &'a [f32],
    stride: usize,
    out: &'a mut [f32],
}

impl WithSimd for CopyCells<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        let Self { values, stride, out } = self;
        let lanes = f32::lanes::<S>();
        for (number, cell) in out.chunks_mut(stride * lanes).enumerate() {
            match values.get(number * lanes..(number + 1) * lanes) {
                Some(values) => store(load::<S>(values), cell),
                // At the very end.
                None => {
                    let values = values.get(number * lanes..).unwrap_or_default();
                    cell.iter_mut().zip(values).for_each(|(cell, value)| *cell = *value);
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
        let turned_places: Vec<_> = (0..places).rev().map(Some).collect();
        let kernel = exchanged(kernel, groups, [input, output], places, &turned_places);
        return Turned::Whole(Kernel::new(&kernel, None, (turned, groups), output, input), input);
    }
    Turned::Phased(phased(kernel, (window, groups), input, output), input)
}

fn phased(kernel: &[f32], (window, groups): (Window, usize), input: Shape, output: Shape) -> Phased {
    let [rows, columns] = [0, 1].map(|axis| {
        let (length, of_output) = ([input.height, input.width][axis], [output.height, output.width][axis]);
        Axis { window, axis, length, of_output }
    });
    let all = (0..window.stride[0]).flat_map(|row| (0..window.stride[1]).map(move |column| [row, column]));
    let all: Vec<_> = all.filter(|[row, column]| *row < input.height && *column < input.width).collect();
    let is_reached = |[row, column]: &[usize; 2]| rows.is_reached(*row) && columns.is_reached(*column);
    let phases: Vec<_> = all.iter().copied().filter(is_reached).collect();
    // Groups have their own order of channels.
    let together = if groups > 1 { 1 } else { (lanes() / input.channels).clamp(1, phases.len().max(1)) };
    let part = |phases: &[[usize; 2]]| {
        let (of_rows, of_columns) =
            (phases.iter().map(|phase| phase[0]), phases.iter().map(|phase| phase[1]));
        let [down, across] = [rows.offsets(of_rows), columns.offsets(of_columns)];
        let [height, width] = [rows.cells(), columns.cells()];
        let window = Window {
            padding: [down.before, across.before],
            padding_after: [down.after, across.after],
            ..Window::new([down.count, across.count], [1, 1], [0, 0])
        };
        let mut all: Vec<f32> = vec![];
        for [row, column] in phases {
            let mut taps = vec![];
            for y in down.all() {
                for x in across.all() {
                    let place = rows.place(*row, y).zip(columns.place(*column, x));
                    taps.push(place.map(|(y, x)| y * rows.window.kernel[1] + x));
                }
            }
            let places = rows.window.kernel[0] * rows.window.kernel[1];
            all.extend(exchanged(kernel, groups, [input, output], places, &taps));
        }
        let shape = Shape { channels: input.channels * phases.len(), height, width };
        Part {
            phases: phases.to_vec(),
            kernel: Kernel::new(&all, None, (window, groups), output, shape),
            shape,
        }
    };
    let parts = phases.chunks(together).map(part).collect();
    Phased { stride: window.stride, parts, has_gaps: phases.len() < all.len() }
}

/// An axis of a convolution's reverse.
struct Axis {
    window: Window,
    axis: usize,
    /// Of what the convolution read.
    length: usize,
    /// Of what came out.
    of_output: usize,
}

/// The cells of the gradient that a cell of a phase reads, as offsets from its own number, and how far they reach over the ends.
struct Offsets {
    before: usize,
    after: usize,
    count: usize,
}

impl Offsets {
    fn all(&self) -> impl Iterator<Item = isize> + use<> {
        let before = self.before as isize;
        -before..self.count as isize - before
    }
}

impl Axis {
    /// The cells of the longest phase.
    fn cells(&self) -> usize {
        self.length.div_ceil(self.window.stride[self.axis])
    }

    /// The place of the kernel that brings the gradient's cell at an offset to a phase.
    fn place(&self, phase: usize, offset: isize) -> Option<usize> {
        let Self { window, axis, .. } = *self;
        let from = (phase + window.padding[axis]) as isize - offset * window.stride[axis] as isize;
        let from = usize::try_from(from).ok().filter(|from| from % window.dilation[axis] == 0)?;
        Some(from / window.dilation[axis]).filter(|place| *place < window.kernel[axis])
    }

    /// The offsets at which a phase may have a place.
    fn range(&self, phase: usize) -> RangeInclusive<isize> {
        let Self { window, axis, .. } = *self;
        let (from, stride) = ((phase + window.padding[axis]) as isize, window.stride[axis] as isize);
        (from + 1 - window.extent(axis) as isize).div_euclid(stride)..=from.div_euclid(stride)
    }

    fn is_reached(&self, phase: usize) -> bool {
        self.range(phase).any(|offset| self.place(phase, offset).is_some())
    }

    /// Those of all these phases; among them the cell itself, and as many as the gradient is longer.
    fn offsets(&self, phases: impl Iterator<Item = usize> + Clone) -> Offsets {
        let used = || {
            let of_phase =
                |phase| self.range(phase).filter(move |offset| self.place(phase, *offset).is_some());
            phases.clone().flat_map(of_phase)
        };
        let spare = self.of_output as isize - self.cells() as isize;
        let first = used().min().unwrap_or(0).min(0);
        let last = used().max().unwrap_or(0).max(spare);
        Offsets {
            before: first.unsigned_abs(),
            after: (last - spare).unsigned_abs(),
            count: (last - first + 1).unsigned_abs(),
        }
    }
}

/// A kernel with input and output channels exchanged, `[inputs, output channels of a group, taps]`: of each filter the places that
/// `taps` names, and zeros.
fn exchanged(
    kernel: &[f32],
    groups: usize,
    [input, output]: [Shape; 2],
    places: usize,
    taps: &[Option<usize>],
) -> Vec<f32> {
    let (of_group, outputs) = (input.channels / groups, output.channels / groups);
    let mut exchanged = Vec::with_capacity(input.channels * outputs * taps.len());
    for channel in 0..input.channels {
        let (group, channel) = (channel / of_group, channel % of_group);
        for out in group * outputs..(group + 1) * outputs {
            let filter = &kernel[(out * of_group + channel) * places..][..places];
            exchanged.extend(taps.iter().map(|tap| tap.map_or(0.0, |place| filter[place])));
        }
    }
    exchanged
}
