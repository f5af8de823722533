//! Workers, and the processes that do their work.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use protocol::WorkerId;
use protocol::record::WorkerRecord;
use store::PartitionId;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

use crate::generation;
use crate::peer::Peer;
use crate::signup::Keys;
use crate::standing::Standing;

/// One worker id: its queue, its keys, and any number of processes.
pub(crate) struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) name: String,
    /// Held while a process is admitted, so that two can't bring in different keys.
    pub(crate) admission: tokio::sync::Mutex<()>,
    /// Rung when processes come or go.
    pub(crate) changed: Notify,
    pub(crate) standing: Standing,
    /// A permit for each order that may wait for a process to itself.
    pub(crate) suspects: Arc<Semaphore>,
    /// One order at a time has a process to itself, or waits for one to become empty.
    pub(crate) alone: Semaphore,
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
    /// A permit for each order that it may still be given.
    pub(crate) room: Arc<Semaphore>,
    in_flight: AtomicU32,
    /// Orders that ended with an answer of this process.
    pub(crate) done: AtomicU64,
    /// What it signed up with.
    pub(crate) keys: OnceLock<Keys>,
    /// The record of its keys, if a newer generation's is published.
    pub(crate) older: OnceLock<WorkerRecord>,
    presence: watch::Sender<Presence>,
}

/// What an order takes up of a process while it's there.
pub(crate) struct Place {
    pub(crate) process: Arc<Process>,
    _room: OwnedSemaphorePermit,
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
            standing: Standing::default(),
            suspects: Arc::new(Semaphore::new(SUSPECTS)),
            alone: Semaphore::new(1),
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

    /// Of the processes that this order is for the one with the most room; of several the first, which has
    /// rested longest.
    pub(crate) fn roomiest(&self, order: &[u8]) -> Option<Arc<Process>> {
        roomiest(generation::fitting(self.present(), order))
    }

    /// The roomiest process with the newest keys that are none of `tried`.
    pub(crate) fn untried(&self, tried: &[u64]) -> Option<Arc<Process>> {
        roomiest(generation::untried(self.present(), tried))
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
            room: Arc::new(Semaphore::new(capacity as usize)),
            in_flight: AtomicU32::new(0),
            done: AtomicU64::new(0),
            keys: OnceLock::new(),
            older: OnceLock::new(),
            presence: watch::Sender::new(Presence::Present),
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

    /// A place beside others, if there is one.
    pub(crate) fn place(self: &Arc<Self>) -> Option<Place> {
        let room = Arc::clone(&self.room).try_acquire_owned().ok()?;
        Some(Place::new(self, room))
    }

    /// A place beside others, as soon as there is one.
    pub(crate) async fn next_place(self: &Arc<Self>) -> Option<Place> {
        let room = Arc::clone(&self.room).acquire_owned();
        Some(Place::new(self, room.await.ok()?))
    }

    /// All of its room, as soon as the orders that it has have left; it gets no others meanwhile.
    pub(crate) async fn all_places(self: &Arc<Self>) -> Option<Place> {
        let room = Arc::clone(&self.room).acquire_many_owned(self.capacity);
        Some(Place::new(self, room.await.ok()?))
    }

    /// Orders that it has.
    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(crate) fn count_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

impl Place {
    fn new(process: &Arc<Process>, room: OwnedSemaphorePermit) -> Self {
        process.in_flight.fetch_add(1, Ordering::Relaxed);
        Self {
            process: Arc::clone(process),
            _room: room,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.process.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

fn roomiest(processes: Vec<Arc<Process>>) -> Option<Arc<Process>> {
    let processes = processes.into_iter().rev();
    processes.max_by_key(|process| process.room.available_permits())
}

/// Their bodies are in memory while they wait; further ones wait in the store.
const SUSPECTS: usize = 8;
