//! Bundles of entries.

use std::fmt;

use super::{Error, WIDTH, path};

/// A bundle of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bundle {
    /// Which, from the left.
    pub index: u64,
    /// How many entries it has: 1 to [`WIDTH`].
    pub width: u64,
}

impl Bundle {
    /// The bundle that a path names: what follows `tile/entries/`.
    ///
    /// # Errors
    ///
    /// [`Error::Path`].
    pub fn from_path(path: &str) -> Result<Self, Error> {
        let (index, width) = path::parse(path)?;
        Ok(Self { index, width })
    }

    /// The bytes of a bundle: each entry after its length as `u16`.
    ///
    /// # Errors
    ///
    /// [`Error::Form`] if an entry has more than 65 535 bytes, or there are more than [`WIDTH`].
    pub fn encode<T: AsRef<[u8]>>(entries: &[T]) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        for (at, entry) in (0..).zip(entries) {
            let entry = entry.as_ref();
            let len = u16::try_from(entry.len()).ok().filter(|_| at < WIDTH);
            let len = len.ok_or(Error::Form {
                at: bytes.len(),
                what: "an entry is too long, or one too many",
            })?;
            bytes.extend(len.to_be_bytes());
            bytes.extend(entry);
        }
        Ok(bytes)
    }

    /// The entries in the bytes of a bundle, at most [`WIDTH`].
    ///
    /// # Errors
    ///
    /// [`Error::Form`], with the offset.
    pub fn decode(bytes: &[u8]) -> Result<Vec<&[u8]>, Error> {
        let mut entries = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let fault = |what| Error::Form {
                at: bytes.len() - rest.len(),
                what,
            };
            if entries.len() as u64 >= WIDTH {
                return Err(fault("there are more than 256 entries"));
            }
            let (len, after) = rest
                .split_first_chunk()
                .ok_or(fault("it ends in a length"))?;
            let len = usize::from(u16::from_be_bytes(*len));
            let (entry, after) = after
                .split_at_checked(len)
                .ok_or(fault("it ends in an entry"))?;
            entries.push(entry);
            rest = after;
        }
        Ok(entries)
    }
}

impl fmt::Display for Bundle {
    /// Its path, beginning with `tile/entries/`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tile/entries/")?;
        path::write(f, self.index, self.width)
    }
}
