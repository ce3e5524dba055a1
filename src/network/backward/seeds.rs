//! Where a way back begins: the derivative of a unit with respect to its own layer.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::model::{Place, Shape, Unit};

/// The weight of each value of the unit's layer in the unit, `[1, channels, height, width]`; `values` are the layer's, needed
/// where the unit is its channel's strongest cell or the largest value of the layer.
pub fn seed(unit: &Unit, shape: Shape, values: Option<&Tensor<4>>, device: &Device) -> Tensor<4> {
    let cells = shape.height * shape.width;
    let cell = match unit.place {
        Place::Cell(row, column) => Some(row * shape.width + column),
        Place::Top => None,
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
        (None, Place::Top, Some(values)) => {
            return top(values.clone(), sides, device).mul_scalar(unit.weight);
        }
        (None, Place::Top, None) => {}
        _ => channel.fill(unit.weight / cells as f32),
    }
    Tensor::from_data(TensorData::new(weights, sides), device)
}

/// 1 at the largest of all values, 0 at all others, in a shape of these sides. The place stays on the device.
fn top(values: Tensor<4>, sides: [usize; 4], device: &Device) -> Tensor<4> {
    let count = sides.iter().product();
    one_hot(values.reshape([1, 1, 1, count]), count, device).reshape(sides)
}

/// 1 at the largest of so many values in a row, 0 at all others.
fn one_hot(values: Tensor<4>, count: usize, device: &Device) -> Tensor<4> {
    let at: Tensor<4, Int> = values.argmax(3);
    let all: Vec<i32> = (0..count as i32).collect();
    let all = Tensor::<4, Int>::from_data(TensorData::new(all, [1, 1, 1, count]), device);
    all.equal(at.expand([1, 1, 1, count])).float()
}

/// 1 at the strongest cell of a channel, 0 at all others, `[1, 1, height, width]`. The cell stays on the device.
fn strongest(values: Tensor<4>, channel: usize, shape: Shape, device: &Device) -> Tensor<4> {
    let cells = shape.height * shape.width;
    let plane = values.narrow(1, channel, 1).reshape([1, 1, 1, cells]);
    one_hot(plane, cells, device).reshape([1, 1, shape.height, shape.width])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_can_be_whatever_is_largest() {
        let device = Device::flex();
        let shape = Shape { channels: 3, height: 1, width: 2 };
        let values = Tensor::<4>::from_data(
            TensorData::new(vec![0.0f32, 2.0, -9.0, 5.0, 4.0, 1.0], [1, 3, 1, 2]),
            &device,
        );
        let of = |place, channel| {
            let unit = Unit { weight: -2.0, ..Unit::new(0, channel, place) };
            crate::network::cpu::values(seed(&unit, shape, Some(&values), &device)).unwrap()
        };
        assert_eq!(of(Place::Top, 0), [0.0, 0.0, 0.0, -2.0, 0.0, 0.0]);
        assert_eq!(of(Place::Strongest, 0), [0.0, -2.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(of(Place::Mean, 2), [0.0, 0.0, 0.0, 0.0, -1.0, -1.0]);
        assert_eq!(of(Place::Cell(0, 1), 2), [0.0, 0.0, 0.0, 0.0, 0.0, -2.0]);
    }
}
