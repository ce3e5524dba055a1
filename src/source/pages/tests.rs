//! Pages of `tests/data/animations` (made by `scripts/make_animation_fixtures.py`).

use super::*;
use crate::source::{Delivery, Opened, SourceSpec};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/animations").join(name)
}

/// Red, green and blue bytes of each page.
fn right(name: &str) -> Vec<Vec<u8>> {
    let column = image::open(data(&format!("{name}-right.png"))).unwrap().into_rgb8();
    column.as_raw().chunks(20 * 14 * 3).map(<[u8]>::to_vec).collect()
}

fn opened(path: &Path, every: u32, live: bool) -> Opened {
    let every = NonZeroU32::new(every).unwrap();
    crate::source::open(
        Some(&SourceSpec::Path(path.into())),
        &Delivery { every, live, ..Delivery::default() },
    )
    .unwrap()
}

#[test]
fn every_page_comes_once_whatever_the_layout() {
    for name in ["little", "big", "bigtiff", "imagej"] {
        let path = data(&format!("{name}.tif"));
        assert!(crate::source::holds_several(&path));
        let mut source = opened(&path, 1, false).source;
        assert_eq!(source.count(), Some(3));
        let seen: Vec<_> = std::iter::from_fn(|| source.next_frame().unwrap()).collect();
        assert_eq!(seen.len(), 3, "{name}");
        for (frame, (id, right)) in seen.iter().zip((0..).zip(right(name))) {
            assert_eq!((frame.id, frame.width, frame.height), (id, 20, 14));
            assert!(frame.bytes[..] == right, "{name}, page {id}");
        }
        assert_eq!(*source.describe(), *format!("{name}.tif · page 3 of 3 · 20×14"));
    }
}

#[test]
fn one_of_several_keeps_its_number() {
    let mut source = opened(&data("little.tif"), 2, false).source;
    let seen: Vec<_> = std::iter::from_fn(|| source.next_frame().unwrap()).collect();
    assert_eq!(seen.iter().map(|frame| frame.id).collect::<Vec<_>>(), [0, 2]);
    assert!(seen[1].bytes[..] == right("little")[2]);
}

#[test]
fn in_the_window_a_page_stands_until_another_one_is_asked_for() {
    let Opened { mut source, steps, .. } = opened(&data("big.tif"), 1, true);
    let steps = steps.unwrap();
    let right = right("big");
    assert!(!source.is_live());
    assert!(source.next_frame().unwrap().unwrap().bytes[..] == right[0]);
    for (by, page) in [(1, 1), (-2, 2), (4, 0)] {
        steps.step(by);
        assert!(source.next_frame().unwrap().unwrap().bytes[..] == right[page], "{by}");
    }
    steps.close();
    assert!(source.next_frame().unwrap().is_none());
}

#[test]
fn a_page_that_cannot_be_read_is_told_and_the_others_come() {
    let folder = tempfile::TempDir::new().unwrap();
    // The samples of ImageJ's last picture are what comes last.
    let bytes = std::fs::read(data("imagej.tif")).unwrap();
    let cut = folder.path().join("cut.tif");
    std::fs::write(&cut, &bytes[..bytes.len() - 100]).unwrap();
    let mut source = opened(&cut, 1, false).source;
    assert!(source.next_frame().unwrap().is_some() && source.next_frame().unwrap().is_some());
    let text = source.next_frame().unwrap_err().to_string();
    assert!(text.ends_with("cut.tif: page 3: the file is cut off"), "{text}");
    assert!(source.next_frame().unwrap().is_none());
}

#[test]
fn a_lone_page_stays_a_picture_and_hostile_directories_end() {
    let bytes = std::fs::read(data("little.tif")).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("a.tif");
    let has_pages = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        has_pages(&path)
    };
    assert!(has_pages(&bytes));
    let directory = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let entries = u16::from_le_bytes(bytes[directory..directory + 2].try_into().unwrap()) as usize;
    let next = directory + 2 + 12 * entries;
    // Its next one is none, itself, or far away.
    for (value, more) in [(0, false), (directory as u32, false), (u32::MAX, true)] {
        let mut bytes = bytes.clone();
        bytes[next..next + 4].copy_from_slice(&value.to_le_bytes());
        assert_eq!(has_pages(&bytes), more, "{value}");
    }
    let mut source = opened(&path, 1, false).source;
    assert!(source.next_frame().unwrap().is_some());
    let text = source.next_frame().unwrap_err().to_string();
    assert!(
        text.ends_with("a.tif: the file is cut off: 1 page of it was read, and there were more"),
        "{text}"
    );
    assert!(source.next_frame().unwrap().is_none());
    for end in 0..300 {
        has_pages(&bytes[..end]);
    }
}
