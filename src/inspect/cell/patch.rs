//! Which cells of its input a cell is made of, and their values.

use crate::model::{Op, Shape};

/// The cells that a kernel lies on, place by place, row by row; `None` where that is padding. Of a transposed
/// convolution: where no cell is spread to. A layer without a window reads the cell itself.
pub fn places(op: &Op, cell: [usize; 2], input: Shape) -> Vec<Option<[usize; 2]>> {
    let Some(window) = op.window() else { return vec![Some(cell)] };
    let sides = [input.height, input.width];
    let along = |axis: usize, place: usize| -> Option<usize> {
        let (stride, padding) = (window.stride[axis].max(1), window.padding[axis]);
        let gap = place * window.dilation[axis];
        let at = match op {
            Op::ConvTranspose(..) => {
                let spread = (cell[axis] + padding).checked_sub(gap)?;
                (spread % stride == 0).then_some(spread / stride)?
            }
            _ => (cell[axis] * stride + gap).checked_sub(padding)?,
        };
        (at < sides[axis]).then_some(at)
    };
    let [height, width] = window.kernel;
    let place = |at: usize| Some([along(0, at / width)?, along(1, at % width)?]);
    (0..height * width).map(place).collect()
}

/// A part of a layer's maps, all channels of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// Row and column of its first cell in the layer.
    pub origin: [usize; 2],
    /// All of the layer's.
    pub channels: usize,
    /// Height and width.
    pub size: [usize; 2],
    /// In channel, row, column order.
    pub values: Vec<f32>,
}

impl Patch {
    /// The least that holds these places: first row and column, height and width. One cell where there are none.
    pub fn around(places: &[Option<[usize; 2]>]) -> ([usize; 2], [usize; 2]) {
        let ends = |axis: usize| {
            let all = || places.iter().flatten().map(|place| place[axis]);
            let first = all().min().unwrap_or(0);
            (first, all().max().unwrap_or(0) - first + 1)
        };
        let ([rows, columns], place) = ([ends(0), ends(1)], |(first, _): (usize, usize)| first);
        ([place(rows), place(columns)], [rows.1, columns.1])
    }

    /// Cut out of whole maps.
    pub fn cut(values: &[f32], shape: Shape, origin: [usize; 2], size: [usize; 2]) -> Self {
        let mut cut = Vec::with_capacity(shape.channels * size[0] * size[1]);
        for channel in 0..shape.channels {
            for row in origin[0]..origin[0] + size[0] {
                let first = (channel * shape.height + row) * shape.width + origin[1];
                cut.extend_from_slice(&values[first..first + size[1]]);
            }
        }
        Self { origin, channels: shape.channels, size, values: cut }
    }

    pub(super) fn holds(&self, place: [usize; 2]) -> bool {
        let holds =
            |axis: usize| (self.origin[axis]..self.origin[axis] + self.size[axis]).contains(&place[axis]);
        holds(0) && holds(1) && self.values.len() == self.channels * self.size[0] * self.size[1]
    }

    pub(super) fn at(&self, channel: usize, [row, column]: [usize; 2]) -> f32 {
        let row = channel * self.size[0] + row - self.origin[0];
        self.values[row * self.size[1] + column - self.origin[1]]
    }
}
