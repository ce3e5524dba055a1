//! The places of a square that goes over a picture, and the map that comes of it.

use crate::model::Shape;

/// Where a square is laid: every so many pixels, and flush with the far edges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    input: Shape,
    size: usize,
    rows: Vec<usize>,
    columns: Vec<usize>,
}

impl Places {
    /// A square of `size` pixels, `step` pixels apart; a larger one than the picture covers all of it.
    pub fn every(input: Shape, size: usize, step: usize) -> Self {
        let along = |length: usize| {
            let last = length.saturating_sub(size);
            let mut all: Vec<usize> = (0..last).step_by(step.max(1)).collect();
            all.push(last);
            all
        };
        Self { input, size, rows: along(input.height), columns: along(input.width) }
    }

    /// As many places in a row and in a column, evenly; fewer where there are not so many.
    pub fn evenly(input: Shape, size: usize, count: usize) -> Self {
        let along = |length: usize| {
            let last = length.saturating_sub(size);
            let count = count.clamp(1, last + 1);
            let at = |number: usize| match count {
                1 => last / 2,
                _ => (number * last + (count - 1) / 2) / (count - 1),
            };
            (0..count).map(at).collect()
        };
        Self { input, size, rows: along(input.height), columns: along(input.width) }
    }

    /// The square's side in pixels.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Rows and columns of places.
    pub fn grid(&self) -> [usize; 2] {
        [self.rows.len(), self.columns.len()]
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// The first row and column of the input that each square covers, row of places by row.
    pub fn corners(&self) -> impl Iterator<Item = [usize; 2]> {
        self.rows.iter().flat_map(|&row| self.columns.iter().map(move |&column| [row, column]))
    }

    /// The rows and columns of the input that each square covers, half-open.
    pub fn areas(&self) -> Vec<[[usize; 2]; 2]> {
        let Shape { height, width, .. } = self.input;
        let area = |[row, column]: [usize; 2]| {
            [[row, (row + self.size).min(height)], [column, (column + self.size).min(width)]]
        };
        self.corners().map(area).collect()
    }

    /// How far a score falls at each place, where some are known: at the others as at the nearest known one.
    pub fn complete(&self, falls: &[Option<f32>]) -> Vec<f32> {
        let [rows, columns] = self.grid();
        let known: Vec<_> = (0..rows * columns)
            .filter_map(|place| {
                Some((place / columns, place % columns, falls.get(place).copied().flatten()?))
            })
            .collect();
        let nearest = |place: usize| {
            let (row, column) = (place / columns, place % columns);
            let distance =
                |other: &&(usize, usize, f32)| other.0.abs_diff(row).pow(2) + other.1.abs_diff(column).pow(2);
            known.iter().min_by_key(distance).map_or(0.0, |(.., fall)| *fall)
        };
        let own = |place: usize| falls.get(place).copied().flatten();
        (0..rows * columns).map(|place| own(place).unwrap_or_else(|| nearest(place))).collect()
    }

    /// For each pixel of the input the mean fall of all squares that cover it; 0 where none does.
    pub fn map(&self, falls: &[f32]) -> Vec<f32> {
        let Shape { height, width, .. } = self.input;
        let (mut sums, mut counts) = (vec![0.0f64; height * width], vec![0u32; height * width]);
        for ([rows, columns], fall) in self.areas().into_iter().zip(falls) {
            for row in rows[0]..rows[1] {
                for at in row * width + columns[0]..row * width + columns[1] {
                    sums[at] += f64::from(*fall);
                    counts[at] += 1;
                }
            }
        }
        sums.iter().zip(&counts).map(|(sum, count)| (sum / f64::from((*count).max(1))) as f32).collect()
    }
}

/// An order of the cells of a grid in which few that lie far apart come first, then those between them.
pub fn coarse_first([rows, columns]: [usize; 2]) -> Vec<usize> {
    let mut stride = rows.max(columns).next_power_of_two().max(2) / 4;
    stride = stride.max(1);
    let mut order = Vec::with_capacity(rows * columns);
    let mut is_taken = vec![false; rows * columns];
    while stride > 0 {
        // From the middle of each part, so that edges come no sooner than others.
        for row in (stride / 2..rows).step_by(stride) {
            for column in (stride / 2..columns).step_by(stride) {
                let place = row * columns + column;
                if !std::mem::replace(&mut is_taken[place], true) {
                    order.push(place);
                }
            }
        }
        stride /= 2;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: Shape = Shape { channels: 3, height: 10, width: 7 };

    #[test]
    fn squares_lie_a_step_apart_and_end_with_the_picture() {
        let places = Places::every(INPUT, 4, 3);
        assert_eq!((places.rows.clone(), places.columns.clone()), (vec![0, 3, 6], vec![0, 3]));
        assert_eq!(places.areas()[5], [[6, 10], [3, 7]]);
        let places = Places::evenly(INPUT, 4, 20);
        assert_eq!(places.grid(), [7, 4], "no place twice");
        assert_eq!(Places::evenly(INPUT, 4, 3).rows, [0, 3, 6]);
        assert_eq!(Places::every(INPUT, 99, 3).areas(), [[[0, 10], [0, 7]]]);
    }

    #[test]
    fn a_pixel_has_the_mean_of_the_squares_over_it() {
        let places = Places::every(INPUT, 4, 3);
        let map = places.map(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!((map[0], map[3], map[3 * 7 + 3], map[69]), (1.0, 1.5, 2.5, 6.0));
        let falls = [Some(1.0), None, None, None, None, Some(7.0)];
        assert_eq!(places.complete(&falls), [1.0, 1.0, 1.0, 7.0, 7.0, 7.0]);
    }

    #[test]
    fn all_places_come_once_and_far_ones_first() {
        for grid in [[1, 1], [20, 20], [7, 3], [1, 9]] {
            let order = coarse_first(grid);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..grid[0] * grid[1]).collect::<Vec<_>>());
        }
        assert_eq!(&coarse_first([20, 20])[..3], [84, 92, 244]);
    }
}
