//! Bytes in any pieces to records.

use super::record::{HEADER_SIZE, Header, Record};
use super::rules::{Error, Rule, Rules};
use crate::page::CHUNK_SIZE;

/// Reads a stream that arrives in any pieces, and insists on every [`Rule`]. Holds no more than one
/// record.
///
/// ```
/// use sgx::sgxs::{Reader, Record};
/// # use sconce_sgx as sgx;
///
/// let create = Record::Create { ssa_frame_size: 1, size: 0x2000 };
/// let stream = create.header();
///
/// let mut reader = Reader::new();
/// let (mut first, mut rest) = stream.split_at(20);
/// assert_eq!(reader.next(&mut first)?, None);
/// assert_eq!(reader.next(&mut rest)?, Some(create));
/// reader.finish()?;
/// # Ok::<(), sgx::sgxs::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Reader {
    rules: Rules,
    /// Bytes of the stream up to the record that comes next.
    offset: u64,
    /// The begin of that record, when a piece ended within it.
    header: [u8; HEADER_SIZE],
    chunk: [u8; CHUNK_SIZE],
    /// Bytes of both that are there.
    held: usize,
    refused: Option<Error>,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// At the begin of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self {
            rules: Rules::default(),
            offset: 0,
            header: [0; HEADER_SIZE],
            chunk: [0; CHUNK_SIZE],
            held: 0,
            refused: None,
        }
    }

    /// Takes the next record off the front of `input`; `None` when all of `input` is taken and
    /// more is needed.
    ///
    /// # Errors
    ///
    /// The rule that the stream breaks, from then on at every call.
    pub fn next<'record, 'input: 'record>(
        &'record mut self,
        input: &mut &'input [u8],
    ) -> Result<Option<Record<'record>>, Error> {
        if let Some(error) = self.refused {
            return Err(error);
        }
        let (header, data) = match self.advance(input) {
            Ok(Some(advanced)) => advanced,
            Ok(None) => return Ok(None),
            Err(rule) => {
                let offset = self.offset;
                return Err(*self.refused.insert(Error { rule, offset }));
            }
        };
        let data = data.unwrap_or(&self.chunk);
        Ok(Some(header.with(data)))
    }

    /// The stream has ended.
    ///
    /// # Errors
    ///
    /// If it ended before its first record or within one, or had been refused.
    pub fn finish(&self) -> Result<(), Error> {
        if let Some(error) = self.refused {
            return Err(error);
        }
        let rule = match self.held {
            0 => match self.rules.started() {
                Ok(_) => return Ok(()),
                Err(rule) => rule,
            },
            present @ ..HEADER_SIZE => Rule::TruncatedHeader { present },
            more => Rule::TruncatedChunk {
                present: more - HEADER_SIZE,
            },
        };
        Err(Error {
            rule,
            offset: self.offset,
        })
    }

    /// Whether the last piece ended with a record.
    pub(super) const fn is_between_records(&self) -> bool {
        self.held == 0
    }

    /// Where the record begins that comes next, in bytes from the stream's begin.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The next header, and its chunk unless that is in `self.chunk` or there is none.
    fn advance<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Advanced<'a>>, Rule> {
        if self.held == 0
            && let Some((header, rest)) = input.split_first_chunk()
            && let Some((chunk, after)) = rest.split_first_chunk()
        {
            let header = Header::parse(header)?;
            self.check(header)?;
            *input = if header.has_chunk() { after } else { rest };
            return Ok(Some((header, Some(chunk))));
        }
        if !gather(&mut self.header, 0, &mut self.held, input) {
            return Ok(None);
        }
        let header = Header::parse(&self.header)?;
        if header.has_chunk() && !gather(&mut self.chunk, HEADER_SIZE, &mut self.held, input) {
            return Ok(None);
        }
        self.check(header)?;
        self.held = 0;
        Ok(Some((header, None)))
    }

    /// Once for each record.
    fn check(&mut self, header: Header) -> Result<(), Rule> {
        match header {
            Header::Create {
                ssa_frame_size,
                size,
            } => self.rules.create(ssa_frame_size, size)?,
            Header::Add { offset, info } => self.rules.add(offset, info)?,
            Header::Chunk { offset, .. } => self.rules.chunk(offset)?,
        }
        self.offset += header.size();
        Ok(())
    }
}

/// Fills `part`, which stands `before` bytes into the record, as far as `input` goes; whether it is
/// full.
fn gather(part: &mut [u8], before: usize, held: &mut usize, input: &mut &[u8]) -> bool {
    let room = part.get_mut(*held - before..).unwrap_or_default();
    let (taken, rest) = input.split_at(room.len().min(input.len()));
    room[..taken.len()].copy_from_slice(taken);
    *held += taken.len();
    *input = rest;
    taken.len() == room.len()
}

type Advanced<'a> = (Header, Option<&'a [u8; CHUNK_SIZE]>);
