//! What goes wrong in nokhwa and in drivers, in words, and their panics as errors.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use nokhwa::NokhwaError;

pub(super) const UNPLUGGED: &str = "it is unplugged: plug it in again";

/// Why a camera gives nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// What the system said.
    System(io::Error),
    /// What nokhwa said.
    Nokhwa(NokhwaError),
    /// It is something else.
    NoCamera,
    /// It took another mode than the one that it was asked for.
    NotKept,
    /// Nothing came for so long.
    Silent(Duration),
    /// One picture is not whole, and why.
    Damaged(String),
    /// A library has not understood the driver.
    Strange(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<NokhwaError> for Failure {
    fn from(error: NokhwaError) -> Self {
        Self::Nokhwa(error)
    }
}

impl Failure {
    fn os_error(&self) -> Option<i32> {
        match self {
            Self::System(error) => error.raw_os_error(),
            // nokhwa passes on what the system said as text only.
            Self::Nokhwa(error) => {
                error.to_string().rsplit_once("(os error ")?.1.split(')').next()?.parse().ok()
            }
            _ => None,
        }
    }

    /// It is no camera at all: it has no picture format, or knows none of the calls (ENOTTY).
    pub fn is_not_a_camera(&self) -> bool {
        let is_without_format = match self {
            Self::NoCamera => true,
            Self::Nokhwa(NokhwaError::GetPropertyError { property, .. }) => property == "CameraFormat",
            _ => false,
        };
        is_without_format || self.os_error() == Some(25)
    }

    /// In words, with what to do.
    pub fn explain(&self, path: &str) -> String {
        match self.os_error() {
            Some(1 | 13) => {
                return format!(
                    "no permission to open {path}: join the `video` group with \
                     `sudo usermod -aG video $USER`, then log in again"
                );
            }
            Some(2 | 6 | 19) => return UNPLUGGED.into(),
            Some(5) => {
                return "it answers with an input/output error: unplug it and plug it in again, or ask for another size \
                        or format"
                    .into();
            }
            Some(16) => {
                return "another program uses it: close that one, or choose another camera".into();
            }
            Some(28) => {
                return "the USB bus is full: use another port, a smaller size or MJPEG".into();
            }
            _ => {}
        }
        match self {
            _ if self.is_not_a_camera() => {
                format!("{path} sends no picture in a format and at a rate known here")
            }
            Self::NotKept => {
                "it does not keep to a mode that it offers: ask for another size, rate or format".into()
            }
            Self::Silent(patience) => format!(
                "it has sent nothing for {} s: it has frozen, or is covered by another program; it is waited for, and opened again",
                patience.as_secs().max(1)
            ),
            Self::Damaged(reason) | Self::Strange(reason) => reason.clone(),
            Self::System(error) => error.to_string(),
            Self::Nokhwa(error) => error.to_string(),
            Self::NoCamera => String::new(),
        }
    }
}

pub(super) fn contain_nokhwa<T>(call: impl FnOnce() -> Result<T, NokhwaError>) -> Result<T, NokhwaError> {
    contain(call).unwrap_or_else(|panic| Err(NokhwaError::GeneralError(panic)))
}

/// A panic of a library as an error: v4l unwraps what drivers answer, and a camera must not end the program.
pub(super) fn contain<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(call)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or(payload.downcast_ref::<&str>().copied());
        format!("the driver's answer was not understood ({})", text.unwrap_or("no message"))
    })
}
