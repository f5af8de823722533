//! What all tasks of a manager share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::WorkerId;
use store::Orders;
use tokio::sync::mpsc;
use workers::Registry;

use crate::config::ManagerConfig;
use crate::phase::PhaseWatch;
use crate::wire::Wire;
use crate::worker::Worker;

/// What all tasks of a manager share.
pub(crate) struct Shared {
    pub(crate) config: ManagerConfig,
    pub(crate) orders: Arc<dyn Orders>,
    pub(crate) registry: Registry,
    pub(crate) wire: Wire,
    pub(crate) phase: PhaseWatch,
    workers: Mutex<BTreeMap<WorkerId, Arc<Worker>>>,
    /// A worker's dispatcher is started by this; see [`Shared::worker`].
    newcomers: mpsc::UnboundedSender<Arc<Worker>>,
}

impl Shared {
    pub(crate) fn new(
        config: ManagerConfig,
        orders: Arc<dyn Orders>,
        registry: Registry,
        wire: Wire,
        phase: PhaseWatch,
        newcomers: mpsc::UnboundedSender<Arc<Worker>>,
    ) -> Self {
        Self {
            config,
            orders,
            registry,
            wire,
            phase,
            workers: Mutex::default(),
            newcomers,
        }
    }

    /// The worker called `name`; from the first call on its orders are handed out.
    pub(crate) fn worker(&self, name: &str) -> Arc<Worker> {
        let worker = Arc::new(Worker::new(name));
        let mut workers = self.lock();
        let known = workers.entry(worker.id.clone()).or_insert_with(|| {
            // Nobody listens any more when the manager has drained.
            let _ = self.newcomers.send(Arc::clone(&worker));
            worker
        });
        Arc::clone(known)
    }

    /// Whether a worker is known, or there are fewer than `most`.
    pub(crate) fn has_room_for(&self, name: &str, most: usize) -> bool {
        let workers = self.lock();
        workers.len() < most || workers.contains_key(&WorkerId::from_name(name))
    }

    /// Every worker that has joined so far.
    pub(crate) fn all_workers(&self) -> Vec<Arc<Worker>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<WorkerId, Arc<Worker>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
