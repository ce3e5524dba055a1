//! What a camera offers, and which of that suits a request.

use nokhwa::utils as nk;

use super::request::{CameraFormat, CameraRequest};

/// The formats convscope decodes, best first.
pub(super) const FORMATS: [(CameraFormat, nk::FrameFormat); 4] = [
    (CameraFormat::Yuyv, nk::FrameFormat::YUYV),
    (CameraFormat::Mjpeg, nk::FrameFormat::MJPEG),
    (CameraFormat::Nv12, nk::FrameFormat::NV12),
    (CameraFormat::Rgb, nk::FrameFormat::RAWRGB),
];
const DEFAULT_SIZE: (u32, u32) = (640, 480);
const DEFAULT_FPS: u32 = 30;

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

/// What a camera is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mode {
    /// Index in [`FORMATS`].
    pub(super) rank: usize,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) fps: u32,
    /// False where the camera does not tell its rates, and `fps` is only a wish.
    pub(super) is_rate_listed: bool,
}

/// The mode nearest to the request. What was asked for in words counts before what is a default, then size
/// before rate (only a lower rate is a lack), then the format that costs the least.
pub(super) fn choose(modes: &[CameraMode], request: &CameraRequest) -> Result<Mode, String> {
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

pub(super) fn format_name(format: nk::FrameFormat) -> &'static str {
    match format {
        nk::FrameFormat::MJPEG => "MJPEG",
        nk::FrameFormat::YUYV => "YUYV",
        nk::FrameFormat::NV12 => "NV12",
        nk::FrameFormat::GRAY => "GRAY",
        nk::FrameFormat::RAWRGB => "RGB",
        nk::FrameFormat::RAWBGR => "BGR",
    }
}
