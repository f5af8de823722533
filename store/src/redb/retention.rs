//! Letting go: results first, ids and replay keys later.

use redb::{ReadableTable, StorageError};

use super::ledger::Ledger;
use super::schema::{Number, Partition, Time};
use super::writer::Operation;
use crate::PartitionId;

pub(super) struct Evict {
    /// Milliseconds.
    pub(super) finished_for: u64,
    pub(super) limit: usize,
}

impl Operation for Evict {
    type Answer = usize;

    fn perform(&self, ledger: &mut Ledger<'_>) -> Result<usize, StorageError> {
        let latest = ledger.now.saturating_sub(self.finished_for);
        evict_oldest(ledger, latest, self.limit)
    }
}

/// Drops orders that finished until `latest`, with their results: at most `limit`, those that
/// finished first. Their ids and marks stay.
pub(super) fn evict_oldest(
    ledger: &mut Ledger<'_>,
    latest: Time,
    limit: usize,
) -> Result<usize, StorageError> {
    let old = ledger
        .finished
        .range((0, 0)..=(latest, Number::MAX))?
        .take(limit)
        .map(|entry| entry.map(|(key, _)| key.value()))
        .collect::<Result<Vec<_>, _>>()?;
    for &(finished, number) in &old {
        ledger.finished.remove((finished, number))?;
        ledger.results.remove(number)?;
        ledger.memos.remove(number)?;
        let row = ledger.closed_row_at(number)?;
        ledger.closed.remove(number)?;
        ledger.counters.finished -= 1;
        // Its mark has been forgotten already, and was all that kept the id.
        if ledger.mark_ages.get((row.partition, number))?.is_none() {
            ledger.ids.remove(row.order.as_slice())?;
        }
        ledger.changed = true;
    }
    Ok(old.len())
}

pub(super) struct ForgetMarks {
    pub(super) partition: PartitionId,
    /// Milliseconds.
    pub(super) older_than: u64,
    pub(super) limit: usize,
}

impl Operation for ForgetMarks {
    type Answer = usize;

    fn perform(&self, ledger: &mut Ledger<'_>) -> Result<usize, StorageError> {
        let Some(partition) = ledger.partition(&self.partition)? else {
            return Ok(0);
        };
        let old = self.old(ledger, partition)?;
        for mark in &old {
            let place = (partition, mark.number);
            ledger.mark_ages.remove(place)?;
            for replay in &mark.replays {
                ledger.marks.remove((partition, replay.as_slice()))?;
            }
            let evicted =
                ledger.open.get(place)?.is_none() && ledger.closed.get(mark.number)?.is_none();
            if evicted {
                ledger.ids.remove(mark.order.as_slice())?;
            }
            ledger.changed = true;
        }
        Ok(old.len())
    }
}

struct Mark {
    number: Number,
    order: Vec<u8>,
    replays: Vec<Vec<u8>>,
}

impl ForgetMarks {
    fn old(&self, ledger: &Ledger<'_>, partition: Partition) -> Result<Vec<Mark>, StorageError> {
        let latest = ledger.now.saturating_sub(self.older_than);
        let mut old = Vec::new();
        // Numbers rise with the time of submission.
        for entry in ledger
            .mark_ages
            .range((partition, 0)..=(partition, Number::MAX))?
            .take(self.limit)
        {
            let (key, value) = entry?;
            let (submitted, order, replays) = value.value();
            if submitted > latest {
                break;
            }
            old.push(Mark {
                number: key.value().1,
                order: order.to_vec(),
                replays: replays.into_iter().map(<[u8]>::to_vec).collect(),
            });
        }
        Ok(old)
    }
}
