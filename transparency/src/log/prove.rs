//! Making proofs from the hashes of complete subtrees (RFC 6962, sections 2.1.1 and 2.1.2).

use super::{Error, Frontier, Hash, MAX_SIZE, Node, empty_root, node_hash};

/// The root of a log of `size` leaves, whose complete subtrees `node` finds.
///
/// # Errors
///
/// Those of `node`.
pub fn root<E>(size: u64, node: &mut impl FnMut(Node) -> Result<Hash, E>) -> Result<Hash, E> {
    span(0, size, node)
}

/// The audit path of leaf `index` in a log of `size` leaves, from the leaf upwards.
///
/// # Errors
///
/// [`Error::Index`] if there is no such leaf, and those of `node`.
pub fn prove_inclusion<E: From<Error>>(
    index: u64,
    size: u64,
    node: &mut impl FnMut(Node) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    if index >= size || size > MAX_SIZE {
        return Err(Error::Index { index, size }.into());
    }
    let mut path = Vec::new();
    let (mut start, mut len) = (0, size);
    while len > 1 {
        let left = split(len);
        if index - start < left {
            path.push(span(start + left, len - left, node)?);
            len = left;
        } else {
            path.push(span(start, left, node)?);
            start += left;
            len -= left;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the log of `new` leaves begins with the log of `old` leaves. It is empty if `old` is 0
/// or `new`.
///
/// # Errors
///
/// [`Error::Sizes`] if `old` is more than `new`, and those of `node`.
pub fn prove_consistency<E: From<Error>>(
    old: u64,
    new: u64,
    node: &mut impl FnMut(Node) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    if old > new || new > MAX_SIZE {
        return Err(Error::Sizes { old, new }.into());
    }
    let mut path = Vec::new();
    if old == 0 {
        return Ok(path);
    }
    let (mut start, mut len) = (0, new);
    while old - start != len {
        let left = split(len);
        if old - start <= left {
            path.push(span(start + left, len - left, node)?);
            len = left;
        } else {
            path.push(span(start, left, node)?);
            start += left;
            len -= left;
        }
    }
    // The old log's own root is known to whoever asks.
    if start != 0 {
        path.push(span(start, len, node)?);
    }
    path.reverse();
    Ok(path)
}

/// The hash over the leaves from `start` on, `len` of them: `start` is a multiple of the power of two that
/// is not less than `len`.
fn span<E>(
    start: u64,
    len: u64,
    node: &mut impl FnMut(Node) -> Result<Hash, E>,
) -> Result<Hash, E> {
    let mut hash: Option<Hash> = None;
    for part in Frontier::nodes(len).into_iter().rev() {
        let left = node(Node {
            level: part.level,
            index: (start >> part.level) + part.index,
        })?;
        hash = Some(match hash {
            Some(right) => node_hash(&left, &right),
            None => left,
        });
    }
    Ok(hash.unwrap_or_else(empty_root))
}

/// The largest power of two that is less than `len`, which is more than 1.
fn split(len: u64) -> u64 {
    1 << (u64::BITS - 1 - (len - 1).leading_zeros())
}
