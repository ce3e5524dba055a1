//! Maps of another size that are sums of the old ones, row by row and column by column: products with two
//! matrices.

use super::assembly::Assembly;
use super::tensor::transposed;
use super::values::{Site, Stop, Value, Wanted};
use super::windows::check_layout;
use crate::model::{Arithmetic, AvgPool, Axis, Op, Reduction, Window};
use crate::weights::file::ReadError;
use crate::weights::parameters::LayerWeights;

/// Values of one matrix: 4096 rows of 1024.
const MOST_VALUES: usize = 1 << 22;

/// Places of an adaptive maximum, each of which takes two nodes.
const MOST_PLACES: usize = 32;

/// TensorFlow keeps bicubic weights for so many places between two cells.
const TABLE: f64 = 1024.0;

/// How cells between others are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernel {
    /// Between two, by their distance.
    Linear,
    /// Of four, by a cubic function: Keys, 1981.
    Cubic,
}

impl Kernel {
    fn reach(self) -> f64 {
        match self {
            Self::Linear => 1.0,
            Self::Cubic => 2.0,
        }
    }

    fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Self::Linear => (1.0 - x).max(0.0),
            Self::Cubic if x <= 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Cubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::Cubic => 0.0,
        }
    }
}

impl Assembly<'_, '_, '_> {
    /// Resizing by a kernel; where maps shrink, `antialias` widens it.
    pub fn resample(
        &mut self,
        site: &Site<'_, '_>,
        part: &str,
        input: &Value,
        size: [usize; 2],
        (kernel, antialias): (Kernel, bool),
    ) -> Result<Value, Stop> {
        let shape = self.builder.shape(input.node);
        let matrix = |old: usize, new: usize| {
            let step = old as f64 / new as f64;
            let wide = if antialias { step.max(1.0) } else { 1.0 };
            rows(old, new, |row, matrix| {
                let mut center = (row as f64 + 0.5) * step - 0.5;
                if !antialias {
                    center = center.floor() + ((center - center.floor()) * TABLE).round() / TABLE;
                }
                let reach = kernel.reach() * wide;
                let last = ((center + reach).floor().max(0.0) as usize).min(old - 1);
                let first = ((center - reach).ceil().max(0.0) as usize).min(last);
                for (column, weight) in (first..).zip(&mut matrix[first..=last]) {
                    *weight = kernel.weight((column as f64 - center) / wide);
                }
            })
        };
        self.product(site, part, input, [matrix(shape.height, size[0])?, matrix(shape.width, size[1])?], size)
    }

    /// `AdaptiveAveragePooling2D` and `AdaptiveMaxPooling2D`: windows that overlap or not, as it comes.
    pub fn adaptive_pool(&mut self, site: &Site<'_, '_>) -> Result<Value, Stop> {
        let (input, fields) = (site.one()?, site.layer.fields());
        check_layout(self, site, input)?;
        let size = fields.pair("output_size")?.ok_or_else(|| fields.wrong("output_size"))?;
        let shape = self.builder.shape(input.node);
        let old = [shape.height, shape.width];
        if size.contains(&0) {
            return Err(Stop::Wrong(fields.wrong("output_size")));
        }
        let is_max = site.layer.class.contains("Max");
        if old[0].is_multiple_of(size[0]) && old[1].is_multiple_of(size[1]) {
            let step = [old[0] / size[0], old[1] / size[1]];
            let window = Window::new(step, step, [0, 0]);
            let op = if is_max { Op::MaxPool(window) } else { Op::AvgPool(window, AvgPool::Exclude) };
            return self.push(site, "", &[input], Wanted::new(op));
        }
        if is_max {
            return self.adaptive_max(site, input, old, size);
        }
        let matrix = |axis: usize| {
            rows(old[axis], size[axis], |row, matrix| {
                let (start, end) = place(old[axis], size[axis], row);
                matrix[start..end].fill(1.0);
            })
        };
        self.product(site, "", input, [matrix(0)?, matrix(1)?], size)
    }

    fn adaptive_max(
        &mut self,
        site: &Site<'_, '_>,
        input: &Value,
        old: [usize; 2],
        size: [usize; 2],
    ) -> Result<Value, Stop> {
        if size[0].saturating_add(size[1]) > MOST_PLACES {
            return Err(Stop::Unknown("takes the largest of too many uneven windows".into()));
        }
        let mut value = input.clone();
        for (axis, name, part) in [(Axis::Height, "row", "rows"), (Axis::Width, "column", "")] {
            let index = axis.place() - 1;
            let mut parts = vec![];
            for number in 0..size[index] {
                let (start, end) = place(old[index], size[index], number);
                let cut = Op::Slice(axis, start, 1, end - start);
                let cut = self.push(site, &format!("{name} {number}"), &[&value], Wanted::new(cut))?;
                let over = [false, axis == Axis::Height, axis == Axis::Width];
                let largest = Wanted::new(Op::Reduce(Reduction::Max, over));
                parts.push(self.push(site, &format!("{name} {number} max"), &[&cut], largest)?);
            }
            let parts: Vec<&Value> = parts.iter().collect();
            value = self.push(site, part, &parts, Wanted::new(Op::Concat(axis)))?;
        }
        Ok(value)
    }

    /// Rows and columns of maps multiplied by matrices.
    fn product(
        &mut self,
        site: &Site<'_, '_>,
        part: &str,
        input: &Value,
        [rows, columns]: [Vec<f32>; 2],
        size: [usize; 2],
    ) -> Result<Value, Stop> {
        let shape = self.builder.shape(input.node);
        let columns = transposed(&columns, size[1], shape.width);
        let named = |own: &str| if part.is_empty() { own.to_string() } else { format!("{part}/{own}") };
        let above = self.matrix(site, &named("rows"), [size[0], shape.height], rows)?;
        let sides = self.map_sides(shape.channels, [size[0], shape.width]);
        let wanted = Wanted { sides: Some(sides), ..Wanted::new(Op::MatMul) };
        let value = self.push(site, &named("by rows"), &[&above, input], wanted)?;
        let beside = self.matrix(site, &named("columns"), [shape.width, size[1]], columns)?;
        let sides = self.map_sides(shape.channels, size);
        self.push(site, part, &[&value, &beside], Wanted { sides: Some(sides), ..Wanted::new(Op::MatMul) })
    }

    fn matrix(
        &mut self,
        site: &Site<'_, '_>,
        part: &str,
        size: [usize; 2],
        values: Vec<f32>,
    ) -> Result<Value, Stop> {
        let sides = self.map_sides(1, size);
        let shape = crate::model::Shape { channels: 1, height: size[0], width: size[1] };
        let weights = Some(LayerWeights::Constant { shape, values });
        self.push(site, part, &[], Wanted { sides: Some(sides), weights, ..Wanted::new(Op::Constant) })
    }

    /// A layer of Keras' InceptionResNetV2: the first, and so much of the second.
    pub fn residual(&mut self, site: &Site<'_, '_>, scale: f64) -> Result<Value, Stop> {
        let [first, second] = site.inputs else {
            return Err(Stop::Unknown("adds other than two values".into()));
        };
        let scale = super::config::Array::scalar(scale);
        let scaled = self.with_constant(site, "scaled", second, (Arithmetic::Mul, false), &scale)?;
        self.arithmetic(site, &[first, &scaled], Arithmetic::Add)
    }
}

/// Where a place of adaptive pooling begins and ends.
fn place(old: usize, new: usize, place: usize) -> (usize, usize) {
    (place * old / new, ((place + 1) * old).div_ceil(new))
}

/// A matrix of so many new rows by old columns, each row of which adds up to 1.
fn rows(old: usize, new: usize, mut fill: impl FnMut(usize, &mut [f64])) -> Result<Vec<f32>, ReadError> {
    if old.checked_mul(new).is_none_or(|count| count > MOST_VALUES) {
        return Err(ReadError(format!(
            "it makes {new} cells of {old}, which are too many; check what file this is"
        )));
    }
    let mut matrix = vec![0.0; old * new];
    for (number, row) in matrix.chunks_exact_mut(old.max(1)).enumerate() {
        fill(number, row);
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|value| *value /= sum);
    }
    Ok(matrix.into_iter().map(|value| value as f32).collect())
}
