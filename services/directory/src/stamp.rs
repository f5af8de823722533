//! What the directory signs of an epoch: the head of the map, the log's promise to have it, a checkpoint.

use std::collections::BTreeMap;

use transparency::map::Hash;
use transparency::messages::{MapHead, SignedMapHead, Timestamp};
use transparency::note::{Checkpoint, Note};
use transparency::{object_hash, sct};

use crate::keys::Keys;
use crate::storage::{SignedHead, Signer, SignerError};

/// Signs one epoch.
pub(crate) struct Stamp<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) realm: &'a str,
    /// Milliseconds since 1970: the head's time, and its timestamp's.
    pub(crate) issued: u64,
}

impl Signer for Stamp<'_> {
    fn head(&mut self, epoch: u64, root: Hash) -> Result<SignedHead, SignerError> {
        let head = MapHead {
            realm: self.realm.to_owned(),
            epoch,
            root: root.to_vec(),
            issue_time: Some(time(self.issued)),
        };
        let signature = self
            .keys
            .map
            .sign_digitally(&object_hash::map_head(&head))?;
        let smh = SignedMapHead {
            map_head: Some(head),
            signatures: BTreeMap::from([(self.keys.map.id().to_string(), signature)]),
            auditor_signatures: BTreeMap::new(),
        };
        let text = sct::entry_text(&smh);
        let promise = self
            .keys
            .log
            .sign(&sct::signature_input(self.issued, &text)?)?;
        let promise = sct::Sct {
            log_id: *self.keys.log.id().as_bytes(),
            timestamp_ms: self.issued,
            signature: promise,
        };
        Ok(SignedHead {
            head: smh.encode(),
            sct: promise.encode()?,
            entry: sct::merkle_leaf(self.issued, &text)?,
        })
    }

    fn checkpoint(&mut self, size: u64, root: Hash) -> Result<Vec<u8>, SignerError> {
        let checkpoint = Checkpoint {
            origin: Keys::origin(self.realm),
            size,
            root,
        };
        let mut note = Note::new(checkpoint.to_string())?;
        note.sign(&self.keys.checkpoint)?;
        Ok(note.to_string().into_bytes())
    }
}

fn time(milliseconds: u64) -> Timestamp {
    let nanos = milliseconds % 1000 * 1_000_000;
    Timestamp {
        seconds: i64::try_from(milliseconds / 1000).unwrap_or(i64::MAX),
        nanos: u32::try_from(nanos).unwrap_or(0),
    }
}
