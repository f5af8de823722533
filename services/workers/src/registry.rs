use std::sync::Arc;
use std::time::Duration;

use protocol::WorkerId;
use protocol::record::{Status, WorkerRecord};
use serde::Deserialize;
use serde_json::Value;
use store::{Committed, Table};

use crate::Error;
use crate::entry::{Entry, Stored, keys, partition, read, record_key};

/// Typed access to the workers' records.
#[derive(Clone)]
pub struct Registry {
    table: Arc<dyn Table>,
}

/// What [`Registry::announce`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// There was no record.
    Added,
    /// There was a record with other keys; it has the new ones now.
    Replaced,
    /// There was a record with these keys; it stays as it is, but for newer evidence.
    Kept,
    /// There is a record with keys of a later generation, which stays.
    Older,
}

impl Registry {
    /// The registry that stands in `table`.
    pub fn new(table: Arc<dyn Table>) -> Self {
        Self { table }
    }

    /// A worker's record.
    pub async fn get(&self, id: &WorkerId) -> Result<Option<WorkerRecord>, Error> {
        let row = self.table.get(&partition(), &record_key(id)).await?;
        row.as_ref().map(read).transpose()
    }

    /// A worker's status, which takes less reading than its record.
    pub async fn status(&self, id: &WorkerId) -> Result<Option<Status>, Error> {
        #[derive(Deserialize)]
        struct Brief {
            status: Status,
        }
        let row = self.table.get(&partition(), &record_key(id)).await?;
        let brief: Option<Brief> = row.as_ref().map(read).transpose()?;
        Ok(brief.map(|brief| brief.status))
    }

    /// Adds a worker's record. Registering the very same record again is no error, even while the
    /// worker is off-line because it has no process.
    ///
    /// # Errors
    ///
    /// [`Error::Taken`] if another record stands there.
    pub async fn register(&self, id: &WorkerId, record: &WorkerRecord) -> Result<(), Error> {
        self.change(id, |entry, _| {
            let mut usual = entry.clone();
            usual.end_absence();
            match &usual.record {
                None => entry.record = Some(record.clone()),
                Some(found) if found == record => {}
                Some(_) => return Err(Error::Taken),
            }
            Ok(())
        })
        .await
    }

    /// Stores what a worker has just signed up with. The status is the operator's: it stays what
    /// it was, unless it was off-line only because the worker had no process. Of a record with the
    /// same keys only the evidence changes, because an operator may have changed something else in it.
    ///
    /// `generation` says which of the worker's keys they are, 0 that nobody counts. Earlier ones
    /// don't replace later ones.
    ///
    /// # Errors
    ///
    /// [`Error::Retired`] if the worker had that encryption key before another, too long ago.
    pub async fn announce(
        &self,
        id: &WorkerId,
        record: &WorkerRecord,
        generation: u64,
    ) -> Result<Announced, Error> {
        self.change(id, |entry, now| {
            entry.attend(now);
            let Some(found) = &mut entry.record else {
                entry.put(record, generation, now);
                return Ok(Announced::Added);
            };
            if keys(found) == keys(record) {
                renew_evidence(found, record);
                entry.notes.generation = generation;
                entry.notes.newest_seen = now;
                return Ok(Announced::Kept);
            }
            if generation > 0 && generation < entry.notes.generation {
                entry.attend_older(record, now)?;
                return Ok(Announced::Older);
            }
            entry.put(record, generation, now);
            Ok(Announced::Replaced)
        })
        .await
    }

    /// Replaces a worker's details.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`] if there is no record, [`Error::Retired`] as with
    /// [`announce`](Self::announce).
    pub async fn update(&self, id: &WorkerId, details: &Value) -> Result<(), Error> {
        self.change(id, |entry, _| {
            let record = entry.record.as_mut().ok_or(Error::Unknown)?;
            record.details = details.clone();
            Ok(())
        })
        .await
    }

    /// Changes a worker's status, as an operator says. It stays that, but for an active worker
    /// whose processes are gone: see [`lapse`](Self::lapse).
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`] if there is no record.
    pub async fn set_status(&self, id: &WorkerId, status: Status) -> Result<(), Error> {
        self.change(id, |entry, _| {
            entry.notes.away = false;
            let record = entry.record.as_mut().ok_or(Error::Unknown)?;
            record.status = status;
            Ok(())
        })
        .await
    }

    pub(crate) fn table(&self) -> &dyn Table {
        self.table.as_ref()
    }

    /// Reads, lets `decide` change what it finds, knowing the store's time in milliseconds, and
    /// writes that unless somebody else has written meanwhile: then again.
    pub(crate) async fn change<T>(
        &self,
        id: &WorkerId,
        decide: impl Fn(&mut Entry, u64) -> Result<T, Error>,
    ) -> Result<T, Error> {
        for _ in 0..ATTEMPTS {
            // The time first: nothing that follows from the change is older.
            let now = milliseconds(self.table.time().await?);
            let stored = Stored::get(self.table(), id).await?;
            let mut entry = stored.entry.clone();
            let answer = decide(&mut entry, now)?;
            let writes = stored.replace(id, entry, now)?;
            if writes.is_empty() {
                return Ok(answer);
            }
            match self.table.commit(&partition(), writes).await? {
                Committed::Done(_) => return Ok(answer),
                Committed::Conflict(_) => {}
            }
        }
        Err(Error::Contended)
    }
}

/// Of evidence over the same keys the last is the one to show: what is said of platforms grows old.
fn renew_evidence(found: &mut WorkerRecord, shown: &WorkerRecord) {
    let shown = &shown.details["workerTypeData"];
    let Some(found) = found.details.get_mut("workerTypeData") else {
        return;
    };
    let Some(found) = found.as_object_mut() else {
        return;
    };
    for name in ["proofDataType", "proofData"] {
        if let Some(value) = shown.get(name) {
            found.insert(name.to_owned(), value.clone());
        }
    }
}

/// How often a change is tried against others.
const ATTEMPTS: usize = 16;

/// A time of the store's clock as entries hold it.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
