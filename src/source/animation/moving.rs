//! GIF, WebP and PNG that move: the image crate composes each picture of what changes from one to the next.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;
use std::time::Duration;

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, Frames, ImageDecoder, ImageResult, Limits};

use crate::frame::{Frame, PixelFormat};
use crate::source::decoding::Decoding;
use crate::source::flat::rgb_over_white;
use crate::source::shrink::{Reduction, shrunk};

/// Longest side of a picture, in pixels.
const MAX_SIDE_PX: u32 = 20_000;

/// Most memory that decoding may take, in bytes: three pictures, the one before among them.
const MAX_ALLOC_BYTES: u64 = 2 << 30;

/// What stands for less is shown for [`SLOW`], as browsers do.
const FASTEST: Duration = Duration::from_millis(11);
const SLOW: Duration = Duration::from_millis(100);

/// One picture, and how long it stands.
pub type Timed = (Frame, Duration);

/// The pictures of an animation.
pub struct Moving {
    /// Read to find out that there are several.
    ahead: std::vec::IntoIter<ImageResult<image::Frame>>,
    frames: Frames<'static>,
}

impl Moving {
    /// `None` where there is one picture at most, or the first one cannot be read.
    pub fn open(file: BufReader<File>) -> Option<Self> {
        let mut frames = frames(file)?;
        let ahead: Vec<_> = frames.by_ref().take(2).collect();
        let several = ahead.len() == 2 && ahead.first().is_some_and(Result::is_ok);
        several.then(|| Self { ahead: ahead.into_iter(), frames })
    }

    fn next(&mut self) -> Result<Option<image::Frame>, String> {
        let next = self.ahead.next().or_else(|| self.frames.next());
        next.transpose().map_err(|error| in_words(&error))
    }

    /// The next picture; `None` behind the last one.
    pub fn read(&mut self, path: &Path, decoding: Decoding, id: u64) -> Result<Option<Timed>, String> {
        let Some(next) = self.next()? else { return Ok(None) };
        let delay = Duration::from(next.delay());
        let delay = if delay < FASTEST { SLOW } else { delay };
        let rgba = next.into_buffer();
        let mut size = rgba.dimensions();
        let mut rgb = match decoding.is_stored {
            true => rgba.pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
            false => rgb_over_white(rgba.as_raw()),
        };
        let reduction = Reduction::of(size);
        if let Some(reduction) = reduction {
            (size, rgb) = shrunk(&rgb, reduction);
        }
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into();
        let frame = Frame::new(id, size, PixelFormat::Rgb8, &rgb, name).map_err(|error| error.to_string())?;
        let note = reduction.map(|reduction| reduction.note().into());
        Ok(Some((Frame { note, ..frame }, delay)))
    }

    /// Passes over the next picture.
    pub fn skip(&mut self) -> Result<bool, String> {
        Ok(self.next()?.is_some())
    }
}

fn frames(mut file: BufReader<File>) -> Option<Frames<'static>> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE_PX);
    limits.max_image_height = Some(MAX_SIDE_PX);
    limits.max_alloc = Some(MAX_ALLOC_BYTES);
    let mut head = [0; 12];
    file.read_exact(&mut head).ok()?;
    file.rewind().ok()?;
    match &head {
        [b'G', b'I', b'F', ..] => {
            let mut decoder = GifDecoder::new(file).ok()?;
            decoder.set_limits(limits).ok()?;
            Some(decoder.into_frames())
        }
        [b'R', b'I', b'F', b'F', .., b'W', b'E', b'B', b'P'] => {
            let mut decoder = WebPDecoder::new(file).ok()?;
            decoder.set_limits(limits).ok()?;
            // Without one, the decoder does not clear what is to be cleared.
            decoder.set_background_color(image::Rgba([0; 4])).ok()?;
            decoder.has_animation().then(|| decoder.into_frames())
        }
        [0x89, b'P', b'N', b'G', ..] => {
            let decoder = PngDecoder::with_limits(file, limits).ok()?;
            decoder.is_apng().ok()?.then(|| decoder.apng().ok()).flatten().map(AnimationDecoder::into_frames)
        }
        _ => None,
    }
}

/// What is wrong with a file, without names of the decoder's types.
fn in_words(error: &image::ImageError) -> String {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let ends = error.downcast_ref::<std::io::Error>();
        if ends.is_some_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof) {
            return "the file is cut off".into();
        }
        cause = error.source();
    }
    match error {
        image::ImageError::Limits(_) => "it is too large".into(),
        _ => "the file is cut off or damaged".into(),
    }
}
