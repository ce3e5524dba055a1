//! What goes wrong in nokhwa and in drivers, in words, and their panics as errors.

use std::panic::{self, AssertUnwindSafe};

use nokhwa::NokhwaError;

pub(super) const UNPLUGGED: &str = "it is unplugged: plug it in again";

/// nokhwa passes on what the system said as text only.
fn os_error(error: &NokhwaError) -> Option<i32> {
    error.to_string().rsplit_once("(os error ")?.1.split(')').next()?.parse().ok()
}

/// nokhwa found no picture format at such a node, or the node knows no frame rate (ENOTTY).
pub(super) fn is_not_a_camera(error: &NokhwaError) -> bool {
    let is_without_format =
        matches!(error, NokhwaError::GetPropertyError { property, .. } if property == "CameraFormat");
    is_without_format || os_error(error) == Some(25)
}

pub(super) fn explain(error: &NokhwaError, path: &str) -> String {
    use NokhwaError::{GetPropertyError, SetPropertyError};
    match os_error(error) {
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
        Some(16) => return "another program uses it: close that one, or choose another camera".into(),
        Some(28) => return "the USB bus is full: use another port, a smaller size or MJPEG".into(),
        _ => {}
    }
    match error {
        _ if is_not_a_camera(error) => {
            format!("{path} sends no picture in a format and at a rate known here")
        }
        GetPropertyError { property, .. } if property == "FrameFormat" || property == "V4L2 FrameRate" => {
            format!(
                "it is set to a format or a fractional rate that cannot be read: change it with \
             `v4l2-ctl -d {path} --set-fmt-video=pixelformat=YUYV --set-parm=30`"
            )
        }
        SetPropertyError { property, .. } if property == "CameraFormat" => {
            "it does not keep to a mode that it offers: ask for another size, rate or format".into()
        }
        _ => error.to_string(),
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
