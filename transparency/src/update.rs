//! Makes updates: what a user signs to change its entry.

use crate::commitment::NONCE;
use crate::messages::{EntryUpdate, Profile};
use crate::signature::{self, SigningKey, VerifyingKey};

/// An update before it is signed.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// The user's id.
    pub user: &'a str,
    /// The user's index in the map: what the VRF says for its id.
    pub index: &'a [u8; 32],
    /// The leaf that is replaced, as the directory proved it; `None` for the first entry.
    pub previous: Option<&'a [u8]>,
    /// What the entry commits to.
    pub profile: &'a Profile,
    /// The keys of which one has to sign the next update.
    pub authorized_keys: &'a [VerifyingKey],
    /// Fresh randomness.
    pub nonce: &'a [u8; NONCE],
}

impl Draft<'_> {
    /// Signs it with each of `keys`: for a first entry one of the authorized keys, otherwise one that the
    /// replaced entry authorizes.
    ///
    /// # Errors
    ///
    /// [`signature::Error::Random`].
    pub fn sign(&self, keys: &[&SigningKey]) -> Result<EntryUpdate, signature::Error> {
        let _ = keys;
        Err(signature::Error::Random)
    }
}
