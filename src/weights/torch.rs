//! Reads PyTorch's `.pth` and `.pt` (the zip format since 1.6, and the one before it) and PaddlePaddle's `.pdparams`.
//! Plain host memory, on whatever thread loads the weights.
//!
//! All three are pickles, programs for Python. Here they run on a machine that can do nothing but put tensors together
//! (`pickle.rs`, `calls.rs`): other objects are passed over, and a file that names what could do harm is refused.

mod calls;
mod element;
mod error;
mod machine;
mod names;
mod pickle;
mod state_dict;
#[cfg(test)]
mod tests;
mod value;

use std::collections::HashMap;

use self::element::Element;
use self::error::TorchError;
use self::machine::Machine;
use self::state_dict::{StateDict, Storages};
use self::value::{Object, Value};
use super::file::{Layout, Limits, ReadError, TensorFile};
use super::zip::Archive;

/// The long integer with which the format before 1.6 begins, behind two bytes of protocol and perhaps a frame.
const MAGIC: &[u8] = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
const MAGIC_WITHIN: usize = 32;

/// The only version of that format.
const VERSION: i64 = 1001;

/// True if a file that begins so is for this reader: a zip archive, a tar archive or a pickle of protocol 2 to 5.
/// `head` is the first 512 bytes, or all there are.
pub fn recognises(head: &[u8]) -> bool {
    // A safetensors file begins with the length of its header, which can look like a protocol.
    let is_safetensors = head.get(4..9) == Some(b"\0\0\0\0{");
    let is_pickle = matches!(head, [0x80, 2..=5, ..]) && !is_safetensors;
    is_pickle || head.starts_with(b"PK\x03\x04") || is_tar(head)
}

fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

/// Reads all float tensors of a state dict, in the order of the file; integers are left out.
///
/// A state dict inside a checkpoint (`{"state_dict": …, "epoch": …}`) is found. Tensors that are views are copied, with what they show and nothing else. Numbers are not looked at: NaN comes
/// through.
///
/// Besides what it returns, it needs less than 200 MB, whatever is in `bytes`.
///
/// # Errors
/// [`ReadError`] if the file is damaged, is no state dict, holds more than `limits` or wants to run something.
pub fn read(bytes: &[u8], limits: Limits) -> Result<TensorFile, ReadError> {
    let (layout, found) = if bytes.starts_with(b"PK\x03\x04") {
        (Layout::Torch, zipped(bytes, limits))
    } else if let Some(begin) = behind_magic(bytes) {
        (Layout::Torch, sequence(bytes, begin, limits))
    } else {
        (Layout::Paddle, plain(bytes, limits))
    };
    let StateDict { tensors, notes } = found.map_err(|error| ReadError(error.to_string()))?;
    Ok(TensorFile { layout, tensors, notes, metadata: Default::default(), layers: vec![] })
}

/// `torch.save` since 1.6: `NAME/data.pkl`, and each storage as `NAME/data/KEY`.
fn zipped(bytes: &[u8], limits: Limits) -> Result<StateDict, TorchError> {
    let archive = Archive::open(bytes)?;
    let is_pickle = |name: &str| name == "data.pkl" || name.ends_with("/data.pkl");
    let mut pickles = archive.entries.iter().filter(|entry| is_pickle(entry.name));
    let (Some(pickle), None) = (pickles.next(), pickles.next()) else { return Err(TorchError::NoPickle) };
    let folder = pickle.name.strip_suffix("data.pkl").unwrap_or_default();
    let mut storages = Storages::new();
    for entry in &archive.entries {
        let Some(name) = entry.name.strip_prefix(folder) else { continue };
        if name == "constants.pkl" {
            return Err(TorchError::TorchScript);
        }
        if name == "byteorder" && archive.data(entry)? != b"little" {
            return Err(TorchError::BigEndian);
        }
        if let Some(key) = name.strip_prefix("data/")
            && storages.insert(key, archive.data(entry)?).is_some()
        {
            return Err(TorchError::Zip("a storage is there twice"));
        }
    }
    let mut machine = Machine::new(archive.data(pickle)?);
    let root = machine.run()?;
    state_dict::read(&machine, root, &storages, limits, bytes.len())
}

fn behind_magic(bytes: &[u8]) -> Option<usize> {
    let head = bytes.get(..MAGIC_WITHIN).unwrap_or(bytes);
    let begin = head.windows(MAGIC.len()).position(|window| window == MAGIC)?;
    Some(begin + MAGIC.len())
}

/// `torch.save` from 0.1.10 to 1.5 (`_legacy_save` in torch/serialization.py): five pickles one behind another, then
/// for each storage its length in elements as i64 and its bytes.
fn sequence(bytes: &[u8], begin: usize, limits: Limits) -> Result<StateDict, TorchError> {
    let mut machine = Machine::new(bytes);
    machine.at = begin;
    if !matches!(machine.run()?, Value::Int(VERSION)) {
        return Err(machine.damaged("a version of the format that never was"));
    }
    let system = machine.run()?;
    if !matches!(machine.entry(system, "little_endian"), Some(Value::Bool(true))) {
        return Err(TorchError::BigEndian);
    }
    let root = machine.run()?;
    let keys = machine.run()?;
    let elements = elements(&machine)?;
    let mut storages = Storages::new();
    let mut rest = bytes.get(machine.at..).unwrap_or_default();
    for key in machine.sequence(keys).ok_or_else(|| machine.damaged("no list of the storages"))? {
        let element = key.text().and_then(|key| elements.get_key_value(key));
        let element = element.filter(|(_, element)| element.size() > 0);
        let (&key, element) = element.ok_or_else(|| machine.damaged("a storage that no tensor has"))?;
        let cut = TorchError::CutShort("a storage is missing");
        let (length, behind) = rest.split_first_chunk().ok_or(cut.clone())?;
        let length = usize::try_from(i64::from_le_bytes(*length)).ok();
        let length = length.and_then(|length| length.checked_mul(element.size())).ok_or(cut.clone())?;
        let (storage, behind) = behind.split_at_checked(length).ok_or(cut)?;
        if storages.insert(key, storage).is_some() {
            return Err(machine.damaged("a storage is there twice"));
        }
        rest = behind;
    }
    state_dict::read(&machine, root, &storages, limits, bytes.len())
}

/// The number type of each storage.
fn elements<'a>(machine: &Machine<'a>) -> Result<HashMap<&'a str, Element>, TorchError> {
    let mut elements = HashMap::new();
    for object in &machine.objects {
        let Object::Storage(storage) = object else { continue };
        let before = elements.insert(storage.key, storage.element);
        if before.is_some_and(|before| before != storage.element) {
            return Err(machine.damaged("a storage of two number types"));
        }
    }
    Ok(elements)
}

/// `paddle.save`: one pickle, with numpy's arrays in it.
fn plain(bytes: &[u8], limits: Limits) -> Result<StateDict, TorchError> {
    if is_tar(bytes) {
        return Err(TorchError::Tar);
    }
    if !recognises(bytes) {
        return Err(TorchError::Unknown);
    }
    let mut machine = Machine::new(bytes);
    let root = machine.run()?;
    state_dict::read(&machine, root, &Storages::new(), limits, bytes.len())
}
