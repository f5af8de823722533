//! Fields of messages: once each, of their type.

use crate::messages::{DigitallySigned, Signatures};
use crate::protobuf::{Error, Reader, Value, Writer};

/// The fields of a message with a name.
pub(super) struct Fields<'a> {
    message: &'static str,
    reader: Reader<'a>,
}

pub(super) struct Field<'a> {
    message: &'static str,
    pub(super) number: u32,
    value: Value<'a>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'static str, bytes: &'a [u8]) -> Self {
        let reader = Reader::new(bytes);
        Self { message, reader }
    }

    pub(super) fn next(&mut self) -> Result<Option<Field<'a>>, Error> {
        let field = self.reader.field()?;
        Ok(field.map(|(number, value)| Field {
            message: self.message,
            number,
            value,
        }))
    }

    pub(super) fn missing(&self, field: u32) -> Error {
        let message = self.message;
        Error::Missing { message, field }
    }

    pub(super) fn value(&self, field: u32) -> Error {
        let message = self.message;
        Error::Value { message, field }
    }
}

impl<'a> Field<'a> {
    /// The field as bytes that are there once.
    pub(super) fn bytes(&self, slot: &mut Option<&'a [u8]>) -> Result<(), Error> {
        self.once(slot, self.message()?)
    }

    /// The field as a number that is there once.
    pub(super) fn number(&self, slot: &mut Option<u64>) -> Result<(), Error> {
        match self.value {
            Value::Number(number) => self.once(slot, number),
            Value::Bytes(_) => Err(self.of_another_type()),
        }
    }

    /// The field as a pair of a key id and a signature.
    pub(super) fn signature(&self, signatures: &mut Signatures) -> Result<(), Error> {
        let (id, signature) = pair(self.message()?)?;
        let signature = DigitallySigned::decode(signature.unwrap_or_default())?;
        match signatures.insert(self.text(id)?, signature) {
            Some(_) => Err(self.twice()),
            None => Ok(()),
        }
    }

    /// The field as bytes.
    pub(super) fn message(&self) -> Result<&'a [u8], Error> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Number(_) => Err(self.of_another_type()),
        }
    }

    pub(super) fn text(&self, bytes: Option<&[u8]>) -> Result<String, Error> {
        String::from_utf8(owned(bytes)).map_err(|_| Error::Value {
            message: self.message,
            field: self.number,
        })
    }

    fn once<T>(&self, slot: &mut Option<T>, value: T) -> Result<(), Error> {
        match slot.replace(value) {
            Some(_) => Err(self.twice()),
            None => Ok(()),
        }
    }

    pub(super) fn twice(&self) -> Error {
        Error::Twice {
            message: self.message,
            field: self.number,
        }
    }

    fn of_another_type(&self) -> Error {
        Error::Type {
            message: self.message,
            field: self.number,
        }
    }
}

/// Two byte strings.
pub(super) type Pair<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// One pair of a map.
pub(super) fn pair(bytes: &[u8]) -> Result<Pair<'_>, Error> {
    pair_of("a pair of a map", bytes)
}

pub(super) fn pair_of<'a>(message: &'static str, bytes: &'a [u8]) -> Result<Pair<'a>, Error> {
    let mut fields = Fields::of(message, bytes);
    let (mut key, mut value) = (None, None);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => field.bytes(&mut key)?,
            2 => field.bytes(&mut value)?,
            _ => {}
        }
    }
    Ok((key, value))
}

pub(super) fn write_signatures(writer: &mut Writer, field: u32, signatures: &Signatures) {
    for (id, signature) in signatures {
        let mut pair = Writer::new();
        pair.bytes(1, id.as_bytes());
        pair.message(2, &signature.encode());
        writer.message(field, &pair.finish());
    }
}

pub(super) fn owned(bytes: Option<&[u8]>) -> Vec<u8> {
    bytes.map(<[u8]>::to_vec).unwrap_or_default()
}

/// A number that may be below 0, as its 64 bits.
pub(super) fn signed(number: i64) -> u64 {
    number.cast_unsigned()
}
