//! What is stored of one worker: its record, and notes that only managers need.

use std::time::Duration;

use protocol::WorkerId;
use protocol::crypto::sha256;
use protocol::record::{Status, WorkerRecord};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Expected, Key, PartitionId, Row, Table, Version, Write};

use crate::Error;

/// The record and the notes of one worker, at one moment.
#[derive(Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) record: Option<WorkerRecord>,
    pub(crate) notes: Notes,
}

/// What managers have to remember of a worker. Times are milliseconds of the store's clock.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notes {
    /// When a process of it was last known to be there; absent if none has ever signed up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seen: Option<u64>,
    /// Which generation of its keys the record has; 0 if nobody counts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) generation: u64,
    /// When a process of that generation was last known to be there.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) newest_seen: u64,
    /// When one of an earlier generation was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) older_seen: Option<u64>,
    /// It's off-line because no process is there, and not because an operator says so.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) away: bool,
    /// When its encryption key was replaced, oldest first, for as long as anything is left to be
    /// done about the key before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) retired: Vec<u64>,
    /// Encryption keys that it had before, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) past: Vec<PastKey>,
}

/// An encryption key that was replaced.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PastKey {
    fingerprint: u64,
    /// Orders for it are forgotten, or about to be: they could be repeated if it came back.
    pub(crate) forgotten: bool,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Changes of keys that are remembered at once; with more, the last ones count as one.
const MOST_RETIRED: usize = 64;

/// Past keys that are remembered, the last ones.
const MOST_PAST: usize = 128;

impl Entry {
    /// The worker's processes are there: it's active, unless an operator says otherwise.
    pub(crate) fn attend(&mut self, now: u64) {
        self.notes.seen = Some(now);
        self.end_absence();
    }

    /// Its last process has been gone for the time `grace`: it's off-line until one comes back.
    /// Whether that is so.
    pub(crate) fn lapse(&mut self, grace: Duration, now: u64) -> bool {
        let gone = self.notes.is_gone(grace, now);
        let active = |record: &&mut WorkerRecord| record.status == Status::Active;
        let Some(record) = self.record.as_mut().filter(active).filter(|_| gone) else {
            return false;
        };
        record.status = Status::OffLine;
        self.notes.away = true;
        true
    }

    /// Takes back what [`lapse`](Self::lapse) has done.
    pub(crate) fn end_absence(&mut self) {
        if std::mem::take(&mut self.notes.away)
            && let Some(record) = &mut self.record
            && record.status == Status::OffLine
        {
            record.status = Status::Active;
        }
    }

    /// Notes that the encryption key is another than it was `before`, unless it is one that must not
    /// come back.
    fn note_retired_key(&mut self, before: &Self, now: u64) -> Result<(), Error> {
        let (Some(new), Some(old)) = (&self.record, &before.record) else {
            return Ok(());
        };
        let (new, old) = (fingerprint(new), fingerprint(old));
        if new == old {
            return Ok(());
        }
        let Notes { retired, past, .. } = &mut self.notes;
        let returned = past.iter().position(|key| key.fingerprint == new);
        match returned.map(|place| past.remove(place).forgotten) {
            Some(true) => return Err(Error::Retired),
            // It is in use, and so are the marks of all since, until it is replaced again.
            Some(false) => retired.clear(),
            None => {
                retired.truncate(MOST_RETIRED - 1);
                retired.push(now);
            }
        }
        push_past(past, old);
        Ok(())
    }
}

fn push_past(past: &mut Vec<PastKey>, fingerprint: u64) {
    if past.len() == MOST_PAST {
        past.remove(0);
    }
    past.push(PastKey {
        fingerprint,
        forgotten: false,
    });
}

impl Notes {
    /// Notes an encryption key that is in use beside the record's, unless it must not come back.
    pub(crate) fn remember(&mut self, record: &WorkerRecord) -> Result<(), Error> {
        let key = fingerprint(record);
        match self.past.iter().find(|past| past.fingerprint == key) {
            Some(past) if past.forgotten => Err(Error::Retired),
            Some(_) => Ok(()),
            None => {
                push_past(&mut self.past, key);
                Ok(())
            }
        }
    }

    /// Whether it had processes, and none for the time `grace`.
    pub(crate) fn is_gone(&self, grace: Duration, now: u64) -> bool {
        let silent = |seen| u128::from(now.saturating_sub(seen)) >= grace.as_millis();
        !self.away && self.seen.is_some_and(silent)
    }
}

/// An entry as it stands in the table, with what is needed to change it.
pub(crate) struct Stored {
    pub(crate) entry: Entry,
    record: Option<Version>,
    notes: Option<Version>,
}

impl Stored {
    pub(crate) async fn get(table: &dyn Table, id: &WorkerId) -> Result<Self, Error> {
        let record = table.get(&partition(), &record_key(id)).await?;
        let notes = table.get(&partition(), &notes_key(id)).await?;
        Ok(Self {
            entry: Entry {
                record: record.as_ref().map(read).transpose()?,
                notes: notes.as_ref().map(read).transpose()?.unwrap_or_default(),
            },
            record: record.map(|row| row.version),
            notes: notes.map(|row| row.version),
        })
    }

    /// The writes that put `entry` in its place if nobody else has changed it meanwhile.
    pub(crate) fn replace(
        self,
        id: &WorkerId,
        mut entry: Entry,
        now: u64,
    ) -> Result<Vec<Write>, Error> {
        entry.note_retired_key(&self.entry, now)?;
        let mut writes = Vec::new();
        if let Some(record) = &entry.record
            && entry.record != self.entry.record
        {
            writes.push(put(record_key(id), record, self.record)?);
        }
        if entry.notes != self.entry.notes {
            writes.push(put(notes_key(id), &entry.notes, self.notes)?);
        }
        Ok(writes)
    }
}

fn put(key: Key, value: &impl Serialize, version: Option<Version>) -> Result<Write, Error> {
    Ok(Write::Put {
        key,
        value: serde_json::to_vec(value).map_err(|_| Error::Damaged)?,
        expected: version.map_or(Expected::Absent, Expected::Version),
    })
}

/// All entries stand in one partition, so that a scan sees them all. It's no hex text, and so no
/// worker's own partition.
pub(crate) fn partition() -> PartitionId {
    PartitionId::from("registry")
}

pub(crate) const RECORDS: &str = "worker/";
pub(crate) const NOTES: &str = "notes/";

pub(crate) fn record_key(id: &WorkerId) -> Key {
    Key::from(format!("{RECORDS}{id}"))
}

pub(crate) fn notes_key(id: &WorkerId) -> Key {
    Key::from(format!("{NOTES}{id}"))
}

pub(crate) fn read<T: for<'a> Deserialize<'a>>(row: &Row) -> Result<T, Error> {
    serde_json::from_slice(&row.value).map_err(|_| Error::Damaged)
}

/// The worker whose row this is; the row's key begins with `prefix`.
pub(crate) fn id(row: &Row, prefix: &str) -> Result<WorkerId, Error> {
    row.key
        .as_bytes()
        .strip_prefix(prefix.as_bytes())
        .and_then(|id| std::str::from_utf8(id).ok())
        .and_then(|id| WorkerId::new(id).ok())
        .ok_or(Error::Damaged)
}

/// What a requester relies on in a record.
pub(crate) fn keys(record: &WorkerRecord) -> [&Value; 3] {
    let data = &record.details["workerTypeData"];
    ["verificationKey", "encryptionKey", "encryptionKeySignature"].map(|name| &data[name])
}

/// Of the encryption key.
fn fingerprint(record: &WorkerRecord) -> u64 {
    let key = record.details["workerTypeData"]["encryptionKey"].to_string();
    let hash = sha256(&[key.as_bytes()]);
    hash.iter()
        .take(8)
        .fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}
