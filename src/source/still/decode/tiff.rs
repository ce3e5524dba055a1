//! TIFF: the tiff crate unpacks the samples, this file says what they mean. It is handed every picture as grey with so many
//! bands, for it refuses kinds whose samples it could read. Strips of JPEG go to [`super::jpeg`]'s decoder, which tells where
//! data are missing, and those of group 3 faxes to the fax crate.

mod colors;
mod directory;
mod header;
mod pieces;

use std::io::Cursor;

use ::tiff::decoder::{Decoder, Limits};
use ::tiff::{TiffError, TiffUnsupportedError};
use image::metadata::Orientation;

use self::colors::Meaning;
use self::directory::Layout;
use self::header::{Header, Unpacked};
use super::raster::{Decoded, MAX_ALLOC_BYTES};
use super::trouble::Trouble;

/// Decodes the first picture of a whole file that is no smaller copy of another one.
pub(super) fn decode(mut bytes: Vec<u8>) -> Result<Decoded, Trouble> {
    let layout = Layout::of(&bytes).ok_or(Trouble::Damaged)?;
    let directory = layout.pictures(&bytes).into_iter().next().ok_or(Trouble::CutOff)?;
    let header = Header::of(&bytes, &directory)?;
    let orientation = directory.number(&bytes, 274).and_then(|value| Orientation::from_exif(value as u8));
    let meaning = Meaning::of(&bytes, &directory, &header)?;
    let raster = match header.compression {
        7 => {
            let samples = pieces::jpeg(&bytes, &directory, &header)?;
            meaning.raster(&header, samples)?
        }
        3 => {
            let samples = pieces::fax(&bytes, &directory, &header)?;
            meaning.raster(&header, samples)?
        }
        1 | 4 | 5 | 8 | 32_773 | 32_946 => {
            layout.put_first(&mut bytes, &directory);
            // 1: grey, black is zero.
            layout.replace(&mut bytes, &directory, 262, 1);
            let samples = unpack(bytes, &header)?;
            meaning.raster(&header, samples)?
        }
        other => return Err(compressed(other)),
    };
    Ok(Decoded { raster, orientation: orientation.unwrap_or(Orientation::NoTransforms), note: None })
}

fn compressed(method: u64) -> Trouble {
    let name = match method {
        2 => "by CCITT run lengths",
        6 => "as JPEG in the old way",
        34_661 => "as JBIG",
        34_712 | 33_003 | 33_005 => "as JPEG 2000",
        34_887 => "by LERC",
        34_892 => "as lossy raw of a camera",
        34_925 => "by LZMA",
        50_000 => "by Zstandard",
        50_001 => "as WebP",
        50_002 | 52_546 => "as JPEG XL",
        _ => "in a rare way",
    };
    Trouble::kind(format!("a TIFF compressed {name}"))
}

fn unpack(bytes: Vec<u8>, header: &Header) -> Result<Unpacked, Trouble> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_ALLOC_BYTES as usize;
    limits.intermediate_buffer_size = MAX_ALLOC_BYTES as usize;
    limits.ifd_value_size = bytes.len();
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(trouble)?.with_limits(limits);
    let layout = decoder.image_buffer_layout().map_err(trouble)?;
    if layout.complete_len as u64 > MAX_ALLOC_BYTES {
        return Err(Trouble::TooLarge);
    }
    let mut packed = vec![0; layout.complete_len];
    decoder.read_image_bytes(&mut packed).map_err(trouble)?;
    drop(decoder);
    let Header { width, height, bits, bands, .. } = *header;
    if bits < 8 {
        let row_bands = if header.is_planar { 1 } else { bands };
        let row_bytes = (width * row_bands * bits).div_ceil(8);
        packed = packed
            .chunks_exact(row_bytes)
            .flat_map(|row| narrow(row, bits).take(width * row_bands))
            .collect();
    }
    if header.is_planar {
        packed = interleave(&packed, bits.div_ceil(8), width * height, bands);
    }
    Ok(match (bits, header.format) {
        (1..=8, 1 | 4) => Unpacked::Bytes(packed),
        (16, 1 | 4) => Unpacked::Shorts(numbers(&packed, u16::from_ne_bytes)),
        (32, 1 | 4) => Unpacked::Floats(numbers(&packed, |bytes| {
            (f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)) as f32
        })),
        (64, 1 | 4) => Unpacked::Floats(numbers(&packed, |bytes| {
            (u64::from_ne_bytes(bytes) as f64 / u64::MAX as f64) as f32
        })),
        (8, 2) => {
            Unpacked::Floats(packed.into_iter().map(|byte| f32::from(byte.cast_signed()) / 127.0).collect())
        }
        (16, 2) => {
            Unpacked::Floats(numbers(&packed, |bytes| f32::from(i16::from_ne_bytes(bytes)) / 32_767.0))
        }
        (32, 2) => Unpacked::Floats(numbers(&packed, |bytes| {
            (f64::from(i32::from_ne_bytes(bytes)) / f64::from(i32::MAX)) as f32
        })),
        (16, 3) => Unpacked::Floats(numbers(&packed, |bytes| half::f16::from_ne_bytes(bytes).into())),
        (32, 3) => Unpacked::Floats(numbers(&packed, f32::from_ne_bytes)),
        (64, 3) => Unpacked::Floats(numbers(&packed, |bytes| f64::from_ne_bytes(bytes) as f32)),
        (_, 5 | 6) => return Err(Trouble::kind("a TIFF of complex numbers")),
        (bits, _) => return Err(Trouble::kind(format!("a TIFF of {bits} bits a sample"))),
    })
}

/// The numbers of fewer than 8 bits in a row.
fn narrow(row: &[u8], bits: usize) -> impl Iterator<Item = u8> + '_ {
    let mask = (1_u16 << bits) - 1;
    (0..row.len() * 8 / bits).map(move |index| {
        let (byte, shift) = (index * bits / 8, index * bits % 8);
        let pair = u16::from_be_bytes([row[byte], row.get(byte + 1).copied().unwrap_or(0)]);
        (pair >> (16 - shift - bits) & mask) as u8
    })
}

fn numbers<const SIZE: usize, T>(bytes: &[u8], number: impl Fn([u8; SIZE]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|bytes| number(*bytes)).collect()
}

/// Planes, one after the other, to pixels.
fn interleave(planes: &[u8], size: usize, pixels: usize, bands: usize) -> Vec<u8> {
    let mut mixed = vec![0; planes.len()];
    for (band, plane) in planes.chunks_exact(pixels * size).take(bands).enumerate() {
        for (pixel, sample) in plane.chunks_exact(size).enumerate() {
            let at = (pixel * bands + band) * size;
            mixed[at..at + size].copy_from_slice(sample);
        }
    }
    mixed
}

fn trouble(error: TiffError) -> Trouble {
    match error {
        TiffError::IoError(error) => error.into(),
        TiffError::LimitsExceeded => Trouble::TooLarge,
        TiffError::UnsupportedError(TiffUnsupportedError::UnsupportedCompressionMethod(_)) => compressed(0),
        TiffError::UnsupportedError(_) => Trouble::kind("a TIFF of a rare kind"),
        _ => Trouble::Damaged,
    }
}
