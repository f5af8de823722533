//! The sparse Merkle map: a tree of depth 256 over SHA-512/256, in which each empty subtree has a hash of
//! its own (specification, section 9).
//!
//! The root of the map commits to the leaf at every index, and to the absence of all others. Bit 0 of an
//! index is the top bit of its first byte; 0 goes left. Depth 0 is the root, depth [`DEPTH`] the leaves.

mod build;
mod proof;
mod tree;

use std::fmt;

use sha2::{Digest as _, Sha512_256};

pub use build::{Branch, build, subtree};
pub use proof::{Error, Neighbor, Proof, root_of};
pub use tree::Tree;

/// The depth of the leaves, in bits of an index.
pub const DEPTH: usize = 256;

/// A hash in the map: SHA-512/256.
pub type Hash = [u8; 32];

/// The longest id of a map, in bytes: as long as the name of a domain may be.
pub const MAX_MAP_ID: usize = 255;

/// Where a user's leaf is in the map: SHA-256 of the output of the VRF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Index([u8; 32]);

impl Index {
    /// The index that has these 32 bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The index in `bytes`, if there are 32.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether the path goes right below `depth`; false from [`DEPTH`] on.
    pub fn bit(&self, depth: usize) -> bool {
        self.0
            .get(depth / 8)
            .is_some_and(|byte| byte >> (7 - depth % 8) & 1 == 1)
    }

    /// The first `depth` bits, all others 0.
    #[must_use]
    pub fn prefix(&self, depth: usize) -> Self {
        let mut bytes = self.0;
        let whole = (depth / 8).min(bytes.len());
        if let Some((partial, rest)) = bytes.get_mut(whole..).and_then(<[u8]>::split_first_mut) {
            *partial &= !(0xff >> (depth % 8));
            rest.fill(0);
        }
        Self(bytes)
    }

    /// The first `depth` bits and then the opposite of the bit at `depth`, all others 0: the sibling of
    /// this index's node at `depth + 1`.
    #[must_use]
    pub fn sibling(&self, depth: usize) -> Self {
        let mut sibling = self.prefix(depth + 1);
        sibling.flip(depth);
        sibling
    }

    fn flip(&mut self, depth: usize) {
        if let Some(byte) = self.0.get_mut(depth / 8) {
            *byte ^= 0x80 >> (depth % 8);
        }
    }

    /// How many bits two indices have in common from the start: [`DEPTH`] when they are equal.
    pub fn common(&self, other: &Self) -> usize {
        for (at, (a, b)) in self.0.iter().zip(&other.0).enumerate() {
            if a != b {
                return 8 * at + (a ^ b).leading_zeros() as usize;
            }
        }
        DEPTH
    }
}

impl From<[u8; 32]> for Index {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Index {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Index {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The id of a map, which is the realm of its directory. Leaves and empty subtrees are hashed with it, so
/// that nothing of one map proves anything in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapId {
    name: String,
    /// `u32 len(name) || name`, as it stands in the hashes.
    encoded: Vec<u8>,
}

impl MapId {
    /// The map called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::MapId`] if it is longer than [`MAX_MAP_ID`] bytes.
    pub fn new(name: impl Into<String>) -> Result<Self, Error> {
        let name = name.into();
        let len = u32::try_from(name.len())
            .ok()
            .filter(|_| name.len() <= MAX_MAP_ID)
            .ok_or(Error::MapId { len: name.len() })?;
        let encoded = [&len.to_be_bytes(), name.as_bytes()].concat();
        Ok(Self { name, encoded })
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The hash of the empty subtree at `depth` on the path of `index`.
    pub fn empty(&self, depth: usize, index: &Index) -> Hash {
        let depth = depth.min(DEPTH);
        self.empty_at(depth, &index.prefix(depth))
    }

    /// The hash of the empty subtree whose path is the first `depth` bits of `prefix`, which has no others.
    fn empty_at(&self, depth: usize, prefix: &Index) -> Hash {
        let mut hash = Sha512_256::new();
        hash.update(b"E");
        hash.update(&self.encoded);
        hash.update(prefix.0.get(..depth.div_ceil(8)).unwrap_or(&prefix.0));
        hash.update(depth_word(depth));
        hash.finalize().into()
    }

    /// The hash of the leaf that has `data` at `index`.
    pub fn leaf(&self, index: &Index, data: &[u8]) -> Hash {
        let mut hash = Sha512_256::new();
        hash.update(b"L");
        hash.update(&self.encoded);
        hash.update(index.0);
        hash.update(depth_word(DEPTH));
        hash.update(data);
        hash.finalize().into()
    }

    /// The hash of the node at depth `to` on the path of `index`, when the node at depth `from` hashes to
    /// `hash` and all siblings between them are empty.
    #[must_use]
    pub fn climb(&self, index: &Index, hash: Hash, from: usize, to: usize) -> Hash {
        let from = from.min(DEPTH);
        let mut path = index.prefix(from);
        let mut hash = hash;
        for depth in (to..from).rev() {
            let right = path.bit(depth);
            path.flip(depth);
            let sibling = self.empty_at(depth + 1, &path);
            hash = join(right, &hash, &sibling);
            // On to the parent: this bit and all below are 0.
            if !right {
                path.flip(depth);
            }
        }
        hash
    }
}

impl fmt::Display for MapId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The hash of a node whose children hash to `left` and `right`.
pub fn interior(left: &Hash, right: &Hash) -> Hash {
    let mut hash = Sha512_256::new();
    hash.update(left);
    hash.update(right);
    hash.finalize().into()
}

/// The parent of `hash` and its `sibling`; `right`: whether `hash` is the right child.
fn join(right: bool, hash: &Hash, sibling: &Hash) -> Hash {
    if right {
        interior(sibling, hash)
    } else {
        interior(hash, sibling)
    }
}

fn depth_word(depth: usize) -> [u8; 4] {
    u32::try_from(depth).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests;
