//! By what a kind of file is told.

use super::seen::Seen;
use crate::weights::protobuf::{Field, Fields};

/// What tells a kind; all of it the file's content but for [`Sign::Beside`] and [`Sign::Named`].
#[derive(Clone, Copy)]
pub(super) enum Sign {
    /// It begins with one of these.
    Begins(&'static [&'static [u8]]),
    /// It has these bytes at a place.
    At(usize, &'static [u8]),
    /// It ends with these.
    Ends(&'static [u8]),
    /// A text that begins with one of these, blanks and capitals aside.
    Text(&'static [&'static str]),
    /// A text with all of these words near its beginning.
    Says(&'static [&'static str]),
    /// JSON: an object with all of these keys.
    Json(&'static [&'static str]),
    /// A zip archive with an entry whose name ends with one of these.
    Entry(&'static [&'static str]),
    /// A pickle, by itself or in PyTorch's archive, with all of these words in it.
    Pickle(&'static [&'static str]),
    /// A pickle of an optimizer's state: `{"state": …, "param_groups": …}`.
    Optimizer,
    /// A zip archive that PyTorch did not write.
    Zip,
    /// A message of protocol buffers.
    Message(fn(&[u8]) -> bool),
    /// Its name ends with the first, and beside it lies the file whose name ends with the second instead.
    Beside(&'static str, &'static str),
    /// Its name ends so.
    Named(&'static str),
    /// Any text.
    AnyText,
    /// Something else about the bytes.
    Is(fn(&[u8]) -> bool),
}

impl Sign {
    pub(super) fn fits(self, seen: &Seen<'_>) -> bool {
        let text = || seen.text.as_deref();
        match self {
            Self::Begins(beginnings) => beginnings.iter().any(|begin| seen.bytes.starts_with(begin)),
            Self::At(at, part) => seen.bytes.get(at..).is_some_and(|rest| rest.starts_with(part)),
            Self::Ends(end) => seen.bytes.ends_with(end),
            Self::Text(beginnings) => {
                text().is_some_and(|text| beginnings.iter().any(|begin| text.starts_with(begin)))
            }
            Self::Says(words) => text().is_some_and(|text| words.iter().all(|word| text.contains(word))),
            Self::Json(keys) => {
                seen.json.as_ref().is_some_and(|json| keys.iter().all(|key| json.get(key).is_some()))
            }
            Self::Entry(endings) => {
                seen.entries.iter().any(|name| endings.iter().any(|ending| name.ends_with(ending)))
            }
            Self::Pickle(words) => {
                seen.pickle.is_some_and(|pickle| words.iter().all(|word| holds(pickle, word.as_bytes())))
            }
            Self::Optimizer => seen.pickle.is_some_and(|pickle| {
                let head = &pickle[..pickle.len().min(300)];
                [&b"\x05\0\0\0state"[..], b"\x8c\x05state"].iter().any(|key| holds(head, key))
                    && holds(pickle, b"param_groups")
            }),
            Self::Zip => !seen.entries.is_empty() && seen.pickle.is_none(),
            Self::Message(is_it) => is_it(seen.bytes),
            Self::Beside(own, other) => seen.lies_beside(own, other),
            Self::Named(ending) => seen.name.ends_with(ending),
            Self::AnyText => seen.text.is_some(),
            Self::Is(is_it) => is_it(seen.bytes),
        }
    }

    /// Whether what it tells holds other files.
    pub(super) fn is_packed(self) -> bool {
        matches!(self, Self::Zip | Self::At(257, _) | Self::Begins([b"\x1f\x8b"]))
    }

    pub(super) fn is_any_text(self) -> bool {
        matches!(self, Self::AnyText)
    }
}

/// As much of a pickle as is searched: what it calls stands in front of its numbers.
const SEARCHED: usize = 16 << 20;

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes[..bytes.len().min(SEARCHED)].windows(word.len()).any(|window| window == word)
}

/// Fields of a message that are looked at.
const MOST_FIELDS: usize = 100_000;

/// The fields of a whole message; `None` where bytes are none.
fn fields(bytes: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut rest = Fields(bytes);
    let mut found = vec![];
    while !rest.0.is_empty() && found.len() < MOST_FIELDS {
        found.push(rest.field()?);
    }
    (!found.is_empty()).then_some(found)
}

fn is_name(bytes: &[u8]) -> bool {
    let is_fit = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    !bytes.is_empty() && bytes.len() <= 1000 && bytes.iter().all(is_fit)
}

/// The first such field's content.
fn content<'a>(fields: &[Field<'a>], number: u64) -> Option<&'a [u8]> {
    fields.iter().find(|field| field.number == number && !field.is_number).map(|field| field.content)
}

/// TensorFlow's GraphDef: nodes that have a name and an operation, and versions.
pub(super) fn is_tensorflow_graph(bytes: &[u8]) -> bool {
    let Some(found) = fields(bytes) else { return false };
    let Some(node) = content(&found, 1).and_then(fields) else { return false };
    let is_operation = |op: &[u8]| op[0].is_ascii_uppercase() || op[0] == b'_';
    found.iter().all(|field| field.number <= 4)
        && content(&node, 1).is_some_and(is_name)
        && content(&node, 2).is_some_and(|op| is_name(op) && is_operation(op))
}

/// TensorFlow's MetaGraphDef (`.meta`): a GraphDef behind what it is.
pub(super) fn is_tensorflow_meta(bytes: &[u8]) -> bool {
    let found = fields(bytes).filter(|found| found.iter().all(|field| field.number <= 7));
    found.is_some_and(|found| content(&found, 2).is_some_and(is_tensorflow_graph))
}

/// TensorFlow's SavedModel: the number 1 and MetaGraphDefs.
pub(super) fn is_saved_model(bytes: &[u8]) -> bool {
    let Some(found) = fields(bytes) else { return false };
    let is_meta = |content: &[u8]| content.first() == Some(&0x0a);
    found[0].number == 1
        && found[0].is_number
        && found[0].value == 1
        && found[1..].iter().all(|field| field.number == 2 && is_meta(field.content))
}

/// Apple's Model: a version, a description, and one of many kinds from number 200 on.
pub(super) fn is_core_ml(bytes: &[u8]) -> bool {
    let Some(found) = fields(bytes) else { return false };
    let first = &found[0];
    first.number == 1
        && first.is_number
        && (1..=30).contains(&first.value)
        && content(&found, 2).is_some()
        && found.iter().any(|field| !field.is_number && (200..=4000).contains(&field.number))
}

/// Caffe's NetParameter: a name, and layers of number 100, before that of number 2 with their name in number 4.
pub(super) fn is_caffe(bytes: &[u8]) -> bool {
    let Some(found) = fields(bytes) else { return false };
    let is_old = |layer: &[u8]| {
        fields(layer).is_some_and(|layer| {
            content(&layer, 4).is_some_and(is_name)
                && layer.iter().any(|field| field.number == 5 && field.is_number)
        })
    };
    let is_new = |layer: &[u8]| fields(layer).is_some_and(|layer| content(&layer, 2).is_some_and(is_name));
    content(&found, 1).is_none_or(is_name)
        && (content(&found, 100).is_some_and(is_new) || content(&found, 2).is_some_and(is_old))
}

/// PaddlePaddle's ProgramDesc: a block of number 0 that is in none.
pub(super) fn is_paddle_program(bytes: &[u8]) -> bool {
    let Some(block) = Fields(bytes).field().filter(|field| field.number == 1) else { return false };
    let mut block = Fields(block.content);
    let two = [block.field(), block.field()];
    matches!(&two, [Some(number), Some(parent)] if (number.number, number.value) == (1, 0)
        && (parent.number, parent.value) == (2, u64::MAX))
}

/// PaddlePaddle's nameless numbers: each tensor has two versions, no levels, and its description's length in front.
pub(super) fn is_paddle_parameters(bytes: &[u8]) -> bool {
    bytes.len() > 24
        && bytes[..16].iter().all(|byte| *byte == 0)
        && (2..=64).contains(&bytes[16])
        && bytes[17..20] == [0; 3]
        && bytes[20] == 0x08
        && bytes[22] == 0x10
}

/// Darknet's numbers: a version of three whole numbers, 0.1.0 to 0.2.5, and how many pictures were seen.
pub(super) fn is_darknet(bytes: &[u8]) -> bool {
    let Some(head) = bytes.get(..12) else { return false };
    let number =
        |at: usize| head[at..at + 4].iter().rev().fold(0, |sum: u32, byte| sum << 8 | u32::from(*byte));
    number(0) == 0 && (1..=2).contains(&number(4)) && number(8) <= 5 && bytes.len() > 1000
}

/// Safetensors with whole numbers of a byte, or floating point of a byte, among its tensors.
pub(super) fn is_quantised_safetensors(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk() else { return false };
    let header = usize::try_from(u64::from_le_bytes(*length)).ok().and_then(|length| rest.get(..length));
    header.is_some_and(|header| {
        header.starts_with(b"{")
            && [&b"\"I8\""[..], b"\"F8_", b"\"F4\"", b"\"F6_"].iter().any(|kind| holds(header, kind))
    })
}

/// A file of zeros, however long.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

pub(super) fn is_empty(bytes: &[u8]) -> bool {
    bytes.is_empty()
}

/// Msgpack, as Flax writes it: a map whose first key is a text.
pub(super) fn is_msgpack_map(bytes: &[u8]) -> bool {
    let key = match bytes {
        [0x81..=0x8f, rest @ ..] | [0xde, _, _, rest @ ..] => rest,
        _ => return false,
    };
    let (length, key) = match key {
        [length @ 0xa1..=0xbf, key @ ..] => (usize::from(length & 0x1f), key),
        [0xd9, length, key @ ..] => (usize::from(*length), key),
        _ => return false,
    };
    key.get(..length).is_some_and(is_name)
}

/// What Ultralytics puts in front of a TensorRT engine: the length of a description, and that.
pub(super) fn is_ultralytics_engine(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk() else { return false };
    let length = u32::from_le_bytes(*length) as usize;
    rest.starts_with(b"{\"") && rest.get(length..).is_some_and(|engine| engine.starts_with(b"ftrt"))
}
