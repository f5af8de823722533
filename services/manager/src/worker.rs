//! Workers, and the processes that do their work.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use protocol::WorkerId;
use store::PartitionId;
use tokio::sync::{Notify, Semaphore, watch};

use crate::signup::Keys;
use crate::wire::Peer;

/// One worker id: its queue, its keys, and any number of processes.
pub(crate) struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) name: String,
    /// Held while a process is admitted, so that two can't bring in different keys.
    pub(crate) admission: tokio::sync::Mutex<()>,
    /// Rung when processes come or go.
    pub(crate) changed: Notify,
    processes: Mutex<Vec<Arc<Process>>>,
}

/// One process of a worker.
pub(crate) struct Process {
    pub(crate) peer: Peer,
    pub(crate) endpoint: String,
    pub(crate) pid: Option<u32>,
    /// Orders that it takes at once.
    pub(crate) capacity: u32,
    /// How long it may be silent about an order.
    pub(crate) patience: Duration,
    /// Its silence means that the connection is no good any more; so it is with a `REP` peer,
    /// which must answer before it takes the next question.
    pub(crate) alternates: bool,
    /// A permit for each order that it may still be given.
    pub(crate) room: Arc<Semaphore>,
    /// Orders that ended with an answer of this process.
    pub(crate) done: AtomicU64,
    /// What it signed up with.
    pub(crate) keys: OnceLock<Keys>,
    presence: watch::Sender<Presence>,
}

/// Whether a process can be counted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Presence {
    /// Give it orders.
    Present,
    /// It gets no more orders, but may answer those that it has.
    Leaving,
    /// It won't answer.
    Gone,
}

impl Worker {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            id: WorkerId::from_name(name),
            name: name.to_owned(),
            admission: tokio::sync::Mutex::new(()),
            changed: Notify::new(),
            processes: Mutex::new(Vec::new()),
        }
    }

    /// The queue of its orders.
    pub(crate) fn partition(&self) -> PartitionId {
        PartitionId::from(self.id.as_str())
    }

    /// Lets orders go to a process from now on.
    pub(crate) fn add(&self, process: Arc<Process>) {
        self.lock().push(process);
        self.changed.notify_one();
    }

    /// The processes that can be given orders.
    pub(crate) fn present(&self) -> Vec<Arc<Process>> {
        let mut processes = self.lock();
        processes.retain(|process| process.presence() == Presence::Present);
        processes.clone()
    }

    /// Every process takes its turn: the one that was just chosen goes to the end.
    pub(crate) fn move_to_end(&self, chosen: &Arc<Process>) {
        let mut processes = self.lock();
        if let Some(at) = processes.iter().position(|one| Arc::ptr_eq(one, chosen)) {
            let chosen = processes.remove(at);
            processes.push(chosen);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Process>>> {
        self.processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    pub(crate) fn new(
        peer: Peer,
        endpoint: &str,
        pid: Option<u32>,
        capacity: u32,
        patience: Duration,
    ) -> Self {
        Self {
            peer,
            endpoint: endpoint.to_owned(),
            pid,
            capacity,
            patience,
            alternates: false,
            room: Arc::new(Semaphore::new(capacity as usize)),
            done: AtomicU64::new(0),
            keys: OnceLock::new(),
            presence: watch::Sender::new(Presence::Present),
        }
    }

    pub(crate) fn alternating(self) -> Self {
        Self {
            alternates: true,
            ..self
        }
    }

    pub(crate) fn presence(&self) -> Presence {
        *self.presence.borrow()
    }

    /// It leaves or is gone; that can't be taken back.
    pub(crate) fn depart(&self, presence: Presence) {
        self.presence.send_if_modified(|now| {
            let further = presence > *now;
            *now = (*now).max(presence);
            further
        });
    }

    /// Waits until it's gone, or has been leaving for the time `grace`.
    pub(crate) async fn gone(&self, grace: Duration) {
        let mut presence = self.presence.subscribe();
        // `self` holds the sender, so waiting can't fail.
        let _ = presence.wait_for(|now| *now > Presence::Present).await;
        let _ = tokio::time::timeout(grace, presence.wait_for(|now| *now == Presence::Gone)).await;
    }

    /// Orders that it has.
    pub(crate) fn in_flight(&self) -> u32 {
        let free = u32::try_from(self.room.available_permits()).unwrap_or(u32::MAX);
        self.capacity.saturating_sub(free)
    }

    pub(crate) fn count_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}
