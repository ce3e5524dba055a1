//! The state of a pickle machine: its place in the file, its stack and memory, and what it has made.
//!
//! Everything compound lives in one flat list, so that no nesting in a file becomes a nesting of calls or drops.
//! Memory is bounded by the number of instructions: texts and bytes stay slices of the file.

use std::collections::HashMap;

use super::error::TorchError;
use super::names::Path;
use super::value::{Object, Value};

/// A checkpoint of InceptionV3 with its optimizer has about 80 000.
const MAX_STEPS: usize = 1 << 20;

/// The longest name of a module, function or class.
const MAX_NAME: usize = 256;

/// The machine. One can run several pickles of a file, one after another.
pub(super) struct Machine<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    steps: usize,
    pub(super) stack: Vec<Value<'a>>,
    /// Lengths of the stack at the open marks.
    pub(super) marks: Vec<usize>,
    pub(super) memo: HashMap<u32, Value<'a>>,
    pub(super) objects: Vec<Object<'a>>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, steps: 0, stack: vec![], marks: vec![], memo: HashMap::new(), objects: vec![] }
    }

    /// Counts work: an instruction, or a value that is copied by one.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), TorchError> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS { Err(TorchError::Endless(MAX_STEPS)) } else { Ok(()) }
    }

    pub(super) fn damaged(&self, what: &'static str) -> TorchError {
        TorchError::Damaged { at: self.at, what }
    }

    /// Adds an object without pushing it.
    pub(super) fn add(&mut self, object: Object<'a>) -> Value<'a> {
        self.objects.push(object);
        Value::Object(self.objects.len() - 1)
    }

    pub(super) fn object(&self, value: Value<'a>) -> Option<&Object<'a>> {
        let Value::Object(index) = value else { return None };
        self.objects.get(index)
    }

    pub(super) fn tuple(&self, value: Value<'a>) -> Option<&[Value<'a>]> {
        let Some(Object::Tuple(items)) = self.object(value) else { return None };
        Some(items)
    }

    /// The items of a list or a tuple.
    pub(super) fn sequence(&self, value: Value<'a>) -> Option<&[Value<'a>]> {
        match self.object(value)? {
            Object::List(items) => Some(items),
            Object::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a dictionary, also of one with a class of its own.
    pub(super) fn dict(&self, value: Value<'a>) -> Option<&[(Value<'a>, Value<'a>)]> {
        match self.object(value)? {
            Object::Dict(items) => Some(items),
            Object::Foreign(object) if !object.items.is_empty() => Some(&object.items),
            _ => None,
        }
    }

    /// The class of an object that has no meaning here.
    pub(super) fn class(&self, value: Value<'a>) -> Option<Path<'a>> {
        match self.object(value)? {
            Object::Foreign(object) => Some(object.class),
            _ => None,
        }
    }

    /// The last entry of that name, which is the one that Python keeps.
    pub(super) fn entry(&self, dict: Value<'a>, name: &str) -> Option<Value<'a>> {
        let entry = self.dict(dict)?.iter().rfind(|(key, _)| key.is_named(name));
        entry.map(|&(_, value)| value)
    }

    pub(super) fn take(&mut self, length: u64) -> Result<&'a [u8], TorchError> {
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or(TorchError::CutShort("its pickle does not end"))?;
        self.at += taken.len();
        Ok(taken)
    }

    pub(super) fn number<const N: usize>(&mut self) -> Result<[u8; N], TorchError> {
        let taken = self.take(N as u64)?;
        taken.first_chunk().copied().ok_or(TorchError::CutShort("its pickle does not end"))
    }

    /// An unsigned number of up to eight bytes.
    pub(super) fn length<const N: usize>(&mut self) -> Result<u64, TorchError> {
        let raw = self.number::<N>()?;
        Ok(raw.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
    }

    pub(super) fn line(&mut self) -> Result<&'a str, TorchError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(length) = rest.iter().take(MAX_NAME).position(|&byte| byte == b'\n') else {
            return Err(if rest.len() < MAX_NAME {
                TorchError::CutShort("its pickle does not end")
            } else {
                self.damaged("a name that is too long")
            });
        };
        let line = self.take(length as u64 + 1)?;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        std::str::from_utf8(line).map_err(|_| self.damaged("a name that is not UTF-8"))
    }

    /// Where the part of the stack begins that instructions may take from.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    pub(super) fn pop(&mut self) -> Result<Value<'a>, TorchError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    pub(super) fn top(&self) -> Result<Value<'a>, TorchError> {
        let open = self.stack.get(self.floor()..).unwrap_or_default();
        open.last().copied().ok_or_else(|| self.damaged("it takes what is not there"))
    }

    pub(super) fn pop_some(&mut self, count: usize) -> Result<Box<[Value<'a>]>, TorchError> {
        match self.stack.len().checked_sub(count) {
            Some(begin) if begin >= self.floor() => Ok(self.stack.drain(begin..).collect()),
            _ => Err(self.damaged("it takes what is not there")),
        }
    }

    /// Closes the last mark and returns where the values behind it begin.
    pub(super) fn pop_mark(&mut self) -> Result<usize, TorchError> {
        self.marks.pop().ok_or_else(|| self.damaged("it closes what was not opened"))
    }

    /// Takes the values behind the last mark, or the last `count` without one.
    pub(super) fn taken(&mut self, marked: bool, count: usize) -> Result<Box<[Value<'a>]>, TorchError> {
        if marked {
            let begin = self.pop_mark()?;
            Ok(self.stack.drain(begin..).collect())
        } else {
            self.pop_some(count)
        }
    }

    pub(super) fn remember(&mut self, slot: u32) -> Result<(), TorchError> {
        let top = self.top()?;
        self.memo.insert(slot, top);
        Ok(())
    }

    pub(super) fn recall(&mut self, slot: u32) -> Result<(), TorchError> {
        let value =
            self.memo.get(&slot).copied().ok_or_else(|| self.damaged("it recalls what it never had"))?;
        self.stack.push(value);
        Ok(())
    }
}
