//! Finds the dictionary of tensors in what a pickle made, and reads its tensors.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::super::file::{Limits, NamedTensor};
use super::super::selection;
use super::element::{Element, Strided, decode};
use super::error::{TorchError, shown};
use super::machine::Machine;
use super::value::{Array, Object, Order, Tensor, Value};

/// Where training scripts put the state dict among other things, the likeliest first.
const WRAPPERS: [&str; 8] =
    ["state_dict", "model_state_dict", "model", "net", "network", "params", "weights", "checkpoint"];

/// PaddlePaddle's table from the names of the layers to those of the variables.
const PADDLE_NAMES: &str = "StructuredToParameterName@@";

/// PaddlePaddle's table of arrays in several pieces, 1 GB each.
const PADDLE_PIECES: &str = "UnpackBigParamInfor@@";

/// Wrappers in wrappers, and names in a sentence.
const MAX_DEPTH: usize = 4;
const MAX_SHOWN: usize = 6;
const MAX_NAME: usize = 512;
const MAX_AXES: usize = 16;

/// Decoded numbers may take so many times the bytes of the file: f16 doubles, and tied weights come twice.
const MAX_GROWTH: usize = 8;

const LENGTH: &str = "has a shape that does not fit its content; the file is damaged";

/// Tensors in the order of the file, and what to tell about it.
pub(super) struct StateDict {
    pub(super) tensors: Vec<NamedTensor>,
    pub(super) notes: Vec<String>,
}

/// The raw bytes of storages, by key.
pub(super) type Storages<'a> = HashMap<&'a str, &'a [u8]>;

/// What a dictionary's value is.
enum Content<'a> {
    Torch(&'a Tensor<'a>),
    Numpy(&'a Array<'a>),
}

/// Reads the state dict in `root`. `file_bytes` is the length of the whole file.
///
/// # Errors
/// [`TorchError`] if there is none, or a tensor is damaged or too large.
pub(super) fn read<'a>(
    machine: &Machine<'a>,
    root: Value<'a>,
    storages: &Storages<'a>,
    limits: Limits,
    file_bytes: usize,
) -> Result<StateDict, TorchError> {
    let (dict, mut ignored) = find(machine, root)?;
    let entries = machine.dict(dict).ok_or(TorchError::NoTensors)?;
    let limit = limits.bytes;
    let limit = limit.min(file_bytes.saturating_mul(MAX_GROWTH));
    let mut left = limit;
    let mut tensors = Vec::new();
    let mut notes = Vec::new();
    let mut names = HashSet::new();
    let mut others = Vec::new();
    for &(key, value) in entries {
        let Some(content) = content(machine, value) else {
            match key.text() {
                Some(PADDLE_NAMES) => {}
                Some(PADDLE_PIECES) => {
                    let problem =
                        "says that tensors are in pieces of a gigabyte, larger than any of InceptionV3";
                    return Err(TorchError::Tensor { name: PADDLE_PIECES.into(), problem });
                }
                _ => ignored.push(key.text().unwrap_or("?")),
            }
            continue;
        };
        let name = key.text().filter(|name| name.len() <= MAX_NAME).unwrap_or_default();
        let error = |problem| TorchError::Tensor { name: shown(name), problem };
        if name.is_empty() {
            return Err(error("is no name that a tensor can have"));
        }
        if !names.insert(name) {
            return Err(error("is there twice"));
        }
        let (element, view, bytes) = match content {
            Content::Torch(tensor) => torch_parts(machine, tensor, storages).map_err(error)?,
            Content::Numpy(array) => match machine.object(array.dtype) {
                Some(Object::Dtype { big_endian: true, .. }) => return Err(TorchError::BigEndian),
                Some(&Object::Dtype { element, .. }) => {
                    let (view, bytes) = numpy_parts(machine, array, element).map_err(error)?;
                    (element, view, bytes)
                }
                _ => return Err(error("has no number type")),
            },
        };
        let stored = match element {
            Element::Float(stored) => stored,
            Element::Integer(_) => continue,
            Element::Other(_) => {
                others.push(name);
                continue;
            }
        };
        if tensors.len() == limits.tensors {
            return Err(TorchError::TooMany(limits.tensors));
        }
        let needed = view.count().and_then(|count| count.checked_mul(size_of::<f32>()));
        left = needed.and_then(|needed| left.checked_sub(needed)).ok_or_else(|| TorchError::TooLarge {
            name: shown(name),
            limit,
            file: file_bytes,
        })?;
        let bytes = bytes.decoded().map_err(error)?;
        let values = decode(&bytes, stored, &view).map_err(error)?;
        tensors.push(NamedTensor { name: name.into(), shape: view.shape, values, stored });
    }
    if tensors.is_empty() {
        return Err(TorchError::NoTensors);
    }
    let (averages, ignored): (Vec<_>, Vec<_>) =
        ignored.into_iter().partition(|name| selection::is_average(name));
    if !averages.is_empty() {
        notes.push(format!("left aside a moving average of the weights: {}", listed(&averages)));
    }
    if !ignored.is_empty() {
        notes.push(format!("ignored what is no weight: {}", listed(&ignored)));
    }
    if !others.is_empty() {
        notes.push(format!("ignored tensors that are neither float nor integer: {}", listed(&others)));
    }
    Ok(StateDict { tensors, notes })
}

/// The dictionary of tensors, and the names of what lies beside it.
fn find<'a>(machine: &Machine<'a>, root: Value<'a>) -> Result<(Value<'a>, Vec<&'a str>), TorchError> {
    let mut ignored = Vec::new();
    let mut outer = root;
    for _ in 0..MAX_DEPTH {
        let entries = machine.dict(outer).ok_or_else(|| no_tensors(machine, outer))?;
        let holds = |value: Value<'a>| {
            let entries = machine.dict(value).unwrap_or_default();
            entries.iter().any(|&(_, value)| content(machine, value).is_some())
        };
        let named = || WRAPPERS.iter().filter_map(|name| machine.entry(outer, name));
        let inner = if let Some(inner) = named().find(|&value| holds(value)) {
            inner
        } else if holds(outer) {
            return Ok((outer, ignored));
        } else {
            // A file can name one dictionary many times; each is looked into once.
            let mut seen = HashSet::new();
            let mut holding = Vec::new();
            for &(key, value) in entries {
                let Value::Object(index) = value else { continue };
                if seen.insert(index) && holds(value) {
                    holding.push((key, value));
                }
            }
            match *holding {
                [] => named()
                    .find(|&value| machine.dict(value).is_some())
                    .ok_or_else(|| no_tensors(machine, outer))?,
                [(_, inner)] => inner,
                [..] if let [(_, inner)] = first(&holding)[..] => inner,
                [..] => {
                    let keys: Vec<_> = holding.iter().map(|(key, _)| key.text().unwrap_or("?")).collect();
                    return Err(TorchError::Ambiguous(listed(&keys)));
                }
            }
        };
        let beside = entries.iter().filter(|&&(_, value)| !same(value, inner));
        ignored.extend(beside.map(|(key, _)| key.text().unwrap_or("?")));
        outer = inner;
    }
    if machine.dict(outer).is_some() { Ok((outer, ignored)) } else { Err(no_tensors(machine, outer)) }
}

/// Those dictionaries that are no average of another.
fn first<'a>(holding: &[(Value<'a>, Value<'a>)]) -> Vec<(Value<'a>, Value<'a>)> {
    let is_second = |(key, _): &&(Value<'a>, Value<'a>)| key.text().is_some_and(selection::is_second);
    holding.iter().filter(|entry| !is_second(entry)).copied().collect()
}

/// Why there are no tensors: a whole model, alone or among other things, most likely.
fn no_tensors(machine: &Machine<'_>, outer: Value<'_>) -> TorchError {
    let named = || WRAPPERS.iter().filter_map(|name| machine.entry(outer, name));
    let entries = || machine.dict(outer).unwrap_or_default().iter().map(|&(_, value)| value);
    let class = [outer].into_iter().chain(named()).chain(entries()).find_map(|value| machine.class(value));
    class.map_or(TorchError::NoTensors, |class| TorchError::Class(class.to_string()))
}

fn same(one: Value<'_>, other: Value<'_>) -> bool {
    matches!((one, other), (Value::Object(one), Value::Object(other)) if one == other)
}

/// The first few names.
fn listed(names: &[&str]) -> String {
    let mut text: Vec<String> =
        names.iter().take(MAX_SHOWN).map(|name| format!("`{}`", shown(name))).collect();
    if names.len() > MAX_SHOWN {
        text.push(format!("{} more", names.len() - MAX_SHOWN));
    }
    text.join(", ")
}

/// A tensor or an array, also PaddlePaddle's `(name, array)`.
fn content<'m>(machine: &'m Machine<'_>, value: Value<'_>) -> Option<Content<'m>> {
    let Value::Object(index) = value else { return None };
    match machine.objects.get(index)? {
        Object::Tensor(Some(tensor)) => Some(Content::Torch(tensor)),
        Object::Array(Some(array)) => Some(Content::Numpy(array)),
        Object::Tuple(items) => match **items {
            [Value::Text(_) | Value::Bytes(_), Value::Object(index)] => match machine.objects.get(index)? {
                Object::Array(Some(array)) => Some(Content::Numpy(array)),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// Bytes that lie in the file as they are, or as Latin-1 in UTF-8.
enum Raw<'a> {
    Plain(&'a [u8]),
    Latin1 {
        text: &'a [u8],
        /// How many bytes it has to be.
        count: usize,
    },
}

impl<'a> Raw<'a> {
    /// # Errors
    /// What is wrong, as the end of a sentence.
    fn decoded(&self) -> Result<Cow<'a, [u8]>, &'static str> {
        let (text, count) = match *self {
            Self::Plain(bytes) => return Ok(Cow::Borrowed(bytes)),
            Self::Latin1 { text, count } => (text, count),
        };
        let mut decoded = Vec::with_capacity(count);
        let mut at = 0;
        let mut is_latin1 = true;
        // Half of random bytes take two units, so there is no branch here that a processor could foresee.
        while let (Some(&unit), true) = (text.get(at), decoded.len() < count) {
            let is_pair = unit >= 0x80;
            let low = text.get(at + 1).copied().unwrap_or(0);
            is_latin1 &= !is_pair | ((unit & 0xfe == 0xc2) & (low & 0xc0 == 0x80));
            decoded.push(if is_pair { unit << 6 | low & 0x3f } else { unit });
            at += 1 + usize::from(is_pair);
        }
        if !is_latin1 {
            return Err("has content that is no bytes");
        }
        let is_whole = decoded.len() == count && at == text.len();
        if is_whole { Ok(Cow::Owned(decoded)) } else { Err(LENGTH) }
    }
}

/// The lengths of a tuple of sizes.
fn sizes(machine: &Machine<'_>, value: Value<'_>) -> Option<Vec<usize>> {
    let Value::Object(index) = value else { return None };
    let Object::Tuple(items) = machine.objects.get(index)? else { return None };
    if items.len() > MAX_AXES {
        return None;
    }
    items.iter().map(|item| item.size()).collect()
}

/// Number type, place and bytes of a tensor of PyTorch.
fn torch_parts<'a>(
    machine: &Machine<'a>,
    tensor: &Tensor<'a>,
    storages: &Storages<'a>,
) -> Result<(Element, Strided, Raw<'a>), &'static str> {
    let Some(Object::Storage(storage)) = machine.object(tensor.storage) else {
        return Err("has no storage");
    };
    let element = tensor.element.unwrap_or(storage.element);
    let offset = tensor.offset.size();
    let shape = sizes(machine, tensor.shape);
    let strides = sizes(machine, tensor.strides);
    let (Some(offset), Some(shape), Some(strides)) = (offset, shape, strides) else {
        return Err("has a shape or strides that make no sense; the file is damaged");
    };
    if shape.len() != strides.len() {
        return Err("has a shape or strides that make no sense; the file is damaged");
    }
    if tensor.is_marked {
        return Err("is only marked as negated or conjugated; call `resolve_neg()` before saving");
    }
    let bytes =
        storages.get(storage.key).ok_or("has a storage that is not in the file; the file is damaged")?;
    let begin = storage.offset.checked_mul(storage.element.size());
    let length = storage.count.checked_mul(storage.element.size());
    let part = begin.zip(length).and_then(|(begin, length)| bytes.get(begin..)?.get(..length));
    let part = part.ok_or("has a storage that is shorter than it says; the file is damaged")?;
    Ok((element, Strided { offset, shape, strides }, Raw::Plain(part)))
}

/// Place and bytes of an array of numpy.
fn numpy_parts<'a>(
    machine: &Machine<'a>,
    array: &Array<'a>,
    element: Element,
) -> Result<(Strided, Raw<'a>), &'static str> {
    let shape = sizes(machine, array.shape).ok_or("has a shape that makes no sense; the file is damaged")?;
    let view = Strided::dense(shape, matches!(array.order, Order::Fortran)).ok_or(LENGTH)?;
    let view = match array.order {
        Order::RowMajor | Order::Fortran => view,
        Order::Permuted(axes) => sizes(machine, axes)
            .and_then(|axes| view.permuted(&axes))
            .ok_or("has axes that make no sense; the file is damaged")?,
    };
    if !matches!(element, Element::Float(_)) {
        return Ok((view, Raw::Plain(&[])));
    }
    let bytes = view.count().and_then(|count| count.checked_mul(element.size())).ok_or(LENGTH)?;
    let (content, fits) = match array.content {
        Value::Bytes(raw) => (Raw::Plain(raw), raw.len() == bytes),
        // Each character has one or two bytes in the file; how many exactly is seen when they are decoded.
        Value::Latin1(text) => {
            let possible = bytes..=bytes.saturating_mul(2);
            (Raw::Latin1 { text, count: bytes }, possible.contains(&text.len()))
        }
        _ => return Err("has content that is no bytes"),
    };
    if fits { Ok((view, content)) } else { Err(LENGTH) }
}
