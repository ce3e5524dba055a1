//! Channels that are changed while a network runs, as soon as their layer is computed.

use burn::tensor::{Tensor, TensorData};

use super::blocked::blocked_len;
use super::cpu::Host;
use super::maps::Value;
use super::vectors::lanes;
use crate::model::{Change, Edit, LayerIndex};

/// A layer's value with its changed channels; `host` is there on the CPU.
pub fn edited(x: Value, layer: LayerIndex, edits: &[Edit], host: Option<&mut Host>) -> Value {
    let channels = x.shape().channels;
    let own = edits.iter().filter(|edit| edit.layer == layer && edit.channel < channels);
    changed(x, &own.map(|edit| (edit.channel, edit.change)).collect::<Vec<_>>(), host)
}

/// The gradient in front of the changes, from that behind them.
pub fn through_edits(g: Value, layer: LayerIndex, edits: &[Edit], host: Option<&mut Host>) -> Value {
    let slopes = edits.iter().map(|edit| match edit.change.slope() {
        0.0 => Edit { change: Change::Set(0.0), ..*edit },
        slope => Edit { change: Change::Times(slope), ..*edit },
    });
    edited(g, layer, &slopes.collect::<Vec<_>>(), host)
}

/// The values in front of the changes, as far as anything goes back through them: what was set to a value stays that.
pub fn before_edits(x: Value, layer: LayerIndex, edits: &[Edit], host: Option<&mut Host>) -> Value {
    let undone = edits.iter().rev().filter_map(|edit| match edit.change {
        Change::Times(factor) if factor != 0.0 => Some(Edit { change: Change::Times(1.0 / factor), ..*edit }),
        _ => None,
    });
    edited(x, layer, &undone.collect::<Vec<_>>(), host)
}

fn changed(x: Value, changes: &[(usize, Change)], host: Option<&mut Host>) -> Value {
    if changes.is_empty() {
        return x;
    }
    let shape = x.shape();
    let cells = shape.height * shape.width;
    match (x, host) {
        (Value::Blocked(maps), Some(host)) => {
            let (lanes, len) = (lanes(), blocked_len(shape));
            let maps = host.change_maps(maps, |values| {
                for image in values.chunks_exact_mut(len) {
                    for &(channel, change) in changes {
                        let block = &mut image[channel / lanes * lanes * cells..][..lanes * cells];
                        let values = block.iter_mut().skip(channel % lanes).step_by(lanes);
                        values.for_each(|value| *value = change.of(*value));
                    }
                }
            });
            maps.into()
        }
        (Value::Tensor(tensor), Some(host)) => {
            let tensor = host.change(tensor, |values| {
                for image in values.chunks_exact_mut(shape.len()) {
                    for &(channel, change) in changes {
                        let plane = &mut image[channel * cells..][..cells];
                        plane.iter_mut().for_each(|value| *value = change.of(*value));
                    }
                }
            });
            tensor.into()
        }
        (x, _) => on_device(x.into_tensor(), changes).into(),
    }
}

/// The same on any device.
fn on_device(x: Tensor<4>, changes: &[(usize, Change)]) -> Tensor<4> {
    let channels = x.dims()[1];
    // What a value is multiplied by, and what it is set to: NaN for nothing.
    let (mut factors, mut values) = (vec![1.0f32; channels], vec![f32::NAN; channels]);
    for &(channel, change) in changes {
        match change {
            Change::Set(to) => (factors[channel], values[channel]) = (1.0, to),
            Change::Times(factor) => {
                factors[channel] *= factor;
                values[channel] *= factor;
            }
        }
    }
    let device = x.device();
    let sides = [1, channels, 1, 1];
    let is_set: Vec<bool> = values.iter().map(|value| !value.is_nan()).collect();
    values.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = 0.0);
    let of_channels =
        |numbers: Vec<f32>| Tensor::<4>::from_data(TensorData::new(numbers, sides), &device).cast(x.dtype());
    let mask = Tensor::<4, burn::tensor::Bool>::from_data(TensorData::new(is_set.clone(), sides), &device);
    let scaled = x.clone().mul(of_channels(factors));
    match is_set.contains(&true) {
        true => {
            let all = x.dims();
            scaled.mask_where(mask.expand(all), of_channels(values).expand(all))
        }
        false => scaled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn channels_are_changed_alike_in_blocks_in_planes_and_by_burn() {
        let (channels, cells) = (19, 6);
        let values: Vec<f32> = (0..2 * channels * cells).map(|at| at as f32 - 40.0).collect();
        let tensor = || {
            let data = TensorData::new(values.clone(), [2, channels, 2, 3]);
            Tensor::<4>::from_data(data, &Device::flex())
        };
        let edits = [
            Edit { layer: 7, channel: 0, change: Change::Set(0.0) },
            Edit { layer: 7, channel: 17, change: Change::Times(2.0) },
            Edit { layer: 7, channel: 18, change: Change::Set(3.5) },
            Edit { layer: 8, channel: 2, change: Change::Set(9.0) },
        ];
        let expected: Vec<f32> = values
            .iter()
            .enumerate()
            .map(|(at, value)| match at / cells % channels {
                0 => 0.0,
                17 => value * 2.0,
                18 => 3.5,
                _ => *value,
            })
            .collect();
        let mut host = Host::default();
        let blocked = host.blocked(tensor().into());
        let all = [
            edited(blocked.into(), 7, &edits, Some(&mut host)),
            edited(tensor().into(), 7, &edits, Some(&mut host)),
            edited(tensor().into(), 7, &edits, None),
        ];
        for value in all {
            assert_eq!(value.into_tensor().into_data().try_into_vec::<f32>().unwrap(), expected);
        }
    }
}
