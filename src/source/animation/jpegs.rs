//! JPEG behind JPEG in one file, also with heads of HTTP's multipart between them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

/// So many first bytes are looked at.
pub const HEAD_BYTES: u64 = 4096;

/// How long each picture stands: such files do not say.
pub const DELAY: Duration = Duration::from_millis(40);

/// Most bytes of one picture.
const MAX_BYTES: usize = 64 << 20;

const OTHER: &str = "something else than a JPEG picture follows";

/// Most bytes between two pictures.
const MAX_BETWEEN: usize = 4096;

/// The pictures' bytes.
pub struct Jpegs {
    ahead: std::vec::IntoIter<Result<Vec<u8>, String>>,
    file: BufReader<File>,
}

impl Jpegs {
    /// `None` where there is one picture at most. A picture with others of another kind in its tail (the smaller copies and
    /// depths of cameras) is one picture: all are of the first one's size here.
    pub fn open(head: &[u8], mut file: BufReader<File>) -> Option<Self> {
        let is_multipart = head.starts_with(b"--") || head.starts_with(b"\r\n--");
        let text = String::from_utf8_lossy(head).to_ascii_lowercase();
        if !(head.starts_with(&[0xff, 0xd8, 0xff])
            || is_multipart && text.contains("content-type: image/jpeg"))
        {
            return None;
        }
        let first = next(&mut file).ok()??;
        // The multi-picture format says itself what the others are.
        if !is_multipart && first.windows(4).take(HEAD_BYTES as usize * 16).any(|bytes| bytes == b"MPF\0") {
            return None;
        }
        let second = next(&mut file).transpose()?;
        let differs = second.as_ref().is_ok_and(|second| size(second) != size(&first));
        let is_junk = second.as_ref().is_err_and(|error| error == OTHER) && !is_multipart;
        let ahead = vec![Ok(first), second].into_iter();
        (!differs && !is_junk).then_some(Self { ahead, file })
    }

    /// The bytes of the next picture; `None` behind the last one.
    ///
    /// # Errors
    /// In words, where a picture has no end or something else follows.
    pub fn read(&mut self) -> Result<Option<Vec<u8>>, String> {
        match self.ahead.next() {
            Some(picture) => picture.map(Some),
            None => next(&mut self.file),
        }
    }
}

/// The next picture of a file, from its first marker to its last.
fn next(file: &mut impl BufRead) -> Result<Option<Vec<u8>>, String> {
    let failed = |error: std::io::Error| format!("reading failed: {error}");
    // To the first marker.
    let (mut between, mut before) = (0, 0);
    loop {
        let Some(byte) = byte(file).map_err(failed)? else { return Ok(None) };
        if before == 0xff && byte == 0xd8 {
            break;
        }
        before = byte;
        between += 1;
        if between > MAX_BETWEEN {
            return Err(OTHER.into());
        }
    }
    let mut picture = vec![0xff, 0xd8];
    let cut_off = || "the file is cut off".to_owned();
    let mut in_scan = false;
    loop {
        if in_scan {
            // Values, in which 0xff is followed by 0 or a restart's number.
            file.read_until(0xff, &mut picture).map_err(failed)?;
        } else {
            picture.push(byte(file).map_err(failed)?.ok_or_else(cut_off)?);
        }
        if picture.len() > MAX_BYTES {
            return Err(format!("the picture has more than {} MiB", MAX_BYTES >> 20));
        }
        if picture.last() != Some(&0xff) {
            if in_scan {
                return Err(cut_off());
            }
            continue;
        }
        let mut kind = 0xff;
        while kind == 0xff {
            kind = byte(file).map_err(failed)?.ok_or_else(cut_off)?;
            picture.push(kind);
        }
        match kind {
            0xd9 => return Ok(Some(picture)),
            0 | 0x01 | 0xd0..=0xd8 => {}
            _ => {
                let mut length = [0; 2];
                file.read_exact(&mut length).map_err(|_| cut_off())?;
                picture.extend(length);
                let rest = u64::from(u16::from_be_bytes(length)).saturating_sub(2);
                let got = Read::take(&mut *file, rest).read_to_end(&mut picture).map_err(failed)?;
                if got as u64 != rest {
                    return Err(cut_off());
                }
                in_scan = kind == 0xda;
            }
        }
    }
}

fn byte(file: &mut impl BufRead) -> std::io::Result<Option<u8>> {
    let byte = file.fill_buf()?.first().copied();
    file.consume(usize::from(byte.is_some()));
    Ok(byte)
}

/// Height and width as the frame's head has them.
fn size(picture: &[u8]) -> Option<[u8; 4]> {
    let mut at = 2;
    loop {
        let &[0xff, kind, high, low] = picture.get(at..at + 4)? else { return None };
        if matches!(kind, 0xc0..=0xcf) && !matches!(kind, 0xc4 | 0xc8 | 0xcc) {
            return picture.get(at + 5..at + 9)?.try_into().ok();
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of this height whose values are these; not one that could be decoded.
    fn picture(height: u8, values: &[u8]) -> Vec<u8> {
        let head = [0xff, 0xd8, 0xff, 0xc0, 0, 8, 8, 0, height, 0, 9, 1, 0xff, 0xda, 0, 3, 0];
        [&head[..], values, &[0xff, 0xd9]].concat()
    }

    fn all(bytes: &[u8]) -> Option<Vec<Result<Vec<u8>, String>>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let open = BufReader::new(File::open(file.path()).unwrap());
        let mut jpegs = Jpegs::open(&bytes[..bytes.len().min(HEAD_BYTES as usize)], open)?;
        let mut seen = vec![];
        loop {
            match jpegs.read() {
                Ok(None) => return Some(seen),
                Ok(Some(picture)) => seen.push(Ok(picture)),
                Err(error) => {
                    seen.push(Err(error));
                    return Some(seen);
                }
            }
        }
    }

    #[test]
    fn each_picture_of_a_stream_comes_as_it_is() {
        // Stuffed and restarted values, and fill bytes before a marker.
        let pictures =
            [picture(7, &[1, 2, 0xff, 0, 3, 0xff, 0xd0, 4]), picture(7, &[0xff, 0]), picture(7, &[5, 0xff])];
        let expected: Vec<_> = pictures.iter().cloned().map(Ok).collect();
        assert_eq!(all(&pictures.concat()).unwrap(), expected);
        let part = |picture: &Vec<u8>| {
            [b"--frame\r\nContent-Type: image/jpeg\r\n\r\n", &picture[..], b"\r\n"].concat()
        };
        assert_eq!(all(&pictures.iter().flat_map(part).collect::<Vec<_>>()).unwrap(), expected);
        let cut = [&pictures.concat()[..], &pictures[0][..20]].concat();
        assert_eq!(all(&cut).unwrap()[3], Err("the file is cut off".into()));
    }

    #[test]
    fn one_picture_with_something_behind_it_is_one_picture() {
        let one = picture(7, &[1]);
        let with_others = [&one[..2], b"\xff\xe2\0\x0aMPF\0abcd", &one[2..], &one[..]].concat();
        for bytes in [
            one.clone(),
            [&one[..], b"a video"].concat(),
            [&one[..], &[0; 5000], &one[..]].concat(),
            [one.clone(), picture(8, &[1])].concat(),
            with_others,
            one[..20].to_vec(),
            b"--frame\r\nContent-Type: image/png\r\n\r\n".to_vec(),
        ] {
            assert!(all(&bytes).is_none(), "{bytes:?}");
        }
    }
}
