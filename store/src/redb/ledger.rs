//! One write transaction: its tables, its time, and what it will change in memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::{Key, ReadableTable, StorageError, Table, TableDefinition, Value, WriteTransaction};

use super::Options;
use super::fingerprint::{Fingerprint, SIZE};
use super::memory::{Counters, Draft, Found, Memory};
use super::schema::{self, Number, Partition, Time, meta};
use crate::{OrderId, PartitionId};

pub(super) type Result<T> = std::result::Result<T, redb::Error>;

/// What the writer may touch.
///
/// Operations look first and change after, so one that has nothing to do leaves no trace in its
/// batch; an error here ends the whole transaction. Tables are opened when they are first used,
/// because each one costs the commit some pages. Memory is changed after the commit, by the
/// [`Draft`]; until then operations of the same batch see through it.
pub(super) struct Ledger<'t> {
    pub(super) meta: Lazy<'t, &'static str, u64>,
    queues: Lazy<'t, Partition, schema::QueueValue<'static>>,
    pub(super) open: Lazy<'t, Number, schema::OpenValue<'static>>,
    pub(super) done: Lazy<'t, Number, schema::DoneValue<'static>>,
    pub(super) marks: Lazy<'t, (Partition, Number), schema::MarkValue<'static>>,
    pub(super) index: Lazy<'t, &'static [u8; SIZE], Number>,
    pub(super) rows: Lazy<'t, (Partition, &'static [u8]), schema::RowValue<'static>>,
    memory: &'t Mutex<Memory>,
    pub(super) options: &'t Options,
    pub(super) now: Time,
    pub(super) draft: Draft,
    /// Something was written, so there is something to commit.
    pub(super) changed: bool,
    /// The time is to be written, because no row of an order tells it.
    pub(super) stamp: bool,
    pub(super) hints: Vec<Hint>,
}

/// Someone to wake after the commit.
#[derive(PartialEq, Eq)]
pub(super) enum Hint {
    /// Orders of this partition are claimable, or will be at another time than before.
    Claimable(PartitionId),
    /// This order has ended.
    Ended(OrderId),
}

/// How many numbers are set aside on disk at once. After a restart the rest is skipped.
const RESERVE: Number = 4096;

/// The most partitions: each is for ever in memory.
const MOST_PARTITIONS: usize = 1 << 20;

impl<'t> Ledger<'t> {
    pub(super) fn begin(
        transaction: &'t WriteTransaction,
        memory: &'t Mutex<Memory>,
        options: &'t Options,
        now: Time,
    ) -> Self {
        let counters = lock(memory).counters;
        Self {
            meta: Lazy::new(transaction, schema::META),
            queues: Lazy::new(transaction, schema::QUEUES),
            open: Lazy::new(transaction, schema::OPEN),
            done: Lazy::new(transaction, schema::DONE),
            marks: Lazy::new(transaction, schema::MARKS),
            index: Lazy::new(transaction, schema::INDEX),
            rows: Lazy::new(transaction, schema::ROWS),
            memory,
            options,
            now,
            draft: Draft::new(counters),
            changed: false,
            stamp: false,
            hints: Vec::new(),
        }
    }

    /// Writes what is due once a commit; returns what to do after it, if there is something to
    /// commit.
    pub(super) fn finish(mut self) -> Result<Option<(Draft, Vec<Hint>)>> {
        if !self.changed {
            return Ok(None);
        }
        self.enter_stretch()?;
        if self.stamp {
            self.meta.table()?.insert(meta::CLOCK, self.now)?;
        }
        Ok(Some((self.draft, self.hints)))
    }

    /// Enters fingerprints that wait into the index, if too many do.
    fn enter_stretch(&mut self) -> Result<()> {
        let more = self.draft.closed.iter().map(|closed| closed.prints.len());
        let Some(stretch) = self.memory().pending.stretch(more.sum()) else {
            return Ok(());
        };
        let index = self.index.table()?;
        for (print, end) in &stretch.prints {
            // Freed, and perhaps used again.
            if !self.draft.owners.contains_key(print) {
                index.insert(&print.0, end)?;
            }
        }
        if let Some(indexed) = stretch.indexed {
            self.draft.counters.indexed = indexed;
            self.meta.table()?.insert(meta::INDEXED, indexed)?;
        }
        self.draft.stretch = Some(stretch);
        Ok(())
    }

    pub(super) fn memory(&self) -> MutexGuard<'t, Memory> {
        lock(self.memory)
    }

    pub(super) fn counters(&mut self) -> &mut Counters {
        &mut self.draft.counters
    }

    /// A number that was never given before.
    pub(super) fn next(&mut self) -> Result<Number> {
        let counters = &mut self.draft.counters;
        let number = counters.next;
        counters.next += 1;
        if counters.next > counters.reserved {
            counters.reserved = counters.next + RESERVE;
            self.meta.table()?.insert(meta::NEXT, counters.reserved)?;
        }
        Ok(number)
    }

    /// The short number of a partition that has been used before.
    pub(super) fn partition(&self, name: &PartitionId) -> Option<Partition> {
        let memory = self.memory();
        memory.queues.number(name).or_else(|| {
            let mut new = self.draft.new_queues.iter();
            let place = new.position(|new| new == name)?;
            Partition::try_from(memory.queues.len() + place).ok()
        })
    }

    /// The short number of a partition; a new one gets the next.
    pub(super) fn partition_or_new(&mut self, name: &PartitionId) -> Result<Partition> {
        if let Some(partition) = self.partition(name) {
            return Ok(partition);
        }
        let next = self.memory().queues.len() + self.draft.new_queues.len();
        if next >= MOST_PARTITIONS {
            return Err(StorageError::Corrupted("there are too many partitions".into()).into());
        }
        let partition = Partition::try_from(next).unwrap_or(Partition::MAX);
        self.queues
            .table()?
            .insert(partition, (name.as_bytes(), 0))?;
        self.draft.new_queues.push(name.clone());
        Ok(partition)
    }

    /// The last number of a partition whose replay keys are forgotten.
    pub(super) fn forgotten(&self, partition: Partition) -> Number {
        if let Some(up_to) = self.draft.forgotten.get(&partition) {
            return *up_to;
        }
        let memory = self.memory();
        memory
            .queues
            .get(partition)
            .map_or(0, |queue| queue.forgotten)
    }

    /// Notes that the replay keys of a partition are forgotten up to this number.
    pub(super) fn forget_up_to(&mut self, name: &PartitionId, up_to: Number) -> Result<()> {
        if let Some(partition) = self.partition(name) {
            self.queues
                .table()?
                .insert(partition, (name.as_bytes(), up_to))?;
            self.draft.forgotten.insert(partition, up_to);
            self.changed = true;
        }
        Ok(())
    }

    /// To whom an id or replay key belongs.
    pub(super) fn find(&mut self, print: Fingerprint) -> Result<Option<Found>> {
        if let Some(found) = self.draft.owners.get(&print) {
            return Ok(*found);
        }
        if let Some(found) = self.memory().find(print) {
            return Ok(Some(found));
        }
        let end = self.index.table()?.get(&print.0)?.map(|row| row.value());
        Ok(end.map(Found::Ended))
    }

    /// Gives an id or replay key to somebody.
    pub(super) fn own(&mut self, print: Fingerprint, found: Found) {
        self.draft.owners.insert(print, Some(found));
    }

    /// Frees an id or replay key.
    pub(super) fn free(&mut self, print: Fingerprint) -> Result<()> {
        self.index.table()?.remove(&print.0)?;
        self.draft.owners.insert(print, None);
        self.draft.freed.push(print);
        Ok(())
    }

    /// Enters an id or replay key into the index now, because no row names it from now on.
    pub(super) fn enter(&mut self, print: Fingerprint, end: Number) -> Result<()> {
        self.index.table()?.insert(&print.0, end)?;
        self.draft.entered.push(print);
        Ok(())
    }

    /// Wakes those who wait for a claim in this partition.
    pub(super) fn wake_claims(&mut self, partition: &PartitionId) {
        let hint = Hint::Claimable(partition.clone());
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
    }
}

/// A table that is opened when it is first used.
pub(super) struct Lazy<'t, K: Key + 'static, V: Value + 'static> {
    transaction: &'t WriteTransaction,
    definition: TableDefinition<'static, K, V>,
    table: Option<Table<'t, K, V>>,
}

impl<'t, K: Key + 'static, V: Value + 'static> Lazy<'t, K, V> {
    pub(super) fn new(
        transaction: &'t WriteTransaction,
        definition: TableDefinition<'static, K, V>,
    ) -> Self {
        Self {
            transaction,
            definition,
            table: None,
        }
    }

    pub(super) fn table(&mut self) -> Result<&mut Table<'t, K, V>> {
        let table = match self.table.take() {
            Some(table) => table,
            None => self.transaction.open_table(self.definition)?,
        };
        Ok(self.table.insert(table))
    }
}

/// Nothing that can panic changes memory under its lock, so it is whole in any case.
pub(super) fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}
