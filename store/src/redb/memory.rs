//! What the engine knows without looking into its file, and how a commit changes it.

use std::collections::HashMap;

use super::desk::{Desk, Place};
use super::fingerprint::{ByFingerprint, Fingerprint};
use super::pending::{Pending, Stretch};
use super::schema::{Number, Partition, Time};
use crate::PartitionId;

/// All that is kept in memory. It agrees with the last commit that succeeded, but for leases,
/// which are only here.
pub(super) struct Memory {
    pub(super) desk: Desk,
    pub(super) pending: Pending,
    pub(super) queues: Queues,
    pub(super) counters: Counters,
}

/// Numbers that nearly every commit changes.
#[derive(Clone, Copy)]
pub(super) struct Counters {
    /// The next number.
    pub(super) next: Number,
    /// Up to where numbers are set aside on disk.
    pub(super) reserved: Number,
    /// Queued and leased orders.
    pub(super) open: u64,
    /// Of their bodies.
    pub(super) open_bytes: u64,
    pub(super) finished: u64,
    /// Everything that ended before this is in the index, as on disk.
    pub(super) indexed: Number,
}

/// Partitions that have been used.
#[derive(Default)]
pub(super) struct Queues {
    numbers: HashMap<PartitionId, Partition>,
    known: Vec<Queue>,
}

pub(super) struct Queue {
    pub(super) name: PartitionId,
    /// Replay keys of its orders up to this number are forgotten.
    pub(super) forgotten: Number,
}

impl Queues {
    pub(super) fn number(&self, name: &PartitionId) -> Option<Partition> {
        self.numbers.get(name).copied()
    }

    pub(super) fn get(&self, partition: Partition) -> Option<&Queue> {
        self.known.get(usize::try_from(partition).ok()?)
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Partitions come in the order of their numbers, from 0 on.
    pub(super) fn push(&mut self, name: PartitionId, forgotten: Number) {
        let number = Partition::try_from(self.known.len()).unwrap_or(Partition::MAX);
        self.numbers.insert(name.clone(), number);
        self.known.push(Queue { name, forgotten });
    }

    fn forget(&mut self, partition: Partition, up_to: Number) {
        let queue = usize::try_from(partition)
            .ok()
            .and_then(|place| self.known.get_mut(place));
        if let Some(queue) = queue {
            queue.forgotten = up_to;
        }
    }
}

/// What a transaction changes in memory if it is committed.
pub(super) struct Draft {
    pub(super) counters: Counters,
    pub(super) new_queues: Vec<PartitionId>,
    pub(super) forgotten: HashMap<Partition, Number>,
    pub(super) opened: Vec<Opened>,
    pub(super) closed: Vec<Closed>,
    /// To whom these belong when all of the transaction is done.
    pub(super) owners: ByFingerprint<Option<Found>>,
    /// Went into the index directly.
    pub(super) entered: Vec<Fingerprint>,
    /// Belonged to nobody at some time in the transaction.
    pub(super) freed: Vec<Fingerprint>,
    pub(super) stretch: Option<Stretch>,
}

/// Where the order is that an id or replay key belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Open(Place),
    /// With the number of its end; it may be evicted.
    Ended(Number),
}

/// An order that was submitted.
pub(super) struct Opened {
    pub(super) place: Place,
    pub(super) submitted: Time,
    pub(super) bytes: u64,
    pub(super) prints: Vec<Fingerprint>,
}

/// An order that has ended.
pub(super) struct Closed {
    pub(super) place: Place,
    pub(super) end: Number,
    /// Under which it is to be found from now on.
    pub(super) prints: Vec<Fingerprint>,
}

impl Draft {
    pub(super) fn new(counters: Counters) -> Self {
        Self {
            counters,
            new_queues: Vec::new(),
            forgotten: HashMap::new(),
            opened: Vec::new(),
            closed: Vec::new(),
            owners: ByFingerprint::default(),
            entered: Vec::new(),
            freed: Vec::new(),
            stretch: None,
        }
    }
}

impl Memory {
    /// To whom an id or replay key belongs, if that can be told without looking into the index.
    pub(super) fn find(&self, print: Fingerprint) -> Option<Found> {
        let open = self.desk.find(print).map(Found::Open);
        open.or_else(|| self.pending.get(print).map(Found::Ended))
    }

    /// The transaction is on disk.
    pub(super) fn apply(&mut self, draft: Draft) {
        self.counters = draft.counters;
        for name in draft.new_queues {
            self.queues.push(name, 0);
        }
        for (partition, up_to) in draft.forgotten {
            self.queues.forget(partition, up_to);
        }
        // First what was freed: it may have been used again in the same transaction.
        for print in &draft.freed {
            self.desk.forget(*print);
            self.pending.remove(*print);
        }
        let owners = draft.owners;
        let belongs = |print: &Fingerprint, found| owners.get(print) == Some(&Some(found));
        for Opened {
            place,
            submitted,
            bytes,
            mut prints,
        } in draft.opened
        {
            prints.retain(|print| belongs(print, Found::Open(place)));
            self.desk.take_in(place, submitted, bytes, prints);
        }
        for Closed { place, end, prints } in draft.closed {
            self.desk.close(place, &prints);
            for print in prints {
                if belongs(&print, Found::Ended(end)) {
                    self.pending.insert(print, end);
                }
            }
        }
        for print in draft.entered {
            self.pending.remove(print);
        }
        if let Some(stretch) = draft.stretch {
            self.pending.entered(&stretch, self.counters.next);
        }
        self.desk.end_closes();
    }
}
