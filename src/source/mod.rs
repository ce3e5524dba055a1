//! Where frames come from: a camera, a picture, a folder of pictures, a video, the test card.
//!
//! A [`FrameSource`] is built and used on the capture thread alone ([`crate::session`] starts it).

pub mod camera;
pub mod counter;
mod shrink;
pub mod still;
pub mod testcard;
pub mod video;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use crate::frame::Frame;

/// What `--source` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceSpec {
    /// A camera by index or device path.
    Camera(CameraId),
    /// The built-in animated test card.
    TestCard,
    /// A picture, a folder of pictures, or a video.
    Path(PathBuf),
}

/// Which camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraId {
    /// Position in the list that `convscope cameras` prints, from 0.
    Index(u32),
    /// A device path such as `/dev/video2`.
    Path(PathBuf),
}

impl FromStr for SourceSpec {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        if text.is_empty() {
            return Err(SourceError::Empty);
        }
        Ok(match text.strip_prefix("camera:") {
            Some(id) => Self::Camera(match id.parse() {
                Ok(index) => CameraId::Index(index),
                Err(_) if id.starts_with('/') => CameraId::Path(id.into()),
                Err(_) => return Err(SourceError::CameraName(id.into())),
            }),
            None if text == "camera" => Self::Camera(CameraId::Index(0)),
            None if text == "testcard" => Self::TestCard,
            None => Self::Path(text.into()),
        })
    }
}

/// As typed.
impl std::fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Camera(CameraId::Index(index)) => write!(f, "camera:{index}"),
            Self::Camera(CameraId::Path(path)) => write!(f, "camera:{}", path.display()),
            Self::TestCard => f.write_str("testcard"),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

/// How the camera is asked to deliver. What it really gives is in [`FrameSource::describe`].
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

/// A stream of frames. Lives on the capture thread.
pub trait FrameSource {
    /// The next frame; waits for it. `Ok(None)`: the source is at its end.
    ///
    /// # Errors
    /// When this frame could not be had. Asking again goes on: with the next picture of a folder, or by opening
    /// the camera anew.
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError>;

    /// True where frames pass by whether or not anybody looks (camera; test card and video in the window): newest
    /// wins.
    fn is_live(&self) -> bool;

    /// How many pictures it will give, where that is known.
    fn count(&self) -> Option<usize> {
        None
    }

    /// What this source really delivers, for the status line: `Webcam C920 · 640×480 MJPEG · 30 fps`.
    fn describe(&self) -> Arc<str>;
}

/// A source that is open.
pub struct Opened {
    /// The source; stays on the thread that opened it.
    pub source: Box<dyn FrameSource>,
    /// How other threads ask for another picture of a folder.
    pub steps: Option<still::StepHandle>,
    /// What was opened instead of what was wanted, and how to get that.
    pub notice: Option<String>,
}

impl Opened {
    fn plain(source: impl FrameSource + 'static) -> Self {
        Self { source: Box::new(source), steps: None, notice: None }
    }
}

/// Opens a source on the calling thread; `None`: the first camera, or the test card where there is none.
/// `live` (in the window): a picture stays until another is asked for, a video plays again and again, and it and
/// the test card keep time.
///
/// # Errors
/// [`SourceError`] where what was named cannot be opened.
pub fn open(spec: Option<&SourceSpec>, request: &CameraRequest, live: bool) -> Result<Opened, SourceError> {
    Ok(match spec {
        Some(SourceSpec::Camera(id)) => Opened::plain(camera::CameraSource::open(id, request)?),
        Some(SourceSpec::TestCard) => Opened::plain(testcard::TestCard::new(live)),
        Some(SourceSpec::Path(path)) => match video::container_of(path) {
            Some(container) => Opened::plain(video::Video::open(path, container, live)?),
            None => {
                let pictures = still::Pictures::open(path, live)?;
                let steps = Some(pictures.step_handle());
                Opened { steps, ..Opened::plain(pictures) }
            }
        },
        None => match camera::CameraSource::open(&CameraId::Index(0), request) {
            Ok(camera) => Opened::plain(camera),
            // Who asks for something of a camera does not want a test card.
            Err(error) if *request != CameraRequest::default() => return Err(error),
            Err(error) => Opened {
                notice: Some(format!("showing the test card instead of a camera: {error}")),
                ..Opened::plain(testcard::TestCard::new(live))
            },
        },
    })
}

/// Why there is no frame. Each message says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// `--source ""`
    #[error("the source is empty: name a picture, a folder, a video, `camera:0` or `testcard`")]
    Empty,
    /// `--source camera:front`
    #[error(
        "`camera:{0}` is not a camera: write `camera:0` or `camera:/dev/video0` (`convscope cameras` lists them)"
    )]
    CameraName(String),
    /// There is no camera at all.
    #[error(
        "no camera found; plug one in, or name a picture (`photo.jpg`) or the test card (`testcard`) instead"
    )]
    NoCamera,
    /// There are cameras, but not this one.
    #[error("there is no camera {wanted}: found {found} (`convscope cameras` lists them)")]
    NoSuchCamera {
        /// What was asked for.
        wanted: String,
        /// The cameras that are there, in words.
        found: String,
    },
    /// The camera does not do what was asked, or not at all.
    #[error("{camera}: {reason}")]
    Camera {
        /// The camera's name.
        camera: String,
        /// What went wrong and what to do.
        reason: String,
    },
    /// One frame was damaged; the next may be fine.
    #[error("{camera} sent a damaged frame: {reason}")]
    DamagedFrame {
        /// The camera's name.
        camera: String,
        /// What was wrong with it.
        reason: String,
    },
    /// A path that is not there or cannot be read.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong and what to do.
        reason: String,
    },
    /// A video, and nothing to read it with.
    #[error(
        "{}: reading a video takes the program ffmpeg, and {reason}: install it (package `ffmpeg`), or name it in \
         CONVSCOPE_FFMPEG",
        path.display()
    )]
    NoFfmpeg {
        /// The video.
        path: PathBuf,
        /// What is wrong with ffmpeg.
        reason: String,
    },
    /// A folder without a single picture.
    #[error("{}: no picture in this folder (PNG, JPEG, GIF, BMP, WebP, TIFF and PNM are read)", .0.display())]
    EmptyFolder(PathBuf),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_names() {
        let parse = |text: &str| text.parse::<SourceSpec>();
        assert_eq!(parse("camera:1").unwrap(), SourceSpec::Camera(CameraId::Index(1)));
        assert_eq!(parse("camera").unwrap(), SourceSpec::Camera(CameraId::Index(0)));
        assert_eq!(
            parse("camera:/dev/video2").unwrap(),
            SourceSpec::Camera(CameraId::Path("/dev/video2".into()))
        );
        assert_eq!(parse("testcard").unwrap(), SourceSpec::TestCard);
        assert_eq!(parse("a/b.jpg").unwrap(), SourceSpec::Path("a/b.jpg".into()));
        assert!(parse("camera:front").is_err());
        assert!(parse("").is_err());
    }
}
