//! One picture out of a buffer of an MJPEG stream.
//!
//! A driver hands out whole buffers, so old bytes lie behind the picture, and behind half a picture the other
//! half of an old one, with its end marker. A decoder makes something of anything, and zune-jpeg fills what is
//! missing even in strict mode. Therefore the Huffman codes are counted first: they must make exactly the
//! blocks that the header promises. (An old half that happens to make just as many is not noticed: that
//! picture is torn.)

use std::borrow::Cow;
use std::iter;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::failure::contain;

const BAD_HEADER: &str = "its header is damaged";
const BAD_CODES: &str = "its codes are damaged";
const CUT_OFF: &str = "it ends too early";

/// Width and height in pixels, and the picture as full-range RGB. The error says what was wrong.
pub fn decode(buffer: &[u8]) -> Result<((u32, u32), Vec<u8>), String> {
    let extent = examine(buffer)?;
    let picture = &buffer[..extent.end];
    let picture = match extent.tables_go_to {
        Some(at) => Cow::Owned([&picture[..at], &STANDARD_TABLES[..], &picture[at..]].concat()),
        None => Cow::Borrowed(picture),
    };
    contain(|| -> Result<_, String> {
        let options = DecoderOptions::default().set_strict_mode(true);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&*picture), options);
        let rgb = decoder.decode().map_err(|error| error.to_string())?;
        let (width, height) = decoder.dimensions().ok_or(BAD_HEADER)?;
        Ok(((width as u32, height as u32), rgb))
    })?
}

struct Extent {
    /// Number of bytes of the picture.
    end: usize,
    /// Where the Huffman tables belong that many webcams leave out.
    tables_go_to: Option<usize>,
}

/// For each 16 bits that may come next: the length of the code that they begin with times 256, plus its
/// symbol. 0: no code begins so.
type HuffmanTable = Vec<u16>;

/// By class and number as a header writes them: 0 + n for DC, 16 + n for AC.
type HuffmanTables = [Option<HuffmanTable>; 32];

fn examine(bytes: &[u8]) -> Result<Extent, &'static str> {
    if !bytes.starts_with(&[0xFF, 0xD8]) {
        return Err("it does not begin like a JPEG picture");
    }
    let mut tables = HuffmanTables::default();
    let (mut has_tables, mut restart_interval) = (false, 0);
    let mut frame_header: &[u8] = &[];
    let mut at = 2;
    loop {
        let [0xFF, marker, rest @ ..] = bytes.get(at..).unwrap_or_default() else {
            return Err(BAD_HEADER);
        };
        if *marker == 0xFF {
            at += 1;
            continue;
        }
        let length = number(rest).ok_or(BAD_HEADER)?;
        let body = rest.get(2..length).ok_or(BAD_HEADER)?;
        match marker {
            0xC0 | 0xC1 => frame_header = body,
            // Progressive: no webcam does that; the decoder alone judges.
            0xC2 => return Ok(Extent { end: bytes.len(), tables_go_to: None }),
            0xC4 => {
                read_tables(body, &mut tables).ok_or(BAD_HEADER)?;
                has_tables = true;
            }
            0xDD => restart_interval = number(body).ok_or(BAD_HEADER)?,
            0xDA => {
                if !has_tables {
                    read_tables(&STANDARD_TABLES[4..], &mut tables).ok_or(BAD_HEADER)?;
                }
                let scan = Scan::new(frame_header, body, &tables).ok_or(BAD_HEADER)?;
                let end = scan.end(bytes, at + 2 + length, restart_interval)?;
                return Ok(Extent { end, tables_go_to: (!has_tables).then_some(at) });
            }
            _ => {}
        }
        at += 2 + length;
    }
}

/// The first two bytes.
fn number(bytes: &[u8]) -> Option<usize> {
    bytes.first_chunk().map(|pair| usize::from(u16::from_be_bytes(*pair)))
}

fn read_tables(mut body: &[u8], tables: &mut HuffmanTables) -> Option<()> {
    while let [info, rest @ ..] = body {
        let (counts, rest) = rest.split_first_chunk::<16>()?;
        let number_of_symbols: usize = counts.iter().map(|count| usize::from(*count)).sum();
        let (symbols, rest) = rest.split_at_checked(number_of_symbols)?;
        let mut table = vec![0_u16; 1 << 16];
        let (mut symbols, mut start) = (symbols.iter(), 0_usize);
        for (length, count) in (1_u16..).zip(counts) {
            for symbol in symbols.by_ref().take(usize::from(*count)) {
                let span = 1_usize << (16 - length);
                table.get_mut(start..start + span)?.fill((length << 8) | u16::from(*symbol));
                start += span;
            }
        }
        *tables.get_mut(usize::from(*info))? = Some(table);
        body = rest;
    }
    Some(())
}

struct Scan<'a> {
    /// Number of minimum coded units in the picture.
    units: usize,
    /// DC and AC table of each block of a unit.
    blocks: Vec<(&'a [u16], &'a [u16])>,
}

impl<'a> Scan<'a> {
    /// `None` where the headers make no sense, or the components come in several scans (as from no webcam).
    fn new(frame_header: &[u8], scan_header: &[u8], tables: &'a HuffmanTables) -> Option<Self> {
        let (height, width) = (number(frame_header.get(1..)?)?, number(frame_header.get(3..)?)?);
        let (count, components) = frame_header.get(5..)?.split_first()?;
        let components = components.as_chunks::<3>().0;
        let (scan_count, selectors) = scan_header.split_first()?;
        let selectors = selectors.get(..selectors.len().checked_sub(3)?)?.as_chunks::<2>().0;
        let counts = [usize::from(*count), usize::from(*scan_count), selectors.len()];
        if components.is_empty() || counts.iter().any(|count| *count != components.len()) {
            return None;
        }
        let is_alone = components.len() == 1;
        let mut blocks = Vec::new();
        let (mut most_across, mut most_down) = (1, 1);
        for [id, numbers] in selectors {
            let [_, sampling, _] = components.iter().find(|component| component[0] == *id)?;
            let sampling = if is_alone { 0x11 } else { usize::from(*sampling) };
            let (across, down) = (sampling >> 4, sampling & 15);
            (most_across, most_down) = (most_across.max(across), most_down.max(down));
            let table = |index: u8| tables.get(usize::from(index))?.as_deref();
            let pair = (table(numbers >> 4)?, table(16 + (numbers & 15))?);
            blocks.extend(iter::repeat_n(pair, across * down));
        }
        let units = width.div_ceil(8 * most_across) * height.div_ceil(8 * most_down);
        Some(Self { units, blocks })
    }

    /// Where the picture ends whose coded data begin at `at`.
    fn end(&self, bytes: &[u8], mut at: usize, restart_interval: usize) -> Result<usize, &'static str> {
        let mut units_left = self.units;
        let mut codes = Vec::new();
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let run = rest.iter().position(|byte| *byte == 0xFF).ok_or(CUT_OFF)?;
            codes.extend_from_slice(&rest[..run]);
            at += run;
            match bytes.get(at + 1) {
                Some(0x00) => {
                    codes.push(0xFF);
                    at += 2;
                }
                Some(0xFF) => at += 1,
                Some(0xD0..=0xD7) if restart_interval > 0 => {
                    self.check(&mut codes, restart_interval.min(units_left))?;
                    units_left = units_left.saturating_sub(restart_interval);
                    codes.clear();
                    at += 2;
                }
                Some(0xD9) => {
                    self.check(&mut codes, units_left)?;
                    return Ok(at + 2);
                }
                Some(_) => return Err("another picture begins inside it"),
                None => return Err(CUT_OFF),
            }
        }
    }

    fn check(&self, codes: &mut Vec<u8>, units: usize) -> Result<(), &'static str> {
        let end = codes.len();
        codes.extend([0xFF; 4]);
        let mut bit = 0;
        for _ in 0..units {
            for (dc, ac) in &self.blocks {
                next_symbol(codes, &mut bit, dc)?;
                let mut coefficient = 1;
                while coefficient < 64 {
                    coefficient += match next_symbol(codes, &mut bit, ac)? {
                        0x00 => break,
                        symbol => usize::from(symbol >> 4) + 1,
                    };
                }
                if coefficient > 64 {
                    return Err(BAD_CODES);
                }
            }
        }
        let filling = codes.get(bit.div_ceil(8)..end).ok_or(CUT_OFF)?;
        if filling.iter().any(|byte| !matches!(byte, 0x00 | 0xFF)) {
            return Err("more comes than belongs to it");
        }
        Ok(())
    }
}

/// Reads a symbol and passes over the bits of the number that follows it.
fn next_symbol(codes: &[u8], bit: &mut usize, table: &[u16]) -> Result<u8, &'static str> {
    let window = codes.get(*bit / 8..).and_then(|rest| rest.first_chunk()).ok_or(CUT_OFF)?;
    let window = u32::from_be_bytes(*window) << (*bit % 8);
    let [length, symbol] = table[(window >> 16) as usize].to_be_bytes();
    if length == 0 {
        return Err(BAD_CODES);
    }
    *bit += usize::from(length) + usize::from(symbol & 15);
    Ok(symbol)
}

/// A DHT segment with the tables of annex K.3 of the JPEG standard.
const STANDARD_TABLES: [u8; 420] = [
    0xFF, 0xC4, 0x01, 0xA2, 0x00, 0x00, 0x01, 0x05, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x10,
    0x00, 0x02, 0x01, 0x03, 0x03, 0x02, 0x04, 0x03, 0x05, 0x05, 0x04, 0x04, 0x00, 0x00, 0x01, 0x7D, 0x01,
    0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71,
    0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0, 0x24, 0x33, 0x62,
    0x72, 0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x34, 0x35,
    0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56,
    0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77,
    0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97,
    0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6,
    0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5,
    0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2,
    0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA, 0x01, 0x00, 0x03, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
    0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
    0x09, 0x0A, 0x0B, 0x11, 0x00, 0x02, 0x01, 0x02, 0x04, 0x04, 0x03, 0x04, 0x07, 0x05, 0x04, 0x04, 0x00,
    0x01, 0x02, 0x77, 0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07,
    0x61, 0x71, 0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52,
    0xF0, 0x15, 0x62, 0x72, 0xD1, 0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26,
    0x27, 0x28, 0x29, 0x2A, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
    0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A,
    0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A,
    0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9,
    0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8,
    0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7,
    0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];
