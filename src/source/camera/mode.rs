//! What a camera offers, and which of that suits a request.

use clap::ValueEnum;

use super::rate::Rate;
use super::request::{CameraFormat, CameraRequest};

const DEFAULT_SIZE: (u32, u32) = (640, 480);
const DEFAULT_FPS: Rate = Rate { frames: 30, seconds: 1 };

/// What is coded in a way that only its own decoders read.
const COMPRESSED: [&str; 9] = ["H264", "AVC1", "HEVC", "MPG4", "VP80", "VP90", "S264", "MPEG", "XVID"];

/// A format as a camera names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// convscope decodes it.
    Known(CameraFormat),
    /// It does not; what the camera calls it.
    Unknown(String),
}

impl Sent {
    /// What the user sees.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(format) => format.name(),
            Self::Unknown(name) => name,
        }
    }
}

/// A format and a size that a camera offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraMode {
    /// How its bytes are laid out.
    pub format: Sent,
    /// Pixels a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Frames a second, highest first. Empty where the driver does not tell.
    pub fps: Vec<Rate>,
}

/// What a camera is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mode {
    pub(super) format: CameraFormat,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) fps: Rate,
    /// False where the camera does not tell its rates, and `fps` is only a wish.
    pub(super) is_rate_listed: bool,
}

/// The mode nearest to the request. What was asked for in words counts before what is a default, then size
/// before rate (only a lower rate is a lack), then the format that costs the least.
pub(super) fn choose(modes: &[CameraMode], request: &CameraRequest) -> Result<Mode, String> {
    let (width, height) = request.size.unwrap_or(DEFAULT_SIZE);
    let wanted_fps = request.fps.unwrap_or(DEFAULT_FPS);
    let candidates = modes.iter().filter_map(|mode| {
        let Sent::Known(format) = mode.format else { return None };
        if request.format.is_some_and(|wanted| wanted != format) {
            return None;
        }
        let enough = mode.fps.iter().copied().filter(|fps| *fps >= wanted_fps).min();
        let fps = enough.or(mode.fps.iter().copied().max()).unwrap_or(wanted_fps);
        let off_size = u64::from(mode.width.abs_diff(width)) + u64::from(mode.height.abs_diff(height));
        // In hundredths of a frame.
        let lacking_fps = (fps.lacks(wanted_fps) * 100.0) as u64;
        let lack = match (request.size, request.fps) {
            (None, Some(_)) => (lacking_fps, off_size),
            _ => (off_size, lacking_fps),
        };
        let is_rate_listed = !mode.fps.is_empty();
        let mode = Mode { format, width: mode.width, height: mode.height, fps, is_rate_listed };
        Some(((lack, format as usize), mode))
    });
    let best = candidates.min_by_key(|(order, _)| *order);
    best.map(|(_, mode)| mode).ok_or_else(|| lacking(modes, request))
}

fn lacking(modes: &[CameraMode], request: &CameraRequest) -> String {
    let mut names: Vec<&str> = vec![];
    for mode in modes {
        if !names.contains(&mode.format.name()) {
            names.push(mode.format.name());
        }
    }
    let offers = names.join(", ");
    if let Some(wanted) = request.format {
        return format!("it does not send {}: it offers {offers}", wanted.name());
    }
    match names.iter().all(|name| COMPRESSED.contains(name)) && !names.is_empty() {
        true => format!(
            "it sends {offers} alone, which takes a video decoder: have it send MJPEG or YUYV (in its own settings), or let ffmpeg \
             decode it into another camera (v4l2loopback)"
        ),
        false => format!(
            "it sends nothing that convscope can decode: it offers {offers}; convscope reads {}",
            CameraFormat::value_variants().iter().map(|known| known.name()).collect::<Vec<_>>().join(", ")
        ),
    }
}
