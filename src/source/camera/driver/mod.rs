//! Reading from an open camera: on Linux by V4L2 itself, elsewhere by nokhwa.
//!
//! nokhwa names cameras everywhere, and opens them elsewhere than on Linux. There it hides too much: how many bytes of a buffer
//! are new, the driver's mark on a damaged one, rows with padding, formats that it has no name for (UYVY, GREY, Y16), rates such
//! as 25/2; and it waits for ever for a camera that has frozen. So on Linux the crate on which nokhwa itself stands is used.

#[cfg(target_os = "linux")]
mod linux;
#[cfg_attr(target_os = "linux", allow(dead_code))]
mod other;
mod stream;

use super::failure::Failure;
use super::mode::{CameraMode, Mode};

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use other as system;

pub(super) use stream::{Obtained, Place, Stream};

/// False where a device is certainly none.
pub(super) fn is_camera(place: &Place<'_>) -> bool {
    system::is_camera(place)
}

/// What a camera offers; all modes of a format stand together.
pub(super) fn offers(place: &Place<'_>) -> Result<Vec<CameraMode>, Failure> {
    system::offers(place)
}

/// Opens a camera in a mode.
pub(super) fn open(place: &Place<'_>, mode: Mode) -> Result<Box<dyn Stream>, Failure> {
    system::open(place, mode)
}
