//! The log in tiles of 256 hashes, and its entries in bundles: what C2SP tlog-tiles serves as static files.
//!
//! Tile `n` at level `l` has the hashes of the complete subtrees of height `8 l` from the `256 n`th on; a
//! partial tile has the first few of them.

use std::fmt;

use crate::log::{self, Hash, Node, node_hash};

/// How many hashes a whole tile has, and how many entries a whole bundle.
pub const WIDTH: u64 = 256;
/// The height of a tile's subtrees.
pub const HEIGHT: u32 = 8;
/// The highest level of tiles.
pub const MAX_LEVEL: u32 = 7;

/// A tile of hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// Its level: 0 has the leaves' hashes.
    pub level: u32,
    /// Which of that level, from the left.
    pub index: u64,
    /// How many hashes it has: 1 to [`WIDTH`].
    pub width: u64,
}

/// A bundle of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bundle {
    /// Which, from the left.
    pub index: u64,
    /// How many entries it has: 1 to [`WIDTH`].
    pub width: u64,
}

/// Why a path, a tile or a bundle is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A path names no tile.
    #[error("the path names no tile: {what}")]
    Path {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A tile or bundle has other bytes than its width demands.
    #[error("a tile or bundle is malformed at byte {at}: {what}")]
    Form {
        /// Where.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
}

impl Error {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        "kt.log"
    }
}

impl Tile {
    /// The tile that has the hash of `node` (or those it is made of), as wide as a log of `size` leaves
    /// has it.
    pub fn of(node: Node, size: u64) -> Self {
        let level = node.level / HEIGHT;
        let index = (node.index << (node.level % HEIGHT)) / WIDTH;
        let complete = size >> (level * HEIGHT);
        let width = complete.saturating_sub(index * WIDTH).min(WIDTH);
        Self {
            level,
            index,
            width,
        }
    }

    /// The hash of `node`, out of the bytes of the tile that has it.
    ///
    /// # Errors
    ///
    /// [`Error::Form`] if `bytes` are too few or no whole hashes.
    pub fn hash_of(node: Node, bytes: &[u8]) -> Result<Hash, Error> {
        let _ = (node, bytes, node_hash, log::leaf_hash);
        Err(Error::Form { at: 0, what: "" })
    }

    /// The tile that a path names: what follows `tile/`, such as `0/x001/x234/067` or `1/000.p/16`.
    ///
    /// # Errors
    ///
    /// [`Error::Path`].
    pub fn from_path(path: &str) -> Result<Self, Error> {
        let _ = path;
        Err(Error::Path { what: "" })
    }
}

impl fmt::Display for Tile {
    /// Its path, beginning with `tile/`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level)
    }
}

impl Bundle {
    /// The bundle that a path names: what follows `tile/entries/`.
    ///
    /// # Errors
    ///
    /// [`Error::Path`].
    pub fn from_path(path: &str) -> Result<Self, Error> {
        let _ = path;
        Err(Error::Path { what: "" })
    }

    /// The bytes of a bundle: each entry after its length as `u16`.
    ///
    /// # Errors
    ///
    /// [`Error::Form`] if an entry has more than 65 535 bytes.
    pub fn encode<T: AsRef<[u8]>>(entries: &[T]) -> Result<Vec<u8>, Error> {
        let _ = entries.len();
        Err(Error::Form { at: 0, what: "" })
    }

    /// The entries in the bytes of a bundle, at most [`WIDTH`].
    ///
    /// # Errors
    ///
    /// [`Error::Form`], with the offset.
    pub fn decode(bytes: &[u8]) -> Result<Vec<&[u8]>, Error> {
        let _ = bytes;
        Err(Error::Form { at: 0, what: "" })
    }
}

impl fmt::Display for Bundle {
    /// Its path, beginning with `tile/entries/`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/entries/{}", self.index)
    }
}
