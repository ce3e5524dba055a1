//! Files of pictures that follow each other by themselves and are no videos: GIF, WebP and PNG that move, and JPEG behind JPEG
//! as capture programs and network cameras write it.
//!
//! An [`Animation`] is opened and used on the capture thread. In the window it plays again and again, as videos do.

mod jpegs;
mod moving;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use self::jpegs::Jpegs;
use self::moving::{Moving, Timed};
use super::decoding::Decoding;
use super::frame_source::{FrameSource, SourceError};
use super::still;
use crate::frame::Frame;

/// A file's pictures from the first one on.
enum Reader {
    Moving(Moving),
    Jpegs(Jpegs),
}

impl Reader {
    /// `None` where the file holds one picture at most, or something else.
    fn open(path: &Path) -> Option<Self> {
        // Opening a pipe or a device could block.
        if !path.is_file() {
            return None;
        }
        let mut file = BufReader::new(File::open(path).ok()?);
        let mut head = Vec::new();
        file.by_ref().take(jpegs::HEAD_BYTES).read_to_end(&mut head).ok()?;
        file.rewind().ok()?;
        match head.get(..4)? {
            b"GIF8" | b"RIFF" | b"\x89PNG" => Moving::open(file).map(Self::Moving),
            _ => Jpegs::open(&head, file).map(Self::Jpegs),
        }
    }

    /// The next picture, with this number; `None` behind the last one.
    ///
    /// # Errors
    /// In words, where the file is cut off or damaged.
    fn read(&mut self, path: &Path, decoding: Decoding, id: u64) -> Result<Option<Timed>, String> {
        match self {
            Self::Moving(moving) => moving.read(path, decoding, id),
            Self::Jpegs(jpegs) => match jpegs.read()? {
                Some(bytes) => match still::frame_of(path, bytes, decoding, id) {
                    Ok(frame) => Ok(Some((frame, jpegs::DELAY))),
                    Err(SourceError::File { reason, .. }) => Err(reason),
                    Err(error) => Err(error.to_string()),
                },
                None => Ok(None),
            },
        }
    }

    /// Passes over the next picture; false behind the last one.
    fn skip(&mut self) -> Result<bool, String> {
        match self {
            Self::Moving(moving) => moving.skip(),
            Self::Jpegs(jpegs) => Ok(jpegs.read()?.is_some()),
        }
    }
}

/// True where a file is an [`Animation`].
pub fn is_animation(path: &Path) -> bool {
    Reader::open(path).is_some()
}

/// The pictures of one file, one after the other.
pub struct Animation {
    path: PathBuf,
    every: NonZeroU32,
    decoding: Decoding,
    live: bool,
    /// `None` behind the end of a round.
    reader: Option<Reader>,
    /// Pictures read in this round, with those passed over.
    read: u64,
    next_id: u64,
    /// How long the last picture stands.
    delay: Duration,
    /// When the next picture is due.
    due: Instant,
    damage_is_told: bool,
    notes: Vec<String>,
    name: Arc<str>,
    description: Arc<str>,
}

impl Animation {
    /// `None` where the file holds one picture at most, or is something else. Of `every` pictures one is given; its number is
    /// the one it has in the file.
    ///
    /// `live` (in the window): it keeps its own time and begins anew at its end. Otherwise each picture is given once, and then
    /// the source is at its end. Where the file is cut off or damaged, the pictures before that are given, and then
    /// [`SourceError::Incomplete`] once (`live`: a note).
    pub fn open(path: &Path, every: NonZeroU32, decoding: Decoding, live: bool) -> Option<Self> {
        let reader = Some(Reader::open(path)?);
        let name: Arc<str> = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into();
        Some(Self {
            path: path.to_owned(),
            every,
            decoding,
            live,
            reader,
            read: 0,
            next_id: 0,
            delay: Duration::ZERO,
            due: Instant::now(),
            damage_is_told: false,
            notes: vec![],
            description: name.clone(),
            name,
        })
    }

    /// The next picture that is wanted of this round; `None` at its end.
    fn next_of_round(&mut self) -> Result<Option<Timed>, String> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        while !self.read.is_multiple_of(self.every.get().into()) {
            if !reader.skip()? {
                return Ok(None);
            }
            self.read += 1;
        }
        let timed = reader.read(&self.path, self.decoding, self.next_id)?;
        self.read += u64::from(timed.is_some());
        Ok(timed)
    }

    /// Shows a picture no sooner than it is due, and not faster than the one before stands.
    fn wait(&mut self, delay: Duration) {
        let now = Instant::now();
        thread::sleep(self.due.saturating_duration_since(now));
        self.due = self.due.max(now) + delay * self.every.get();
    }
}

impl FrameSource for Animation {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        loop {
            let trouble = match self.next_of_round() {
                Ok(Some((frame, delay))) => {
                    self.delay = delay;
                    if self.live {
                        self.wait(delay);
                    }
                    self.next_id += u64::from(self.every.get());
                    let (width, height) = (frame.width, frame.height);
                    self.description = format!("{} · {width}×{height} animation", self.name).into();
                    return Ok(Some(frame));
                }
                Ok(None) => None,
                Err(trouble) => Some(trouble),
            };
            let read = self.read;
            self.reader = None;
            self.read = 0;
            if let Some(trouble) = trouble.filter(|_| !std::mem::replace(&mut self.damage_is_told, true)) {
                let reason = match read {
                    1 => format!("1 picture of it was read; the next one: {trouble}"),
                    _ => format!("{read} pictures of it were read; the next one: {trouble}"),
                };
                match self.live {
                    true => self.notes.push(reason),
                    false => return Err(SourceError::Incomplete { path: self.path.clone(), reason }),
                }
            }
            if !self.live || read == 0 {
                return Ok(None);
            }
            self.reader = Reader::open(&self.path);
        }
    }

    fn is_live(&self) -> bool {
        self.live
    }

    fn rate(&self) -> Option<f64> {
        let stands = (self.delay * self.every.get()).as_secs_f64();
        (stands > 0.0).then(|| 1.0 / stands)
    }

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes).into_iter().map(|note| format!("{}: {note}", self.name)).collect()
    }

    fn describe(&self) -> Arc<str> {
        self.description.clone()
    }
}
