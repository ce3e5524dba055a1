//! Parameters as a device takes them: batch normalisation folded in, or as scale and shift.

use burn::tensor::{Device, FloatDType, Tensor, TensorData};

use super::conv::Kernel;
use super::cpu;
use super::gather::{Gather, gather};
use crate::model::{Graph, LayerIndex, Op, Precision, Shape, Window};
use crate::weights::{LayerWeights, Weights};

/// A layer's parameters on the device.
pub enum Prepared {
    /// `[output, input of a group, height, width]`, and one bias a channel.
    Conv(Tensor<4>, Option<Tensor<1>>),
    /// The same on the CPU.
    Packed(Kernel),
    /// Depthwise and pointwise kernels, and one bias a channel.
    Separable(Box<(Tensor<4>, Tensor<4>, Option<Tensor<1>>)>),
    /// The same on the CPU, with the shape between.
    PackedSeparable(Box<[Kernel; 2]>, Shape),
    /// Scale and shift, `[1, channels, 1, 1]` each.
    Affine(Tensor<4>, Tensor<4>),
    /// The same on the CPU, `[channels]` each.
    Scale(Vec<f32>, Vec<f32>),
    /// `[channels, classes]` and `[1, classes]`.
    Dense(Tensor<2>, Tensor<2>),
    /// A convolution of single cells on the CPU, which is a matrix: `[output, input]`, `[output]`.
    Matrix(Vec<f32>, Vec<f32>),
    /// `[1, channels, height, width]`, sides of 1 repeated.
    Values(Tensor<4>),
    /// Where rows and columns come from.
    Resize(Box<[Gather; 2]>),
    /// The layer has none.
    Nothing,
}

/// A convolution's parameters: kernel and bias.
type Parameters = (Vec<f32>, Option<Vec<f32>>);

impl Prepared {
    /// Brings the parameters of the layer `index` to the device. `norms` are the scales and shifts that are to be folded
    /// into it, one after the other.
    pub fn new(
        graph: &Graph,
        weights: &Weights,
        index: LayerIndex,
        norms: &[LayerIndex],
        device: &Device,
    ) -> Self {
        let node = &graph.nodes[index];
        let upload = Upload { device, half: is_half(weights, device) };
        let (is_cpu, output) = (cpu::is_cpu(device), node.shape);
        let input = node.inputs.first().map_or(output, |&input| graph.nodes[input].shape);
        match (&node.op, &weights.layers[index]) {
            (Op::Conv(window, groups), Some(LayerWeights::Conv { kernel, bias })) => {
                let (kernel, bias) = folded(kernel, bias.as_deref(), graph, weights, norms);
                let is_matrix =
                    *groups == 1 && window.kernel == [1, 1] && input.is_vector() && output.is_vector();
                if is_cpu && is_matrix {
                    let bias = bias.unwrap_or_else(|| vec![0.0; output.channels]);
                    return Self::Matrix(kernel, bias);
                }
                if is_cpu {
                    let place = (*window, *groups);
                    return Self::Packed(Kernel::new(&kernel, bias.as_deref(), place, input, output));
                }
                let shape = [output.channels, input.channels / groups, window.kernel[0], window.kernel[1]];
                upload.conv(kernel, bias, shape)
            }
            (Op::Dense, Some(LayerWeights::Dense { weight, bias })) if !output.is_vector() => {
                let (kernel, bias) = folded(weight, Some(bias), graph, weights, norms);
                let window = Window::new([1, 1], [1, 1], [0, 0]);
                match is_cpu {
                    true => Self::Packed(Kernel::new(&kernel, bias.as_deref(), (window, 1), input, output)),
                    false => upload.conv(kernel, bias, [output.channels, input.channels, 1, 1]),
                }
            }
            // Its matrix is read where it lies.
            (Op::Dense, Some(LayerWeights::Dense { .. })) if is_cpu => Self::Nothing,
            (Op::Dense, Some(LayerWeights::Dense { weight, bias })) => {
                let shape = [output.channels, input.channels];
                let weight = Tensor::<2>::from_data(TensorData::new(weight.clone(), shape), device);
                let bias = Tensor::from_data(TensorData::new(bias.clone(), [1, output.channels]), device);
                Self::Dense(weight.transpose(), bias)
            }
            (Op::ConvTranspose(window, groups), Some(LayerWeights::Conv { kernel, bias })) => {
                let [height, width] = window.kernel;
                let shape = [input.channels, output.channels / groups, height, width];
                upload.conv(kernel.clone(), bias.clone(), shape)
            }
            (Op::SeparableConv(window), Some(LayerWeights::Separable { depthwise, pointwise, bias })) => {
                let [height, width] = window.kernel;
                let between = depthwise.len() / (height * width).max(1);
                let plain = Window::new([1, 1], [1, 1], [0, 0]);
                if is_cpu {
                    let middle = Shape { channels: between, ..output };
                    let first = Kernel::new(depthwise, None, (*window, input.channels), input, middle);
                    let last = Kernel::new(pointwise, bias.as_deref(), (plain, 1), middle, output);
                    return Self::PackedSeparable(Box::new([first, last]), middle);
                }
                Self::Separable(Box::new((
                    upload.tensor(depthwise.clone(), [between, 1, height, width]),
                    upload.tensor(pointwise.clone(), [output.channels, between, 1, 1]),
                    bias.clone().map(|bias| upload.tensor(bias, [output.channels])),
                )))
            }
            (op, Some(norm @ (LayerWeights::BatchNorm { .. } | LayerWeights::Affine { .. }))) => {
                let (scale, shift) = affine(op, norm);
                let (scale, shift) = (to_f32(&scale), to_f32(&shift));
                if is_cpu && !matches!(op, Op::Normalize(..)) {
                    return Self::Scale(scale, shift);
                }
                let tensor = |values: Vec<f32>| {
                    let count = values.len();
                    upload.tensor(values, [1, count, 1, 1])
                };
                Self::Affine(tensor(scale), tensor(shift))
            }
            (_, Some(LayerWeights::Constant { shape, values })) => {
                Self::Values(upload.tensor(values.clone(), [1, shape.channels, shape.height, shape.width]))
            }
            (Op::Resize { .. }, _) => {
                let axis = |axis: usize, from: usize, to: usize| gather(&node.op, axis, from, to, device);
                let rows = axis(0, input.height, output.height);
                Self::Resize(Box::new([rows, axis(1, input.width, output.width)]))
            }
            _ => Self::Nothing,
        }
    }
}

/// Kernel and bias with scales and shifts of their outputs inside.
pub fn folded(
    kernel: &[f32],
    bias: Option<&[f32]>,
    graph: &Graph,
    weights: &Weights,
    norms: &[LayerIndex],
) -> Parameters {
    let norms = norms.iter().filter_map(|&norm| {
        weights.layers[norm].as_ref().map(|parameters| affine(&graph.nodes[norm].op, parameters))
    });
    // In f64, because folding multiplies rounding errors.
    let all = norms.reduce(|(scale, shift), (more, added)| {
        let shift = shift.iter().zip(&more).zip(&added).map(|((shift, more), added)| shift * more + added);
        (scale.iter().zip(&more).map(|(scale, more)| scale * more).collect(), shift.collect())
    });
    let Some((scale, shift)) = all else { return (kernel.to_vec(), bias.map(<[f32]>::to_vec)) };
    let of_channel = kernel.chunks_exact((kernel.len() / scale.len().max(1)).max(1)).zip(&scale);
    let scaled = |(kernel, scale): (&[f32], &f64)| -> Vec<f32> {
        kernel.iter().map(|value| (f64::from(*value) * scale) as f32).collect()
    };
    let bias = |channel: usize| bias.and_then(|bias| bias.get(channel)).map_or(0.0, |bias| f64::from(*bias));
    let shift = shift.iter().zip(&scale).enumerate();
    let shift = shift.map(|(channel, (shift, scale))| (shift + bias(channel) * scale) as f32);
    (of_channel.flat_map(scaled).collect(), Some(shift.collect()))
}

/// True where weights and maps are f16, which they never are on the CPU.
pub fn is_half(weights: &Weights, device: &Device) -> bool {
    !cpu::is_cpu(device) && weights.conventions.precision == Precision::F16
}

/// Scale and shift of a layer, in f64 because folding multiplies rounding errors.
fn affine(op: &Op, norm: &LayerWeights) -> (Vec<f64>, Vec<f64>) {
    let long = |values: &[f32]| values.iter().map(|value| f64::from(*value)).collect::<Vec<_>>();
    match (norm, op) {
        (LayerWeights::BatchNorm { gamma, beta, mean, variance }, Op::BatchNorm(epsilon)) => {
            let scale = gamma.iter().zip(variance);
            let scale: Vec<f64> =
                scale.map(|(g, v)| f64::from(*g) / (f64::from(*v) + epsilon).sqrt()).collect();
            let shift = beta.iter().zip(mean).zip(&scale);
            let shift = shift.map(|((b, m), s)| f64::from(*b) - f64::from(*m) * s).collect();
            (scale, shift)
        }
        (LayerWeights::Affine { scale, shift }, _) => (long(scale), long(shift)),
        _ => (vec![], vec![]),
    }
}

fn to_f32(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

/// The way to the device.
struct Upload<'a> {
    device: &'a Device,
    half: bool,
}

impl Upload<'_> {
    fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        let values: Tensor<D> = Tensor::from_data(TensorData::new(values, shape), self.device);
        if self.half { values.cast(FloatDType::F16) } else { values }
    }

    fn conv(&self, kernel: Vec<f32>, bias: Option<Vec<f32>>, shape: [usize; 4]) -> Prepared {
        let bias = bias.map(|bias| {
            let count = bias.len();
            self.tensor(bias, [count])
        });
        Prepared::Conv(self.tensor(kernel, shape), bias)
    }
}
