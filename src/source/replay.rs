//! A recorded session as a source: its frames as they came, at the moments at which they came or one by one.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::frame_source::{FrameSource, SourceError};
use super::still::StepHandle;
use crate::frame::Frame;
use crate::journal::{Journal, JournalError};

/// The frames of a journal.
pub struct Replay {
    journal: Journal,
    live: bool,
    held: bool,
    speed: f64,
    steps: StepHandle,
    /// Index of the frame that comes next.
    next: usize,
    /// When the beginning of the session would have been.
    began: Option<Instant>,
    notes: Vec<String>,
    name: Arc<str>,
}

impl Replay {
    /// `live`: at the moments at which they came, `speed` times as fast, and steps go so many seconds back or on. Otherwise
    /// each frame is given once; where `held`, behind the first each waits for a step.
    ///
    /// # Errors
    /// [`SourceError::File`] where it cannot be read, or has no frame.
    pub fn open(folder: &Path, live: bool, held: bool, speed: f64) -> Result<Self, SourceError> {
        let journal = Journal::open(folder).map_err(|error| match error {
            JournalError::Read { path, reason } => SourceError::File { path, reason },
            other => SourceError::file(folder, other.to_string()),
        })?;
        if journal.frames.is_empty() {
            return Err(SourceError::file(folder, "the recorded session has no frame"));
        }
        let mut notes = vec![];
        if journal.end.is_none() {
            let cut = match journal.cut_off {
                0 => String::new(),
                bytes => format!(" ({bytes} bytes at its end are left out)"),
            };
            notes.push(format!(
                "the recording broke off; its {} whole frames are shown{cut}",
                journal.frames.len()
            ));
        }
        if let Some(lost) = journal.end.as_ref().map(|end| end.lost).filter(|lost| *lost > 0) {
            notes.push(format!("{lost} frames came faster than the disk took them, and are missing"));
        }
        let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into();
        let steps = StepHandle::default();
        Ok(Self { journal, live, held, speed, steps, next: 0, began: None, notes, name })
    }

    /// How another thread steps.
    pub fn step_handle(&self) -> StepHandle {
        self.steps.clone()
    }

    /// Waits for the moment of the next frame; false where it was ended meanwhile. Frames whose moment passed are left out.
    fn wait(&mut self) -> bool {
        loop {
            let Some(placed) = self.journal.frames.get(self.next) else {
                // At its end: what is shown stays until someone goes back.
                match self.steps.wait_for(Duration::from_secs(1)) {
                    None => return false,
                    Some(0) => continue,
                    Some(by) => self.seek(by),
                }
                continue;
            };
            let due = placed.time.div_f64(self.speed);
            let began =
                *self.began.get_or_insert_with(|| Instant::now() - due.min(Duration::from_secs(86_400)));
            let now = began.elapsed();
            if now >= due {
                let is_past = |time: Duration| time.div_f64(self.speed) <= now;
                while self.journal.frames.get(self.next + 1).is_some_and(|later| is_past(later.time)) {
                    self.next += 1;
                }
                return true;
            }
            match self.steps.wait_for(due - now) {
                None => return false,
                Some(0) => {}
                Some(by) => self.seek(by),
            }
        }
    }

    /// False where it was ended meanwhile.
    fn wait_for_step(&self) -> bool {
        loop {
            match self.steps.wait_for(Duration::from_secs(1)) {
                None => return false,
                Some(0) => {}
                Some(_) => return true,
            }
        }
    }

    /// So many seconds of the session on, or back.
    fn seek(&mut self, seconds: i64) {
        let frames = &self.journal.frames;
        let at = frames.get(self.next.min(frames.len() - 1)).map_or(Duration::ZERO, |placed| placed.time);
        let by = Duration::from_secs(seconds.unsigned_abs());
        let wanted = if seconds < 0 { at.saturating_sub(by) } else { at + by };
        self.next = frames.partition_point(|placed| placed.time < wanted).min(frames.len() - 1);
        self.began = None;
    }
}

impl FrameSource for Replay {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        if self.live {
            if !self.wait() {
                return Ok(None);
            }
        } else {
            let waits = self.held && self.next > 0;
            if waits && !self.wait_for_step() {
                return Ok(None);
            }
        }
        let Some(placed) = self.journal.frames.get(self.next).copied() else { return Ok(None) };
        self.next += 1;
        let frame = self.journal.frame(placed);
        frame.map(Some).map_err(|error| SourceError::file(Path::new(&*self.name), error.to_string()))
    }

    fn is_live(&self) -> bool {
        self.live
    }

    /// At its end what is shown stays.
    fn can_fall_silent(&self) -> bool {
        false
    }

    fn count(&self) -> Option<usize> {
        Some(self.journal.frames.len())
    }

    fn rate(&self) -> Option<f64> {
        let (first, last) = (self.journal.frames.first()?, self.journal.frames.last()?);
        let seconds = last.time.saturating_sub(first.time).as_secs_f64();
        (seconds > 0.0).then(|| (self.journal.frames.len() - 1) as f64 / seconds)
    }

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes).into_iter().map(|note| format!("{}: {note}", self.name)).collect()
    }

    fn describe(&self) -> Arc<str> {
        let (at, count) = (self.next.min(self.journal.frames.len()), self.journal.frames.len());
        let time = |placed: Option<&crate::journal::Placed>| {
            let seconds = placed.map_or(0, |placed| placed.time.as_secs());
            format!("{}:{:02}", seconds / 60, seconds % 60)
        };
        let (now, all) = (self.journal.frames.get(at.saturating_sub(1)), self.journal.frames.last());
        format!("{} · replay · {at} of {count} · {} of {}", self.name, time(now), time(all)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PixelFormat;
    use crate::journal::{JournalWriter, Limit, Start};

    fn recorded(frames: u64) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let journal = JournalWriter::create(folder.path(), &Start::default(), Limit::default()).unwrap();
        for id in 0..frames {
            let frame = Frame::new(id, (2, 2), PixelFormat::Rgb8, &[id as u8; 12], "a".into()).unwrap();
            journal.frame(frame, true);
        }
        journal.finish();
        folder
    }

    fn ids(replay: &mut Replay) -> Vec<u64> {
        std::iter::from_fn(|| replay.next_frame().unwrap()).map(|frame| frame.id).collect()
    }

    #[test]
    fn off_screen_each_frame_comes_once_and_held_ones_wait_for_steps() {
        let folder = recorded(4);
        let mut replay = Replay::open(folder.path(), false, false, 1.0).unwrap();
        assert_eq!((ids(&mut replay), replay.take_notes()), (vec![0, 1, 2, 3], vec![]));
        let mut replay = Replay::open(folder.path(), false, true, 1.0).unwrap();
        assert_eq!(replay.next_frame().unwrap().unwrap().id, 0);
        replay.step_handle().step(1);
        assert_eq!(replay.next_frame().unwrap().unwrap().id, 1);
        replay.step_handle().close();
        assert!(replay.next_frame().unwrap().is_none());
    }

    #[test]
    fn going_back_begins_again_and_on_ends_at_the_last() {
        let folder = recorded(4);
        let mut replay = Replay::open(folder.path(), true, false, 1e6).unwrap();
        replay.seek(60);
        assert_eq!(replay.next_frame().unwrap().unwrap().id, 3);
        // At the end it waits until someone goes back.
        replay.step_handle().step(-60);
        assert!(replay.next_frame().unwrap().is_some());
        replay.seek(-60);
        assert_eq!(replay.next, 0);
    }

    #[test]
    fn a_session_that_broke_off_says_so() {
        let folder = recorded(3);
        let path = crate::journal::file_in(folder.path());
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let mut replay = Replay::open(folder.path(), false, false, 1.0).unwrap();
        assert!(replay.take_notes()[0].contains("the recording broke off; its 3 whole frames"));
        assert_eq!(ids(&mut replay), [0, 1, 2]);
        let nothing = recorded(0);
        assert!(Replay::open(nothing.path(), false, false, 1.0).is_err());
    }
}
