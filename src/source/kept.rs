//! A source whose frames are kept in a journal as they come.

use std::sync::Arc;

use super::frame_source::{FrameSource, SourceError};
use crate::frame::Frame;
use crate::journal::JournalWriter;

/// Another source, and where its frames are kept.
pub(super) struct Kept {
    pub source: Box<dyn FrameSource>,
    pub journal: JournalWriter,
}

impl FrameSource for Kept {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let next = self.source.next_frame();
        if let Ok(Some(frame)) = &next {
            let frame = Frame { source: self.source.describe(), ..frame.clone() };
            // Of files every frame counts; a camera is never slowed down.
            self.journal.frame(frame, !self.source.is_live());
        }
        next
    }

    fn skip(&mut self) -> Result<bool, SourceError> {
        self.source.skip()
    }

    fn is_live(&self) -> bool {
        self.source.is_live()
    }

    fn can_fall_silent(&self) -> bool {
        self.source.can_fall_silent()
    }

    fn count(&self) -> Option<usize> {
        self.source.count()
    }

    fn rate(&self) -> Option<f64> {
        self.source.rate()
    }

    fn take_notes(&mut self) -> Vec<String> {
        self.source.take_notes()
    }

    fn describe(&self) -> Arc<str> {
        self.source.describe()
    }
}
