//! Samples as a decoder gives them, and how they become 8-bit RGB. Pure.

use image::DynamicImage;
use image::metadata::Orientation;

use crate::source::flat::over_white;
use crate::source::shrink::{Reduction, Shrinker};

/// Longest side of a picture that is decoded, in pixels: what can be shrunk, and all that JPEG has.
pub(super) const MAX_SIDE_PX: u32 = 65_535;

/// Most memory that a decoded picture may take, in bytes, before it is made smaller; and most bytes of a file that is read
/// as a whole.
pub(super) const MAX_ALLOC_BYTES: u64 = 2 << 30;

/// A picture as its file has it: before it is turned, laid over white and made smaller.
pub(super) struct Decoded {
    pub raster: Raster,
    pub orientation: Orientation,
    /// What its decoder found odd.
    pub note: Option<String>,
}

/// A decoded picture: rows from top to bottom, pixel by pixel.
pub(super) struct Raster {
    pub width: u32,
    pub height: u32,
    /// Samples a pixel: 1 grey, 2 grey and alpha, 3 red, green and blue, 4 these and alpha.
    pub channels: usize,
    pub samples: Samples,
    /// What the file writes for white, black being 0; `None` of fractions, which the format gives no range.
    pub full: Option<f64>,
}

/// Samples of one kind.
pub(super) enum Samples {
    /// 0 to 255.
    U8(Vec<u8>),
    /// 0 to 65535.
    U16(Vec<u16>),
    /// 0 to 1, where their range is known.
    F32(Vec<f32>),
}

impl From<DynamicImage> for Raster {
    fn from(image: DynamicImage) -> Self {
        let (width, height) = (image.width(), image.height());
        let channels = usize::from(image.color().channel_count());
        let samples = match image {
            DynamicImage::ImageLuma8(image) => Samples::U8(image.into_raw()),
            DynamicImage::ImageLumaA8(image) => Samples::U8(image.into_raw()),
            DynamicImage::ImageRgb8(image) => Samples::U8(image.into_raw()),
            DynamicImage::ImageRgba8(image) => Samples::U8(image.into_raw()),
            DynamicImage::ImageLuma16(image) => Samples::U16(image.into_raw()),
            DynamicImage::ImageLumaA16(image) => Samples::U16(image.into_raw()),
            DynamicImage::ImageRgb16(image) => Samples::U16(image.into_raw()),
            DynamicImage::ImageRgba16(image) => Samples::U16(image.into_raw()),
            DynamicImage::ImageRgb32F(image) => Samples::F32(image.into_raw()),
            DynamicImage::ImageRgba32F(image) => Samples::F32(image.into_raw()),
            other => return Self::from(DynamicImage::from(other.into_rgba8())),
        };
        Self::new(width, height, channels, samples)
    }
}

impl Raster {
    /// With the range of its samples.
    pub fn new(width: u32, height: u32, channels: usize, samples: Samples) -> Self {
        let full = match samples {
            Samples::U8(_) => Some(255.0),
            Samples::U16(_) => Some(65_535.0),
            Samples::F32(_) => None,
        };
        Self { width, height, channels, samples, full }
    }

    /// How many samples of a pixel are colours: all but the opacity.
    pub fn colors(&self) -> usize {
        if self.channels.is_multiple_of(2) { self.channels - 1 } else { self.channels }
    }

    /// The same without its opacity: colours that it hid show.
    pub fn opaque(self) -> Self {
        let colors = self.colors();
        if colors == self.channels {
            return self;
        }
        let samples = match self.samples {
            Samples::U8(samples) => Samples::U8(without_alpha(&samples, colors)),
            Samples::U16(samples) => Samples::U16(without_alpha(&samples, colors)),
            Samples::F32(samples) => Samples::F32(without_alpha(&samples, colors)),
        };
        Self { channels: colors, samples, ..self }
    }

    /// Width, height and red, green and blue bytes: over white where it is transparent, smaller where that is asked for.
    pub fn into_rgb(self, reduction: Option<Reduction>) -> (u32, u32, Vec<u8>) {
        let (width, height, channels) = (self.width, self.height, self.channels);
        match self.samples {
            Samples::U8(samples) if channels == 3 && reduction.is_none() => (width, height, samples),
            Samples::U8(samples) => rgb_rows(width, height, channels, &samples, reduction, |value| value),
            Samples::U16(samples) => rgb_rows(width, height, channels, &samples, reduction, |value| {
                ((u32::from(value) + 128) / 257) as u8
            }),
            Samples::F32(samples) => {
                // NaN becomes 0.
                rgb_rows(width, height, channels, &samples, reduction, |value| {
                    (value.clamp(0.0, 1.0) * 255.0).round() as u8
                })
            }
        }
    }
}

fn without_alpha<S: Copy>(samples: &[S], colors: usize) -> Vec<S> {
    samples.chunks_exact(colors + 1).flat_map(|pixel| &pixel[..colors]).copied().collect()
}

fn rgb_rows<S: Copy>(
    width: u32,
    height: u32,
    channels: usize,
    samples: &[S],
    reduction: Option<Reduction>,
    level: impl Fn(S) -> u8,
) -> (u32, u32, Vec<u8>) {
    let rows = samples.chunks_exact((width as usize * channels).max(1));
    let mut row_rgb = Vec::with_capacity(width as usize * 3);
    let convert = |row: &[S], rgb: &mut Vec<u8>| match channels {
        1 => rgb.extend(row.iter().flat_map(|&grey| [level(grey); 3])),
        2 => rgb
            .extend(row.chunks_exact(2).flat_map(|pixel| [over_white(level(pixel[0]), level(pixel[1])); 3])),
        3 => rgb.extend(row.iter().map(|&value| level(value))),
        _ => rgb.extend(row.chunks_exact(4).flat_map(|pixel| {
            let alpha = level(pixel[3]);
            [0, 1, 2].map(|channel| over_white(level(pixel[channel]), alpha))
        })),
    };
    match reduction {
        None => {
            let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
            rows.for_each(|row| convert(row, &mut rgb));
            (width, height, rgb)
        }
        Some(reduction) => {
            let mut smaller = Shrinker::new(reduction);
            for row in rows {
                row_rgb.clear();
                convert(row, &mut row_rgb);
                smaller.add_row(&row_rgb);
            }
            smaller.finish()
        }
    }
}
