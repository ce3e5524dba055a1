//! The numbers of a network: read from a file, or made from a seed. Plain host memory; no Burn. Known files
//! ([`manifest`]) can be fetched ([`fetch`]).

pub mod fetch;
pub mod manifest;
mod safetensors;
mod seeded;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::{Graph, LayerIndex};

pub use seeded::{RandomStream, seeded};

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
    /// The fully connected layer.
    Classifier {
        /// `[classes, channels]`.
        weight: Vec<f32>,
        /// `[classes]`.
        bias: Vec<f32>,
    },
}

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
    /// Random numbers from a seed: the network has learned nothing, its predictions mean nothing.
    Untrained {
        /// The seed.
        seed: u64,
    },
}

impl Origin {
    /// False for random numbers: then predictions mean nothing and are not shown.
    pub fn is_trained(&self) -> bool {
        matches!(self, Self::File { .. })
    }
}

/// Parameters of all layers of one graph.
#[derive(Clone, Debug)]
pub struct Weights {
    /// Where they came from.
    pub origin: Origin,
    /// By layer index; `None` for layers without parameters.
    pub layers: Vec<Option<LayerWeights>>,
}

impl Weights {
    /// Reads a weight file for this graph.
    ///
    /// # Errors
    /// [`WeightsError`] names everything that is wrong with the file in one message.
    pub fn load(path: &Path, graph: &Graph) -> Result<Arc<Self>, WeightsError> {
        safetensors::read(path, graph).map(Arc::new)
    }
}

/// How many values each parameter tensor of a layer has: `(suffix of torchvision's name, shape)`.
fn expected_tensors(graph: &Graph, layer: LayerIndex) -> Vec<(&'static str, Vec<usize>)> {
    use crate::model::Op;
    let node = &graph.nodes[layer];
    let channels = node.shape.channels;
    let inputs = node.inputs.first().map_or(0, |&input| graph.nodes[input].shape.channels);
    match node.op {
        Op::Conv(window) => vec![("weight", vec![channels, inputs, window.kernel[0], window.kernel[1]])],
        Op::BatchNorm => {
            ["weight", "bias", "running_mean", "running_var"].map(|suffix| (suffix, vec![channels])).into()
        }
        Op::Classifier => vec![("weight", vec![channels, inputs]), ("bias", vec![channels])],
        _ => vec![],
    }
}

/// Puts a layer's tensors, in the order of [`expected_tensors`], together.
fn assemble(tensors: Vec<Vec<f32>>) -> Option<LayerWeights> {
    let mut tensors = tensors.into_iter();
    Some(match (tensors.next()?, tensors.next(), tensors.next(), tensors.next()) {
        (kernel, None, ..) => LayerWeights::Conv { kernel },
        (weight, Some(bias), None, _) => LayerWeights::Classifier { weight, bias },
        (gamma, Some(beta), Some(mean), Some(variance)) => {
            LayerWeights::BatchNorm { gamma, beta, mean, variance }
        }
        _ => return None,
    })
}

/// Why a weight file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// It cannot be read from disk.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not a safetensors file.
    #[error("{}: not a safetensors file ({reason}); safetensors with torchvision's or timm's names is what `--weights` reads", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// It holds other tensors than the network has.
    #[error("{}: does not fit {network}: {}", path.display(), problems.join("; "))]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The architecture.
        network: &'static str,
        /// Everything that is wrong, one entry each.
        problems: Vec<String>,
    },
}
