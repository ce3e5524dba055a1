//! One picture after the other out of a pipe, as PAM (P7, 8 bits, with and without transparency). Pure; any reader.

use std::io::{BufRead, Read};

use crate::source::flat::rgb_over_white;

/// Longest side of a picture that is read, in pixels.
const MAX_SIDE_PX: u32 = 20_000;

/// Most bytes of one picture.
const MAX_BYTES: u64 = 1 << 30;

/// Most bytes of a header.
const MAX_HEADER_BYTES: u64 = 1024;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PamError {
    /// The bytes end within a picture.
    #[error("the last picture is cut off")]
    CutOff,
    /// Something else came.
    #[error("what ffmpeg sent is not a picture: bring ffmpeg up to date")]
    NotAPicture,
    /// More than is read.
    #[error(
        "its pictures are too large: at most {MAX_SIDE_PX}×{MAX_SIDE_PX} pixels and {} GiB are read",
        MAX_BYTES >> 30
    )]
    TooLarge,
    /// The pipe broke.
    #[error("reading from ffmpeg failed: {0}")]
    Io(#[from] std::io::Error),
}

/// Reads the next picture: its width and height in pixels; `width * height * 3` bytes (red, green, blue; rows
/// from top to bottom) replace what is in `rgb`. What is transparent is laid over white. `None` where the bytes end before
/// a picture.
///
/// # Errors
/// [`PamError`]; what is left of the bytes is then useless.
pub fn read(reader: &mut impl BufRead, rgb: &mut Vec<u8>) -> Result<Option<(u32, u32)>, PamError> {
    rgb.clear();
    if reader.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let Header { width, height, depth } = read_header(reader)?;
    let length = u64::from(width) * u64::from(height) * u64::from(depth);
    if length > MAX_BYTES {
        return Err(PamError::TooLarge);
    }
    rgb.reserve_exact(length as usize);
    reader.take(length).read_to_end(rgb)?;
    if rgb.len() as u64 != length {
        return Err(PamError::CutOff);
    }
    if depth == 4 {
        *rgb = rgb_over_white(rgb);
    }
    Ok(Some((width, height)))
}

struct Header {
    width: u32,
    height: u32,
    /// Bytes of a pixel: 3, or 4 with transparency.
    depth: u32,
}

/// Lines of a word and its value, in any order; no number in it is 0.
fn read_header(reader: &mut impl BufRead) -> Result<Header, PamError> {
    let mut header = reader.take(MAX_HEADER_BYTES);
    let (mut width, mut height, mut depth, mut largest) = (None, None, None, None);
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        header.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            let nothing_like_it = number == 0 && !b"P7".starts_with(&line);
            let is_over = header.limit() > 0 && !nothing_like_it;
            return Err(if is_over { PamError::CutOff } else { PamError::NotAPicture });
        }
        number += 1;
        let text = str::from_utf8(&line).map_err(|_| PamError::NotAPicture)?;
        let mut words = text.split_ascii_whitespace();
        let field = match (number, words.next()) {
            (1, Some("P7")) => continue,
            (1, _) => return Err(PamError::NotAPicture),
            (_, Some("ENDHDR")) => break,
            (_, Some("WIDTH")) => &mut width,
            (_, Some("HEIGHT")) => &mut height,
            (_, Some("DEPTH")) => &mut depth,
            (_, Some("MAXVAL")) => &mut largest,
            // The kind of its pixels, which the depth tells too; comments.
            _ => continue,
        };
        let value = words.next().filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
        // So many digits that it is no number: too large as well.
        *field = value.map(|word| word.parse().unwrap_or(u32::MAX));
    }
    match (width, height, depth, largest) {
        (Some(width @ 1..), Some(height @ 1..), Some(depth @ 3..=4), Some(255)) => {
            if width.max(height) > MAX_SIDE_PX {
                return Err(PamError::TooLarge);
            }
            Ok(Header { width, height, depth })
        }
        _ => Err(PamError::NotAPicture),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Picture = ((u32, u32), Vec<u8>);

    fn header(width: &str, height: &str, depth: &str) -> String {
        format!("P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {depth}\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n")
    }

    fn first(mut bytes: &[u8]) -> Result<Option<Picture>, PamError> {
        let mut rgb = vec![99; 7];
        Ok(read(&mut bytes, &mut rgb)?.map(|size| (size, rgb)))
    }

    #[test]
    fn pictures_of_different_sizes_follow_each_other() {
        // The first pixel begins with a newline; the buffer is smaller than a picture.
        let bytes =
            [header("2", "1", "3"), "\n12345".into(), header("1", "2", "3"), "abcdef".into()].concat();
        let mut reader = std::io::BufReader::with_capacity(3, bytes.as_bytes());
        let mut rgb = vec![];
        assert_eq!(read(&mut reader, &mut rgb).unwrap(), Some((2, 1)));
        assert_eq!(rgb, b"\n12345");
        assert_eq!(read(&mut reader, &mut rgb).unwrap(), Some((1, 2)));
        assert_eq!(rgb, b"abcdef");
        assert_eq!(read(&mut reader, &mut rgb).unwrap(), None);
        assert!(rgb.is_empty());
    }

    #[test]
    fn what_is_transparent_lies_over_white() {
        let bytes = [header("3", "1", "4").as_bytes(), &[9, 8, 7, 0, 9, 8, 7, 255, 0, 100, 200, 51]].concat();
        assert_eq!(first(&bytes).unwrap().unwrap().1, [255, 255, 255, 9, 8, 7, 204, 224, 244]);
    }

    #[test]
    fn a_cut_off_picture_is_told_from_the_end() {
        assert!(first(b"").unwrap().is_none());
        let whole = header("2", "1", "3") + "abcdef";
        assert!(first(whole.as_bytes()).unwrap().is_some());
        for end in 1..whole.len() {
            assert!(matches!(first(&whole.as_bytes()[..end]), Err(PamError::CutOff)), "{end} bytes");
        }
    }

    #[test]
    fn sizes_beyond_the_bounds_are_refused_by_the_header() {
        for (width, height) in [("20001", "1"), ("1", "20001"), ("99999999999999999999", "1")] {
            let header = header(width, height, "3");
            assert!(matches!(first(header.as_bytes()), Err(PamError::TooLarge)), "{header}");
        }
        // 1.2 GB, with sides that are allowed.
        assert!(matches!(first(header("20000", "20000", "3").as_bytes()), Err(PamError::TooLarge)));
        assert!(matches!(first(header("20000", "1", "3").as_bytes()), Err(PamError::CutOff)));
    }

    #[test]
    fn junk_is_refused() {
        let good = header("1", "1", "3");
        for junk in [
            "P5\n1 1\n255\na".to_owned(),
            "GIF89a and more".into(),
            "Hello".into(),
            good.replace("P7", "P71"),
            good.replace("WIDTH 1", "WIDTH 0"),
            good.replace("HEIGHT 1", "HEIGHT -1"),
            good.replace("HEIGHT 1\n", ""),
            good.replace("DEPTH 3", "DEPTH 1"),
            good.replace("255", "65535"),
            format!("P7\n#{}", "x".repeat(5000)),
        ] {
            assert!(matches!(first((junk.clone() + "abc").as_bytes()), Err(PamError::NotAPicture)), "{junk}");
        }
        assert!(matches!(first(&[0; 100]), Err(PamError::NotAPicture)));
        assert!(matches!(first(&[b' '; 5000]), Err(PamError::NotAPicture)));
    }
}
