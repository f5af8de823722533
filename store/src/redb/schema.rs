//! What the file holds.
//!
//! Everything about an order is kept in the order of its arrival or of its end, so that new rows
//! land at the end of each tree, pages fill up, and a commit touches few of them however many
//! orders are stored. What comes in random order, the fingerprints of ids and replay keys, waits
//! in memory ([`Pending`](super::pending::Pending)) until many of them can be entered together.
//!
//! | table | key | value | there while |
//! |---|---|---|---|
//! | `open_orders` | number | [`OpenRow`] | queued or leased |
//! | `finished_orders` | number of the end | [`DoneRow`] | finished |
//! | `order_marks` | partition, number | [`MarkRow`] | its replay keys are kept |
//! | `index` | fingerprint | number of the end | finished or evicted, from some time on; a number without a row in `finished_orders` is of an evicted order |
//! | `queues` | partition | partition id, last number whose replay keys are forgotten | for ever |
//! | `rows` | partition, key | version, value | in the `Table` |
//! | `meta` | name | number | for ever |
//!
//! Numbers are given once: for orders, ends and versions alike. Times are milliseconds of the
//! engine's clock. Leases are not in the file.

use redb::TableDefinition;

use super::fingerprint::{Fingerprint, SIZE};

/// The layout this release writes.
pub(super) const SCHEMA: u64 = 2;

/// A partition's short number.
pub(super) type Partition = u32;
/// Of an order, of its end, or a version.
pub(super) type Number = u64;
/// Milliseconds of the engine's clock.
pub(super) type Time = u64;

pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(super) const QUEUES: TableDefinition<'_, Partition, QueueValue<'static>> =
    TableDefinition::new("queues");
pub(super) const OPEN: TableDefinition<'_, Number, OpenValue<'static>> =
    TableDefinition::new("open_orders");
pub(super) const DONE: TableDefinition<'_, Number, DoneValue<'static>> =
    TableDefinition::new("finished_orders");
pub(super) const MARKS: TableDefinition<'_, (Partition, Number), MarkValue<'static>> =
    TableDefinition::new("order_marks");
pub(super) const INDEX: TableDefinition<'_, &[u8; SIZE], Number> = TableDefinition::new("index");
pub(super) const ROWS: TableDefinition<'_, (Partition, &[u8]), RowValue<'static>> =
    TableDefinition::new("rows");

/// Partition id, last number whose replay keys are forgotten.
pub(super) type QueueValue<'a> = (&'a [u8], Number);
/// See [`OpenRow`].
pub(super) type OpenValue<'a> = (
    Partition,
    Time,
    [u8; 32],
    &'a [u8],
    &'a [u8],
    &'a [u8],
    &'a [u8],
);
/// See [`DoneRow`].
pub(super) type DoneValue<'a> = (
    Partition,
    Number,
    u64,
    Time,
    [u8; 32],
    &'a [u8],
    &'a [u8],
    &'a [u8],
);
/// See [`MarkRow`].
pub(super) type MarkValue<'a> = (Time, &'a [u8]);
/// Version, value.
pub(super) type RowValue<'a> = (u64, &'a [u8]);

/// Names of the rows in `meta`.
pub(super) mod meta {
    pub(in crate::redb) const SCHEMA: &str = "schema";
    /// The latest time, unless an order tells a later one.
    pub(in crate::redb) const CLOCK: &str = "clock";
    /// No number from this one on has been given.
    pub(in crate::redb) const NEXT: &str = "next";
    /// How often the store was opened; the upper part of tokens.
    pub(in crate::redb) const EPOCH: &str = "epoch";
    /// Fingerprints of all that ended before this number are in the index.
    pub(in crate::redb) const INDEXED: &str = "indexed";
    /// The salt of fingerprints.
    pub(in crate::redb) const SALT: [&str; 2] = ["salt_0", "salt_1"];
    /// There while tables of an earlier layout are left.
    pub(in crate::redb) const UPGRADING: &str = "upgrading";
}

/// A queued or leased order.
pub(super) struct OpenRow<'a> {
    pub(super) partition: Partition,
    pub(super) submitted: Time,
    pub(super) digest: [u8; 32],
    pub(super) order: &'a [u8],
    pub(super) prints: Prints<'a>,
    pub(super) memo: &'a [u8],
    pub(super) body: &'a [u8],
}

impl<'a> OpenRow<'a> {
    pub(super) fn read(value: OpenValue<'a>) -> Self {
        let (partition, submitted, digest, order, prints, memo, body) = value;
        Self {
            partition,
            submitted,
            digest,
            order,
            prints: Prints(prints),
            memo,
            body,
        }
    }

    pub(super) fn value(&self) -> OpenValue<'a> {
        (
            self.partition,
            self.submitted,
            self.digest,
            self.order,
            self.prints.0,
            self.memo,
            self.body,
        )
    }
}

/// A finished order.
pub(super) struct DoneRow<'a> {
    pub(super) partition: Partition,
    pub(super) number: Number,
    /// Of the lease that finished it; 0 if it ended without one.
    pub(super) token: u64,
    pub(super) finished: Time,
    pub(super) digest: [u8; 32],
    pub(super) prints: Prints<'a>,
    pub(super) memo: &'a [u8],
    pub(super) result: &'a [u8],
}

impl<'a> DoneRow<'a> {
    pub(super) fn read(value: DoneValue<'a>) -> Self {
        let (partition, number, token, finished, digest, prints, memo, result) = value;
        Self {
            partition,
            number,
            token,
            finished,
            digest,
            prints: Prints(prints),
            memo,
            result,
        }
    }

    pub(super) fn value(&self) -> DoneValue<'a> {
        (
            self.partition,
            self.number,
            self.token,
            self.finished,
            self.digest,
            self.prints.0,
            self.memo,
            self.result,
        )
    }
}

/// Under which fingerprints an order and its replay keys are found.
pub(super) struct MarkRow<'a> {
    pub(super) submitted: Time,
    pub(super) prints: Prints<'a>,
}

impl<'a> MarkRow<'a> {
    pub(super) fn read((submitted, prints): MarkValue<'a>) -> Self {
        Self {
            submitted,
            prints: Prints(prints),
        }
    }

    pub(super) fn value(&self) -> MarkValue<'a> {
        (self.submitted, self.prints.0)
    }
}

/// Fingerprints one after the other: of the order id, then of its replay keys.
#[derive(Clone, Copy)]
pub(super) struct Prints<'a>(pub(super) &'a [u8]);

impl Prints<'_> {
    pub(super) fn to_vec(self) -> Vec<Fingerprint> {
        let (prints, _) = self.0.as_chunks::<SIZE>();
        prints.iter().copied().map(Fingerprint).collect()
    }
}
