//! What a client remembers of a directory between answers.

mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::map::Hash;
use crate::messages::{SignedMapHead, Timestamp};
use crate::object_hash;

/// Recent heads whose roots are remembered.
const HEADS: usize = 64;
/// Users that are remembered, beside one's own.
const USERS: usize = 1024;
/// Entries of a user that were replaced and must not come back.
const REPLACED: usize = 64;

/// What a client remembers of a directory: without it, an old state, or another one than yesterday's, looks
/// like any other.
///
/// It is JSON, to be kept where the directory and its host can't change it, and is bounded: the newest heads,
/// the log, and the entries of the users that were asked for last. [`Default`] remembers nothing, and trusts the
/// first head that it sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// The realm that all this is of; empty before the first answer.
    #[serde(default)]
    pub(crate) realm: String,
    /// The newest head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) head: Option<SeenHead>,
    /// The roots of the newest heads that were seen, by their epochs.
    #[serde(default, with = "text::roots")]
    pub(crate) roots: BTreeMap<u64, Hash>,
    /// The log, as far as it was shown to continue the first one that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) log: Option<LogState>,
    /// The newest log that was seen, if nobody has shown yet that it continues `log`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) newer_log: Option<LogState>,
    /// What was seen of users.
    #[serde(default)]
    pub(crate) users: BTreeMap<String, SeenUser>,
}

/// The newest head that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeenHead {
    pub(crate) epoch: u64,
    #[serde(with = "text::hash")]
    pub(crate) root: Hash,
    pub(crate) issue_time: Timestamp,
    /// As it was signed: with another one of the same epoch it proves that the directory lies.
    pub(crate) signed: SignedMapHead,
}

/// A log of heads: so many, with this root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogState {
    /// The number of its leaves.
    pub size: u64,
    /// Its root, of RFC 6962.
    #[serde(with = "text::hash")]
    pub root: Hash,
}

/// What was seen of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeenUser {
    /// The epoch in which it was seen last.
    pub(crate) epoch: u64,
    /// The object hash of the leaf that it had then.
    #[serde(
        default,
        with = "text::maybe_hash",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) leaf: Option<Hash>,
    /// Object hashes of leaves that were replaced, the newest last.
    #[serde(default, with = "text::hashes", skip_serializing_if = "Vec::is_empty")]
    pub(crate) replaced: Vec<Hash>,
    /// Whether the user is one's own, so that nothing changes but by [`Memory::announce`].
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) own: bool,
    /// Object hashes of one's own leaves that may come next.
    #[serde(default, with = "text::hashes", skip_serializing_if = "Vec::is_empty")]
    pub(crate) announced: Vec<Hash>,
    /// How far the history has been checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) history: Option<Checkpoint>,
}

/// A place in a user's history up to which everything was checked: where the next check goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The last epoch that was checked.
    pub epoch: u64,
    /// The leaf that the user had then; empty if it had none.
    #[serde(
        default,
        with = "crate::json::bytes",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub leaf: Vec<u8>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Memory {
    /// Reads it from JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`] if the text is none.
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(text).map_err(|fault| Error::Memory(fault.to_string()))
    }

    /// The epoch of the newest head that was seen, and its root.
    pub fn newest(&self) -> Option<(u64, Hash)> {
        self.head.as_ref().map(|head| (head.epoch, head.root))
    }

    /// The log, as far as it was shown to continue the first one that was seen.
    pub fn log(&self) -> Option<LogState> {
        self.log
    }

    /// A newer log that was seen, and of which [`Verifier::link`](crate::verifier::Verifier::link) has not been
    /// shown yet that it continues [`log`](Self::log).
    pub fn newer_log(&self) -> Option<LogState> {
        self.newer_log
    }

    /// How far this user's history has been checked.
    pub fn history(&self, user: &str) -> Option<&Checkpoint> {
        self.users.get(user)?.history.as_ref()
    }

    /// Whether the user is one's own.
    pub fn is_own(&self, user: &str) -> bool {
        self.users.get(user).is_some_and(|seen| seen.own)
    }

    /// Says that this user is one's own, and that this leaf is going to be put. To be called, and kept, *before*
    /// the update is sent: from now on any other leaf is somebody else's
    /// ([`Error::ForeignChange`]).
    pub fn announce(&mut self, user: &str, leaf: &[u8]) {
        let seen = self.users.entry(user.to_owned()).or_default();
        let hash = object_hash::previous(Some(leaf));
        seen.own = true;
        if seen.leaf != Some(hash) && !seen.announced.contains(&hash) {
            seen.announced.push(hash);
        }
        let spare = seen.announced.len().saturating_sub(REPLACED);
        seen.announced.drain(..spare);
    }

    /// Says that this user is one's own as it is now, without an update.
    pub fn own(&mut self, user: &str) {
        self.users.entry(user.to_owned()).or_default().own = true;
    }

    /// Checks that a leaf may follow what was seen of this user.
    pub(crate) fn check_user(
        &self,
        user: &str,
        epoch: u64,
        leaf: Option<&[u8]>,
    ) -> Result<(), Error> {
        let Some(seen) = self.users.get(user) else {
            return Ok(());
        };
        let Some(leaf) = leaf else {
            return match seen.leaf {
                Some(_) => Err(Error::Vanished {
                    user: user.to_owned(),
                    epoch,
                    seen: seen.epoch,
                }),
                None => Ok(()),
            };
        };
        let hash = object_hash::previous(Some(leaf));
        if seen.leaf == Some(hash) {
            Ok(())
        } else if seen.replaced.contains(&hash) {
            Err(Error::Rollback {
                epoch,
                what: "an entry that was seen before, and then replaced, is there again".to_owned(),
            })
        } else if seen.own && !seen.announced.contains(&hash) {
            Err(Error::ForeignChange {
                epoch,
                what: "it is not the entry that its owner put".to_owned(),
            })
        } else {
            Ok(())
        }
    }

    /// Remembers a leaf that has been checked.
    pub(crate) fn see_user(&mut self, user: &str, epoch: u64, leaf: Option<&[u8]>) {
        let seen = self.users.entry(user.to_owned()).or_default();
        seen.epoch = epoch;
        let hash = leaf.map(|leaf| object_hash::previous(Some(leaf)));
        if hash != seen.leaf {
            if let Some(old) = seen.leaf {
                seen.replaced.push(old);
            }
            // What was announced before it has been passed over.
            if let Some(at) = seen.announced.iter().position(|one| Some(*one) == hash) {
                let past = seen.announced.drain(..=at);
                seen.replaced.extend(past.filter(|one| Some(*one) != hash));
            }
            let spare = seen.replaced.len().saturating_sub(REPLACED);
            seen.replaced.drain(..spare);
            seen.leaf = hash;
        }
        self.forget_users();
    }

    /// Remembers a head that has been checked.
    pub(crate) fn see_head(&mut self, head: SeenHead) {
        self.roots.insert(head.epoch, head.root);
        while self.roots.len() > HEADS {
            self.roots.pop_first();
        }
        if self
            .head
            .as_ref()
            .is_none_or(|seen| seen.epoch < head.epoch)
        {
            self.head = Some(head);
        }
    }

    /// Remembers how far a history has been checked.
    pub(crate) fn see_history(&mut self, user: &str, checkpoint: Checkpoint) {
        let seen = self.users.entry(user.to_owned()).or_default();
        seen.history = Some(checkpoint);
    }

    /// Drops those that have been asked for the longest ago; never one's own.
    fn forget_users(&mut self) {
        while self.users.values().filter(|seen| !seen.own).count() > USERS {
            let oldest = self
                .users
                .iter()
                .filter(|(_, seen)| !seen.own)
                .min_by_key(|(_, seen)| seen.epoch)
                .map(|(user, _)| user.clone());
            if let Some(oldest) = oldest {
                self.users.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_own_users_are_never_forgotten() {
        let mut memory = Memory::default();
        memory.own("me");
        for number in 0..USERS + 10 {
            memory.see_user(&format!("user {number}"), number as u64, Some(b"leaf"));
        }
        assert_eq!(memory.users.len(), USERS + 1);
        assert!(memory.is_own("me"));
        assert!(!memory.users.contains_key("user 9"));
        assert!(memory.users.contains_key("user 10"));
    }

    #[test]
    fn announced_entries_come_one_after_the_other() {
        let mut memory = Memory::default();
        memory.see_user("me", 1, Some(b"first"));
        for leaf in [&b"second"[..], b"third"] {
            memory.announce("me", leaf);
            assert_eq!(memory.check_user("me", 2, Some(leaf)), Ok(()));
        }
        let refused = |memory: &Memory, leaf: &[u8]| {
            memory
                .check_user("me", 3, Some(leaf))
                .map_err(|fault| fault.code())
        };
        assert_eq!(refused(&memory, b"foreign"), Err("kt.foreign-change"));
        // The second one was passed over, and must not come any more.
        memory.see_user("me", 3, Some(b"third"));
        assert_eq!(refused(&memory, b"third"), Ok(()));
        for leaf in [&b"first"[..], b"second"] {
            assert_eq!(refused(&memory, leaf), Err("kt.rollback"));
        }
    }

    #[test]
    fn what_is_no_memory_is_refused() {
        for text in [
            "",
            "[3]",
            r#"{"relm":"x"}"#,
            r#"{"log":{"size":1,"root":"AA=="}}"#,
        ] {
            let fault = Memory::from_json(text.as_bytes()).unwrap_err();
            assert_eq!(fault.code(), "kt.memory", "{text}");
        }
        assert_eq!(Memory::from_json(b"{}"), Ok(Memory::default()));
    }
}
