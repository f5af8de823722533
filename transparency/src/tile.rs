//! The log in tiles of 256 hashes, and its entries in bundles: what C2SP tlog-tiles serves as static files.
//!
//! Tile `n` at level `l` has the hashes of the complete subtrees of height `8 l` from the `256 n`th on; a
//! partial tile has the first few of them. Whole tiles never change.

mod bundle;
mod path;

use std::fmt;

use crate::log::{Hash, Node, node_hash};

pub use bundle::Bundle;

/// How many hashes a whole tile has, and how many entries a whole bundle.
pub const WIDTH: u64 = 256;
/// The height of the subtree that a whole tile is the lowest hashes of.
pub const HEIGHT: u32 = 8;
/// The highest level of tiles, above which no log has any.
pub const MAX_LEVEL: u32 = 7;

/// How many bytes a hash has.
const HASH: usize = 32;

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
    /// A tile or a bundle has other bytes than it should.
    #[error("a tile or a bundle is malformed at byte {at}: {what}")]
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
    /// The tile in which the hashes under `node` are, as wide as it is in a log of `size` leaves: of width
    /// 0 if such a log has no such tile.
    pub fn of(node: Node, size: u64) -> Self {
        let level = node.level / HEIGHT;
        let first = node.index.checked_shl(node.level % HEIGHT).unwrap_or(0);
        let index = first / WIDTH;
        let complete = size.checked_shr(level * HEIGHT).unwrap_or(0);
        Self {
            level,
            index,
            width: complete.saturating_sub(index * WIDTH).min(WIDTH),
        }
    }

    /// The tiles, at all levels, of a log of `size` leaves that a log of `old` leaves had not, or had with
    /// fewer hashes: the widest forms only.
    pub fn grown(old: u64, size: u64) -> Vec<Self> {
        let mut tiles = Vec::new();
        for level in 0..=MAX_LEVEL {
            let (before, now) = (old >> (level * HEIGHT), size >> (level * HEIGHT));
            if now <= before {
                break;
            }
            tiles.extend((before / WIDTH..now.div_ceil(WIDTH)).map(|index| Self {
                level,
                index,
                width: (now - index * WIDTH).min(WIDTH),
            }));
        }
        tiles
    }

    /// The nodes whose hashes the tile has, in their order.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + use<> {
        let level = self.level * HEIGHT;
        let first = self.index.saturating_mul(WIDTH);
        (first..first.saturating_add(self.width.min(WIDTH))).map(move |index| Node { level, index })
    }

    /// The hash of `node`, out of the bytes of [its tile](Tile::of).
    ///
    /// # Errors
    ///
    /// [`Error::Form`] if there are too few hashes, or not whole ones.
    pub fn hash_of(node: Node, bytes: &[u8]) -> Result<Hash, Error> {
        let height = node.level % HEIGHT;
        // At most 256: the hashes of one tile.
        let count = 1_usize << height;
        let first =
            usize::try_from((node.index % (WIDTH >> height)) << height).unwrap_or(usize::MAX);
        let (hashes, rest) = bytes.as_chunks::<HASH>();
        if !rest.is_empty() {
            return Err(Error::Form {
                at: bytes.len() - rest.len(),
                what: "a hash has 32 bytes",
            });
        }
        let below = first
            .checked_add(count)
            .and_then(|end| hashes.get(first..end))
            .ok_or(Error::Form {
                at: bytes.len(),
                what: "it has too few hashes",
            })?;
        Ok(fold(below))
    }

    /// The tile that a path names: what follows `tile/`, such as `0/x001/x234/067` or `1/000.p/16`.
    ///
    /// # Errors
    ///
    /// [`Error::Path`].
    pub fn from_path(path: &str) -> Result<Self, Error> {
        let (level, rest) = path.split_once('/').ok_or(Error::Path {
            what: "there is no level",
        })?;
        let level = path::number(level)
            .and_then(|level| u32::try_from(level).ok())
            .filter(|level| *level <= MAX_LEVEL)
            .ok_or(Error::Path {
                what: "the level is not a number up to 7",
            })?;
        let (index, width) = path::parse(rest)?;
        Ok(Self {
            level,
            index,
            width,
        })
    }
}

impl fmt::Display for Tile {
    /// Its path, beginning with `tile/`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level)?;
        path::write(f, self.index, self.width)
    }
}

/// The root over a power of two of hashes.
fn fold(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => [0; HASH],
        [hash] => *hash,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            node_hash(&fold(left), &fold(right))
        }
    }
}

#[cfg(test)]
mod tests;
