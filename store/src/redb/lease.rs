//! Handing orders out, one holder at a time. All of it happens in memory.

use std::time::Duration;

use tokio::time::Instant;

use super::clock::milliseconds;
use super::desk::{Granted, Holding, Place};
use super::ledger::{self, Ledger, lock};
use super::memory::{Found, Memory};
use super::reader::Claimed;
use super::schema::Time;
use super::writer::Operation;
use super::{Engine, deadline};
use crate::{Error, Held, Lease, OrderId, PartitionId, Token};

impl Engine {
    /// See [`Orders::claim`](crate::Orders::claim).
    pub(super) async fn lease(
        &self,
        partition: &PartitionId,
        limit: usize,
        lease: Duration,
        wait: Duration,
    ) -> Result<Vec<Lease>, Error> {
        let deadline = deadline(wait);
        let listener = self.shared.claimable.listen(partition);
        loop {
            let rung = listener.rung();
            let now = self.shared.clock.now();
            let (granted, next) = self.grant(partition, limit, lease, now);
            let leases = self.with_bodies(granted)?;
            if !leases.is_empty() || limit == 0 || Instant::now() >= deadline {
                return Ok(leases);
            }
            let until = next.map_or(deadline, |due| {
                let left = Duration::from_millis(due.saturating_sub(now));
                deadline.min(Instant::now() + left)
            });
            // Rung or time is up: either way the next look decides.
            let _ = tokio::time::timeout_at(until, rung).await;
        }
    }

    /// Leases what is there; says also when there will be more.
    fn grant(
        &self,
        partition: &PartitionId,
        limit: usize,
        lease: Duration,
        now: Time,
    ) -> (Vec<Granted>, Option<Time>) {
        let mut memory = lock(&self.shared.memory);
        let Some(partition) = memory.queues.number(partition) else {
            return (Vec::new(), None);
        };
        let most = self.shared.options.max_answer as u64;
        let limit = self.clamp(limit);
        let desk = &mut memory.desk;
        let granted = desk.claim(partition, limit, most, milliseconds(lease), now);
        (granted, desk.next_due(partition))
    }

    /// Fetches what the holders get to see. If that fails nobody is told of the leases, so they
    /// end here.
    fn with_bodies(&self, granted: Vec<Granted>) -> Result<Vec<Lease>, Error> {
        if granted.is_empty() {
            return Ok(Vec::new());
        }
        match self.read().and_then(|reader| reader.claimed(&granted)) {
            Ok(found) => {
                let now = self.shared.clock.now();
                let both = granted.into_iter().zip(found);
                // An order that has ended meanwhile had a lease of no time at all.
                let leases = both.filter_map(|(granted, found)| {
                    let Claimed { order, body } = found?;
                    Some(granted.lease(order, body, now))
                });
                Ok(leases.collect())
            }
            Err(error) => {
                self.take_back(&granted);
                Err(error)
            }
        }
    }

    fn take_back(&self, granted: &[Granted]) {
        {
            let mut memory = lock(&self.shared.memory);
            let now = self.shared.clock.now();
            for one in granted {
                let held = memory.desk.holding(one.place, one.token, now);
                if matches!(held, Holding::Yes) {
                    memory.desk.release(one.place, now, false);
                }
            }
        }
        self.shared.claimable.ring_all();
    }

    /// See [`Orders::extend`](crate::Orders::extend).
    pub(super) async fn prolong(
        &self,
        order: &OrderId,
        token: Token,
        lease: Duration,
    ) -> Result<Held, Error> {
        let lease = milliseconds(lease);
        let prolong = |memory: &mut Memory, place, now: Time| {
            memory.desk.extend(place, now.saturating_add(lease));
        };
        self.while_held(order, token, prolong).await
    }

    /// See [`Orders::release`](crate::Orders::release).
    pub(super) async fn give_back(
        &self,
        order: &OrderId,
        token: Token,
        delay: Duration,
        counts: bool,
    ) -> Result<Held, Error> {
        let delay = milliseconds(delay);
        let mut claimable = None;
        let release = |memory: &mut Memory, place: Place, now: Time| {
            let due = now.saturating_add(delay);
            memory.desk.release(place, due, counts);
            let queue = memory.queues.get(place.partition);
            claimable = queue.map(|queue| queue.name.clone());
        };
        let held = self.while_held(order, token, release).await;
        if let Some(partition) = claimable {
            self.shared.claimable.ring(&partition);
        }
        held
    }

    /// Changes an order if a token holds it.
    async fn while_held(
        &self,
        order: &OrderId,
        token: Token,
        mut change: impl FnMut(&mut Memory, Place, Time) + Send,
    ) -> Result<Held, Error> {
        let print = self.shared.fingerprinter.order(order);
        loop {
            let found = {
                let mut memory = lock(&self.shared.memory);
                let now = self.shared.clock.now();
                memory.find(print).map(|found| match found {
                    Found::Ended(end) => Err(end),
                    Found::Open(place) => {
                        let holding = memory.desk.holding(place, token, now);
                        if matches!(holding, Holding::Yes) {
                            change(&mut memory, place, now);
                        }
                        Ok(holding)
                    }
                })
            };
            match found {
                Some(Ok(Holding::Yes)) => return Ok(Held::Yes),
                Some(Ok(Holding::Lost(lost))) => return Ok(Held::Lost(lost)),
                // Answered after the commit that decides.
                Some(Ok(Holding::Closing)) => self.writer.call(Pass).await?,
                Some(Err(end)) => {
                    return self.read()?.lost(print, Some(end)).map(Held::Lost);
                }
                None => return self.read()?.lost(print, None).map(Held::Lost),
            }
        }
    }
}

impl Granted {
    fn lease(self, order: OrderId, body: Vec<u8>, now: Time) -> Lease {
        Lease {
            order,
            token: self.token,
            attempt: self.attempt,
            deadline_in: Duration::from_millis(self.deadline.saturating_sub(now)),
            age: Duration::from_millis(now.saturating_sub(self.submitted)),
            body,
        }
    }
}

/// Nothing, in its turn.
struct Pass;

impl Operation for Pass {
    type Answer = ();

    fn perform(&self, _: &mut Ledger<'_>) -> ledger::Result<()> {
        Ok(())
    }
}
