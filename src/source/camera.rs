//! Cameras: finding them, choosing a mode, reading frames, coming back after an unplug.
//!
//! A [`CameraSource`] is opened, used and dropped on one thread, the capture thread. [`list`] may run on any.

mod devices;
mod driver;
mod failure;
mod mjpeg;
mod mode;
mod pixels;
mod rate;
mod request;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use self::devices::{Node, find};
use self::driver::{Obtained, Stream};
use self::failure::Failure;
use self::mode::choose;
use self::pixels::Unpacker;
use super::frame_source::{FrameSource, SourceError};
use crate::frame::Frame;

pub use self::devices::{CameraInfo, list, names, render_list};
pub use self::mode::{CameraMode, Sent};
pub use self::rate::Rate;
pub use self::request::{CameraFormat, CameraId, CameraRequest};

/// A camera that sends nothing for so long, and for so many frames, is told of.
const SILENCE: (Duration, f64) = (Duration::from_secs(2), 3.0);

/// The first picture may take longer: exposure and focus come first.
const STARTING: Duration = Duration::from_secs(5);

/// A camera that was silent so often in a row is closed and opened again.
const MOST_SILENT: u32 = 2;

/// A camera as a source of frames.
pub struct CameraSource {
    id: CameraId,
    request: CameraRequest,
    node: Node,
    /// `None` after a failure, until [`FrameSource::next_frame`] has opened the camera again.
    stream: Option<Open>,
    unpacker: Unpacker,
    next_id: u64,
    label: Arc<str>,
    description: Arc<str>,
}

/// A camera that is sending.
struct Open {
    stream: Box<dyn Stream>,
    /// How long it may send nothing.
    patience: Duration,
    /// How often in a row it has sent nothing for so long.
    silent: u32,
}

impl CameraSource {
    /// Opens a camera and starts it in the mode nearest to `request` (default 640×480 at 30 frames a second).
    /// [`FrameSource::describe`] tells what the camera really gave.
    ///
    /// # Errors
    /// [`SourceError::NoCamera`], [`SourceError::NoSuchCamera`], or [`SourceError::Camera`] where the camera
    /// lacks the requested format, may not be opened, or is in use.
    pub fn open(id: &CameraId, request: &CameraRequest) -> Result<Self, SourceError> {
        let (node, stream) = connect(id, request, None)?;
        let label = match id {
            CameraId::Index(index) => format!("camera {index}"),
            CameraId::Path(path) => format!("camera {}", path.display()),
        };
        Ok(Self {
            id: id.clone(),
            request: request.clone(),
            description: stream.describe(&node.name),
            node,
            stream: Some(stream),
            unpacker: Unpacker::default(),
            next_id: 0,
            label: label.into(),
        })
    }

    fn reconnect(&mut self) -> Result<Open, SourceError> {
        let (node, stream) = connect(&self.id, &self.request, Some(&self.node))?;
        tracing::info!(camera = %node.name, path = %node.path, "the camera is back");
        self.description = stream.describe(&node.name);
        self.node = node;
        Ok(stream)
    }
}

impl FrameSource for CameraSource {
    /// Waits for the camera. One that has frozen is told of by an error after two seconds; it is waited for again by the next
    /// call, and closed and opened anew by one of those that follow. (Elsewhere than on Linux there is no such limit, and the
    /// caller needs a watchdog; so it does where a driver hangs.) After a failure (an unplug) the next call opens the camera
    /// again; it fails at once while there is none, so the caller has to wait between calls.
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let mut open = match self.stream.take() {
            Some(open) => open,
            None => self.reconnect()?,
        };
        let (id, label, unpacker) = (self.next_id, self.label.clone(), &mut self.unpacker);
        let mut frame = Err("it is empty".into());
        let grabbed = open.stream.grab(open.patience, &mut |raw, captured| {
            frame = unpacker.unpack(raw).and_then(|(format, size, bytes)| {
                let frame = Frame::new(id, size, format, &bytes, label.clone());
                Ok(Frame { captured, ..frame.map_err(|error| error.to_string())? })
            });
        });
        let damaged = |reason: String| SourceError::DamagedFrame { camera: self.node.name.clone(), reason };
        match grabbed {
            Ok(()) => {
                (open.silent, open.patience) = (0, open.usual_patience());
                self.stream = Some(open);
                let frame = frame.map_err(damaged)?;
                self.next_id += 1;
                Ok(Some(frame))
            }
            Err(Failure::Damaged(reason)) => {
                self.stream = Some(open);
                Err(damaged(reason))
            }
            // Otherwise it is dropped here and now: as long as a failed stream holds the device, a camera that is plugged in
            // again gets another path, and some drivers keep failing.
            Err(failure) => {
                open.silent += 1;
                if matches!(failure, Failure::Silent(_)) && open.silent < MOST_SILENT {
                    self.stream = Some(open);
                }
                Err(self.node.failure(&failure))
            }
        }
    }

    fn is_live(&self) -> bool {
        true
    }

    fn describe(&self) -> Arc<str> {
        self.description.clone()
    }
}

impl Open {
    fn describe(&self, name: &str) -> Arc<str> {
        let Obtained { format, width, height, fps } = self.stream.obtained();
        let fps = fps.map_or_else(String::new, |fps| format!(" · {fps} fps"));
        format!("{name} · {width}×{height} {}{fps}", format.name()).into()
    }

    fn usual_patience(&self) -> Duration {
        let (least, frames) = SILENCE;
        let interval = self.stream.obtained().fps.map_or(0.0, |fps| 1.0 / fps.per_second());
        least.max(Duration::from_secs_f64((frames * interval).min(60.0)))
    }
}

fn connect(
    id: &CameraId,
    request: &CameraRequest,
    known: Option<&Node>,
) -> Result<(Node, Open), SourceError> {
    let (node, modes) = find(id, known)?;
    let modes = modes.map_err(|failure| node.failure(&failure))?;
    let mode = choose(&modes, request)
        .map_err(|reason| SourceError::Camera { camera: node.name.clone(), reason })?;
    let stream = driver::open(&node.place(), mode).map_err(|failure| node.failure(&failure))?;
    let open = Open { stream, patience: STARTING, silent: 0 };
    let patience = open.patience.max(open.usual_patience());
    Ok((node, Open { patience, ..open }))
}
