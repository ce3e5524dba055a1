//! The pages of a TIFF, each a picture: scans of several sheets, stacks of a microscope.
//!
//! [`Pages`] is used on the capture thread. In the window a page stands until another one is asked for, as the pictures of a
//! folder do.

#[cfg(test)]
mod tests;
mod tiff;

use std::fs::File;
use std::io::BufReader;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::tiff::Tiff;
use super::decoding::Decoding;
use super::frame_source::{FrameSource, SourceError};
use super::still::{self, StepHandle};
use crate::frame::Frame;

/// The pages of one file as a source of frames.
pub struct Pages {
    path: PathBuf,
    tiff: Tiff<BufReader<File>>,
    every: usize,
    decoding: Decoding,
    hold: bool,
    steps: StepHandle,
    /// The page last given or tried, as one of those that are wanted; `None` before the first.
    current: Option<usize>,
    next_id: u64,
    /// That pages are missing at the end, until it is told.
    missing: Option<String>,
    name: Arc<str>,
    description: Arc<str>,
}

/// True where a file is one of [`Pages`].
pub fn has_pages(path: &Path) -> bool {
    open(path).is_some()
}

fn open(path: &Path) -> Option<Tiff<BufReader<File>>> {
    // Opening a pipe or a device could block.
    let file = path.is_file().then(|| File::open(path).ok())??;
    Tiff::open(BufReader::new(file)).filter(|tiff| tiff.count() > 1 || tiff.count() == 1 && tiff.is_cut_off())
}

impl Pages {
    /// `None` where a file is no TIFF or has one page. Of `every` pages one is given.
    ///
    /// `hold` (in the window): each page is given once, and the next call waits for a [`StepHandle`]. Otherwise each is given
    /// once, in order, with its number in the file, and then the source is at its end.
    ///
    /// A page that cannot be read is a [`SourceError::File`] from [`next_frame`](FrameSource::next_frame); asking again goes
    /// on behind it.
    pub fn open(path: &Path, every: NonZeroU32, decoding: Decoding, hold: bool) -> Option<Self> {
        let tiff = open(path)?;
        let missing = tiff.is_cut_off().then(|| match tiff.count() {
            1 => "the file is cut off: 1 page of it was read, and there were more".to_owned(),
            count => format!("the file is cut off: {count} pages of it were read, and there were more"),
        });
        let name: Arc<str> = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into();
        Some(Self {
            path: path.to_owned(),
            tiff,
            every: every.get() as usize,
            decoding,
            hold,
            steps: StepHandle::default(),
            current: None,
            next_id: 0,
            missing,
            description: name.clone(),
            name,
        })
    }

    /// A handle on this source for other threads.
    pub fn step_handle(&self) -> StepHandle {
        self.steps.clone()
    }

    /// How many pages are wanted.
    fn wanted(&self) -> usize {
        self.tiff.count().div_ceil(self.every)
    }
}

impl FrameSource for Pages {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let Some(index) = self.steps.advance(self.current, self.wanted(), self.hold) else {
            return match std::mem::take(&mut self.missing) {
                Some(reason) if !self.hold => {
                    Err(SourceError::Incomplete { path: self.path.clone(), reason })
                }
                _ => Ok(None),
            };
        };
        self.current = Some(index);
        let page = index * self.every;
        let place = format!("{} · page {} of {}", self.name, page + 1, self.tiff.count());
        self.description = format!("{place} · cannot be read").into();
        // In the window a page may come several times, and its frames are told apart by their numbers.
        let id = if self.hold { self.next_id } else { page as u64 };
        self.next_id += 1;
        let of_page = |reason: String| SourceError::file(&self.path, format!("page {}: {reason}", page + 1));
        let bytes = self.tiff.page(page).map_err(|error| of_page(tiff::in_words(&error)))?;
        let frame = still::frame_of(&self.path, bytes, self.decoding, id).map_err(|error| match error {
            SourceError::File { reason, .. } => of_page(reason),
            other => other,
        })?;
        self.description = format!("{place} · {}×{}", frame.width, frame.height).into();
        Ok(Some(frame))
    }

    fn is_live(&self) -> bool {
        false
    }

    fn take_notes(&mut self) -> Vec<String> {
        let told = self.missing.take_if(|_| self.hold);
        told.into_iter().map(|missing| format!("{}: {missing}", self.name)).collect()
    }

    fn count(&self) -> Option<usize> {
        Some(self.wanted())
    }

    fn describe(&self) -> Arc<str> {
        self.description.clone()
    }
}
