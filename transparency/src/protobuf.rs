//! Protocol buffers, as much of them as the messages use: numbers and byte strings.
//!
//! What is read here is hashed, signed and compared, so nothing is accepted that two readers could take for
//! two things: no field twice that is there once, no number in more bytes than it needs, no groups and no
//! fixed-width numbers. Fields with numbers that aren't known are passed over.
//! Source: "Encoding" in the documentation of Protocol Buffers.

/// Bytes that aren't the message they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The message ends inside a field.
    #[error("the message ends inside the field at byte {at}")]
    Short {
        /// Where the field begins.
        at: usize,
    },
    /// A number has more bytes than it needs, or more bits than 64.
    #[error("the number at byte {at} is over 64 bits, or written in more bytes than it needs")]
    Number {
        /// Where it begins.
        at: usize,
    },
    /// A field number that there can't be, or one of another wire type than 0 and 2.
    #[error("byte {at} begins no field of a message that is used here")]
    Field {
        /// Where it begins.
        at: usize,
    },
    /// A field has another type than in its message.
    #[error("field {field} has another type than in {message}")]
    Type {
        /// The name of the message.
        message: &'static str,
        /// The number of the field.
        field: u32,
    },
    /// A field is there more than once.
    #[error("field {field} of {message} is there twice")]
    Twice {
        /// The name of the message.
        message: &'static str,
        /// The number of the field.
        field: u32,
    },
    /// A field has a value that it can't have.
    #[error("field {field} of {message} has a value that it cannot have")]
    Value {
        /// The name of the message.
        message: &'static str,
        /// The number of the field.
        field: u32,
    },
    /// A field that must be there isn't.
    #[error("field {field} of {message} is missing")]
    Missing {
        /// The name of the message.
        message: &'static str,
        /// The number of the field.
        field: u32,
    },
}

impl Error {
    /// The stable code of this failure.
    pub fn code(&self) -> &'static str {
        "kt.form"
    }
}

/// The fields of a message, in the order in which they stand.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number (wire type 0).
    Number(u64),
    /// Bytes, a text or a message (wire type 2).
    Bytes(&'a [u8]),
}

impl<'a> Reader<'a> {
    /// The fields of the message in `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next field, if there is one.
    ///
    /// # Errors
    ///
    /// If the bytes are none.
    pub fn field(&mut self) -> Result<Option<(u32, Value<'a>)>, Error> {
        let at = self.at;
        if at == self.bytes.len() {
            return Ok(None);
        }
        let tag = self.number(at)?;
        let number = u32::try_from(tag >> 3)
            .ok()
            .filter(|&n| n > 0 && n < 1 << 29);
        let number = number.ok_or(Error::Field { at })?;
        let value = match tag & 7 {
            0 => Value::Number(self.number(at)?),
            2 => Value::Bytes(self.bytes(at)?),
            _ => return Err(Error::Field { at }),
        };
        Ok(Some((number, value)))
    }

    fn bytes(&mut self, field: usize) -> Result<&'a [u8], Error> {
        let short = Error::Short { at: field };
        let length = usize::try_from(self.number(field)?).map_err(|_| short)?;
        let end = self.at.checked_add(length).ok_or(short)?;
        let bytes = self.bytes.get(self.at..end).ok_or(short)?;
        self.at = end;
        Ok(bytes)
    }

    fn number(&mut self, field: usize) -> Result<u64, Error> {
        let at = self.at;
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.bytes.get(self.at).ok_or(Error::Short { at: field })?;
            self.at += 1;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                let shortest = *byte != 0 || shift == 0;
                return shortest.then_some(number).ok_or(Error::Number { at });
            }
        }
        Err(Error::Number { at })
    }
}

/// Writes a message.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty message.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a number, unless it is 0.
    pub fn number(&mut self, field: u32, value: u64) -> &mut Self {
        if value != 0 {
            self.varint(u64::from(field) << 3);
            self.varint(value);
        }
        self
    }

    /// Adds bytes or a text, unless empty.
    pub fn bytes(&mut self, field: u32, value: &[u8]) -> &mut Self {
        if value.is_empty() {
            return self;
        }
        self.message(field, value)
    }

    /// Adds a message, an empty one too.
    pub fn message(&mut self, field: u32, value: &[u8]) -> &mut Self {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(value.len() as u64);
        self.bytes.extend_from_slice(value);
        self
    }

    /// The bytes of the message.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    #[expect(clippy::cast_possible_truncation, reason = "seven bits")]
    fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<(u32, Value<'_>)>, Error> {
        let mut reader = Reader::new(bytes);
        let mut fields = Vec::new();
        while let Some(field) = reader.field()? {
            fields.push(field);
        }
        Ok(fields)
    }

    #[test]
    fn the_documentation_s_examples() {
        assert_eq!(fields(b"\x08\x96\x01"), Ok(vec![(1, Value::Number(150))]));
        let text = Value::Bytes(b"testing");
        assert_eq!(fields(b"\x12\x07testing"), Ok(vec![(2, text)]));
        let mut writer = Writer::new();
        writer.number(1, 150).bytes(2, b"testing").number(3, 0);
        writer.bytes(4, b"");
        assert_eq!(writer.finish(), b"\x08\x96\x01\x12\x07testing");
    }

    #[test]
    fn other_bytes_are_refused() {
        for (bytes, error) in [
            (&b"\x08"[..], Error::Short { at: 0 }),
            (b"\x08\x01\x12\x05four", Error::Short { at: 2 }),
            (
                b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                Error::Short { at: 0 },
            ),
            // 0 in two bytes, 2⁶⁴, and eleven bytes.
            (b"\x08\x80\x00", Error::Number { at: 1 }),
            (
                b"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02",
                Error::Number { at: 1 },
            ),
            (
                b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                Error::Number { at: 1 },
            ),
            // Field 0; a field number of 2²⁹; wire types 1, 3 and 5.
            (b"\x02\x00", Error::Field { at: 0 }),
            (b"\x82\x80\x80\x80\x10\x00", Error::Field { at: 0 }),
            (
                b"\x09\x00\x00\x00\x00\x00\x00\x00\x00",
                Error::Field { at: 0 },
            ),
            (b"\x0b\x0c", Error::Field { at: 0 }),
            (b"\x08\x01\x0d\x00\x00\x00\x00", Error::Field { at: 2 }),
        ] {
            assert_eq!(fields(bytes), Err(error), "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_what_would_be_written(bytes: Vec<u8>) {
            if let Ok(fields) = fields(&bytes) {
                let mut writer = Writer::new();
                for (field, value) in fields {
                    match value {
                        Value::Bytes(bytes) => {
                            writer.message(field, bytes);
                        }
                        Value::Number(number) => {
                            writer.varint(u64::from(field) << 3);
                            writer.varint(number);
                        }
                    }
                }
                prop_assert_eq!(writer.finish(), bytes);
            }
        }

        #[test]
        fn numbers_are_read_as_they_are_written(number: u64) {
            let mut writer = Writer::new();
            writer.number(1, number).number(2, 1);
            let read = fields(&writer.bytes).unwrap();
            prop_assert_eq!(read.first(), Some(&(1, Value::Number(number))));
        }
    }
}
