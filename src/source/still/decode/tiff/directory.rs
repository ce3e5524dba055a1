//! The directories of a TIFF: which pictures it holds, and what their tags say. Pure.

use std::collections::{BTreeMap, HashSet};

/// Most directories that are looked at, so that a hostile chain ends.
const MAX_DIRECTORIES: usize = 4096;

/// Most values of a tag: strips of one row of the highest picture, in three planes.
const MAX_VALUES: u64 = 1 << 20;

/// How numbers are stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    is_little: bool,
    /// BigTIFF, with offsets of 8 bytes.
    is_big: bool,
}

/// One picture's tags.
#[derive(Debug)]
pub(super) struct Directory {
    /// Where it lies in the file.
    pub at: usize,
    layout: Layout,
    /// By tag: type, number of values, and where the entry's field for them lies.
    entries: BTreeMap<u16, (u16, u64, usize)>,
    next: u64,
}

impl Layout {
    /// `None` where the file is no TIFF.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let (is_little, is_big) = match bytes.first_chunk()? {
            b"II*\0" => (true, false),
            b"MM\0*" => (false, false),
            b"II+\0" => (true, true),
            b"MM\0+" => (false, true),
            _ => return None,
        };
        Some(Self { is_little, is_big })
    }

    fn number(self, bytes: &[u8], at: usize, size: usize) -> Option<u64> {
        let bytes = bytes.get(at..at.checked_add(size)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if self.is_little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) })
    }

    fn offset_size(self) -> usize {
        if self.is_big { 8 } else { 4 }
    }

    /// Where the offset of the first directory is written.
    fn first_at(self) -> usize {
        if self.is_big { 8 } else { 4 }
    }

    fn write(self, bytes: &mut [u8], at: usize, size: usize, value: u64) {
        let (big, little) = (value.to_be_bytes(), value.to_le_bytes());
        let value = if self.is_little { &little[..size] } else { &big[8 - size..] };
        if let Some(place) = bytes.get_mut(at..at + size) {
            place.copy_from_slice(value);
        }
    }

    /// Makes this directory the first one of the file.
    pub fn put_first(self, bytes: &mut [u8], directory: &Directory) {
        self.write(bytes, self.first_at(), self.offset_size(), directory.at as u64);
    }

    /// Gives a tag that holds one number another one.
    pub fn replace(self, bytes: &mut [u8], directory: &Directory, tag: u16, value: u64) {
        if let Some((kind, 1, at)) = directory.entries.get(&tag) {
            self.write(bytes, *at, size_of(*kind), value);
        }
    }

    fn directory(self, bytes: &[u8], at: usize) -> Option<Directory> {
        let (count_size, entry_size) = if self.is_big { (8, 20) } else { (2, 12) };
        let count = usize::try_from(self.number(bytes, at, count_size)?).ok()?;
        let first = at.checked_add(count_size)?;
        let end = count.checked_mul(entry_size)?.checked_add(first)?;
        let mut entries = BTreeMap::new();
        for entry in bytes.get(first..end).map(|_| (first..end).step_by(entry_size))? {
            let tag = self.number(bytes, entry, 2)? as u16;
            let kind = self.number(bytes, entry + 2, 2)? as u16;
            let count = self.number(bytes, entry + 4, self.offset_size())?;
            entries.entry(tag).or_insert((kind, count, entry + 4 + self.offset_size()));
        }
        let next = self.number(bytes, end, self.offset_size()).unwrap_or(0);
        Some(Directory { at, layout: self, entries, next })
    }

    /// The pictures, in their order: full ones, each with its pages; smaller copies of the same picture are left out where
    /// there is a full one. Of a page that is such a copy, the largest picture below it is taken.
    pub fn pictures(self, bytes: &[u8]) -> Vec<Directory> {
        let mut seen = HashSet::new();
        let mut chain = Vec::new();
        let mut at = self.number(bytes, self.first_at(), self.offset_size()).unwrap_or(0);
        while at != 0 && chain.len() < MAX_DIRECTORIES && seen.insert(at) {
            let Some(directory) = usize::try_from(at).ok().and_then(|at| self.directory(bytes, at)) else {
                break;
            };
            at = directory.next;
            chain.push(directory);
        }
        if chain.iter().any(|directory| !directory.is_smaller_copy(bytes)) {
            chain.retain(|directory| !directory.is_smaller_copy(bytes));
            return chain;
        }
        let below = |directory: &Directory| {
            let offsets = directory.numbers(bytes, 330).unwrap_or_default();
            let found =
                offsets.into_iter().take(MAX_DIRECTORIES).filter_map(|at| self.directory(bytes, at as usize));
            found.max_by_key(|directory| directory.area(bytes))
        };
        let full: Vec<_> = chain.iter().filter_map(below).collect();
        if full.is_empty() { chain } else { full }
    }
}

impl Directory {
    /// All numbers of a tag; `None` where it is missing, or its values lie outside of the file.
    pub fn numbers(&self, bytes: &[u8], tag: u16) -> Option<Vec<u64>> {
        let &(kind, count, field) = self.entries.get(&tag)?;
        let size = size_of(kind);
        if count > MAX_VALUES {
            return None;
        }
        let length = count as usize * size;
        let offset_size = self.layout.offset_size();
        let at = match length {
            length if length <= offset_size => field,
            _ => usize::try_from(self.layout.number(bytes, field, offset_size)?).ok()?,
        };
        (0..count as usize)
            .map(|index| self.layout.number(bytes, at.checked_add(index * size)?, size))
            .collect()
    }

    /// The bytes of a tag that holds bytes.
    pub fn bytes<'a>(&self, bytes: &'a [u8], tag: u16) -> Option<&'a [u8]> {
        let &(_, count, field) = self.entries.get(&tag)?;
        let at = self.layout.number(bytes, field, self.layout.offset_size())?;
        let at = usize::try_from(at).ok()?;
        bytes.get(at..at.checked_add(usize::try_from(count).ok()?)?)
    }

    /// The first number of a tag.
    pub fn number(&self, bytes: &[u8], tag: u16) -> Option<u64> {
        self.numbers(bytes, tag)?.first().copied()
    }

    fn area(&self, bytes: &[u8]) -> u64 {
        let side = |tag| self.number(bytes, tag).unwrap_or(0).min(1 << 31);
        side(256) * side(257)
    }

    /// True where it calls itself a smaller copy, or a mask, of another picture (NewSubfileType, SubfileType).
    fn is_smaller_copy(&self, bytes: &[u8]) -> bool {
        let new = self.number(bytes, 254).unwrap_or(0);
        new & 0b101 != 0 || self.number(bytes, 255) == Some(2)
    }
}

fn size_of(kind: u16) -> usize {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => 1,
    }
}
