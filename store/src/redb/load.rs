//! Reading what has to be in memory from the file.

use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata};

use super::clock::Clock;
use super::desk::{Desk, Place, Tokens};
use super::fingerprint::{Fingerprint, Fingerprinter, SIZE};
use super::memory::{Counters, Memory, Queues};
use super::pending::Pending;
use super::schema::{self, DoneRow, Number, OpenRow, Prints, Time, meta};
use crate::PartitionId;

type Result<T> = std::result::Result<T, redb::Error>;

/// What an engine begins with.
pub(super) struct Begun {
    pub(super) memory: Memory,
    pub(super) clock: Clock,
    pub(super) fingerprinter: Fingerprinter,
}

/// Begins a run: raises the epoch, so that its tokens are larger than all before.
pub(super) fn begin(database: &Database, wall: Time) -> Result<Begun> {
    let last = last_time(database)?;
    let clock = Clock::resume(wall, last);
    let transaction = database.begin_write()?;
    let epoch = {
        let mut table = transaction.open_table(schema::META)?;
        let epoch = table.get(meta::EPOCH)?.map_or(0, |row| row.value()) + 1;
        table.insert(meta::EPOCH, epoch)?;
        table.insert(meta::CLOCK, clock.now())?;
        epoch
    };
    transaction.commit()?;
    Ok(Begun {
        memory: memory(database, Tokens::of_epoch(epoch))?,
        clock,
        fingerprinter: fingerprinter(database)?,
    })
}

/// All that is to be in memory.
pub(super) fn memory(database: &Database, tokens: Tokens) -> Result<Memory> {
    let transaction = database.begin_read()?;
    let table = transaction.open_table(schema::META)?;
    let number = |name| Ok::<_, redb::Error>(table.get(name)?.map_or(0, |row| row.value()));
    let (next, indexed) = (number(meta::NEXT)?, number(meta::INDEXED)?);

    let mut queues = Queues::default();
    for entry in transaction.open_table(schema::QUEUES)?.range(0..)? {
        let (_, value) = entry?;
        let (name, forgotten) = value.value();
        queues.push(PartitionId::from(name), forgotten);
    }
    // What an order is to be found under: forgotten replay keys are not its own any more.
    let live = |place: Place, prints: Prints<'_>| -> Vec<Fingerprint> {
        let mut prints = prints.to_vec();
        let queue = queues.get(place.partition);
        if queue.is_some_and(|queue| place.number <= queue.forgotten) {
            prints.truncate(1);
        }
        prints
    };

    let mut desk = Desk::new(tokens);
    let (mut open, mut open_bytes) = (0, 0);
    for entry in transaction.open_table(schema::OPEN)?.range(0..)? {
        let (number, value) = entry?;
        let row = OpenRow::read(value.value());
        let place = Place {
            partition: row.partition,
            number: number.value(),
        };
        let bytes = row.body.len() as u64;
        desk.take_in(place, row.submitted, bytes, live(place, row.prints));
        open += 1;
        open_bytes += bytes;
    }

    let mut pending = Pending::new(next);
    let done = transaction.open_table(schema::DONE)?;
    for entry in done.range(indexed..)? {
        let (end, value) = entry?;
        let row = DoneRow::read(value.value());
        let place = Place {
            partition: row.partition,
            number: row.number,
        };
        for print in live(place, row.prints) {
            pending.insert(print, end.value());
        }
    }

    Ok(Memory {
        desk,
        pending,
        queues,
        counters: Counters {
            next,
            reserved: next,
            open,
            open_bytes,
            finished: done.len()?,
            indexed,
        },
    })
}

/// The latest time that is in the file.
fn last_time(database: &Database) -> Result<Time> {
    let transaction = database.begin_read()?;
    let clock = transaction.open_table(schema::META)?;
    let clock = clock.get(meta::CLOCK)?.map_or(0, |row| row.value());
    let done = transaction.open_table(schema::DONE)?;
    let finished = done
        .last()?
        .map_or(0, |(_, row)| DoneRow::read(row.value()).finished);
    let open = transaction.open_table(schema::OPEN)?;
    let submitted = open
        .last()?
        .map_or(0, |(_, row)| OpenRow::read(row.value()).submitted);
    Ok(clock.max(finished).max(submitted))
}

pub(super) fn fingerprinter(database: &Database) -> Result<Fingerprinter> {
    let transaction = database.begin_read()?;
    let table = transaction.open_table(schema::META)?;
    let mut salt = [0; SIZE];
    for (part, name) in salt.chunks_exact_mut(size_of::<Number>()).zip(meta::SALT) {
        let half = table.get(name)?.map_or(0, |row| row.value());
        part.copy_from_slice(&half.to_le_bytes());
    }
    Ok(Fingerprinter { salt })
}
