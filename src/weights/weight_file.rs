//! A weight file of any layout: read, and fitted to the graph of a network.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::assign::{self, Architecture};
use super::canonical::{self, Parameter};
use super::file::{Layout, Limits, ReadError, Stored, TensorFile};
use super::manifest::{self, Checksum, Manifest};
use super::parameters::{Origin, Weights};
use super::{keras, safetensors, torch};
use crate::model::{AvgPool, Conventions, Graph, InputScale};

/// Something about a file, and how it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known<T> {
    /// What it is.
    pub value: T,
    /// How that is known, in words.
    pub from: &'static str,
}

const FROM_FILE: &str = "says the file";
const FROM_MANIFEST: &str = "known of this very file";
const FROM_LAYOUT: &str = "usual for files of this kind";

/// A weight file that was read but not yet fitted to a graph.
#[derive(Clone, Debug)]
pub struct WeightFile {
    /// Where it is.
    pub origin: Origin,
    /// Its size in bytes.
    pub bytes: u64,
    /// How it is built.
    pub layout: Layout,
    /// The number types in it, each once.
    pub stored: Vec<Stored>,
    /// The network that its shapes tell.
    pub architecture: Architecture,
    /// Average pooling.
    pub avg_pool: Known<AvgPool>,
    /// Scale of the input.
    pub input_scale: Known<InputScale>,
    /// Name of the known file that it is.
    pub known_as: Option<String>,
    /// What was left aside, and what else is remarkable.
    pub notes: Vec<String>,
    parameters: Vec<Parameter>,
}

impl WeightFile {
    /// Reads a file; what it is is told by its content, whatever it is called.
    ///
    /// # Errors
    /// [`WeightsError`], where it cannot be read.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let bytes = read_bytes(path)?;
        let sha256 = sha256(&bytes);
        let origin = Origin::File { path: path.into(), sha256: sha256.clone() };
        let format = |error: ReadError| WeightsError::Format { path: path.into(), reason: shown(&error.0) };
        let file = read(&bytes).map_err(format)?;
        let size = bytes.len() as u64;
        // Half of the memory, and no longer needed.
        drop(bytes);
        Self::of(file, origin, &sha256, size).map_err(format)
    }

    /// The network that is built in.
    ///
    /// # Errors
    /// Never with the file as it is; a test reads it.
    pub fn embedded() -> Result<Self, WeightsError> {
        let sha256 = sha256(EMBEDDED);
        let origin = Origin::Embedded { sha256: sha256.clone() };
        let format = |error: ReadError| WeightsError::Format { path: "embedded".into(), reason: error.0 };
        let file = read(EMBEDDED).map_err(format)?;
        Self::of(file, origin, &sha256, EMBEDDED.len() as u64).map_err(format)
    }

    fn of(file: TensorFile, origin: Origin, sha256: &str, bytes: u64) -> Result<Self, ReadError> {
        let entry = Manifest::current().ok().and_then(|manifest| {
            let is_it = |checksum: &Checksum| match checksum {
                Checksum::Sha256(digits) | Checksum::Sha256Prefix(digits) => sha256.starts_with(digits),
                Checksum::Md5(_) => false,
            };
            manifest.entries.into_iter().find(|entry| entry.checksum.as_ref().is_some_and(is_it))
        });
        let (avg_pool, input_scale) = conventions(&file, entry.as_ref());
        let layout = file.layout;
        let mut stored: Vec<_> = file.tensors.iter().map(|tensor| tensor.stored).collect();
        stored.sort_unstable();
        stored.dedup();
        let mut notes = file.notes.clone();
        let parameters = canonical::parameters(file, &mut notes)?;
        notes.iter_mut().for_each(|note| *note = shown(note));
        Ok(Self {
            origin,
            bytes,
            layout,
            stored,
            architecture: Architecture::of(&parameters),
            avg_pool,
            input_scale,
            known_as: entry.map(|entry| entry.name),
            notes,
            parameters,
        })
    }

    /// Number of parameter values that belong to the network.
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().map(|parameter| parameter.tensor.values.len()).sum()
    }

    /// The parameters of each layer of `graph`, which must be that of [`WeightFile::architecture`].
    ///
    /// # Errors
    /// [`WeightsError::Mismatch`] names everything that does not fit.
    pub fn fit(self, graph: &Graph) -> Result<Weights, WeightsError> {
        let Self { origin, parameters, mut notes, avg_pool, input_scale, .. } = self;
        let layers = assign::fit(parameters, graph, &mut notes).map_err(|problems| {
            let path = match &origin {
                Origin::File { path, .. } => path.clone(),
                _ => "embedded".into(),
            };
            WeightsError::Mismatch { path, network: graph.name, problems }
        })?;
        notes.iter_mut().for_each(|note| *note = shown(note));
        let conventions = Conventions {
            avg_pool: avg_pool.value,
            input_scale: input_scale.value,
            ..Conventions::default()
        };
        Ok(Weights { origin, layers, conventions, notes })
    }
}

/// The network that is built in; models/embedded/README.md tells how it was trained.
const EMBEDDED: &[u8] = include_bytes!("../../models/embedded/shapes.safetensors");

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(bytes: &[u8]) -> Result<TensorFile, ReadError> {
    let limits = Limits::default();
    let head = &bytes[..bytes.len().min(HEAD)];
    if keras::recognises(head) {
        keras::read(bytes, limits)
    } else if torch::recognises(head) {
        torch::read(bytes, limits)
    } else if safetensors::recognises(head) {
        safetensors::read(bytes, limits)
    } else {
        Err(ReadError("its content is of no layout that is read".into()))
    }
}

/// As much of a file as tells its layout.
const HEAD: usize = 512;

/// What a file takes for granted: what it says itself comes first, then what is known of this very file, then what is
/// usual for its layout.
fn conventions(file: &TensorFile, entry: Option<&manifest::Entry>) -> (Known<AvgPool>, Known<InputScale>) {
    let says = |key: &str| file.metadata.get(key).map(|text| text.trim().to_lowercase());
    let avg_pool = says("avg_pool").and_then(|text| match text.as_str() {
        "exclude" => Some(AvgPool::Exclude),
        "include" => Some(AvgPool::Include),
        // PyTorch's own name for it.
        _ if text.contains("count_include_pad=false") => Some(AvgPool::Exclude),
        _ if text.contains("count_include_pad=true") => Some(AvgPool::Include),
        _ => None,
    });
    let is_torch = says("format").is_some_and(|format| format == "pt");
    let usual_pool = match file.layout {
        Layout::Torch | Layout::Paddle => AvgPool::Include,
        Layout::Safetensors if is_torch => AvgPool::Include,
        Layout::Safetensors | Layout::KerasLegacy | Layout::KerasWeights => AvgPool::Exclude,
    };
    let usual_scale = match file.layout {
        Layout::Paddle => InputScale::Imagenet,
        _ => InputScale::default(),
    };
    let input_scale = says("input_scale").and_then(|text| text.parse().ok());
    (
        best(avg_pool, entry.map(|entry| entry.average_pooling), usual_pool),
        best(input_scale, entry.map(|entry| entry.input), usual_scale),
    )
}

fn best<T>(said: Option<T>, listed: Option<T>, usual: T) -> Known<T> {
    match (said, listed) {
        (Some(value), _) => Known { value, from: FROM_FILE },
        (None, Some(value)) => Known { value, from: FROM_MANIFEST },
        (None, None) => Known { value: usual, from: FROM_LAYOUT },
    }
}

/// A sentence with names out of a file in it, as one line of bounded length that a terminal only shows: a name may hold
/// lines, control sequences or a megabyte.
fn shown(sentence: &str) -> String {
    let is_unfit = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    let clean = |c: char| if is_unfit(c) { char::REPLACEMENT_CHARACTER } else { c };
    let mut line: String = sentence.chars().take(MAX_SENTENCE).map(clean).collect();
    if sentence.chars().nth(MAX_SENTENCE).is_some() {
        line.push('…');
    }
    line
}

/// Characters of one sentence of a message. Those made here have at most about 400.
const MAX_SENTENCE: usize = 1000;

fn read_bytes(path: &Path) -> Result<Vec<u8>, WeightsError> {
    let io = |source| WeightsError::Io { path: path.into(), source };
    let format = |reason: String| WeightsError::Format { path: path.into(), reason };
    let metadata = std::fs::metadata(path).map_err(io)?;
    if !metadata.is_file() {
        return Err(format("it is not a file".into()));
    }
    // The full network with its auxiliary classifier has 0.11 GB.
    if metadata.len() > manifest::MAX_BYTES {
        return Err(format(format!("it has {} bytes, more than any InceptionV3", metadata.len())));
    }
    std::fs::read(path).map_err(io)
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
    #[error("{}: not a weight file that can be read: {reason}; `--weights` reads safetensors, PyTorch's .pth, Keras' .h5 and .weights.h5, and PaddlePaddle's .pdparams", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// It holds other tensors than the network has.
    #[error("{}: does not fit {network}: {}; give `--weights` a file of this network, or one that was fine-tuned from it", path.display(), problems.join("; "))]
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
