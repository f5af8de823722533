//! Ending orders, with a result.

use redb::{ReadableTable, StorageError};

use super::desk::{Holding, Place};
use super::fingerprint::Fingerprint;
use super::ledger::{Hint, Ledger, Result};
use super::memory::{Closed, Found};
use super::retention::evict_oldest;
use super::schema::{DoneRow, Number, OpenRow, Time};
use super::writer::Operation;
use crate::{Completed, Completion, Lost, OrderId, PartitionId};

pub(super) struct Complete {
    pub(super) completion: Completion,
    pub(super) print: Fingerprint,
}

impl Operation for Complete {
    type Answer = Completed;

    fn size(&self) -> usize {
        let appends = self.completion.appends.iter();
        let appends = appends.map(|append| append.value.len());
        self.completion.result.len() + appends.sum::<usize>()
    }

    fn perform(&self, ledger: &mut Ledger<'_>) -> Result<Completed> {
        let Completion {
            order,
            token,
            result,
            appends,
        } = &self.completion;
        let place = match ledger.find(self.print)? {
            None => return Ok(Completed::Lost(Lost::Gone)),
            Some(Found::Ended(end)) => return ended(ledger, end, token.0),
            Some(Found::Open(place)) => place,
        };
        // From here on nobody can claim it: whether the token held it is settled now.
        let held = {
            let mut memory = ledger.memory();
            let held = memory.desk.holding(place, *token, ledger.now);
            if matches!(held, Holding::Yes) {
                memory.desk.begin_close(place);
            }
            held
        };
        match held {
            Holding::Yes => {}
            Holding::Lost(lost) => return Ok(Completed::Lost(lost)),
            // Orders that close in this batch are found as ended.
            Holding::Closing => return Ok(Completed::Lost(Lost::Superseded)),
        }
        close(ledger, place, token.0, result, order.clone())?;
        for append in appends {
            let version = ledger.next()?;
            ledger.rows.table()?.insert(
                (place.partition, append.key.as_bytes()),
                (version, append.value.as_slice()),
            )?;
        }
        Ok(Completed::Stored)
    }
}

/// What a token is told about an order that has ended.
fn ended(ledger: &mut Ledger<'_>, end: u64, token: u64) -> Result<Completed> {
    let row = ledger.done.table()?.get(end)?;
    let finisher = row.map_or(0, |row| DoneRow::read(row.value()).token);
    Ok(match finisher {
        0 => Completed::Lost(Lost::Gone),
        finisher if finisher == token => Completed::AlreadyStored,
        _ => Completed::Lost(Lost::Superseded),
    })
}

pub(super) struct Expire {
    pub(super) partition: PartitionId,
    /// Milliseconds.
    pub(super) older_than: u64,
    pub(super) result: Vec<u8>,
    pub(super) limit: usize,
}

impl Operation for Expire {
    type Answer = usize;

    fn size(&self) -> usize {
        self.result.len()
    }

    fn perform(&self, ledger: &mut Ledger<'_>) -> Result<usize> {
        let Some(partition) = ledger.partition(&self.partition) else {
            return Ok(0);
        };
        let (now, latest) = (ledger.now, ledger.now.saturating_sub(self.older_than));
        let old = {
            let mut memory = ledger.memory();
            let old = memory.desk.unleased(partition, latest, now, self.limit);
            for place in &old {
                memory.desk.begin_close(*place);
            }
            old
        };
        for place in &old {
            let order = {
                let row = ledger.open.table()?.get(place.number)?;
                let row = row.ok_or_else(missing)?;
                OrderId::from(OpenRow::read(row.value()).order)
            };
            close(ledger, *place, 0, &self.result, order)?;
        }
        Ok(old.len())
    }
}

/// Moves an open order to the finished ones. `token` is 0 if it ends without a lease.
fn close(
    ledger: &mut Ledger<'_>,
    place: Place,
    token: u64,
    result: &[u8],
    order: OrderId,
) -> Result<()> {
    let end = ledger.next()?;
    let (mut prints, bytes) = move_row(ledger, place, token, result, end)?;
    if place.number <= ledger.forgotten(place.partition) {
        // Its replay keys are not its own any more.
        prints.truncate(1);
    }
    for print in &prints {
        ledger.own(*print, Found::Ended(end));
    }
    let closed = Closed { place, end, prints };
    ledger.draft.closed.push(closed);
    let counters = ledger.counters();
    counters.open -= 1;
    counters.open_bytes = counters.open_bytes.saturating_sub(bytes);
    counters.finished += 1;
    ledger.changed = true;
    ledger.hints.push(Hint::Ended(order));
    make_room(ledger)
}

/// Puts the row of a finished order in the place of an open one's; returns its fingerprints and
/// the size of the body.
fn move_row(
    ledger: &mut Ledger<'_>,
    place: Place,
    token: u64,
    result: &[u8],
    end: Number,
) -> Result<(Vec<Fingerprint>, u64)> {
    let removed = ledger.open.table()?.remove(place.number)?;
    let removed = removed.ok_or_else(missing)?;
    let open = OpenRow::read(removed.value());
    let done = DoneRow {
        partition: place.partition,
        number: place.number,
        token,
        finished: ledger.now,
        digest: open.digest,
        prints: open.prints,
        memo: open.memo,
        result,
    };
    ledger.done.table()?.insert(end, done.value())?;
    Ok((open.prints.to_vec(), open.body.len() as u64))
}

/// Keeps to the bound on finished orders. One has to go, unless the bound was lowered: then some
/// go each time until it is met.
fn make_room(ledger: &mut Ledger<'_>) -> Result<()> {
    let (finished, most) = (ledger.draft.counters.finished, ledger.options.max_finished);
    let excess = usize::try_from(finished.saturating_sub(most)).unwrap_or(usize::MAX);
    if excess > 0 {
        evict_oldest(ledger, Time::MAX, excess.min(MOST_AT_ONCE))?;
    }
    Ok(())
}

/// Most orders that make room for one that finishes.
const MOST_AT_ONCE: usize = 8;

/// Memory and file agree, so this is damage.
fn missing() -> StorageError {
    StorageError::Corrupted("a row is missing in table open_orders".into())
}
