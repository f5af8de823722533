use std::sync::Arc;

use protocol::WorkerId;
use protocol::record::{Status, WorkerRecord};
use serde_json::Value;
use store::{Committed, Expected, Key, PartitionId, Row, Table, Write};

use crate::Error;

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
    /// There was a record with these keys; it stays as it is.
    Kept,
}

impl Registry {
    /// The registry that stands in `table`.
    pub fn new(table: Arc<dyn Table>) -> Self {
        Self { table }
    }

    /// A worker's record.
    pub async fn get(&self, id: &WorkerId) -> Result<Option<WorkerRecord>, Error> {
        let row = self.table.get(&partition(), &key(id)).await?;
        row.as_ref().map(read).transpose()
    }

    /// Adds a worker's record. Registering the very same record again is no error.
    ///
    /// # Errors
    ///
    /// [`Error::Taken`] if another record stands there.
    pub async fn register(&self, id: &WorkerId, record: &WorkerRecord) -> Result<(), Error> {
        self.change(id, |found| match found {
            None => Ok((Some(record.clone()), ())),
            Some(found) if found == *record => Ok((None, ())),
            Some(_) => Err(Error::Taken),
        })
        .await
    }

    /// Stores what a worker has just signed up with. The status is the operator's: it stays what
    /// it was. A record with the same keys is kept whole, because an operator may have changed
    /// something else in it.
    pub async fn announce(&self, id: &WorkerId, record: &WorkerRecord) -> Result<Announced, Error> {
        self.change(id, |found| {
            let Some(found) = found else {
                return Ok((Some(record.clone()), Announced::Added));
            };
            if keys(&found) == keys(record) {
                return Ok((None, Announced::Kept));
            }
            let status = found.status;
            let replaced = WorkerRecord {
                status,
                ..record.clone()
            };
            Ok((Some(replaced), Announced::Replaced))
        })
        .await
    }

    /// Replaces a worker's details.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`] if there is no record.
    pub async fn update(&self, id: &WorkerId, details: &Value) -> Result<(), Error> {
        self.change(id, |found| {
            let mut record = found.ok_or(Error::Unknown)?;
            let changed = record.details != *details;
            record.details = details.clone();
            Ok((changed.then_some(record), ()))
        })
        .await
    }

    /// Changes a worker's status.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`] if there is no record.
    pub async fn set_status(&self, id: &WorkerId, status: Status) -> Result<(), Error> {
        self.change(id, |found| {
            let mut record = found.ok_or(Error::Unknown)?;
            let changed = record.status != status;
            record.status = status;
            Ok((changed.then_some(record), ()))
        })
        .await
    }

    pub(crate) fn table(&self) -> &dyn Table {
        self.table.as_ref()
    }

    /// Reads, lets `decide` say what shall stand there (`None`: as it is), and writes that unless
    /// somebody else has written meanwhile: then again.
    async fn change<T>(
        &self,
        id: &WorkerId,
        decide: impl Fn(Option<WorkerRecord>) -> Result<(Option<WorkerRecord>, T), Error>,
    ) -> Result<T, Error> {
        for _ in 0..ATTEMPTS {
            let row = self.table.get(&partition(), &key(id)).await?;
            let expected = row
                .as_ref()
                .map_or(Expected::Absent, |row| Expected::Version(row.version));
            let (record, answer) = decide(row.as_ref().map(read).transpose()?)?;
            let Some(record) = record else {
                return Ok(answer);
            };
            let write = Write::Put {
                key: key(id),
                value: serde_json::to_vec(&record).map_err(|_| Error::Damaged)?,
                expected,
            };
            match self.table.commit(&partition(), vec![write]).await? {
                Committed::Done(_) => return Ok(answer),
                Committed::Conflict(_) => {}
            }
        }
        Err(Error::Contended)
    }
}

/// How often a change is tried against others.
const ATTEMPTS: usize = 16;

/// All records stand in one partition, so that a scan sees them all. It's no hex text, and so no
/// worker's own partition.
pub(crate) fn partition() -> PartitionId {
    PartitionId::from("registry")
}

pub(crate) const PREFIX: &str = "worker/";

pub(crate) fn key(id: &WorkerId) -> Key {
    Key::from(format!("{PREFIX}{id}"))
}

pub(crate) fn read(row: &Row) -> Result<WorkerRecord, Error> {
    serde_json::from_slice(&row.value).map_err(|_| Error::Damaged)
}

/// What a requester relies on in a record.
fn keys(record: &WorkerRecord) -> [&Value; 3] {
    let data = &record.details["workerTypeData"];
    ["verificationKey", "encryptionKey", "encryptionKeySignature"].map(|name| &data[name])
}
