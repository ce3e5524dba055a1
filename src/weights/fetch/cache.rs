//! Where weight files are kept, who may write there, and the note of what a file was when first seen.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::FetchError;
use super::progress::Step;
use super::watch::Watch;
use crate::folders;

/// Between looks at whether another process is done.
const LOCK_LOOK: Duration = Duration::from_millis(200);

/// The cache folder ([`folders::cache`]).
///
/// # Errors
/// [`FetchError::NoCache`]
pub fn cache_folder() -> Result<PathBuf, FetchError> {
    folders::cache().ok_or(FetchError::NoCache)
}

/// `NAME.partial` beside `NAME`.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// The right to write a file and its `.partial`, held while this lives. The system takes it back from a process that
/// dies; the `.lock` file stays, as removing it would let two in.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until no other process or thread has it. `None` where the file system knows no locks.
    pub(super) fn acquire(path: &Path, watch: &mut Watch<'_>) -> Result<Option<Self>, FetchError> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|source| FetchError::Disk { path: path.into(), source })?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Self { _file: file })),
                Err(TryLockError::WouldBlock) => watch.pause(LOCK_LOOK, Step::Waiting, 0, None)?,
                Err(TryLockError::Error(error)) => {
                    tracing::warn!(
                        "{}: {error}; a download here cannot be gone on with later",
                        path.display()
                    );
                    return Ok(None);
                }
            }
        }
    }
}

/// The SHA-256 a file had when it was first seen, kept in `NAME.sha256` as `sha256sum` writes it.
pub(super) struct Record {
    path: PathBuf,
}

impl Record {
    pub(super) fn of(file: &Path) -> Self {
        Self { path: beside(file, "sha256") }
    }

    pub(super) fn read(&self) -> Result<Option<String>, FetchError> {
        let disk = |source| FetchError::Disk { path: self.path.clone(), source };
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(disk(error)),
        };
        let digits = text.split_whitespace().next().unwrap_or_default();
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(disk(std::io::Error::new(ErrorKind::InvalidData, "it holds no SHA-256")));
        }
        Ok(Some(digits.to_ascii_lowercase()))
    }

    /// Holds a file to the record, where there is one. True if there is.
    pub(super) fn hold(&self, sha256: &str, place: &str) -> Result<bool, FetchError> {
        match self.read()? {
            Some(expected) if expected != sha256 => Err(FetchError::Changed {
                place: place.into(),
                record: self.path.clone(),
                expected,
                found: sha256.into(),
            }),
            found => Ok(found.is_some()),
        }
    }

    pub(super) fn write(&self, sha256: &str, file: &Path) -> Result<(), FetchError> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let new = beside(&self.path, "new");
        let written =
            fs::write(&new, format!("{sha256}  {name}\n")).and_then(|()| fs::rename(&new, &self.path));
        written.map_err(|source| FetchError::Disk { path: self.path.clone(), source })
    }
}
