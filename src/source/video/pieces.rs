//! Videos in pieces: lists of them, and a piece alone. Pure but for reading files.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::content::Container;

/// More of a list is not looked at.
const MAX_LIST_BYTES: u64 = 4 << 20;

/// Lists that a list names.
const MAX_LISTS: usize = 64;

/// Boxes of a file that are looked at.
const MAX_BOXES: usize = 10_000;

/// Why a list is not read, before ffmpeg would wait for more pieces of it without end.
pub fn unfinished(path: &Path, container: &Container) -> Option<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = text(path)?;
    match container.list()? {
        "HLS" if goes_on(path, &text) => Some(format!(
            "a list of pieces (HLS) of a broadcast that goes on: its last line, #EXT-X-ENDLIST, is missing. Add it to read \
             the pieces that are there: `echo '#EXT-X-ENDLIST' >> {name}` (where it names other lists, to each of those)"
        )),
        "DASH" if text.contains("type=\"dynamic\"") => Some(
            "a list of pieces (DASH) of a broadcast that goes on; make a video of it where it is sent: \
             `ffmpeg -i ADDRESS -c copy out.mp4`"
                .into(),
        ),
        _ => None,
    }
}

/// True where the list, or one that it names, has no end.
fn goes_on(path: &Path, list: &str) -> bool {
    let ends = |text: &str| text.contains("#EXT-X-ENDLIST");
    if !list.contains("#EXT-X-STREAM-INF") {
        return list.contains("#EXTINF") && !ends(list);
    }
    let names = list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lists = names.take(MAX_LISTS).filter_map(|name| text(&path.with_file_name("").join(name)));
    lists.into_iter().any(|text| !ends(&text))
}

fn text(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MAX_LIST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Why ffmpeg finds no frame in a file, where that is because of the pieces.
pub fn without_frames(path: &Path, container: &Container) -> Option<String> {
    if let Some(kind) = container.list() {
        return Some(format!(
            "a list of pieces ({kind}), and those are not beside it, or cannot be read; nothing is fetched from a network. \
             `ffmpeg -i ADDRESS-OF-THE-LIST -c copy out.mp4` makes a video of it"
        ));
    }
    if container.0 != "mov" {
        return None;
    }
    let kinds = boxes(path)?;
    let has = |kind: &[u8; 4]| kinds.contains(kind);
    Some(match (has(b"moov"), has(b"moof"), has(b"mdat")) {
        (false, true, _) => "one piece of a video (DASH, HLS), which cannot be read without the head of all pieces, their init \
             piece: name the list of pieces (.mpd, .m3u8), or join them: `cat INIT-PIECE PIECES > whole.mp4`"
            .into(),
        (true, false, false) => "the head of a video without a frame: the init piece of one in pieces (DASH, HLS), or cut off. \
             Name the list of pieces (.mpd, .m3u8), or join them: `cat INIT-PIECE PIECES > whole.mp4`"
            .into(),
        (false, false, true) => "it is cut off, or was never finished: its table of contents (moov), without which it cannot be \
             read, is missing. Fetch or record it again"
            .into(),
        _ => return None,
    })
}

/// The kinds of what a file in MP4's wrapping is made of.
fn boxes(path: &Path) -> Option<Vec<[u8; 4]>> {
    let mut file = BufReader::new(File::open(path).ok()?);
    let mut kinds = Vec::new();
    let mut at = 0_u64;
    while kinds.len() < MAX_BOXES {
        let mut head = [0; 8];
        if file.seek(SeekFrom::Start(at)).is_err() || file.read_exact(&mut head).is_err() {
            break;
        }
        let [a, b, c, d, kind @ ..] = head;
        kinds.push(kind);
        at = match u32::from_be_bytes([a, b, c, d]) {
            // To the end of the file.
            0 => break,
            1 => {
                let mut long = [0; 8];
                file.read_exact(&mut long).ok()?;
                at.checked_add(u64::from_be_bytes(long).max(16))?
            }
            length => at.checked_add(u64::from(length.max(8)))?,
        };
    }
    Some(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn atom(kind: &[u8; 4], length: usize) -> Vec<u8> {
        [&(length as u32 + 8).to_be_bytes(), &kind[..], &vec![0; length]].concat()
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("piece.m4s");
        let mov = Container::named("mov");
        let why = |boxes: &[&[u8; 4]]| {
            let bytes: Vec<u8> = boxes.iter().flat_map(|kind| atom(kind, 5)).collect();
            std::fs::write(&path, bytes).unwrap();
            without_frames(&path, &mov)
        };
        assert!(why(&[b"styp", b"sidx", b"moof", b"mdat"]).unwrap().starts_with("one piece of a video"));
        assert!(why(&[b"ftyp", b"moov"]).unwrap().starts_with("the head of a video"));
        assert!(why(&[b"ftyp", b"free", b"mdat"]).unwrap().starts_with("it is cut off"));
        assert_eq!(why(&[b"ftyp", b"moov", b"mdat"]), None);
        assert_eq!(why(&[b"ftyp", b"moov", b"moof", b"mdat"]), None);
    }

    #[test]
    fn lists_of_broadcasts_that_go_on_are_not_waited_for() {
        let folder = tempfile::TempDir::new().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let hls = Container::named("hls");
        let open = write("open.m3u8", "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\na.ts\n");
        assert!(unfinished(&open, &hls).unwrap().contains("`echo '#EXT-X-ENDLIST' >> open.m3u8`"));
        let closed = write("closed.m3u8", "#EXTM3U\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n");
        assert_eq!(unfinished(&closed, &hls), None);
        let master =
            |list: &str| write("all.m3u8", &format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{list}\n"));
        assert_eq!(unfinished(&master("closed.m3u8"), &hls), None);
        assert!(unfinished(&master("open.m3u8"), &hls).is_some());
        let dash = Container::named("dash");
        assert!(unfinished(&write("a.mpd", "<MPD type=\"dynamic\">"), &dash).is_some());
        assert_eq!(unfinished(&write("b.mpd", "<MPD type=\"static\">"), &dash), None);
    }
}
