//! The log of heads: an RFC 6962 Merkle tree over SHA-256. Leaf n is the head of epoch n.
//!
//! Proofs are made from the hashes of *complete* subtrees, which never change once they are written: a
//! [`Node`] names one, and a store (see [`crate::tile`]) finds it.

mod frontier;
mod prove;
mod verify;

use sha2::{Digest as _, Sha256};

pub use frontier::Frontier;
pub use prove::{prove_consistency, prove_inclusion, root};
pub use verify::{verify_consistency, verify_inclusion};

/// A hash in the log: SHA-256.
pub type Hash = [u8; 32];

/// The largest log, in leaves: sizes beyond don't fit the notations in use.
pub const MAX_SIZE: u64 = i64::MAX as u64;

/// A complete subtree: the leaves from `index << level` on, `1 << level` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// Its height: 0 is a leaf.
    pub level: u32,
    /// Which of that height, from the left.
    pub index: u64,
}

/// Why a proof about the log is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The leaf is not in the log.
    #[error("leaf {index} is not in a log of {size} leaves")]
    Index {
        /// Its number, from 0.
        index: u64,
        /// How many leaves there are.
        size: u64,
    },
    /// The log shrank, or is larger than a log can be.
    #[error("a log of {new} leaves can't follow one of {old}")]
    Sizes {
        /// The size before.
        old: u64,
        /// The size after.
        new: u64,
    },
    /// The proof has too many or too few hashes.
    #[error("the proof has {len} hashes, but {wanted} are wanted")]
    Length {
        /// How many it has.
        len: usize,
        /// How many it should have.
        wanted: usize,
    },
    /// The proof leads to another root.
    #[error("the proof leads to another root of the log of {size} leaves")]
    Root {
        /// The size of the log whose root it is.
        size: u64,
    },
}

impl Error {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        "kt.log"
    }
}

/// The hash of a leaf: SHA-256 of 0 and its bytes.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(leaf);
    hash.finalize().into()
}

/// The hash of an inner node: SHA-256 of 1 and its children.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hash = Sha256::new();
    hash.update([1]);
    hash.update(left);
    hash.update(right);
    hash.finalize().into()
}

/// The root of a log without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

#[cfg(test)]
mod tests;
