//! The numbers of a network: read from a file, or made from a seed. Plain host memory; no Burn.

mod assign;
mod file;
mod safetensors;
mod seeded;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use self::file::{Limits, ReadError};
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

/// What a weight file says of the network that it is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Architecture {
    /// Number of classes; 0 where the file has no classifier.
    pub classes: usize,
    /// Multiplier of the channel counts; 1 for the published network.
    pub width: f64,
}

/// Channels of the first convolution of the published network.
const FIRST_CHANNELS: f64 = 32.0;

impl Architecture {
    /// Looks at the shapes in a weight file, without reading the values where that can be avoided.
    ///
    /// # Errors
    /// [`WeightsError`], where the file cannot be read at all.
    pub fn of_file(path: &Path) -> Result<Self, WeightsError> {
        let format = |error: ReadError| WeightsError::Format { path: path.into(), reason: error.0 };
        let shapes = safetensors::shapes(&read_head(path)?).map_err(format)?;
        let first = |name: &str| shapes.iter().find(|(known, _)| known == name).and_then(|(_, s)| s.first());
        let channels = first("Conv2d_1a_3x3.conv.weight").map_or(FIRST_CHANNELS, |channels| *channels as f64);
        Ok(Self {
            classes: first("fc.weight").copied().unwrap_or(0),
            // What is no InceptionV3 is told when the tensors are fitted.
            width: (channels / FIRST_CHANNELS).clamp(0.05, 1.0),
        })
    }
}

impl Weights {
    /// Reads a weight file for this graph.
    ///
    /// # Errors
    /// [`WeightsError`] names everything that is wrong with the file in one message.
    pub fn load(path: &Path, graph: &Graph) -> Result<Arc<Self>, WeightsError> {
        let bytes = read_bytes(path)?;
        let format = |reason: String| WeightsError::Format { path: path.into(), reason };
        let limits = Limits::default();
        let tensors = if safetensors::recognises(&bytes) {
            safetensors::read(&bytes, limits).map_err(|error| format(error.0))?
        } else {
            return Err(format("its content is of no layout that is read".into()));
        };
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        // Half of the memory, and no longer needed.
        drop(bytes);
        let layers = assign::by_torch_names(tensors, graph).map_err(|mut problems| {
            let more = problems.len().saturating_sub(MAX_PROBLEMS);
            problems.truncate(MAX_PROBLEMS);
            if more > 0 {
                problems.push(format!("and {more} more problems like these"));
            }
            WeightsError::Mismatch { path: path.into(), network: graph.name, problems }
        })?;
        Ok(Arc::new(Self { origin: Origin::File { path: path.into(), sha256 }, layers }))
    }
}

/// The largest file that is read: the full network with its auxiliary classifier has 0.11 GB.
const MAX_BYTES: u64 = 2 << 30;

/// More problems than this are counted, not listed.
const MAX_PROBLEMS: usize = 12;

/// The head of a safetensors file: its length and the JSON that says what is in it.
fn read_head(path: &Path) -> Result<Vec<u8>, WeightsError> {
    let io = |source| WeightsError::Io { path: path.into(), source };
    let mut file = std::fs::File::open(path).map_err(io)?;
    let mut head = vec![0; 9];
    if file.metadata().map_err(io)?.is_dir()
        || file.read_exact(&mut head).is_err()
        || !safetensors::recognises(&head)
    {
        let reason = "its content is of no layout that is read".into();
        return Err(WeightsError::Format { path: path.into(), reason });
    }
    let length = u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|i| head[i]));
    file.take(length.saturating_sub(1).min(MAX_HEAD_BYTES)).read_to_end(&mut head).map_err(io)?;
    Ok(head)
}

/// The largest head of a safetensors file; the format allows no more.
const MAX_HEAD_BYTES: u64 = 100_000_000;

fn read_bytes(path: &Path) -> Result<Vec<u8>, WeightsError> {
    let io = |source| WeightsError::Io { path: path.into(), source };
    let format = |reason: String| WeightsError::Format { path: path.into(), reason };
    let metadata = std::fs::metadata(path).map_err(io)?;
    if !metadata.is_file() {
        return Err(format("it is not a file".into()));
    }
    if metadata.len() > MAX_BYTES {
        return Err(format(format!("it has {} bytes, more than any InceptionV3", metadata.len())));
    }
    std::fs::read(path).map_err(io)
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
    #[error("{}: {}", path.display(), in_words(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no weight file that is read.
    #[error("{}: not a weight file that can be read: {reason}; `--weights` reads safetensors with torchvision's or timm's names", path.display())]
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

/// What is wrong with reading a file, and what to do.
fn in_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such weight file: check the name after --weights".into(),
        std::io::ErrorKind::PermissionDenied => {
            "permission denied: make the weight file readable for you".into()
        }
        _ => format!("the weight file cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inception_v3::inception_v3;
    use ::safetensors::{Dtype, tensor::TensorView};
    use std::collections::BTreeMap;

    type Tensors = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

    fn tensors(graph: &Graph) -> Tensors {
        let weights = seeded(graph, 7);
        let mut all = Tensors::new();
        for (index, layer) in weights.layers.iter().enumerate() {
            let values = match layer {
                None => continue,
                Some(LayerWeights::Conv { kernel }) => vec![kernel],
                Some(LayerWeights::BatchNorm { gamma, beta, mean, variance }) => {
                    vec![gamma, beta, mean, variance]
                }
                Some(LayerWeights::Classifier { weight, bias }) => vec![weight, bias],
            };
            let name = graph.nodes[index].torch_name.as_deref().unwrap();
            for ((suffix, shape), values) in expected_tensors(graph, index).into_iter().zip(values) {
                let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                all.insert(format!("{name}.{suffix}"), (shape, bytes));
            }
        }
        all
    }

    fn write(tensors: &Tensors, path: &Path) {
        let views: Vec<_> = tensors
            .iter()
            .map(|(name, (shape, bytes))| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()))
            .collect();
        ::safetensors::serialize_to_file(views, None, path).unwrap();
    }

    #[test]
    fn what_was_written_is_read_and_every_problem_is_named() {
        let graph = inception_v3(10, 0.1);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let mut all = tensors(&graph);
        all.insert("AuxLogits.fc.bias".into(), (vec![1], vec![0; 4]));
        write(&all, &path);
        let read = Weights::load(&path, &graph).unwrap();
        assert_eq!(read.layers, seeded(&graph, 7).layers);
        assert!(read.origin.is_trained());

        all.remove("Conv2d_2a_3x3.bn.bias");
        all.insert("fc.bias".into(), (vec![1, 10], vec![0; 40]));
        all.insert("head.weight".into(), (vec![1], vec![0; 4]));
        all.insert("Conv2d_1a_3x3.bn.bias".into(), (vec![3], f32::NAN.to_le_bytes().repeat(3)));
        write(&all, &path);
        let message = Weights::load(&path, &graph).unwrap_err().to_string();
        for part in [
            "`Conv2d_2a_3x3.bn.bias` is missing",
            "`fc.bias` has shape [1, 10], not [10]",
            "`head.weight` is not a tensor of this network",
            "`Conv2d_1a_3x3.bn.bias` holds NaN",
        ] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn other_files_are_refused_in_one_sentence() {
        let graph = inception_v3(10, 0.1);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        std::fs::write(&path, [0xff; 64]).unwrap();
        assert!(matches!(Weights::load(&path, &graph), Err(WeightsError::Format { .. })));
        assert!(matches!(Weights::load(folder.path(), &graph), Err(WeightsError::Format { .. })));
        assert!(matches!(Weights::load(&folder.path().join("none"), &graph), Err(WeightsError::Io { .. })));
    }
}
