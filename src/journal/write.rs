//! Writing: a thread of its own adds records, so that neither the source nor the view waits for the disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::{BODY_HEAD, Done, End, HEAD, JournalError, Start, coding, file_in};
use crate::frame::Frame;

/// Frames that may wait for the disk. What the user did, which is small, always may: no key waits for a disk.
const QUEUE: usize = 8;

/// How many bytes a session may take: `--session-limit 500MB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub u64);

impl Default for Limit {
    fn default() -> Self {
        Self(4_000_000_000)
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}MB", self.0 / 1_000_000)
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim().to_ascii_uppercase();
        let units = [("GB", 1e9), ("MB", 1e6), ("G", 1e9), ("M", 1e6)];
        let read = units.iter().find_map(|(unit, bytes)| {
            let number: f64 = text.strip_suffix(unit)?.trim().parse().ok()?;
            Some(number * bytes)
        });
        match read {
            Some(bytes) if (1e6..=1e15).contains(&bytes) => Ok(Self(bytes as u64)),
            _ => Err("a size such as 500MB or 4GB, at least 1MB".into()),
        }
    }
}

enum Record {
    Frame(Frame),
    Done(Done),
}

/// A journal that is being written. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JournalWriter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    began: Instant,
    records: Mutex<Option<Sender<(u64, Record)>>>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<WaitingFrames>,
    fewer: Condvar,
}

#[derive(Debug, Default)]
struct WaitingFrames {
    count: usize,
    lost: u64,
    /// Nothing is written any more.
    is_over: bool,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, WaitingFrames> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True where another frame may wait for the disk; if it `waits`, that is waited for.
    fn take_room(&self, waits: bool) -> bool {
        let is_full = |waiting: &mut WaitingFrames| waiting.count >= QUEUE && !waiting.is_over;
        let mut waiting = self.waiting();
        if waits {
            waiting = self.fewer.wait_while(waiting, is_full).unwrap_or_else(PoisonError::into_inner);
        }
        if waiting.is_over {
            return false;
        }
        let has_room = waiting.count < QUEUE;
        waiting.count += usize::from(has_room);
        waiting.lost += u64::from(!has_room);
        has_room
    }

    fn give_room(&self) {
        self.waiting().count -= 1;
        self.fewer.notify_all();
    }

    fn end(&self) {
        self.waiting().is_over = true;
        self.fewer.notify_all();
    }
}

impl JournalWriter {
    /// Begins a journal in a folder, which is made where it is missing.
    ///
    /// # Errors
    /// [`JournalError`]; a session that is there is never touched.
    pub fn create(folder: &Path, start: &Start, limit: Limit) -> Result<Self, JournalError> {
        let path = file_in(folder);
        let disk = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => JournalError::Exists(folder.into()),
            _ => JournalError::Disk { path: path.clone(), source },
        };
        let made = std::fs::create_dir_all(folder);
        made.map_err(|source| JournalError::Disk { path: folder.into(), source })?;
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(disk)?;
        file.write_all(HEAD).map_err(disk)?;
        let start = serde_json::to_vec(start).map_err(|error| disk(error.into()))?;
        let written = HEAD.len() as u64 + add(&mut file, 0, 0, &start).map_err(disk)?;
        let (records, inbox) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        let (for_thread, name) = (shared.clone(), path.clone());
        let run = move || {
            if let Err(error) = write(file, written, limit, &inbox, &for_thread) {
                eprintln!("note: {}: the session is no longer recorded: {error}", name.display());
            }
            for_thread.end();
        };
        let thread = thread::Builder::new().name("journal".into()).spawn(run).map_err(disk)?;
        let (records, thread) = (Mutex::new(Some(records)), Mutex::new(Some(thread)));
        Ok(Self(Arc::new(Inner { began: Instant::now(), records, shared, thread })))
    }

    /// Adds a frame. `every`: waits for the disk where it is late; otherwise the frame is lost and counted.
    pub fn frame(&self, frame: Frame, every: bool) {
        if self.0.shared.take_room(every) {
            self.add(Record::Frame(frame));
        }
    }

    /// Adds what the user did.
    pub fn done(&self, done: Done) {
        self.add(Record::Done(done));
    }

    /// Writes what is waiting and ends the journal; the source may hold on to it.
    pub fn finish(&self) {
        *self.0.records.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic in the thread has been printed.
            let _ = thread.join();
        }
    }

    fn add(&self, record: Record) {
        let time = self.0.began.elapsed().as_micros() as u64;
        let records = self.0.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(records) = &*records {
            // A thread that has ended told why.
            let _ = records.send((time, record));
        }
    }
}

fn write(
    mut file: File,
    mut written: u64,
    limit: Limit,
    inbox: &Receiver<(u64, Record)>,
    shared: &Shared,
) -> io::Result<()> {
    let mut last = 0;
    let mut is_full = false;
    for (time, record) in inbox {
        let (kind, content) = match record {
            Record::Frame(frame) => {
                shared.give_room();
                (1, coding::encode(&frame).map_err(io::Error::other)?)
            }
            Record::Done(done) => (2, serde_json::to_vec(&done)?),
        };
        last = time;
        if written + (content.len() as u64) > limit.0 {
            is_full = true;
            eprintln!(
                "note: the recorded session is as large as it may be ({limit}): it ends here, and the view goes on; \
                 --session-limit allows more"
            );
            break;
        }
        written += add(&mut file, kind, time, &content)?;
    }
    let lost = shared.waiting().lost;
    if lost > 0 {
        eprintln!("note: the disk was too slow for {lost} frames, which are not in the recorded session");
    }
    add(&mut file, 3, last, &serde_json::to_vec(&End { lost, is_full })?)?;
    Ok(())
}

/// Adds a record with one call: what a kill leaves is whole records, and a last one that is told by its checksum.
fn add(file: &mut File, kind: u8, time: u64, content: &[u8]) -> io::Result<u64> {
    let mut body = Vec::with_capacity(8 + BODY_HEAD + content.len());
    body.extend(((content.len() + BODY_HEAD) as u32).to_le_bytes());
    body.extend([0; 4]);
    body.push(kind);
    body.extend(time.to_le_bytes());
    body.extend(content);
    let checksum = crc32c::crc32c(&body[8..]);
    body[4..8].copy_from_slice(&checksum.to_le_bytes());
    file.write_all(&body)?;
    Ok(body.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_wait_for_the_disk_or_are_lost_and_counted() {
        let shared = Arc::new(Shared::default());
        assert!((0..QUEUE).all(|_| shared.take_room(false)));
        assert!(!shared.take_room(false) && shared.waiting().lost == 1);
        let waits = shared.clone();
        let thread = thread::spawn(move || waits.take_room(true));
        shared.give_room();
        assert!(thread.join().unwrap() && shared.waiting().count == QUEUE);
        // Who waits for a disk that has failed goes on.
        let waits = shared.clone();
        let thread = thread::spawn(move || waits.take_room(true));
        shared.end();
        assert!(!thread.join().unwrap() && shared.waiting().lost == 1);
    }
}
