//! One picture on its way in: its bytes exactly as the source gave them, with enough said about them
//! that the GPU (`shaders/frame.wgsl`) or the CPU twin (`crate::gpu::twin`) can turn them into RGB.
//!
//! Plain data; any thread.

use std::sync::Arc;
use std::time::Instant;

/// How the bytes of a [`Frame`] are laid out.
///
/// The numbers are shared with `shaders/frame.wgsl` (a test keeps them equal).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum PixelFormat {
    /// 3 bytes a pixel: red, green, blue; full range. What MJPEG and picture files decode to.
    Rgb8 = 0,
    /// 4:2:2 packed, 2 bytes a pixel: Y0 Cb Y1 Cr; BT.601, limited range. The width is even.
    Yuyv = 1,
    /// 4:2:0: a plane of Y, then a half-size plane of interleaved Cb Cr; BT.601, limited range.
    /// Width and height are even.
    Nv12 = 2,
}

impl PixelFormat {
    /// Number of bytes of a picture of this format and size, without any row padding.
    pub fn byte_len(self, width: u32, height: u32) -> usize {
        let pixels = width as usize * height as usize;
        match self {
            Self::Rgb8 => pixels * 3,
            Self::Yuyv => pixels * 2,
            Self::Nv12 => pixels * 3 / 2,
        }
    }

    /// The name shown to the user.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rgb8 => "RGB",
            Self::Yuyv => "YUYV",
            Self::Nv12 => "NV12",
        }
    }
}

/// One picture, unprocessed.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Counts the frames of a source from 0.
    pub id: u64,
    /// When the picture was taken (camera) or made (file, test card).
    pub captured: Instant,
    /// Pixels a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Layout of `bytes`.
    pub format: PixelFormat,
    /// `format.byte_len(width, height)` bytes, rows from top to bottom without padding.
    pub bytes: Arc<[u8]>,
    /// What this picture is, for the status line and the snapshot: a file name, `camera 0`, `test card`.
    pub name: Arc<str>,
    /// What the user ought to know of this very picture, as a sentence without its name; `None` where nothing is odd.
    pub note: Option<Arc<str>>,
    /// What its source is and gives with this picture, for the status line (`holiday · 2 of 6 · cat.jpg · 640×480`); empty
    /// until the capture thread has set it.
    pub source: Arc<str>,
}

/// Why bytes are not a picture.
#[derive(Debug, thiserror::Error)]
#[error(
    "a {width}×{height} {} picture has {expected} bytes, but {actual} came",
    format.name()
)]
pub struct FrameError {
    format: PixelFormat,
    width: u32,
    height: u32,
    expected: usize,
    actual: usize,
}

impl Frame {
    /// A frame captured now. `bytes` may be longer than the picture (drivers hand out whole buffers); the
    /// rest is cut off.
    ///
    /// # Errors
    /// When there are fewer bytes than the picture has, or a side is 0 (or odd where the format has no odd sides).
    pub fn new(
        id: u64,
        (width, height): (u32, u32),
        format: PixelFormat,
        bytes: &[u8],
        name: Arc<str>,
    ) -> Result<Self, FrameError> {
        let expected = format.byte_len(width, height);
        let odd = match format {
            PixelFormat::Rgb8 => false,
            PixelFormat::Yuyv => width % 2 != 0,
            PixelFormat::Nv12 => width % 2 != 0 || height % 2 != 0,
        };
        if expected == 0 || odd || bytes.len() < expected {
            return Err(FrameError { format, width, height, expected, actual: bytes.len() });
        }
        Ok(Self {
            id,
            captured: Instant::now(),
            width,
            height,
            format,
            bytes: bytes[..expected].into(),
            name,
            note: None,
            source: "".into(),
        })
    }

    /// The note with the picture's name in front.
    pub fn named_note(&self) -> Option<String> {
        self.note.as_ref().map(|note| format!("{}: {note}", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_old_bytes_off_and_refuses_short_buffers() {
        let name: Arc<str> = "x".into();
        let frame = Frame::new(0, (2, 2), PixelFormat::Nv12, &[7; 100], name.clone()).unwrap();
        assert_eq!(frame.bytes.len(), 6);
        assert!(Frame::new(0, (2, 2), PixelFormat::Rgb8, &[7; 11], name.clone()).is_err());
        assert!(Frame::new(0, (0, 2), PixelFormat::Rgb8, &[7; 11], name.clone()).is_err());
        assert!(Frame::new(0, (3, 2), PixelFormat::Yuyv, &[7; 100], name).is_err());
    }
}
