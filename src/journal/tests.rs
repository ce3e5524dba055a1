use super::*;
use crate::frame::{Frame, PixelFormat};

fn frame(id: u64, format: PixelFormat) -> Frame {
    let bytes: Vec<u8> = (0..format.byte_len(6, 4)).map(|at| (at as u64 * 37 + id * 11) as u8).collect();
    let frame = Frame::new(id, (6, 4), format, &bytes, "a.png".into()).unwrap();
    Frame { note: Some("odd".into()), source: "camera".into(), ..frame }
}

const FORMATS: [PixelFormat; 3] = [PixelFormat::Rgb8, PixelFormat::Yuyv, PixelFormat::Nv12];

/// A session of three frames, with something done behind the first.
fn recorded(folder: &Path) -> Vec<u8> {
    let start = Start { options: vec!["--layer".into(), "mixed0".into()], ..Start::default() };
    let writer = JournalWriter::create(folder, &start, Limit::default()).unwrap();
    for (id, format) in FORMATS.into_iter().enumerate() {
        writer.frame(frame(id as u64, format), true);
        if id == 0 {
            writer.done(Done { shown: Some(0), action: "next-layer".into() });
        }
    }
    writer.finish();
    std::fs::read(file_in(folder)).unwrap()
}

#[test]
fn what_is_written_is_read_to_the_last_byte() {
    let folder = tempfile::tempdir().unwrap();
    recorded(folder.path());
    let mut journal = Journal::open(folder.path()).unwrap();
    assert_eq!((journal.start.options.len(), journal.frames.len(), journal.cut_off), (2, 3, 0));
    assert_eq!(journal.done, [Done { shown: Some(0), action: "next-layer".into() }]);
    assert_eq!(journal.end, Some(End { lost: 0, is_full: false }));
    for (id, format) in FORMATS.into_iter().enumerate() {
        let (read, written) = (journal.frame(journal.frames[id]).unwrap(), frame(id as u64, format));
        assert_eq!((read.id, read.format, &read.bytes), (written.id, format, &written.bytes));
        assert_eq!((read.name, read.note, read.source), (written.name, written.note, written.source));
    }
    let again = JournalWriter::create(folder.path(), &Start::default(), Limit::default());
    assert!(matches!(again, Err(JournalError::Exists(_))));
}

#[test]
fn wherever_it_is_cut_off_what_came_before_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = recorded(folder.path());
    let mut frames = vec![];
    for length in 0..bytes.len() {
        std::fs::write(file_in(folder.path()), &bytes[..length]).unwrap();
        match Journal::open(folder.path()) {
            Ok(mut journal) => {
                for placed in journal.frames.clone() {
                    journal.frame(placed).unwrap();
                }
                frames.push(journal.frames.len());
            }
            Err(error) => assert!(frames.is_empty(), "{error}"),
        }
    }
    assert!(frames.is_sorted() && frames.first() == Some(&0) && frames.last() == Some(&3));
}

#[test]
fn a_damaged_frame_is_told_and_a_damaged_end_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = recorded(folder.path());
    let journal = Journal::open(folder.path()).unwrap();
    let middle = journal.frames[1];
    let at = bytes.windows(5).rposition(|window| window == b"camer").unwrap();
    bytes[at] ^= 1;
    std::fs::write(file_in(folder.path()), &bytes).unwrap();
    let mut journal = Journal::open(folder.path()).unwrap();
    assert!(journal.frame(middle).is_ok() && journal.frame(journal.frames[2]).is_err());
}

#[test]
fn a_session_becomes_no_larger_than_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let writer = JournalWriter::create(folder.path(), &Start::default(), Limit(700)).unwrap();
    (0..50).for_each(|id| writer.frame(frame(id, PixelFormat::Rgb8), true));
    writer.finish();
    let journal = Journal::open(folder.path()).unwrap();
    assert!((1..5).contains(&journal.frames.len()) && journal.end.unwrap().is_full);
    assert!(std::fs::metadata(file_in(folder.path())).unwrap().len() < 800);
}

#[test]
fn limits_are_read_as_people_write_them() {
    let bytes = |text: &str| text.parse::<Limit>().ok().map(|limit| limit.0);
    assert_eq!(
        (bytes("500MB"), bytes("1.5 GB"), bytes("2g")),
        (Some(500_000_000), Some(1_500_000_000), Some(2_000_000_000))
    );
    assert_eq!((bytes("5"), bytes("-1GB"), bytes("1kB")), (None, None, None));
}
