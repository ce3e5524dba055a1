//! Resizing: where the cells of a map come from, along one axis.

use burn::tensor::{DType, Device, FloatDType, IndexingUpdateOp, Int, Tensor, TensorData};

use crate::model::{Coordinates, Interpolation, Op, Rounding};

/// Where each cell along an axis comes from.
pub struct Gather {
    /// The first cell, `[cells]`.
    pub first: Tensor<1, Int>,
    /// The second cell, and its part in the mean, one a cell; none for the nearest.
    pub second: Option<(Tensor<1, Int>, Vec<f32>)>,
}

impl Gather {
    /// The cells along this axis of a tensor, `[batch, channels, height, width]`.
    pub fn apply(&self, x: Tensor<4>, axis: usize) -> Tensor<4> {
        let first = x.clone().select(axis, self.first.clone());
        let Some((second, part)) = &self.second else { return first };
        let mut sides = [1; 4];
        sides[axis] = part.len();
        let part = TensorData::new(part.clone(), sides);
        let part = Tensor::<4>::from_data(part, &x.device());
        let part = if x.dtype() == DType::F32 { part } else { part.cast(FloatDType::F16) };
        let second = x.select(axis, second.clone());
        first.clone().add(second.sub(first).mul(part))
    }

    /// The reverse: each cell of `gradient` goes to the cells that it was made of, of which there are `length`.
    pub fn back(&self, gradient: Tensor<4>, axis: usize, length: usize) -> Tensor<4> {
        let device = gradient.device();
        let mut sides = gradient.dims();
        sides[axis] = length;
        let zeros = Tensor::<4>::zeros(sides, &device);
        let Some((second, part)) = &self.second else {
            return zeros.select_assign(axis, self.first.clone(), gradient, IndexingUpdateOp::Add);
        };
        let mut sides = [1; 4];
        sides[axis] = part.len();
        let part = Tensor::<4>::from_data(TensorData::new(part.clone(), sides), &device);
        let of_second = gradient.clone().mul(part);
        let of_first = gradient.sub(of_second.clone());
        let sum = zeros.select_assign(axis, self.first.clone(), of_first, IndexingUpdateOp::Add);
        sum.select_assign(axis, second.clone(), of_second, IndexingUpdateOp::Add)
    }
}

/// Where each of `to` cells along an axis comes from, of `from` cells.
pub fn gather(op: &Op, axis: usize, from: usize, to: usize, device: &Device) -> Gather {
    let Op::Resize { interpolation, coordinates, rounding, scale } = op else {
        return Gather { first: indices(vec![0; to], device), second: None };
    };
    let last = from.saturating_sub(1);
    let place = |cell: usize| {
        let cell = cell as f64;
        match coordinates {
            Coordinates::HalfPixel => (cell + 0.5) / scale[axis] - 0.5,
            Coordinates::Asymmetric => cell / scale[axis],
            Coordinates::AlignCorners if to > 1 => cell * last as f64 / (to - 1) as f64,
            Coordinates::AlignCorners => 0.0,
        }
    };
    let clamp = |cell: f64| cell.clamp(0.0, last as f64) as i32;
    match interpolation {
        Interpolation::Nearest => {
            let nearest = |cell: usize| {
                let place = place(cell);
                clamp(match rounding {
                    Rounding::Floor => place.floor(),
                    Rounding::Ceil => place.ceil(),
                    Rounding::HalfDown => (place - 0.5).ceil(),
                    Rounding::HalfUp => (place + 0.5).floor(),
                })
            };
            Gather { first: indices((0..to).map(nearest).collect(), device), second: None }
        }
        Interpolation::Linear => {
            let places: Vec<f64> = (0..to).map(|cell| place(cell).clamp(0.0, last as f64)).collect();
            let first: Vec<i32> = places.iter().map(|place| clamp(place.floor())).collect();
            let second = places.iter().map(|place| clamp(place.floor() + 1.0)).collect();
            let part = places.iter().zip(&first).map(|(place, first)| (place - f64::from(*first)) as f32);
            let part = part.collect();
            Gather { first: indices(first, device), second: Some((indices(second, device), part)) }
        }
    }
}

fn indices(cells: Vec<i32>, device: &Device) -> Tensor<1, Int> {
    let count = cells.len();
    Tensor::from_data(TensorData::new(cells, [count]), device)
}
