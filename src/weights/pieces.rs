//! What lies at the place that `--weights` names: one file, a model of Keras that was unpacked, or a network in pieces,
//! of which an index tells (`NAME.safetensors.index.json`, `pytorch_model.bin.index.json`, Keras' `NAME.weights.json`).

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use serde_json::Value as Json;

use super::error::WeightsError;
use super::kind;

/// What is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// One file.
    File(PathBuf),
    /// What is in a `.keras` file, unpacked: this folder.
    Unpacked(PathBuf),
    /// Several files that are one network.
    Pieces(Pieces),
}

/// The files of a network in pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pieces {
    /// In the order of their numbers.
    pub files: Vec<PathBuf>,
    /// That one of them was named, and how the others were found.
    pub note: Option<String>,
}

/// The weights of a model in the folders of the hub and of Keras, the likeliest first.
const USUAL: [&str; 8] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "model.onnx",
    "onnx/model.onnx",
    "model.weights.json",
    "tf_model.h5",
];

/// What is in a `.keras` file.
pub const KERAS_CONFIG: &str = "config.json";
pub const KERAS_METADATA: &str = "metadata.json";
pub const KERAS_WEIGHTS: &str = "model.weights.h5";

/// Bytes of an index or a configuration.
pub const MAX_JSON: u64 = 64 << 20;

/// Pieces of one network.
const MOST_PIECES: usize = 1000;

/// Files of a folder that are looked at.
const MOST_FILES: usize = 10_000;

/// Finds what a path stands for.
///
/// # Errors
/// Where it is missing, a folder in which no weights stand out, or lacks a piece.
pub fn find(path: &Path) -> Result<Place, WeightsError> {
    let io = |source| WeightsError::Io { path: path.into(), source };
    let metadata = std::fs::metadata(path).map_err(io)?;
    if metadata.is_dir() {
        return in_folder(path);
    }
    if !metadata.is_file() {
        return Err(WeightsError::Format { path: path.into(), reason: "it is not a file".into() });
    }
    let name = name_of(path);
    let folder = folder_of(path);
    if let Some(index) = index_over(folder, &name) {
        let files = pieces_of(&index)?;
        if files.len() > 1 && files.iter().any(|file| name_of(file) == name) {
            let (count, index) = (files.len(), name_of(&index));
            let note = format!("one of {count} pieces: all of them are read, as {index} tells");
            return Ok(Place::Pieces(Pieces { files, note: Some(note) }));
        }
    }
    if let Some(pieces) = numbered(path)? {
        return Ok(Place::Pieces(pieces));
    }
    if metadata.len() <= MAX_JSON && name.ends_with(".json") {
        let json = json(path);
        if json.as_ref().is_some_and(is_index) {
            return Ok(Place::Pieces(Pieces { files: pieces_of(path)?, note: None }));
        }
        if json.as_ref().is_some_and(is_keras) && folder.join(KERAS_WEIGHTS).is_file() {
            return Ok(Place::Unpacked(folder.into()));
        }
    }
    Ok(Place::File(path.into()))
}

fn in_folder(folder: &Path) -> Result<Place, WeightsError> {
    if folder.join(KERAS_WEIGHTS).is_file() && json(&folder.join(KERAS_CONFIG)).as_ref().is_some_and(is_keras)
    {
        return Ok(Place::Unpacked(folder.into()));
    }
    if let Some(usual) = USUAL.iter().map(|name| folder.join(name)).find(|path| path.is_file()) {
        return find(&usual);
    }
    let names = names_in(folder).map_err(|source| WeightsError::Io { path: folder.into(), source })?;
    let indices =
        names.iter().filter(|name| name.ends_with(".index.json") || name.ends_with(".weights.json"));
    let mut indices =
        indices.map(|name| folder.join(name)).filter(|path| json(path).as_ref().is_some_and(is_index));
    match (indices.next(), indices.next()) {
        (Some(index), None) => Ok(Place::Pieces(Pieces { files: pieces_of(&index)?, note: None })),
        _ => Err(WeightsError::Kind { path: folder.into(), kind: kind::of_folder(&names).to_string() }),
    }
}

/// The names of what is in a folder, in their order.
pub fn names_in(folder: &Path) -> std::io::Result<Vec<String>> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        Some(entry.ok()?.file_name().to_string_lossy().into_owned())
    };
    let mut names: Vec<String> = std::fs::read_dir(folder)?.filter_map(name).take(MOST_FILES).collect();
    names.sort_unstable();
    Ok(names)
}

/// A file's folder, which is this one for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A file of JSON that is not too long.
pub fn json(path: &Path) -> Option<Json> {
    let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let bytes = (metadata.len() <= MAX_JSON).then(|| std::fs::read(path).ok())??;
    serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)).ok()
}

/// Whether a file has the name that the hub gives to a model's weights.
pub fn is_usual(path: &Path) -> bool {
    USUAL.contains(&&*name_of(path))
}

fn is_index(json: &Json) -> bool {
    json.get("weight_map").is_some_and(Json::is_object)
}

fn is_keras(json: &Json) -> bool {
    json.get("class_name").is_some() && json.get("config").is_some()
}

/// The index that tells of a piece of this name, by the names that PyTorch's and Keras' libraries give both.
fn index_over(folder: &Path, name: &str) -> Option<PathBuf> {
    let index = match keras_index(name) {
        Some(index) => index,
        None => {
            let (stem, _, ending) = parts(name)?;
            format!("{stem}.{ending}.index.json")
        }
    };
    let index = folder.join(index);
    json(&index).as_ref().is_some_and(is_index).then_some(index)
}

/// `NAME_00000.weights.h5`: the index that Keras writes beside such pieces.
fn keras_index(name: &str) -> Option<String> {
    let (stem, number) = name.strip_suffix(".weights.h5")?.rsplit_once('_')?;
    let is_number = number.len() >= 5 && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("{stem}.weights.json"))
}

/// What is to be said of a file that may be a piece of Keras', by its name alone, and is not a whole network.
pub fn lone_piece(path: &Path) -> Option<String> {
    let index = keras_index(&name_of(path)).filter(|index| !folder_of(path).join(index).exists())?;
    Some(format!(
        "by its name it is one of several pieces of a network, of which {index} would tell: put that and all pieces into one \
         folder, and give {index}"
    ))
}

/// `model-00001-of-00003.safetensors`: what is in front, how many there are, and the ending.
fn parts(name: &str) -> Option<(&str, usize, &str)> {
    let (stem, ending) = name.rsplit_once('.')?;
    let (stem, count) = stem.rsplit_once("-of-")?;
    let (stem, number) = stem.rsplit_once('-')?;
    let (number, count) = (number.parse::<usize>().ok()?, count.parse::<usize>().ok()?);
    ((1..=count).contains(&number) && (2..=MOST_PIECES).contains(&count)).then_some((stem, count, ending))
}

/// The pieces that a piece's own name tells of, where no index does.
fn numbered(path: &Path) -> Result<Option<Pieces>, WeightsError> {
    let name = name_of(path);
    let Some((stem, count, ending)) = parts(&name) else { return Ok(None) };
    if !["safetensors", "bin", "pth", "pt"].contains(&ending) {
        return Ok(None);
    }
    let width = name.len() - stem.len() - ending.len() - "--of-.".len();
    let digits = width / 2;
    let file = |number: usize| {
        folder_of(path).join(format!("{stem}-{number:0digits$}-of-{count:0digits$}.{ending}"))
    };
    let files: Vec<PathBuf> = (1..=count).map(file).collect();
    match files.iter().find(|file| !file.is_file()) {
        None => {
            let note = format!("one of {count} pieces: all of them are read, by their names");
            Ok(Some(Pieces { files, note: Some(note) }))
        }
        Some(missing) => Err(WeightsError::Format {
            path: path.into(),
            reason: format!(
                "one of {count} pieces, and {} is not beside it: put all pieces into one folder",
                name_of(missing)
            ),
        }),
    }
}

/// The files that an index names, each once and in the order of their names, which is that of their numbers.
fn pieces_of(index: &Path) -> Result<Vec<PathBuf>, WeightsError> {
    let error = |reason: String| WeightsError::Format { path: index.into(), reason };
    let json = json(index).unwrap_or_default();
    let mut names = BTreeSet::new();
    let map = json.get("weight_map").and_then(Json::as_object);
    for value in map.iter().flat_map(|map| map.values()) {
        // Keras writes a list where the arrays of a layer are in several pieces.
        let several = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for name in several {
            let name = name
                .as_str()
                .ok_or_else(|| error("an index that names pieces by no text: save it anew".into()))?;
            names.insert(name);
        }
    }
    if names.is_empty() || names.len() > MOST_PIECES {
        return Err(error(format!("an index of {} pieces: save it anew", names.len())));
    }
    let count = names.len();
    let folder = folder_of(index);
    let mut files = vec![];
    for name in names {
        let stays = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if !stays || name.contains(['\\', '\0']) {
            return Err(error(format!(
                "an index of pieces, one of which is said to be `{name}`, outside its folder, where convscope does not follow"
            )));
        }
        let file = folder.join(name);
        if !file.is_file() {
            return Err(error(format!(
                "an index of {count} pieces, and {name} is not beside it: put all pieces into one folder"
            )));
        }
        files.push(file);
    }
    Ok(files)
}
