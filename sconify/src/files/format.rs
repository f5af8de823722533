//! The file manifest: which files an enclave may open, what each must hold, and in which regions it
//! must not trust any.
//!
//! ```text
//! magic       16   "SCONCE-FILES" 00 00 00 01
//! regions      4   how many, each:   mode u8 (0 none, 1 authenticated, 2 encrypted) ‖ path
//! key check   16   only if a region is encrypted
//! entries      4   how many, each:   kind u8 (0 folder, 1 file, 2 program, 3 link) ‖ path, and then
//!                    file, program:  size u64 ‖ root of what is stored, 32 bytes
//!                                    ‖ content id, 32 bytes, only in an encrypted region
//!                    link:           target
//! ```
//!
//! A path or target is its length as u16 and its bytes. Integers are little-endian. Regions and
//! entries are in ascending order of their paths' bytes, each path once. There are no times, owners,
//! inodes or attributes: the same tree has the same bytes.
//!
//! The region of a path is the longest one that holds it. What no region holds is denied, and so is
//! what a protected region holds and the manifest does not list.

mod decode;
mod encode;
mod rules;

use std::fmt;

use super::merkle::{self, Root};
use super::path::FilePath;

pub use decode::Refusal;
pub(super) use encode::encode;
pub use rules::Rule;

/// What a manifest begins with: format and version.
pub const MAGIC: [u8; 16] = *b"SCONCE-FILES\0\0\0\x01";

/// Stands before a manifest when its digest is computed.
const DOMAIN: &[u8] = b"sconce/v1/files/manifest\0";

/// How the files under a path are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Not at all: the host decides what they hold, and the program must not trust it.
    None,
    /// What they hold is measured. Anybody may read it.
    Authenticated,
    /// What they hold is measured, and encrypted where the host sees it.
    Encrypted,
}

/// A path and how everything under it is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// A folder or one file.
    pub path: FilePath,
    /// How it is protected.
    pub mode: Mode,
}

/// Something in a protected region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it lies.
    pub path: FilePath,
    /// What it is.
    pub node: Node,
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A folder.
    Folder,
    /// A regular file.
    File(Content),
    /// A symbolic link and the text that it holds.
    Link(String),
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// Bytes, before encryption.
    pub size: u64,
    /// Whether it may be executed.
    pub executable: bool,
    /// Root over the chunks as they are stored: with encryption, each with its tag.
    pub stored: Root,
    /// What the key of an encrypted file is derived from.
    pub id: Option<ContentId>,
}

/// Stands for the content of an encrypted file: only who has the region's key can tell whether a guess
/// of the content is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentId(pub [u8; 32]);

/// Tells a wrong key from a right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyCheck(pub [u8; 16]);

/// The digest of a manifest, as it stands in the measured pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ManifestDigest(pub [u8; 32]);

/// Regions and entries that keep every [`Rule`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    regions: Vec<Region>,
    key_check: Option<KeyCheck>,
    entries: Vec<Entry>,
}

/// What a program may do with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access<'a> {
    /// Nothing.
    Denied,
    /// The host answers for it.
    Unprotected,
    /// It is listed.
    Listed(&'a Entry),
}

impl Manifest {
    /// Puts regions and entries in order and checks them.
    ///
    /// # Errors
    ///
    /// The first rule that is broken.
    pub fn new(
        mut regions: Vec<Region>,
        key_check: Option<KeyCheck>,
        mut entries: Vec<Entry>,
    ) -> Result<Self, Rule> {
        regions.sort_by(|a, b| a.path.cmp(&b.path));
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        let mut manifest = Self::default();
        for region in regions {
            manifest.push_region(region)?;
        }
        manifest.set_key_check(key_check)?;
        for entry in entries {
            manifest.push_entry(entry)?;
        }
        manifest.complete()?;
        Ok(manifest)
    }

    /// The regions, by path.
    #[must_use]
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// Tells a wrong key from a right one; `None` if nothing is encrypted.
    #[must_use]
    pub fn key_check(&self) -> Option<KeyCheck> {
        self.key_check
    }

    /// What is listed, by path.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What a program may do with `path`. Links are not followed.
    #[must_use]
    pub fn access(&self, path: &str) -> Access<'_> {
        match self.region_of(path).map(|region| region.mode) {
            None => Access::Denied,
            Some(Mode::None) => Access::Unprotected,
            Some(_) => self.entry(path).map_or(Access::Denied, Access::Listed),
        }
    }

    /// The region that decides about `path`.
    #[must_use]
    pub fn region_of(&self, path: &str) -> Option<&Region> {
        region_of(&self.regions, path)
    }

    /// SHA-256 over a domain string and the bytes of [`encode`](Self::encode).
    #[must_use]
    pub fn digest(&self) -> ManifestDigest {
        ManifestDigest::of(&self.encode())
    }

    fn entry(&self, path: &str) -> Option<&Entry> {
        let at = self
            .entries
            .binary_search_by(|entry| entry.path.as_str().cmp(path));
        at.ok().and_then(|at| self.entries.get(at))
    }
}

impl ManifestDigest {
    /// The digest of a manifest's bytes.
    #[must_use]
    pub fn of(manifest: &[u8]) -> Self {
        Self(merkle::sha256(&[DOMAIN, manifest]))
    }
}

impl Mode {
    /// Whether the manifest lists what such a region holds.
    #[must_use]
    pub const fn is_protected(self) -> bool {
        !matches!(self, Self::None)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "none",
            Self::Authenticated => "authenticated",
            Self::Encrypted => "encrypted",
        })
    }
}

impl fmt::Display for ManifestDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The longest of `regions`, which are in order, that holds `path`.
pub(super) fn region_of<'a>(regions: &'a [Region], path: &str) -> Option<&'a Region> {
    let mut path = path;
    loop {
        let at = regions.binary_search_by(|region| region.path.as_str().cmp(path));
        if let Ok(at) = at {
            return regions.get(at);
        }
        path = match path.rfind('/')? {
            _ if path == "/" => return None,
            0 => "/",
            at => &path[..at],
        };
    }
}

#[cfg(test)]
mod tests;
