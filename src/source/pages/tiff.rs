//! Where the pages of a TIFF lie, and each one as a TIFF of its own, for decoders that read the first page alone. Pure; any
//! reader.

use std::io::{self, Read, Seek, SeekFrom};

/// Pages behind so many are left out.
const MAX_PAGES: usize = 100_000;

/// Most bytes of one page.
const MAX_BYTES: u64 = 2 << 30;

/// More is not needed to find pages.
const FEW_BYTES: u64 = 1 << 10;

const NEW_SUBFILE_TYPE: u64 = 254;
const DESCRIPTION: u64 = 270;
const STRIPS: (u64, u64) = (273, 279);
const TILES: (u64, u64) = (324, 325);

/// A file, and where its pages are described.
#[derive(Debug)]
pub struct Tiff<R> {
    file: R,
    layout: Layout,
    pages: Vec<Page>,
    /// More pages are announced where the file has ended.
    is_cut_off: bool,
}

#[derive(Clone, Copy, Debug)]
struct Page {
    /// Where its directory begins.
    directory: u64,
    /// How far behind the directory's picture its samples lie: ImageJ describes the first picture of a stack alone.
    shift: u64,
}

/// How numbers are written.
#[derive(Clone, Copy, Debug)]
struct Layout {
    big_endian: bool,
    /// BigTIFF: 8 bytes where others have 4.
    wide: bool,
}

impl Layout {
    fn number(self, bytes: &[u8]) -> u64 {
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if self.big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
    }

    fn write(self, value: u64, size: usize, out: &mut Vec<u8>) {
        let bytes = value.to_le_bytes();
        let bytes = bytes.iter().take(size);
        if self.big_endian { out.extend(bytes.rev()) } else { out.extend(bytes) }
    }

    /// Bytes of an offset.
    fn offset(self) -> usize {
        if self.wide { 8 } else { 4 }
    }

    /// Bytes of how many entries a directory has.
    fn count(self) -> usize {
        if self.wide { 8 } else { 2 }
    }

    /// Bytes of an entry: tag, type, count, value.
    fn entry(self) -> usize {
        4 + 2 * self.offset()
    }
}

/// An entry of a directory.
#[derive(Debug)]
struct Entry {
    tag: u64,
    kind: u64,
    values: Vec<u8>,
}

impl Entry {
    /// Bytes of a value of this type.
    fn size(kind: u64) -> u64 {
        match kind {
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16..=18 => 8,
            _ => 1,
        }
    }

    fn numbers(&self, layout: Layout) -> Vec<u64> {
        self.values.chunks_exact(Self::size(self.kind) as usize).map(|value| layout.number(value)).collect()
    }
}

impl<R: Read + Seek> Tiff<R> {
    /// `None` where it is no TIFF. Of a damaged one the pages that are found.
    pub fn open(mut file: R) -> Option<Self> {
        let mut head = [0; 16];
        file.read_exact(&mut head).ok()?;
        let (big_endian, version) = match &head[..4] {
            [b'I', b'I', version, 0] => (false, *version),
            [b'M', b'M', 0, version] => (true, *version),
            _ => return None,
        };
        let layout = Layout { big_endian, wide: version == 43 };
        if !matches!(version, 42 | 43) {
            return None;
        }
        let mut tiff = Self { file, layout, pages: vec![], is_cut_off: false };
        let mut next = layout.number(if layout.wide { &head[8..16] } else { &head[4..8] });
        let mut seen = std::collections::HashSet::new();
        while next != 0 && tiff.pages.len() < MAX_PAGES && seen.insert(next) {
            let Ok((entries, behind)) = tiff.directory(next, FEW_BYTES) else {
                tiff.is_cut_off = true;
                break;
            };
            // Smaller copies and masks are no pages.
            let kind = entries.iter().find(|entry| entry.tag == NEW_SUBFILE_TYPE);
            let kind = kind.and_then(|entry| entry.numbers(layout).first().copied()).unwrap_or(0);
            if kind & 5 == 0 {
                tiff.pages.push(Page { directory: next, shift: 0 });
            }
            next = behind;
        }
        if let [page] = tiff.pages[..]
            && let Ok((entries, _)) = tiff.directory(page.directory, MAX_BYTES)
        {
            tiff.pages = stack(page, &entries, layout);
        }
        Some(tiff)
    }

    /// How many pages there are.
    pub fn count(&self) -> usize {
        self.pages.len()
    }

    /// True where there were more, and the file ends before them.
    pub fn is_cut_off(&self) -> bool {
        self.is_cut_off
    }

    fn read(&mut self, at: u64, length: u64) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::new();
        self.file.by_ref().take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// The entries of a directory, and where the next one begins.
    /// Values of more than `most` bytes are left out.
    fn directory(&mut self, at: u64, most: u64) -> io::Result<(Vec<Entry>, u64)> {
        let layout = self.layout;
        let count = self.read(at, layout.count() as u64)?;
        let length =
            layout.number(&count).checked_mul(layout.entry() as u64).ok_or(io::ErrorKind::InvalidData)?;
        let length = Some(length).filter(|length| *length < MAX_BYTES).ok_or(io::ErrorKind::InvalidData)?;
        let bytes = self.read(at + layout.count() as u64, length + layout.offset() as u64)?;
        let (entries, next) = bytes.split_at(length as usize);
        let mut read = vec![];
        let mut total = 0;
        for entry in entries.chunks_exact(layout.entry()) {
            let (tag, kind) = (layout.number(&entry[..2]), layout.number(&entry[2..4]));
            let (count, value) = entry[4..].split_at(layout.offset());
            let length = layout.number(count).saturating_mul(Entry::size(kind));
            total = u64::saturating_add(total, length);
            if total > MAX_BYTES {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let values = match value.get(..length as usize) {
                Some(here) => here.to_vec(),
                None if length > most => vec![],
                None => self.read(layout.number(value), length)?,
            };
            read.push(Entry { tag, kind, values });
        }
        Ok((read, layout.number(next)))
    }

    /// A page as a file of its own.
    ///
    /// # Errors
    /// Where the file ends before the page does, or its description makes no sense.
    pub fn page(&mut self, number: usize) -> io::Result<Vec<u8>> {
        let page = *self.pages.get(number).ok_or(io::ErrorKind::NotFound)?;
        let layout = self.layout;
        let (mut entries, _) = self.directory(page.directory, MAX_BYTES)?;
        let mut samples = vec![];
        for (offsets, lengths) in [STRIPS, TILES] {
            let numbers =
                |tag| entries.iter().find(|entry| entry.tag == tag).map(|entry| entry.numbers(layout));
            let (Some(starts), Some(lengths)) = (numbers(offsets), numbers(lengths)) else { continue };
            let total = lengths.iter().fold(0, |sum: u64, length| sum.saturating_add(*length));
            if starts.len() != lengths.len() || total > MAX_BYTES {
                return Err(io::ErrorKind::InvalidData.into());
            }
            for (start, length) in starts.iter().zip(lengths) {
                samples.push((offsets, self.read(start.saturating_add(page.shift), length)?));
            }
        }
        // Head, directory, values that do not fit into it, samples.
        let head = if layout.wide { 16 } else { 8 };
        let mut at = head + layout.count() + entries.len() * layout.entry() + layout.offset();
        let is_far = |entry: &Entry| entry.values.len() > layout.offset();
        let offset_kind = if layout.wide { 16 } else { 4 };
        for entry in &mut entries {
            if entry.tag == STRIPS.0 || entry.tag == TILES.0 {
                entry.kind = offset_kind;
                let count = samples.iter().filter(|(tag, _)| *tag == entry.tag).count();
                entry.values = vec![0; count * layout.offset()];
            }
        }
        let mut sample_at =
            at + entries.iter().filter(|entry| is_far(entry)).map(|entry| entry.values.len()).sum::<usize>();
        for entry in &mut entries {
            if entry.tag == STRIPS.0 || entry.tag == TILES.0 {
                entry.values.clear();
                for (_, bytes) in samples.iter().filter(|(tag, _)| *tag == entry.tag) {
                    layout.write(sample_at as u64, layout.offset(), &mut entry.values);
                    sample_at += bytes.len();
                }
            }
        }
        let mut out = if layout.big_endian { b"MM".to_vec() } else { b"II".to_vec() };
        layout.write(if layout.wide { 43 } else { 42 }, 2, &mut out);
        if layout.wide {
            layout.write(8, 2, &mut out);
            layout.write(0, 2, &mut out);
        }
        layout.write(head as u64, layout.offset(), &mut out);
        layout.write(entries.len() as u64, layout.count(), &mut out);
        for entry in &entries {
            layout.write(entry.tag, 2, &mut out);
            layout.write(entry.kind, 2, &mut out);
            layout.write(entry.values.len() as u64 / Entry::size(entry.kind), layout.offset(), &mut out);
            if is_far(entry) {
                layout.write(at as u64, layout.offset(), &mut out);
                at += entry.values.len();
            } else {
                let end = out.len() + layout.offset();
                out.extend(&entry.values);
                out.resize(end, 0);
            }
        }
        layout.write(0, layout.offset(), &mut out);
        entries.iter().filter(|entry| is_far(entry)).for_each(|entry| out.extend(&entry.values));
        for (tag, bytes) in
            [STRIPS.0, TILES.0].iter().flat_map(|tag| samples.iter().filter(move |(of, _)| of == tag))
        {
            debug_assert!(*tag == STRIPS.0 || *tag == TILES.0);
            out.extend(bytes);
        }
        Ok(out)
    }
}

/// The pictures of a stack as ImageJ itself saves it: one directory, and all pictures behind each other.
fn stack(page: Page, entries: &[Entry], layout: Layout) -> Vec<Page> {
    let find = |tag: u64| entries.iter().find(|entry| entry.tag == tag);
    let text = find(DESCRIPTION)
        .map(|entry| String::from_utf8_lossy(&entry.values).into_owned())
        .unwrap_or_default();
    let images = text.strip_prefix("ImageJ=").and_then(|_| {
        text.lines().find_map(|line| line.strip_prefix("images=")?.trim().parse::<usize>().ok())
    });
    let number = |tag: u64| find(tag).map(|entry| entry.numbers(layout));
    let is_plain = number(259).is_none_or(|method| method == [1]);
    let length: u64 =
        number(STRIPS.1).unwrap_or_default().iter().fold(0, |sum, length| sum.saturating_add(*length));
    match images {
        Some(images) if is_plain && length > 0 => {
            let shifts = (0..images.clamp(1, MAX_PAGES) as u64).map(|number| number.saturating_mul(length));
            shifts.map(|shift| Page { shift, ..page }).collect()
        }
        _ => vec![page],
    }
}

/// What is wrong with a page.
pub fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the file is cut off".into(),
        io::ErrorKind::InvalidData => "its description is damaged".into(),
        _ => format!("cannot be read: {error}"),
    }
}
