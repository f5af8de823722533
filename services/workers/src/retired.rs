//! Encryption keys that were replaced, for as long as something has to be done about them.

use std::time::Duration;

use protocol::WorkerId;

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
}

impl Registry {
    /// The last key of each worker that was replaced at least `overlap` ago and is not
    /// [settled](Self::settle).
    pub async fn retired_keys(&self, overlap: Duration) -> Result<Vec<RetiredKey>, Error> {
        let now = milliseconds(self.table().time().await?);
        let mut found = Vec::new();
        for (worker, notes) in self.notes().await? {
            let age = |replaced: &u64| Duration::from_millis(now.saturating_sub(*replaced));
            let old = notes.retired.iter().rev().find(|at| age(at) >= overlap);
            found.extend(old.map(|replaced| RetiredKey {
                worker,
                age: age(replaced),
                replaced: *replaced,
            }));
        }
        Ok(found)
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
