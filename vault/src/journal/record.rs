//! Records, their chain, and where they stand.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | `length` of the body, big-endian |
//! | 4 | 1 | `kind`: 1 data key, 2 commit, 3 checkpoint |
//! | 5 | 8 | `number`, big-endian; the first is 1 |
//! | 13 | 32 | `salt`, random: what the record's key is made with |
//! | 45 | n | `body`, sealed |
//!
//! chain(0) is zeros; chain(n) = SHA-256("sconce/v1/vault journal", 00, chain(n-1), record n).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use protocol::crypto::sha256;

use super::Error;
use super::body;

/// What a file begins with.
pub(super) const MAGIC: &[u8; 16] = b"sconce journal 1";
/// Where the records begin.
pub(super) const BEGIN: u64 = 4096;
/// Bytes before the body.
pub(super) const HEADER: usize = 45;
/// Bytes that a body may have when it is sealed.
const MAX_BODY: usize = body::MAX_SNAPSHOT + (1 << 20);

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// A data key, by which the commits and checkpoints behind it are sealed.
    Key = 1,
    /// Events and audit lines.
    Commit = 2,
    /// A snapshot, and what else opening needs.
    Checkpoint = 3,
}

/// A digest of everything up to a record.
pub(super) type Chain = [u8; 32];

/// Where a record stands, or where the next will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Its first byte in the file.
    pub(super) offset: u64,
    /// Its number.
    pub(super) number: u64,
    /// The chain before it.
    pub(super) before: Chain,
}

impl Place {
    /// Of the first record.
    pub(super) const FIRST: Self = Self {
        offset: BEGIN,
        number: 1,
        before: [0; 32],
    };
    /// Bytes of one.
    pub(super) const SIZE: usize = 48;

    pub(super) fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..8].copy_from_slice(&self.offset.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.number.to_be_bytes());
        bytes[16..].copy_from_slice(&self.before);
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; Self::SIZE]) -> Option<Self> {
        let (offset, rest) = bytes.split_first_chunk()?;
        let (number, before) = rest.split_first_chunk()?;
        Some(Self {
            offset: u64::from_be_bytes(*offset),
            number: u64::from_be_bytes(*number),
            before: before.try_into().ok()?,
        })
    }

    /// Behind this record.
    pub(super) fn after(&self, record: &[u8]) -> Self {
        Self {
            offset: self.offset.saturating_add(record.len() as u64),
            number: self.number.saturating_add(1),
            before: sha256(&[b"sconce/v1/vault journal", &[0], &self.before, record]),
        }
    }
}

/// What is before a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) length: u32,
    pub(super) kind: Kind,
    pub(super) number: u64,
    pub(super) salt: [u8; 32],
}

impl Header {
    pub(super) fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&self.length.to_be_bytes());
        bytes[4] = self.kind as u8;
        bytes[5..13].copy_from_slice(&self.number.to_be_bytes());
        bytes[13..].copy_from_slice(&self.salt);
        bytes
    }

    fn read(bytes: &[u8; HEADER]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (kind, rest) = rest.split_first()?;
        let (number, salt) = rest.split_first_chunk()?;
        Some(Self {
            length: u32::from_be_bytes(*length),
            kind: match kind {
                1 => Kind::Key,
                2 => Kind::Commit,
                3 => Kind::Checkpoint,
                _ => return None,
            },
            number: u64::from_be_bytes(*number),
            salt: salt.try_into().ok()?,
        })
    }
}

/// A record as it stands in the file.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) header: Header,
    /// Header and body.
    pub(super) bytes: Vec<u8>,
}

impl Record {
    /// Reads the record at a place. `None` if the file ends before the record does.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] if its header is none of this record's; [`Error::File`].
    pub(super) fn read(file: &File, place: &Place) -> Result<Option<Self>, Error> {
        let mut header = [0; HEADER];
        if !fill(file, &mut header, place.offset)? {
            return Ok(None);
        }
        let damaged = |what| Error::Damaged {
            offset: place.offset,
            what,
        };
        let read = Header::read(&header).ok_or_else(|| damaged("is of no known kind"))?;
        if read.number != place.number {
            return Err(damaged("has another's number"));
        }
        let length = read.length as usize;
        if length > MAX_BODY {
            return Err(damaged("is longer than any"));
        }
        // Nothing is allocated for bytes that are not there.
        let end = place.offset.saturating_add((HEADER + length) as u64);
        if file.metadata().map_err(Error::file("read"))?.len() < end {
            return Ok(None);
        }
        let mut bytes = vec![0; HEADER + length];
        bytes[..HEADER].copy_from_slice(&header);
        let body = place.offset + HEADER as u64;
        let whole = fill(file, &mut bytes[HEADER..], body)?;
        Ok(whole.then_some(Self {
            header: read,
            bytes,
        }))
    }

    /// The sealed body.
    pub(super) fn body(&self) -> &[u8] {
        &self.bytes[HEADER..]
    }
}

/// Whether the file has all those bytes.
fn fill(file: &File, bytes: &mut [u8], offset: u64) -> Result<bool, Error> {
    match file.read_exact_at(bytes, offset) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(Error::file("read")(error)),
    }
}
