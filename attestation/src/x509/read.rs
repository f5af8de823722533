//! Reading DER.

use alloc::string::{String, ToString as _};

use der::{Decode as _, Header, Length, Reader as _, SliceReader, Tag};

use super::{Document, Error};

/// A reader of DER.
pub(crate) type Read<'a> = SliceReader<'a>;

/// What is wrong with an encoding, before it is known whose it is.
#[derive(Debug)]
pub(crate) struct Fault {
    offset: Option<usize>,
    what: String,
}

impl Fault {
    /// A rule of ours that is broken at the reader's position.
    pub(crate) fn at(reader: &Read<'_>, rule: &str) -> Self {
        Self {
            offset: Some(number(reader.position())),
            what: rule.to_string(),
        }
    }

    /// The same fault in a document that begins so many bytes earlier.
    pub(crate) fn later(mut self, by: usize) -> Self {
        self.offset = self.offset.map(|offset| offset.saturating_add(by));
        self
    }

    /// The fault of a document.
    pub(crate) fn of(self, document: Document) -> Error {
        Error::Form {
            document,
            offset: self.offset,
            what: self.what,
        }
    }
}

impl From<der::Error> for Fault {
    fn from(error: der::Error) -> Self {
        Self {
            offset: error.position().map(number),
            what: error.kind().to_string(),
        }
    }
}

/// Reads all of `bytes`: anything behind is a fault.
pub(crate) fn all<'a, T>(
    bytes: &'a [u8],
    read: impl FnOnce(&mut Read<'a>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut reader = SliceReader::new(bytes)?;
    let value = read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

/// Reads all that an element with this tag contains.
pub(crate) fn inside<'a, T>(
    reader: &mut Read<'a>,
    tag: Tag,
    read: impl FnOnce(&mut Read<'a>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let begin = reader.position();
    let header = Header::decode(reader)?;
    if header.tag() != tag {
        return Err(header.tag().unexpected_error(Some(tag)).at(begin).into());
    }
    reader.read_nested(header.length(), read)
}

/// A position, as an index.
pub(super) fn number(length: Length) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
