//! Small versioned records: registry entries, requesters, sessions, sealed secrets, receipts.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::orders::Size;
use crate::{Error, Key, PartitionId, Version};

/// Records by key, within a partition, changed by compare-and-set.
///
/// Every operation is one step, is durable when it returns, and is seen by every call that begins
/// afterwards, from any process. Limits are those of [`Capabilities`](crate::Capabilities):
/// `max_key`, `max_value`, `max_batch`, `max_answer`.
#[async_trait]
pub trait Table: Send + Sync {
    /// The record under a key.
    async fn get(&self, partition: &PartitionId, key: &Key) -> Result<Option<Row>, Error>;

    /// The records whose keys begin with `prefix`, in the order of their bytes, at most `limit`
    /// (0 is taken as 1), beginning after `cursor` (from [`Page::next`] of the page before) or at the first.
    ///
    /// Each page is consistent in itself. Over several pages, records that stay are seen exactly
    /// once; those that come or go meanwhile may be seen or not.
    async fn scan(
        &self,
        partition: &PartitionId,
        prefix: &[u8],
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, Error>;

    /// Performs all writes of a batch or, if any key is not at its expected version, none.
    ///
    /// Atomic within the partition; there is no promise over partitions. A repeat of a batch that
    /// was performed finds its own versions and is a [`Committed::Conflict`]: read to see.
    async fn commit(&self, partition: &PartitionId, batch: Vec<Write>) -> Result<Committed, Error>;

    /// The engine's time, by the clock that [`Orders`](crate::Orders) count by: since 1970, but it
    /// never runs backwards, so compare it with itself only. Records may hold it, since what is
    /// written after a reading is never older than that, also after a restart.
    async fn time(&self) -> Result<Duration, Error>;
}

/// A record.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// Its key.
    pub key: Key,
    /// Its version: what a write has to expect.
    pub version: Version,
    /// Its content.
    pub value: Vec<u8>,
}

/// One page of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The records, by key.
    pub rows: Vec<Row>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<Cursor>,
}

/// A place in a scan. Stays good however long it is kept, also over restarts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub(crate) Key);

impl Cursor {
    /// The place just after a key.
    pub fn after(key: Key) -> Self {
        Self(key)
    }

    /// The key that this place comes just after.
    pub fn key(&self) -> &Key {
        &self.0
    }
}

/// One write of a batch. A batch names each key once.
#[derive(Clone, PartialEq, Eq)]
pub enum Write {
    /// Stores a record.
    Put {
        /// Where.
        key: Key,
        /// What.
        value: Vec<u8>,
        /// What must be there now.
        expected: Expected,
    },
    /// Removes a record.
    Delete {
        /// Which.
        key: Key,
        /// What must be there now.
        expected: Expected,
    },
}

impl Write {
    /// The key that is written.
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } => key,
        }
    }

    /// What must be under that key.
    pub fn expected(&self) -> Expected {
        match self {
            Self::Put { expected, .. } | Self::Delete { expected, .. } => *expected,
        }
    }
}

/// What must be under a key for a write to be performed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever there is, or nothing.
    Anything,
    /// No record.
    Absent,
    /// A record at exactly this version.
    Version(Version),
}

impl Expected {
    /// Whether this is what was found.
    pub fn fits(self, found: Option<Version>) -> bool {
        match self {
            Self::Anything => true,
            Self::Absent => found.is_none(),
            Self::Version(version) => found == Some(version),
        }
    }
}

/// The answer to [`Table::commit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// All writes are done; what was put now has this version.
    Done(Version),
    /// The record under this key was not what the batch expected; nothing changed.
    Conflict(Key),
}

// Values may be requesters' data: they are shown by their size only.

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("key", &self.key)
            .field("version", &self.version)
            .field("value", &Size(&self.value))
            .finish()
    }
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put {
                key,
                value,
                expected,
            } => f
                .debug_struct("Put")
                .field("key", key)
                .field("value", &Size(value))
                .field("expected", expected)
                .finish(),
            Self::Delete { key, expected } => f
                .debug_struct("Delete")
                .field("key", key)
                .field("expected", expected)
                .finish(),
        }
    }
}
