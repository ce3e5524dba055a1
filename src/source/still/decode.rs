//! One picture file to RGB bytes, with bounds on what a hostile file can make it allocate.
//!
//! Pure but for reading the file; called on the capture thread. Each format has its decoder: [`jpeg`], and the image crate.
//! What they give becomes 8-bit RGB in one place, [`raster`].

mod heif;
mod jpeg;
mod levels;
mod raster;
mod tiff;
mod trouble;
mod webp;

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, RgbImage};

use self::raster::{Decoded, MAX_ALLOC_BYTES, MAX_SIDE_PX, Raster};
use self::trouble::Trouble;
use crate::source::decoding::Decoding;
use crate::source::frame_source::SourceError;
use crate::source::kind::is_heif;
use crate::source::shrink::Reduction;

/// A decoded picture, upright.
pub(super) struct Picture {
    pub width: u32,
    pub height: u32,
    /// What is odd about it, as a sentence without its name.
    pub note: Option<String>,
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
/// deeper values become 8-bit RGB; `decoding` can say otherwise. Of an animation, the first picture is taken. A very large picture is shrunk
/// (see [`crate::source::shrink`]); this takes memory for the decoded picture and the smaller one.
///
/// # Errors
/// [`SourceError::File`] when the file cannot be read, is no picture, is cut off or damaged, or is larger than the bounds.
pub(super) fn decode(path: &Path, decoding: Decoding) -> Result<Picture, SourceError> {
    let file = File::open(path).map_err(|error| SourceError::unreadable(path, &error))?;
    decode_from(BufReader::new(file), path, decoding)
}

/// The same of what was read from a file, or made of a part of it.
pub(super) fn decode_from(
    reader: impl BufRead + Seek,
    path: &Path,
    decoding: Decoding,
) -> Result<Picture, SourceError> {
    // A library that panics has met something that its authors did not think of.
    let picture = catch_unwind(AssertUnwindSafe(|| finish(decode_any(reader, decoding)?, decoding)));
    picture
        .unwrap_or(Err(Trouble::Damaged))
        .map_err(|trouble| SourceError::file(path, trouble.sentence(path)))
}

/// As many as tell a format; of HEIC, with its brands.
const HEAD_BYTES: usize = 64;

/// With the orientation that is to be followed: of what is wanted as it is stored, a TIFF's alone, as Pillow does.
fn decode_any(mut reader: impl BufRead + Seek, decoding: Decoding) -> Result<Decoded, Trouble> {
    let mut head = [0; HEAD_BYTES];
    let length = read_up_to(&mut reader, &mut head)?;
    reader.rewind()?;
    let mut decoded = match &head[..length] {
        [0xff, 0xd8, ..] => jpeg::decode(&read_whole(reader)?)?,
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => {
            return tiff::decode(read_whole(reader)?);
        }
        _ if is_heif(&head[..length]) => heif::decode(&read_whole(reader)?)?,
        [b'R', b'I', b'F', b'F', ..] => {
            let bytes = read_whole(reader)?;
            webp::check(&bytes)?;
            decode_other(Cursor::new(bytes))?
        }
        _ => decode_other(reader)?,
    };
    if decoding.is_stored {
        decoded.orientation = Orientation::NoTransforms;
    }
    Ok(decoded)
}

fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize, Trouble> {
    let mut length = 0;
    while length < buffer.len() {
        match reader.read(&mut buffer[length..])? {
            0 => break,
            count => length += count,
        }
    }
    Ok(length)
}

fn read_whole(reader: impl Read) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    reader.take(MAX_ALLOC_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_ALLOC_BYTES { Err(Trouble::TooLarge) } else { Ok(bytes) }
}

/// What the image crate reads.
fn decode_other(reader: impl BufRead + Seek) -> Result<Decoded, Trouble> {
    let mut reader = ImageReader::new(reader).with_guessed_format()?;
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
    let raster = Raster::from(DynamicImage::from_decoder(decoder)?);
    Ok(Decoded { raster, orientation, note: None })
}

/// Makes RGB of it, smaller where it is very large, and turns it upright.
fn finish(decoded: Decoded, decoding: Decoding) -> Result<Picture, Trouble> {
    let Decoded { raster, orientation, note } = decoded;
    let (raster, found) = levels::apply(raster, decoding.levels)?;
    let raster = if decoding.is_stored { raster.opaque() } else { raster };
    let reduction = Reduction::of((raster.width, raster.height));
    let (width, height, rgb) = raster.into_rgb(reduction);
    let reduction = reduction.map(|reduction| match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => reduction.turned(),
        _ => reduction,
    });
    let notes = [note, found, reduction.map(Reduction::note)];
    let note = notes.into_iter().flatten().reduce(|first, second| format!("{first}; {second}"));
    // Only now: turning takes a copy.
    let mut image = DynamicImage::from(RgbImage::from_raw(width, height, rgb).unwrap_or_default());
    image.apply_orientation(orientation);
    Ok(Picture { width: image.width(), height: image.height(), note, rgb: image.into_rgb8().into_raw() })
}

#[cfg(test)]
mod tests;
