//! The parameters of a network in host memory, and where they came from.

use std::path::PathBuf;

use crate::model::{Conventions, Graph, LayerIndex, Node, Op, Shape};

/// Parameters of one layer, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum LayerWeights {
    /// Of a convolution, transposed or not.
    Conv {
        /// `[output channels, input channels of a group, height, width]`; of a transposed convolution
        /// `[input channels, output channels of a group, height, width]`, as in PyTorch and ONNX.
        kernel: Vec<f32>,
        /// `[output channels]`
        bias: Option<Vec<f32>>,
    },
    /// Of a separable convolution.
    Separable {
        /// `[input channels × multiplier, height, width]`
        depthwise: Vec<f32>,
        /// `[output channels, input channels × multiplier]`
        pointwise: Vec<f32>,
        /// `[output channels]`
        bias: Option<Vec<f32>>,
    },
    /// One value a channel in each.
    BatchNorm {
        /// Scale after normalisation (1 where a file has none).
        gamma: Vec<f32>,
        /// Shift after normalisation.
        beta: Vec<f32>,
        /// Mean of the training data.
        mean: Vec<f32>,
        /// Variance of the training data, without epsilon.
        variance: Vec<f32>,
    },
    /// A scale and a shift: one value a channel in each. Also those behind another normalisation.
    Affine {
        /// What values are multiplied by.
        scale: Vec<f32>,
        /// What is added then.
        shift: Vec<f32>,
    },
    /// A fully connected layer.
    Dense {
        /// `[outputs, inputs]`.
        weight: Vec<f32>,
        /// `[outputs]`; zeros where it has none.
        bias: Vec<f32>,
    },
    /// Values of a constant, the other side of [`crate::model::Op::WithConstant`], or the slopes of a PReLU. Sides of
    /// length 1 are repeated.
    Constant {
        /// Channels, height and width of the values.
        shape: Shape,
        /// The values.
        values: Vec<f32>,
    },
}

impl LayerWeights {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.pieces().iter().map(|piece| piece.len()).sum()
    }

    /// All values, in pieces.
    pub fn pieces(&self) -> Vec<&[f32]> {
        match self {
            Self::Conv { kernel, bias } => {
                [Some(kernel), bias.as_ref()].into_iter().flatten().map(|v| &v[..]).collect()
            }
            Self::Separable { depthwise, pointwise, bias } => {
                [Some(depthwise), Some(pointwise), bias.as_ref()]
                    .into_iter()
                    .flatten()
                    .map(|v| &v[..])
                    .collect()
            }
            Self::BatchNorm { gamma, beta, mean, variance } => vec![gamma, beta, mean, variance],
            Self::Affine { scale, shift } => vec![scale, shift],
            Self::Dense { weight, bias } => vec![weight, bias],
            Self::Constant { values, .. } => vec![values],
        }
    }

    /// True without any value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What the embedded network is called wherever its answers are shown.
pub const EMBEDDED_TITLE: &str = "embedded shapes network, not ImageNet";

/// What a network of random weights is called.
pub const UNTRAINED_TITLE: &str = "untrained network";

/// Where weights came from. Shown on screen and written into snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Read from a file.
    File {
        /// Its path.
        path: PathBuf,
        /// SHA-256 of its content, hexadecimal.
        sha256: String,
    },
    /// The small network that is built in (`models/embedded`): it knows a few things that one draws or prints.
    Embedded {
        /// SHA-256 of its file, hexadecimal.
        sha256: String,
    },
    /// Random numbers from a seed: the network has learned nothing, its predictions mean nothing.
    Untrained {
        /// The seed.
        seed: u64,
    },
}

impl Origin {
    /// False for random numbers: then predictions mean nothing and are not shown.
    pub fn is_trained(&self) -> bool {
        !matches!(self, Self::Untrained { .. })
    }

    /// What the network is to be called wherever its answers are shown.
    pub fn title(&self) -> String {
        match self {
            Self::File { path, .. } => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Embedded { .. } => EMBEDDED_TITLE.into(),
            Self::Untrained { .. } => UNTRAINED_TITLE.into(),
        }
    }
}

/// Parameters of all layers of one graph.
#[derive(Clone, Debug)]
pub struct Weights {
    /// Where they came from.
    pub origin: Origin,
    /// By layer index; `None` for layers without parameters.
    pub layers: Vec<Option<LayerWeights>>,
    /// What they take for granted.
    pub conventions: Conventions,
    /// What the user ought to know about them, a sentence each.
    pub notes: Vec<String>,
}

/// How many values each parameter tensor of a layer has, in a state dict: `(suffix of PyTorch's name, shape)`.
pub(super) fn expected_tensors(graph: &Graph, layer: LayerIndex) -> Vec<(&'static str, Vec<usize>)> {
    let node = &graph.nodes[layer];
    let channels = node.shape.channels;
    let inputs = node.inputs.first().map_or(0, |&input| graph.nodes[input].shape.channels);
    let mut tensors = match &node.op {
        Op::Conv(window, groups) => {
            vec![("weight", vec![channels, inputs / groups, window.kernel[0], window.kernel[1]])]
        }
        Op::BatchNorm(_) => {
            ["weight", "bias", "running_mean", "running_var"].map(|suffix| (suffix, vec![channels])).into()
        }
        Op::Normalize(..) | Op::Affine => ["weight", "bias"].map(|suffix| (suffix, vec![channels])).into(),
        Op::Dense => vec![("weight", vec![channels, inputs])],
        Op::Prelu => vec![("weight", vec![inputs])],
        _ => vec![],
    };
    if node.has_bias {
        tensors.push(("bias", vec![channels]));
    }
    tensors
}

/// Puts a layer's tensors, in the order of [`expected_tensors`], together.
pub(super) fn assemble(node: &Node, tensors: Vec<Vec<f32>>) -> Option<LayerWeights> {
    let outputs = node.shape.channels;
    let mut tensors = tensors.into_iter();
    let first = tensors.next()?;
    Some(match node.op {
        Op::Conv(..) => LayerWeights::Conv { kernel: first, bias: tensors.next() },
        Op::BatchNorm(_) => LayerWeights::BatchNorm {
            gamma: first,
            beta: tensors.next()?,
            mean: tensors.next()?,
            variance: tensors.next()?,
        },
        Op::Normalize(..) | Op::Affine => LayerWeights::Affine { scale: first, shift: tensors.next()? },
        Op::Dense => {
            LayerWeights::Dense { bias: tensors.next().unwrap_or_else(|| vec![0.0; outputs]), weight: first }
        }
        Op::Prelu => LayerWeights::Constant { shape: Shape::vector(first.len()), values: first },
        _ => return None,
    })
}
