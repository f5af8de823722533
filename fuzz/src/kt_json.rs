//! The JSON of a key directory: answers, histories, and the bodies that change an entry.

use serde::Serialize;
use serde::de::DeserializeOwned;
use transparency::json::{self, Error};
use transparency::messages::{Entry, EntryUpdate, GetEntryResponse, History, SignedMapHead};
use transparency::object_hash;

use crate::kt_protobuf;

/// `data` is a text: of each kind.
pub fn run(data: &[u8]) {
    if let Some(answer) = read::<GetEntryResponse>(data) {
        let both = json::write_put_answer(&answer).expect("its time is one");
        assert_eq!(json::read_put_answer(&both).as_ref(), Ok(&answer));
        answer.smh.iter().for_each(head);
    }
    read::<History>(data);
    if let Some(entry) = read::<Entry>(data) {
        assert_eq!(Entry::decode(&entry.encode()).as_ref(), Ok(&entry));
    }
    if let Some(update) = known(json::read_put(data)) {
        let text = json::write(&update).expect("it has no time");
        assert_eq!(json::read_put(&text).as_ref(), Ok(&update));
        assert_eq!(EntryUpdate::decode(&update.encode()).as_ref(), Ok(&update));
        kt_protobuf::forged(&update);
    }
    let _answer = known(json::read_put_answer(data));
}

/// What is read is written so that it is read again.
fn read<T: DeserializeOwned + PartialEq + Serialize + std::fmt::Debug>(data: &[u8]) -> Option<T> {
    let message = known(json::read::<T>(data))?;
    let text = json::write(&message).expect("its times are times");
    assert_eq!(json::read::<T>(&text).as_ref(), Ok(&message));
    Some(message)
}

/// An error is one line that repeats nothing of the text.
fn known<T>(read: Result<T, Error>) -> Option<T> {
    match read {
        Ok(message) => Some(message),
        Err(error) => {
            let text = error.to_string();
            let plain = text.is_ascii() && text.lines().count() == 1;
            assert!(plain && text.len() < 160, "{text}");
            None
        }
    }
}

fn head(signed: &SignedMapHead) {
    assert_eq!(SignedMapHead::decode(&signed.encode()).as_ref(), Ok(signed));
    if let Some(head) = &signed.map_head {
        // A letter, and two hashes for each member that holds something.
        assert_eq!(object_hash::map_head(head).len() % 64, 1);
    }
}
