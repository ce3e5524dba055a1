//! Patches, cut out of the pictures themselves: each picture is opened once more, several at the same time.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use image::{Rgb, RgbImage, imageops};
use rayon::prelude::*;

use super::document::{BestDocument, FoundPlace};
use crate::frame::Frame;
use crate::gpu::twin;
use crate::source::{self, Decoding, Delivery, SourceSpec, still};

/// How pictures are read again.
#[derive(Clone, Copy, Debug)]
pub struct Reopening {
    /// As they were read before.
    pub decoding: Decoding,
    /// Of files that hold several.
    pub every: NonZeroU32,
    /// Longest side of a patch: larger ones are made smaller, so that memory is bounded.
    pub side: u32,
}

impl Reopening {
    /// The pictures of a document, for patches of so many pixels at most.
    pub fn of(document: &BestDocument, side: u32) -> Self {
        let levels = document.levels.as_deref().and_then(|levels| levels.parse().ok()).unwrap_or_default();
        let decoding = Decoding { levels, is_stored: document.provenance.like.is_some() };
        let every = NonZeroU32::new(document.every).unwrap_or(NonZeroU32::MIN);
        Self { decoding, every, side }
    }
}

/// Width of the frame around the middle, in pixels of a patch.
const FRAME: u32 = 1;

/// Half of the side of that frame, of the patch's longer one.
const FRAMED: f32 = 1.0 / 16.0;

/// The patches of these places, in their order, each with the picture's own pixels ([`cut`]); a sentence where a picture cannot be had any more. `each` is called after each file
/// with how many places were done, from several threads. `is_off` ends it: what is left is empty.
pub fn patches(
    places: &[&FoundPlace],
    how: Reopening,
    is_off: &AtomicBool,
    each: impl Fn(usize) + Sync,
) -> Vec<Result<RgbImage, String>> {
    let mut by_file: BTreeMap<(&str, bool), Vec<usize>> = BTreeMap::new();
    for (index, place) in places.iter().enumerate() {
        by_file.entry((&place.file, place.frame.is_some())).or_default().push(index);
    }
    let of_file = |((file, holds_several), indices): (&(&str, bool), &Vec<usize>)| {
        let mine: Vec<_> = indices.iter().map(|&index| places[index]).collect();
        let cut = match is_off.load(Ordering::Relaxed) {
            true => Err("not looked at".into()),
            false if *holds_several => of_several(file, &mine, how),
            false => of_one(file, &mine, how),
        };
        each(indices.len());
        let cut = cut.unwrap_or_else(|reason: String| mine.iter().map(|_| Err(reason.clone())).collect());
        indices.iter().copied().zip(cut).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = by_file.par_iter().flat_map_iter(of_file).collect();
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, patch)| patch).collect()
}

type Cut = Vec<Result<RgbImage, String>>;

/// Of a file that is one picture, or whose first one was taken.
fn of_one(file: &str, places: &[&FoundPlace], how: Reopening) -> Result<Cut, String> {
    use source::FrameSource;
    let opened = still::Pictures::open(Path::new(file), how.decoding, false);
    let mut pictures = opened.map_err(|error| error.to_string())?;
    let frame = pictures.next_frame().map_err(|error| error.to_string())?;
    let frame = frame.ok_or_else(|| format!("{file}: there is no picture any more"))?;
    let picture = Whole::of(&frame)?;
    Ok(places.iter().map(|place| picture.cut(place, how.side)).collect())
}

/// Of a file that holds several, or of what makes them.
fn of_several(file: &str, places: &[&FoundPlace], how: Reopening) -> Result<Cut, String> {
    let spec: SourceSpec = file.parse().map_err(|error: source::SourceError| error.to_string())?;
    let delivery = Delivery { every: how.every, decoding: how.decoding, ..Delivery::default() };
    let mut source = source::open(Some(&spec), &delivery).map_err(|error| error.to_string())?.source;
    let missing = || Err(format!("{file}: it has fewer pictures than before"));
    let mut cut: Cut = places.iter().map(|_| missing()).collect();
    let last = places.iter().filter_map(|place| place.frame).max().unwrap_or(0);
    while let Ok(Some(frame)) = source.next_frame() {
        let mine = places.iter().zip(&mut cut).filter(|(place, _)| place.frame == Some(frame.id));
        let mut whole = None;
        for (place, cut) in mine {
            let picture = whole.get_or_insert_with(|| Whole::of(&frame));
            *cut = picture.as_ref().map_err(String::clone).and_then(|picture| picture.cut(place, how.side));
        }
        if frame.id >= last {
            break;
        }
    }
    Ok(cut)
}

/// A picture.
struct Whole {
    name: String,
    picture: RgbImage,
}

impl Whole {
    fn of(frame: &Frame) -> Result<Self, String> {
        let picture = RgbImage::from_raw(frame.width, frame.height, twin::rgb_bytes(frame));
        let picture = picture.ok_or_else(|| format!("{}: not a picture", frame.name))?;
        Ok(Self { name: frame.name.to_string(), picture })
    }

    fn cut(&self, place: &FoundPlace, side: u32) -> Result<RgbImage, String> {
        let size = [self.picture.width(), self.picture.height()];
        if size != place.size {
            return Err(format!("{}: it is another picture now ({}×{})", self.name, size[0], size[1]));
        }
        Ok(cut(&self.picture, place.area, place.middle, side))
    }
}

/// Cuts a box ([left, top, width, height]) out of a picture, at most `side` pixels long. Where its middle is not that of the
/// field, because the field leaves the picture, a frame marks where the field has its own.
pub fn cut(picture: &RgbImage, [x, y, width, height]: [u32; 4], middle: [f32; 2], side: u32) -> RgbImage {
    let width = width.min(picture.width().saturating_sub(x)).max(1);
    let height = height.min(picture.height().saturating_sub(y)).max(1);
    let part = imageops::crop_imm(picture, x, y, width, height);
    let scale = side as f32 / width.max(height) as f32;
    let mut patch = if scale < 1.0 {
        let [w, h] = [width, height].map(|pixels| ((pixels as f32 * scale).round() as u32).max(1));
        // Many times faster than a filter, and as good where pictures become smaller.
        imageops::thumbnail(&*part, w, h)
    } else {
        part.to_image()
    };
    let at = [(middle[0] - x as f32) / width as f32, (middle[1] - y as f32) / height as f32];
    // A pixel of rounding is no shift.
    let is_shifted = at.iter().zip([width, height]).any(|(at, side)| (at - 0.5).abs() * side as f32 > 1.5);
    if is_shifted {
        mark(&mut patch, at);
    }
    patch
}

/// A frame, white in black, around a point (in parts of width and height).
fn mark(patch: &mut RgbImage, at: [f32; 2]) {
    let (width, height) = (patch.width() as i64, patch.height() as i64);
    let half = ((width.max(height) as f32 * FRAMED).round() as i64).max(2);
    let [x, y] = [at[0] * width as f32, at[1] * height as f32].map(|edge| edge.floor() as i64);
    let mut draw = |half: i64, color: u8| {
        for step in -half..=half {
            for (dx, dy) in [(step, -half), (step, half), (-half, step), (half, step)] {
                let (x, y) = (x + dx, y + dy);
                if (0..width).contains(&x) && (0..height).contains(&y) {
                    patch.put_pixel(x as u32, y as u32, Rgb([color; 3]));
                }
            }
        }
    };
    draw(half + i64::from(FRAME), 0);
    draw(half, 255);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> RgbImage {
        RgbImage::from_fn(40, 30, |x, y| Rgb([x as u8, y as u8, 7]))
    }

    #[test]
    fn patches_are_the_pictures_own_pixels() {
        let patch = cut(&picture(), [3, 5, 10, 8], [8.0, 9.0], 64);
        assert_eq!(patch.dimensions(), (10, 8));
        assert!(patch.enumerate_pixels().all(|(x, y, pixel)| pixel.0 == [x as u8 + 3, y as u8 + 5, 7]));
        // Larger ones are made smaller, in their proportions.
        assert_eq!(cut(&picture(), [0, 0, 40, 30], [20.0, 15.0], 20).dimensions(), (20, 15));
        // A box that does not fit gives what there is.
        assert_eq!(cut(&picture(), [39, 29, 9, 9], [39.5, 29.5], 20).dimensions(), (1, 1));
    }

    #[test]
    fn a_field_that_leaves_the_picture_has_its_middle_marked() {
        let patch = cut(&picture(), [0, 0, 20, 20], [2.0, 3.0], 64);
        let marked = patch.enumerate_pixels().filter(|(.., pixel)| pixel.0 == [255; 3]).count();
        assert!(marked > 0);
        let white = |x, y| patch.get_pixel(x, y).0 == [255; 3];
        assert!(white(2, 5) && white(4, 3) && !white(12, 12));
        let inside = cut(&picture(), [5, 5, 20, 20], [15.0, 15.0], 64);
        assert!(inside.pixels().all(|pixel| pixel.0 != [255; 3]));
    }

    #[test]
    fn pictures_that_changed_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        picture().save(&path).unwrap();
        let file = path.to_string_lossy().into_owned();
        let place = |size, file: &str| FoundPlace {
            value: 1.0,
            cell: [0, 0],
            picture: "a".into(),
            file: file.into(),
            frame: None,
            size,
            area: [1, 2, 4, 3],
            middle: [3.0, 3.5],
        };
        let places = [place([40, 30], &file), place([41, 30], &file), place([40, 30], "nowhere.png")];
        let how = Reopening { decoding: Decoding::default(), every: NonZeroU32::MIN, side: 64 };
        let cut = patches(&places.iter().collect::<Vec<_>>(), how, &AtomicBool::new(false), |_| {});
        assert_eq!(cut[0].as_ref().unwrap().get_pixel(0, 0).0, [1, 2, 7]);
        assert!(cut[1].as_ref().unwrap_err().contains("another picture now"));
        assert!(cut[2].as_ref().unwrap_err().contains("nowhere.png"));
    }
}
