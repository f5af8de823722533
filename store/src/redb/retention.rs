//! Letting go: results first, ids and replay keys later.

use redb::ReadableTable;

use super::desk::Place;
use super::fingerprint::Fingerprint;
use super::ledger::{Ledger, Result};
use super::memory::Found;
use super::schema::{DoneRow, MarkRow, Number, Partition, Time};
use super::writer::Operation;
use crate::PartitionId;

pub(super) struct Evict {
    /// Milliseconds.
    pub(super) finished_for: u64,
    pub(super) limit: usize,
}

impl Operation for Evict {
    type Answer = usize;

    fn perform(&self, ledger: &mut Ledger<'_>) -> Result<usize> {
        let latest = ledger.now.saturating_sub(self.finished_for);
        evict_oldest(ledger, latest, self.limit)
    }
}

struct Old {
    end: Number,
    place: Place,
    prints: Vec<Fingerprint>,
}

/// Drops orders that finished until `latest`, with their results: at most `limit`, those that
/// finished first. Their ids and marks stay.
pub(super) fn evict_oldest(ledger: &mut Ledger<'_>, latest: Time, limit: usize) -> Result<usize> {
    let mut old = Vec::new();
    for entry in ledger.done.table()?.range(0..)?.take(limit) {
        let (end, value) = entry?;
        let row = DoneRow::read(value.value());
        if row.finished > latest {
            break;
        }
        old.push(Old {
            end: end.value(),
            place: Place {
                partition: row.partition,
                number: row.number,
            },
            prints: row.prints.to_vec(),
        });
    }
    for order in &old {
        ledger.done.table()?.remove(order.end)?;
        release_prints(ledger, order)?;
        ledger.draft.counters.finished -= 1;
        ledger.changed = true;
    }
    // No order is left that tells when the last one finished.
    ledger.stamp |= !old.is_empty() && ledger.draft.counters.finished == 0;
    Ok(old.len())
}

/// No row names the fingerprints of an evicted order: from now on the index alone has to know
/// them.
fn release_prints(ledger: &mut Ledger<'_>, order: &Old) -> Result<()> {
    let Some((id, replays)) = order.prints.split_first() else {
        return Ok(());
    };
    if order.place.number <= ledger.forgotten(order.place.partition) {
        // Its mark was all that kept the id.
        return ledger.free(*id);
    }
    if order.end >= ledger.draft.counters.indexed {
        for print in replays.iter().chain([id]) {
            ledger.enter(*print, order.end)?;
        }
    }
    Ok(())
}

pub(super) struct ForgetMarks {
    pub(super) partition: PartitionId,
    /// Milliseconds.
    pub(super) older_than: u64,
    pub(super) limit: usize,
}

impl Operation for ForgetMarks {
    type Answer = usize;

    fn perform(&self, ledger: &mut Ledger<'_>) -> Result<usize> {
        let Some(partition) = ledger.partition(&self.partition) else {
            return Ok(0);
        };
        let old = self.old(ledger, partition)?;
        for (number, prints) in &old {
            ledger.marks.table()?.remove((partition, *number))?;
            let Some((id, replays)) = prints.split_first() else {
                continue;
            };
            for replay in replays {
                ledger.free(*replay)?;
            }
            if let Some(Found::Ended(end)) = ledger.find(*id)?
                && ledger.done.table()?.get(end)?.is_none()
            {
                ledger.free(*id)?;
            }
        }
        if let Some((last, _)) = old.last() {
            ledger.forget_up_to(&self.partition, *last)?;
        }
        Ok(old.len())
    }
}

impl ForgetMarks {
    fn old(
        &self,
        ledger: &mut Ledger<'_>,
        partition: Partition,
    ) -> Result<Vec<(Number, Vec<Fingerprint>)>> {
        let latest = ledger.now.saturating_sub(self.older_than);
        let mut old = Vec::new();
        // Numbers rise with the time of submission.
        let range = (partition, 0)..=(partition, Number::MAX);
        for entry in ledger.marks.table()?.range(range)?.take(self.limit) {
            let (key, value) = entry?;
            let row = MarkRow::read(value.value());
            if row.submitted > latest {
                break;
            }
            old.push((key.value().1, row.prints.to_vec()));
        }
        Ok(old)
    }
}
