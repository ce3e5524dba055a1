//! Protocol buffers, field by field: messages of whatever schema.

/// A field of a message.
pub struct Field<'a> {
    /// Which of the message's it is.
    pub number: u64,
    /// Of those that are whole numbers.
    pub value: u64,
    /// Of those that have a length; empty for numbers.
    pub content: &'a [u8],
    /// Whether it has no length.
    pub is_number: bool,
}

/// The fields of a message; stops at the first that is none.
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// A whole number of up to 64 bits.
    pub fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn bytes(&mut self, count: u64) -> Option<&'a [u8]> {
        let (content, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        Some(content)
    }

    /// `None` at the end, and where bytes are no field.
    pub fn field(&mut self) -> Option<Field<'a>> {
        let tag = self.varint()?;
        let number = tag >> 3;
        let mut value = 0;
        let content = match tag & 7 {
            0 => {
                value = self.varint()?;
                None
            }
            1 => {
                self.bytes(8)?;
                None
            }
            5 => {
                self.bytes(4)?;
                None
            }
            2 => {
                let length = self.varint()?;
                Some(self.bytes(length)?)
            }
            _ => return None,
        };
        (number > 0).then_some(Field {
            number,
            value,
            content: content.unwrap_or(&[]),
            is_number: content.is_none(),
        })
    }
}
