//! What the samples of a TIFF mean, and the picture that they make. Pure.

use super::super::raster::{Raster, Samples};
use super::super::trouble::Trouble;
use super::directory::Directory;
use super::header::{Header, Unpacked};

/// For pictures that no picture program shows.
const GDAL: &str = "`gdal_translate -of PNG -b 1 -b 2 -b 3 FILE out.png` makes a PNG of three of them";

/// What the samples mean.
pub(super) struct Meaning {
    colors: Colors,
    /// Which band says how opaque a pixel is, and whether the colours are multiplied by it already.
    alpha: Option<(usize, bool)>,
}

enum Colors {
    Grey {
        white_is_zero: bool,
    },
    Rgb,
    /// Indices into these.
    Palette(Vec<[u8; 3]>),
    Cmyk,
    YCbCr,
    /// CIE L*a*b*; true: the zero of a and b lies in the middle of the range.
    Lab {
        is_shifted: bool,
    },
}

impl Colors {
    fn bands(&self) -> usize {
        match self {
            Self::Grey { .. } | Self::Palette(_) => 1,
            Self::Cmyk => 4,
            Self::Rgb | Self::YCbCr | Self::Lab { .. } => 3,
        }
    }
}

impl Meaning {
    pub fn of(bytes: &[u8], directory: &Directory, header: &Header) -> Result<Self, Trouble> {
        let colors = match header.photometric {
            0 => Colors::Grey { white_is_zero: true },
            1 | 4 => Colors::Grey { white_is_zero: false },
            2 => Colors::Rgb,
            3 => Colors::Palette(palette(bytes, directory, header)?),
            5 if directory.number(bytes, 332).unwrap_or(1) == 1 => Colors::Cmyk,
            5 => return Err(Trouble::kind("a TIFF of other inks than cyan, magenta, yellow and black")),
            // The decoder of JPEG makes RGB of them.
            6 if header.compression == 7 => Colors::Rgb,
            6 => {
                let sampling = directory.numbers(bytes, 530).unwrap_or(vec![2, 2]);
                if sampling != [1, 1] {
                    return Err(Trouble::kind(
                        "a TIFF of YCbCr colours with fewer samples for colour than for brightness",
                    ));
                }
                Colors::YCbCr
            }
            8 => Colors::Lab { is_shifted: false },
            9 => Colors::Lab { is_shifted: true },
            10 => return Err(Trouble::kind("a TIFF of ITU L*a*b* colours")),
            32_803 | 34_892 => {
                let advice = "`darktable-cli FILE out.jpg` develops it";
                return Err(Trouble::Kind { what: "a raw camera picture".into(), advice });
            }
            32_844 | 32_845 => return Err(Trouble::kind("a TIFF of logarithmic brightness (LogLuv)")),
            _ => return Err(Trouble::kind("a TIFF of a rare kind of colours")),
        };
        let needed = colors.bands();
        if header.bands < needed {
            return Err(Trouble::Damaged);
        }
        let beside = header.bands - needed;
        // Grey with several more bands: whether these are red, green, blue or ultraviolet, nobody knows.
        if matches!(colors, Colors::Grey { .. }) && beside > 1 {
            let what = format!("a TIFF of {} bands that are neither grey nor RGB nor CMYK", header.bands);
            return Err(Trouble::Kind { what, advice: GDAL });
        }
        let alpha = header.extra.iter().take(beside).position(|kind| matches!(kind, 1 | 2));
        let alpha = alpha.map(|index| (needed + index, header.extra[index] == 1));
        Ok(Self { colors, alpha })
    }

    /// The picture.
    pub fn raster(&self, header: &Header, samples: Unpacked) -> Result<Raster, Trouble> {
        let (width, height) = (header.width as u32, header.height as u32);
        let full = match header.bits {
            1..8 if !matches!(self.colors, Colors::Palette(_)) => ((1_u16 << header.bits) - 1) as u8,
            _ => 255,
        };
        let (channels, samples) = match samples {
            Unpacked::Bytes(samples) if full < 255 => {
                let samples =
                    samples.into_iter().map(|value| (u16::from(value) * 255 / u16::from(full)) as u8);
                self.bytes(header.bands, samples.collect())?
            }
            Unpacked::Bytes(samples) => self.bytes(header.bands, samples)?,
            Unpacked::Shorts(samples) => match &self.colors {
                Colors::Palette(palette) => {
                    let color = |&index: &u16| palette.get(usize::from(index)).copied().unwrap_or_default();
                    let colors = samples.iter().step_by(header.bands).flat_map(color);
                    (3, Samples::U8(colors.collect()))
                }
                Colors::Grey { .. } | Colors::Rgb => {
                    let (channels, samples) =
                        self.plain(header.bands, samples, u16::MAX, |a, b| a.saturating_add(b))?;
                    (channels, Samples::U16(samples))
                }
                _ => {
                    self.bytes(header.bands, samples.into_iter().map(|value| (value >> 8) as u8).collect())?
                }
            },
            Unpacked::Floats(samples) => match self.colors {
                Colors::Grey { .. } | Colors::Rgb => {
                    let (channels, samples) = self.plain(header.bands, samples, 1.0, |a, b| a + b)?;
                    (channels, Samples::F32(samples))
                }
                _ => return Err(Trouble::kind("a TIFF of a rare kind of colours")),
            },
        };
        let raster = Raster::new(width, height, channels, samples);
        let bits = header.bits as i32;
        let full = match (header.format, header.bits) {
            (3, _) => None,
            (2, _) => Some(2_f64.powi(bits - 1) - 1.0),
            (_, 17..) => Some(2_f64.powi(bits) - 1.0),
            _ => raster.full,
        };
        Ok(Raster { full, ..raster })
    }

    /// Grey or red, green and blue, with the opacity behind them where there is one that must still be applied.
    fn plain<S: Copy + std::ops::Sub<Output = S>>(
        &self,
        bands: usize,
        samples: Vec<S>,
        full: S,
        sum: impl Fn(S, S) -> S,
    ) -> Result<(usize, Vec<S>), Trouble> {
        let colors = self.colors.bands();
        let is_inverted = matches!(self.colors, Colors::Grey { white_is_zero: true });
        if bands == colors && !is_inverted {
            return Ok((colors, samples));
        }
        let straight = self.alpha.filter(|(_, is_multiplied)| !is_multiplied).map(|(band, _)| band);
        let multiplied = self.alpha.filter(|(_, is_multiplied)| *is_multiplied).map(|(band, _)| band);
        let channels = colors + usize::from(straight.is_some());
        let mut kept = Vec::with_capacity(samples.len() / bands * channels);
        for pixel in samples.chunks_exact(bands) {
            for &value in &pixel[..colors] {
                let value = if is_inverted { full - value } else { value };
                // Over white, as all transparent pictures are.
                kept.push(multiplied.map_or(value, |band| sum(value, full - pixel[band])));
            }
            kept.extend(straight.map(|band| pixel[band]));
        }
        Ok((channels, kept))
    }

    fn bytes(&self, bands: usize, samples: Vec<u8>) -> Result<(usize, Samples), Trouble> {
        let pixels = samples.chunks_exact(bands);
        let rgb: Vec<u8> = match &self.colors {
            Colors::Grey { .. } | Colors::Rgb => {
                let (channels, samples) = self.plain(bands, samples, 255, |a, b| a.saturating_add(b))?;
                return Ok((channels, Samples::U8(samples)));
            }
            Colors::Palette(palette) => pixels
                .flat_map(|pixel| palette.get(usize::from(pixel[0])).copied().unwrap_or_default())
                .collect(),
            Colors::Cmyk => pixels.flat_map(rgb_of_cmyk).collect(),
            Colors::YCbCr => pixels.flat_map(rgb_of_ycbcr).collect(),
            Colors::Lab { is_shifted } => pixels.flat_map(|pixel| rgb_of_lab(pixel, *is_shifted)).collect(),
        };
        Ok((3, Samples::U8(rgb)))
    }
}

fn palette(bytes: &[u8], directory: &Directory, header: &Header) -> Result<Vec<[u8; 3]>, Trouble> {
    let values = directory.numbers(bytes, 320).ok_or(Trouble::Damaged)?;
    let count = values.len() / 3;
    if header.bits > 16 || count == 0 {
        return Err(Trouble::Damaged);
    }
    // Some programs write levels up to 255 where the standard has 65535.
    let shift = if values.iter().all(|&value| value < 256) { 0 } else { 8 };
    let level = |channel: usize, index: usize| (values[channel * count + index] >> shift).min(255) as u8;
    Ok((0..count).map(|index| [0, 1, 2].map(|channel| level(channel, index))).collect())
}

/// As Pillow does it, in whole numbers.
fn rgb_of_cmyk(pixel: &[u8]) -> [u8; 3] {
    let light = 255 - u32::from(pixel[3]);
    [0, 1, 2].map(|ink| {
        let product = u32::from(pixel[ink]) * light + 128;
        (light - ((product + (product >> 8)) >> 8).min(light)) as u8
    })
}

/// BT.601 in the full range, as in JPEG.
fn rgb_of_ycbcr(pixel: &[u8]) -> [u8; 3] {
    let [luma, blue, red] = [0, 1, 2].map(|band| f32::from(pixel[band]));
    let (blue, red) = (blue - 128.0, red - 128.0);
    let rgb = [luma + 1.402 * red, luma - 0.344_136 * blue - 0.714_136 * red, luma + 1.772 * blue];
    rgb.map(|value| value.round().clamp(0.0, 255.0) as u8)
}

/// From L*a*b* under daylight of 5000 K, as printers use it, to sRGB.
fn rgb_of_lab(pixel: &[u8], is_shifted: bool) -> [u8; 3] {
    let signed = |byte: u8| match is_shifted {
        true => f32::from(byte) - 128.0,
        false => f32::from(byte.cast_signed()),
    };
    let y = (f32::from(pixel[0]) / 2.55 + 16.0) / 116.0;
    let [x, z] = [y + signed(pixel[1]) / 500.0, y - signed(pixel[2]) / 200.0];
    let linear = |t: f32| if t > 6.0 / 29.0 { t * t * t } else { (t - 4.0 / 29.0) * 108.0 / 841.0 };
    let (x, y, z) = (0.964_22 * linear(x), linear(y), 0.825_21 * linear(z));
    // Bradford's adaptation to the white of sRGB is in these.
    let rgb = [
        3.133_856 * x - 1.616_867 * y - 0.490_615 * z,
        -0.978_768 * x + 1.916_142 * y + 0.033_454 * z,
        0.071_945 * x - 0.228_991 * y + 1.405_243 * z,
    ];
    rgb.map(|value| {
        let value = if value <= 0.003_130_8 { 12.92 * value } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 };
        (value * 255.0).round().clamp(0.0, 255.0) as u8
    })
}
