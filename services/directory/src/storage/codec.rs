//! How records are written: fixed words big-endian, so that keys sort by them, and the rest as variable
//! length integers and counted bytes.

use super::Error;

/// Writes a record.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub(super) fn byte(&mut self, byte: u8) -> &mut Self {
        self.0.push(byte);
        self
    }

    /// Seven bits a byte, the lowest first; the top bit says that more follow.
    pub(super) fn number(&mut self, mut number: u64) -> &mut Self {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
        self
    }

    /// Bytes whose count the reader knows.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Bytes after their count.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64).raw(bytes)
    }

    pub(super) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// Reads a record of the kind called `what`.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub(super) fn new(record: &'a [u8], what: &'static str) -> Self {
        Self { rest: record, what }
    }

    pub(super) fn byte(&mut self) -> Result<u8, Error> {
        self.array().map(|[byte]: [u8; 1]| byte)
    }

    pub(super) fn number(&mut self) -> Result<u64, Error> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.damaged())
    }

    /// A number that must fit what it is used as.
    pub(super) fn small<T: TryFrom<u64>>(&mut self) -> Result<T, Error> {
        T::try_from(self.number()?).map_err(|_| self.damaged())
    }

    pub(super) fn raw(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (bytes, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or_else(|| self.damaged())?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (bytes, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| self.damaged())?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let count = self.small()?;
        self.raw(count)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Error> {
        std::str::from_utf8(self.bytes()?).map_err(|_| self.damaged())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub(super) fn rest(&self) -> usize {
        self.rest.len()
    }

    /// Nothing may follow.
    pub(super) fn end(self) -> Result<(), Error> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.damaged())
        }
    }

    pub(super) fn damaged(&self) -> Error {
        Error::Damaged(format!("{} can't be read", self.what))
    }
}

/// The key of something numbered within an epoch.
pub(super) fn numbered(epoch: u64, number: u32) -> Vec<u8> {
    [&epoch.to_be_bytes()[..], &number.to_be_bytes()].concat()
}

/// The word that a key begins with, after `skip` bytes.
pub(super) fn word(key: &[u8], skip: usize) -> Option<u64> {
    key.get(skip..)?
        .first_chunk()
        .copied()
        .map(u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(numbers: Vec<u64>, bytes: Vec<Vec<u8>>) {
            let mut writer = Writer::default();
            for number in &numbers {
                writer.number(*number);
            }
            for bytes in &bytes {
                writer.bytes(bytes);
            }
            let record = writer.finish();
            let mut reader = Reader::new(&record, "a record");
            for number in &numbers {
                prop_assert_eq!(reader.number().unwrap(), *number);
            }
            for bytes in &bytes {
                prop_assert_eq!(reader.bytes().unwrap(), &bytes[..]);
            }
            reader.end().unwrap();
        }

        #[test]
        fn what_was_not_written_is_refused(record: Vec<u8>) {
            let mut reader = Reader::new(&record, "a record");
            while let Ok(bytes) = reader.bytes() {
                prop_assert!(bytes.len() <= record.len());
            }
        }
    }

    #[test]
    fn a_record_that_goes_on_is_damaged() {
        let error = Reader::new(&[1], "a record").end().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the store is damaged: a record can't be read; restore a copy of its folder"
        );
    }
}
