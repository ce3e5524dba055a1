//! Reading: where the records are, and each when it is wanted.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{BEFORE_BODY, BODY_HEAD, Done, End, HEAD, JournalError, LONGEST, Start, coding, file_in};
use crate::frame::Frame;

/// Where a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// When it came, from the first frame on.
    pub time: Duration,
    offset: u64,
    length: u32,
}

/// A journal that was written.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: BufReader<File>,
    /// How the session began.
    pub start: Start,
    /// Its frames, in the order in which they came.
    pub frames: Vec<Placed>,
    /// What the user did, in that order.
    pub done: Vec<Done>,
    /// How it ended; `None` where the program was killed, or still runs.
    pub end: Option<End>,
    /// Bytes at the end that are no whole record.
    pub cut_off: u64,
}

impl Journal {
    /// Finds the records of the journal in a folder, up to the first that is not whole.
    ///
    /// # Errors
    /// [`JournalError::Read`] where there is none, or another version's.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        let path = file_in(folder);
        let failed = |reason: String| JournalError::Read { path: folder.into(), reason };
        let file = File::open(&path);
        let file = file.map_err(|error| failed(format!("no recorded session ({error})")))?;
        let total = file.metadata().map_or(0, |about| about.len());
        let mut file = BufReader::new(file);
        let mut head = [0; HEAD.len()];
        let is_one = file.read_exact(&mut head).is_ok() && head == *HEAD;
        if !is_one {
            return Err(failed("not a session that this convscope recorded".into()));
        }
        let (frames, done) = (vec![], vec![]);
        let mut journal =
            Self { path: folder.into(), file, start: Start::default(), frames, done, end: None, cut_off: 0 };
        let mut at = HEAD.len() as u64;
        let mut has_start = false;
        while let Some((kind, placed)) = journal.next_record(at, total) {
            let next = placed.offset + u64::from(placed.length);
            if kind == 1 {
                journal.frames.push(placed);
            } else {
                let Ok(content) = journal.content(placed) else { break };
                let read = match kind {
                    0 => serde_json::from_slice(&content).map(|start| journal.start = start),
                    2 => serde_json::from_slice(&content).map(|done| journal.done.push(done)),
                    3 => serde_json::from_slice(&content).map(|end| journal.end = Some(end)),
                    // Of a later version.
                    _ => Ok(()),
                };
                has_start |= kind == 0;
                read.map_err(|error| {
                    failed(format!("a record is not as this convscope writes it: {error}"))
                })?;
            }
            at = next;
        }
        journal.cut_off = total - at;
        if !has_start {
            return Err(failed("the recorded session broke off before its first frame".into()));
        }
        // Only the last of them can be half written.
        while let Some(last) = journal.frames.last().copied().filter(|_| journal.end.is_none()) {
            if journal.content(last).is_ok() {
                break;
            }
            journal.frames.pop();
        }
        // Until then the network was loaded and the source opened.
        let first = journal.frames.first().map_or(Duration::ZERO, |first| first.time);
        journal.frames.iter_mut().for_each(|placed| placed.time = placed.time.saturating_sub(first));
        Ok(journal)
    }

    fn next_record(&mut self, at: u64, total: u64) -> Option<(u8, Placed)> {
        let mut head = [0; BEFORE_BODY + BODY_HEAD];
        self.file.seek(SeekFrom::Start(at)).ok()?;
        self.file.read_exact(&mut head).ok()?;
        let [a, b, c, d, _, _, _, _, kind, time @ ..] = head;
        let length = u32::from_le_bytes([a, b, c, d]);
        let offset = at + BEFORE_BODY as u64;
        let is_whole = (BODY_HEAD as u32..LONGEST).contains(&length) && offset + u64::from(length) <= total;
        let time = Duration::from_micros(u64::from_le_bytes(time));
        is_whole.then_some((kind, Placed { time, offset, length }))
    }

    /// The checked content of a record.
    fn content(&mut self, placed: Placed) -> Result<Vec<u8>, String> {
        let damaged = |error: std::io::Error| error.to_string();
        let mut body = vec![0; placed.length as usize];
        let mut checksum = [0; 4];
        self.file.seek(SeekFrom::Start(placed.offset - 4)).map_err(damaged)?;
        self.file.read_exact(&mut checksum).map_err(damaged)?;
        self.file.read_exact(&mut body).map_err(damaged)?;
        if crc32c::crc32c(&body) != u32::from_le_bytes(checksum) {
            return Err("a record of it is damaged".into());
        }
        Ok(body.split_off(BODY_HEAD))
    }

    /// A frame.
    ///
    /// # Errors
    /// [`JournalError::Read`] where it is damaged.
    pub fn frame(&mut self, placed: Placed) -> Result<Frame, JournalError> {
        let content = self.content(placed);
        let frame = content.and_then(|content| coding::decode(&content));
        frame.map_err(|reason| JournalError::Read { path: self.path.clone(), reason })
    }
}
