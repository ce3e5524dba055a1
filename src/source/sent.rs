//! Pictures that come from elsewhere as JPEG, such as those of the camera of a browser's machine.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::decoding::Decoding;
use super::frame_source::{FrameSource, SourceError};
use super::still::frame_of;
use crate::frame::Frame;
use crate::latest::{LatestSlot, Taken};

/// What it is called.
const NAME: &str = "camera of the page";

/// Where nothing comes for so long, that is told.
const SILENCE: Duration = Duration::from_secs(2);

/// What is put into a slot, until that is closed.
pub(super) struct SentPictures {
    slot: Arc<LatestSlot<Vec<u8>>>,
    next_id: u64,
    description: Arc<str>,
}

impl SentPictures {
    pub fn new(slot: Arc<LatestSlot<Vec<u8>>>) -> Self {
        Self { slot, next_id: 0, description: NAME.into() }
    }
}

impl FrameSource for SentPictures {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let trouble = |reason: &str| SourceError::Camera { camera: NAME.into(), reason: reason.into() };
        match self.slot.take(SILENCE) {
            Taken::Value(jpeg) => {
                let frame = frame_of(Path::new(NAME), jpeg, Decoding::default(), self.next_id);
                let frame = frame.map_err(|error| SourceError::DamagedFrame {
                    camera: NAME.into(),
                    reason: error.to_string(),
                })?;
                self.next_id += 1;
                self.description = format!("{NAME} · {}×{}", frame.width, frame.height).into();
                Ok(Some(Frame { captured: Instant::now(), ..frame }))
            }
            Taken::Nothing => Err(trouble("it has sent nothing for 2 s")),
            // The session goes on with another source.
            Taken::Closed => Err(trouble("it was switched off, or its page is gone")),
        }
    }

    fn is_live(&self) -> bool {
        true
    }

    fn describe(&self) -> Arc<str> {
        self.description.clone()
    }
}
