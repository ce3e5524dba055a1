//! Pictures from files: one, or those of a folder, one after the other.
//!
//! [`Pictures`] is used on the capture thread. A [`StepHandle`] may be used on any thread: it is how the
//! window asks for another picture, and how it ends the waiting.

mod decode;

use std::cmp::Ordering;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use image::ImageFormat;

use self::decode::{Picture, decode, decode_from};
use super::decoding::Decoding;
use super::frame_source::{FrameSource, SourceError};
use crate::frame::{Frame, PixelFormat};

/// One picture, or the pictures of a folder, as a source of frames.
#[derive(Debug)]
pub struct Pictures {
    /// What the user named, when that is a folder.
    folder: Option<PathBuf>,
    /// Never empty.
    files: Vec<PathBuf>,
    decoding: Decoding,
    hold: bool,
    steps: StepHandle,
    /// Index in `files` of the picture last given or tried; `None` before the first.
    current: Option<usize>,
    /// A picture named alone, decoded when the source was opened.
    decoded: Option<Picture>,
    next_id: u64,
    description: Arc<str>,
}

impl Pictures {
    /// A picture (decoded here), or a folder (listed here; only the files directly in it whose names end
    /// like a picture's and do not begin with a dot, in the natural order of their names: 2 before 10).
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
        let kind = fs::metadata(path).map_err(|error| SourceError::unreadable(path, &error))?;
        let mut pictures = Self {
            folder: None,
            files: Vec::new(),
            decoding,
            hold,
            steps: StepHandle::default(),
            current: None,
            decoded: None,
            next_id: 0,
            description: "".into(),
        };
        if kind.is_dir() {
            pictures.files = pictures_in(path)?;
            let count = pictures.files.len();
            let pictures_word = if count == 1 { "picture" } else { "pictures" };
            pictures.description = format!("{} · {count} {pictures_word}", path.display()).into();
            pictures.folder = Some(path.to_owned());
        } else if kind.is_file() {
            let picture = decode(path, decoding)?;
            pictures.files.push(path.to_owned());
            pictures.description = pictures.description_of(0, Some(&picture));
            pictures.decoded = Some(picture);
        } else {
            // A pipe or a device could block or never end.
            return Err(SourceError::file(
                path,
                "is neither a file nor a folder: name a picture, a folder or a video",
            ));
        }
        Ok(pictures)
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

    fn description_of(&self, index: usize, picture: Option<&Picture>) -> Arc<str> {
        let path = &self.files[index];
        let name = name_of(path);
        let size = match picture {
            Some(picture) => format!("{}×{}", picture.width, picture.height),
            None => "cannot be read".into(),
        };
        match &self.folder {
            Some(folder) => {
                let (number, count) = (index + 1, self.files.len());
                format!("{} · {number} of {count} · {name} · {size}", folder.display()).into()
            }
            None => format!("{name} · {size}").into(),
        }
    }
}

impl FrameSource for Pictures {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let Some(index) = self.advance() else { return Ok(None) };
        let decoded = match self.decoded.take() {
            Some(picture) => Ok(picture),
            None => decode(&self.files[index], self.decoding),
        };
        self.description = self.description_of(index, decoded.as_ref().ok());
        let picture = decoded?;
        let frame = frame(&self.files[index], &picture, self.next_id)?;
        self.next_id += 1;
        Ok(Some(frame))
    }

    fn is_live(&self) -> bool {
        false
    }

    fn count(&self) -> Option<usize> {
        Some(self.files.len())
    }

    fn describe(&self) -> Arc<str> {
        self.description.clone()
    }
}

/// A picture of a file as a frame with this number.
fn frame(path: &Path, picture: &Picture, id: u64) -> Result<Frame, SourceError> {
    let size = (picture.width, picture.height);
    let frame = Frame::new(id, size, PixelFormat::Rgb8, &picture.rgb, name_of(path))
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
    frame(path, &decode_from(Cursor::new(bytes), path, decoding)?, id)
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

/// The pictures directly in a folder, in natural order.
fn pictures_in(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| SourceError::unreadable(folder, &error))? {
        let path = entry.map_err(|error| SourceError::unreadable(folder, &error))?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let named_so = path
            .extension()
            .and_then(ImageFormat::from_extension)
            .is_some_and(|format| format.reading_enabled());
        if named_so && !hidden && path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(SourceError::EmptyFolder(folder.to_owned()));
    }
    files.sort_by(|a, b| natural_order(&name_of(a), &name_of(b)).then_with(|| a.cmp(b)));
    Ok(files)
}

/// Compares names as people order them: runs of digits by their value, letters whatever their case.
fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (digits_a, digits_b) = (leading_digits(a), leading_digits(b));
        if !digits_a.is_empty() && !digits_b.is_empty() {
            // Of numbers without leading zeros, the longer one is larger; there may be more digits than fit
            // any integer type.
            let (value_a, value_b) = (digits_a.trim_start_matches('0'), digits_b.trim_start_matches('0'));
            let order = value_a.len().cmp(&value_b.len()).then_with(|| value_a.cmp(value_b));
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (&a[digits_a.len()..], &b[digits_b.len()..]);
            continue;
        }
        let (mut rest_a, mut rest_b) = (a.chars(), b.chars());
        match (rest_a.next(), rest_b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(char_a), Some(char_b)) => {
                let order = char_a.to_lowercase().cmp(char_b.to_lowercase());
                if order != Ordering::Equal {
                    return order;
                }
            }
        }
        (a, b) = (rest_a.as_str(), rest_b.as_str());
    }
}

fn leading_digits(text: &str) -> &str {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}

/// What a file is called in the status line.
fn name_of(path: &Path) -> Arc<str> {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into()
}

#[cfg(test)]
mod tests;
