//! Bytes, read from the front.

use super::error::Error;
use super::header::Tee;

/// What is left of a quote.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            offset: 0,
        }
    }

    /// How many bytes have been read, from the quote's begin.
    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    /// The next bytes, so many.
    pub(super) fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], Error> {
        let (offset, left) = (self.offset, self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Error::Truncated {
            what,
            offset,
            length,
            left,
        })?;
        self.rest = rest;
        self.offset += length;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<&'a [u8; N], Error> {
        let (offset, left) = (self.offset, self.rest.len());
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Error::Truncated {
            what,
            offset,
            length: N,
            left,
        })?;
        self.rest = rest;
        self.offset += N;
        Ok(taken)
    }

    /// A little-endian number of two bytes.
    pub(super) fn short(&mut self, what: &'static str) -> Result<u16, Error> {
        self.array(what).map(|bytes| u16::from_le_bytes(*bytes))
    }

    /// A little-endian number of four bytes: a length.
    pub(super) fn length(&mut self, what: &'static str) -> Result<usize, Error> {
        let length = self.array(what).map(|bytes| u32::from_le_bytes(*bytes))?;
        Ok(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// A reader of the next bytes alone, whose offsets are still those of the quote.
    pub(super) fn part(&mut self, length: usize, what: &'static str) -> Result<Self, Error> {
        let offset = self.offset;
        let rest = self.take(length, what)?;
        Ok(Self { rest, offset })
    }

    /// Nothing is left in this part.
    pub(super) fn filled(&self, what: &'static str) -> Result<(), Error> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(Error::NotFilled {
            what,
            offset: self.offset,
            left: self.rest.len(),
        })
    }

    /// Nothing follows the quote; behind one of TDX there may be zeros.
    pub(super) fn end(&self, tee: Tee) -> Result<(), Error> {
        let padding = tee == Tee::Tdx && self.rest.iter().all(|byte| *byte == 0);
        if self.rest.is_empty() || padding {
            return Ok(());
        }
        Err(Error::Trailing {
            offset: self.offset,
            count: self.rest.len(),
        })
    }
}
