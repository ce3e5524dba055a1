//! A picture as rows that are computed together in groups.

use std::ops::Range;

use crate::model::{Shape, Window};
use crate::network::vectors::lanes;

/// A picture as rows that are computed together in groups: its columns, where kernels have one row.
#[derive(Clone, Copy)]
pub struct Lines {
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
    /// Cells above the input, and before it.
    padding: [usize; 2],
    /// True where columns are computed as rows.
    pub is_turned: bool,
    /// Rows of a group.
    pub rows: usize,
    /// Cells of a row with all padding.
    pub pitch: usize,
}

impl Lines {
    /// For a convolution of this window, of which so many `rows` of output are computed together.
    pub fn new(window: Window, rows: usize, input: Shape, output: Shape) -> Self {
        let is_turned = window.kernel[0] == 1;
        let turned = |[height, width]: [usize; 2]| if is_turned { [width, height] } else { [height, width] };
        let output = turned([output.height, output.width]);
        Self {
            input: turned([input.height, input.width]),
            output,
            padding: turned(window.padding),
            is_turned,
            rows,
            pitch: output[1] + turned(window.kernel)[1] - 1,
        }
    }

    /// How many groups there are.
    pub fn groups(self) -> usize {
        self.output[0].div_ceil(self.rows)
    }

    /// Splits from each plane what belongs to these groups, which are the next ones. Columns of a plane do not follow each
    /// other: of turned planes only all groups can be taken.
    pub fn take<'out>(self, groups: &Range<usize>, planes: &mut [&'out mut [f32]]) -> Vec<&'out mut [f32]> {
        let [height, width] = self.output;
        let row = |group: usize| (group * self.rows).min(height);
        let values = (row(groups.end) - row(groups.start)) * width * lanes();
        planes.iter_mut().filter_map(|plane| plane.split_off_mut(..values)).collect()
    }

    /// The cell of the input that a group reads in its `row`-th row; none in padding.
    #[inline(always)]
    pub fn cell(&self, group: usize, row: usize, across: usize) -> Option<usize> {
        let [height, width] = self.input;
        let row = (group * self.rows + row).wrapping_sub(self.padding[0]);
        let across = across.wrapping_sub(self.padding[1]);
        let cell = if self.is_turned { across * height + row } else { row * width + across };
        (row < height && across < width).then_some(cell)
    }

    /// Cells of the output from one row to the next, and along it.
    #[inline(always)]
    pub fn steps(&self) -> [usize; 2] {
        if self.is_turned { [1, self.output[0]] } else { [self.output[1], 1] }
    }
}
