//! A film of pictures that are drawn one after the other, each as long as the others.

use std::path::{Path, PathBuf};
use std::time::Duration;

use image::{RgbImage, Rgba, RgbaImage, buffer::ConvertBuffer, imageops};
use tempfile::TempDir;

use super::Recorded;
use super::format::Format;
use super::part::Part;
use super::tools::{FilmError, Tools};
use crate::record::Existing;

/// It begins with its first picture.
pub struct DrawnFilm {
    path: PathBuf,
    tools: Tools,
    rate: f64,
    part: Option<Part>,
    last: RgbaImage,
    /// Where it is written if it is to replace another, which stays until this one is whole. Behind `part`, so that nobody writes
    /// there when it is removed.
    beside: Option<TempDir>,
}

impl DrawnFilm {
    /// So many pictures a second.
    ///
    /// # Errors
    /// [`FilmError`], where none can be written under this name.
    pub fn new(path: &Path, rate: f64, existing: Existing) -> Result<Self, FilmError> {
        let format = Format::of(path).ok_or_else(|| FilmError::Ending(path.into()))?;
        let beside = match existing {
            Existing::Replace if path.exists() => Some(folder_beside(path)?),
            _ => None,
        };
        if beside.is_none() {
            super::check(path)?;
        }
        Ok(Self {
            path: path.into(),
            tools: Tools::find(format)?,
            rate,
            part: None,
            last: RgbaImage::default(),
            beside,
        })
    }

    /// Adds a picture. One of another size than the first is cut, or gets a border.
    ///
    /// # Errors
    /// [`FilmError::Ended`]: what was written until then plays; [`FilmError::NotReplaced`] where it was to replace another.
    pub fn add(&mut self, picture: &RgbImage) -> Result<(), FilmError> {
        let mut rgba: RgbaImage = picture.convert();
        if self.part.is_none() {
            self.part = Some(Part::begin(&self.written(), &self.tools, [rgba.width(), rgba.height()])?);
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
            part.end().map_err(|error| self.failed(error))?;
        }
        Err(self.failed(FilmError::Ended { path: self.path.clone(), reason: error.to_string() }))
    }

    /// Ends it.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn finish(mut self) -> Result<Recorded, FilmError> {
        let Some(mut part) = self.part.take() else { return Ok(Recorded::default()) };
        let pictures = part.pictures;
        if let Some(end) = super::last_again(pictures, self.rate) {
            // What went wrong, it says at its end.
            let _ = part.stay(end.as_millis() as u64, &self.last);
        }
        part.end().map_err(|error| self.failed(error))?;
        if let Some(folder) = &self.beside {
            let whole = inside(folder, &self.path);
            let moved = std::fs::rename(whole, &self.path);
            moved.map_err(|source| FilmError::Disk { path: self.path.clone(), source })?;
        }
        let length = Duration::from_secs_f64(pictures as f64 / self.rate);
        Ok(Recorded { files: vec![self.path], pictures, lost: 0, length })
    }

    fn failed(&self, error: FilmError) -> FilmError {
        match error {
            FilmError::Ended { reason, .. } if self.beside.is_some() => {
                FilmError::NotReplaced { path: self.path.clone(), reason }
            }
            error => error,
        }
    }

    /// Where it is while it is not whole.
    fn written(&self) -> PathBuf {
        self.beside.as_ref().map_or_else(|| self.path.clone(), |folder| inside(folder, &self.path))
    }
}

fn inside(folder: &TempDir, path: &Path) -> PathBuf {
    folder.path().join(path.file_name().unwrap_or_default())
}

/// A folder of ours on the same disk, which is removed with what is in it.
fn folder_beside(path: &Path) -> Result<TempDir, FilmError> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let made = tempfile::Builder::new().prefix(".film").tempdir_in(folder);
    made.map_err(|source| FilmError::Disk { path: path.into(), source })
}
