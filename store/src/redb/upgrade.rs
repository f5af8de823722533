//! Bringing a file of the first layout to the present one.
//!
//! The first transaction says that the file has the new layout and is being upgraded, so that an
//! earlier release refuses it from then on. Each further one moves some orders from the old tables
//! to the new ones. The old tables say at any time what is left: an upgrade that was interrupted
//! goes on where it was. In the end they are empty and go.

mod layout1;

use std::time::{Duration, Instant};

use redb::{Database, ReadableTable, ReadableTableMetadata, Table, WriteTransaction};

use self::layout1 as old;
use super::desk::Tokens;
use super::fingerprint::{Fingerprint, Fingerprinter, flat};
use super::schema::{self, DoneRow, MarkRow, Number, OpenRow, Partition, Prints, meta};
use super::{load, open};

type Result<T> = std::result::Result<T, redb::Error>;

/// Upgrades, or goes on with it.
pub(super) fn run(database: &Database) -> Result<()> {
    begin(database)?;
    let fingerprinter = load::fingerprinter(database)?;
    let mut progress = Progress::new(database)?;
    for step in [move_open, move_finished, move_evicted] {
        loop {
            let transaction = database.begin_write()?;
            let moved = {
                let mut mover = Mover::new(&transaction, fingerprinter)?;
                step(&mut mover)?;
                mover.finish()?
            };
            transaction.commit()?;
            if moved == 0 {
                break;
            }
            progress.add(moved);
        }
    }
    let transaction = database.begin_write()?;
    old::delete_tables(&transaction)?;
    transaction
        .open_table(schema::META)?
        .remove(meta::UPGRADING)?;
    transaction.commit()?;
    progress.end();
    Ok(())
}

/// Makes the new tables, unless that has happened.
fn begin(database: &Database) -> Result<()> {
    let transaction = database.begin_write()?;
    {
        let mut table = transaction.open_table(schema::META)?;
        if table.get(meta::UPGRADING)?.is_some() {
            return Ok(());
        }
        let next = table.get(meta::NEXT)?.map_or(1, |row| row.value()).max(1);
        table.insert(meta::UPGRADING, 1)?;
        table.insert(meta::NEXT, next)?;
        table.insert(meta::INDEXED, next)?;
        // Numbers and tokens were counted together.
        table.insert(meta::EPOCH, Tokens::epoch_after(next))?;
        for name in old::COUNTERS {
            table.remove(name)?;
        }
        let mut queues = transaction.open_table(schema::QUEUES)?;
        let ages = transaction.open_table(old::MARK_AGES)?;
        for entry in transaction.open_table(old::PARTITION_NAMES)?.iter()? {
            let (partition, name) = entry?;
            let partition = partition.value();
            // Marks were forgotten from the oldest on.
            let first = ages
                .range((partition, 0)..=(partition, Number::MAX))?
                .next()
                .transpose()?
                .map_or(next, |(key, _)| key.value().1);
            let forgotten = first.saturating_sub(1);
            queues.insert(partition, (name.value(), forgotten))?;
        }
    }
    open::make_tables(&transaction)?;
    transaction.commit()?;
    Ok(())
}

/// Orders that one transaction moves.
const BATCH: usize = 2000;

/// Bytes of bodies or results that one transaction moves, about.
const BATCH_BYTES: usize = 4 << 20;

/// One transaction that moves orders.
struct Mover<'t> {
    transaction: &'t WriteTransaction,
    fingerprinter: Fingerprinter,
    ages: Table<'t, (Partition, Number), old::MarkValue<'static>>,
    memos: Table<'t, Number, &'static [u8]>,
    marks: Table<'t, (Partition, Number), schema::MarkValue<'static>>,
    names: Vec<Vec<u8>>,
    /// The next number.
    next: Number,
    /// What the index is to get.
    entries: Vec<(Fingerprint, Number)>,
    moved: usize,
    bytes: usize,
}

impl<'t> Mover<'t> {
    fn new(transaction: &'t WriteTransaction, fingerprinter: Fingerprinter) -> Result<Self> {
        let mut names = Vec::new();
        for entry in transaction.open_table(schema::QUEUES)?.iter()? {
            names.push(entry?.1.value().0.to_vec());
        }
        let table = transaction.open_table(schema::META)?;
        let next = table.get(meta::NEXT)?.map_or(1, |row| row.value());
        Ok(Self {
            transaction,
            fingerprinter,
            ages: transaction.open_table(old::MARK_AGES)?,
            memos: transaction.open_table(old::MEMOS)?,
            marks: transaction.open_table(schema::MARKS)?,
            names,
            next,
            entries: Vec::new(),
            moved: 0,
            bytes: 0,
        })
    }

    fn full(&self) -> bool {
        self.moved >= BATCH || self.bytes >= BATCH_BYTES
    }

    /// Moves the mark of an order, if it has one; returns what the order is to be found under.
    fn move_mark(
        &mut self,
        partition: Partition,
        number: Number,
        order: &[u8],
    ) -> Result<Vec<Fingerprint>> {
        let mut prints = vec![self.fingerprinter.order(&order.into())];
        if let Some(mark) = self.ages.remove((partition, number))? {
            let (submitted, _, replays) = mark.value();
            let name = usize::try_from(partition).ok();
            let name = name.and_then(|place| self.names.get(place));
            let name = name.map_or(&[][..], Vec::as_slice);
            prints.extend(
                replays
                    .iter()
                    .map(|key| self.fingerprinter.replay_in(name, key)),
            );
            let flat = flat(&prints);
            let row = MarkRow {
                submitted,
                prints: Prints(&flat),
            };
            self.marks.insert((partition, number), row.value())?;
        }
        self.moved += 1;
        Ok(prints)
    }

    fn memo(&mut self, number: Number) -> Result<Vec<u8>> {
        let memo = self.memos.remove(number)?;
        Ok(memo.map_or_else(Vec::new, |memo| memo.value().to_vec()))
    }

    /// A number for the end of an order, under which it is found from now on.
    fn end(&mut self, prints: &[Fingerprint]) -> Number {
        let end = self.next;
        self.next += 1;
        self.entries
            .extend(prints.iter().map(|print| (*print, end)));
        end
    }

    /// Writes what is due once a transaction; returns how many orders it has moved.
    fn finish(mut self) -> Result<usize> {
        // In order, so that those that share a page come together.
        self.entries.sort_unstable();
        let mut index = self.transaction.open_table(schema::INDEX)?;
        for (print, end) in &self.entries {
            index.insert(&print.0, end)?;
        }
        let mut table = self.transaction.open_table(schema::META)?;
        table.insert(meta::NEXT, self.next)?;
        table.insert(meta::INDEXED, self.next)?;
        Ok(self.moved)
    }
}

fn move_open(mover: &mut Mover<'_>) -> Result<()> {
    let mut old_open = mover.transaction.open_table(old::OPEN)?;
    let mut bodies = mover.transaction.open_table(old::BODIES)?;
    let mut open = mover.transaction.open_table(schema::OPEN)?;
    while !mover.full() {
        let Some((key, value)) = old_open.pop_first()? else {
            break;
        };
        let (partition, number) = key.value();
        let (submitted, _, _, _, _, digest, order) = value.value();
        let prints = flat(&mover.move_mark(partition, number, order)?);
        let body = bodies.remove(number)?;
        let body = body.as_ref().map_or(&[][..], |body| body.value());
        mover.bytes += body.len();
        let memo = mover.memo(number)?;
        let row = OpenRow {
            partition,
            submitted,
            digest,
            order,
            prints: Prints(&prints),
            memo: &memo,
            body,
        };
        open.insert(number, row.value())?;
    }
    Ok(())
}

fn move_finished(mover: &mut Mover<'_>) -> Result<()> {
    let mut finished = mover.transaction.open_table(old::FINISHED)?;
    let mut closed = mover.transaction.open_table(old::CLOSED)?;
    let mut results = mover.transaction.open_table(old::RESULTS)?;
    let mut done = mover.transaction.open_table(schema::DONE)?;
    while !mover.full() {
        let Some((key, _)) = finished.pop_first()? else {
            break;
        };
        let (finished, number) = key.value();
        let Some(row) = closed.remove(number)? else {
            continue;
        };
        let (partition, token, _, digest, order) = row.value();
        let prints = mover.move_mark(partition, number, order)?;
        let end = mover.end(&prints);
        let result = results.remove(number)?;
        let result = result.as_ref().map_or(&[][..], |result| result.value());
        mover.bytes += result.len();
        let (prints, memo) = (flat(&prints), mover.memo(number)?);
        let row = DoneRow {
            partition,
            number,
            token,
            finished,
            digest,
            prints: Prints(&prints),
            memo: &memo,
            result,
        };
        done.insert(end, row.value())?;
    }
    Ok(())
}

/// The marks that are left are of evicted orders.
fn move_evicted(mover: &mut Mover<'_>) -> Result<()> {
    while !mover.full() {
        let Some((partition, number, order)) = mover.ages.first()?.map(|(key, value)| {
            let (partition, number) = key.value();
            (partition, number, value.value().1.to_vec())
        }) else {
            break;
        };
        let prints = mover.move_mark(partition, number, &order)?;
        mover.end(&prints);
    }
    Ok(())
}

/// Tells now and then how far it is.
struct Progress {
    total: u64,
    done: u64,
    begun: Instant,
    told: Option<Instant>,
}

/// Upgrades that take less are not spoken of.
const QUIET: Duration = Duration::from_secs(2);
const BETWEEN: Duration = Duration::from_secs(5);

impl Progress {
    fn new(database: &Database) -> Result<Self> {
        let transaction = database.begin_write()?;
        let left = transaction.open_table(old::OPEN)?.len()?
            + transaction.open_table(old::FINISHED)?.len()?;
        let marks = transaction.open_table(old::MARK_AGES)?.len()?;
        transaction.abort()?;
        Ok(Self {
            total: left.max(marks),
            done: 0,
            begun: Instant::now(),
            told: None,
        })
    }

    fn add(&mut self, moved: usize) {
        self.done += moved as u64;
        let since = self.told.unwrap_or(self.begun).elapsed();
        if since >= self.told.map_or(QUIET, |_| BETWEEN) {
            self.told = Some(Instant::now());
            let (done, total) = (self.done, self.total);
            tracing::warn!(orders = done, of = total, "the store is being upgraded");
        }
    }

    fn end(&self) {
        let (orders, took) = (self.done, self.begun.elapsed());
        if self.told.is_some() {
            tracing::warn!(orders, ?took, "the store is upgraded");
        }
    }
}
