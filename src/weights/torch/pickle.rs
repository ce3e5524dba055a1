//! A pickle machine that can build tensors and nothing else: it has no functions to call, only the short list of
//! `calls.rs`, and what it builds is data. Opcodes and their meaning are those of CPython's Lib/pickletools.py.
//!
//! Everything compound lives in one flat list, so that no nesting in a file becomes a nesting of calls or drops.
//! Memory is bounded by the number of instructions: texts and bytes stay slices of the file.

use std::collections::HashMap;

use super::calls::Global;
use super::error::TorchError;
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
    stack: Vec<Value<'a>>,
    /// Lengths of the stack at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    pub(super) objects: Vec<Object<'a>>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, steps: 0, stack: vec![], marks: vec![], memo: HashMap::new(), objects: vec![] }
    }

    /// Runs the pickle at [`Self::at`], which is behind it afterwards, and returns what it made.
    ///
    /// # Errors
    /// [`TorchError`], for everything that a weight file does not need.
    pub(super) fn run(&mut self) -> Result<Value<'a>, TorchError> {
        self.stack.clear();
        self.marks.clear();
        self.memo.clear();
        loop {
            self.spend(1)?;
            let began = self.at;
            let opcode = self.number::<1>()?[0];
            if opcode == b'.' {
                return self.pop();
            }
            if !self.step(opcode)? {
                return Err(TorchError::Opcode { at: began, opcode });
            }
        }
    }

    /// One instruction; false if it is none that is known.
    fn step(&mut self, opcode: u8) -> Result<bool, TorchError> {
        match opcode {
            // PROTO, FRAME
            0x80 if self.number::<1>()?[0] > 5 => return Err(self.damaged("its protocol is unknown")),
            0x80 => {}
            0x95 => drop(self.number::<8>()?),
            // Constants
            b'N' => self.stack.push(Value::None),
            0x88 => self.stack.push(Value::Bool(true)),
            0x89 => self.stack.push(Value::Bool(false)),
            b'K' => self.integer::<1>()?,
            b'M' => self.integer::<2>()?,
            b'J' => {
                let number = i32::from_le_bytes(self.number()?);
                self.stack.push(Value::Int(number.into()));
            }
            0x8a => {
                let length = u64::from(self.number::<1>()?[0]);
                self.long(length)?;
            }
            0x8b => {
                let length = u64::from(u32::from_le_bytes(self.number()?));
                self.long(length)?;
            }
            b'G' => {
                self.number::<8>()?;
                self.stack.push(Value::Inert);
            }
            // Texts and bytes: lengths of one, four and eight bytes
            0x8c => self.text::<1>()?,
            b'X' => self.text::<4>()?,
            0x8d => self.text::<8>()?,
            b'U' | b'C' => self.raw::<1>()?,
            b'T' | b'B' => self.raw::<4>()?,
            0x8e | 0x96 => self.raw::<8>()?,
            // Containers
            b'(' => self.marks.push(self.stack.len()),
            b')' => self.make(Object::Tuple(Box::default())),
            b't' => {
                let begin = self.pop_mark()?;
                let items = self.stack.drain(begin..).collect();
                self.make(Object::Tuple(items));
            }
            0x85..=0x87 => {
                let items = self.pop_some(usize::from(opcode - 0x84))?;
                self.make(Object::Tuple(items));
            }
            b']' => self.make(Object::List(vec![])),
            b'a' => self.append(false)?,
            b'e' => self.append(true)?,
            b'}' => self.make(Object::Dict(vec![])),
            b's' => self.set_items(false)?,
            b'u' => self.set_items(true)?,
            // Memory
            b'q' => {
                let slot = self.number::<1>()?[0].into();
                self.remember(slot)?;
            }
            b'r' => {
                let slot = u32::from_le_bytes(self.number()?);
                self.remember(slot)?;
            }
            0x94 => {
                // Fits: there are no more entries than steps.
                let slot = self.memo.len() as u32;
                self.remember(slot)?;
            }
            b'h' => {
                let slot = self.number::<1>()?[0].into();
                self.recall(slot)?;
            }
            b'j' => {
                let slot = u32::from_le_bytes(self.number()?);
                self.recall(slot)?;
            }
            // Names and calls
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.stack.push(Value::Global(Global::find(module, name)?));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(module), Some(name)) = (module.text(), name.text()) else {
                    return Err(self.damaged("a name that is no text"));
                };
                self.stack.push(Value::Global(Global::find(module, name)?));
            }
            b'R' | 0x81 => {
                let (arguments, callee) = (self.pop()?, self.pop()?);
                let made = self.call(callee, arguments)?;
                self.stack.push(made);
            }
            b'b' => {
                let state = self.pop()?;
                let target = self.top()?;
                self.fill(target, state)?;
            }
            b'Q' => {
                let id = self.pop()?;
                let storage = self.storage(id)?;
                self.make(Object::Storage(Box::new(storage)));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Counts work: an instruction, or a value that is copied by one.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), TorchError> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS { Err(TorchError::Endless(MAX_STEPS)) } else { Ok(()) }
    }

    pub(super) fn damaged(&self, what: &'static str) -> TorchError {
        TorchError::Damaged { at: self.at, what }
    }

    /// Pushes a new object.
    fn make(&mut self, object: Object<'a>) {
        let value = self.add(object);
        self.stack.push(value);
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

    pub(super) fn dict(&self, value: Value<'a>) -> Option<&[(Value<'a>, Value<'a>)]> {
        let Some(Object::Dict(items)) = self.object(value) else { return None };
        Some(items)
    }

    /// The last entry of that name, which is the one that Python keeps.
    pub(super) fn entry(&self, dict: Value<'a>, name: &str) -> Option<Value<'a>> {
        let entry = self.dict(dict)?.iter().rfind(|(key, _)| key.is_named(name));
        entry.map(|&(_, value)| value)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], TorchError> {
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or(TorchError::CutShort("its pickle does not end"))?;
        self.at += taken.len();
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], TorchError> {
        let taken = self.take(N as u64)?;
        taken.first_chunk().copied().ok_or(TorchError::CutShort("its pickle does not end"))
    }

    /// An unsigned number of up to eight bytes.
    fn length<const N: usize>(&mut self) -> Result<u64, TorchError> {
        let raw = self.number::<N>()?;
        Ok(raw.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
    }

    fn integer<const N: usize>(&mut self) -> Result<(), TorchError> {
        let number = self.length::<N>()? as i64;
        self.stack.push(Value::Int(number));
        Ok(())
    }

    /// Two's complement of any length; what does not fit is not needed.
    fn long(&mut self, length: u64) -> Result<(), TorchError> {
        let raw = self.take(length)?;
        let negative = raw.last().is_some_and(|&byte| byte >= 0x80);
        let mut padded = [if negative { 0xff } else { 0 }; 8];
        self.stack.push(match padded.get_mut(..raw.len()) {
            Some(begin) => {
                begin.copy_from_slice(raw);
                Value::Int(i64::from_le_bytes(padded))
            }
            None => Value::Inert,
        });
        Ok(())
    }

    fn text<const N: usize>(&mut self) -> Result<(), TorchError> {
        let length = self.length::<N>()?;
        let text = self.take(length)?;
        self.stack.push(Value::Text(text));
        Ok(())
    }

    fn raw<const N: usize>(&mut self) -> Result<(), TorchError> {
        let length = self.length::<N>()?;
        let raw = self.take(length)?;
        self.stack.push(Value::Bytes(raw));
        Ok(())
    }

    fn line(&mut self) -> Result<&'a str, TorchError> {
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

    fn pop(&mut self) -> Result<Value<'a>, TorchError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn top(&self) -> Result<Value<'a>, TorchError> {
        let open = self.stack.get(self.floor()..).unwrap_or_default();
        open.last().copied().ok_or_else(|| self.damaged("it takes what is not there"))
    }

    fn pop_some(&mut self, count: usize) -> Result<Box<[Value<'a>]>, TorchError> {
        match self.stack.len().checked_sub(count) {
            Some(begin) if begin >= self.floor() => Ok(self.stack.drain(begin..).collect()),
            _ => Err(self.damaged("it takes what is not there")),
        }
    }

    /// Closes the last mark and returns where the values behind it begin.
    fn pop_mark(&mut self) -> Result<usize, TorchError> {
        self.marks.pop().ok_or_else(|| self.damaged("it closes what was not opened"))
    }

    /// Takes the values behind the last mark, or the last `count` without one.
    fn taken(&mut self, marked: bool, count: usize) -> Result<Box<[Value<'a>]>, TorchError> {
        if marked {
            let begin = self.pop_mark()?;
            Ok(self.stack.drain(begin..).collect())
        } else {
            self.pop_some(count)
        }
    }

    fn append(&mut self, marked: bool) -> Result<(), TorchError> {
        let items = self.taken(marked, 1)?;
        let Value::Object(index) = self.top()? else { return Err(self.damaged("it appends to no list")) };
        match self.objects.get_mut(index) {
            Some(Object::List(list)) => list.extend(items),
            _ => return Err(self.damaged("it appends to no list")),
        }
        Ok(())
    }

    fn set_items(&mut self, marked: bool) -> Result<(), TorchError> {
        let items = self.taken(marked, 2)?;
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.damaged("a key without its value"));
        }
        let Value::Object(index) = self.top()? else { return Err(self.damaged("it fills no dictionary")) };
        match self.objects.get_mut(index) {
            Some(Object::Dict(dict)) => dict.extend(pairs.iter().map(|&[key, value]| (key, value))),
            _ => return Err(self.damaged("it fills no dictionary")),
        }
        Ok(())
    }

    fn remember(&mut self, slot: u32) -> Result<(), TorchError> {
        let top = self.top()?;
        self.memo.insert(slot, top);
        Ok(())
    }

    fn recall(&mut self, slot: u32) -> Result<(), TorchError> {
        let value =
            self.memo.get(&slot).copied().ok_or_else(|| self.damaged("it recalls what it never had"))?;
        self.stack.push(value);
        Ok(())
    }
}
