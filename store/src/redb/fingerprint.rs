//! Short names for order ids and replay keys.
//!
//! Ids and keys may be a kilobyte long, and each has to be found again among millions. What is
//! stored and compared is half of a SHA-256 over the whole: that two of them ever meet is less
//! likely than that the machine miscounts. The salt differs from store to store and never leaves
//! the file, so nobody can look for a pair that meets.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use ring::digest::{Context, SHA256};

use crate::{OrderId, PartitionId, ReplayKey};

/// Bytes of a [`Fingerprint`].
pub(super) const SIZE: usize = 16;

/// Stands for an order id, or for a replay key of a partition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Fingerprint(pub(super) [u8; SIZE]);

/// Takes fingerprints in one store.
#[derive(Clone, Copy)]
pub(super) struct Fingerprinter {
    pub(super) salt: [u8; SIZE],
}

impl Fingerprinter {
    pub(super) fn order(&self, id: &OrderId) -> Fingerprint {
        self.take(&[b"order", id.as_bytes()])
    }

    pub(super) fn replay(&self, partition: &PartitionId, key: &ReplayKey) -> Fingerprint {
        self.replay_in(partition.as_bytes(), key.as_bytes())
    }

    pub(super) fn replay_in(&self, partition: &[u8], key: &[u8]) -> Fingerprint {
        let length = partition.len().to_le_bytes();
        self.take(&[b"replay", &length, partition, key])
    }

    fn take(&self, parts: &[&[u8]]) -> Fingerprint {
        let mut context = Context::new(&SHA256);
        context.update(&self.salt);
        for part in parts {
            context.update(part);
        }
        let mut print = [0; SIZE];
        for (to, from) in print.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        Fingerprint(print)
    }
}

/// Fingerprints one after the other, as they are stored.
pub(super) fn flat(prints: &[Fingerprint]) -> Vec<u8> {
    prints.iter().flat_map(|print| print.0).collect()
}

/// A map by fingerprints, which are as good as any hash already.
pub(super) type ByFingerprint<V> = HashMap<Fingerprint, V, BuildHasherDefault<AsIs>>;

/// Takes the last eight bytes of what it is given.
#[derive(Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            self.0 = u64::from_le_bytes(*last);
        }
    }

    // The length that comes before the bytes of an array says nothing.
    fn write_usize(&mut self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_things_have_different_fingerprints() {
        let one = Fingerprinter { salt: [1; SIZE] };
        let other = Fingerprinter { salt: [2; SIZE] };
        let print = one.order(&"id".into());
        assert_eq!(print, one.order(&"id".into()));
        assert_ne!(print, one.order(&"id2".into()));
        assert_ne!(print, other.order(&"id".into()));
        assert_ne!(print, one.replay(&"".into(), &"id".into()));
        // Not even if the bytes are the same together.
        let (ab, b) = ("ab".into(), "b".into());
        assert_ne!(one.replay(&ab, &b), one.replay(&"a".into(), &"bb".into()));
    }
}
