//! What a pickle is made of. Texts and bytes are slices of the file; everything compound is in the machine's list.

use super::element::Element;
use super::names::{Global, Path};

/// The longest text that is looked into: a name, a device, a key.
const MAX_TEXT: usize = 4096;

/// Something on the stack.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// What no tensor is made of: floats, long integers.
    Inert,
    /// A text in UTF-8, not yet checked: a whole array can be one.
    Text(&'a [u8]),
    /// Bytes; the text of Python 2 too.
    Bytes(&'a [u8]),
    /// Bytes written as a text, each character one byte, as protocol 2 does.
    Latin1(&'a [u8]),
    Global(Global<'a>),
    /// Index of an [`Object`].
    Object(usize),
}

/// Something that other values can refer to.
#[derive(Debug)]
pub(super) enum Object<'a> {
    Tuple(Box<[Value<'a>]>),
    List(Vec<Value<'a>>),
    /// In the order of the file; a key may come twice.
    Dict(Vec<(Value<'a>, Value<'a>)>),
    Storage(Box<Storage<'a>>),
    /// `None` between making and filling it.
    Tensor(Option<Box<Tensor<'a>>>),
    /// `None` between making and filling it.
    Array(Option<Box<Array<'a>>>),
    Dtype {
        element: Element,
        big_endian: bool,
    },
    /// Of a class that has no meaning here.
    Foreign(Box<Foreign<'a>>),
}

/// An object that is passed over.
#[derive(Debug)]
pub(super) struct Foreign<'a> {
    pub(super) class: Path<'a>,
    /// Of a dictionary of its own kind (`defaultdict`, `EasyDict`).
    pub(super) items: Vec<(Value<'a>, Value<'a>)>,
}

/// A storage that a pickle refers to; its bytes are elsewhere in the file.
#[derive(Debug)]
pub(super) struct Storage<'a> {
    pub(super) element: Element,
    pub(super) key: &'a str,
    /// Its own length, in elements.
    pub(super) count: usize,
    /// Elements before a view's first, in the storage named by `key`.
    pub(super) offset: usize,
}

/// A tensor of PyTorch, looked at more closely when it is wanted.
#[derive(Clone, Debug)]
pub(super) struct Tensor<'a> {
    pub(super) storage: Value<'a>,
    pub(super) offset: Value<'a>,
    pub(super) shape: Value<'a>,
    pub(super) strides: Value<'a>,
    /// Its number type, where it is not that of the storage.
    pub(super) element: Option<Element>,
    /// Marked as conjugated or negated: the storage does not hold its numbers.
    pub(super) is_marked: bool,
}

/// How the numbers of an array follow one another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order<'a> {
    /// Last axis fastest.
    RowMajor,
    /// First axis fastest.
    Fortran,
    /// Last axis fastest, and then the axes changed places: a tuple of where each comes from.
    Permuted(Value<'a>),
}

/// An array of numpy, looked at more closely when it is wanted.
#[derive(Debug)]
pub(super) struct Array<'a> {
    pub(super) dtype: Value<'a>,
    pub(super) shape: Value<'a>,
    pub(super) order: Order<'a>,
    pub(super) content: Value<'a>,
}

impl<'a> Value<'a> {
    /// A text, also Python 2's; `None` for one that is too long for a name, or not UTF-8.
    pub(super) fn text(self) -> Option<&'a str> {
        // A short pickle can ask for the same long text again and again.
        let short = self.raw().filter(|raw| raw.len() <= MAX_TEXT)?;
        std::str::from_utf8(short).ok()
    }

    /// True for this text, however long others are.
    pub(super) fn is_named(self, name: &str) -> bool {
        self.raw() == Some(name.as_bytes())
    }

    fn raw(self) -> Option<&'a [u8]> {
        match self {
            Self::Text(raw) | Self::Bytes(raw) => Some(raw),
            _ => None,
        }
    }

    /// An integer that can be a length or an offset.
    pub(super) fn size(self) -> Option<usize> {
        match self {
            Self::Int(number) => usize::try_from(number).ok(),
            _ => None,
        }
    }
}
