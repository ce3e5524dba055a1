//! A film of pictures that are drawn one after the other, each as long as the others.

use std::path::{Path, PathBuf};
use std::time::Duration;

use image::{RgbImage, Rgba, RgbaImage, buffer::ConvertBuffer, imageops};

use super::Recorded;
use super::format::Format;
use super::part::Part;
use super::tools::{FilmError, Tools};

/// It begins with its first picture.
pub struct DrawnFilm {
    path: PathBuf,
    tools: Tools,
    rate: f64,
    part: Option<Part>,
    last: RgbaImage,
}

impl DrawnFilm {
    /// So many pictures a second.
    ///
    /// # Errors
    /// [`FilmError`], where none can be written under this name.
    pub fn new(path: &Path, rate: f64) -> Result<Self, FilmError> {
        super::check(path)?;
        let format = Format::of(path).ok_or_else(|| FilmError::Ending(path.into()))?;
        Ok(Self {
            path: path.into(),
            tools: Tools::find(format)?,
            rate,
            part: None,
            last: RgbaImage::default(),
        })
    }

    /// Adds a picture. One of another size than the first is cut, or gets a border.
    ///
    /// # Errors
    /// [`FilmError::Ended`]: what was written until then plays.
    pub fn add(&mut self, picture: &RgbImage) -> Result<(), FilmError> {
        let mut rgba: RgbaImage = picture.convert();
        if self.part.is_none() {
            self.part = Some(Part::begin(&self.path, &self.tools, [rgba.width(), rgba.height()])?);
        }
        let Some(part) = &mut self.part else { return Ok(()) };
        let [width, height] = part.size;
        if rgba.dimensions() != (width, height) {
            let ground = rgba.get_pixel_checked(0, 0).copied().unwrap_or(Rgba([255; 4]));
            let mut canvas = RgbaImage::from_pixel(width, height, ground);
            imageops::replace(&mut canvas, &rgba, 0, 0);
            rgba = canvas;
        }
        let time = part.pictures as f64 * 1e3 / self.rate;
        let added = part.add(time.round() as u64, &rgba);
        self.last = rgba;
        let Err(error) = added else { return Ok(()) };
        // Why, it says at its end.
        if let Some(part) = self.part.take() {
            part.end()?;
        }
        Err(FilmError::Ended { path: self.path.clone(), reason: error.to_string() })
    }

    /// Ends it.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn finish(self) -> Result<Recorded, FilmError> {
        let Some(mut part) = self.part else { return Ok(Recorded::default()) };
        let pictures = part.pictures;
        if let Some(end) = super::last_again(pictures, self.rate) {
            // What went wrong, it says at its end.
            let _ = part.stay(end.as_millis() as u64, &self.last);
        }
        part.end()?;
        let length = Duration::from_secs_f64(pictures as f64 / self.rate);
        Ok(Recorded { files: vec![self.path], pictures, lost: 0, length })
    }
}
