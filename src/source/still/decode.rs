//! One picture file to RGB bytes, with bounds on what a hostile file can make it allocate.
//!
//! Pure but for reading the file; called on the capture thread.

use std::path::Path;

use image::error::ImageFormatHint::{PathExtension, Unknown};
use image::error::{LimitError, LimitErrorKind, UnsupportedErrorKind};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, RgbImage};

use crate::source::flat::rgb_over_white;
use crate::source::frame_source::SourceError;
use crate::source::shrink::{Reduction, Shrinker};

/// Longest side of a picture that is decoded, in pixels.
const MAX_SIDE_PX: u32 = 20_000;

/// Most memory that decoding may take, in bytes.
const MAX_ALLOC_BYTES: u64 = 2 << 30;

/// Rows that are converted to RGB at a time, where that takes a copy.
const BAND_ROWS: u32 = 64;

/// A decoded picture, upright.
pub(super) struct Picture {
    pub width: u32,
    pub height: u32,
    /// How it was made smaller, upright too.
    pub reduction: Option<Reduction>,
    /// `width * height * 3` bytes: red, green, blue; rows from top to bottom.
    pub rgb: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    // Millions of bytes help nobody.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}×{})", self.width, self.height)
    }
}

/// Reads a picture. Its format is told by its content, whatever its name says.
/// The camera's orientation (EXIF) is applied, transparency is laid over white (as on paper), grey and
/// 16-bit values become 8-bit RGB. Of an animation, the first picture is taken. A very large picture is shrunk
/// (see [`crate::source::shrink`]); this takes memory for the decoded picture and the smaller one.
///
/// # Errors
/// [`SourceError::File`] when the file cannot be read, is no picture, or is larger than the bounds.
pub(super) fn decode(path: &Path) -> Result<Picture, SourceError> {
    // By the content alone: of a text that is called a picture a decoder would complain in its own words.
    let reader = std::fs::File::open(path)
        .and_then(|file| ImageReader::new(std::io::BufReader::new(file)).with_guessed_format())
        .map_err(|error| SourceError::unreadable(path, &error))?;
    decode_within_limits(reader).map_err(|error| {
        let reason = match error {
            ImageError::Limits(_) => format!(
                "is too large: at most {MAX_SIDE_PX}×{MAX_SIDE_PX} pixels and {} GiB when decoded are read",
                MAX_ALLOC_BYTES >> 30
            ),
            ImageError::Unsupported(error)
                if matches!(error.kind(), UnsupportedErrorKind::Format(Unknown | PathExtension(_))) =>
            {
                "not a picture that can be read: its content is neither a picture's (PNG, JPEG, GIF, BMP, WebP, TIFF \
                 and PNM are read) nor a video's, whatever its name says"
                    .into()
            }
            // The message ends up in one line of a terminal or of the window.
            other => format!("not a picture that can be read: {}", other.to_string().replace('\n', " ")),
        };
        SourceError::file(path, reason)
    })
}

fn decode_within_limits<R: std::io::BufRead + std::io::Seek>(
    mut reader: ImageReader<R>,
) -> Result<Picture, ImageError> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE_PX);
    limits.max_image_height = Some(MAX_SIDE_PX);
    limits.max_alloc = Some(MAX_ALLOC_BYTES);
    reader.limits(limits.clone());

    // `ImageReader::decode` would drop the orientation. What it does beside that must be done here:
    // `into_decoder` does not count the decoded picture against the limit.
    let mut decoder = reader.into_decoder()?;
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;

    // Damaged metadata is no reason to refuse a picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder)?;
    let mut reduction = Reduction::of((image.width(), image.height()));
    if let Some(reduction) = reduction {
        image = shrink(image, reduction)?;
    }
    // Only now: turning takes a copy.
    image.apply_orientation(orientation);
    if turns_sideways(orientation) {
        reduction = reduction.map(Reduction::turned);
    }
    Ok(Picture { width: image.width(), height: image.height(), reduction, rgb: flatten(image) })
}

fn turns_sideways(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// The smaller picture, in RGB.
fn shrink(image: DynamicImage, reduction: Reduction) -> Result<DynamicImage, ImageError> {
    let (width, height) = reduction.from;
    let row_length = width as usize * 3;
    let mut smaller = Shrinker::new(reduction);
    if let DynamicImage::ImageRgb8(image) = &image {
        image.as_raw().chunks_exact(row_length).for_each(|row| smaller.add_row(row));
    } else {
        for top in (0..height).step_by(BAND_ROWS as usize) {
            let band = flatten(image.crop_imm(0, top, width, BAND_ROWS.min(height - top)));
            band.chunks_exact(row_length).for_each(|row| smaller.add_row(row));
        }
    }
    let (width, height, rgb) = smaller.finish();
    let smaller = RgbImage::from_raw(width, height, rgb);
    let wrong_size = || ImageError::Limits(LimitError::from_kind(LimitErrorKind::DimensionError));
    Ok(smaller.ok_or_else(wrong_size)?.into())
}

/// Red, green and blue bytes of a picture.
fn flatten(image: DynamicImage) -> Vec<u8> {
    if image.color().has_alpha() {
        rgb_over_white(image.into_rgba8().as_raw())
    } else {
        image.into_rgb8().into_raw()
    }
}
