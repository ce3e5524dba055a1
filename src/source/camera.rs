//! Cameras, through nokhwa: finding them, choosing a mode, reading frames, coming back after an unplug.
//!
//! A [`CameraSource`] is opened, used and dropped on one thread, the capture thread. [`list`] may run on any.
//!
//! What nokhwa hides, and so nobody here can see: how many bytes of a buffer are new, the driver's mark on a
//! damaged buffer, and rows padded by the driver (such a picture comes out slanted). Formats that it has no
//! name for (UYVY, GREY, H.264) are invisible too, and a frame rate of 25/2 is listed as 25.

mod devices;
mod failure;
mod mjpeg;
mod mode;
mod request;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nokhwa::utils as nk;
use nokhwa::{Buffer, Camera, NokhwaError};

use self::devices::{Node, create, find};
use self::failure::{contain, contain_nokhwa};
use self::mode::{FORMATS, Mode, choose, format_name};
use super::frame_source::{FrameSource, SourceError};
use crate::frame::{Frame, PixelFormat};

pub use self::devices::{CameraInfo, list, render_list};
pub use self::mode::CameraMode;
pub use self::request::{CameraFormat, CameraId, CameraRequest};

/// A camera as a source of frames.
pub struct CameraSource {
    id: CameraId,
    request: CameraRequest,
    node: Node,
    /// `None` after a failure, until [`FrameSource::next_frame`] has opened the camera again.
    stream: Option<Stream>,
    next_id: u64,
    label: Arc<str>,
    description: Arc<str>,
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
            next_id: 0,
            label: label.into(),
        })
    }

    fn reconnect(&mut self) -> Result<Stream, SourceError> {
        let (node, stream) = connect(&self.id, &self.request, Some(&self.node))?;
        tracing::info!(camera = %node.name, path = %node.path, "the camera is back");
        self.description = stream.describe(&node.name);
        self.node = node;
        Ok(stream)
    }

    fn frame_from(&mut self, buffer: &Buffer) -> Result<Frame, SourceError> {
        let captured = captured_at(buffer);
        let damaged = |reason: String| SourceError::DamagedFrame { camera: self.node.name.clone(), reason };
        let bytes = Cow::Borrowed(buffer.buffer());
        let size = (buffer.resolution().width(), buffer.resolution().height());
        let (format, size, bytes) = match buffer.source_frame_format() {
            nk::FrameFormat::MJPEG => {
                let (size, rgb) = mjpeg::decode(&bytes).map_err(damaged)?;
                (PixelFormat::Rgb8, size, Cow::Owned(rgb))
            }
            nk::FrameFormat::YUYV => (PixelFormat::Yuyv, size, bytes),
            nk::FrameFormat::NV12 => (PixelFormat::Nv12, size, bytes),
            nk::FrameFormat::RAWRGB => (PixelFormat::Rgb8, size, bytes),
            other @ (nk::FrameFormat::GRAY | nk::FrameFormat::RAWBGR) => {
                return Err(damaged(format!("its format is {}", format_name(other))));
            }
        };
        let frame = Frame::new(self.next_id, size, format, &bytes, self.label.clone());
        let frame = frame.map_err(|error| damaged(error.to_string()))?;
        self.next_id += 1;
        Ok(Frame { captured, ..frame })
    }
}

impl FrameSource for CameraSource {
    /// Waits for the camera, for ever if it freezes: a driver that stops sending reports nothing, so the
    /// caller needs a watchdog. After a failure (an unplug) the next call opens the camera again; it fails at
    /// once while there is none, so the caller has to wait between calls.
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.reconnect()?,
        };
        // A failed stream is dropped here and now: as long as it holds the device, a camera that is plugged
        // in again gets another path, and some drivers keep failing.
        let buffer = stream.grab().map_err(|error| self.node.failure(&error))?;
        self.stream = Some(stream);
        self.frame_from(&buffer).map(Some)
    }

    fn is_live(&self) -> bool {
        true
    }

    fn describe(&self) -> Arc<str> {
        self.description.clone()
    }
}

/// A camera that is sending.
struct Stream {
    /// Taken only by `drop`.
    camera: Option<Camera>,
    obtained: nk::CameraFormat,
}

impl Stream {
    fn open(node: &Node, mode: Mode) -> Result<Self, NokhwaError> {
        let size = nk::Resolution::new(mode.width, mode.height);
        let wanted = nk::CameraFormat::new(size, FORMATS[mode.rank].1, mode.fps);
        // Where rates are listed: nokhwa takes a rate of 25/2 for 25 in the list that `probe` reads, but not
        // in the one that `Closest` looks into. Setting such a rate would leave the camera in a state in which
        // nokhwa cannot open it any more.
        let wanted = if mode.is_rate_listed {
            nk::RequestedFormatType::Closest(wanted)
        } else {
            nk::RequestedFormatType::Exact(wanted)
        };
        contain_nokhwa(|| {
            let mut camera = create(node, wanted)?;
            camera.open_stream()?;
            Ok(Self { obtained: camera.camera_format(), camera: Some(camera) })
        })
    }

    fn grab(&mut self) -> Result<Buffer, NokhwaError> {
        let camera = self.camera.as_mut().ok_or(NokhwaError::UnitializedError)?;
        contain_nokhwa(|| camera.frame())
    }

    fn describe(&self, name: &str) -> Arc<str> {
        let (size, format) = (self.obtained.resolution(), format_name(self.obtained.format()));
        let fps = self.obtained.frame_rate();
        format!("{name} · {}×{} {format} · {fps} fps", size.width(), size.height()).into()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let camera = self.camera.take();
        // nokhwa and v4l panic in their own `drop` when stopping fails for any reason but a vanished device.
        if let Err(panic) = contain(|| drop(camera)) {
            tracing::warn!(%panic, "closing the camera failed");
        }
    }
}

fn connect(
    id: &CameraId,
    request: &CameraRequest,
    known: Option<&Node>,
) -> Result<(Node, Stream), SourceError> {
    let (node, modes) = find(id, known)?;
    let modes = modes.map_err(|error| node.failure(&error))?;
    let mode = choose(&modes, request)
        .map_err(|reason| SourceError::Camera { camera: node.name.clone(), reason })?;
    let stream = Stream::open(&node, mode).map_err(|error| node.failure(&error))?;
    Ok((node, stream))
}

/// When the driver says the picture was taken; now, where it does not say or its clock makes no sense.
fn captured_at(buffer: &Buffer) -> Instant {
    let now = Instant::now();
    let age = buffer
        .capture_timestamp()
        .and_then(|since_epoch| SystemTime::now().duration_since(UNIX_EPOCH + since_epoch).ok())
        .filter(|age| *age < Duration::from_secs(10));
    age.and_then(|age| now.checked_sub(age)).unwrap_or(now)
}
