//! One picture after the other out of a pipe, as binary PPM (P6, 8 bits). Pure; any reader.

use std::io::{BufRead, Read};

/// Longest side of a picture that is read, in pixels.
const MAX_SIDE_PX: u32 = 20_000;

/// Most bytes of one picture.
const MAX_BYTES: u64 = 1 << 30;

/// Most bytes of a header with its comments.
const MAX_HEADER_BYTES: u32 = 1024;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PpmError {
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
/// from top to bottom) replace what is in `rgb`. `None` where the bytes end before a picture.
///
/// # Errors
/// [`PpmError`]; what is left of the bytes is then useless.
pub fn read(reader: &mut impl BufRead, rgb: &mut Vec<u8>) -> Result<Option<(u32, u32)>, PpmError> {
    rgb.clear();
    let Some((width, height)) = read_header(reader)? else { return Ok(None) };
    let length = u64::from(width) * u64::from(height) * 3;
    if length > MAX_BYTES {
        return Err(PpmError::TooLarge);
    }
    rgb.reserve_exact(length as usize);
    reader.take(length).read_to_end(rgb)?;
    if rgb.len() as u64 == length { Ok(Some((width, height))) } else { Err(PpmError::CutOff) }
}

/// Width and height, neither of them 0.
fn read_header(reader: &mut impl BufRead) -> Result<Option<(u32, u32)>, PpmError> {
    if reader.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut header = Header { reader, left: MAX_HEADER_BYTES };
    if [header.byte()?, header.byte()?] != *b"P6" || !header.byte()?.is_ascii_whitespace() {
        return Err(PpmError::NotAPicture);
    }
    let (width, height, largest_value) = (header.number()?, header.number()?, header.number()?);
    if width == 0 || height == 0 || largest_value != 255 {
        return Err(PpmError::NotAPicture);
    }
    Ok(Some((width, height)))
}

struct Header<'a, R> {
    reader: &'a mut R,
    /// Bytes that may still come.
    left: u32,
}

impl<R: BufRead> Header<'_, R> {
    fn byte(&mut self) -> Result<u8, PpmError> {
        self.left = self.left.checked_sub(1).ok_or(PpmError::NotAPicture)?;
        let mut byte = [0];
        match self.reader.read_exact(&mut byte) {
            Ok(()) => Ok(byte[0]),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(PpmError::CutOff),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes whitespace and comments, a number, and the one byte of whitespace behind it: what follows that may
    /// look like whitespace and be a pixel.
    fn number(&mut self) -> Result<u32, PpmError> {
        let mut byte = self.byte()?;
        loop {
            if byte == b'#' {
                while !matches!(byte, b'\n' | b'\r') {
                    byte = self.byte()?;
                }
            } else if !byte.is_ascii_whitespace() {
                break;
            }
            byte = self.byte()?;
        }
        let mut value = 0;
        let mut digits = 0;
        while byte.is_ascii_digit() {
            value = value * 10 + u32::from(byte - b'0');
            // Also keeps the next step from overflowing.
            if value > MAX_SIDE_PX {
                return Err(PpmError::TooLarge);
            }
            digits += 1;
            byte = self.byte()?;
        }
        if digits == 0 || !byte.is_ascii_whitespace() {
            return Err(PpmError::NotAPicture);
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Picture = ((u32, u32), Vec<u8>);

    fn first(mut bytes: &[u8]) -> Result<Option<Picture>, PpmError> {
        let mut rgb = vec![99; 7];
        Ok(read(&mut bytes, &mut rgb)?.map(|size| (size, rgb)))
    }

    #[test]
    fn pictures_of_different_sizes_follow_each_other() {
        // The first pixel begins with a newline; the buffer is smaller than a picture.
        let bytes = b"P6\n2 1\n255\n\n12345P6 1 2 255 abcdef";
        let mut reader = std::io::BufReader::with_capacity(3, &bytes[..]);
        let mut rgb = vec![];
        assert_eq!(read(&mut reader, &mut rgb).unwrap(), Some((2, 1)));
        assert_eq!(rgb, b"\n12345");
        assert_eq!(read(&mut reader, &mut rgb).unwrap(), Some((1, 2)));
        assert_eq!(rgb, b"abcdef");
        assert_eq!(read(&mut reader, &mut rgb).unwrap(), None);
        assert!(rgb.is_empty());
    }

    #[test]
    fn comments_are_passed_over() {
        let bytes = b"P6 # made by hand 9 9\n# 7\r \t1 #x\n1\n#\n255\n#ab";
        assert_eq!(first(bytes).unwrap(), Some(((1, 1), b"#ab".to_vec())));
        let endless = [b"P6\n#".to_vec(), vec![b'x'; 5000]].concat();
        assert!(matches!(first(&endless), Err(PpmError::NotAPicture)));
    }

    #[test]
    fn a_cut_off_picture_is_told_from_the_end() {
        assert!(first(b"").unwrap().is_none());
        let whole = b"P6\n2 1\n255\nabcdef";
        assert!(first(whole).unwrap().is_some());
        for end in 1..whole.len() {
            assert!(matches!(first(&whole[..end]), Err(PpmError::CutOff)), "{end} bytes");
        }
    }

    #[test]
    fn sizes_beyond_the_bounds_are_refused_by_the_header() {
        for header in ["P6 20001 1 255\n", "P6 1 20001 255\n", "P6 99999999999999999999 1 255\n"] {
            assert!(matches!(first(header.as_bytes()), Err(PpmError::TooLarge)), "{header}");
        }
        // 1.2 GB, with sides that are allowed.
        assert!(matches!(first(b"P6 20000 20000 255\nabc"), Err(PpmError::TooLarge)));
        assert!(matches!(first(b"P6 20000 1 255\nabc"), Err(PpmError::CutOff)));
    }

    #[test]
    fn junk_is_refused() {
        for junk in [
            "P5\n1 1\n255\na",
            "GIF89a and more",
            "P61 1 255\nabc",
            "P6 0 1 255\nabc",
            "P6 1 0 255\nabc",
            "P6 -1 1 255\nabc",
            "P6 1 1 65 535\nabc",
            "P6 1 1 256\nabcabc",
            "P6 1x1 255\nabc",
            "P6 1 1 255abc",
        ] {
            assert!(matches!(first(junk.as_bytes()), Err(PpmError::NotAPicture)), "{junk}");
        }
        assert!(matches!(first(&[0; 100]), Err(PpmError::NotAPicture)));
        assert!(matches!(first(&[b' '; 5000]), Err(PpmError::NotAPicture)));
    }
}
