//! The instructions of a pickle, for a machine that can build tensors and nothing else: it has no functions to call,
//! only the short list of `names.rs`, and what `calls.rs` makes of them is data. All other objects are passed over. Opcodes and their meaning are those of
//! CPython's Lib/pickletools.py.

use super::error::TorchError;
use super::machine::Machine;
use super::names::Global;
use super::value::{Object, Value};

impl<'a> Machine<'a> {
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
            // A set is as good as a list: EMPTY_SET, ADDITEMS, FROZENSET.
            b']' | 0x8f => self.make(Object::List(vec![])),
            0x90 => self.append(true)?,
            0x91 => {
                let begin = self.pop_mark()?;
                let items = self.stack.drain(begin..).collect();
                self.make(Object::List(items));
            }
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
            // POP, POP_MARK: of tuples that hold themselves
            b'0' => drop(self.pop()?),
            b'1' => {
                let begin = self.pop_mark()?;
                self.stack.truncate(begin);
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
            // NEWOBJ_EX: with arguments that have names
            0x92 => {
                let (_, arguments, callee) = (self.pop()?, self.pop()?, self.pop()?);
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
                let referred = self.referred(id)?;
                self.stack.push(referred);
            }
            _ => return Ok(false),
        }
        Ok(true)
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

    fn append(&mut self, marked: bool) -> Result<(), TorchError> {
        let items = self.taken(marked, 1)?;
        let Value::Object(index) = self.top()? else { return Err(self.damaged("it appends to no list")) };
        match self.objects.get_mut(index) {
            Some(Object::List(list)) => list.extend(items),
            // A `deque`, for one.
            Some(Object::Foreign(_)) => {}
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
            Some(Object::Foreign(object)) => {
                object.items.extend(pairs.iter().map(|&[key, value]| (key, value)));
            }
            _ => return Err(self.damaged("it fills no dictionary")),
        }
        Ok(())
    }

    /// Pushes a new object.
    fn make(&mut self, object: Object<'a>) {
        let value = self.add(object);
        self.stack.push(value);
    }
}
