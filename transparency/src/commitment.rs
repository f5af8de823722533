//! Commitments: what stands in a leaf in place of the profile, and hides it.
//!
//! HMAC with SHA-512/256 over the user's id, with its length, and the data. Two forms are in use: with a
//! fixed key and the nonce in the text (since October 2016, and the one that is made here), and with the
//! nonce as the key (before). Nonces are 16 bytes, which keeps the two apart.

use sha2::{Digest as _, Sha512_256};
use subtle::ConstantTimeEq as _;

use crate::messages::Committed;

/// The bytes of a nonce.
pub const NONCE: usize = 16;

/// A commitment: 32 bytes.
pub type Commitment = [u8; 32];

/// The key of the fixed form, which anybody knows: the commitment hides by its nonce.
const KEY: [u8; 16] = [
    0x19, 0x6e, 0x7e, 0x52, 0x84, 0xa7, 0xef, 0x93, 0x0e, 0xcb, 0x9a, 0x19, 0x78, 0x74, 0x97, 0x55,
];

/// The bytes that HMAC hashes at once.
const BLOCK: usize = 128;

/// Commits to `data`, a serialised profile, of `user`. Whoever has the nonce can tell the data, so each
/// commitment takes a fresh one, of randomness that nobody else knows.
pub fn commit(user: &str, nonce: &[u8; NONCE], data: &[u8]) -> Commitment {
    let text = [b"Key Transparency Commitment".as_slice(), nonce];
    hmac(&KEY, &text, user, data)
}

/// Whether `committed` is what `commitment` commits `user` to, in either form. Never if the nonce isn't
/// [`NONCE`] bytes.
pub fn opens(commitment: &[u8], user: &str, committed: &Committed) -> bool {
    let Ok(nonce) = <&[u8; NONCE]>::try_from(committed.key.as_slice()) else {
        return false;
    };
    let fixed = commit(user, nonce, &committed.data);
    let keyed = hmac(nonce, &[], user, &committed.data);
    bool::from(fixed.ct_eq(commitment) | keyed.ct_eq(commitment))
}

/// HMAC over `begin`, the user's id after its length, and the data. Source: RFC 2104.
fn hmac(key: &[u8; 16], begin: &[&[u8]], user: &str, data: &[u8]) -> Commitment {
    let pad = |byte: u8| {
        let mut block = [byte; BLOCK];
        for (pad, key) in block.iter_mut().zip(key) {
            *pad ^= key;
        }
        block
    };
    let mut inner = Sha512_256::new_with_prefix(pad(0x36));
    for part in begin {
        inner.update(part);
    }
    // Ids are a segment of an address: no length comes near the limit.
    inner.update(u32::try_from(user.len()).unwrap_or(u32::MAX).to_be_bytes());
    inner.update(user.as_bytes());
    inner.update(data);
    let outer = Sha512_256::new_with_prefix(pad(0x5c)).chain_update(inner.finalize());
    outer.finalize().into()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// From an answer of 2016.
    #[test]
    fn the_keyed_form_opens() {
        let bytes = |text| STANDARD.decode(text).unwrap();
        let mut committed = Committed {
            key: bytes("B4IhW09t4bYTkQZF1p7Rvw=="),
            data: bytes("CgwKBGFwcDISBHRlc3QKDAoEYXBwMRIEdGVzdA=="),
        };
        let commitment = bytes("94O1BhO6jskzxpy7MPUpsAljD84z8+uRtL7+HH1cPfc=");
        assert!(opens(&commitment, "gbelvin@google.com", &committed));
        assert!(!opens(&commitment, "gbelvin@google.co", &committed));
        assert!(!opens(&commitment[..31], "gbelvin@google.com", &committed));
        committed.data.push(0);
        assert!(!opens(&commitment, "gbelvin@google.com", &committed));
    }

    #[test]
    fn the_fixed_form_opens_what_it_made() {
        let nonce = [7; NONCE];
        let mut committed = Committed {
            key: nonce.to_vec(),
            data: b"profile".to_vec(),
        };
        let commitment = commit("alice", &nonce, b"profile");
        assert!(opens(&commitment, "alice", &committed));
        assert!(!opens(
            &commit("alicep", &nonce, b"rofile"),
            "alice",
            &committed
        ));
        committed.key.push(0);
        assert!(!opens(&commitment, "alice", &committed));
        committed.key.truncate(15);
        assert!(!opens(&commitment, "alice", &committed));
    }

    #[test]
    fn the_length_keeps_id_and_data_apart() {
        let nonce = [0; NONCE];
        assert_ne!(commit("a", &nonce, b""), commit("", &nonce, b"a"));
    }
}
