//! A user's history: nothing left out, and every change signed by who may change it.

use super::{Head, Logged, Verified, Verifier, log};
use crate::error::Error;
use crate::map::Hash;
use crate::memory::{Checkpoint, LogState, Memory};
use crate::messages::{Entry, GetEntryResponse, History, PublicKey, SignedKv};
use crate::mutation;
use crate::object_hash;
use crate::signature::{KeyId, VerifyingKey};

/// Which epochs a history has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Every epoch, changed or not: nothing can be left out.
    EveryEpoch,
    /// Those in which the entry changed. Complete if each entry says inside which one it replaces
    /// ([`Change::chained`]).
    ChangesOnly,
}

/// A change in a user's history, which was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The answer of the epoch in which the entry changed.
    pub verified: Verified,
    /// Whether the signed entry itself says which one it replaces, so that nothing can have been between them.
    pub chained: bool,
    /// The keys that have signed it, of those that may.
    pub signers: Vec<KeyId>,
}

/// Checks a user's history, page by page, up to the newest answer.
///
/// ```text
/// GET /v1/users/{user}/history?start=E&page_size=16[&changes_only=1]
/// ```
#[derive(Clone, Debug)]
pub struct HistoryCheck<'a> {
    verifier: &'a Verifier,
    newest: &'a Verified,
    coverage: Coverage,
    /// The epoch that the next page has to be asked for.
    next: Option<u64>,
    /// The epoch up to which everything has been checked.
    reached: Option<u64>,
    /// The head of that epoch, if it is of this check.
    head: Option<Head>,
    /// The leaf in that epoch; empty if there was none.
    leaf: Vec<u8>,
    /// Object hashes of the leaves that were there before it.
    replaced: Vec<Hash>,
    log: Option<LogState>,
    /// Keys of which one has to have signed each change; any that is authorized if empty.
    owners: Vec<VerifyingKey>,
}

impl Verifier {
    /// Begins to check the history that leads to `newest`: after `from`, or at epoch 0.
    pub fn history<'a>(
        &'a self,
        newest: &'a Verified,
        coverage: Coverage,
        from: Option<&Checkpoint>,
    ) -> HistoryCheck<'a> {
        let start = from.map_or(0, |from| from.epoch.saturating_add(1));
        HistoryCheck {
            verifier: self,
            newest,
            coverage,
            next: (start <= newest.epoch()).then_some(start),
            reached: from.map(|from| from.epoch),
            head: None,
            leaf: from.map(|from| from.leaf.clone()).unwrap_or_default(),
            replaced: Vec::new(),
            log: None,
            owners: Vec::new(),
        }
    }
}

impl HistoryCheck<'_> {
    /// Demands that every change is signed by one of these keys: those of the owner. Otherwise any key counts
    /// that the entry before had authorized.
    #[must_use]
    pub fn owned_by(mut self, keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        self.owners = keys.into_iter().collect();
        self
    }

    /// The epoch to ask the next page for; `None` when nothing is left to ask for.
    pub fn next_start(&self) -> Option<u64> {
        self.next
    }

    /// The epoch up to which the history has been checked, if any of it has.
    pub fn reached(&self) -> Option<u64> {
        self.reached
    }

    /// Verifies the page that begins with [`next_start`](Self::next_start): the changes on it. What it says of
    /// epochs after the newest answer's is left for the next check.
    ///
    /// # Errors
    ///
    /// [`Error`]: the first thing that is wrong. The check is then over.
    pub fn page(&mut self, page: &History, memory: &Memory) -> Result<Vec<Change>, Error> {
        let start = self
            .next
            .take()
            .ok_or_else(|| Error::HistoryGap("a page follows the last one".to_owned()))?;
        let mut changes = Vec::new();
        for answer in &page.values {
            if epoch_of(answer) > Some(self.newest.epoch()) {
                return Ok(changes);
            }
            changes.extend(self.value(answer, memory)?);
        }
        self.next = self.turn(start, page)?;
        Ok(changes)
    }

    /// Ends the check, and remembers how far the history has been checked.
    ///
    /// # Errors
    ///
    /// [`Error::HistoryGap`] if the history ends before the newest answer, or leads to another entry.
    pub fn finish(self, memory: &mut Memory) -> Result<Checkpoint, Error> {
        let epoch = self.newest.epoch();
        let short = match self.coverage {
            Coverage::EveryEpoch => self.reached < Some(epoch),
            Coverage::ChangesOnly => self.next.is_some(),
        };
        if short {
            return Err(Error::HistoryGap(match self.reached {
                Some(reached) => {
                    format!("it ends with epoch {reached}, and epoch {epoch} has been seen")
                }
                None => format!("it is empty, and epoch {epoch} has been seen"),
            }));
        }
        if self.reached <= Some(epoch) && self.newest.leaf().unwrap_or_default() != self.leaf {
            return Err(Error::HistoryGap(format!(
                "it leads to another entry than the one of epoch {epoch}: a change is left out"
            )));
        }
        let checkpoint = Checkpoint {
            epoch: self.reached.max(Some(epoch)).unwrap_or(epoch),
            leaf: self.leaf,
        };
        memory.see_history(self.newest.user(), checkpoint.clone());
        Ok(checkpoint)
    }

    /// Checks one answer: the change in it, if there is one.
    fn value(
        &mut self,
        answer: &GetEntryResponse,
        memory: &Memory,
    ) -> Result<Option<Change>, Error> {
        let verified = self.verifier.check(self.newest.user(), answer)?;
        self.check_epoch(verified.epoch())?;
        self.check_head(&verified, memory)?;
        let change = match verified.present() {
            None if self.leaf.is_empty() => None,
            None => {
                return Err(Error::Vanished {
                    user: verified.user.clone(),
                    epoch: verified.epoch(),
                    seen: self.reached.unwrap_or_default(),
                });
            }
            Some(present) if present.leaf == self.leaf => None,
            Some(present) => {
                let leaf = present.leaf.clone();
                let change = self.change(&verified, &present.entry, answer.update.as_ref())?;
                if !self.leaf.is_empty() {
                    self.replaced.push(object_hash::previous(Some(&self.leaf)));
                }
                self.leaf = leaf;
                Some(change)
            }
        };
        self.reached = Some(verified.epoch());
        self.head = Some(verified.head);
        Ok(change)
    }

    /// Nothing is left out, or comes twice.
    fn check_epoch(&self, epoch: u64) -> Result<(), Error> {
        let wanted = self.reached.map_or(0, |reached| reached.saturating_add(1));
        let follows = match self.coverage {
            Coverage::EveryEpoch => epoch == wanted,
            Coverage::ChangesOnly => epoch >= wanted,
        };
        if follows {
            return Ok(());
        }
        Err(Error::HistoryGap(format!(
            "epoch {epoch} stands where epoch {wanted} has to"
        )))
    }

    /// The heads are those that were seen, and their times don't go back.
    fn check_head(&mut self, verified: &Verified, memory: &Memory) -> Result<(), Error> {
        let head = &verified.head;
        self.verifier.check_realm(memory)?;
        self.verifier.check_seen_root(head, memory)?;
        if let Some(before) = &self.head
            && head.issue_time < before.issue_time
        {
            return Err(Error::Time(format!(
                "epoch {} is older than epoch {}",
                head.epoch, before.epoch
            )));
        }
        let Logged::Included(state) = verified.logged else {
            return Ok(());
        };
        log::check_same(state, memory)?;
        match self.log {
            Some(seen) if seen.size == state.size && seen.root != state.root => {
                Err(log::two_logs(state))
            }
            _ => {
                self.log = Some(state);
                Ok(())
            }
        }
    }

    /// Checks that the entry changed as its owner signed.
    fn change(
        &self,
        verified: &Verified,
        entry: &Entry,
        update: Option<&SignedKv>,
    ) -> Result<Change, Error> {
        let epoch = verified.epoch();
        let unsigned = |what: &str| Error::UnsignedChange {
            epoch,
            what: what.to_owned(),
        };
        let leaf = verified.leaf().unwrap_or_default();
        if self.was_replaced(leaf) {
            return Err(Error::Rollback {
                epoch,
                what: "an entry of the history, replaced since, is there again".to_owned(),
            });
        }
        let update = update.ok_or_else(|| unsigned("the history has no update of that epoch"))?;
        if update.key_value.value != leaf {
            return Err(unsigned("the update is of another entry"));
        }
        if update.key_value.key != verified.index.as_bytes() {
            return Err(unsigned("the update is of another user"));
        }
        let before = (!self.leaf.is_empty()).then_some(self.leaf.as_slice());
        mutation::check(update, before).map_err(|fault| self.refused(epoch, &fault))?;
        self.check_owner(epoch, update)?;
        Ok(Change {
            verified: verified.clone(),
            chained: !entry.previous.is_empty(),
            signers: signers(update, before.unwrap_or(leaf)),
        })
    }

    fn was_replaced(&self, leaf: &[u8]) -> bool {
        self.replaced.contains(&object_hash::previous(Some(leaf)))
    }

    /// What it means when the rules of updates don't allow a change that was made.
    fn refused(&self, epoch: u64, fault: &mutation::Error) -> Error {
        use mutation::Error as E;
        let what = fault.to_string();
        match (fault, self.coverage) {
            // Where every epoch is seen there was nothing between; elsewhere something may be left out.
            (E::Previous, Coverage::ChangesOnly) => Error::HistoryGap(format!(
                "the entry of epoch {epoch} replaced another one than the history has before it"
            )),
            (E::Previous | E::PreviousInside | E::PreviousDropped, _) => Error::Rollback {
                epoch,
                what: "what was signed replaced another entry than this one does".to_owned(),
            },
            _ => Error::UnsignedChange { epoch, what },
        }
    }

    fn check_owner(&self, epoch: u64, update: &SignedKv) -> Result<(), Error> {
        let preimage = object_hash::key_value(&update.key_value);
        let signed = |key: &VerifyingKey| key.verify_among(&preimage, &update.signatures).is_ok();
        if self.owners.is_empty() || self.owners.iter().any(signed) {
            return Ok(());
        }
        let ids: Vec<_> = update.signatures.keys().map(String::as_str).collect();
        Err(Error::ForeignChange {
            epoch,
            what: format!("it is signed by the keys {ids:?}, and none of them is its owner's"),
        })
    }

    /// Where the next page begins, if there is one.
    fn turn(&self, start: u64, page: &History) -> Result<Option<u64>, Error> {
        let newest = self.newest.epoch();
        if page.next_start == 0 {
            return Ok(None);
        }
        let wanted = self
            .reached
            .map_or(start, |reached| reached.saturating_add(1));
        let turns = match self.coverage {
            Coverage::EveryEpoch => page.next_start == wanted,
            Coverage::ChangesOnly => page.next_start >= wanted,
        };
        if !turns || page.values.is_empty() {
            return Err(Error::HistoryGap(format!(
                "next_start is {}, behind a page of {} that leads to epoch {wanted}",
                page.next_start,
                page.values.len()
            )));
        }
        Ok((page.next_start <= newest).then_some(page.next_start))
    }
}

fn epoch_of(answer: &GetEntryResponse) -> Option<u64> {
    let head = answer.smh.as_ref()?.map_head.as_ref()?;
    Some(head.epoch)
}

/// The keys of the entry that may sign, and did.
fn signers(update: &SignedKv, authorizing: &[u8]) -> Vec<KeyId> {
    let preimage = object_hash::key_value(&update.key_value);
    let Ok(entry) = Entry::decode(authorizing) else {
        return Vec::new();
    };
    let keys = entry.authorized_keys.iter().filter_map(|key| match key {
        PublicKey::P256(der) => VerifyingKey::from_der(der).ok(),
        _ => None,
    });
    keys.filter(|key| key.verify_among(&preimage, &update.signatures).is_ok())
        .map(|key| key.id())
        .collect()
}
