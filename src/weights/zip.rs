//! Zip archives, as `torch.save` and Keras write them: entries are stored as they are, so each is a slice of
//! the file, or deflated. (PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.)

use std::borrow::Cow;
use std::io::Read;

/// No more entries are looked at.
const MAX_ENTRIES: usize = 100_000;

/// Deflate makes at most so many bytes of one.
const MAX_RATIO: u64 = 1032;

/// Why an archive cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ZipError {
    /// Its end is missing.
    #[error("the file is cut short: {0}; download it again")]
    CutShort(&'static str),
    /// It contradicts itself.
    #[error("the zip archive is damaged: {0}; download it again")]
    Damaged(&'static str),
    /// An entry is not plain.
    #[error("`{0}` in the zip archive is compressed or encrypted in a way that is not read")]
    Packed(String),
    /// An entry is too large, or says so.
    #[error("`{name}` in the zip archive has {size} bytes, more than is read")]
    TooLarge {
        /// Its name.
        name: String,
        /// As the archive has it.
        size: u64,
    },
}

/// How an entry is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Stored,
    Deflated,
    Other,
}

/// One line of the central directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    method: Method,
    checksum: u32,
    size: u64,
    packed_size: u64,
    header_at: u64,
}

/// An archive in memory.
pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    pub(super) entries: Vec<Entry<'a>>,
}

impl<'a> Archive<'a> {
    /// Reads the directory at the end of the file.
    ///
    /// # Errors
    /// [`ZipError::CutShort`] without one, [`ZipError::Damaged`] if it is damaged.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, ZipError> {
        let damaged = ZipError::Damaged("its directory does not make sense");
        let end = end_of_directory(bytes).ok_or(ZipError::CutShort("a zip archive without its directory"))?;
        let (count, size, begin) = directory(bytes, end).ok_or(damaged.clone())?;
        if count > MAX_ENTRIES || begin.checked_add(size).is_none_or(|end_of_list| end_of_list > end) {
            return Err(damaged);
        }
        let mut rest = bytes.get(begin..begin + size).ok_or(damaged.clone())?;
        let mut entries = Vec::with_capacity(count.min(size / ENTRY));
        for _ in 0..count {
            let (entry, length) = entry(rest).ok_or(damaged.clone())?;
            entries.push(entry);
            rest = rest.get(length..).ok_or(damaged.clone())?;
        }
        Ok(Self { bytes, entries })
    }

    /// The entry of this name, if there is one and not several.
    pub(super) fn find(&self, name: &str) -> Option<&Entry<'a>> {
        let mut found = self.entries.iter().filter(|entry| entry.name == name);
        found.next().filter(|_| found.next().is_none())
    }

    /// The bytes of an entry that is stored as it is. Checksums are not compared: PyTorch can leave them out,
    /// and numbers that make no sense are found later.
    ///
    /// # Errors
    /// [`ZipError::Packed`], or [`ZipError::Damaged`] if the entry is not where the directory says.
    pub(super) fn data(&self, entry: &Entry<'a>) -> Result<&'a [u8], ZipError> {
        if entry.method != Method::Stored || entry.size != entry.packed_size {
            return Err(ZipError::Packed(shown(entry.name)));
        }
        self.slice(entry).ok_or(ZipError::Damaged("an entry is not where its directory says"))
    }

    /// The bytes of an entry, inflated where it is deflated; at most `limit`.
    ///
    /// # Errors
    /// Where it is too large, packed in another way, damaged, or its checksum is another.
    pub(super) fn unpacked(&self, entry: &Entry<'a>, limit: usize) -> Result<Cow<'a, [u8]>, ZipError> {
        let is_too_large = entry.size > limit as u64
            || entry.method == Method::Deflated && entry.size / MAX_RATIO > entry.packed_size;
        if is_too_large {
            return Err(ZipError::TooLarge { name: shown(entry.name), size: entry.size });
        }
        let data = match entry.method {
            Method::Stored => Cow::Borrowed(self.data(entry)?),
            Method::Deflated => {
                let packed =
                    self.slice(entry).ok_or(ZipError::Damaged("an entry is not where its directory says"))?;
                // One byte more than there should be tells that there are more.
                let mut inflated = flate2::read::DeflateDecoder::new(packed).take(entry.size + 1);
                let mut data = Vec::new();
                let damaged = ZipError::Damaged("an entry cannot be unpacked");
                inflated.read_to_end(&mut data).map_err(|_| damaged.clone())?;
                if data.len() as u64 != entry.size {
                    return Err(damaged);
                }
                Cow::Owned(data)
            }
            Method::Other => return Err(ZipError::Packed(shown(entry.name))),
        };
        let mut checksum = flate2::Crc::new();
        checksum.update(&data);
        match checksum.sum() == entry.checksum {
            true => Ok(data),
            false => Err(ZipError::Damaged("an entry's checksum is another")),
        }
    }

    fn slice(&self, entry: &Entry<'a>) -> Option<&'a [u8]> {
        let header = self.bytes.get(usize::try_from(entry.header_at).ok()?..)?;
        if !header.starts_with(b"PK\x03\x04") {
            return None;
        }
        let name_length = usize::from(u16_at(header, 26)?);
        let begin = LOCAL_HEADER + name_length + usize::from(u16_at(header, 28)?);
        if header.get(LOCAL_HEADER..LOCAL_HEADER + name_length)? != entry.name.as_bytes() {
            return None;
        }
        header.get(begin..begin.checked_add(usize::try_from(entry.packed_size).ok()?)?)
    }
}

const LOCAL_HEADER: usize = 30;
const ENTRY: usize = 46;
const END: usize = 22;
const LOCATOR: usize = 20;

/// Where the end record begins. Behind it there is only its comment.
fn end_of_directory(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(END)?;
    (last.saturating_sub(usize::from(u16::MAX))..=last).rev().find(|&at| {
        bytes[at..].starts_with(b"PK\x05\x06")
            && u16_at(bytes, at + 20).is_some_and(|comment| at + END + usize::from(comment) == bytes.len())
    })
}

/// Number of entries, bytes and beginning of the directory; PyTorch always writes the 64-bit record.
fn directory(bytes: &[u8], end: usize) -> Option<(usize, usize, usize)> {
    let locator = end.checked_sub(LOCATOR).filter(|&at| bytes[at..].starts_with(b"PK\x06\x07"));
    if let Some(locator) = locator {
        let record = usize::try_from(u64_at(bytes, locator + 8)?).ok()?;
        if !bytes.get(record..)?.starts_with(b"PK\x06\x06") {
            return None;
        }
        let field = |offset: usize| usize::try_from(u64_at(bytes, record.checked_add(offset)?)?).ok();
        Some((field(32)?, field(40)?, field(48)?))
    } else {
        let field = |offset: usize| usize::try_from(u32_at(bytes, end + offset)?).ok();
        Some((usize::from(u16_at(bytes, end + 10)?), field(12)?, field(16)?))
    }
}

/// The first entry of the directory's rest, and how long its line is.
fn entry(line: &[u8]) -> Option<(Entry<'_>, usize)> {
    if !line.starts_with(b"PK\x01\x02") {
        return None;
    }
    let (flags, method) = (u16_at(line, 8)?, u16_at(line, 10)?);
    let (name_length, extra_length) = (usize::from(u16_at(line, 28)?), usize::from(u16_at(line, 30)?));
    let length = ENTRY + name_length + extra_length + usize::from(u16_at(line, 32)?);
    let name = std::str::from_utf8(line.get(ENTRY..ENTRY + name_length)?).ok()?;
    let mut large = large_fields(line.get(ENTRY + name_length..ENTRY + name_length + extra_length)?);
    // Fields that do not fit are all ones, and stand in the extra field in this order.
    let mut field = |offset: usize| match u32_at(line, offset)? {
        u32::MAX => {
            let value = u64_at(large, 0)?;
            large = &large[8..];
            Some(value)
        }
        value => Some(u64::from(value)),
    };
    let (size, packed_size, header_at) = (field(24)?, field(20)?, field(42)?);
    let method = match (method, flags & 1) {
        (0, 0) => Method::Stored,
        (8, 0) => Method::Deflated,
        _ => Method::Other,
    };
    Some((Entry { name, method, checksum: u32_at(line, 16)?, size, packed_size, header_at }, length))
}

/// The content of the 64-bit extra field; empty where there is none.
fn large_fields(mut extra: &[u8]) -> &[u8] {
    while let (Some(id), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let Some(content) = extra.get(4..4 + usize::from(length)) else { break };
        if id == 1 {
            return content;
        }
        extra = &extra[4 + usize::from(length)..];
    }
    &[]
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A name out of a file as a sentence can show it between backticks.
fn shown(name: &str) -> String {
    const LONGEST: usize = 80;
    let letters = name.chars().take(LONGEST).map(|letter| if letter == '`' { '\'' } else { letter });
    letters.flat_map(char::escape_debug).collect()
}
