//! The protocol buffers of a key directory, and an update that holds with some of its bytes changed.

use std::fmt::Debug;
use std::sync::LazyLock;

use transparency::commitment;
use transparency::messages::{
    Committed, Entry, EntryUpdate, Profile, PublicKey, SignedKv, SignedMapHead,
};
use transparency::mutation::{self, Verdict};
use transparency::protobuf::Error;

/// Whose update it is.
const USER: &str = "alice";

/// One that holds: the first of its user.
pub(crate) const GOOD: &[u8] = include_bytes!("seeds/kt-update.pb");

static UPDATE: LazyLock<EntryUpdate> =
    LazyLock::new(|| EntryUpdate::decode(GOOD).expect("it is one"));

/// `data` is all of that: a message of each kind, and a list of changes (where, as two bytes, and to what).
pub fn run(data: &[u8]) {
    again(data, Committed::decode, Committed::encode);
    again(data, Profile::decode, Profile::encode);
    again(data, PublicKey::decode, PublicKey::encode);
    again(data, SignedMapHead::decode, SignedMapHead::encode);
    if let Some(entry) = again(data, Entry::decode, Entry::encode) {
        let usable = mutation::usable_keys(&entry).len();
        assert!(usable <= entry.authorized_keys.len());
    }
    if let Some(update) = again(data, SignedKv::decode, SignedKv::encode) {
        forged(&EntryUpdate {
            update,
            committed: None,
        });
    }
    let mut changed = GOOD.to_vec();
    let (changes, _) = data.as_chunks::<3>();
    for [high, low, to] in changes {
        let at = usize::from(u16::from_be_bytes([*high, *low]));
        changed[at % GOOD.len()] = *to;
    }
    for bytes in [data, &changed] {
        if let Some(update) = again(bytes, EntryUpdate::decode, EntryUpdate::encode) {
            forged(&update);
        }
    }
}

/// Nobody here has a key, or finds another opening: only what was signed and committed to is taken.
pub(crate) fn forged(update: &EntryUpdate) {
    let (signed, good) = (&update.update, &UPDATE.update);
    match mutation::check(signed, None) {
        Ok(Verdict::Apply) => {
            // An update signs itself with a key of its own; here there is one key.
            assert_eq!(signed.key_value, good.key_value);
            assert_eq!(signed.previous, good.previous);
        }
        Ok(other) => panic!("nothing is there that could be said again: {other:?}"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let leaf = good.key_value.value.as_slice();
    match mutation::check(signed, Some(leaf)) {
        Ok(Verdict::Replay) => assert_eq!(signed.key_value.value, leaf),
        Ok(other) => panic!("nobody signed another one: {other:?}"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let entry = Entry::decode(leaf).expect("it is one");
    if let Some(committed) = &update.committed {
        let opens = commitment::opens(&entry.commitment, USER, committed);
        assert_eq!(opens, UPDATE.committed.as_ref() == Some(committed));
    }
}

/// What is read is written so that it is read again.
fn again<T: Debug + PartialEq>(
    data: &[u8],
    decode: fn(&[u8]) -> Result<T, Error>,
    encode: fn(&T) -> Vec<u8>,
) -> Option<T> {
    let message = decode(data).ok()?;
    assert_eq!(decode(&encode(&message)).as_ref(), Ok(&message));
    Some(message)
}
