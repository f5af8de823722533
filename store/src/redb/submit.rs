//! Taking orders in.

use redb::ReadableTable;

use super::desk::Place;
use super::fingerprint::{Fingerprint, flat};
use super::ledger::{Ledger, Result};
use super::memory::{Found, Opened};
use super::schema::{DoneRow, MarkRow, OpenRow, Partition, Prints};
use super::writer::Operation;
use crate::{Submission, Submitted};

pub(super) struct Submit {
    pub(super) submission: Submission,
    /// Of its id, then of its replay keys.
    pub(super) prints: Vec<Fingerprint>,
}

impl Operation for Submit {
    type Answer = Submitted;

    fn size(&self) -> usize {
        self.submission.body.len()
    }

    fn perform(&self, ledger: &mut Ledger<'_>) -> Result<Submitted> {
        if let Some(refusal) = self.refusal(ledger)? {
            return Ok(refusal);
        }
        let submission = &self.submission;
        let partition = ledger.partition_or_new(&submission.partition)?;
        let number = ledger.next()?;
        let place = Place { partition, number };
        let prints = flat(&self.prints);
        let row = OpenRow {
            partition,
            submitted: ledger.now,
            digest: submission.digest.0,
            order: submission.order.as_bytes(),
            prints: Prints(&prints),
            memo: &submission.memo,
            body: &submission.body,
        };
        ledger.open.table()?.insert(number, row.value())?;
        let mark = MarkRow {
            submitted: ledger.now,
            prints: Prints(&prints),
        };
        ledger
            .marks
            .table()?
            .insert((partition, number), mark.value())?;
        for print in &self.prints {
            ledger.own(*print, Found::Open(place));
        }
        ledger.draft.opened.push(Opened {
            place,
            submitted: ledger.now,
            bytes: self.bytes(),
            prints: self.prints.clone(),
        });
        let bytes = self.bytes();
        let counters = ledger.counters();
        counters.open += 1;
        counters.open_bytes += bytes;
        ledger.changed = true;
        ledger.wake_claims(&submission.partition);
        Ok(Submitted::Accepted)
    }
}

impl Submit {
    /// Why the order is not taken in, if it is not.
    fn refusal(&self, ledger: &mut Ledger<'_>) -> Result<Option<Submitted>> {
        let Some((id, replays)) = self.prints.split_first() else {
            return Ok(None);
        };
        if let Some(found) = ledger.find(*id)? {
            let partition = ledger.partition(&self.submission.partition);
            let same = known(ledger, found)?.is_some_and(|(owner, digest)| {
                Some(owner) == partition && digest == self.submission.digest.0
            });
            return Ok(Some(if same {
                Submitted::AlreadyAccepted
            } else {
                Submitted::DuplicateOrder
            }));
        }
        for replay in replays {
            if ledger.find(*replay)?.is_some() {
                return Ok(Some(Submitted::Replayed));
            }
        }
        let (most, most_bytes) = (ledger.options.max_orders, ledger.options.max_open_bytes);
        let counters = ledger.counters();
        let full =
            counters.open >= most || counters.open_bytes.saturating_add(self.bytes()) > most_bytes;
        Ok(full.then_some(Submitted::Full))
    }

    fn bytes(&self) -> u64 {
        self.submission.body.len() as u64
    }
}

/// Partition and digest of an order that is still stored.
fn known(ledger: &mut Ledger<'_>, found: Found) -> Result<Option<(Partition, [u8; 32])>> {
    Ok(match found {
        Found::Open(place) => {
            let row = ledger.open.table()?.get(place.number)?;
            row.map(|row| {
                let row = OpenRow::read(row.value());
                (row.partition, row.digest)
            })
        }
        Found::Ended(end) => {
            let row = ledger.done.table()?.get(end)?;
            row.map(|row| {
                let row = DoneRow::read(row.value());
                (row.partition, row.digest)
            })
        }
    })
}
