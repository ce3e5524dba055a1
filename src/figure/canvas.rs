//! The surface of a figure: pictures keep their bytes, marks lie over them. Any thread.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _, Rgb, RgbImage};
use resvg::{tiny_skia, usvg};

use super::font::{FONT_ATTRIBUTES, options};
use super::marks::{Mark, TextStyle};

/// Behind everything, as in the interface.
pub const BACKGROUND: [u8; 3] = [0x15, 0x17, 0x1b];
/// Words.
pub const TEXT: [u8; 3] = [0xe4, 0xe7, 0xeb];
/// Words that stand back.
pub const QUIET: [u8; 3] = [0x9a, 0xa3, 0xad];
/// What is to be looked at.
pub const ACCENT: [u8; 3] = [0xff, 0xb4, 0x54];
/// Lines between things, and places where nothing is.
pub const LINE: [u8; 3] = [0x2c, 0x31, 0x38];

/// Most pixels from left to right or from top to bottom.
pub const MAX_SIDE: u32 = 16_384;
/// Most pixels in all.
pub const MAX_PIXELS: u64 = 256_000_000;

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// More pixels than [`MAX_SIDE`] or [`MAX_PIXELS`] allow.
    #[error(
        "a figure of {width} × {height} pixels is too large (at most {MAX_SIDE} a side and {} million in all); \
         choose smaller tiles or fewer of them",
        MAX_PIXELS / 1_000_000
    )]
    TooLarge {
        /// Pixels from left to right that it would need.
        width: u64,
        /// Pixels from top to bottom that it would need.
        height: u64,
    },
    /// The file's name ends in nothing that can be written.
    #[error("{} names no format for a figure; end its name in .png or .svg", .0.display())]
    Extension(PathBuf),
    /// The file's name ends like a film's.
    #[error(
        "{} is a film's name, and a figure is one picture. `-o {stem}.png` writes one for each frame of VIDEO.mp4 \
         ({stem}-VIDEO-00000.png, …); then `ffmpeg -framerate 10 -i {stem}-VIDEO-%05d.png {}` makes a film of them",
        path.display(), path.display(), stem = path.with_extension("").display()
    )]
    Film {
        /// The name.
        path: PathBuf,
    },
    /// The marks could not be drawn or the PNG not encoded.
    #[error("the figure could not be encoded: {0}; try the other of .png and .svg")]
    Encode(String),
}

/// Pixels drawn at once: marks are rendered in bands so that large figures need no second copy of themselves.
const BAND_PIXELS: u32 = 4 << 20;

/// A picture with words on it. Coordinates are pixels from the left and top edge; a pixel's middle is at ½.
#[derive(Clone, Debug)]
pub struct Figure {
    raster: RgbImage,
    marks: Vec<Mark>,
}

impl Figure {
    /// An empty figure.
    ///
    /// # Errors
    /// [`FigureError::TooLarge`] beyond [`MAX_SIDE`] or [`MAX_PIXELS`].
    pub fn new(width: u32, height: u32) -> Result<Self, FigureError> {
        let pixels = u64::from(width) * u64::from(height);
        if width > MAX_SIDE || height > MAX_SIDE || pixels > MAX_PIXELS {
            return Err(FigureError::TooLarge { width: width.into(), height: height.into() });
        }
        Ok(Self::blank(width, height))
    }

    /// An empty figure whose size is known to be fine.
    pub(super) fn blank(width: u32, height: u32) -> Self {
        let raster = RgbImage::from_pixel(width.max(1), height.max(1), Rgb(BACKGROUND));
        Self { raster, marks: Vec::new() }
    }

    /// Pixels from left to right.
    pub fn width(&self) -> u32 {
        self.raster.width()
    }

    /// Pixels from top to bottom.
    pub fn height(&self) -> u32 {
        self.raster.height()
    }

    /// Copies a picture's pixels to this place, without what lies outside the figure.
    pub fn picture(&mut self, x: u32, y: u32, picture: &RgbImage) {
        image::imageops::replace(&mut self.raster, picture, x.into(), y.into());
    }

    /// Writes a line of text; `y` is its baseline. Nothing is cut: see [`super::fit_text`].
    pub fn text(&mut self, x: f32, y: f32, text: &str, style: TextStyle) {
        if x.is_finite() && y.is_finite() && style.size > 0.0 && !text.trim().is_empty() {
            self.marks.push(Mark::Text { at: [x, y], text: text.to_owned(), style });
        }
    }

    /// Draws a line of this width.
    pub fn line(&mut self, from: [f32; 2], to: [f32; 2], width: f32, colour: [u8; 3]) {
        self.polyline(vec![from, to], width, colour);
    }

    /// Draws a line through points; those that are not finite are left out.
    pub fn polyline(&mut self, mut points: Vec<[f32; 2]>, width: f32, colour: [u8; 3]) {
        points.retain(is_finite);
        if points.len() > 1 {
            self.marks.push(Mark::Line { points, width, colour });
        }
    }

    /// Fills a rectangle.
    pub fn rect(&mut self, x: f32, y: f32, width: f32, height: f32, colour: [u8; 3]) {
        self.polygons(vec![rectangle(x, y, width, height)], colour);
    }

    /// Fills polygons as one area: where they touch there is no seam. Points that are not finite are left out.
    pub fn polygons(&mut self, mut rings: Vec<Vec<[f32; 2]>>, colour: [u8; 3]) {
        rings.iter_mut().for_each(|ring| ring.retain(is_finite));
        rings.retain(|ring| ring.len() > 2);
        if !rings.is_empty() {
            self.marks.push(Mark::Area { rings, colour });
        }
    }

    /// Fills a disc.
    pub fn dot(&mut self, x: f32, y: f32, radius: f32, colour: [u8; 3]) {
        if is_finite(&[x, y]) {
            self.marks.push(Mark::Dot { at: [x, y], radius, colour });
        }
    }

    /// The figure's pixels with the marks drawn over them.
    ///
    /// # Errors
    /// [`FigureError::Encode`] where the marks cannot be drawn.
    pub fn to_picture(&self) -> Result<RgbImage, FigureError> {
        let encode = |error: &dyn std::fmt::Display| FigureError::Encode(error.to_string());
        let mut picture = self.raster.clone();
        if self.marks.is_empty() {
            return Ok(picture);
        }
        let tree = usvg::Tree::from_str(&self.svg("", false), options()).map_err(|e| encode(&e))?;
        let (width, height) = picture.dimensions();
        let band = (BAND_PIXELS / width).clamp(1, height);
        let mut pixels =
            tiny_skia::Pixmap::new(width, band).ok_or_else(|| encode(&"no memory for a band"))?;
        for (number, rows) in picture.chunks_mut((width * band * 3) as usize).enumerate() {
            let rgba = pixels.data_mut().chunks_exact_mut(4);
            // Opaque colours are the same premultiplied.
            rgba.zip(rows.chunks_exact(3)).for_each(|(to, from)| {
                to[..3].copy_from_slice(from);
                to[3] = 255;
            });
            let up = -((number as u32 * band) as f32);
            resvg::render(&tree, tiny_skia::Transform::from_translate(0.0, up), &mut pixels.as_mut());
            let rgba = pixels.data().chunks_exact(4);
            rows.chunks_exact_mut(3).zip(rgba).for_each(|(to, from)| to.copy_from_slice(&from[..3]));
        }
        Ok(picture)
    }

    /// The figure as a PNG: pixels that no mark touches are as they were blitted.
    ///
    /// # Errors
    /// [`FigureError::Encode`].
    pub fn to_png(&self) -> Result<Vec<u8>, FigureError> {
        encode_png(&self.to_picture()?)
    }

    /// The figure as an SVG: the raster as one embedded PNG, marks and words as elements.
    ///
    /// # Errors
    /// [`FigureError::Encode`] where the raster cannot be encoded.
    pub fn to_svg(&self) -> Result<String, FigureError> {
        let data = base64::engine::general_purpose::STANDARD.encode(encode_png(&self.raster)?);
        let (width, height) = self.raster.dimensions();
        let image = format!(
            "<image width=\"{width}\" height=\"{height}\" style=\"image-rendering:pixelated\" \
             xlink:href=\"data:image/png;base64,{data}\"/>\n"
        );
        Ok(self.svg(&image, true))
    }

    fn svg(&self, image: &str, fixed: bool) -> String {
        let (width, height) = self.raster.dimensions();
        let mut svg = String::with_capacity(image.len() + 256 * self.marks.len() + 256);
        // Writing into a string cannot fail.
        let _ = writeln!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" \
             {FONT_ATTRIBUTES} width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">"
        );
        svg.push_str(image);
        self.marks.iter().for_each(|mark| mark.write(&mut svg, fixed));
        svg.push_str("</svg>\n");
        svg
    }

    /// That a name ends in a format that can be written.
    ///
    /// # Errors
    /// [`FigureError::Extension`], [`FigureError::Film`].
    pub fn check_name(path: &Path) -> Result<(), FigureError> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("png" | "svg") => Ok(()),
            Some("mp4" | "gif" | "webm" | "mov" | "mkv" | "avi" | "apng" | "webp" | "m4v") => {
                Err(FigureError::Film { path: path.to_owned() })
            }
            _ => Err(FigureError::Extension(path.to_owned())),
        }
    }

    /// The bytes of a file in the format that its name ends in.
    ///
    /// # Errors
    /// [`FigureError::Extension`] or [`FigureError::Encode`].
    pub fn encode(&self, path: &Path) -> Result<Vec<u8>, FigureError> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("png") => self.to_png(),
            Some("svg") => Ok(self.to_svg()?.into_bytes()),
            _ => Err(FigureError::Extension(path.to_owned())),
        }
    }

    /// Every text with its left, top, right and bottom, after a look that they lie in the figure and apart.
    #[cfg(test)]
    pub(super) fn checked_texts(&self) -> Vec<(&str, [f32; 4])> {
        let texts: Vec<(&str, [f32; 4])> = self.marks.iter().filter_map(Mark::text_box).collect();
        for (number, (text, [left, top, right, bottom])) in texts.iter().enumerate() {
            let inside = *left >= 0.0
                && *top >= 0.0
                && *right <= self.width() as f32
                && *bottom <= self.height() as f32;
            assert!(inside, "{text:?} leaves the figure: {:?}", texts[number]);
            for (other, [l, t, r, b]) in &texts[..number] {
                let apart = left >= r || l >= right || top >= b || t >= bottom;
                assert!(apart, "{text:?} lies on {other:?}");
            }
        }
        texts
    }
}

/// The corners of a rectangle.
pub(super) fn rectangle(x: f32, y: f32, width: f32, height: f32) -> Vec<[f32; 2]> {
    vec![[x, y], [x + width, y], [x + width, y + height], [x, y + height]]
}

/// Between two colours: 0 the first, 1 the second.
pub(super) fn mix(from: [u8; 3], to: [u8; 3], part: f32) -> [u8; 3] {
    std::array::from_fn(|i| (f32::from(from[i]) * (1.0 - part) + f32::from(to[i]) * part).round() as u8)
}

fn is_finite(point: &[f32; 2]) -> bool {
    point.iter().all(|coordinate| coordinate.is_finite())
}

fn encode_png(picture: &RgbImage) -> Result<Vec<u8>, FigureError> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
        .write_image(picture.as_raw(), picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .map_err(|error| FigureError::Encode(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
