//! Encryption keys that were replaced, for as long as something has to be done about them.

use std::time::Duration;

use protocol::WorkerId;

use crate::entry::Notes;
use crate::registry::milliseconds;
use crate::{Error, Registry};

/// A worker's encryption key that was replaced by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetiredKey {
    /// The worker.
    pub worker: WorkerId,
    /// How long ago it was replaced. Orders older than that were made for it, or for one before it.
    pub age: Duration,
    /// When, in milliseconds of the store's clock.
    replaced: u64,
    /// When a process of an earlier generation was last there, on the same clock.
    older_seen: Option<u64>,
}

impl Registry {
    /// The last key of each worker that was replaced at least `overlap` ago and is not
    /// [settled](Self::settle). None of workers that had a process with earlier keys since then.
    pub async fn retired_keys(&self, overlap: Duration) -> Result<Vec<RetiredKey>, Error> {
        let now = milliseconds(self.table().time().await?);
        let mut found = Vec::new();
        for (worker, notes) in self.notes().await? {
            let age = |replaced: &u64| Duration::from_millis(now.saturating_sub(*replaced));
            if notes.older_seen.is_some_and(|seen| age(&seen) < overlap) {
                continue;
            }
            let old = notes.retired.iter().rev().find(|at| age(at) >= overlap);
            found.extend(old.map(|replaced| RetiredKey {
                worker,
                age: age(replaced),
                replaced: *replaced,
                older_seen: notes.older_seen,
            }));
        }
        Ok(found)
    }

    /// Rules out that a key that was replaced, or any other that the worker has had, ever comes
    /// back: that is [`Error::Retired`] from now on. Before its orders are forgotten, for they could
    /// be repeated then. Whether that is so; if not, it has come back already, and they must stay.
    pub async fn rule_out(&self, key: &RetiredKey) -> Result<bool, Error> {
        self.change(&key.worker, |entry, _| {
            let is_unused = entry.notes.older_seen == key.older_seen;
            let Notes { retired, past, .. } = &mut entry.notes;
            let is_gone = is_unused && retired.contains(&key.replaced);
            if is_gone {
                past.iter_mut().for_each(|key| key.forgotten = true);
            }
            Ok(is_gone)
        })
        .await
    }

    /// Forgets a key that was replaced, and those before it: nothing is left to be done.
    pub async fn settle(&self, key: &RetiredKey) -> Result<(), Error> {
        self.change(&key.worker, |entry, _| {
            entry.notes.retired.retain(|at| *at > key.replaced);
            Ok(())
        })
        .await
    }
}
