//! A whole map from its leaves, sorted, bottom-up.

use super::{DEPTH, Hash, Index, MapId, interior};

/// A node under which there are leaves on both sides. What lies between two of them follows from the
/// leaves' indices alone, so that these are all that a store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Its depth: 0 to 255.
    pub depth: usize,
    /// Its first `depth` bits, all others 0.
    pub prefix: Index,
    /// The hash of its left child, at `depth + 1`.
    pub left: Hash,
    /// The hash of its right child, at `depth + 1`.
    pub right: Hash,
}

/// The root of the map that has `leaves` (index and [`MapId::leaf`]), which must be sorted by index, each
/// index once. `branch` is told every branch, children before parents.
pub fn build(map: &MapId, leaves: &[(Index, Hash)], branch: &mut impl FnMut(Branch)) -> Hash {
    match leaves.first() {
        Some(_) => subtree(map, 0, leaves, branch),
        None => map.empty(0, &Index::new([0; 32])),
    }
}

/// The hash of the node at `depth` that has `leaves`: sorted, at least one, all with the same first
/// `depth` bits. Lets several threads each build a part of a map; [`interior`] joins two of them.
///
/// The hash of nothing is a hash of zeros, which no node has.
pub fn subtree(
    map: &MapId,
    depth: usize,
    leaves: &[(Index, Hash)],
    branch: &mut impl FnMut(Branch),
) -> Hash {
    let (Some((first, hash)), Some((last, _))) = (leaves.first(), leaves.last()) else {
        return [0; 32];
    };
    let fork = first.common(last);
    if fork >= DEPTH {
        return map.climb(first, *hash, DEPTH, depth);
    }
    let (lower, upper) = leaves.split_at(leaves.partition_point(|(index, _)| !index.bit(fork)));
    let left = subtree(map, fork + 1, lower, branch);
    let right = subtree(map, fork + 1, upper, branch);
    branch(Branch {
        depth: fork,
        prefix: first.prefix(fork),
        left,
        right,
    });
    map.climb(first, interior(&left, &right), fork, depth)
}
