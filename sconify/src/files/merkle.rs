//! What a file holds, in 32 bytes: the root of a tree over its chunks.
//!
//! A leaf is SHA-256(00 ‖ chunk), a node SHA-256(01 ‖ left ‖ right); of a number of leaves that is no
//! power of two, the left side takes the largest power of two below it (RFC 6962, 2.1). Whoever has the
//! leaves, and has seen that they give the root, can check any chunk without reading the others. An
//! empty file has one chunk, which is empty.

use ring::digest::{Context, SHA256};

/// Bytes of a file's content in a chunk; the last one may have fewer.
pub const CHUNK: usize = 64 * 1024;

/// The root of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Root(pub [u8; 32]);

/// Adds up the chunks of one file, one after the other; of its tree it keeps a path only.
#[derive(Debug, Clone, Default)]
pub struct Hasher {
    /// Full trees, from left to right, each with the number of its levels.
    trees: Vec<(u32, [u8; 32])>,
    chunks: u64,
}

impl Hasher {
    /// No chunk yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next chunk, as it is stored.
    pub fn chunk(&mut self, bytes: &[u8]) {
        let (mut level, mut right) = (0, leaf(bytes));
        while let Some((_, left)) = self.trees.pop_if(|(levels, _)| *levels == level) {
            right = node(&left, &right);
            level += 1;
        }
        self.trees.push((level, right));
        self.chunks += 1;
    }

    /// How many chunks there were.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// The root; with no chunk at all, that of an empty file.
    #[must_use]
    pub fn finish(self) -> Root {
        let trees = self.trees.into_iter().map(|(_, root)| root);
        let root = trees.rev().reduce(|right, left| node(&left, &right));
        Root(root.unwrap_or_else(|| leaf(&[])))
    }
}

/// How many chunks a file of `size` bytes has: one at least.
#[must_use]
pub const fn chunks(size: u64) -> u64 {
    match size.div_ceil(CHUNK as u64) {
        0 => 1,
        some => some,
    }
}

fn leaf(chunk: &[u8]) -> [u8; 32] {
    sha256(&[&[0], chunk])
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    sha256(&[&[1], left, right])
}

pub(super) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 6962's definition, word by word.
    fn by_definition(chunks: &[Vec<u8>]) -> [u8; 32] {
        match chunks {
            [] => leaf(&[]),
            [one] => leaf(one),
            many => {
                let left = 1 << (many.len() - 1).ilog2();
                node(&by_definition(&many[..left]), &by_definition(&many[left..]))
            }
        }
    }

    fn root(chunks: &[Vec<u8>]) -> Root {
        let mut hasher = Hasher::new();
        for chunk in chunks {
            hasher.chunk(chunk);
        }
        hasher.finish()
    }

    proptest! {
        #[test]
        fn the_root_is_that_of_the_definition(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3), 0..70),
        ) {
            prop_assert_eq!(root(&chunks).0, by_definition(&chunks));
        }
    }

    #[test]
    fn known_roots() {
        // sha256sum of one zero byte, and of 01 with that twice behind it.
        let empty = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        assert_eq!(hex::encode(root(&[]).0), empty);
        assert_eq!(hex::encode(root(&[Vec::new()]).0), empty);
        let two = "fe43d66afa4a9a5c4f9c9da89f4ffb52635c8f342e7ffb731d68e36c5982072a";
        assert_eq!(hex::encode(root(&[Vec::new(), Vec::new()]).0), two);
    }

    #[test]
    fn chunks_are_counted() {
        let chunk = CHUNK as u64;
        for (size, number) in [(0, 1), (1, 1), (chunk, 1), (chunk + 1, 2), (2 * chunk, 2)] {
            assert_eq!(chunks(size), number, "{size}");
        }
        assert_eq!(chunks(u64::MAX), 1 << 48);
    }
}
