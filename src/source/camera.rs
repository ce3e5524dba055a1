//! Cameras, through nokhwa: finding them, choosing a mode, reading frames, coming back after an unplug.
//!
//! A [`CameraSource`] is opened, used and dropped on one thread, the capture thread. [`list`] may run on any.
//!
//! What nokhwa hides, and so nobody here can see: how many bytes of a buffer are new, the driver's mark on a
//! damaged buffer, and rows padded by the driver (such a picture comes out slanted). Formats that it has no
//! name for (UYVY, GREY, H.264) are invisible too, and a frame rate of 25/2 is listed as 25.

mod mjpeg;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nokhwa::utils as nk;
use nokhwa::{Buffer, Camera, NokhwaError};

use super::{CameraFormat, CameraId, CameraRequest, FrameSource, SourceError};
use crate::frame::{Frame, PixelFormat};

/// The formats convscope decodes, best first.
const FORMATS: [(CameraFormat, nk::FrameFormat); 4] = [
    (CameraFormat::Yuyv, nk::FrameFormat::YUYV),
    (CameraFormat::Mjpeg, nk::FrameFormat::MJPEG),
    (CameraFormat::Nv12, nk::FrameFormat::NV12),
    (CameraFormat::Rgb, nk::FrameFormat::RAWRGB),
];
const DEFAULT_SIZE: (u32, u32) = (640, 480);
const DEFAULT_FPS: u32 = 30;
const UNPLUGGED: &str = "it is unplugged: plug it in again";

/// One camera that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraInfo {
    /// Counts the cameras from 0: N in `--source camera:N`.
    pub index: u32,
    /// What the driver calls it.
    pub name: String,
    /// The device path (`/dev/video0`); elsewhere than on Linux what the system knows it by.
    pub path: String,
    /// What it offers; all modes of a format stand together.
    pub formats: Vec<CameraMode>,
    /// Why `formats` is empty and what to do: no permission, in use elsewhere.
    pub problem: Option<String>,
}

/// A format and a size that a camera offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraMode {
    /// `YUYV`, `MJPEG`, `NV12`, `RGB`, or a format that convscope does not decode.
    pub format: String,
    /// Pixels a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Frames a second, highest first. Empty where the driver does not tell.
    pub fps: Vec<u32>,
    /// True where convscope decodes the format.
    pub understood: bool,
}

/// The cameras of this machine. Opens each for a moment, which may change the mode of one that is idle.
/// A node that gives no pictures (the metadata node of a webcam, a codec) is left out.
///
/// # Errors
/// When the system does not let us look. No camera at all is an empty list.
pub fn list() -> Result<Vec<CameraInfo>, SourceError> {
    let cameras = offered(nodes()?).zip(0..).map(|((node, modes), index)| {
        let (formats, problem) = match modes {
            Ok(modes) => (modes, None),
            Err(error) => (Vec::new(), Some(explain(&error, &node.path))),
        };
        CameraInfo { index, name: node.name, path: node.path, formats, problem }
    });
    Ok(cameras.collect())
}

/// The list as text: a line for each camera, then one for each format with its sizes and rates.
pub fn render_list(cameras: &[CameraInfo]) -> String {
    if cameras.is_empty() {
        return format!("{}\n", SourceError::NoCamera);
    }
    let mut text = String::new();
    for camera in cameras {
        text += &format!("{}  {}  {}\n", camera.index, camera.name, camera.path);
        if let Some(problem) = &camera.problem {
            text += &format!("     {problem}\n");
        }
        for modes in camera.formats.chunk_by(|a, b| a.format == b.format) {
            let sizes = modes.iter().map(|mode| {
                let rates = mode.fps.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
                let rates = if rates.is_empty() { rates } else { format!(" ({rates} fps)") };
                format!("{}×{}{rates}", mode.width, mode.height)
            });
            let sizes = sizes.collect::<Vec<_>>().join(", ");
            let mark = if modes[0].understood { "" } else { "  (convscope cannot decode this format)" };
            text += &format!("     {:<5}  {sizes}{mark}\n", modes[0].format);
        }
    }
    text
}

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
        let buffer = stream.grab().map_err(|error| failure(&self.node, &error))?;
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

/// A device that nokhwa lists; not yet known to be a camera.
struct Node {
    index: nk::CameraIndex,
    name: String,
    path: String,
}

type Modes = Result<Vec<CameraMode>, NokhwaError>;

/// In the order of their numbers: nokhwa gives them in the order of the directory, and links (`video-dec0`)
/// as a second node with the same number.
fn nodes() -> Result<Vec<Node>, SourceError> {
    let failed = |reason: String| SourceError::Camera { camera: "cameras".into(), reason };
    authorize().map_err(|reason| failed(reason.into()))?;
    let found = contain_nokhwa(|| nokhwa::query(nk::ApiBackend::Auto));
    let mut found = found.map_err(|error| failed(error.to_string()))?;
    found.sort_by(|a, b| a.index().cmp(b.index()));
    found.dedup_by(|a, b| a.index() == b.index());
    let nodes = found.into_iter().map(|info| Node {
        name: without_repetition(info.human_name()),
        path: match info.index() {
            nk::CameraIndex::Index(number) if cfg!(target_os = "linux") => format!("/dev/video{number}"),
            _ => info.misc(),
        },
        index: info.index().clone(),
    });
    Ok(nodes.collect())
}

/// macOS asks its user before the first use of a camera; elsewhere this is granted at once.
fn authorize() -> Result<(), &'static str> {
    if nokhwa::nokhwa_check() {
        return Ok(());
    }
    let (sender, answer) = mpsc::channel();
    nokhwa::nokhwa_initialize(move |granted| {
        let _ = sender.send(granted);
    });
    match answer.recv_timeout(Duration::from_secs(60)) {
        Ok(true) => Ok(()),
        _ => Err("macOS does not let convscope use them: allow it under Privacy & Security → Camera"),
    }
}

/// Those that are cameras, each opened when its turn comes.
fn offered(nodes: Vec<Node>) -> impl Iterator<Item = (Node, Modes)> {
    nodes.into_iter().filter_map(|node| {
        let modes = probe(&node);
        match &modes {
            Err(error) if is_not_a_camera(error) => {
                tracing::debug!(path = %node.path, %error, "not offered as a camera");
                None
            }
            _ => Some((node, modes)),
        }
    })
}

fn probe(node: &Node) -> Modes {
    contain_nokhwa(|| {
        let mut camera = create(node, nk::RequestedFormatType::None)?;
        let mut modes = Vec::new();
        for format in camera.compatible_fourcc()? {
            // On macOS nokhwa 0.10 answers with the sizes of all formats but the one it is asked for: so ask
            // for one that no Mac has.
            let asked = if cfg!(target_os = "macos") { nk::FrameFormat::RAWBGR } else { format };
            let mut sizes: Vec<_> = camera.compatible_list_by_resolution(asked)?.into_iter().collect();
            sizes.sort_by_key(|(size, _)| Reverse(*size));
            for (size, mut fps) in sizes {
                fps.sort_unstable_by_key(|rate| Reverse(*rate));
                fps.dedup();
                modes.push(CameraMode {
                    format: format_name(format).into(),
                    width: size.width(),
                    height: size.height(),
                    fps,
                    understood: FORMATS.iter().any(|known| known.1 == format),
                });
            }
        }
        Ok(modes)
    })
}

fn create(node: &Node, wanted: nk::RequestedFormatType) -> Result<Camera, NokhwaError> {
    let formats = nk::RequestedFormat::with_formats(wanted, nk::frame_formats());
    match Camera::new(node.index.clone(), formats) {
        // Changing the size also resets the rate, which nokhwa sets only where it differed BEFORE, and then it
        // complains of what came out. The second time it sees the difference.
        Err(NokhwaError::SetPropertyError { property, .. }) if property == "CameraFormat" => {
            Camera::new(node.index.clone(), formats)
        }
        result => result,
    }
}

fn connect(
    id: &CameraId,
    request: &CameraRequest,
    known: Option<&Node>,
) -> Result<(Node, Stream), SourceError> {
    let (node, modes) = find(id, known)?;
    let modes = modes.map_err(|error| failure(&node, &error))?;
    let mode = choose(&modes, request)
        .map_err(|reason| SourceError::Camera { camera: node.name.clone(), reason })?;
    let stream = Stream::open(&node, mode).map_err(|error| failure(&node, &error))?;
    Ok((node, stream))
}

/// `known` is the camera that was lost: another one that has moved to its index is not taken for it.
fn find(id: &CameraId, known: Option<&Node>) -> Result<(Node, Modes), SourceError> {
    let mut nodes = nodes()?;
    let found = match (id, known) {
        (CameraId::Path(path), _) => {
            let path = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
            nodes.into_iter().find(|node| Path::new(&node.path) == path).map(|node| {
                let modes = probe(&node);
                (node, modes)
            })
        }
        (CameraId::Index(index), None) => offered(nodes).nth(*index as usize),
        (CameraId::Index(_), Some(known)) => {
            nodes.retain(|node| node.name == known.name);
            nodes.sort_by_key(|node| node.path != known.path);
            offered(nodes).next()
        }
    };
    found.ok_or_else(|| match known {
        Some(known) => SourceError::Camera { camera: known.name.clone(), reason: UNPLUGGED.into() },
        None => missing(id),
    })
}

fn missing(id: &CameraId) -> SourceError {
    let cameras = match list() {
        Ok(cameras) if cameras.is_empty() => return SourceError::NoCamera,
        Ok(cameras) => cameras,
        Err(error) => return error,
    };
    let found = cameras.iter().map(|camera| format!("{} ({}, {})", camera.index, camera.name, camera.path));
    let wanted = match id {
        CameraId::Index(index) => index.to_string(),
        CameraId::Path(path) => path.display().to_string(),
    };
    SourceError::NoSuchCamera { wanted, found: found.collect::<Vec<_>>().join(", ") }
}

/// What a camera is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mode {
    /// Index in [`FORMATS`].
    rank: usize,
    width: u32,
    height: u32,
    fps: u32,
    /// False where the camera does not tell its rates, and `fps` is only a wish.
    is_rate_listed: bool,
}

/// The mode nearest to the request. What was asked for in words counts before what is a default, then size
/// before rate (only a lower rate is a lack), then the format that costs the least.
fn choose(modes: &[CameraMode], request: &CameraRequest) -> Result<Mode, String> {
    let (width, height) = request.size.unwrap_or(DEFAULT_SIZE);
    let wanted_fps = request.fps.unwrap_or(DEFAULT_FPS);
    let candidates = modes.iter().filter_map(|mode| {
        let rank = FORMATS.iter().position(|known| format_name(known.1) == mode.format)?;
        if request.format.is_some_and(|wanted| wanted != FORMATS[rank].0) {
            return None;
        }
        let enough = mode.fps.iter().copied().filter(|fps| *fps >= wanted_fps).min();
        let fps = enough.or(mode.fps.iter().copied().max()).unwrap_or(wanted_fps);
        let off_size = u64::from(mode.width.abs_diff(width)) + u64::from(mode.height.abs_diff(height));
        let lacking_fps = u64::from(wanted_fps.saturating_sub(fps));
        let lack = match (request.size, request.fps) {
            (None, Some(_)) => (lacking_fps, off_size),
            _ => (off_size, lacking_fps),
        };
        let is_rate_listed = !mode.fps.is_empty();
        let mode = Mode { rank, width: mode.width, height: mode.height, fps, is_rate_listed };
        Some(((lack, rank), mode))
    });
    candidates.min_by_key(|(order, _)| *order).map(|(_, mode)| mode).ok_or_else(|| {
        let offers = modes.chunk_by(|a, b| a.format == b.format).map(|modes| modes[0].format.as_str());
        let offers = offers.collect::<Vec<_>>().join(", ");
        match FORMATS.iter().find(|known| Some(known.0) == request.format) {
            Some(wanted) => format!("it does not send {}: it offers {offers}", format_name(wanted.1)),
            None => format!("it sends nothing that convscope can decode: it offers {offers}"),
        }
    })
}

fn format_name(format: nk::FrameFormat) -> &'static str {
    match format {
        nk::FrameFormat::MJPEG => "MJPEG",
        nk::FrameFormat::YUYV => "YUYV",
        nk::FrameFormat::NV12 => "NV12",
        nk::FrameFormat::GRAY => "GRAY",
        nk::FrameFormat::RAWRGB => "RGB",
        nk::FrameFormat::RAWBGR => "BGR",
    }
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

fn failure(node: &Node, error: &NokhwaError) -> SourceError {
    SourceError::Camera { camera: node.name.clone(), reason: explain(error, &node.path) }
}

/// nokhwa passes on what the system said as text only.
fn os_error(error: &NokhwaError) -> Option<i32> {
    error.to_string().rsplit_once("(os error ")?.1.split(')').next()?.parse().ok()
}

/// nokhwa found no picture format at such a node, or the node knows no frame rate (ENOTTY).
fn is_not_a_camera(error: &NokhwaError) -> bool {
    let is_without_format =
        matches!(error, NokhwaError::GetPropertyError { property, .. } if property == "CameraFormat");
    is_without_format || os_error(error) == Some(25)
}

/// Many webcams call themselves `Name: Name`.
fn without_repetition(name: String) -> String {
    match name.split_once(": ") {
        Some((first, second)) if first == second => first.into(),
        _ => name,
    }
}

fn explain(error: &NokhwaError, path: &str) -> String {
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

fn contain_nokhwa<T>(call: impl FnOnce() -> Result<T, NokhwaError>) -> Result<T, NokhwaError> {
    contain(call).unwrap_or_else(|panic| Err(NokhwaError::GeneralError(panic)))
}

/// A panic of a library as an error: v4l unwraps what drivers answer, and a camera must not end the program.
fn contain<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(call)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or(payload.downcast_ref::<&str>().copied());
        format!("the driver's answer was not understood ({})", text.unwrap_or("no message"))
    })
}
