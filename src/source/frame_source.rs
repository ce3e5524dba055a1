//! What every source is, and why it has no frame to give.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::frame::Frame;

/// A stream of frames. Lives on the capture thread.
pub trait FrameSource {
    /// The next frame; waits for it. `Ok(None)`: the source is at its end.
    ///
    /// # Errors
    /// When this frame could not be had. Asking again goes on: with the next picture of a folder, or by opening
    /// the camera anew.
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError>;

    /// Goes past the next frame without giving it; `false` at the end.
    ///
    /// # Errors
    /// As [`Self::next_frame`]; the frame counts as passed.
    fn skip(&mut self) -> Result<bool, SourceError> {
        self.next_frame().map(|frame| frame.is_some())
    }

    /// True where frames pass by whether or not anybody looks (camera; test card and video in the window): newest
    /// wins.
    fn is_live(&self) -> bool;

    /// True where it is odd that nothing comes for a while.
    fn can_fall_silent(&self) -> bool {
        self.is_live()
    }

    /// How many pictures it will give, where that is known.
    fn count(&self) -> Option<usize> {
        None
    }

    /// How many pictures a second it is meant to show, where that is known.
    fn rate(&self) -> Option<f64> {
        None
    }

    /// Takes what the user ought to know of the source as a whole and was not told yet; asked for once it is open and
    /// after each frame. What is odd about one picture is its [`Frame::note`].
    fn take_notes(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// What this source really delivers, for the status line: `Webcam C920 · 640×480 MJPEG · 30 fps`.
    fn describe(&self) -> Arc<str>;
}

/// A source that code makes.
#[derive(Debug)]
pub struct Made {
    /// What `--source` calls it.
    pub name: &'static str,
    /// Opens it; `true`: in the window, where it keeps time.
    pub open: fn(bool) -> Box<dyn FrameSource>,
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
    /// Not all of a file: what could be read of it was given before.
    #[error("{}: {reason}", path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// What is missing.
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
    /// A folder without a single picture, also in those below it.
    #[error("{}: no picture in this folder (PNG, JPEG, GIF, BMP, WebP, TIFF, PNM and HEIC are read){holds}", path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
        /// What is in it instead.
        holds: String,
    },
}

impl SourceError {
    /// What is wrong with a file or folder.
    pub(super) fn file(path: &Path, reason: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), reason: reason.into() }
    }

    /// Why the system would not let a file or folder be read.
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file or folder: check the name".into(),
            io::ErrorKind::PermissionDenied => "permission denied: make it readable for you".into(),
            _ => format!("cannot be read: {error}"),
        };
        Self::file(path, reason)
    }
}
