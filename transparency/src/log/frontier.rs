//! The edge of a growing log: as much of it as its root and its next leaves need.

use super::{Error, Hash, MAX_SIZE, Node, empty_root, node_hash};

/// The roots of the complete subtrees that make up a log, largest first: one for each bit set in its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// The log without leaves.
    pub const fn new() -> Self {
        Self {
            size: 0,
            hashes: Vec::new(),
        }
    }

    /// The log of `size` leaves, whose complete subtrees (see [`Frontier::nodes`]) have these hashes.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] unless there is one hash for each bit set in `size`.
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Result<Self, Error> {
        let wanted = size.count_ones() as usize;
        if hashes.len() != wanted || size > MAX_SIZE {
            return Err(Error::Length {
                len: hashes.len(),
                wanted,
            });
        }
        Ok(Self { size, hashes })
    }

    /// How many leaves there are.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of the complete subtrees, largest first.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The complete subtrees of a log of `size` leaves, largest first.
    pub fn nodes(size: u64) -> Vec<Node> {
        (0..u64::BITS)
            .rev()
            .filter(|level| size >> level & 1 == 1)
            .map(|level| Node {
                level,
                // What is left of it: `size` without this bit and all below.
                index: (size >> level) ^ 1,
            })
            .collect()
    }

    /// Adds a leaf, and gives every subtree that it completes: the leaf itself, then upwards.
    ///
    /// # Errors
    ///
    /// [`Error::Sizes`] if the log is full.
    pub fn push(&mut self, leaf: Hash) -> Result<Vec<(Node, Hash)>, Error> {
        if self.size >= MAX_SIZE {
            return Err(Error::Sizes {
                old: self.size,
                new: self.size.saturating_add(1),
            });
        }
        let mut node = Node {
            level: 0,
            index: self.size,
        };
        let mut hash = leaf;
        let mut made = vec![(node, hash)];
        while node.index & 1 == 1 {
            let Some(left) = self.hashes.pop() else { break };
            hash = node_hash(&left, &hash);
            node = Node {
                level: node.level + 1,
                index: node.index >> 1,
            };
            made.push((node, hash));
        }
        self.hashes.push(hash);
        self.size += 1;
        Ok(made)
    }

    /// The root of the log.
    pub fn root(&self) -> Hash {
        let mut smallest_first = self.hashes.iter().rev();
        let Some(last) = smallest_first.next() else {
            return empty_root();
        };
        smallest_first.fold(*last, |right, left| node_hash(left, &right))
    }
}
