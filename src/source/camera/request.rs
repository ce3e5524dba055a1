//! What a user asks of a camera.

use std::path::PathBuf;

use super::rate::Rate;

/// Which camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraId {
    /// Position in the list that `convscope cameras` prints, from 0.
    Index(u32),
    /// A device path such as `/dev/video2`.
    Path(PathBuf),
}

/// How the camera is asked to deliver. What it really gives is in [`describe`](crate::source::FrameSource::describe).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CameraRequest {
    /// Width and height in pixels.
    pub size: Option<(u32, u32)>,
    /// Frames a second.
    pub fps: Option<Rate>,
    /// The format on the wire.
    pub format: Option<CameraFormat>,
}

/// Formats a camera sends that convscope understands, best first: what shaders read as it is, then what is put in another
/// order or decoded on the capture thread, then what has no colours. Colours of luma and chroma are BT.601 in limited range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CameraFormat {
    /// Packed 4:2:2, decoded by the preprocess shader.
    Yuyv,
    /// JPEG pictures (full range), decoded on the capture thread.
    Mjpeg,
    /// 4:2:0 of two planes, decoded by the preprocess shader.
    Nv12,
    /// 24-bit RGB.
    Rgb,
    /// YUYV in another order.
    Uyvy,
    /// YUYV in another order.
    Yvyu,
    /// 4:2:2 of two planes.
    Nv16,
    /// NV12 in another order.
    Nv21,
    /// 4:2:0 of three planes (I420).
    Yu12,
    /// 4:2:0 of three planes in another order.
    Yv12,
    /// 24-bit BGR.
    Bgr,
    /// 16-bit RGB, 5, 6 and 5 bits.
    Rgb565,
    /// 8-bit grey (infrared).
    Grey,
    /// 16-bit grey (infrared, thermal); of fewer bits those that are used.
    Y16,
}

impl CameraFormat {
    /// What the user sees.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yuyv => "YUYV",
            Self::Mjpeg => "MJPEG",
            Self::Nv12 => "NV12",
            Self::Rgb => "RGB",
            Self::Uyvy => "UYVY",
            Self::Yvyu => "YVYU",
            Self::Nv16 => "NV16",
            Self::Nv21 => "NV21",
            Self::Yu12 => "YU12",
            Self::Yv12 => "YV12",
            Self::Bgr => "BGR",
            Self::Rgb565 => "RGB565",
            Self::Grey => "GREY",
            Self::Y16 => "Y16",
        }
    }
}
