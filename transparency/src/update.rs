//! Makes updates: what a user signs to change its entry.

use crate::commitment::{NONCE, commit};
use crate::messages::{
    Committed, Entry, EntryUpdate, KeyValue, Profile, PublicKey, Signatures, SignedKv,
};
use crate::object_hash;
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
        let committed = Committed {
            key: self.nonce.to_vec(),
            data: self.profile.encode(),
        };
        let previous = object_hash::previous(self.previous).to_vec();
        let keys_of_next = self.authorized_keys.iter();
        let entry = Entry {
            commitment: commit(self.user, self.nonce, &committed.data).to_vec(),
            authorized_keys: keys_of_next
                .map(|key| PublicKey::P256(key.to_der()))
                .collect(),
            previous: previous.clone(),
        };
        let key_value = KeyValue {
            key: self.index.to_vec(),
            value: entry.encode(),
        };
        let preimage = object_hash::key_value(&key_value);
        let mut signatures = Signatures::new();
        for key in keys {
            signatures.insert(key.id().to_string(), key.sign_digitally(&preimage)?);
        }
        Ok(EntryUpdate {
            update: SignedKv {
                key_value,
                signatures,
                previous,
            },
            committed: Some(committed),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commitment::opens;
    use crate::json;

    #[test]
    fn an_update_opens_and_is_the_same_on_the_wire() {
        let key = SigningKey::generate().unwrap();
        let profile = Profile([("app".to_owned(), b"key".to_vec())].into());
        let draft = Draft {
            user: "alice",
            index: &[1; 32],
            previous: Some(b"leaf"),
            profile: &profile,
            authorized_keys: &[key.verifying_key().clone()],
            nonce: &[2; NONCE],
        };
        let update = draft.sign(&[&key]).unwrap();
        let entry = Entry::decode(&update.update.key_value.value).unwrap();
        let committed = update.committed.as_ref().unwrap();
        assert!(opens(&entry.commitment, "alice", committed));
        assert_eq!(Profile::decode(&committed.data).unwrap(), profile);
        assert_eq!(entry.previous, update.update.previous);
        let text = json::write(&update).unwrap();
        assert_eq!(json::read_put(&text).unwrap(), update);
        assert_eq!(EntryUpdate::decode(&update.encode()).unwrap(), update);
    }
}
