//! What the file holds.
//!
//! Orders are numbered as they arrive, and everything about an order is kept under its number, so
//! that new rows land at the end of each tree and a batch touches few pages however many orders
//! are stored. Only two trees are keyed by what callers choose: order ids and replay keys.
//!
//! | table | key | value | there while |
//! |---|---|---|---|
//! | `ids` | order id | partition, number | known (an id without `open` or `closed` row is evicted) |
//! | `open` | partition, number | row without body | queued or leased |
//! | `bodies` | number | body | queued or leased |
//! | `due` | partition, time, number | – | queued (when it may be claimed) or leased (when that ends) |
//! | `memos` | number | memo | stored, and its memo is not empty |
//! | `closed` | number | row without result | finished |
//! | `results` | number | result | finished |
//! | `finished` | time, number | – | finished |
//! | `marks` | partition, replay key | number | its mark is kept |
//! | `mark_ages` | partition, number | time, order id, replay keys | its marks are kept |
//! | `partitions` | partition id | short number | for ever |
//! | `partition_names` | short number | partition id | for ever |
//! | `rows` | partition, key | version, value | in the `Table` |
//! | `meta` | name | number | for ever |
//!
//! Times are milliseconds of the engine's clock.

use redb::TableDefinition;

/// The layout this release writes.
pub(super) const SCHEMA: u64 = 1;

/// A partition's short number.
pub(super) type Partition = u32;
/// An order's number.
pub(super) type Number = u64;
/// Milliseconds of the engine's clock.
pub(super) type Time = u64;

pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(super) const PARTITIONS: TableDefinition<'_, &[u8], Partition> =
    TableDefinition::new("partitions");
pub(super) const PARTITION_NAMES: TableDefinition<'_, Partition, &[u8]> =
    TableDefinition::new("partition_names");
pub(super) const IDS: TableDefinition<'_, &[u8], (Partition, Number)> = TableDefinition::new("ids");
pub(super) const OPEN: TableDefinition<'_, (Partition, Number), OpenValue<'static>> =
    TableDefinition::new("open");
pub(super) const BODIES: TableDefinition<'_, Number, &[u8]> = TableDefinition::new("bodies");
pub(super) const MEMOS: TableDefinition<'_, Number, &[u8]> = TableDefinition::new("memos");
pub(super) const DUE: TableDefinition<'_, (Partition, Time, Number), ()> =
    TableDefinition::new("due");
pub(super) const CLOSED: TableDefinition<'_, Number, ClosedValue<'static>> =
    TableDefinition::new("closed");
pub(super) const RESULTS: TableDefinition<'_, Number, &[u8]> = TableDefinition::new("results");
pub(super) const FINISHED: TableDefinition<'_, (Time, Number), ()> =
    TableDefinition::new("finished");
pub(super) const MARKS: TableDefinition<'_, (Partition, &[u8]), Number> =
    TableDefinition::new("marks");
pub(super) const MARK_AGES: TableDefinition<'_, (Partition, Number), MarkValue<'static>> =
    TableDefinition::new("mark_ages");
pub(super) const ROWS: TableDefinition<'_, (Partition, &[u8]), RowValue<'static>> =
    TableDefinition::new("rows");

/// Submission time, due time, leased, token, attempts, digest, order id.
pub(super) type OpenValue<'a> = (Time, Time, bool, u64, u32, [u8; 32], &'a [u8]);
/// Partition, finishing token (0: none), finishing time, digest, order id.
pub(super) type ClosedValue<'a> = (Partition, u64, Time, [u8; 32], &'a [u8]);

/// Version, value.
pub(super) type RowValue<'a> = (u64, &'a [u8]);
/// Submission time, order id, replay keys.
pub(super) type MarkValue<'a> = (Time, &'a [u8], Vec<&'a [u8]>);

/// Names of the rows in `meta`.
pub(super) mod meta {
    pub(in crate::redb) const SCHEMA: &str = "schema";
    /// The latest time seen.
    pub(in crate::redb) const CLOCK: &str = "clock";
    /// The next order number, token or version.
    pub(in crate::redb) const NEXT: &str = "next";
    pub(in crate::redb) const PARTITIONS: &str = "partitions";
    pub(in crate::redb) const QUEUED: &str = "queued";
    pub(in crate::redb) const LEASED: &str = "leased";
    pub(in crate::redb) const FINISHED: &str = "finished";
    /// Bytes of the bodies of queued and leased orders.
    pub(in crate::redb) const OPEN_BYTES: &str = "open_bytes";
}

/// A queued or leased order, without its body.
pub(super) struct Open {
    pub(super) submitted: Time,
    /// When it may be claimed: the end of its delay, or of its lease.
    pub(super) due: Time,
    /// Claimed, and neither released nor ended since. The lease may have run out.
    pub(super) leased: bool,
    /// Of the latest claim; 0 before the first.
    pub(super) token: u64,
    pub(super) attempts: u32,
    pub(super) digest: [u8; 32],
    pub(super) order: Vec<u8>,
}

impl Open {
    pub(super) fn read(
        (submitted, due, leased, token, attempts, digest, order): OpenValue<'_>,
    ) -> Self {
        Self {
            submitted,
            due,
            leased,
            token,
            attempts,
            digest,
            order: order.to_vec(),
        }
    }

    pub(super) fn value(&self) -> OpenValue<'_> {
        (
            self.submitted,
            self.due,
            self.leased,
            self.token,
            self.attempts,
            self.digest,
            &self.order,
        )
    }

    /// Whether somebody holds it at this time.
    pub(super) fn held_at(&self, now: Time) -> bool {
        self.leased && self.due > now
    }
}

/// A finished order, without its result.
pub(super) struct Closed {
    pub(super) partition: Partition,
    /// Of the lease that finished it; 0 if it ended without one.
    pub(super) token: u64,
    pub(super) finished: Time,
    pub(super) digest: [u8; 32],
    pub(super) order: Vec<u8>,
}

impl Closed {
    pub(super) fn read((partition, token, finished, digest, order): ClosedValue<'_>) -> Self {
        Self {
            partition,
            token,
            finished,
            digest,
            order: order.to_vec(),
        }
    }

    pub(super) fn value(&self) -> ClosedValue<'_> {
        (
            self.partition,
            self.token,
            self.finished,
            self.digest,
            &self.order,
        )
    }
}
