//! Pictures of `tests/data/animations` (made by `scripts/make_animation_fixtures.py`) beside what Pillow and ffmpeg compose.

use std::path::PathBuf;

use super::*;
use crate::source::{Delivery, SourceSpec, holds_several, open};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/animations").join(name)
}

/// Red, green and blue bytes of each picture.
fn right(name: &str) -> Vec<Vec<u8>> {
    let column = image::open(data(&format!("{name}-right.png"))).unwrap().into_rgb8();
    column.as_raw().chunks(20 * 14 * 3).map(<[u8]>::to_vec).collect()
}

fn opened(path: &Path, every: u32, live: bool) -> Box<dyn FrameSource> {
    let every = NonZeroU32::new(every).unwrap();
    open(Some(&SourceSpec::Path(path.into())), &Delivery { every, live, ..Delivery::default() })
        .unwrap()
        .source
}

fn frames(path: &Path, every: u32) -> Vec<Frame> {
    let mut source = opened(path, every, false);
    std::iter::from_fn(|| source.next_frame().unwrap()).collect()
}

const MOVING: [&str; 9] = [
    "kept.gif",
    "cleared.gif",
    "restored.gif",
    "mixed.gif",
    "over.png",
    "source.png",
    "default.png",
    "webp.webp",
    "webp_clear.webp",
];

#[test]
fn what_changes_is_laid_over_what_stays_as_the_file_says() {
    for name in MOVING {
        let path = data(name);
        assert!(holds_several(&path));
        let seen = frames(&path, 1);
        let right = right(path.file_stem().unwrap().to_str().unwrap());
        assert_eq!(seen.len(), 4, "{name}");
        for (frame, (id, right)) in seen.iter().zip((0..).zip(right)) {
            assert_eq!((frame.id, &*frame.name, frame.width, frame.height), (id, name, 20, 14));
            // Mixing colours of WebP costs a level.
            let most = u8::from(name.ends_with("webp"));
            let differs = frame.bytes.iter().zip(&right).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(differs <= Some(most), "{name}, picture {id}: {differs:?}");
        }
    }
}

#[test]
fn one_of_several_keeps_its_number() {
    let seen = frames(&data("mixed.gif"), 3);
    let right = right("mixed");
    assert_eq!(seen.iter().map(|frame| frame.id).collect::<Vec<_>>(), [0, 3]);
    assert!(seen[0].bytes[..] == right[0] && seen[1].bytes[..] == right[3]);
}

#[test]
fn a_lone_picture_stays_a_picture() {
    for name in ["still.gif", "still.webp", "kept-right.png", "big.tif", "nothing.gif"] {
        assert!(!is_animation(&data(name)), "{name}");
    }
    assert!(!holds_several(&data("still.gif")));
}

#[test]
fn one_that_is_cut_off_gives_what_it_has_and_says_so() {
    let folder = tempfile::TempDir::new().unwrap();
    for name in ["restored.gif", "source.png", "webp.webp"] {
        let bytes = std::fs::read(data(name)).unwrap();
        let cut = folder.path().join(name);
        std::fs::write(&cut, &bytes[..bytes.len() - 40]).unwrap();
        let mut source = opened(&cut, 1, false);
        let mut count = 0;
        let error = loop {
            match source.next_frame() {
                Ok(Some(_)) => count += 1,
                Ok(None) => panic!("{name}: nothing said after {count} pictures"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, SourceError::Incomplete { .. }));
        assert!((1..4).contains(&count), "{name}: {count}");
        let text = error.to_string();
        assert!(text.contains("read; the next one: the file is cut off"), "{text}");
        assert!(source.next_frame().unwrap().is_none());
        // In the window it plays again, and says so once.
        let mut source = opened(&cut, 1, true);
        let mut notes = 0;
        for _ in 0..3 * count {
            source.next_frame().unwrap().unwrap();
            notes += source.take_notes().len();
        }
        assert_eq!(notes, 1, "{name}");
    }
}

#[test]
fn in_the_window_it_keeps_its_time_and_begins_anew() {
    let mut source = opened(&data("kept.gif"), 1, true);
    assert!(source.is_live());
    let began = Instant::now();
    let seen: Vec<_> = (0..6).map(|_| source.next_frame().unwrap().unwrap()).collect();
    // 200 ms, 100 ms, 300 ms, and for 10 ms what browsers show: 100 ms.
    assert!(began.elapsed() >= Duration::from_millis(200 + 100 + 300 + 100 + 200));
    assert_eq!(seen.iter().map(|frame| frame.id).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(seen[5].bytes, seen[1].bytes);
    assert_eq!(&*source.describe(), "kept.gif · 20×14 animation");
}

#[test]
fn jpeg_behind_jpeg_is_one_picture_each() {
    let mut stream = vec![];
    for shade in [40, 120, 200] {
        let picture = image::RgbImage::from_pixel(16, 16, image::Rgb([shade; 3]));
        let mut jpeg = std::io::Cursor::new(vec![]);
        picture.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
        stream.extend(jpeg.into_inner());
    }
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("stream.mjpeg");
    std::fs::write(&path, stream).unwrap();
    let seen = frames(&path, 1);
    let shades: Vec<_> = seen.iter().map(|frame| frame.bytes[0]).collect();
    assert_eq!(shades.len(), 3);
    assert!(shades.iter().zip([40_u8, 120, 200]).all(|(a, b)| a.abs_diff(b) < 3), "{shades:?}");
}
