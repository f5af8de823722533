//! One write transaction: its tables, counters, time, and whom to wake once it is committed.

use redb::{ReadableTable, StorageError, Table, TableError, WriteTransaction};

use super::Options;
use super::schema::{self, Closed, Number, Open, Partition, Time, meta};
use crate::{OrderId, PartitionId};

type Result<T> = std::result::Result<T, StorageError>;

/// The open tables of a write transaction, and what only a writer may touch.
///
/// Operations look first and change after, so one that has nothing to do leaves no trace in its
/// batch; an error here ends the whole transaction.
pub(super) struct Ledger<'t> {
    pub(super) meta: Table<'t, &'static str, u64>,
    partitions: Table<'t, &'static [u8], Partition>,
    partition_names: Table<'t, Partition, &'static [u8]>,
    pub(super) ids: Table<'t, &'static [u8], (Partition, Number)>,
    pub(super) open: Table<'t, (Partition, Number), schema::OpenValue<'static>>,
    pub(super) bodies: Table<'t, Number, &'static [u8]>,
    pub(super) memos: Table<'t, Number, &'static [u8]>,
    pub(super) due: Table<'t, (Partition, Time, Number), ()>,
    pub(super) closed: Table<'t, Number, schema::ClosedValue<'static>>,
    pub(super) results: Table<'t, Number, &'static [u8]>,
    pub(super) finished: Table<'t, (Time, Number), ()>,
    pub(super) marks: Table<'t, (Partition, &'static [u8]), Number>,
    pub(super) mark_ages: Table<'t, (Partition, Number), schema::MarkValue<'static>>,
    pub(super) rows: Table<'t, (Partition, &'static [u8]), schema::RowValue<'static>>,
    pub(super) options: &'t Options,
    pub(super) now: Time,
    pub(super) counters: Counters,
    /// Something was written, so there is something to commit.
    pub(super) changed: bool,
    pub(super) hints: Vec<Hint>,
}

/// Someone to wake after the commit.
pub(super) enum Hint {
    /// Orders of this partition are claimable, or will be at another time than before.
    Claimable(PartitionId),
    /// This order has ended.
    Ended(OrderId),
}

/// The numbers that change with every batch.
#[derive(Clone, Copy)]
pub(super) struct Counters {
    /// The next order number, token or version: none is given twice.
    next: u64,
    pub(super) queued: u64,
    pub(super) leased: u64,
    pub(super) finished: u64,
    /// Of the bodies of queued and leased orders.
    pub(super) open_bytes: u64,
}

impl<'t> Ledger<'t> {
    /// Opens every table, creating those that a fresh file lacks.
    pub(super) fn begin(
        transaction: &'t WriteTransaction,
        options: &'t Options,
        now: Time,
    ) -> std::result::Result<Self, TableError> {
        let meta = transaction.open_table(schema::META)?;
        let counters = Counters::read(&meta)?;
        Ok(Self {
            meta,
            partitions: transaction.open_table(schema::PARTITIONS)?,
            partition_names: transaction.open_table(schema::PARTITION_NAMES)?,
            ids: transaction.open_table(schema::IDS)?,
            open: transaction.open_table(schema::OPEN)?,
            bodies: transaction.open_table(schema::BODIES)?,
            memos: transaction.open_table(schema::MEMOS)?,
            due: transaction.open_table(schema::DUE)?,
            closed: transaction.open_table(schema::CLOSED)?,
            results: transaction.open_table(schema::RESULTS)?,
            finished: transaction.open_table(schema::FINISHED)?,
            marks: transaction.open_table(schema::MARKS)?,
            mark_ages: transaction.open_table(schema::MARK_AGES)?,
            rows: transaction.open_table(schema::ROWS)?,
            options,
            now,
            counters,
            changed: false,
            hints: Vec::new(),
        })
    }

    /// Writes counters and time; returns whom to wake if there is something to commit.
    pub(super) fn finish(mut self) -> Result<Option<Vec<Hint>>> {
        if !self.changed {
            return Ok(None);
        }
        self.counters.write(&mut self.meta)?;
        self.meta.insert(meta::CLOCK, self.now)?;
        Ok(Some(self.hints))
    }

    /// Makes a fresh file a store of the present layout.
    pub(super) fn found_store(mut self) -> Result<()> {
        self.meta.insert(meta::SCHEMA, schema::SCHEMA)?;
        Ok(())
    }

    /// A number that was never given before: for orders, tokens and versions alike, so that a
    /// token is never given again even to an order whose id was forgotten and came back.
    pub(super) fn next(&mut self) -> u64 {
        let number = self.counters.next;
        self.counters.next += 1;
        number
    }

    /// The short number of a partition that has been used before.
    pub(super) fn partition(&self, name: &PartitionId) -> Result<Option<Partition>> {
        Ok(self.partitions.get(name.as_bytes())?.map(|row| row.value()))
    }

    /// The short number of a partition; a new one gets the next.
    pub(super) fn partition_or_new(&mut self, name: &PartitionId) -> Result<Partition> {
        if let Some(partition) = self.partition(name)? {
            return Ok(partition);
        }
        let next = self
            .meta
            .get(meta::PARTITIONS)?
            .map_or(0, |row| row.value());
        let partition = Partition::try_from(next)
            .map_err(|_| StorageError::Corrupted("too many partitions".into()))?;
        self.meta.insert(meta::PARTITIONS, next + 1)?;
        self.partitions.insert(name.as_bytes(), partition)?;
        self.partition_names.insert(partition, name.as_bytes())?;
        Ok(partition)
    }

    /// Where an order's rows are.
    pub(super) fn place(&self, order: &OrderId) -> Result<Option<(Partition, Number)>> {
        Ok(self.ids.get(order.as_bytes())?.map(|row| row.value()))
    }

    pub(super) fn open_row(&self, place: (Partition, Number)) -> Result<Option<Open>> {
        Ok(self.open.get(place)?.map(|row| Open::read(row.value())))
    }

    pub(super) fn closed_row(&self, number: Number) -> Result<Option<Closed>> {
        Ok(self
            .closed
            .get(number)?
            .map(|row| Closed::read(row.value())))
    }

    /// The row of an order that an index says is open.
    pub(super) fn open_row_at(&self, place: (Partition, Number)) -> Result<Open> {
        self.open_row(place)?.ok_or_else(|| missing("open"))
    }

    /// The row of an order that an index says is finished.
    pub(super) fn closed_row_at(&self, number: Number) -> Result<Closed> {
        self.closed_row(number)?.ok_or_else(|| missing("closed"))
    }

    pub(super) fn body(&self, number: Number) -> Result<Vec<u8>> {
        let body = self.bodies.get(number)?.ok_or_else(|| missing("bodies"))?;
        Ok(body.value().to_vec())
    }

    /// Changes when an open order may be claimed.
    pub(super) fn move_due(
        &mut self,
        (partition, number): (Partition, Number),
        from: Time,
        to: Time,
    ) -> Result<()> {
        self.due.remove((partition, from, number))?;
        self.due.insert((partition, to, number), ())?;
        Ok(())
    }

    /// Wakes those who wait for a claim in this partition.
    pub(super) fn wake_claims(&mut self, partition: Partition) -> Result<()> {
        if let Some(name) = self.partition_names.get(partition)? {
            self.hints.push(Hint::Claimable(name.value().into()));
        }
        Ok(())
    }
}

impl Counters {
    fn read(table: &impl ReadableTable<&'static str, u64>) -> Result<Self> {
        let number = |name| -> Result<u64> { Ok(table.get(name)?.map_or(0, |row| row.value())) };
        Ok(Self {
            next: number(meta::NEXT)?.max(1),
            queued: number(meta::QUEUED)?,
            leased: number(meta::LEASED)?,
            finished: number(meta::FINISHED)?,
            open_bytes: number(meta::OPEN_BYTES)?,
        })
    }

    fn write(&self, table: &mut Table<'_, &'static str, u64>) -> Result<()> {
        table.insert(meta::NEXT, self.next)?;
        table.insert(meta::QUEUED, self.queued)?;
        table.insert(meta::LEASED, self.leased)?;
        table.insert(meta::FINISHED, self.finished)?;
        table.insert(meta::OPEN_BYTES, self.open_bytes)?;
        Ok(())
    }
}

/// The tables of one commit always agree, so this is damage.
fn missing(table: &str) -> StorageError {
    StorageError::Corrupted(format!("a row is missing in table {table}"))
}
