//! A range of an open file, read without moving the file's own position.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use ring::digest::{Context, SHA256};

/// Large enough that a read is worth its call, small enough to stay in the processor's cache.
const BUFFER: usize = 256 << 10;

/// Reads a range of a file. A file that has become shorter is an error, never a short member.
#[derive(Debug, Clone)]
pub struct Reader {
    file: Arc<File>,
    start: u64,
    length: u64,
    position: u64,
}

impl Reader {
    /// All of a file that has so many bytes.
    pub(crate) fn whole(file: Arc<File>, length: u64) -> Self {
        Self {
            file,
            start: 0,
            length,
            position: 0,
        }
    }

    /// A range of this range, from its first byte; none if it isn't inside.
    pub(crate) fn range(&self, offset: u64, length: u64) -> Option<Self> {
        let end = offset.checked_add(length)?;
        (end <= self.length).then(|| Self {
            file: Arc::clone(&self.file),
            start: self.start + offset,
            length,
            position: 0,
        })
    }

    /// How many bytes the whole range has, those that were read included.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether the range has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// SHA-256 of the whole range, wherever the position is.
    ///
    /// # Errors
    ///
    /// Those of reading the file.
    pub fn sha256(&self) -> io::Result<[u8; 32]> {
        let mut reader = self.clone();
        reader.position = 0;
        let mut context = Context::new(&SHA256);
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = reader.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            context.update(&buffer[..count]);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        Ok(digest)
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.position);
        let wanted = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        let count = self
            .file
            .read_at(&mut buffer[..wanted], self.start + self.position)?;
        if count == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the file has become shorter while it was read",
            ));
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
        };
        let outside = || io::Error::new(io::ErrorKind::InvalidInput, "a place before the start");
        self.position = position.ok_or_else(outside)?;
        Ok(self.position)
    }
}
