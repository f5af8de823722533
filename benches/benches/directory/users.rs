//! Users as they would be: entries, signatures and openings of the usual lengths, whose bytes nothing
//! compresses.

use directory::storage::{Imported, Mutation, SignerError, UserRecord};
use ring::digest::{SHA256, digest};
use transparency::map::Index;
use transparency::vrf::SecretKey;

/// Bytes of an entry: a commitment, a P-256 key, and what it follows.
const ENTRY: usize = 168;
/// Bytes of a signed update around index and entry: a signature under the id of its key, and `previous`.
const AROUND: usize = 190;
/// Bytes of an opening: a nonce, and a profile with one key.
const OPENING: usize = 140;

/// The id of user `n`.
pub(crate) fn id(n: u64) -> String {
    format!("user-{n:09}@example.com")
}

/// Where user `n` is, if its VRF was made up.
pub(crate) fn index(n: u64) -> Index {
    index_of(&vrf(n))
}

/// User `n`, with a VRF that is made up, or computed.
pub(crate) fn imported(n: u64, key: Option<&SecretKey>) -> Result<Imported, SignerError> {
    let (vrf, proof) = match key {
        None => (vrf(n), bytes(n, 1)),
        Some(key) => {
            let (output, proof) = key.prove(id(n))?;
            (*output.as_bytes(), *proof.as_bytes())
        }
    };
    Ok(Imported {
        record: UserRecord {
            vrf,
            proof: Some(proof),
        },
        mutation: mutation(n, index_of(&vrf), 0),
    })
}

/// An update of the entry of user `n`.
pub(crate) fn mutation(n: u64, index: Index, version: u64) -> Mutation {
    let leaf: [u8; ENTRY] = bytes(n, 3 * version + 3);
    let around: [u8; AROUND] = bytes(n, 3 * version + 4);
    let opening: [u8; OPENING] = bytes(n, 3 * version + 5);
    Mutation {
        user: id(n),
        index,
        leaf: leaf.to_vec(),
        update: [&index.as_bytes()[..], &leaf, &around].concat(),
        committed: opening.to_vec(),
    }
}

fn vrf(n: u64) -> [u8; 65] {
    bytes(n, 2)
}

fn index_of(vrf: &[u8]) -> Index {
    Index::from_slice(digest(&SHA256, vrf).as_ref()).expect("32 bytes")
}

/// Bytes that look random (splitmix64).
fn bytes<const N: usize>(n: u64, kind: u64) -> [u8; N] {
    let mut state = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ kind.rotate_left(40);
    let mut bytes = [0; N];
    for chunk in bytes.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        chunk.copy_from_slice(&word.to_be_bytes()[..chunk.len()]);
    }
    bytes
}
