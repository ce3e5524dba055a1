//! What a user asks of a camera.

use std::path::PathBuf;

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
    pub fps: Option<u32>,
    /// The format on the wire.
    pub format: Option<CameraFormat>,
}

/// Formats a camera sends that convscope understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CameraFormat {
    /// JPEG pictures (full range), decoded on the capture thread.
    Mjpeg,
    /// Packed 4:2:2, decoded by the preprocess shader.
    Yuyv,
    /// Planar 4:2:0, decoded by the preprocess shader.
    Nv12,
    /// 24-bit RGB.
    Rgb,
}
