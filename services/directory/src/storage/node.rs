//! Branches of the map: the nodes that have leaves on both sides. All others follow from these.
//!
//! A branch is written anew by every epoch that changes something below it, and never again after; each
//! version names the versions of the branches below it. So the root of any epoch leads to the whole map of
//! that epoch, and the branches that an epoch replaced are known when it does.

use std::sync::Arc;

use transparency::map::{Hash, Index, interior};

use super::{
    Error,
    codec::{Reader, Writer},
};

/// Where a branch is, and of which epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// How many bits all leaves below have in common.
    pub(super) depth: u8,
    /// Those bits; all others are 0.
    pub(super) prefix: Index,
    /// The epoch that wrote it.
    pub(super) epoch: u64,
}

/// A branch.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    /// Left and right.
    pub(super) edges: [Edge; 2],
}

/// The way down from a branch, or from above the root.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    /// The hash of the node right below the branch; of the root, if there is none above.
    pub(super) hash: Hash,
    /// The next branch or leaf on the way.
    pub(super) child: Child,
}

/// What an edge leads to.
#[derive(Clone, Debug)]
pub(super) enum Child {
    /// A leaf: the update in the feed that put it there.
    Leaf {
        /// The epoch of that update.
        epoch: u64,
        /// Its number there.
        number: u32,
    },
    /// A branch in the store.
    Stored(Box<Place>),
    /// A branch in memory.
    Loaded(Arc<Node>),
}

const LEAF: u8 = 0;
const BRANCH: u8 = 1;

impl Place {
    /// The key of this version: first the 16 bits below which a million users have some 15 branches, so
    /// that a path lies in one block or two; then the depth, the rest of the prefix and the epoch.
    pub(super) fn key(&self) -> Vec<u8> {
        let [first, second, rest @ ..] = self.prefix.as_bytes();
        let rest = &rest[..bytes_of(self.depth).saturating_sub(2)];
        let mut key = Vec::with_capacity(rest.len() + 11);
        key.extend_from_slice(&[*first, *second, self.depth]);
        key.extend_from_slice(rest);
        key.extend_from_slice(&self.epoch.to_be_bytes());
        key
    }
}

impl Node {
    /// The hash of the branch itself.
    pub(super) fn hash(&self) -> Hash {
        let [left, right] = &self.edges;
        interior(&left.hash, &right.hash)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(96);
        for edge in &self.edges {
            edge.encode(self.place.depth, &mut writer);
        }
        writer.finish()
    }

    pub(super) fn decode(place: Place, record: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(record, "a branch");
        let mut edge = || Edge::decode(place.depth, &place.prefix, &mut reader);
        let edges = [edge()?, edge()?];
        reader.end()?;
        Ok(Self { place, edges })
    }
}

impl Edge {
    /// Writes the edge of a branch at `depth`; the prefix of what is below begins in the byte of its bit.
    pub(super) fn encode(&self, depth: u8, writer: &mut Writer) {
        writer.raw(&self.hash);
        match &self.child {
            Child::Leaf { epoch, number } => {
                writer.byte(LEAF).number(*epoch).number((*number).into());
            }
            Child::Stored(place) => encode_place(place, depth, writer),
            Child::Loaded(node) => encode_place(&node.place, depth, writer),
        }
    }

    /// Reads the edge of a branch at `depth` whose prefix is `above`.
    pub(super) fn decode(depth: u8, above: &Index, reader: &mut Reader<'_>) -> Result<Self, Error> {
        let hash = reader.array()?;
        let child = match reader.byte()? {
            LEAF => Child::Leaf {
                epoch: reader.number()?,
                number: reader.small()?,
            },
            BRANCH => Child::Stored(Box::new(decode_place(depth, above, reader)?)),
            _ => return Err(reader.damaged()),
        };
        Ok(Self { hash, child })
    }
}

fn encode_place(place: &Place, depth: u8, writer: &mut Writer) {
    let known = usize::from(depth / 8);
    writer
        .byte(BRANCH)
        .byte(place.depth)
        .raw(&place.prefix.as_bytes()[known..bytes_of(place.depth).max(known)])
        .number(place.epoch);
}

fn decode_place(depth: u8, above: &Index, reader: &mut Reader<'_>) -> Result<Place, Error> {
    let known = usize::from(depth / 8);
    let below = reader.byte()?;
    let mut prefix = [0; 32];
    prefix[..known].copy_from_slice(&above.as_bytes()[..known]);
    let count = bytes_of(below).saturating_sub(known);
    prefix[known..known + count].copy_from_slice(reader.raw(count)?);
    Ok(Place {
        depth: below,
        prefix: Index::new(prefix),
        epoch: reader.number()?,
    })
}

/// How many bytes `bits` bits take.
fn bytes_of(bits: u8) -> usize {
    usize::from(bits).div_ceil(8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(depth: u8, index: [u8; 32], epoch: u64) -> Place {
        Place {
            depth,
            prefix: Index::new(index).prefix(depth.into()),
            epoch,
        }
    }

    proptest! {
        #[test]
        fn a_branch_is_read_as_it_was_written(
            index: [u8; 32], depth in 0..=254u8, below in 1..=255u8, epoch: u64, number: u32, hash: [u8; 32],
        ) {
            let at = place(depth, index, epoch);
            let under = place(below.max(depth + 1), index, epoch / 2);
            let node = Node {
                place: at,
                edges: [
                    Edge { hash, child: Child::Stored(Box::new(under)) },
                    Edge { hash, child: Child::Leaf { epoch, number } },
                ],
            };
            let read = Node::decode(at, &node.encode()).unwrap();
            prop_assert_eq!(format!("{read:?}"), format!("{node:?}"));
        }

        #[test]
        fn no_bytes_are_too_strange_to_be_refused(record: Vec<u8>, depth: u8) {
            let _ = Node::decode(place(depth, [0x5a; 32], 1), &record);
        }

        #[test]
        fn keys_of_different_branches_differ(
            a: [u8; 32], b: [u8; 32], depth: u8, other: u8, epoch in 0..3u64,
        ) {
            let (one, two) = (place(depth, a, epoch), place(other, b, 1));
            prop_assert_eq!(one.key() == two.key(), one == two);
        }
    }
}
