//! Where the things are looked up that simply are.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::{Orders, Table};

/// A worker and what takes orders for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerSeen {
    /// The worker's name.
    pub name: String,
    /// Processes that take orders.
    pub processes: u32,
    /// Orders that they may have at once.
    pub capacity: u32,
    /// Orders that they have.
    pub in_flight: u32,
}

/// Tells which workers there are.
pub(crate) type Workers = Arc<dyn Fn() -> Vec<WorkerSeen> + Send + Sync>;

/// The parts of a platform that this process has.
#[derive(Default)]
pub(crate) struct Sources(Mutex<Known>);

#[derive(Clone, Default)]
pub(crate) struct Known {
    pub(crate) orders: Option<Arc<dyn Orders>>,
    pub(crate) table: Option<Arc<dyn Table>>,
    pub(crate) file: Option<PathBuf>,
    pub(crate) workers: Option<Workers>,
}

impl Sources {
    pub(crate) fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.lock());
    }

    /// A copy, so that nothing is locked while a part is asked.
    pub(crate) fn now(&self) -> Known {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
