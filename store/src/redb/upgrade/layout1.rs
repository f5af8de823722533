//! The tables of the first layout, as far as they differ from the present ones.
//!
//! | table | key | value | there while |
//! |---|---|---|---|
//! | `ids` | order id | partition, number | known |
//! | `open` | partition, number | [`OpenValue`] | queued or leased |
//! | `bodies` | number | body | queued or leased |
//! | `memos` | number | memo | stored, and its memo is not empty |
//! | `due` | partition, time, number | – | queued or leased |
//! | `closed` | number | [`ClosedValue`] | finished |
//! | `results` | number | result | finished |
//! | `finished` | time, number | – | finished |
//! | `marks` | partition, replay key | number | its mark is kept |
//! | `mark_ages` | partition, number | [`MarkValue`] | its marks are kept |
//! | `partitions` | partition id | short number | for ever |
//! | `partition_names` | short number | partition id | for ever |

use redb::{TableDefinition, WriteTransaction};

use super::Result;
use crate::redb::schema::{Number, Partition, Time};

pub(super) const OPEN: TableDefinition<'_, (Partition, Number), OpenValue<'static>> =
    TableDefinition::new("open");
pub(super) const BODIES: TableDefinition<'_, Number, &[u8]> = TableDefinition::new("bodies");
pub(super) const MEMOS: TableDefinition<'_, Number, &[u8]> = TableDefinition::new("memos");
pub(super) const CLOSED: TableDefinition<'_, Number, ClosedValue<'static>> =
    TableDefinition::new("closed");
pub(super) const RESULTS: TableDefinition<'_, Number, &[u8]> = TableDefinition::new("results");
pub(super) const FINISHED: TableDefinition<'_, (Time, Number), ()> =
    TableDefinition::new("finished");
pub(super) const MARK_AGES: TableDefinition<'_, (Partition, Number), MarkValue<'static>> =
    TableDefinition::new("mark_ages");
pub(super) const PARTITION_NAMES: TableDefinition<'_, Partition, &[u8]> =
    TableDefinition::new("partition_names");
const IDS: TableDefinition<'_, &[u8], (Partition, Number)> = TableDefinition::new("ids");
const DUE: TableDefinition<'_, (Partition, Time, Number), ()> = TableDefinition::new("due");
const MARKS: TableDefinition<'_, (Partition, &[u8]), Number> = TableDefinition::new("marks");
const PARTITIONS: TableDefinition<'_, &[u8], Partition> = TableDefinition::new("partitions");

/// Rows of `meta` that there are no more.
pub(super) const COUNTERS: [&str; 5] = ["partitions", "queued", "leased", "finished", "open_bytes"];

/// Submission time, due time, leased, token, attempts, digest, order id.
pub(super) type OpenValue<'a> = (Time, Time, bool, u64, u32, [u8; 32], &'a [u8]);
/// Partition, finishing token (0: none), finishing time, digest, order id.
pub(super) type ClosedValue<'a> = (Partition, u64, Time, [u8; 32], &'a [u8]);
/// Submission time, order id, replay keys.
pub(super) type MarkValue<'a> = (Time, &'a [u8], Vec<&'a [u8]>);

pub(super) fn delete_tables(transaction: &WriteTransaction) -> Result<()> {
    transaction.delete_table(OPEN)?;
    transaction.delete_table(BODIES)?;
    transaction.delete_table(MEMOS)?;
    transaction.delete_table(CLOSED)?;
    transaction.delete_table(RESULTS)?;
    transaction.delete_table(FINISHED)?;
    transaction.delete_table(MARK_AGES)?;
    transaction.delete_table(PARTITION_NAMES)?;
    transaction.delete_table(IDS)?;
    transaction.delete_table(DUE)?;
    transaction.delete_table(MARKS)?;
    transaction.delete_table(PARTITIONS)?;
    Ok(())
}
