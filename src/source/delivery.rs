//! How a source is to give its pictures, and what it is once it is open.

use std::num::NonZeroU32;

use super::camera::CameraRequest;
use super::decoding::Decoding;
use super::frame_source::FrameSource;
use super::still::StepHandle;

/// How a source is to give its pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Of a camera.
    pub camera: CameraRequest,
    /// Of a file of several pictures (a video) one of so many is given, from the first on.
    pub every: NonZeroU32,
    /// Of files of pictures.
    pub decoding: Decoding,
    /// How fast a recorded session is shown in the window, as a multiple of its own time.
    pub speed: f64,
    /// Of a recorded session, off screen: behind the first, each frame waits for a step.
    pub held: bool,
    /// In the window: a picture stays until another is asked for, a video plays again and again, and it and the test card
    /// keep time.
    pub live: bool,
}

/// Each picture once, as fast as it is taken.
impl Default for Delivery {
    fn default() -> Self {
        Self {
            camera: CameraRequest::default(),
            every: NonZeroU32::MIN,
            decoding: Decoding::default(),
            speed: 1.0,
            held: false,
            live: false,
        }
    }
}

/// A source that is open.
pub struct Opened {
    /// The source; stays on the thread that opened it.
    pub source: Box<dyn FrameSource>,
    /// How other threads ask for another picture of a folder.
    pub steps: Option<StepHandle>,
    /// What was opened instead of what was wanted, and how to get that.
    pub notice: Option<String>,
}

impl Opened {
    pub(super) fn plain(source: impl FrameSource + 'static) -> Self {
        Self { source: Box::new(source), steps: None, notice: None }
    }
}
