//! From a path to what is in the files there, before it is fitted to a network.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::described::{DescribedNetwork, ReadOptions};
use super::error::WeightsError;
use super::file::{Layout, Limits, ReadError, TensorFile};
use super::hub::{self, Hub};
use super::kind::{self, Seen};
use super::pieces::{self, KERAS_CONFIG, KERAS_METADATA, KERAS_WEIGHTS, Pieces, Place};
use super::sentence::shown;
use super::{keras, keras_model, keras_pieces, onnx, safetensors, torch};

/// What files hold.
pub(super) enum Content {
    /// A whole network.
    Network(Box<DescribedNetwork>),
    /// Tensors alone.
    Tensors(TensorFile),
}

/// What was read.
pub(super) struct Reading {
    pub(super) content: Content,
    /// Of all files.
    pub(super) bytes: u64,
    /// Of all files, one behind the other.
    pub(super) sha256: String,
    /// What lies beside them.
    pub(super) hub: Hub,
}

/// Reads what is at a path.
///
/// # Errors
/// [`WeightsError`], where that cannot be read.
pub(super) fn read(path: &Path, options: ReadOptions<'_>) -> Result<Reading, WeightsError> {
    let format = |error: ReadError| WeightsError::Format { path: path.into(), reason: shown(&error.0) };
    match pieces::find(path)? {
        Place::File(file) => one_file(path, &file, options),
        Place::Unpacked(folder) => {
            let weights = bytes_of(&folder.join(KERAS_WEIGHTS), 0)?;
            let text = |name| bytes_of(&folder.join(name), weights.len() as u64);
            // Without the version, that of the layers is guessed.
            let (config, metadata) = (text(KERAS_CONFIG)?, text(KERAS_METADATA).unwrap_or_default());
            let network =
                keras_model::read_unpacked([&config, &metadata], &weights, options).map_err(format)?;
            let all = [&config[..], &metadata, &weights];
            Ok(Reading {
                content: Content::Network(Box::new(network)),
                bytes: all.iter().map(|bytes| bytes.len() as u64).sum(),
                sha256: sha256(all.into_iter()),
                hub: Hub::default(),
            })
        }
        Place::Pieces(found) => several(path, &found, options.limits),
    }
}

fn one_file(path: &Path, file: &Path, options: ReadOptions<'_>) -> Result<Reading, WeightsError> {
    let bytes = bytes_of(file, 0)?;
    let folder = pieces::folder_of(file);
    let options = ReadOptions { folder: Some(folder), ..options };
    // Each takes half a second of a large file.
    let (sha256, network) =
        rayon::join(|| sha256(std::iter::once(&bytes[..])), || described(&bytes, options));
    let content = match network {
        Ok(Some(network)) => Ok(Content::Network(Box::new(network))),
        Ok(None) => tensors(&bytes, options.limits).map(Content::Tensors),
        Err(error) => Err(Some(error)),
    };
    let content = content.map_err(|error| refusal(path, file, &bytes, error))?;
    if let Content::Tensors(tensors) = &content {
        check(path, tensors)?;
        let has_kernels = tensors.tensors.iter().any(|tensor| tensor.shape.len() == 4);
        let quantised = match tensors.layout {
            Layout::Torch => kind::of_pickle(&bytes),
            Layout::Safetensors if !has_kernels => kind::of_file(&Seen::new("", &bytes, &[])),
            _ => None,
        };
        if let Some(kind) = quantised {
            return Err(WeightsError::Kind { path: path.into(), kind: kind.to_string() });
        }
    }
    let hub = if path != file || pieces::is_usual(file) { hub::beside(folder) } else { Hub::default() };
    Ok(Reading { content, bytes: bytes.len() as u64, sha256, hub })
}

/// Says what a file is that cannot be read.
fn refusal(path: &Path, file: &Path, bytes: &[u8], error: Option<ReadError>) -> WeightsError {
    let path = path.to_path_buf();
    let beside = pieces::names_in(pieces::folder_of(file)).unwrap_or_default();
    let name = pieces::name_of(file);
    match (kind::of_file(&Seen::new(&name, bytes, &beside)), error) {
        (Some(kind), _) => WeightsError::Kind { path, kind: shown(&kind.to_string()) },
        (None, Some(error)) => WeightsError::Format { path, reason: shown(&error.0) },
        (None, None) => WeightsError::Unknown { path },
    }
}

fn check(path: &Path, file: &TensorFile) -> Result<(), WeightsError> {
    let names = file.tensors.iter().map(|tensor| &*tensor.name);
    match kind::of_tensors(names) {
        Some(kind) => Err(WeightsError::Kind { path: path.into(), kind: kind.to_string() }),
        None => Ok(()),
    }
}

/// Pieces, each of which is let go before the next one is read.
fn several(path: &Path, pieces: &Pieces, limits: Limits) -> Result<Reading, WeightsError> {
    let mut digest = Sha256::new();
    let (mut total, mut file) = (0, None::<TensorFile>);
    for piece in &pieces.files {
        let format = |error: ReadError| WeightsError::Format { path: piece.clone(), reason: shown(&error.0) };
        let bytes = bytes_of(piece, total)?;
        total += bytes.len() as u64;
        digest.update(&bytes);
        let taken = file.as_ref().map_or(0, |file| file.tensors.len());
        let values =
            file.iter().flat_map(|file| &file.tensors).map(|tensor| tensor.values.len() * 4).sum::<usize>();
        let left = Limits {
            tensors: limits.tensors.saturating_sub(taken),
            bytes: limits.bytes.saturating_sub(values),
        };
        let read = match keras::recognises(&bytes) {
            true => keras::read_piece(&bytes, left).map_err(Some),
            false => tensors(&bytes, left),
        };
        let read = read.map_err(|error| refusal(piece, piece, &bytes, error))?;
        match &mut file {
            None => file = Some(read),
            Some(all) if all.layout == read.layout => {
                all.tensors.extend(read.tensors);
                all.layers.extend(read.layers);
                all.metadata.extend(read.metadata);
                all.notes.extend(read.notes);
            }
            Some(_) => {
                return Err(format(ReadError("it is of another layout than the pieces before".into())));
            }
        }
    }
    let format = |error: ReadError| WeightsError::Format { path: path.into(), reason: shown(&error.0) };
    let mut file = file.ok_or_else(|| WeightsError::Unknown { path: path.into() })?;
    if file.layout == Layout::KerasWeights {
        keras_pieces::arrange(&mut file.tensors).map_err(format)?;
        keras_pieces::arrange_layers(&mut file.layers);
    }
    file.notes.sort_unstable();
    file.notes.dedup();
    file.notes.extend(pieces.note.clone());
    check(path, &file)?;
    let sha256 = hexadecimal(digest);
    let folder = pieces.files.first().map_or(path, |first| pieces::folder_of(first));
    Ok(Reading { content: Content::Tensors(file), bytes: total, sha256, hub: hub::beside(folder) })
}

/// The SHA-256 of parts, one behind the other.
pub(super) fn sha256<'a>(parts: impl Iterator<Item = &'a [u8]>) -> String {
    let mut digest = Sha256::new();
    parts.for_each(|part| digest.update(part));
    hexadecimal(digest)
}

fn hexadecimal(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As much of a file as tells its layout.
const HEAD: usize = 512;

/// A file that describes its network; `None` where it holds tensors alone.
fn described(bytes: &[u8], options: ReadOptions<'_>) -> Result<Option<DescribedNetwork>, ReadError> {
    let head = &bytes[..bytes.len().min(HEAD)];
    if keras::recognises(head) {
        keras_model::read_h5(bytes, options)
    } else if keras_model::recognises(bytes) {
        keras_model::read_keras(bytes, options).map(Some)
    } else if onnx::recognises(bytes) {
        onnx::read(bytes, options).map(Some)
    } else {
        Ok(None)
    }
}

/// A file of tensors.
///
/// # Errors
/// Why it cannot be read; `None` where it is of no known layout.
pub(super) fn tensors(bytes: &[u8], limits: Limits) -> Result<TensorFile, Option<ReadError>> {
    let head = &bytes[..bytes.len().min(HEAD)];
    if keras::recognises(head) {
        keras::read(bytes, limits).map_err(Some)
    } else if torch::recognises(head) {
        torch::read(bytes, limits).map_err(Some)
    } else if safetensors::recognises(head) {
        safetensors::read(bytes, limits).map_err(Some)
    } else {
        Err(None)
    }
}

/// VGG-19 has 0.6 GB.
const MOST_BYTES: u64 = 2 << 30;

/// A file's content, where it and the `taken` bytes of others are not too many.
fn bytes_of(path: &Path, taken: u64) -> Result<Vec<u8>, WeightsError> {
    let io = |source| WeightsError::Io { path: path.into(), source };
    let size = std::fs::metadata(path).map_err(io)?.len();
    let total = size.saturating_add(taken);
    if total > MOST_BYTES {
        let with = if taken > 0 { " with what belongs to it" } else { "" };
        let reason = format!("it has {total} bytes{with}, and at most {MOST_BYTES} are read");
        return Err(WeightsError::Format { path: path.into(), reason });
    }
    std::fs::read(path).map_err(io)
}
