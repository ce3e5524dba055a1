//! A download on its way: `NAME.partial`, and what is certain of it in `NAME.partial.json`.
//!
//! Only bytes that are on the disk, with the SHA-256 the checkpoint names, are ever gone on from: after a crash or a
//! power cut the rest of the file may be anything.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::digest::{Digests, Running};
use super::error::FetchError;
use crate::weights::manifest::{Entry, MAX_BYTES};

/// Bytes after which what has come is made certain: what a crash costs at most.
const CHECKPOINT_BYTES: u64 = 8 << 20;

/// What is certain of a partial file.
#[derive(Serialize, Deserialize)]
struct Checkpoint {
    /// What the server's `ETag` or `Last-Modified` said of the file these bytes belong to.
    validator: String,
    /// How many bytes.
    bytes: u64,
    /// Their SHA-256.
    sha256: String,
}

/// A file that is being written.
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    empty: Running,
    running: Running,
    validator: Option<String>,
    since_checkpoint: u64,
}

impl Partial {
    /// Opens the file and keeps what its checkpoint vouches for.
    pub(super) fn open(path: PathBuf, entry: &Entry) -> Result<Self, FetchError> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|source| FetchError::Disk { path: path.clone(), source })?;
        let empty = Running::new(entry);
        let running = empty.clone();
        let mut partial = Self { path, file, empty, running, validator: None, since_checkpoint: 0 };
        if !partial.recover().map_err(|source| partial.disk(source))? {
            partial.restart(None)?;
        }
        Ok(partial)
    }

    /// True where the checkpoint holds; the file then ends with it.
    fn recover(&mut self) -> std::io::Result<bool> {
        let Ok(text) = fs::read(self.checkpoint_path()) else { return Ok(false) };
        let Ok(checkpoint) = serde_json::from_slice::<Checkpoint>(&text) else { return Ok(false) };
        if checkpoint.bytes == 0 || checkpoint.bytes > MAX_BYTES {
            return Ok(false);
        }
        self.running.read(&mut self.file, checkpoint.bytes)?;
        let found = self.running.digests();
        if (found.bytes, found.sha256) != (checkpoint.bytes, checkpoint.sha256) {
            return Ok(false);
        }
        self.file.set_len(checkpoint.bytes)?;
        self.file.seek(SeekFrom::Start(checkpoint.bytes))?;
        self.validator = Some(checkpoint.validator);
        Ok(true)
    }

    /// Bytes so far.
    pub(super) fn bytes(&self) -> u64 {
        self.running.bytes()
    }

    /// What the server must still say of its file for these bytes to be gone on from.
    pub(super) fn validator(&self) -> Option<&str> {
        self.validator.as_deref()
    }

    /// Throws away what has come; what comes next is of the file the server describes so.
    pub(super) fn restart(&mut self, validator: Option<String>) -> Result<(), FetchError> {
        // The checkpoint goes first: without it the bytes count for nothing.
        match fs::remove_file(self.checkpoint_path()) {
            Err(source) if source.kind() != ErrorKind::NotFound => return Err(self.disk(source)),
            _ => {}
        }
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(|source| self.disk(source))?;
        self.running = self.empty.clone();
        self.validator = validator;
        self.since_checkpoint = 0;
        Ok(())
    }

    /// Adds what has come.
    pub(super) fn append(&mut self, chunk: &[u8]) -> Result<(), FetchError> {
        self.file.write_all(chunk).map_err(|source| self.disk(source))?;
        self.running.update(chunk);
        self.since_checkpoint += chunk.len() as u64;
        if self.since_checkpoint >= CHECKPOINT_BYTES {
            self.checkpoint()?;
        }
        Ok(())
    }

    /// Makes certain what has come.
    fn checkpoint(&mut self) -> Result<(), FetchError> {
        self.since_checkpoint = 0;
        let Some(validator) = self.validator.clone() else { return Ok(()) };
        let Digests { bytes, sha256, .. } = self.running.digests();
        let path = self.checkpoint_path();
        let new = path.with_extension("new");
        let write = || {
            self.file.sync_data()?;
            fs::write(&new, serde_json::to_vec(&Checkpoint { validator, bytes, sha256 })?)?;
            fs::rename(&new, &path)
        };
        write().map_err(|source| self.disk(source))
    }

    /// What the bytes so far hash to.
    pub(super) fn digests(&self) -> Digests {
        self.running.digests()
    }

    /// Leaves what has come for the next time, where it can be gone on from; else removes it.
    pub(super) fn leave(mut self) {
        if self.bytes() == 0 || self.validator.is_none() || self.checkpoint().is_err() {
            self.discard();
        }
    }

    /// Removes what has come.
    pub(super) fn discard(self) {
        // Nothing is lost where this fails: without a checkpoint the bytes count for nothing.
        let _ = fs::remove_file(self.checkpoint_path());
        let _ = fs::remove_file(&self.path);
    }

    /// The file is whole and right: puts it to its place.
    pub(super) fn finish(self, target: &Path) -> Result<(), FetchError> {
        let put = self.file.sync_all().and_then(|()| fs::rename(&self.path, target));
        put.map_err(|source| FetchError::Disk { path: target.into(), source })?;
        let _ = fs::remove_file(self.checkpoint_path());
        Ok(())
    }

    fn checkpoint_path(&self) -> PathBuf {
        super::cache::beside(&self.path, "json")
    }

    fn disk(&self, source: std::io::Error) -> FetchError {
        FetchError::Disk { path: self.path.clone(), source }
    }
}
