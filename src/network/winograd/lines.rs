//! A picture as rows that are computed together in groups, and back.

use std::ops::Range;

use crate::model::{Shape, Window};

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
    /// Cells of a row with all padding. As many are computed, so that all cells of a group have their neighbours at the
    /// same distance; the last of each row mean nothing.
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
        let values = (row(groups.end) - row(groups.start)) * width;
        planes.iter_mut().filter_map(|plane| plane.split_off_mut(..values)).collect()
    }
}

/// Copies the `row`-th row that each of the groups reads, with padding, one after the other: what is read together then
/// lies together.
pub fn spread(plane: &[f32], lines: Lines, groups: Range<usize>, row: usize, to: &mut [f32]) {
    let ([height, width], [above, before]) = (lines.input, lines.padding);
    for (group, to) in groups.zip(to.chunks_exact_mut(lines.pitch)) {
        let row = (group * lines.rows + row).wrapping_sub(above);
        if row < height {
            to[..before].fill(0.0);
            to[before..before + width].copy_from_slice(&plane[row * width..][..width]);
            to[before + width..].fill(0.0);
        } else {
            to.fill(0.0);
        }
    }
}

/// Writes some `cells` of each of a group's `rows` to where they belong in a plane, or in the part of it that begins with
/// the first group.
pub fn scatter<'a>(
    rows: impl Iterator<Item = &'a [f32]>,
    lines: Lines,
    cells: Range<usize>,
    plane: &mut [f32],
) {
    let [height, width] = lines.output;
    for (phase, from) in rows.enumerate() {
        let mut at = cells.start;
        while at < cells.end {
            let (group, column) = (at / lines.pitch, at % lines.pitch);
            let from = &from[at - cells.start..];
            at = (at - column + lines.pitch).min(cells.end);
            let row = group * lines.rows + phase;
            let columns = column..(column + from.len()).min(width);
            // Padding, and rows behind the last one.
            if columns.is_empty() || row >= height {
                continue;
            }
            let from = &from[..columns.len()];
            if lines.is_turned {
                let to = plane[column * height + row..].iter_mut().step_by(height);
                to.zip(from).for_each(|(to, from)| *to = *from);
            } else if let Some(to) = plane.get_mut(row * width + columns.start..row * width + columns.end) {
                to.copy_from_slice(from);
            }
        }
    }
}
