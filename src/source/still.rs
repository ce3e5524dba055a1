//! Pictures from files: one, or those of a folder, one after the other.
//!
//! [`Pictures`] is used on the capture thread. A [`StepHandle`] may be used on any thread: it is how the
//! window asks for another picture, and how it ends the waiting.

mod decode;
mod folder;

use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use self::decode::{Picture, decode, decode_from};
pub(super) use self::folder::by_path;
use super::decoding::Decoding;
use super::frame_source::{FrameSource, SourceError};
use super::kind::{self, Content};
use super::{pipe, unnamed};
use crate::frame::{Frame, PixelFormat};

/// One picture, or the pictures of a folder, as a source of frames.
#[derive(Debug)]
pub struct Pictures {
    /// What the user named, when that is a folder.
    folder: Option<PathBuf>,
    /// Never empty; of a folder, their paths in it.
    files: Vec<PathBuf>,
    decoding: Decoding,
    hold: bool,
    steps: StepHandle,
    /// Index in `files` of the picture last given or tried; `None` before the first.
    current: Option<usize>,
    /// A picture named alone, decoded when the source was opened.
    decoded: Option<Picture>,
    /// What came through a pipe, which cannot be read again.
    piped: Option<Frame>,
    next_id: u64,
    description: Arc<str>,
    notes: Vec<String>,
    /// Whether a file has other pictures beside the one that is decoded.
    holds_more: fn(&Path) -> bool,
}

impl Pictures {
    /// A picture (decoded here, also from a pipe), or a folder (listed here with all folders below it, folder by folder in
    /// the natural order of their names: 2 before 10; what is left out is told in a note).
    ///
    /// `decoding` says what is made of them.
    ///
    /// `hold` (in the window): each picture is given once, and the next call waits for a [`StepHandle`].
    /// Otherwise (off screen) each picture is given once, in order, and then the source is at its end.
    ///
    /// A picture of a folder that cannot be read is a [`SourceError::File`] from
    /// [`next_frame`](FrameSource::next_frame); asking again goes on behind it.
    ///
    /// # Errors
    /// [`SourceError::File`] when `path` is not there, may not be read or is no picture;
    /// [`SourceError::EmptyFolder`] when the folder holds no picture.
    pub fn open(path: &Path, decoding: Decoding, hold: bool) -> Result<Self, SourceError> {
        let about = fs::metadata(path);
        let is_input = about.is_err() && path == Path::new(pipe::STANDARD_INPUT);
        let mut pictures = Self::new(decoding, hold);
        if is_input || about.as_ref().is_ok_and(pipe::is_pipe) {
            pictures.files.push(pipe::name_of(path).into());
            let picture = pipe::read(path, |saved| read(saved, decoding))?;
            pictures.description = pictures.description_of(0, Some(&picture));
            pictures.piped = Some(frame(path, pictures.name(0), &picture, 0)?);
            return Ok(pictures);
        }
        let about = about.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => SourceError::file(path, unnamed::reason(path)),
            _ => SourceError::unreadable(path, &error),
        })?;
        if about.is_dir() {
            let listing = folder::list(path)?;
            pictures.notes.extend(listing.note().map(|note| format!("{}: {note}", path.display())));
            pictures.files = listing.pictures;
            let count = pictures.files.len();
            let pictures_word = if count == 1 { "picture" } else { "pictures" };
            pictures.description = format!("{} · {count} {pictures_word}", path.display()).into();
            pictures.folder = Some(path.to_owned());
        } else if about.is_file() {
            let picture = read(path, decoding)?;
            pictures.files.push(path.to_owned());
            pictures.description = pictures.description_of(0, Some(&picture));
            pictures.decoded = Some(picture);
        } else {
            // A device could block or never end.
            return Err(SourceError::file(path, unnamed::device(path)));
        }
        Ok(pictures)
    }

    /// Several pictures, in this order. Each that cannot be read is told of when it is its turn.
    pub fn of_files(files: &[PathBuf], decoding: Decoding, hold: bool) -> Self {
        let description = format!("{} pictures", files.len()).into();
        Self { files: files.to_vec(), description, ..Self::new(decoding, hold) }
    }

    /// A picture that has come from elsewhere, decoded here; it is called as its path ends.
    ///
    /// # Errors
    /// [`SourceError::File`] where it is no picture.
    pub fn of_bytes(
        path: &Path,
        bytes: Vec<u8>,
        decoding: Decoding,
        hold: bool,
    ) -> Result<Self, SourceError> {
        let picture = decode_from(Cursor::new(bytes), path, decoding)?;
        let mut pictures = Self { files: vec![path.to_owned()], ..Self::new(decoding, hold) };
        pictures.description = pictures.description_of(0, Some(&picture));
        pictures.piped = Some(frame(path, pictures.name(0), &picture, 0)?);
        Ok(pictures)
    }

    fn new(decoding: Decoding, hold: bool) -> Self {
        Self {
            folder: None,
            files: Vec::new(),
            decoding,
            hold,
            steps: StepHandle::default(),
            current: None,
            decoded: None,
            piped: None,
            next_id: 0,
            description: "".into(),
            notes: Vec::new(),
            holds_more: |_| false,
        }
    }

    /// Has it say, of pictures of a folder, where their files hold more than the one that is taken.
    pub fn telling_of_more(self, holds_more: fn(&Path) -> bool) -> Self {
        Self { holds_more, ..self }
    }

    /// A handle on this source for other threads.
    pub fn step_handle(&self) -> StepHandle {
        self.steps.clone()
    }

    /// The index of the picture to give now, waiting for a step where pictures are held.
    fn advance(&mut self) -> Option<usize> {
        self.current = Some(self.steps.advance(self.current, self.files.len(), self.hold)?);
        self.current
    }

    fn path(&self, index: usize) -> PathBuf {
        let file = &self.files[index];
        self.folder.as_ref().map_or_else(|| file.clone(), |folder| folder.join(file))
    }

    /// What a picture is called: of a folder, by its path in it.
    fn name(&self, index: usize) -> Arc<str> {
        let file = &self.files[index];
        if self.folder.is_some() { file.to_string_lossy().into() } else { name_of(file) }
    }

    fn description_of(&self, index: usize, picture: Option<&Picture>) -> Arc<str> {
        let name = self.name(index);
        let size = match picture {
            Some(picture) => format!("{}×{}", picture.width, picture.height),
            None => "cannot be read".into(),
        };
        match &self.folder {
            Some(folder) => {
                let (number, count) = (index + 1, self.files.len());
                format!("{} · {number} of {count} · {name} · {size}", folder.display()).into()
            }
            None if self.files.len() > 1 => {
                format!("{} of {} · {name} · {size}", index + 1, self.files.len()).into()
            }
            None => format!("{name} · {size}").into(),
        }
    }
}

const MORE: &str =
    "holds several pictures, of which the first is taken; named by itself it gives all of them";

impl FrameSource for Pictures {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let Some(index) = self.advance() else { return Ok(None) };
        if let Some(frame) = &self.piped {
            let frame = Frame { id: self.next_id, captured: Instant::now(), ..frame.clone() };
            self.next_id += 1;
            return Ok(Some(frame));
        }
        let decoded = match self.decoded.take() {
            Some(picture) => Ok(picture),
            None => read(&self.path(index), self.decoding),
        };
        self.description = self.description_of(index, decoded.as_ref().ok());
        let path = self.path(index);
        let mut frame = frame(&path, self.name(index), &decoded?, self.next_id)?;
        if self.files.len() + usize::from(self.folder.is_some()) > 1 && (self.holds_more)(&path) {
            let said = frame.note.iter().map(|note| format!("{note}; ")).collect::<String>();
            frame.note = Some(format!("{said}{MORE}").into());
        }
        self.next_id += 1;
        Ok(Some(frame))
    }

    /// Without opening the file.
    fn skip(&mut self) -> Result<bool, SourceError> {
        self.decoded = None;
        Ok(self.advance().is_some())
    }

    fn is_live(&self) -> bool {
        false
    }

    fn count(&self) -> Option<usize> {
        Some(self.files.len())
    }

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    fn describe(&self) -> Arc<str> {
        self.description.clone()
    }
}

/// A picture of a file as a frame with this number.
fn frame(path: &Path, name: Arc<str>, picture: &Picture, id: u64) -> Result<Frame, SourceError> {
    let size = (picture.width, picture.height);
    let frame = Frame::new(id, size, PixelFormat::Rgb8, &picture.rgb, name)
        .map_err(|error| SourceError::file(path, format!("not a picture that can be read: {error}")))?;
    Ok(Frame { note: picture.note.as_deref().map(Into::into), ..frame })
}

/// One of several pictures in a file, of which these are the bytes, as a frame with this number.
///
/// # Errors
/// As of a file with these bytes.
pub(super) fn frame_of(
    path: &Path,
    bytes: Vec<u8>,
    decoding: Decoding,
    id: u64,
) -> Result<Frame, SourceError> {
    frame(path, name_of(path), &decode_from(Cursor::new(bytes), path, decoding)?, id)
}

/// Moves a [`Pictures`] that holds its pictures, from any thread. Clones move the same source.
#[derive(Clone, Debug, Default)]
pub struct StepHandle {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    wanted: Mutex<Wanted>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Wanted {
    /// Steps asked for and not yet taken.
    by: i64,
    closed: bool,
}

impl StepHandle {
    // A thread that panicked while holding the lock left plain numbers behind: still usable.
    fn lock(&self) -> MutexGuard<'_, Wanted> {
        self.shared.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for another picture: +1 the next, −1 the previous; from the last one to the first and back.
    /// Steps that come while a picture is being read add up. A single picture is read again.
    pub fn step(&self, by: i64) {
        let mut wanted = self.lock();
        wanted.by = wanted.by.saturating_add(by);
        self.shared.changed.notify_all();
    }

    /// Ends the source: a call that waits, and every later one, gives `Ok(None)`.
    pub fn close(&self) {
        self.lock().closed = true;
        self.shared.changed.notify_all();
    }

    /// Which of `count` pictures to give behind the `current` one, waiting for a step where pictures are held; `None` at the
    /// end.
    pub(super) fn advance(&self, current: Option<usize>, count: usize, hold: bool) -> Option<usize> {
        match current {
            _ if self.is_closed() => None,
            None => Some(0),
            Some(current) if hold => {
                let by = self.wait()?.rem_euclid(count as i64);
                Some((current + by as usize) % count)
            }
            Some(current) => Some(current + 1).filter(|next| *next < count),
        }
    }

    fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits at most so long for steps and takes them (0: there were none); `None` once closed.
    pub(super) fn wait_for(&self, time: std::time::Duration) -> Option<i64> {
        let waits = |wanted: &mut Wanted| wanted.by == 0 && !wanted.closed;
        let waited = self.shared.changed.wait_timeout_while(self.lock(), time, waits);
        let (mut wanted, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if wanted.closed { None } else { Some(std::mem::take(&mut wanted.by)) }
    }

    /// Waits for steps and takes them (never 0); `None` once closed.
    fn wait(&self) -> Option<i64> {
        let mut wanted = self
            .shared
            .changed
            .wait_while(self.lock(), |wanted| wanted.by == 0 && !wanted.closed)
            .unwrap_or_else(PoisonError::into_inner);
        if wanted.closed { None } else { Some(std::mem::take(&mut wanted.by)) }
    }
}

/// What tells the pictures of a file or folder from those that were there at another time: names, lengths and times of change.
/// Empty for what cannot be read.
pub fn fingerprint(path: &Path) -> Vec<u8> {
    let mut print = vec![];
    let mut add = |name: &Path, path: &Path| {
        let about = fs::metadata(path).ok();
        let changed = about.as_ref().and_then(|about| about.modified().ok());
        let changed =
            changed.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
        print.extend_from_slice(name.as_os_str().as_encoded_bytes());
        print.extend(about.map_or(0, |about| about.len()).to_le_bytes());
        print.extend(changed.as_nanos().to_le_bytes());
    };
    match folder::list(path) {
        Ok(listing) if path.is_dir() => {
            listing.pictures.iter().for_each(|name| add(name, &path.join(name)));
        }
        _ => add(path, path),
    }
    print
}

/// What a file is called in the status line.
fn name_of(path: &Path) -> Arc<str> {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into()
}

/// Reads a picture, or says what else the file is.
fn read(path: &Path, decoding: Decoding) -> Result<Picture, SourceError> {
    match kind::of(path).map_err(|error| SourceError::unreadable(path, &error))? {
        Content::Other(kind) => Err(SourceError::file(path, kind::refusal(kind, path))),
        Content::Picture | Content::Unknown => decode(path, decoding),
    }
}

#[cfg(test)]
mod tests;
