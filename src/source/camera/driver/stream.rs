//! A camera that is sending, whatever it is read by.

use std::time::{Duration, Instant};

use nokhwa::utils::CameraIndex;

use crate::source::camera::failure::Failure;
use crate::source::camera::pixels::Raw;
use crate::source::camera::rate::Rate;
use crate::source::camera::request::CameraFormat;

/// Where a camera is.
pub struct Place<'a> {
    /// What nokhwa knows it by.
    pub index: &'a CameraIndex,
    /// On Linux its device.
    pub path: &'a str,
}

/// What a camera really gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Obtained {
    pub format: CameraFormat,
    pub width: u32,
    pub height: u32,
    /// Where it tells.
    pub fps: Option<Rate>,
}

/// A camera that is sending.
pub trait Stream {
    /// What it gives.
    fn obtained(&self) -> Obtained;

    /// Waits for the next picture, where that is possible at most so long, and has it looked at.
    ///
    /// # Errors
    /// [`Failure::Silent`] where nothing came: asking again goes on. [`Failure::Damaged`]: the next one may be fine.
    fn grab(&mut self, patience: Duration, look: &mut dyn FnMut(&Raw<'_>, Instant)) -> Result<(), Failure>;
}
