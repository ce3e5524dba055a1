//! How alike the cells of a layer, or of several, are to one of them: the cosine of their vectors. Pure, any thread.

use super::hypercolumn::enlarge;
use super::{LayerOutput, hypercolumn};
use crate::model::Shape;

/// How alike the cells of a grid are to one vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Likeness {
    /// Cosines of each cell with the vector, from −1 to 1, in rows; 0 where one of the two is zero in all its values, and so has
    /// no direction.
    pub cosines: Vec<f32>,
    /// Whether the cell and the vector have a direction.
    pub has_direction: Vec<bool>,
}

/// The grid on which layers are compared, rows and columns: the finest of them.
pub fn grid(shapes: impl Iterator<Item = Shape> + Clone) -> [usize; 2] {
    let longest = |side: fn(Shape) -> usize| shapes.clone().map(side).max().unwrap_or(1);
    [longest(|shape| shape.height), longest(|shape| shape.width)]
}

/// The vector of one cell (row, column) of a grid: all channels of all layers, those of other sizes between their cells.
pub fn vector(outputs: &[LayerOutput], [height, width]: [usize; 2], [row, column]: [usize; 2]) -> Vec<f32> {
    hypercolumn::vector(outputs, (height, width), [column, row])
}

impl Likeness {
    /// Of each cell of a grid (rows, columns) to this vector, which has one value for each channel of each layer. Sums are in f64;
    /// what is not finite makes NaN. Twin of `accumulate_products` and `cosines` in hypercolumn.wgsl.
    pub fn of(outputs: &[LayerOutput], [height, width]: [usize; 2], to: &[f32]) -> Self {
        let cells = height * width;
        let (mut products, mut squares) = (vec![0.0_f64; cells], vec![0.0_f64; cells]);
        let mut parts = to.iter();
        for output in outputs {
            let Shape { channels, height: rows, width: columns } = output.shape;
            for (channel, &part) in (0..channels).zip(parts.by_ref()) {
                let values = enlarge(output.channel(channel), rows, columns, height, width);
                for (cell, value) in values.into_iter().map(f64::from).enumerate() {
                    products[cell] += value * f64::from(part);
                    squares[cell] += value * value;
                }
            }
        }
        let own: f64 = to.iter().map(|&part| f64::from(part).powi(2)).sum();
        let has_direction: Vec<bool> = squares.iter().map(|&square| square != 0.0 && own != 0.0).collect();
        let cosine = |cell: usize| match has_direction[cell] {
            true => (products[cell] / (squares[cell].sqrt() * own.sqrt())).clamp(-1.0, 1.0) as f32,
            false => 0.0,
        };
        Self { cosines: (0..cells).map(cosine).collect(), has_direction }
    }

    /// How many cells have no direction; all of them, where the vector has none.
    pub fn without_direction(&self) -> usize {
        self.has_direction.iter().filter(|has| !**has).count()
    }

    /// The cell (row, column) that is most alike; of the vector's own picture, one that is no neighbour of its cell, as those see
    /// nearly the same pixels. `None` where no cell is left, or none has a direction.
    pub fn most_alike(&self, width: usize, own: Option<[usize; 2]>) -> Option<([usize; 2], f32)> {
        let is_far = |[row, column]: [usize; 2]| {
            own.is_none_or(|[own_row, own_column]| {
                row.abs_diff(own_row) > 1 || column.abs_diff(own_column) > 1
            })
        };
        let all = self.cosines.iter().zip(&self.has_direction).enumerate();
        let all = all.filter(|(_, (cosine, has))| **has && cosine.is_finite());
        let all = all.map(|(cell, (cosine, _))| ([cell / width, cell % width], *cosine));
        // The first of several equal ones.
        all.filter(|(place, _)| is_far(*place)).reduce(|best, next| if next.1 > best.1 { next } else { best })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(value: &serde_json::Value) -> Vec<f32> {
        value.as_array().unwrap().iter().map(|one| one.as_f64().unwrap() as f32).collect()
    }

    /// scripts/make_cells.py: NumPy's cosines.
    #[test]
    fn cosines_are_numpys_and_cells_of_zeros_have_none() {
        let text = include_str!("../../tests/data/cells.json");
        let all: serde_json::Value = serde_json::from_str(text).unwrap();
        let case = &all["likeness"];
        let side = |place: usize| case["shape"][place].as_u64().unwrap() as usize;
        let shape = Shape { channels: side(0), height: side(1), width: side(2) };
        let output = |name: &str| [LayerOutput { layer: 0, shape, values: numbers(&case[name]) }];
        let (maps, other) = (output("maps"), output("other"));
        let cell = [0, 1].map(|place| case["cell"][place].as_u64().unwrap() as usize);
        let grid = grid(std::iter::once(shape));
        for (of, expected) in [(&maps, "own"), (&other, "with_other")] {
            let found = Likeness::of(&maps, grid, &vector(of, grid, cell));
            for (found, expected) in found.cosines.iter().zip(numbers(&case[expected])) {
                assert!((found - expected).abs() < 1e-6, "{found} {expected}");
            }
            assert_eq!(found.without_direction(), 1);
            assert!(!found.has_direction[3] && found.cosines[3] == 0.0);
        }
        let nothing = Likeness::of(&maps, grid, &vec![0.0; shape.channels]);
        assert_eq!((nothing.without_direction(), nothing.most_alike(4, None)), (12, None));
    }

    #[test]
    fn layers_of_other_sizes_are_one_vector() {
        let output = |channels, height, width| {
            let shape = Shape { channels, height, width };
            let values = (0..shape.len()).map(|i| ((i * i * 31 + 7) % 19) as f32 - 5.0).collect();
            LayerOutput { layer: 0, shape, values }
        };
        let outputs = [output(3, 4, 6), output(2, 2, 3)];
        let grid = grid(outputs.iter().map(|output| output.shape));
        assert_eq!(grid, [4, 6]);
        let own = vector(&outputs, grid, [2, 5]);
        assert_eq!(own.len(), 5);
        let found = Likeness::of(&outputs, grid, &own);
        assert!((found.cosines[2 * 6 + 5] - 1.0).abs() < 1e-6);
        for (cell, cosine) in found.cosines.iter().enumerate() {
            let other = vector(&outputs, grid, [cell / 6, cell % 6]);
            let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            let expected = product(&own, &other) / (product(&own, &own) * product(&other, &other)).sqrt();
            assert!((cosine - expected).abs() < 1e-5);
        }
        // A neighbour does not count as the most alike, and the first of equals does.
        let told = Likeness { cosines: vec![1.0, 0.9, 0.2, 0.8, 0.1, 0.8], has_direction: vec![true; 6] };
        assert_eq!(told.most_alike(6, Some([0, 0])), Some(([0, 3], 0.8)));
        assert_eq!(told.most_alike(6, None), Some(([0, 0], 1.0)));
    }
}
