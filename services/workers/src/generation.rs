//! Generations of a worker's keys. Processes of two may run beside each other; the record is that of the newest
//! that has any.

use std::time::Duration;

use protocol::WorkerId;
use protocol::record::WorkerRecord;

use crate::entry::{Entry, keys};
use crate::{Error, Registry};

/// A worker whose processes are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attended {
    /// Which.
    pub worker: WorkerId,
    /// The newest generation of keys that a process of it has; 0 where nobody counts.
    pub newest: u64,
    /// Whether some process has keys of an earlier generation than that.
    pub older: bool,
}

impl From<WorkerId> for Attended {
    /// A worker whose generations nobody counts.
    fn from(worker: WorkerId) -> Self {
        Self {
            worker,
            newest: 0,
            older: false,
        }
    }
}

impl Registry {
    /// Puts the record of an earlier generation in the place of a newer one of which no process has been
    /// there for the time `grace`. Whether it did.
    ///
    /// # Errors
    ///
    /// [`Error::Retired`] if its encryption key must not come back.
    pub async fn fall_back(
        &self,
        id: &WorkerId,
        record: &WorkerRecord,
        generation: u64,
        grace: Duration,
    ) -> Result<bool, Error> {
        self.change(id, |entry, now| {
            let Some(found) = &entry.record else {
                return Ok(false);
            };
            let newest_seen = Duration::from_millis(now.saturating_sub(entry.notes.newest_seen));
            let older = generation < entry.notes.generation;
            if !older || newest_seen < grace || keys(found) == keys(record) {
                return Ok(false);
            }
            entry.put(record, generation, now);
            Ok(true)
        })
        .await
    }
}

impl Entry {
    /// Puts a record in the place of another, whose status it takes over.
    pub(crate) fn put(&mut self, record: &WorkerRecord, generation: u64, now: u64) {
        let status = self.record.as_ref().map_or(record.status, |old| old.status);
        self.record = Some(WorkerRecord {
            status,
            ..record.clone()
        });
        self.notes.generation = generation;
        self.notes.newest_seen = now;
    }

    /// A process of an earlier generation is there: its orders may not be forgotten, and its key may be
    /// shown as long as that was not ruled out.
    pub(crate) fn attend_older(&mut self, record: &WorkerRecord, now: u64) -> Result<(), Error> {
        self.notes.remember(record)?;
        self.notes.older_seen = Some(now);
        Ok(())
    }

    /// Notes which generations are there.
    pub(crate) fn attend_generations(&mut self, attended: &Attended, now: u64) {
        let notes = &mut self.notes;
        // Where nobody counts there is nothing to remember.
        if notes.generation > 0 && attended.newest >= notes.generation {
            notes.newest_seen = now;
        }
        if attended.older || attended.newest < notes.generation {
            notes.older_seen = Some(now);
        }
    }
}
