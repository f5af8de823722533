//! Ending orders, with a result.

use redb::{ReadableTable, StorageError};

use super::lease::{Holding, holding};
use super::ledger::{Hint, Ledger};
use super::retention::evict_oldest;
use super::schema::{Closed, Number, Open, Partition, Time};
use super::writer::Operation;
use crate::{Completed, Completion, PartitionId};

pub(super) struct Complete(pub(super) Completion);

impl Operation for Complete {
    type Answer = Completed;

    fn size(&self) -> usize {
        let appends = self.0.appends.iter().map(|append| append.value.len());
        self.0.result.len() + appends.sum::<usize>()
    }

    fn perform(&self, ledger: &mut Ledger<'_>) -> Result<Completed, StorageError> {
        let Completion {
            order,
            token,
            result,
            appends,
        } = &self.0;
        let (place, row) = match holding(ledger, order, *token)? {
            Holding::Yes(place, row) => (place, row),
            Holding::Lost(lost) => {
                let closed = match ledger.place(order)? {
                    Some((_, number)) => ledger.closed_row(number)?,
                    None => None,
                };
                return Ok(match closed {
                    Some(row) if row.token == token.0 => Completed::AlreadyStored,
                    _ => Completed::Lost(lost),
                });
            }
        };
        close(ledger, place, row, token.0, result)?;
        for append in appends {
            let version = ledger.next();
            ledger.rows.insert(
                (place.0, append.key.as_bytes()),
                (version, append.value.as_slice()),
            )?;
        }
        Ok(Completed::Stored)
    }
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

    fn perform(&self, ledger: &mut Ledger<'_>) -> Result<usize, StorageError> {
        let Some(partition) = ledger.partition(&self.partition)? else {
            return Ok(0);
        };
        let old = self.old(ledger, partition)?;
        let count = old.len();
        for (number, row) in old {
            close(ledger, (partition, number), row, 0, &self.result)?;
        }
        Ok(count)
    }
}

impl Expire {
    /// The orders to end. Only leased ones are passed over, and there are never many of those.
    fn old(
        &self,
        ledger: &Ledger<'_>,
        partition: Partition,
    ) -> Result<Vec<(Number, Open)>, StorageError> {
        let latest = ledger.now.saturating_sub(self.older_than);
        let mut old = Vec::new();
        // Numbers rise with the time of submission.
        for entry in ledger
            .open
            .range((partition, 0)..=(partition, Number::MAX))?
        {
            let (key, value) = entry?;
            let row = Open::read(value.value());
            if row.submitted > latest || old.len() >= self.limit {
                break;
            }
            if !row.held_at(ledger.now) {
                old.push((key.value().1, row));
            }
        }
        Ok(old)
    }
}

/// Moves an open order to the finished ones. `token` is 0 if it ends without a lease.
fn close(
    ledger: &mut Ledger<'_>,
    place: (Partition, Number),
    row: Open,
    token: u64,
    result: &[u8],
) -> Result<(), StorageError> {
    let (partition, number) = place;
    if row.leased {
        ledger.counters.leased -= 1;
    } else {
        ledger.counters.queued -= 1;
    }
    ledger.counters.finished += 1;
    ledger.open.remove(place)?;
    if let Some(body) = ledger.bodies.remove(number)? {
        let bytes = body.value().len() as u64;
        ledger.counters.open_bytes = ledger.counters.open_bytes.saturating_sub(bytes);
    }
    ledger.due.remove((partition, row.due, number))?;
    let closed = Closed {
        partition,
        token,
        finished: ledger.now,
        digest: row.digest,
        order: row.order,
    };
    ledger.closed.insert(number, closed.value())?;
    ledger.results.insert(number, result)?;
    ledger.finished.insert((ledger.now, number), ())?;
    ledger.changed = true;
    ledger.hints.push(Hint::Ended(closed.order.into()));
    make_room(ledger)
}

/// Keeps to the bound on finished orders. One has to go, unless the bound was lowered: then some
/// go each time until it is met.
fn make_room(ledger: &mut Ledger<'_>) -> Result<(), StorageError> {
    let (finished, most) = (ledger.counters.finished, ledger.options.max_finished);
    let excess = usize::try_from(finished.saturating_sub(most)).unwrap_or(usize::MAX);
    if excess > 0 {
        evict_oldest(ledger, Time::MAX, excess.min(MOST_AT_ONCE))?;
    }
    Ok(())
}

/// Most orders that make room for one that finishes.
const MOST_AT_ONCE: usize = 8;
