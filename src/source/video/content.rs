//! Which files are videos: told by their first bytes, never by their names. Pure but for reading them.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Enough for five packets of a transport stream, and for what an encoder says of itself before a bare stream.
const HEAD_BYTES: u64 = 4096;

/// Packets in a row that make a transport stream; fewer could be chance.
const PACKETS: usize = 5;

/// The kind of a video file, as ffmpeg calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container(pub(super) Cow<'static, str>);

impl Container {
    /// Known here.
    pub(super) const fn named(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// A stream of the network, of whatever kind.
    pub(super) const STREAM: Self = Self::named("stream");

    /// What files of pieces are a list of, if it is one.
    pub(super) fn list(&self) -> Option<&'static str> {
        match &*self.0 {
            "hls" => Some("HLS"),
            "dash" => Some("DASH"),
            _ => None,
        }
    }

    /// ffmpeg's name of a format that it told by itself; `None` where that is no video's: pictures, lists of other files, texts
    /// drawn as pictures.
    pub(super) fn told_by_ffmpeg(format: &str) -> Option<Self> {
        const OTHERS: [&str; 13] = [
            "image2", "gif", "apng", "ico", "webp", "tty", "bin", "xbin", "adf", "idf", "concat", "lavfi",
            "rawvideo",
        ];
        let name = format.split(',').next().filter(|name| !name.is_empty())?;
        let is_other = name.ends_with("_pipe") || name.starts_with("webp") || OTHERS.contains(&name);
        (!is_other).then(|| Self(name.to_owned().into()))
    }
}

/// What the first bytes of a file say.
#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// A video.
    Video(Container),
    /// A picture, a text, or nothing at all.
    Other,
    /// Neither is sure.
    Unknown,
}

/// What a file is by its first bytes; what cannot be read, or is not a file, is something else.
/// Pictures that move (GIF, WebP, AVIF, PNG of 8 bits) are pictures.
pub fn content_of(path: &Path) -> Content {
    // Opening a pipe or a device could block.
    if !path.is_file() {
        return Content::Other;
    }
    let mut head = Vec::new();
    match File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head)) {
        Ok(_) => content(&head),
        Err(_) => Content::Other,
    }
}

fn content(head: &[u8]) -> Content {
    match recognise(head) {
        Some(name) => Content::Video(Container::named(name)),
        None if is_picture(head) || is_text(head) => Content::Other,
        None => Content::Unknown,
    }
}

/// Pictures that are read, and those in the wrapping of videos.
fn is_picture(head: &[u8]) -> bool {
    let starts: [&[u8]; 8] =
        [b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"];
    let is_pnm = head.first() == Some(&b'P') && head.get(1).is_some_and(|kind| (b'1'..=b'7').contains(kind));
    starts.iter().any(|start| head.starts_with(start))
        || is_pnm
        || head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP")
        || head.get(4..8) == Some(b"ftyp")
}

/// Nothing in it but letters, or nothing at all.
fn is_text(head: &[u8]) -> bool {
    // A letter may be cut at the end.
    let is_utf8 = str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true);
    is_utf8 && !head.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
}

/// ffmpeg's name of the format that begins with `head`.
fn recognise(head: &[u8]) -> Option<&'static str> {
    let by_start: [(&[u8], &'static str); 10] = [
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
    if is_deep_animation(head) {
        return Some("apng");
    }
    if let Some(name) = bare_stream(head).or_else(|| list_of_pieces(head)) {
        return Some(name);
    }
    // Packets of 188 bytes; with a time stamp before each (cameras, Blu-ray); with a checksum behind each.
    let is_transport_stream = [(0, 188), (4, 192), (0, 204)]
        .into_iter()
        .any(|(first, length)| (0..PACKETS).all(|packet| head.get(first + packet * length) == Some(&0x47)));
    is_transport_stream.then_some("mpegts")
}

/// H.264 and HEVC without a container: what may stand before the first picture.
fn bare_stream(head: &[u8]) -> Option<&'static str> {
    let unit = head.strip_prefix(b"\0\0\0\x01").or_else(|| head.strip_prefix(b"\0\0\x01"))?;
    match unit {
        // Parameters of the sequence; delimiter; additional information.
        [0x67 | 0x47 | 0x27, ..] | [0x09, 0x10..=0xf0, ..] | [0x06, ..] => Some("h264"),
        // The same, and parameters of the video.
        [0x40 | 0x42 | 0x46 | 0x4e, 0x01, ..] => Some("hevc"),
        _ => None,
    }
}

/// Lists of pieces.
fn list_of_pieces(head: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head));
    if text.starts_with("#EXTM3U") && text.contains("#EXT-X-") {
        return Some("hls");
    }
    (text.trim_start().starts_with('<') && text.contains("<MPD")).then_some("dash")
}

/// A PNG of 16 bits that moves: what the image crate does not compose.
fn is_deep_animation(head: &[u8]) -> bool {
    let is_deep = head.starts_with(b"\x89PNG\r\n\x1a\n") && head.get(24) == Some(&16);
    let chunks = head.get(33..).unwrap_or_default();
    let data = chunks.windows(4).position(|kind| kind == b"IDAT").unwrap_or(chunks.len());
    is_deep && chunks[..data].windows(4).any(|kind| kind == b"acTL")
}

/// MP4, MOV and their kin, but not the pictures (AVIF, HEIF, Canon's raw files) in the same wrapping.
fn is_iso_media(head: &[u8]) -> bool {
    const PICTURES: [&[u8]; 11] =
        [b"avif", b"avis", b"mif1", b"msf1", b"miaf", b"heic", b"heix", b"heim", b"heis", b"hevc", b"crx "];
    let (length, kind, brand) = (head.first(), head.get(4..8), head.get(8..12));
    match kind {
        // Pieces of a video.
        Some(b"styp" | b"sidx" | b"moof" | b"emsg" | b"prft") => length == Some(&0),
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
        let cases: [(&[u8], &str); 22] = [
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
            (b"\0\0\x01\x67\x64", "h264"),
            (b"\0\0\0\x01\x09\x10\0\0\x01", "h264"),
            (b"\0\0\0\x01\x06\x05\xff\xff\xaa", "h264"),
            (b"\0\0\0\x01\x40\x01", "hevc"),
            (b"\0\0\0\x01\x46\x01\x10", "hevc"),
            (b"\0\0\0\x18stypmsdh", "mov"),
            (b"#EXTM3U\n#EXT-X-VERSION:3\n", "hls"),
            (b"<?xml version=\"1.0\"?>\n<MPD xmlns=", "dash"),
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
        let playlist: &[u8] = b"#EXTM3U\n#EXTINF:123,Song\nsong.mp3\n";
        for head in [playlist].iter().chain(&cases[1..5]) {
            assert_eq!(content(head), Content::Other, "{head:?}");
        }
        assert_eq!(content(b"\0\0\x01\xb0\x01\0\0\x01\xb5"), Content::Unknown);
    }

    #[test]
    fn what_ffmpeg_takes_for_a_video_is_one_unless_it_is_a_picture_or_a_list() {
        assert_eq!(Container::told_by_ffmpeg("m4v").unwrap().0, "m4v");
        assert_eq!(Container::told_by_ffmpeg("mov,mp4,m4a").unwrap().0, "mov");
        for other in ["png_pipe", "image2", "tty", "concat", ""] {
            assert_eq!(Container::told_by_ffmpeg(other), None, "{other}");
        }
    }

    #[test]
    fn the_name_tells_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let (text, video) = (folder.path().join("text.mp4"), folder.path().join("photo.jpg"));
        std::fs::write(&text, "Dear reader, this is not a video.").unwrap();
        std::fs::write(&video, b"\0\0\0\x20ftypisom\0\0\x02\0").unwrap();
        assert_eq!(content_of(&text), Content::Other);
        assert_eq!(content_of(&video), Content::Video(Container::named("mov")));
        assert_eq!(content_of(folder.path()), Content::Other);
        assert_eq!(content_of(&folder.path().join("nothing.mp4")), Content::Other);
    }
}
