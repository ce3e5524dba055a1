//! A film in place of a figure of each picture.

use std::path::Path;

use super::args::PictureArgs;
use crate::record::Existing;
use crate::record::film::{DrawnFilm, Format, UNTIMED_RATE};
use crate::source::{self, Delivery, SourceSpec};

/// The film that a command writes, where the name says that it is one. It keeps the time of its source.
pub fn open(
    path: Option<&Path>,
    pictures: &PictureArgs,
    existing: Existing,
) -> anyhow::Result<Option<DrawnFilm>> {
    let Some(path) = path.filter(|path| Format::of(path).is_some()) else { return Ok(None) };
    let rate = pictures.paths.first().and_then(|spec| rate(spec, pictures)).unwrap_or(UNTIMED_RATE);
    Ok(Some(DrawnFilm::new(path, rate, existing)?))
}

/// Pictures a second of a source, where it has a time of its own.
fn rate(spec: &SourceSpec, pictures: &PictureArgs) -> Option<f64> {
    let delivery = Delivery { every: pictures.every, ..Delivery::default() };
    // A camera gives its pictures once.
    if matches!(spec, SourceSpec::Camera(_)) {
        return None;
    }
    let mut source = source::open(Some(spec), &delivery).ok()?.source;
    // Animations say it with their pictures; what is wrong is told when they are worked on.
    let _ = source.next_frame();
    source.rate()
}
