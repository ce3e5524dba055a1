//! The zip archives of `torch.save`: entries are stored as they are, so each is a slice of the file.
//! (PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.)
//!
//! Checksums are not compared: PyTorch can leave them out, and numbers that make no sense are found later.

use super::error::{TorchError, shown};

/// No more entries are looked at.
const MAX_ENTRIES: usize = 100_000;

/// One line of the central directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    is_plain: bool,
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
    /// [`TorchError::CutShort`] without one, [`TorchError::Zip`] if it is damaged.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, TorchError> {
        let damaged = TorchError::Zip("its directory does not make sense");
        let end =
            end_of_directory(bytes).ok_or(TorchError::CutShort("a zip archive without its directory"))?;
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

    /// The bytes of an entry.
    ///
    /// # Errors
    /// [`TorchError::Compressed`], or [`TorchError::Zip`] if the entry is not where the directory says.
    pub(super) fn data(&self, entry: &Entry<'a>) -> Result<&'a [u8], TorchError> {
        if !entry.is_plain || entry.size != entry.packed_size {
            return Err(TorchError::Compressed(shown(entry.name)));
        }
        self.slice(entry).ok_or(TorchError::Zip("an entry is not where its directory says"))
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
        header.get(begin..begin.checked_add(usize::try_from(entry.size).ok()?)?)
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
    Some((Entry { name, is_plain: method == 0 && flags & 1 == 0, size, packed_size, header_at }, length))
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
