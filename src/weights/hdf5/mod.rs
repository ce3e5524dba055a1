//! The part of HDF5 that Keras' weight files use: groups, attributes, contiguous arrays. Pure, no thread.
//!
//! Written here because the pure Rust crates cannot be trusted with a hostile file: a datatype nested in a
//! header of 64 kB overflows hdf5-pure's stack or makes it reserve gigabytes, and both end the process. Here
//! everything borrows from the file's bytes, nothing recurses, every visit is counted, and what Keras never
//! writes (compressed or chunked arrays, links that point by name, dense groups, shared types) is refused in
//! a sentence. Source: "HDF5 File Format Specification Version 3.0", The HDF Group.

mod attributes;
mod messages;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::file::ReadError;
use messages::{Fields, Result, damaged, element, link, shape, text, unusual};

pub(super) use messages::{Element, width};

/// The first eight bytes of an HDF5 file.
pub(super) const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// An address that points nowhere.
const UNDEFINED: u64 = u64::MAX;

/// Messages, links and index nodes that are visited in one file. InceptionV3 takes about 10,000.
const MAX_STEPS: u32 = 2_000_000;

/// Messages of one object. A layer's group has about 6.
const MAX_MESSAGES: usize = 1 << 16;

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
        if bytes.len() < 96 {
            return Err(ReadError(format!("cut off after {} bytes; copy or download it again", bytes.len())));
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
                "it has more than {MAX_STEPS} entries, far more than a network's weights; check what file \
                 this is"
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
                    if object.messages.len() >= MAX_MESSAGES {
                        return Err(damaged("a header has too many messages", address));
                    }
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
}
