//! JPEG, by libjpeg's algorithms: its numbers are those of Pillow and OpenCV, and where data are missing it says so.

use image::metadata::Orientation;
use libjpeg_turbo_rs::{DecodeLimits, Decoder, JpegError, PixelFormat, decompress_16bit_with_limits};

use super::raster::{Decoded, MAX_ALLOC_BYTES, MAX_SIDE_PX, Raster, Samples};
use super::trouble::Trouble;

/// Most scans of a file: progressive ones have up to some dozens.
const MAX_SCANS: usize = 256;

/// Decodes a whole file.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, Trouble> {
    let trouble = |error| trouble(&error, bytes);
    let mut decoder = Decoder::new_with_limits(bytes, limits()).map_err(trouble)?;
    let header = decoder.header().clone();
    let (width, height) = (u32::from(header.width), u32::from(header.height));
    let is_grey = header.components.len() == 1;
    let channels = if is_grey { 1 } else { 3 };
    if u64::from(width) * u64::from(height) * channels as u64 > MAX_ALLOC_BYTES {
        return Err(Trouble::TooLarge);
    }
    let orientation = decoder.exif_orientation().and_then(Orientation::from_exif);
    let orientation = orientation.unwrap_or(Orientation::NoTransforms);

    let mut note = None;
    let mut is_grouped = false;
    if header.is_progressive || decoder.is_arithmetic() || decoder.has_multiple_scans() {
        let ids: Vec<u8> = header.components.iter().map(|component| component.id).collect();
        let scans = Scans::of(bytes, &ids);
        // A decoder of arithmetic codes cannot tell that they end too early: it reads zeros, as the standard has it.
        if !scans.begin_all() || decoder.is_arithmetic() && !scans.has_end {
            return Err(Trouble::CutOff);
        }
        is_grouped = !header.is_progressive && scans.is_grouped;
        if header.is_progressive && !scans.refine_all() {
            note = Some("its last scans are missing: it is coarser than it was made".into());
        }
    }
    let most = |factor: fn(&_) -> u8| header.components.iter().map(factor).max();
    let is_luma_coarse = header.components.first().is_some_and(|luma| {
        most(|component| component.horizontal_sampling) > Some(luma.horizontal_sampling)
            || most(|component| component.vertical_sampling) > Some(luma.vertical_sampling)
    });

    let mut full = None;
    let samples = if header.is_lossless && header.precision != 8 {
        let image = decompress_16bit_with_limits(bytes, &limits()).map_err(trouble)?;
        if image.num_components != channels {
            return Err(Trouble::kind("a lossless JPEG of a rare kind"));
        }
        let most = (1_u32 << image.precision) - 1;
        full = Some(f64::from(most));
        let scaled = |value: u16| ((u32::from(value) * 65_535 + most / 2) / most).min(65_535) as u16;
        Samples::U16(image.data.into_iter().map(scaled).collect())
    } else if is_grouped || is_luma_coarse {
        Samples::U8(decode_rare(bytes, channels)?)
    } else {
        decoder.set_output_format(if is_grey { PixelFormat::Grayscale } else { PixelFormat::Rgb });
        Samples::U8(decoder.decode_image().map_err(trouble)?.data)
    };
    let raster = Raster::new(width, height, channels, samples);
    Ok(Decoded { raster: Raster { full: full.or(raster.full), ..raster }, orientation, note })
}

/// Width, height and samples of a strip or tile of a TIFF, which has its tables elsewhere and its colours in the TIFF's words.
pub(super) fn decode_piece(
    tables: &[u8],
    piece: &[u8],
    bands: usize,
    is_ycbcr: bool,
) -> Result<((usize, usize), Vec<u8>), Trouble> {
    let format = match bands {
        1 => PixelFormat::Grayscale,
        3 => PixelFormat::Rgb,
        4 => PixelFormat::Cmyk,
        _ => return Err(Trouble::kind("a TIFF with JPEG of a rare kind inside")),
    };
    let codes = piece.strip_prefix(&[0xff, 0xd8]).ok_or(Trouble::Damaged)?;
    // Adobe's segment says whether three components are YCbCr.
    let colors = [b"\xff\xd8\xff\xee\0\x0eAdobe\0\x64\0\0\0\0", &[u8::from(is_ycbcr)][..]].concat();
    let bytes = [&colors, tables, codes].concat();
    let trouble = |error| trouble(&error, &bytes);
    let mut decoder = Decoder::new_with_limits(&bytes, limits()).map_err(trouble)?;
    if decoder.header().components.len() != bands {
        return Err(Trouble::Damaged);
    }
    decoder.set_output_format(format);
    let image = decoder.decode_image().map_err(trouble)?;
    Ok(((image.width, image.height), image.data))
}

fn limits() -> DecodeLimits {
    DecodeLimits {
        max_width: MAX_SIDE_PX as usize,
        max_height: MAX_SIDE_PX as usize,
        max_pixels: MAX_ALLOC_BYTES,
        max_scans: MAX_SCANS,
        // The picture itself, and its components or coefficients beside it.
        max_memory: Some(2 * MAX_ALLOC_BYTES),
    }
}

/// What libjpeg-turbo-rs leaves out: two of three components in a scan of their own, and brightness with fewer samples than
/// colour.
fn decode_rare(bytes: &[u8], channels: usize) -> Result<Vec<u8>, Trouble> {
    use jpeg_decoder::{Decoder, Error, PixelFormat};
    let mut decoder = Decoder::new(bytes);
    let pixels = decoder.decode().map_err(|error| match error {
        Error::Unsupported(_) => Trouble::kind("a JPEG of a rare kind"),
        Error::Io(error) => error.into(),
        _ => Trouble::Damaged,
    })?;
    match decoder.info().map(|info| info.pixel_format) {
        Some(PixelFormat::L8) if channels == 1 => Ok(pixels),
        Some(PixelFormat::RGB24) if channels == 3 => Ok(pixels),
        _ => Err(Trouble::kind("a JPEG of a rare kind")),
    }
}

fn trouble(error: &JpegError, bytes: &[u8]) -> Trouble {
    let kind = |what: &str| Trouble::Kind { what: what.into(), advice: DJPEG };
    match (error, process(bytes)) {
        (JpegError::UnexpectedEof, _) => Trouble::CutOff,
        (JpegError::LimitExceeded { .. } | JpegError::AllocationFailed { .. }, _) => Trouble::TooLarge,
        (_, Some(0xf7)) => Trouble::kind("a JPEG-LS picture"),
        (_, Some(0xc5..=0xc7 | 0xcd..=0xcf)) => Trouble::kind("a hierarchical JPEG"),
        (_, Some(0xcb)) => kind("a lossless, arithmetic-coded JPEG"),
        (JpegError::Unsupported(_), Some(0xc3)) => kind("a lossless JPEG of a rare kind"),
        (JpegError::Unsupported(_), Some(0xc9 | 0xca)) => kind("an arithmetic-coded JPEG of a rare kind"),
        (JpegError::Unsupported(_), _) => kind("a JPEG of a rare kind"),
        _ => Trouble::Damaged,
    }
}

const DJPEG: &str = "`djpeg FILE > out.ppm` makes a picture of it that is read";

/// The marker of the frame header, which says how the picture is coded.
fn process(bytes: &[u8]) -> Option<u8> {
    let is_frame = |marker: u8| matches!(marker, 0xc0..=0xcf | 0xf7) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
    Segments { bytes, at: 2 }.map(|(marker, _)| marker).find(|&marker| is_frame(marker))
}

/// What the scans of a file carry.
struct Scans {
    /// For each component and coefficient: the lowest bit that came; 255 for none.
    lowest_bits: Vec<[u8; 64]>,
    /// Whether one has several components but not all.
    is_grouped: bool,
    /// Whether the end marker is there.
    has_end: bool,
}

impl Scans {
    fn of(bytes: &[u8], ids: &[u8]) -> Self {
        let mut scans = Self { lowest_bits: vec![[255; 64]; ids.len()], is_grouped: false, has_end: false };
        for (marker, body) in (Segments { bytes, at: 2 }) {
            match (marker, body.split_first()) {
                (0xd9, _) => {
                    scans.has_end = true;
                    break;
                }
                (0xda, Some((&count, rest))) => scans.add(usize::from(count), rest, ids),
                _ => {}
            }
        }
        scans
    }

    fn add(&mut self, count: usize, rest: &[u8], ids: &[u8]) {
        self.is_grouped |= count > 1 && count < ids.len();
        let Some((selectors, [first, last, bits, ..])) = rest.split_at_checked(2 * count) else { return };
        for selector in selectors.chunks_exact(2) {
            let component = ids.iter().position(|id| *id == selector[0]);
            let coefficients = component.and_then(|component| {
                self.lowest_bits[component].get_mut(usize::from(*first)..=usize::from(*last))
            });
            coefficients.into_iter().flatten().for_each(|lowest| *lowest = (*lowest).min(bits & 15));
        }
    }

    /// Whether something of every component came.
    fn begin_all(&self) -> bool {
        self.lowest_bits.iter().all(|bits| bits[0] < 255)
    }

    /// Whether every bit of every coefficient came.
    fn refine_all(&self) -> bool {
        self.lowest_bits.iter().flatten().all(|&bit| bit == 0)
    }
}

/// The segments of a file: marker and body. Behind a scan's header its codes are passed over.
struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Segments<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.at += self.bytes.get(self.at..)?.iter().position(|&byte| byte == 0xff)?;
            let marker = *self.bytes.get(self.at + 1)?;
            match marker {
                0x00 | 0x01 | 0xd0..=0xd8 => self.at += 2,
                0xff => self.at += 1,
                0xd9 => {
                    self.at += 2;
                    return Some((marker, &[]));
                }
                _ => {
                    let length = self.bytes.get(self.at + 2..)?.first_chunk()?;
                    let length = usize::from(u16::from_be_bytes(*length)).max(2);
                    let body = self.bytes.get(self.at + 4..self.at + 2 + length)?;
                    self.at += 2 + length;
                    return Some((marker, body));
                }
            }
        }
    }
}
