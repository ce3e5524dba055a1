//! Where a way back begins: the derivative of a unit with respect to its own layer.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::model::{Place, Shape, Unit};

/// The weight of each value of the unit's layer in the unit, `[1, channels, height, width]`; `values` are the layer's, needed
/// where the unit is its channel's strongest cell.
pub fn seed(unit: &Unit, shape: Shape, values: Option<&Tensor<4>>, device: &Device) -> Tensor<4> {
    let cells = shape.height * shape.width;
    let cell = match unit.place {
        Place::Cell(row, column) => Some(row * shape.width + column),
        Place::Strongest if cells > 1 => None,
        Place::Strongest | Place::Mean => Some(0).filter(|_| cells == 1),
    };
    let sides = [1, shape.channels, shape.height, shape.width];
    let mut weights = vec![0.0; shape.len()];
    let channel = &mut weights[unit.channel * cells..][..cells];
    match (cell, unit.place, values) {
        (Some(cell), ..) => channel[cell.min(cells - 1)] = unit.weight,
        (None, Place::Strongest, Some(values)) => {
            channel.fill(unit.weight);
            let all = Tensor::<4>::from_data(TensorData::new(weights, sides), device);
            return all.mul(strongest(values.clone(), unit.channel, shape, device));
        }
        _ => channel.fill(unit.weight / cells as f32),
    }
    Tensor::from_data(TensorData::new(weights, sides), device)
}

/// 1 at the strongest cell of a channel, 0 at all others, `[1, 1, height, width]`. The cell stays on the device.
fn strongest(values: Tensor<4>, channel: usize, shape: Shape, device: &Device) -> Tensor<4> {
    let cells = shape.height * shape.width;
    let plane = values.narrow(1, channel, 1).reshape([1, 1, 1, cells]);
    let at: Tensor<4, Int> = plane.argmax(3);
    let all: Vec<i32> = (0..cells as i32).collect();
    let all = Tensor::<4, Int>::from_data(TensorData::new(all, [1, 1, 1, cells]), device);
    all.equal(at.expand([1, 1, 1, cells])).float().reshape([1, 1, shape.height, shape.width])
}
