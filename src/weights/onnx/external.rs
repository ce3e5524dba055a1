//! Tensors in files beside the model: large models keep their numbers there.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use super::super::file::ReadError;
use super::message::StringStringEntryProto;

/// Files that lie beside the model.
pub(super) struct Beside<'a> {
    folder: Option<&'a Path>,
    open: HashMap<String, (File, u64)>,
}

/// Files that may be open at once.
const MOST_OPEN: usize = 32;

impl<'a> Beside<'a> {
    pub(super) fn new(folder: Option<&'a Path>) -> Self {
        Self { folder, open: HashMap::new() }
    }

    /// The bytes of a tensor of `count` values of `width` bytes.
    pub(super) fn read(
        &mut self,
        tensor: &str,
        entries: &[StringStringEntryProto],
        count: usize,
        width: usize,
    ) -> Result<Vec<u8>, ReadError> {
        let entry =
            |key: &str| entries.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str());
        let number = |key: &str| match entry(key) {
            None => Ok(None),
            Some(text) => text.trim().parse::<u64>().map(Some).map_err(|_| {
                ReadError(format!(
                    "the tensor `{tensor}` lies beside the file at the {key} `{text}`, which is no number"
                ))
            }),
        };
        let Some(location) = entry("location").filter(|location| !location.is_empty()) else {
            return Err(ReadError(format!(
                "the tensor `{tensor}` lies in another file, and its name is not told"
            )));
        };
        let expected = (count as u64).saturating_mul(width as u64);
        let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?.unwrap_or(expected));
        if length != expected {
            return Err(ReadError(format!(
                "the tensor `{tensor}` has {length} bytes in `{location}` where its shape asks for {expected}"
            )));
        }
        let (file, size) = self.file(location)?;
        if offset.checked_add(length).is_none_or(|end| end > *size) {
            return Err(ReadError(format!(
                "the tensor `{tensor}` should lie at byte {offset} of `{location}`, which ends before it does ({size} bytes): \
                 it was cut short, or belongs to another model"
            )));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|error| ReadError(format!("`{location}` beside it cannot be read: {error}")))?;
        Ok(bytes)
    }

    fn file(&mut self, location: &str) -> Result<&mut (File, u64), ReadError> {
        if !self.open.contains_key(location) {
            let path = self.path(location)?;
            let broken =
                |error: std::io::Error| ReadError(format!("`{location}` beside it cannot be read: {error}"));
            let file = File::open(path).map_err(broken)?;
            let size = file.metadata().map_err(broken)?.len();
            if self.open.len() >= MOST_OPEN {
                self.open.clear();
            }
            self.open.insert(location.into(), (file, size));
        }
        self.open.get_mut(location).ok_or_else(|| ReadError(format!("`{location}` cannot be read")))
    }

    /// A model must not reach out of its folder: not by name, nor by a link.
    fn path(&self, location: &str) -> Result<PathBuf, ReadError> {
        let Some(folder) = self.folder else {
            return Err(ReadError(format!(
                "its numbers lie in another file, `{location}`: put that beside it and open it from its folder"
            )));
        };
        let relative = Path::new(location);
        let stays =
            relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        // Elsewhere a backslash divides folders.
        let outside = || {
            ReadError(format!(
                "its numbers are said to lie in `{location}`, outside its folder, where convscope does not follow"
            ))
        };
        if !stays || location.contains('\\') || location.contains('\0') {
            return Err(outside());
        }
        let missing = |_| {
            ReadError(format!(
                "its numbers lie in `{location}`, which is not beside it: put both files in one folder"
            ))
        };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let path = folder.join(relative).canonicalize().map_err(missing)?;
        let folder = folder.canonicalize().map_err(missing)?;
        match path.starts_with(&folder) && path.is_file() {
            true => Ok(path),
            false => Err(outside()),
        }
    }
}
