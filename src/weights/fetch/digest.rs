//! Checksums of files and of what comes in. Pure.

use std::fmt::Write;
use std::io::Read;
use std::path::Path;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::error::FetchError;
use crate::weights::manifest::{Checksum, Entry, MAX_BYTES};

/// Bytes handled at once.
pub(super) const CHUNK: usize = 64 << 10;

/// What is known of bytes so far: SHA-256 always, MD5 where an entry has one.
#[derive(Clone)]
pub(super) struct Running {
    bytes: u64,
    sha256: Sha256,
    md5: Option<Md5>,
}

/// What bytes hash to, hexadecimal.
pub(super) struct Digests {
    pub bytes: u64,
    pub sha256: String,
    pub md5: Option<String>,
}

impl Running {
    pub(super) fn new(entry: &Entry) -> Self {
        let md5 = matches!(entry.checksum, Some(Checksum::Md5(_))).then(Md5::new);
        Self { bytes: 0, sha256: Sha256::new(), md5 }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn update(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len() as u64;
        self.sha256.update(chunk);
        if let Some(md5) = &mut self.md5 {
            md5.update(chunk);
        }
    }

    /// Takes in all that comes, at most `limit` bytes.
    pub(super) fn read(&mut self, source: &mut dyn Read, limit: u64) -> std::io::Result<()> {
        let mut source = source.take(limit);
        let mut chunk = vec![0; CHUNK];
        loop {
            match source.read(&mut chunk)? {
                0 => return Ok(()),
                length => self.update(&chunk[..length]),
            }
        }
    }

    pub(super) fn digests(&self) -> Digests {
        let Self { bytes, sha256, md5 } = self.clone();
        Digests {
            bytes,
            sha256: hexadecimal(&sha256.finalize()),
            md5: md5.map(|m| hexadecimal(&m.finalize())),
        }
    }
}

impl Digests {
    pub(super) fn of_file(path: &Path, entry: &Entry) -> Result<Self, FetchError> {
        let disk = |source| FetchError::Disk { path: path.into(), source };
        let mut file = std::fs::File::open(path).map_err(disk)?;
        let mut running = Running::new(entry);
        running.read(&mut file, MAX_BYTES + 1).map_err(disk)?;
        Ok(running.digests())
    }

    /// Holds them against the manifest: size, then checksum. `place` is where the bytes come from.
    pub(super) fn hold_to(&self, entry: &Entry, place: &str) -> Result<(), FetchError> {
        let place = || place.to_owned();
        if let Some(expected) = entry.size.filter(|&size| size != self.bytes) {
            return Err(FetchError::Size { place: place(), expected, found: self.bytes });
        }
        if self.bytes > MAX_BYTES {
            return Err(FetchError::TooLarge { place: place(), limit: MAX_BYTES });
        }
        let (algorithm, expected, found) = match &entry.checksum {
            None => return Ok(()),
            Some(Checksum::Sha256(whole)) => ("SHA-256", whole, self.sha256.as_str()),
            Some(Checksum::Sha256Prefix(start)) => {
                ("SHA-256", start, self.sha256.get(..start.len()).unwrap_or(&self.sha256))
            }
            Some(Checksum::Md5(whole)) => ("MD5", whole, self.md5.as_deref().unwrap_or_default()),
        };
        if expected != found {
            let (expected, found) = (expected.clone(), found.to_owned());
            return Err(FetchError::Checksum { place: place(), algorithm, expected, found });
        }
        Ok(())
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
