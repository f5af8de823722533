//! Verifying proofs (RFC 6962, section 2.1).
//!
//! A path has two parts. The inner one lies below the node at which the paths of the proven leaf and of the
//! log's last leaf part: there is a sibling on each level, on the side that the leaf's number says. In the
//! part above, along the log's right edge, siblings are on the left only.

use super::{Error, Hash, MAX_SIZE, empty_root, node_hash};

/// Verifies that leaf `index`, which hashes to `leaf`, is in the log of `size` leaves that has `root`.
///
/// # Errors
///
/// [`Error`], by what is wrong.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    root: &Hash,
) -> Result<(), Error> {
    if index >= size || size > MAX_SIZE {
        return Err(Error::Index { index, size });
    }
    let (inner, edge) = parts(index, size);
    let (inner, edge) = divide(path, inner, edge)?;
    let hash = along_edge(both_sides(*leaf, index, inner), edge);
    same(&hash, root, size)
}

/// Verifies that the log of `new` leaves that has `new_root` begins with the log of `old` leaves that has
/// `old_root`.
///
/// # Errors
///
/// [`Error`], by what is wrong.
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    path: &[Hash],
) -> Result<(), Error> {
    if old > new || new > MAX_SIZE {
        return Err(Error::Sizes { old, new });
    }
    if old == 0 || old == new {
        divide(path, 0, 0)?;
        let known = if old == 0 { &empty_root() } else { new_root };
        same(old_root, known, old)?;
        // Whatever follows nothing is as it may be; but nothing itself has one root.
        return if new == 0 {
            same(new_root, &empty_root(), new)
        } else {
            Ok(())
        };
    }
    // The path begins at the largest complete subtree that ends where the old log does.
    let level = old.trailing_zeros();
    let index = (old - 1) >> level;
    let (inner, edge) = parts(old - 1, new);
    let inner = inner.saturating_sub(level as usize);
    let (seed, path) = if index == 0 {
        (old_root, path)
    } else {
        path.split_first().ok_or(Error::Length {
            len: 0,
            wanted: inner + edge + 1,
        })?
    };
    let (inner, edge) = divide(path, inner, edge)?;
    let before = along_edge(left_only(*seed, index, inner), edge);
    same(&before, old_root, old)?;
    let after = along_edge(both_sides(*seed, index, inner), edge);
    same(&after, new_root, new)
}

/// How many siblings the two parts of a path have.
fn parts(index: u64, size: u64) -> (usize, usize) {
    let inner = u64::BITS - (index ^ (size - 1)).leading_zeros();
    let edge = index.checked_shr(inner).unwrap_or(0).count_ones();
    (inner as usize, edge as usize)
}

/// The two parts of a path, which must have no other lengths.
fn divide(path: &[Hash], inner: usize, edge: usize) -> Result<(&[Hash], &[Hash]), Error> {
    path.split_at_checked(inner)
        .filter(|(_, rest)| rest.len() == edge)
        .ok_or(Error::Length {
            len: path.len(),
            wanted: inner + edge,
        })
}

fn both_sides(hash: Hash, index: u64, siblings: &[Hash]) -> Hash {
    (0_u32..)
        .zip(siblings)
        .fold(hash, |hash, (level, sibling)| {
            if index >> level & 1 == 1 {
                node_hash(sibling, &hash)
            } else {
                node_hash(&hash, sibling)
            }
        })
}

fn left_only(hash: Hash, index: u64, siblings: &[Hash]) -> Hash {
    (0_u32..)
        .zip(siblings)
        .fold(hash, |hash, (level, sibling)| {
            if index >> level & 1 == 1 {
                node_hash(sibling, &hash)
            } else {
                hash
            }
        })
}

fn along_edge(hash: Hash, siblings: &[Hash]) -> Hash {
    siblings
        .iter()
        .fold(hash, |hash, sibling| node_hash(sibling, &hash))
}

fn same(hash: &Hash, root: &Hash, size: u64) -> Result<(), Error> {
    if hash == root {
        Ok(())
    } else {
        Err(Error::Root { size })
    }
}
