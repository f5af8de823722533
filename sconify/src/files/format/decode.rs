//! A manifest from bytes that somebody gave us.

use super::super::merkle::Root;
use super::super::path::{FilePath, PathFault};
use super::{Content, ContentId, Entry, KeyCheck, MAGIC, Manifest, Mode, Node, Region, Rule};

/// Why bytes are no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at offset {offset} of the file manifest: {rule}")]
pub struct Refusal {
    /// Where the record begins that breaks the rule, in bytes from the beginning.
    pub offset: usize,
    /// Which rule.
    pub rule: Rule,
}

impl Manifest {
    /// Reads a manifest: the one way to write it, and nothing behind it.
    ///
    /// # Errors
    ///
    /// The first rule that is broken, and where.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut input = Input { bytes, read: 0 };
        let mut manifest = Self::default();
        input.record(|input| match input.array()? {
            MAGIC => Ok(()),
            _ => Err(Rule::Magic),
        })?;
        for _ in 0..input.record(Input::count)? {
            input.record(|input| manifest.push_region(input.region()?))?;
        }
        input.record(|input| {
            let check = manifest.needs_key_check();
            let check = check.then(|| input.array().map(KeyCheck)).transpose()?;
            manifest.set_key_check(check)
        })?;
        for _ in 0..input.record(Input::count)? {
            input.record(|input| {
                let entry = input.entry(&manifest)?;
                manifest.push_entry(entry)
            })?;
        }
        input.record(|input| match input.bytes.len() == input.read {
            true => manifest.complete(),
            false => Err(Rule::Trailing),
        })?;
        Ok(manifest)
    }
}

/// Bytes, and how many of them have been read.
struct Input<'a> {
    bytes: &'a [u8],
    read: usize,
}

impl<'a> Input<'a> {
    /// Reads one record, and tells its beginning if it is refused.
    fn record<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Rule>) -> Result<T, Refusal> {
        let offset = self.read;
        read(self).map_err(|rule| Refusal { offset, rule })
    }

    fn region(&mut self) -> Result<Region, Rule> {
        let [mode] = self.array()?;
        let mode = match mode {
            0 => Mode::None,
            1 => Mode::Authenticated,
            2 => Mode::Encrypted,
            other => return Err(Rule::Number(other, "mode")),
        };
        let path = self.path()?;
        Ok(Region { path, mode })
    }

    fn entry(&mut self, so_far: &Manifest) -> Result<Entry, Rule> {
        let [kind] = self.array()?;
        let path = self.path()?;
        let node = match kind {
            0 => Node::Folder,
            1 | 2 => {
                let region = so_far.region_of(path.as_str());
                let encrypted = region.is_some_and(|region| region.mode == Mode::Encrypted);
                Node::File(self.content(kind == 2, encrypted)?)
            }
            3 => Node::Link(self.text()?.to_owned()),
            other => return Err(Rule::Number(other, "kind")),
        };
        Ok(Entry { path, node })
    }

    fn content(&mut self, executable: bool, encrypted: bool) -> Result<Content, Rule> {
        let size = u64::from_le_bytes(self.array()?);
        let stored = Root(self.array()?);
        let id = match encrypted {
            true => Some(ContentId(self.array()?)),
            false => None,
        };
        Ok(Content {
            size,
            executable,
            stored,
            id,
        })
    }

    fn path(&mut self) -> Result<FilePath, Rule> {
        Ok(FilePath::new(self.text()?)?)
    }

    fn text(&mut self) -> Result<&'a str, Rule> {
        let length = u16::from_le_bytes(self.array()?);
        let text = self.take(length.into())?;
        std::str::from_utf8(text).map_err(|_| Rule::Path(PathFault::Encoding))
    }

    fn count(&mut self) -> Result<u32, Rule> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Rule> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Rule> {
        let rest = &self.bytes[self.read..];
        let taken = rest.get(..length).ok_or(Rule::Truncated)?;
        self.read += length;
        Ok(taken)
    }
}
