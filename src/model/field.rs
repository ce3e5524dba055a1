//! Which part of the picture a cell sees: receptive fields, through every path.

use super::op::{Coordinates, Interpolation, Op, Over};
use super::shape::Shape;

/// The part of the input picture that one cell of a map depends on, per axis `[vertical, horizontal]`,
/// in pixels of the network's input. Cell `(y, x)` sees `start + stride·(y, x)` up to `+ size`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ReceptiveField {
    /// Side lengths.
    pub size: [usize; 2],
    /// Input pixels from one cell to the next; 0 where all cells see the same.
    pub stride: [f64; 2],
    /// Where the first cell's field begins; negative where it reaches into the padding.
    pub start: [isize; 2],
}

impl ReceptiveField {
    /// Of the input itself.
    pub const PIXEL: Self = Self { size: [1, 1], stride: [1.0, 1.0], start: [0, 0] };

    /// Where the field of a cell begins along an axis.
    pub fn start_of(&self, axis: usize, cell: usize) -> isize {
        self.start[axis] + (cell as f64 * self.stride[axis]).floor() as isize
    }

    /// The input pixels that a cell (row, column) depends on, as far as they lie within an input of `side`s (height, width):
    /// top, left, bottom, right; the last two are just behind it.
    pub fn seen_by(&self, cell: [usize; 2], side: [usize; 2]) -> [usize; 4] {
        let ends = |axis: usize| {
            let start = self.start_of(axis, cell[axis]);
            let clamp = |edge: isize| edge.clamp(0, side[axis] as isize) as usize;
            [clamp(start), clamp(start + self.size[axis] as isize)]
        };
        let ([top, bottom], [left, right]) = (ends(0), ends(1));
        [top, left, bottom, right]
    }

    /// Where all fields together end along an axis of so many cells.
    fn end(&self, axis: usize, cells: usize) -> isize {
        self.start_of(axis, cells.saturating_sub(1)) + self.size[axis] as isize
    }

    fn set(&mut self, axis: usize, start: isize, end: isize, stride: f64) {
        (self.start[axis], self.size[axis]) = (start, end.saturating_sub(start).max(1) as usize);
        self.stride[axis] = stride;
    }

    /// Every cell sees what all cells together saw.
    fn spread(mut self, axis: usize, cells: usize) -> Self {
        let (start, end) = (self.start[axis], self.end(axis, cells));
        self.set(axis, start, end, 0.0);
        self
    }
}

/// The field of a node by those of its inputs (with their shapes).
pub fn field(op: &Op, inputs: &[(ReceptiveField, Shape)], output: Shape) -> ReceptiveField {
    let Some((&(first, shape), others)) = inputs.split_first() else { return ReceptiveField::PIXEL };
    let sides = [shape.height, shape.width];
    let mut field = first;
    match op {
        Op::Conv(window, _) | Op::SeparableConv(window) | Op::MaxPool(window) | Op::AvgPool(window, _) => {
            for axis in 0..2 {
                let reach = (window.extent(axis) - 1) as f64 * field.stride[axis];
                field.size[axis] += reach as usize;
                field.start[axis] -= (window.padding[axis] as f64 * field.stride[axis]) as isize;
                field.stride[axis] *= window.stride[axis] as f64;
            }
        }
        Op::ConvTranspose(window, _) => {
            for axis in 0..2 {
                // An output cell is made of up to so many input cells, the first of them so far back.
                let step = window.stride[axis].max(1);
                let count = window.extent(axis).div_ceil(step);
                let back = (window.extent(axis) - 1).saturating_sub(window.padding[axis]).div_ceil(step);
                let start = field.start[axis] - (back as f64 * field.stride[axis]) as isize;
                field.size[axis] += (count as f64 * field.stride[axis]) as usize;
                field.start[axis] = start;
                field.stride[axis] /= step as f64;
            }
        }
        Op::Resize { interpolation, coordinates, scale, .. } => {
            for (axis, scale) in scale.iter().enumerate() {
                let between = usize::from(*interpolation == Interpolation::Linear);
                if *coordinates == Coordinates::HalfPixel && between == 1 && *scale > 1.0 {
                    field.start[axis] -= field.stride[axis] as isize;
                }
                field.size[axis] += (between as f64 * field.stride[axis]) as usize;
                field.stride[axis] /= scale;
            }
        }
        Op::GlobalPool(_) => {
            field = field.spread(0, sides[0]).spread(1, sides[1]);
        }
        Op::Reduce(_, axes) => {
            for axis in (0..2).filter(|&axis| axes[axis + 1]) {
                field = field.spread(axis, sides[axis]);
            }
        }
        Op::Pad(before, ..) => {
            for (axis, before) in before.iter().enumerate() {
                field.start[axis] -= (*before as f64 * field.stride[axis]) as isize;
            }
        }
        Op::Slice(axis, start, step, _) if axis.place() > 0 => {
            let axis = axis.place() - 1;
            field.start[axis] = field.start_of(axis, *start);
            field.stride[axis] *= *step as f64;
        }
        Op::Normalize(over, _) if *over != Over::Channels => {
            field = field.spread(0, sides[0]).spread(1, sides[1]);
        }
        Op::Softmax(axis) if axis.place() > 0 => {
            field = field.spread(axis.place() - 1, sides[axis.place() - 1]);
        }
        Op::Rearrange(steps) => {
            let keeps_cells = sides == [output.height, output.width]
                && steps.iter().all(|step| {
                    let rank = step.sides.len();
                    rank >= 2
                        && step.sides[rank - 2..] == sides
                        && step.order[rank - 2..] == [rank - 2, rank - 1]
                });
            if !keeps_cells && shape.height * shape.width > 1 {
                field = field.spread(0, sides[0]).spread(1, sides[1]);
            }
        }
        Op::MatMul => {
            let all =
                inputs.iter().map(|(field, shape)| field.spread(0, shape.height).spread(1, shape.width));
            return union(&all.map(|field| (field, output)).collect::<Vec<_>>(), output);
        }
        Op::Concat(_) | Op::Arithmetic(_) if !others.is_empty() => return union(inputs, output),
        _ => {}
    }
    field
}

/// What cells see that are made of cells of several maps.
fn union(inputs: &[(ReceptiveField, Shape)], output: Shape) -> ReceptiveField {
    let mut field = inputs[0].0;
    for axis in 0..2 {
        let cells = |shape: &Shape| [shape.height, shape.width][axis];
        let total = [output.height, output.width][axis];
        // One cell for all, or everything for each.
        let is_same = |(field, shape): &(ReceptiveField, Shape)| {
            field.stride[axis] == 0.0 || (cells(shape) == 1 && total > 1)
        };
        let starts = inputs.iter().map(|(field, _)| field.start[axis]);
        let start = starts.min().unwrap_or(0);
        if total > 1 && inputs.iter().any(is_same) {
            let end = inputs.iter().map(|(field, shape)| field.end(axis, cells(shape))).max().unwrap_or(0);
            field.set(axis, start, end, 0.0);
        } else {
            let ends = inputs.iter().map(|(field, _)| field.start[axis] + field.size[axis] as isize);
            field.set(axis, start, ends.max().unwrap_or(0), inputs[0].0.stride[axis]);
        }
    }
    field
}
