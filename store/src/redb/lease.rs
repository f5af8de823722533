//! Handing orders out, one holder at a time.

use std::time::Duration;

use redb::{ReadableTable, StorageError};

use super::ledger::Ledger;
use super::schema::{Number, Open, Partition, Time};
use super::writer::Operation;
use crate::{Held, Lease, Lost, OrderId, PartitionId, Token};

pub(super) struct Claim {
    pub(super) partition: PartitionId,
    pub(super) limit: usize,
    /// Milliseconds.
    pub(super) lease: u64,
}

/// A lease with the moment it ends, and the one when its order was submitted.
pub(super) struct Granted {
    lease: Lease,
    deadline: Time,
    submitted: Time,
}

impl Granted {
    /// The lease as its holder gets it at this time.
    pub(super) fn at(mut self, now: Time) -> Lease {
        self.lease.deadline_in = Duration::from_millis(self.deadline.saturating_sub(now));
        self.lease.age = Duration::from_millis(now.saturating_sub(self.submitted));
        self.lease
    }
}

impl Operation for Claim {
    type Answer = Vec<Granted>;

    fn perform(&self, ledger: &mut Ledger<'_>) -> Result<Vec<Granted>, StorageError> {
        let Some(partition) = ledger.partition(&self.partition)? else {
            return Ok(Vec::new());
        };
        let due = ledger
            .due
            .range((partition, 0, 0)..=(partition, ledger.now, Number::MAX))?
            .take(self.limit)
            .map(|entry| entry.map(|(key, _)| key.value().2))
            .collect::<Result<Vec<_>, _>>()?;
        let mut granted = Vec::with_capacity(due.len());
        let mut bytes = 0;
        for number in due {
            let body = ledger.body(number)?;
            bytes += body.len();
            if bytes > ledger.options.max_answer && !granted.is_empty() {
                break;
            }
            granted.push(self.grant(ledger, (partition, number), body)?);
        }
        Ok(granted)
    }
}

impl Claim {
    fn grant(
        &self,
        ledger: &mut Ledger<'_>,
        place: (Partition, Number),
        body: Vec<u8>,
    ) -> Result<Granted, StorageError> {
        let mut row = ledger.open_row_at(place)?;
        if !row.leased {
            ledger.counters.queued -= 1;
            ledger.counters.leased += 1;
        }
        let token = ledger.next();
        let deadline = ledger.now.saturating_add(self.lease);
        ledger.move_due(place, row.due, deadline)?;
        row.due = deadline;
        row.leased = true;
        row.token = token;
        row.attempts = row.attempts.saturating_add(1);
        ledger.open.insert(place, row.value())?;
        ledger.changed = true;
        Ok(Granted {
            deadline,
            submitted: row.submitted,
            lease: Lease {
                attempt: row.attempts,
                token: Token(token),
                deadline_in: Duration::ZERO,
                age: Duration::ZERO,
                order: row.order.into(),
                body,
            },
        })
    }
}

pub(super) struct Extend {
    pub(super) order: OrderId,
    pub(super) token: Token,
    /// Milliseconds.
    pub(super) lease: u64,
}

impl Operation for Extend {
    type Answer = Held;

    fn perform(&self, ledger: &mut Ledger<'_>) -> Result<Held, StorageError> {
        let (place, mut row) = match holding(ledger, &self.order, self.token)? {
            Holding::Yes(place, row) => (place, row),
            Holding::Lost(lost) => return Ok(Held::Lost(lost)),
        };
        let deadline = ledger.now.saturating_add(self.lease).max(row.due);
        ledger.move_due(place, row.due, deadline)?;
        row.due = deadline;
        ledger.open.insert(place, row.value())?;
        ledger.changed = true;
        Ok(Held::Yes)
    }
}

pub(super) struct Release {
    pub(super) order: OrderId,
    pub(super) token: Token,
    /// Milliseconds.
    pub(super) delay: u64,
    pub(super) counts: bool,
}

impl Operation for Release {
    type Answer = Held;

    fn perform(&self, ledger: &mut Ledger<'_>) -> Result<Held, StorageError> {
        let (place, mut row) = match holding(ledger, &self.order, self.token)? {
            Holding::Yes(place, row) => (place, row),
            Holding::Lost(lost) => return Ok(Held::Lost(lost)),
        };
        let due = ledger.now.saturating_add(self.delay);
        ledger.move_due(place, row.due, due)?;
        row.due = due;
        row.leased = false;
        if !self.counts {
            row.attempts = row.attempts.saturating_sub(1);
        }
        ledger.open.insert(place, row.value())?;
        ledger.counters.leased -= 1;
        ledger.counters.queued += 1;
        ledger.changed = true;
        ledger.wake_claims(place.0)?;
        Ok(Held::Yes)
    }
}

/// Whether a token holds an order now.
pub(super) enum Holding {
    Yes((Partition, Number), Open),
    Lost(Lost),
}

pub(super) fn holding(
    ledger: &Ledger<'_>,
    order: &OrderId,
    token: Token,
) -> Result<Holding, StorageError> {
    let Some(place) = ledger.place(order)? else {
        return Ok(Holding::Lost(Lost::Gone));
    };
    if let Some(row) = ledger.open_row(place)? {
        return Ok(if row.token != token.0 {
            Holding::Lost(Lost::Superseded)
        } else if row.held_at(ledger.now) {
            Holding::Yes(place, row)
        } else {
            Holding::Lost(Lost::Expired)
        });
    }
    Ok(Holding::Lost(match ledger.closed_row(place.1)? {
        Some(row) if row.token != 0 => Lost::Superseded,
        _ => Lost::Gone,
    }))
}
