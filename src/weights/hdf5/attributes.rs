//! Attributes that list names, as strings of fixed or of variable length. Pure, no thread.

use std::rc::Rc;

use super::messages::{Fields, MAX_NAME, Result, attribute, damaged, shape, text_up_to, unusual};
use super::{Hdf5, Heap, Kind, Object, UNDEFINED};

impl<'a> Hdf5<'a> {
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

    /// An attribute's strings, names each, in order; `None` where there is no such attribute.
    pub(in crate::weights) fn strings(
        &self,
        object: &Object<'a>,
        name: &str,
    ) -> Result<Option<Vec<&'a str>>> {
        self.strings_up_to(object, name, MAX_NAME)
    }

    /// The same, of so many bytes each at most.
    pub(in crate::weights) fn strings_up_to(
        &self,
        object: &Object<'a>,
        name: &str,
        longest: usize,
    ) -> Result<Option<Vec<&'a str>>> {
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
                strings.push(text_up_to(string, longest).ok_or_else(unreadable)?);
            }
            return Ok(Some(strings));
        }
        if object.has(Kind::AttributeInfo) && object.attributes_are_dense()? {
            return Err(unusual("attributes in HDF5's dense form"));
        }
        Ok(None)
    }
}

impl Object<'_> {
    fn attributes_are_dense(&self) -> Result<bool> {
        let Some(body) = self.message(Kind::AttributeInfo)? else { return Ok(false) };
        let mut fields = Fields(body, self.address);
        fields.skip(1)?;
        let order_size = if fields.u8()? & 1 != 0 { 2 } else { 0 };
        fields.skip(order_size)?;
        Ok(fields.u64()? != UNDEFINED)
    }
}
