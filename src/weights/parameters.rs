//! The parameters of a network in host memory, and where they came from.

use std::path::PathBuf;

use crate::model::{Conventions, Graph, LayerIndex, Op};

/// Parameters of one layer, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum LayerWeights {
    /// Kernel, `[output channels, input channels, height, width]`.
    Conv {
        /// The values.
        kernel: Vec<f32>,
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
    /// A fully connected layer.
    Dense {
        /// `[outputs, inputs]`.
        weight: Vec<f32>,
        /// `[outputs]`.
        bias: Vec<f32>,
    },
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

/// How many values each parameter tensor of a layer has: `(suffix of torchvision's name, shape)`.
pub(super) fn expected_tensors(graph: &Graph, layer: LayerIndex) -> Vec<(&'static str, Vec<usize>)> {
    let node = &graph.nodes[layer];
    let channels = node.shape.channels;
    let inputs = node.inputs.first().map_or(0, |&input| graph.nodes[input].shape.channels);
    match node.op {
        Op::Conv(window) => vec![("weight", vec![channels, inputs, window.kernel[0], window.kernel[1]])],
        Op::BatchNorm => {
            ["weight", "bias", "running_mean", "running_var"].map(|suffix| (suffix, vec![channels])).into()
        }
        Op::Dense | Op::Classifier => vec![("weight", vec![channels, inputs]), ("bias", vec![channels])],
        _ => vec![],
    }
}

/// Puts a layer's tensors, in the order of [`expected_tensors`], together.
pub(super) fn assemble(tensors: Vec<Vec<f32>>) -> Option<LayerWeights> {
    let mut tensors = tensors.into_iter();
    Some(match (tensors.next()?, tensors.next(), tensors.next(), tensors.next()) {
        (kernel, None, ..) => LayerWeights::Conv { kernel },
        (weight, Some(bias), None, _) => LayerWeights::Dense { weight, bias },
        (gamma, Some(beta), Some(mean), Some(variance)) => {
            LayerWeights::BatchNorm { gamma, beta, mean, variance }
        }
        _ => return None,
    })
}
