//! The part of HDF5 that Keras' weight files use: groups, attributes, contiguous arrays. Pure, no thread.
//!
//! Written here because the crates of pure Rust cannot be trusted with a hostile file: a datatype nested in a
//! 64 kB header overflows hdf5-pure's stack or reserves gigabytes, and both end the process. Here everything
//! borrows from the file's bytes, nothing recurses, every visit is counted, and what Keras never writes (compressed
//! or chunked arrays, links that point by name, dense groups, committed types) is refused in a sentence.
//! Source: "HDF5 File Format Specification Version 3.0", The HDF Group.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::file::{ReadError, Stored};

/// The first eight bytes of an HDF5 file.
pub(super) const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// An address that points nowhere.
const UNDEFINED: u64 = u64::MAX;

/// Messages, links and index nodes that are visited in one file. InceptionV3 takes about 10,000.
const MAX_STEPS: u32 = 2_000_000;

/// The longest name of a group, an array or an entry of an attribute, in bytes.
const MAX_NAME: usize = 1024;

/// HDF5's own limit.
const MAX_RANK: usize = 32;

type Result<T> = std::result::Result<T, ReadError>;

/// The links of one group: address of the object's header by name.
pub(super) type Links<'a> = BTreeMap<&'a str, u64>;

/// What one global heap collection holds, by index.
type Heap<'a> = HashMap<u64, &'a [u8]>;

/// An open file.
pub(super) struct Hdf5<'a> {
    bytes: &'a [u8],
    root: u64,
    steps: Cell<u32>,
    links: RefCell<HashMap<u64, Rc<Links<'a>>>>,
    heaps: RefCell<HashMap<u64, Rc<Heap<'a>>>>,
}

/// One object's header: its messages, unparsed.
pub(super) struct Object<'a> {
    address: u64,
    messages: Vec<(Kind, bool, &'a [u8])>,
}

/// The messages that are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Dataspace,
    LinkInfo,
    Datatype,
    Link,
    External,
    Layout,
    Filters,
    Attribute,
    Continuation,
    SymbolTable,
    AttributeInfo,
    Other,
}

impl Kind {
    fn of(number: u16) -> Self {
        match number {
            0x01 => Self::Dataspace,
            0x02 => Self::LinkInfo,
            0x03 => Self::Datatype,
            0x06 => Self::Link,
            0x07 => Self::External,
            0x08 => Self::Layout,
            0x0B => Self::Filters,
            0x0C => Self::Attribute,
            0x10 => Self::Continuation,
            0x11 => Self::SymbolTable,
            0x15 => Self::AttributeInfo,
            _ => Self::Other,
        }
    }
}

/// What an array's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// Little-endian numbers.
    Float(Stored),
    /// Integers: counters and states of random generators, no weights.
    Integer,
    /// Anything else.
    Other,
}

/// An array.
pub(super) struct Dataset<'a> {
    /// Its dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Its elements' type.
    pub element: Element,
    /// Row-major, `shape` elements. Empty unless `element` is a float.
    pub raw: &'a [u8],
}

impl<'a> Hdf5<'a> {
    /// Opens a file of which these are all bytes.
    pub fn open(bytes: &'a [u8]) -> Result<Self> {
        if !bytes.starts_with(SIGNATURE) {
            return Err(ReadError("not an HDF5 file; Keras' weight files are HDF5".into()));
        }
        let mut file = Self {
            bytes,
            root: 0,
            steps: Cell::new(0),
            links: RefCell::default(),
            heaps: RefCell::default(),
        };
        let version = file.at(8, 1)?[0];
        // Where the sizes of addresses, the base address and the root group are.
        let (sizes, base, root) = match version {
            0 => (13, 24, 64),
            1 => (13, 28, 68),
            2 | 3 => (9, 12, 36),
            _ => return Err(unusual(&format!("version {version} of HDF5's superblock"))),
        };
        if file.at(sizes, 2)? != [8, 8] {
            return Err(unusual("addresses that are not 8 bytes wide"));
        }
        if file.u64(base)? != 0 {
            return Err(unusual("a block in front of the HDF5 data"));
        }
        let end = file.u64(base + 16)?;
        if end > bytes.len() as u64 {
            let length = bytes.len();
            return Err(ReadError(format!(
                "cut off: {length} of its {end} bytes are here; copy or download it again"
            )));
        }
        file.root = file.u64(root)?;
        Ok(file)
    }

    /// The object that all paths start at.
    pub fn root(&self) -> Result<Object<'a>> {
        self.object(self.root)
    }

    /// How many bytes the file has.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    fn step(&self) -> Result<()> {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > MAX_STEPS {
            return Err(ReadError(format!(
                "it has more than {MAX_STEPS} entries, far more than a network's weights; check what file this is"
            )));
        }
        Ok(())
    }

    fn at(&self, address: u64, length: u64) -> Result<&'a [u8]> {
        let slice = || {
            let start = usize::try_from(address).ok()?;
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            self.bytes.get(start..end)
        };
        slice().ok_or_else(|| damaged("something points outside the file", address))
    }

    fn u64(&self, address: u64) -> Result<u64> {
        Fields(self.at(address, 8)?, address).u64()
    }

    /// Reads the header at this address.
    pub fn object(&self, address: u64) -> Result<Object<'a>> {
        let mut object = Object { address, messages: Vec::new() };
        let mut next = Vec::new();
        let order_size;
        let is_version_2 = self.at(address, 4)? == b"OHDR";
        if is_version_2 {
            let flags = self.at(address, 6)?[5];
            let times = if flags & 0x20 != 0 { 16 } else { 0 };
            let phases = if flags & 0x10 != 0 { 4 } else { 0 };
            let width = 1 << (flags & 3);
            order_size = if flags & 4 != 0 { 2 } else { 0 };
            let mut size = Fields(self.at(address, 6 + times + phases + width)?, address);
            size.skip(6 + (times + phases) as usize)?;
            let length = size.number(width as usize)?;
            next.push(self.at(address + 6 + times + phases + width, length)?);
        } else {
            let mut prefix = Fields(self.at(address, 16)?, address);
            if prefix.u8()? != 1 {
                return Err(damaged("an object's header is missing", address));
            }
            prefix.skip(7)?;
            let length = u64::from(prefix.u32()?);
            order_size = 0;
            next.push(self.at(address + 16, length)?);
        }
        while let Some(block) = next.pop() {
            self.step()?;
            let mut fields = Fields(block, address);
            let prefix_size = if is_version_2 { 4 + order_size } else { 8 };
            while fields.0.len() >= prefix_size {
                self.step()?;
                let (kind, size, flags);
                if is_version_2 {
                    kind = Kind::of(u16::from(fields.u8()?));
                    size = usize::from(fields.u16()?);
                    flags = fields.u8()?;
                    fields.skip(order_size)?;
                } else {
                    kind = Kind::of(fields.u16()?);
                    size = usize::from(fields.u16()?);
                    flags = fields.u8()?;
                    fields.skip(3)?;
                }
                let body = fields.take(size)?;
                if kind == Kind::Continuation {
                    let mut target = Fields(body, address);
                    let (start, length) = (target.u64()?, target.u64()?);
                    let block = self.at(start, length)?;
                    next.push(match (is_version_2, block) {
                        (false, block) => block,
                        (true, [b'O', b'C', b'H', b'K', messages @ .., _, _, _, _]) => messages,
                        (true, _) => return Err(damaged("a header's second part is missing", start)),
                    });
                } else if kind != Kind::Other {
                    object.messages.push((kind, flags & 2 != 0, body));
                }
            }
        }
        Ok(object)
    }

    /// The links of a group; an object that is no group has none.
    pub fn links(&self, object: &Object<'a>) -> Result<Rc<Links<'a>>> {
        if let Some(known) = self.links.borrow().get(&object.address) {
            return Ok(Rc::clone(known));
        }
        let mut links = Links::new();
        for &(kind, _, body) in &object.messages {
            let mut fields = Fields(body, object.address);
            match kind {
                Kind::SymbolTable => self.symbol_table(fields.u64()?, fields.u64()?, &mut links)?,
                Kind::Link => {
                    let (name, address) = link(&mut fields)?;
                    links.insert(name, address);
                }
                Kind::LinkInfo => {
                    fields.skip(1)?;
                    let order_size = if fields.u8()? & 1 != 0 { 8 } else { 0 };
                    fields.skip(order_size)?;
                    if fields.u64()? != UNDEFINED {
                        return Err(unusual("a group in HDF5's dense form"));
                    }
                }
                _ => {}
            }
        }
        let links = Rc::new(links);
        self.links.borrow_mut().insert(object.address, Rc::clone(&links));
        Ok(links)
    }

    fn symbol_table(&self, tree: u64, heap: u64, links: &mut Links<'a>) -> Result<()> {
        let mut header = Fields(self.at(heap, 32)?, heap);
        if header.take(4)? != b"HEAP" {
            return Err(damaged("a group's names are missing", heap));
        }
        header.skip(4)?;
        let (size, _, start) = (header.u64()?, header.u64()?, header.u64()?);
        let names = self.at(start, size)?;
        let mut nodes = vec![tree];
        while let Some(address) = nodes.pop() {
            self.step()?;
            let mut node = Fields(self.at(address, 8)?, address);
            let signature = node.take(4)?;
            if signature == b"TREE" {
                node.skip(2)?;
                let count = usize::from(node.u16()?);
                let mut fields = Fields(self.at(address + 24, count as u64 * 16)?, address);
                for _ in 0..count {
                    self.step()?;
                    fields.skip(8)?;
                    nodes.push(fields.u64()?);
                }
            } else if signature == b"SNOD" {
                node.skip(2)?;
                let count = usize::from(node.u16()?);
                let mut fields = Fields(self.at(address + 8, count as u64 * 40)?, address);
                for _ in 0..count {
                    self.step()?;
                    let offset = fields.u64()?;
                    let name =
                        usize::try_from(offset).ok().and_then(|start| names.get(start..)).and_then(text);
                    let name = name.ok_or_else(|| damaged("a name is unreadable", address))?;
                    let object = fields.u64()?;
                    if fields.u32()? == 2 {
                        return Err(unusual(&format!("`{name}`, a link that points by name")));
                    }
                    fields.skip(20)?;
                    links.insert(name, object);
                }
            } else {
                return Err(damaged("a group's index is missing", address));
            }
        }
        Ok(())
    }

    /// Follows a path such as `conv2d/kernel:0` from an object; `None` where there is no such thing.
    pub fn find(&self, from: &Object<'a>, path: &str) -> Result<Option<Object<'a>>> {
        let mut found = None;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            self.step()?;
            let links = self.links(found.as_ref().unwrap_or(from))?;
            let Some(&address) = links.get(part) else { return Ok(None) };
            found = Some(self.object(address)?);
        }
        Ok(found)
    }

    /// The array that an object is; `None` for a group. `name` is for messages.
    pub fn dataset(&self, object: &Object<'a>, name: &str) -> Result<Option<Dataset<'a>>> {
        let Some(layout) = object.message(Kind::Layout)? else { return Ok(None) };
        let missing = || damaged(&format!("`{name}` has no type or shape"), object.address);
        let element = element(object.message(Kind::Datatype)?.ok_or_else(missing)?, object.address)?;
        let shape = shape(object.message(Kind::Dataspace)?.ok_or_else(missing)?, object.address)?;
        let Element::Float(stored) = element else { return Ok(Some(Dataset { shape, element, raw: &[] })) };
        let size = shape.iter().try_fold(width(stored), |size, &length| size.checked_mul(length));
        let size = size.ok_or_else(|| damaged(&format!("`{name}` has shape {shape:?}"), object.address))?;
        if object.has(Kind::External) {
            return Err(unusual(&format!("`{name}`, kept in another file")));
        }
        let mut fields = Fields(layout, object.address);
        let raw = match (fields.u8()?, fields.u8()?) {
            (3 | 4, 0) => {
                let length = usize::from(fields.u16()?);
                fields.take(length)?
            }
            (3 | 4, 1) => {
                let (address, length) = (fields.u64()?, fields.u64()?);
                match address {
                    UNDEFINED => &[],
                    _ => self.at(address, length)?,
                }
            }
            (3 | 4, 2) if object.has(Kind::Filters) => {
                return Err(unusual(&format!("`{name}`, which is compressed")));
            }
            (3 | 4, 2) => return Err(unusual(&format!("`{name}`, which is cut into chunks"))),
            _ => return Err(unusual(&format!("`{name}`, laid out in another way"))),
        };
        if raw.len() != size {
            return Err(damaged(
                &format!("`{name}` has shape {shape:?}, {size} bytes, but {} bytes are stored", raw.len()),
                object.address,
            ));
        }
        Ok(Some(Dataset { shape, element, raw }))
    }

    /// The objects of a global heap collection, where strings of variable length are.
    fn heap(&self, address: u64) -> Result<Rc<Heap<'a>>> {
        if let Some(known) = self.heaps.borrow().get(&address) {
            return Ok(Rc::clone(known));
        }
        let mut header = Fields(self.at(address, 16)?, address);
        if header.take(4)? != b"GCOL" {
            return Err(damaged("strings are missing", address));
        }
        header.skip(4)?;
        let mut fields = Fields(self.at(address, header.u64()?)?, address);
        fields.skip(16)?;
        let mut heap = Heap::new();
        while fields.0.len() >= 16 {
            self.step()?;
            let index = u64::from(fields.u16()?);
            fields.skip(6)?;
            let size = fields.u64()? as usize;
            if index == 0 {
                break; // What follows is free.
            }
            let object = fields.take(size)?;
            fields.skip((size.next_multiple_of(8) - size).min(fields.0.len()))?;
            heap.insert(index, object);
        }
        let heap = Rc::new(heap);
        self.heaps.borrow_mut().insert(address, Rc::clone(&heap));
        Ok(heap)
    }

    /// An attribute's strings, in order; `None` where there is no such attribute.
    pub fn strings(&self, object: &Object<'a>, name: &str) -> Result<Option<Vec<&'a str>>> {
        for &(kind, is_shared, body) in &object.messages {
            self.step()?;
            if kind != Kind::Attribute {
                continue;
            }
            if is_shared {
                return Err(unusual("an attribute that is shared between objects"));
            }
            let Some((datatype, space, mut values)) = attribute(body, name, object.address)? else {
                continue;
            };
            let count = shape(space, object.address)?.iter().try_fold(1, |a: usize, &b| a.checked_mul(b));
            if count == Some(0) {
                return Ok(Some(Vec::new()));
            }
            let mut datatype = Fields(datatype, object.address);
            let (class, kind) = (datatype.u8()? & 0x0F, datatype.u8()? & 0x0F);
            datatype.skip(2)?;
            let size = datatype.u32()? as usize;
            let is_variable = (class, kind, size) == (9, 1, 16);
            if !is_variable && (class != 3 || size == 0) {
                return Err(unusual(&format!("the attribute `{name}` that does not hold strings")));
            }
            let unreadable = || damaged(&format!("the attribute `{name}` is unreadable"), object.address);
            let total =
                count.and_then(|count| count.checked_mul(size)).and_then(|total| values.0.get(..total));
            values.0 = total.ok_or_else(unreadable)?;
            let mut strings = Vec::new();
            while !values.0.is_empty() {
                self.step()?;
                let string = if is_variable {
                    let (length, heap, index) = (values.u32()? as usize, values.u64()?, values.u32()?);
                    if length == 0 {
                        &[]
                    } else {
                        self.heap(heap)?.get(&u64::from(index)).copied().unwrap_or_default()
                    }
                } else {
                    values.take(size)?
                };
                strings.push(text(string).ok_or_else(unreadable)?);
            }
            return Ok(Some(strings));
        }
        if object.has(Kind::AttributeInfo) && object.attributes_are_dense()? {
            return Err(unusual("attributes in HDF5's dense form"));
        }
        Ok(None)
    }
}

impl<'a> Object<'a> {
    /// Where its header lies, which tells objects apart.
    pub fn address(&self) -> u64 {
        self.address
    }

    fn has(&self, wanted: Kind) -> bool {
        self.messages.iter().any(|&(kind, ..)| kind == wanted)
    }

    fn message(&self, wanted: Kind) -> Result<Option<&'a [u8]>> {
        match self.messages.iter().find(|&&(kind, ..)| kind == wanted) {
            Some((_, true, _)) => Err(unusual("a type that is shared between arrays")),
            Some((_, false, body)) => Ok(Some(body)),
            None => Ok(None),
        }
    }

    fn attributes_are_dense(&self) -> Result<bool> {
        let Some(body) = self.message(Kind::AttributeInfo)? else { return Ok(false) };
        let mut fields = Fields(body, self.address);
        fields.skip(1)?;
        let order_size = if fields.u8()? & 1 != 0 { 2 } else { 0 };
        fields.skip(order_size)?;
        Ok(fields.u64()? != UNDEFINED)
    }
}

/// Bytes of one element.
pub(super) fn width(stored: Stored) -> usize {
    match stored {
        Stored::F16 | Stored::BF16 => 2,
        Stored::F32 => 4,
        Stored::F64 => 8,
    }
}

/// A link message: name and address.
fn link<'a>(fields: &mut Fields<'a>) -> Result<(&'a str, u64)> {
    let at = fields.1;
    fields.skip(1)?;
    let flags = fields.u8()?;
    let kind = if flags & 8 != 0 { fields.u8()? } else { 0 };
    fields.skip(if flags & 4 != 0 { 8 } else { 0 })?;
    fields.skip(if flags & 0x10 != 0 { 1 } else { 0 })?;
    let length = fields.number(1 << (flags & 3))?;
    let name = usize::try_from(length).ok().filter(|&length| length <= MAX_NAME);
    let name = fields.take(name.ok_or_else(|| damaged("a name is too long", at))?)?;
    let name = std::str::from_utf8(name).map_err(|_| damaged("a name is unreadable", at))?;
    match kind {
        0 => Ok((name, fields.u64()?)),
        _ => Err(unusual(&format!("`{name}`, a link that points by name"))),
    }
}

/// Datatype, dataspace and values of an attribute message if it has this name.
#[expect(clippy::type_complexity, reason = "the three parts of one message, taken apart at once")]
fn attribute<'a>(body: &'a [u8], name: &str, at: u64) -> Result<Option<(&'a [u8], &'a [u8], Fields<'a>)>> {
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
fn shape(body: &[u8], at: u64) -> Result<Vec<usize>> {
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
fn element(body: &[u8], at: u64) -> Result<Element> {
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

/// What comes before the first zero byte, or all, if that is a name.
fn text(bytes: &[u8]) -> Option<&str> {
    let bytes = bytes.get(..=MAX_NAME).unwrap_or(bytes);
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    std::str::from_utf8(&bytes[..end]).ok().filter(|text| text.len() <= MAX_NAME)
}

fn damaged(what: &str, address: u64) -> ReadError {
    ReadError(format!("damaged: {what} (at byte {address}); copy or download it again"))
}

fn unusual(what: &str) -> ReadError {
    ReadError(format!("it has {what}, which Keras never writes; load it in Keras and save its weights anew"))
}

/// Little-endian fields, one after the other; the number is where they are from, for messages.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [u8], u64);

impl<'a> Fields<'a> {
    fn take(&mut self, size: usize) -> Result<&'a [u8]> {
        let (taken, rest) =
            self.0.split_at_checked(size).ok_or_else(|| damaged("a field is cut off", self.1))?;
        self.0 = rest;
        Ok(taken)
    }

    fn skip(&mut self, size: usize) -> Result<()> {
        self.take(size).map(|_| ())
    }

    /// An unsigned number of up to eight bytes.
    fn number(&mut self, size: usize) -> Result<u64> {
        Ok(self.take(size)?.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn u8(&mut self) -> Result<u8> {
        self.number(1).map(|number| number as u8)
    }

    fn u16(&mut self) -> Result<u16> {
        self.number(2).map(|number| number as u16)
    }

    fn u32(&mut self) -> Result<u32> {
        self.number(4).map(|number| number as u32)
    }

    fn u64(&mut self) -> Result<u64> {
        self.number(8)
    }
}
