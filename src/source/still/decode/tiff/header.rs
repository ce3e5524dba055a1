//! What the tags of a TIFF's picture say, and its samples. Pure.

use super::super::raster::{MAX_ALLOC_BYTES, MAX_SIDE_PX};
use super::super::trouble::Trouble;
use super::directory::Directory;

/// What the tags of a picture say, in their own numbers.
pub(super) struct Header {
    pub width: usize,
    pub height: usize,
    pub bits: usize,
    /// Samples a pixel, with those beside the colours.
    pub bands: usize,
    /// 1 whole numbers, 2 with signs, 3 fractions.
    pub format: u64,
    pub compression: u64,
    pub photometric: u64,
    pub is_planar: bool,
    /// What the samples beside the colours are.
    pub extra: Vec<u64>,
}

impl Header {
    pub fn of(bytes: &[u8], directory: &Directory) -> Result<Self, Trouble> {
        let number = |tag, usual| directory.number(bytes, tag).unwrap_or(usual);
        let (width, height) = (number(256, 0), number(257, 0));
        if width == 0 || height == 0 {
            return Err(Trouble::Damaged);
        }
        let bands = number(277, 1);
        let bits = directory.numbers(bytes, 258).unwrap_or(vec![1]);
        let bits = match bits.split_first() {
            Some((first, others)) if others.iter().all(|bits| bits == first) => *first,
            _ => return Err(Trouble::kind("a TIFF whose samples have different numbers of bits")),
        };
        let area = u128::from(width) * u128::from(height) * u128::from(bands) * u128::from(bits);
        if width.max(height) > u64::from(MAX_SIDE_PX) || area.div_ceil(8) > u128::from(MAX_ALLOC_BYTES) {
            return Err(Trouble::TooLarge);
        }
        Ok(Self {
            width: width as usize,
            height: height as usize,
            bits: bits as usize,
            bands: bands as usize,
            format: number(339, 1),
            compression: number(259, 1),
            photometric: number(262, 1),
            is_planar: number(284, 1) == 2 && bands > 1,
            extra: directory.numbers(bytes, 338).unwrap_or_default(),
        })
    }
}

/// Samples one after the other, pixel by pixel, rows without padding; fewer than 8 bits as whole bytes.
pub(super) enum Unpacked {
    Bytes(Vec<u8>),
    /// Of a file's own range, as fractions of it; with signs and fractions as they are.
    Shorts(Vec<u16>),
    Floats(Vec<f32>),
}
