//! A session on disk: one file to which records are only ever added, each with its length and checksum. Whatever ends the
//! program, all records before the last moment can be read. Pure but for the file; any thread.
//!
//! The file `session.convscope`: [`HEAD`], then records of length (u32), CRC-32C (u32) of what follows, kind (1 byte), time in
//! microseconds since the start (u64), and content. Numbers are little-endian. Kinds: 0 [`Start`], 1 a frame (length of its JSON
//! (u32), the JSON, its bytes as PNG), 2 [`Done`], 3 [`End`]; those without bytes are JSON.

mod coding;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use read::{Journal, Placed};
pub use write::{JournalWriter, Limit};

/// What the file begins with.
pub const HEAD: &[u8; 20] = b"convscope session 1\n";

/// Its name in the folder.
const FILE: &str = "session.convscope";

/// Bytes before the content of a record.
const BEFORE_BODY: usize = 8;

/// Kind and time.
const BODY_HEAD: usize = 9;

/// Longer records are damage.
const LONGEST: u32 = 1 << 30;

/// The journal's file in a folder.
pub fn file_in(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// True where a folder holds a recorded session.
pub fn is_in(folder: &Path) -> bool {
    file_in(folder).is_file()
}

/// What was wrong with a journal. Each message says where.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A session is there already.
    #[error("{} holds a recorded session already: name another folder", .0.display())]
    Exists(PathBuf),
    /// The disk said no.
    #[error("{}: the session could not be recorded: {source}", path.display())]
    Disk {
        /// Where.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// Not one, or not a whole one.
    #[error("{}: {reason}", path.display())]
    Read {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// How a session began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Of convscope.
    pub version: String,
    /// Local time with its offset from UTC.
    pub time: String,
    /// Options as they were typed: network, lenses, settings.
    pub options: Vec<String>,
    /// What the source was, as typed.
    pub source: String,
}

/// Something that the user did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The number of the frame that was shown then.
    pub shown: Option<u64>,
    /// What was done, in words.
    pub action: String,
}

/// How it ended, where that was no kill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Frames that came faster than the disk took them.
    pub lost: u64,
    /// True where it had become as large as it may.
    pub is_full: bool,
}

/// What is said of a frame beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FrameHead {
    id: u64,
    size: [u32; 2],
    format: String,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    source: String,
}
