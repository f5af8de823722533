//! Whether an update may replace an entry: what a directory checks when it takes one and again when it
//! applies it, and what auditors and owners check afterwards.

use crate::messages::{Entry, PublicKey, SignedKv};
use crate::signature::VerifyingKey;
use crate::{object_hash, protobuf};

/// The most bytes of a serialised update.
pub const MAX: usize = 16 * 1024;

/// What an acceptable update does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It writes its value.
    Apply,
    /// It is the update that wrote the present value, come again. It does nothing.
    Replay,
}

/// An update that may not be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is too long.
    #[error("the update has {size} bytes; at most {MAX} are taken")]
    Size {
        /// Its serialised bytes.
        size: usize,
    },
    /// It doesn't replace the present entry.
    #[error("`previous` isn't the hash of the present entry: read the entry again, and sign anew")]
    Previous,
    /// Its value is no entry.
    #[error("the value is no Entry: {0}")]
    Entry(protobuf::Error),
    /// The present leaf is no entry.
    #[error("the present leaf is no Entry: {0}")]
    Leaf(protobuf::Error),
    /// Nobody could ever replace it.
    #[error("the new entry authorizes no key that could sign the next update (P-256)")]
    NoKey,
    /// The `previous` inside the entry is another than beside it.
    #[error("`previous` inside the entry isn't the update's `previous`")]
    PreviousInside,
    /// Entries of this user say `previous` inside, and this one doesn't.
    #[error(
        "the entry says no `previous` inside, as the present one does: an old value may not come back"
    )]
    PreviousDropped,
    /// No authorized key signed it.
    #[error("no key that may change the entry signed the update")]
    Signature,
}

impl Error {
    /// The stable code of this failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Size { .. } => "kt.update-size",
            Self::Entry(_) | Self::Leaf(_) => "kt.form",
            Self::Previous => "kt.update-previous",
            Self::PreviousInside | Self::PreviousDropped => "kt.update-rollback",
            Self::NoKey => "kt.update-keys",
            Self::Signature => "kt.update-signature",
        }
    }
}

/// Checks an update against the present leaf (a serialised entry, as it stands in the map), if there is one.
/// The caller has checked that `key` is the user's index, and that the commitment opens.
///
/// # Errors
///
/// The first rule that the update breaks, in the order of the rules.
pub fn check(update: &SignedKv, leaf: Option<&[u8]>) -> Result<Verdict, Error> {
    let size = update.encode().len();
    if size > MAX {
        return Err(Error::Size { size });
    }
    let value = update.key_value.value.as_slice();
    if update.previous != object_hash::previous(leaf) {
        return match leaf {
            Some(leaf) if leaf == value => Ok(Verdict::Replay),
            _ => Err(Error::Previous),
        };
    }
    let new = Entry::decode(value).map_err(Error::Entry)?;
    let old = leaf.map(Entry::decode).transpose().map_err(Error::Leaf)?;
    let own = usable_keys(&new);
    if own.is_empty() {
        return Err(Error::NoKey);
    }
    check_signed(update, &old.as_ref().map_or(own, usable_keys))?;
    check_previous_inside(update, &new, old.as_ref())?;
    Ok(Verdict::Apply)
}

/// The keys of an entry that can sign an update. Those of other kinds are passed over.
pub fn usable_keys(entry: &Entry) -> Vec<VerifyingKey> {
    let mut keys: Vec<VerifyingKey> = Vec::new();
    for key in &entry.authorized_keys {
        let PublicKey::P256(der) = key else { continue };
        match VerifyingKey::from_der(der) {
            Ok(key) if !keys.contains(&key) => keys.push(key),
            _ => {}
        }
    }
    keys
}

/// One signature of one of `keys` is enough; others, and those of other keys, don't matter.
fn check_signed(update: &SignedKv, keys: &[VerifyingKey]) -> Result<(), Error> {
    let preimage = object_hash::key_value(&update.key_value);
    let signed = |key: &VerifyingKey| key.verify_among(&preimage, &update.signatures).is_ok();
    keys.iter()
        .any(signed)
        .then_some(())
        .ok_or(Error::Signature)
}

/// The signature of an update covers its value only. With the hash of the replaced leaf in there, it can't
/// be used again later.
fn check_previous_inside(update: &SignedKv, new: &Entry, old: Option<&Entry>) -> Result<(), Error> {
    if new.previous.is_empty() {
        return match old {
            Some(old) if !old.previous.is_empty() => Err(Error::PreviousDropped),
            _ => Ok(()),
        };
    }
    let alike = new.previous == update.previous;
    alike.then_some(()).ok_or(Error::PreviousInside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Profile;
    use crate::signature::SigningKey;
    use crate::update::Draft;

    /// An update that replaces `previous` and authorizes `owner`, signed by `signer`.
    fn update(previous: Option<&[u8]>, owner: &SigningKey, signer: &SigningKey) -> SignedKv {
        let draft = Draft {
            user: "alice",
            index: &[1; 32],
            previous,
            profile: &Profile::default(),
            authorized_keys: &[owner.verifying_key().clone()],
            nonce: &[0; 16],
        };
        draft.sign(&[signer]).unwrap().update
    }

    /// The same with another entry, signed again.
    fn with_entry(mut update: SignedKv, signer: &SigningKey, entry: &Entry) -> SignedKv {
        update.key_value.value = entry.encode();
        let preimage = object_hash::key_value(&update.key_value);
        let signed = signer.sign_digitally(&preimage).unwrap();
        update.signatures = [(signer.id().to_string(), signed)].into();
        update
    }

    fn entry_of(update: &SignedKv) -> Entry {
        Entry::decode(&update.key_value.value).unwrap()
    }

    #[test]
    fn only_the_present_key_replaces_an_entry() {
        let [a, b] = [(); 2].map(|()| SigningKey::generate().unwrap());
        let first = update(None, &a, &a);
        assert_eq!(check(&first, None), Ok(Verdict::Apply));
        assert_eq!(check(&update(None, &a, &b), None), Err(Error::Signature));
        let leaf = Some(first.key_value.value.as_slice());
        assert_eq!(check(&first, leaf), Ok(Verdict::Replay));
        assert_eq!(check(&update(leaf, &b, &a), leaf), Ok(Verdict::Apply));
        assert_eq!(check(&update(leaf, &b, &b), leaf), Err(Error::Signature));
        assert_eq!(check(&update(None, &b, &a), leaf), Err(Error::Previous));
    }

    #[test]
    fn an_old_value_does_not_come_back() {
        let a = SigningKey::generate().unwrap();
        let first = update(None, &a, &a);
        let second = update(Some(&first.key_value.value), &a, &a);
        let leaf = Some(second.key_value.value.as_slice());
        let mut again = first.clone();
        again.previous = object_hash::previous(leaf).to_vec();
        assert_eq!(check(&again, leaf), Err(Error::PreviousInside));
        let mut entry = entry_of(&first);
        entry.previous.clear();
        let without = with_entry(again, &a, &entry);
        assert_eq!(check(&without, leaf), Err(Error::PreviousDropped));
    }

    #[test]
    fn entries_may_begin_to_say_previous() {
        let a = SigningKey::generate().unwrap();
        let mut entry = entry_of(&update(None, &a, &a));
        entry.previous.clear();
        let first = with_entry(update(None, &a, &a), &a, &entry);
        assert_eq!(check(&first, None), Ok(Verdict::Apply));
        let leaf = Some(first.key_value.value.as_slice());
        assert_eq!(check(&update(leaf, &a, &a), leaf), Ok(Verdict::Apply));
    }

    #[test]
    fn keys_of_other_kinds_are_passed_over() {
        let a = SigningKey::generate().unwrap();
        let first = update(None, &a, &a);
        let mut entry = entry_of(&first);
        entry
            .authorized_keys
            .insert(0, PublicKey::Ed25519(vec![0; 32]));
        entry
            .authorized_keys
            .insert(0, PublicKey::P256(vec![0; 91]));
        let mixed = with_entry(first.clone(), &a, &entry);
        assert_eq!(check(&mixed, None), Ok(Verdict::Apply));
        entry.authorized_keys.pop();
        let none = with_entry(first, &a, &entry);
        assert_eq!(check(&none, None), Err(Error::NoKey));
    }

    #[test]
    fn long_updates_and_other_values_are_refused() {
        let a = SigningKey::generate().unwrap();
        let mut update = update(None, &a, &a);
        let size = update.encode().len();
        update.key_value.value = vec![0; MAX];
        assert!(matches!(check(&update, None), Err(Error::Size { size: large }) if large > size));
        update.key_value.value = vec![7];
        assert!(matches!(check(&update, None), Err(Error::Entry(_))));
    }
}
