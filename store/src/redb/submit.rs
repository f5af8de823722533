//! Taking orders in.

use redb::{ReadableTable, StorageError};

use super::ledger::Ledger;
use super::schema::Open;
use super::writer::Operation;
use crate::{ReplayKey, Submission, Submitted};

pub(super) struct Submit(pub(super) Submission);

impl Operation for Submit {
    type Answer = Submitted;

    fn size(&self) -> usize {
        self.0.body.len()
    }

    fn perform(&self, ledger: &mut Ledger<'_>) -> Result<Submitted, StorageError> {
        if let Some(refusal) = self.refusal(ledger)? {
            return Ok(refusal);
        }
        let Submission {
            partition: name,
            order,
            replays,
            digest,
            body,
            memo,
        } = &self.0;
        let partition = ledger.partition_or_new(name)?;
        let number = ledger.next();
        let now = ledger.now;
        let row = Open {
            submitted: now,
            due: now,
            leased: false,
            token: 0,
            attempts: 0,
            digest: digest.0,
            order: order.as_bytes().to_vec(),
        };
        ledger.ids.insert(order.as_bytes(), (partition, number))?;
        ledger.open.insert((partition, number), row.value())?;
        ledger.bodies.insert(number, body.as_slice())?;
        if !memo.is_empty() {
            ledger.memos.insert(number, memo.as_slice())?;
        }
        ledger.due.insert((partition, now, number), ())?;
        let keys: Vec<_> = replays.iter().map(ReplayKey::as_bytes).collect();
        for key in &keys {
            ledger.marks.insert((partition, *key), number)?;
        }
        ledger
            .mark_ages
            .insert((partition, number), (now, order.as_bytes(), keys))?;
        ledger.counters.queued += 1;
        ledger.counters.open_bytes += self.bytes();
        ledger.changed = true;
        ledger.wake_claims(partition)?;
        Ok(Submitted::Accepted)
    }
}

impl Submit {
    /// Why the order is not taken in, if it is not.
    fn refusal(&self, ledger: &Ledger<'_>) -> Result<Option<Submitted>, StorageError> {
        let submission = &self.0;
        let partition = ledger.partition(&submission.partition)?;
        if let Some(place) = ledger.place(&submission.order)? {
            let digest = match ledger.open_row(place)? {
                Some(row) => Some(row.digest),
                None => ledger.closed_row(place.1)?.map(|row| row.digest),
            };
            let same = partition == Some(place.0) && digest == Some(submission.digest.0);
            return Ok(Some(if same {
                Submitted::AlreadyAccepted
            } else {
                Submitted::DuplicateOrder
            }));
        }
        if let Some(partition) = partition {
            for replay in &submission.replays {
                let mark = (partition, replay.as_bytes());
                if ledger.marks.get(mark)?.is_some() {
                    return Ok(Some(Submitted::Replayed));
                }
            }
        }
        let (counters, options) = (&ledger.counters, ledger.options);
        let full = counters.queued + counters.leased >= options.max_orders
            || counters.open_bytes.saturating_add(self.bytes()) > options.max_open_bytes;
        Ok(full.then_some(Submitted::Full))
    }

    fn bytes(&self) -> u64 {
        self.0.body.len() as u64
    }
}
