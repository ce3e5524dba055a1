//! What is inside an object's header: types, shapes, attributes, links. Pure, no thread.

use crate::weights::file::{ReadError, Stored};

/// Most of reading can fail, and in one way only.
pub(super) type Result<T> = std::result::Result<T, ReadError>;

/// The longest name of a group, an array or an entry of an attribute, in bytes.
pub(super) const MAX_NAME: usize = 1024;

/// HDF5's own limit.
const MAX_RANK: usize = 32;

/// What an array's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::weights) enum Element {
    /// Little-endian numbers.
    Float(Stored),
    /// Integers: counters and states of random generators, no weights.
    Integer,
    /// Anything else.
    Other,
}

/// Bytes of one element.
pub(in crate::weights) fn width(stored: Stored) -> usize {
    match stored {
        Stored::F16 | Stored::BF16 => 2,
        Stored::F32 => 4,
        Stored::F64 => 8,
    }
}

/// A link message: name and address.
pub(super) fn link<'a>(fields: &mut Fields<'a>) -> Result<(&'a str, u64)> {
    let at = fields.1;
    fields.skip(1)?;
    let flags = fields.u8()?;
    let kind = if flags & 8 != 0 { fields.u8()? } else { 0 };
    fields.skip(if flags & 4 != 0 { 8 } else { 0 })?;
    fields.skip(if flags & 0x10 != 0 { 1 } else { 0 })?;
    let length = fields.number(1 << (flags & 3))?;
    let name = usize::try_from(length).ok().and_then(|length| text(fields.take(length).ok()?));
    let name = name.ok_or_else(|| damaged("a name is unreadable", at))?;
    match kind {
        0 => Ok((name, fields.u64()?)),
        _ => Err(unusual(&format!("`{name}`, a link that points by name"))),
    }
}

/// Datatype, dataspace and values of an attribute message if it has this name.
#[expect(clippy::type_complexity, reason = "the three parts of one message, taken apart at once")]
pub(super) fn attribute<'a>(
    body: &'a [u8],
    name: &str,
    at: u64,
) -> Result<Option<(&'a [u8], &'a [u8], Fields<'a>)>> {
    let mut fields = Fields(body, at);
    let version = fields.u8()?;
    let flags = fields.u8()?;
    let sizes = [fields.u16()?, fields.u16()?, fields.u16()?].map(usize::from);
    if version == 3 {
        fields.skip(1)?;
    }
    let mut parts = [&body[..0]; 3];
    for (part, size) in parts.iter_mut().zip(sizes) {
        let padded = if version == 1 { size.next_multiple_of(8) } else { size };
        *part = &fields.take(padded)?[..size];
    }
    let [found, datatype, space] = parts;
    if found.split(|&byte| byte == 0).next() != Some(name.as_bytes()) {
        return Ok(None);
    }
    if version > 1 && flags != 0 {
        return Err(unusual("an attribute whose type is shared"));
    }
    Ok(Some((datatype, space, fields)))
}

/// A dataspace message.
pub(super) fn shape(body: &[u8], at: u64) -> Result<Vec<usize>> {
    let mut fields = Fields(body, at);
    let version = fields.u8()?;
    let rank = usize::from(fields.u8()?);
    fields.skip(1)?;
    let space = fields.u8()?;
    match version {
        1 => fields.skip(4)?,
        2 if space == 2 => return Ok(vec![0]),
        2 => {}
        _ => return Err(damaged("a shape is unreadable", at)),
    }
    if rank > MAX_RANK {
        return Err(damaged("a shape has too many dimensions", at));
    }
    let length =
        |_| fields.u64().and_then(|n| usize::try_from(n).map_err(|_| damaged("a shape is too large", at)));
    (0..rank).map(length).collect()
}

/// A datatype message.
pub(super) fn element(body: &[u8], at: u64) -> Result<Element> {
    let mut fields = Fields(body, at);
    let class = fields.u8()? & 0x0F;
    let is_little_endian = fields.u8()? & 0x41 == 0;
    fields.skip(2)?;
    let size = fields.u32()?;
    match class {
        0 => Ok(Element::Integer),
        // Keras writes bfloat16 as two opaque bytes (ml_dtypes has no type of HDF5's own).
        5 if size == 2 => Ok(Element::Float(Stored::BF16)),
        1 => {
            fields.skip(4)?;
            // Position and width of the exponent, then of the mantissa.
            let bits = [fields.u8()?, fields.u8()?, fields.u8()?, fields.u8()?];
            match (size, bits, fields.u32()?) {
                (2, [10, 5, 0, 10], 15) if is_little_endian => Ok(Element::Float(Stored::F16)),
                (2, [7, 8, 0, 7], 127) if is_little_endian => Ok(Element::Float(Stored::BF16)),
                (4, [23, 8, 0, 23], 127) if is_little_endian => Ok(Element::Float(Stored::F32)),
                (8, [52, 11, 0, 52], 1023) if is_little_endian => Ok(Element::Float(Stored::F64)),
                _ => Ok(Element::Other),
            }
        }
        _ => Ok(Element::Other),
    }
}

/// What comes before the first zero byte, or all, if that is a name: short, and fit to be shown.
pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    text_up_to(bytes, MAX_NAME)
}

/// The same, of so many bytes at most; what is longer than a name may have lines.
pub(super) fn text_up_to(bytes: &[u8], longest: usize) -> Option<&str> {
    let bytes = bytes.get(..=longest).unwrap_or(bytes);
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    let is_unfit = |c: char| c.is_control() && !(longest > MAX_NAME && c.is_ascii_whitespace());
    (text.len() <= longest && !text.chars().any(is_unfit)).then_some(text)
}

pub(super) fn damaged(what: &str, address: u64) -> ReadError {
    ReadError(format!("damaged: {what} (at byte {address}); copy or download it again"))
}

pub(super) fn unusual(what: &str) -> ReadError {
    ReadError(format!("it has {what}, which Keras never writes; load it in Keras and save its weights anew"))
}

/// Little-endian fields, one after the other; the number is where they are from, for messages.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub &'a [u8], pub u64);

impl<'a> Fields<'a> {
    pub fn take(&mut self, size: usize) -> Result<&'a [u8]> {
        let (taken, rest) =
            self.0.split_at_checked(size).ok_or_else(|| damaged("a field is cut off", self.1))?;
        self.0 = rest;
        Ok(taken)
    }

    pub fn skip(&mut self, size: usize) -> Result<()> {
        self.take(size).map(|_| ())
    }

    /// An unsigned number of up to eight bytes.
    pub fn number(&mut self, size: usize) -> Result<u64> {
        Ok(self.take(size)?.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    pub fn u8(&mut self) -> Result<u8> {
        self.number(1).map(|number| number as u8)
    }

    pub fn u16(&mut self) -> Result<u16> {
        self.number(2).map(|number| number as u16)
    }

    pub fn u32(&mut self) -> Result<u32> {
        self.number(4).map(|number| number as u32)
    }

    pub fn u64(&mut self) -> Result<u64> {
        self.number(8)
    }
}
