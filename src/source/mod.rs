//! Where frames come from: a camera, a picture, a folder of pictures, an animation, pages, a video, a recorded session, an address,
//! the test card.
//!
//! A [`FrameSource`] is built and used on the capture thread alone ([`crate::session`] starts it).

mod address;
mod animation;
pub mod camera;
pub mod counter;
mod decoding;
mod delivery;
mod flat;
mod frame_source;
mod kind;
mod levels;
mod pages;
mod pipe;
mod replay;
mod sent;
mod shrink;
mod spec;
pub mod still;
pub mod testcard;
mod unnamed;
pub mod video;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use camera::{CameraFormat, CameraId, CameraRequest};
pub use decoding::Decoding;
pub use delivery::{Delivery, Opened};
pub use frame_source::{FrameSource, Made, SourceError};
pub use levels::Levels;
pub use spec::{MADE, SourceSpec};

use crate::journal;
use crate::latest::LatestSlot;

/// True where one file holds several pictures, each with a number.
pub fn holds_several(path: &Path) -> bool {
    animation::is_animation(path) || pages::has_pages(path) || video::container_of(path).is_some()
}

/// True where a file of a folder has other pictures behind its first. JPEG is left out: it would have to be read whole.
fn holds_more(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let is_jpeg = ["jpg", "jpeg", "jpe", "jfif"].iter().any(|jpeg| ending.eq_ignore_ascii_case(jpeg));
    !is_jpeg && (animation::is_animation(path) || pages::has_pages(path))
}

/// True of a file or folder that is a source by its content: a picture, a video, a recorded session, a folder.
pub fn is_shown(path: &Path) -> bool {
    let is_picture = || matches!(kind::of(path), Ok(kind::Content::Picture));
    path.is_dir() || is_picture() || holds_several(path)
}

/// The source of this name; the test card where there is none.
fn made(name: &str, live: bool) -> Opened {
    let made = MADE.iter().find(|made| made.name == name).unwrap_or(&testcard::MADE);
    Opened { source: (made.open)(live), steps: None, notice: None }
}

/// JPEG pictures that somebody else puts into a slot.
pub fn sent(frames: Arc<LatestSlot<Vec<u8>>>) -> Opened {
    Opened::plain(sent::SentPictures::new(frames))
}

/// Opens a source on the calling thread; `None`: the first camera, or the test card where there is none.
///
/// # Errors
/// [`SourceError`] where what was named cannot be opened.
pub fn open(spec: Option<&SourceSpec>, delivery: &Delivery) -> Result<Opened, SourceError> {
    let Delivery { camera: request, live, .. } = delivery;
    let live = *live;
    Ok(match spec {
        Some(SourceSpec::Camera(id)) => Opened::plain(camera::CameraSource::open(id, request)?),
        Some(SourceSpec::Made(name)) => made(name, live),
        Some(SourceSpec::Path(path)) => match spec::matching(path) {
            None => open_path(path, delivery)?,
            Some(files) => match &files[..] {
                [] => return Err(SourceError::file(path, "no file is called so: check the pattern")),
                [file] => open_path(file, delivery)?,
                _ => open_files(&files, delivery),
            },
        },
        Some(SourceSpec::Files(files)) => open_files(files, delivery),
        Some(SourceSpec::Address(address)) => address::open(address, delivery)?,
        None => match camera::CameraSource::open(&CameraId::Index(0), request) {
            Ok(camera) => Opened::plain(camera),
            // Who asks for something of a camera does not want a test card.
            Err(error) if *request != CameraRequest::default() => return Err(error),
            Err(error) => Opened {
                notice: Some(format!("showing the test card instead of a camera: {error}")),
                ..made(testcard::MADE.name, live)
            },
        },
    })
}

fn open_files(files: &[PathBuf], delivery: &Delivery) -> Opened {
    let pictures = still::Pictures::of_files(files, delivery.decoding, delivery.live);
    let pictures = pictures.telling_of_more(holds_more);
    let steps = Some(pictures.step_handle());
    Opened { steps, ..Opened::plain(pictures) }
}

fn open_path(path: &Path, delivery: &Delivery) -> Result<Opened, SourceError> {
    let Delivery { every, decoding, live, speed, held, .. } = *delivery;
    if journal::is_in(path) {
        let replay = replay::Replay::open(path, live, held, speed)?;
        let steps = Some(replay.step_handle());
        return Ok(Opened { steps, ..Opened::plain(replay) });
    }
    // Before others look into it: a raw file of a camera has pages.
    if path.is_file()
        && !video::is_video(path)
        && let Ok(kind::Content::Other(kind)) = kind::by_content(path)
    {
        return Err(SourceError::file(path, kind::refusal(kind, path)));
    }
    if let Some(animation) = animation::Animation::open(path, every, decoding, live) {
        return Ok(Opened::plain(animation));
    }
    if let Some(pages) = pages::Pages::open(path, every, decoding, live) {
        let steps = Some(pages.step_handle());
        return Ok(Opened { steps, ..Opened::plain(pages) });
    }
    if let Some(container) = video::container_of(path) {
        return Ok(Opened::plain(video::Video::open(path, container, every, live)?));
    }
    let pictures = still::Pictures::open(path, decoding, live)?.telling_of_more(holds_more);
    let steps = Some(pictures.step_handle());
    Ok(Opened { steps, ..Opened::plain(pictures) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_folder_more_pictures_in_one_file_are_told() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/animations");
        let folder = tempfile::tempdir().unwrap();
        for name in ["kept.gif", "still.gif", "big.tif"] {
            std::fs::copy(data.join(name), folder.path().join(name)).unwrap();
        }
        let spec = SourceSpec::Path(folder.path().into());
        let mut source = open(Some(&spec), &Delivery::default()).unwrap().source;
        let mut noted = vec![];
        while let Some(frame) = source.next_frame().unwrap() {
            let note = frame.note.unwrap_or_default();
            noted.push((frame.name.to_string(), note.contains("the first is taken")));
        }
        let expected = [("big.tif", true), ("kept.gif", true), ("still.gif", false)];
        assert_eq!(noted, expected.map(|(name, told)| (name.to_string(), told)));
    }
}
