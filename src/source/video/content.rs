//! Which files are videos: told by their first bytes, never by their names. Pure but for reading them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Enough for five packets of a transport stream.
const HEAD_BYTES: u64 = 2048;

/// Packets in a row that make a transport stream; fewer could be chance.
const PACKETS: usize = 5;

/// The kind of a video file, as ffmpeg calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Container(pub(super) &'static str);

/// What kind of video a file is by its content; `None` where it is none, cannot be read, or is not a file.
/// Pictures that move (GIF, APNG, WebP, AVIF) are pictures.
pub fn container_of(path: &Path) -> Option<Container> {
    // Opening a pipe or a device could block.
    if !path.is_file() {
        return None;
    }
    let mut head = Vec::new();
    File::open(path).ok()?.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    recognise(&head).map(Container)
}

/// ffmpeg's name of the format that begins with `head`.
fn recognise(head: &[u8]) -> Option<&'static str> {
    let by_start: [(&[u8], &'static str); 14] = [
        (b"\x1a\x45\xdf\xa3", "matroska"),
        (b"OggS\0", "ogg"),
        (b"FLV\x01", "flv"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
        (b"YUV4MPEG2 ", "yuv4mpegpipe"),
        (b"\0\0\x01\xba", "mpeg"),
        (b"\0\0\x01\xb3", "mpegvideo"),
        (b"nut/multimedia container\0", "nut"),
        (b"DKIF\0\0", "ivf"),
        (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", "mxf"),
        // Bare streams as cameras write them: parameter sets first.
        (b"\0\0\0\x01\x67", "h264"),
        (b"\0\0\0\x01\x27", "h264"),
        (b"\0\0\0\x01\x40\x01", "hevc"),
        (b"\0\0\x01\x67", "h264"),
    ];
    if let Some((_, name)) = by_start.iter().find(|(start, _)| head.starts_with(start)) {
        return Some(name);
    }
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"AVI ") {
        return Some("avi");
    }
    if is_iso_media(head) {
        return Some("mov");
    }
    // Packets of 188 bytes; with a time stamp before each (cameras, Blu-ray); with a checksum behind each.
    let is_transport_stream = [(0, 188), (4, 192), (0, 204)]
        .into_iter()
        .any(|(first, length)| (0..PACKETS).all(|packet| head.get(first + packet * length) == Some(&0x47)));
    is_transport_stream.then_some("mpegts")
}

/// MP4, MOV and their kin, but not the pictures (AVIF, HEIF, Canon's raw files) in the same wrapping.
fn is_iso_media(head: &[u8]) -> bool {
    const PICTURES: [&[u8]; 11] =
        [b"avif", b"avis", b"mif1", b"msf1", b"miaf", b"heic", b"heix", b"heim", b"heis", b"hevc", b"crx "];
    let (length, kind, brand) = (head.first(), head.get(4..8), head.get(8..12));
    match kind {
        Some(b"ftyp") => brand.is_some_and(|brand| !PICTURES.contains(&brand)),
        // Files from before there were brands; the length keeps texts with these words out.
        Some(b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot") => length == Some(&0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transport_stream(first: usize, length: usize, packets: usize) -> Vec<u8> {
        let mut bytes = vec![0; first + length * packets];
        (0..packets).for_each(|packet| bytes[first + packet * length] = 0x47);
        bytes
    }

    #[test]
    fn videos_are_recognised_by_their_first_bytes() {
        let cases: [(&[u8], &str); 14] = [
            (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2", "mov"),
            (b"\0\0\0\x14ftypqt  ", "mov"),
            (b"\0\0\0\x08wide\0\0\0\0mdat", "mov"),
            (b"\0\0\x12\x34moov", "mov"),
            (b"\x1a\x45\xdf\xa3\xa3\x42\x86", "matroska"),
            (b"RIFF\x74\x2a\0\0AVI LIST", "avi"),
            (b"\0\0\x01\xba\x21\0", "mpeg"),
            (b"OggS\0\x02\0", "ogg"),
            (b"FLV\x01\x01", "flv"),
            (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", "asf"),
            (b"YUV4MPEG2 W64 H48 F5:1", "yuv4mpegpipe"),
            (b"\0\0\0\x01\x67\x64", "h264"),
            (&transport_stream(0, 188, 5), "mpegts"),
            (&transport_stream(4, 192, 6), "mpegts"),
        ];
        for (head, name) in cases {
            assert_eq!(recognise(head), Some(name), "{head:?}");
        }
    }

    #[test]
    fn pictures_texts_and_noise_are_no_videos() {
        let cases: [&[u8]; 14] = [
            b"",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            b"\xff\xd8\xff\xe0\0\x10JFIF",
            b"GIF89a\x01\0\x01\0",
            b"RIFF\x74\x2a\0\0WEBPVP8 ",
            b"RIFF\x74\x2a\0\0WAVEfmt ",
            b"P6 2 2 255\n",
            // An icon.
            b"\0\0\x01\0\x01\0\x10\x10",
            b"\0\0\0\x1cftypavif\0\0\0\0",
            b"\0\0\0\x18ftypheic\0\0\0\0",
            b"\0\0\0\x18ftyp",
            b"Set free: a text about freedom",
            b"Games and other things",
            &transport_stream(0, 188, 4),
        ];
        for head in cases {
            assert_eq!(recognise(head), None, "{head:?}");
        }
    }

    #[test]
    fn the_name_tells_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let (text, video) = (folder.path().join("text.mp4"), folder.path().join("photo.jpg"));
        std::fs::write(&text, "Dear reader, this is not a video.").unwrap();
        std::fs::write(&video, b"\0\0\0\x20ftypisom\0\0\x02\0").unwrap();
        assert_eq!(container_of(&text), None);
        assert_eq!(container_of(&video), Some(Container("mov")));
        assert_eq!(container_of(folder.path()), None);
        assert_eq!(container_of(&folder.path().join("nothing.mp4")), None);
    }
}
