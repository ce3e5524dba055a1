//! Parameters as a device takes them: batch normalisation folded in, or as scale and shift.

use burn::tensor::{Device, FloatDType, Tensor, TensorData};

use super::conv::Kernel;
use super::cpu;
use crate::model::inception_v3::BATCH_NORM_EPSILON;
use crate::model::{Graph, LayerIndex, Op, Precision};
use crate::weights::{LayerWeights, Weights};

/// A layer's parameters on the device.
pub enum Prepared {
    /// `[output, input, height, width]`, and one bias a channel where batch normalisation is folded in.
    Conv(Tensor<4>, Option<Tensor<1>>),
    /// The same on the CPU.
    Packed(Kernel),
    /// Scale and shift, `[1, channels, 1, 1]` each.
    Affine(Tensor<4>, Tensor<4>),
    /// `[channels, classes]` and `[1, classes]`.
    Dense(Tensor<2>, Tensor<2>),
    /// The layer has none.
    Nothing,
}

impl Prepared {
    /// Brings the parameters of the layer `index` to the device. `norm` is the batch normalisation that is to be folded
    /// into it.
    pub fn new(
        graph: &Graph,
        weights: &Weights,
        index: LayerIndex,
        norm: Option<LayerIndex>,
        device: &Device,
    ) -> Self {
        let half = is_half(weights, device);
        match &weights.layers[index] {
            Some(LayerWeights::Conv { kernel }) => {
                let inputs = graph.nodes[graph.nodes[index].inputs[0]].shape.channels;
                let outputs = graph.nodes[index].shape.channels;
                let Op::Conv(window) = graph.nodes[index].op else { return Self::Nothing };
                let shape = [outputs, inputs, window.kernel[0], window.kernel[1]];
                let (kernel, bias) = match norm.and_then(|norm| weights.layers[norm].as_ref()) {
                    Some(norm) => {
                        let (scale, shift) = affine(norm);
                        let of_channel = kernel.chunks_exact(kernel.len() / outputs).zip(&scale);
                        let scaled = |(k, s): (&[f32], &f64)| -> Vec<f32> {
                            k.iter().map(|k| (f64::from(*k) * s) as f32).collect()
                        };
                        (of_channel.flat_map(scaled).collect(), Some(to_f32(&shift)))
                    }
                    None => (kernel.clone(), None),
                };
                if cpu::is_cpu(device) {
                    let shape = |index: LayerIndex| graph.nodes[index].shape;
                    let [input, output] = [shape(graph.nodes[index].inputs[0]), shape(index)];
                    return Self::Packed(Kernel::new(&kernel, bias.as_deref(), window, input, output));
                }
                let bias = bias.map(|bias| upload(bias, [outputs], half, device));
                Self::Conv(upload(kernel, shape, half, device), bias)
            }
            Some(norm @ LayerWeights::BatchNorm { .. }) => {
                let (scale, shift) = affine(norm);
                let upload = |values: &[f64]| upload(to_f32(values), [1, values.len(), 1, 1], half, device);
                Self::Affine(upload(&scale), upload(&shift))
            }
            Some(LayerWeights::Dense { weight, bias }) => {
                let (classes, channels) = (bias.len(), weight.len() / bias.len().max(1));
                let weight =
                    Tensor::<2>::from_data(TensorData::new(weight.clone(), [classes, channels]), device);
                let bias = Tensor::from_data(TensorData::new(bias.clone(), [1, classes]), device);
                Self::Dense(weight.transpose(), bias)
            }
            None => Self::Nothing,
        }
    }
}

/// True where weights and maps are f16, which they never are on the CPU.
pub fn is_half(weights: &Weights, device: &Device) -> bool {
    !cpu::is_cpu(device) && weights.conventions.precision == Precision::F16
}

/// Batch normalisation as scale and shift, in f64 because folding multiplies rounding errors.
fn affine(norm: &LayerWeights) -> (Vec<f64>, Vec<f64>) {
    let LayerWeights::BatchNorm { gamma, beta, mean, variance } = norm else { return (vec![], vec![]) };
    let scale = gamma.iter().zip(variance);
    let scale: Vec<f64> =
        scale.map(|(g, v)| f64::from(*g) / (f64::from(*v) + BATCH_NORM_EPSILON).sqrt()).collect();
    let shift = beta.iter().zip(mean).zip(&scale);
    let shift = shift.map(|((b, m), s)| f64::from(*b) - f64::from(*m) * s).collect();
    (scale, shift)
}

/// Parameters on the device.
fn upload<const D: usize>(values: Vec<f32>, shape: [usize; D], half: bool, device: &Device) -> Tensor<D> {
    let values: Tensor<D> = Tensor::from_data(TensorData::new(values, shape), device);
    if half { values.cast(FloatDType::F16) } else { values }
}

fn to_f32(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}
