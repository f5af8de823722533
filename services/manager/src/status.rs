use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use monitor::WorkerSeen;
use serde::Serialize;

use crate::Error;
use crate::generation::generation;
use crate::shared::Shared;
use crate::worker::{Process, Worker};

/// What the manager sees at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Every worker that is registered or has joined, by id.
    pub workers: Vec<WorkerStatus>,
    /// The orders in the store.
    pub orders: OrderCounts,
}

/// One worker id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkerStatus {
    /// The worker id, hex.
    pub id: String,
    /// Its name; absent if no process of it has joined this manager.
    pub name: Option<String>,
    /// The status in its record, as in `active`; absent if it has none.
    pub status: Option<&'static str>,
    /// Its processes that take orders.
    pub processes: Vec<ProcessStatus>,
}

/// One worker process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProcessStatus {
    /// Where it's reached; for one on this machine the manager's own socket, which its host connects to.
    pub endpoint: String,
    /// Its process id; absent for static workers.
    pub pid: Option<u32>,
    /// Which of its worker's keys it has; 0 where nobody counts.
    pub generation: u64,
    /// Orders that it takes at once.
    pub capacity: u32,
    /// Orders that it has.
    pub in_flight: u32,
    /// Orders that ended with an answer of it.
    pub done: u64,
}

/// Orders in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OrderCounts {
    /// Waiting for a worker.
    pub queued: u64,
    /// Handed out.
    pub leased: u64,
    /// Ended, and not yet dropped.
    pub finished: u64,
}

pub(crate) async fn take(shared: &Shared) -> Result<Status, Error> {
    let counts = shared.orders.counts().await?;
    let mut workers: BTreeMap<String, WorkerStatus> = BTreeMap::new();
    for (id, record) in shared.registry.list().await? {
        let id = id.to_string();
        let worker = WorkerStatus {
            id: id.clone(),
            name: None,
            status: Some(record.status.name()),
            processes: Vec::new(),
        };
        workers.insert(id, worker);
    }
    for worker in shared.all_workers() {
        let id = worker.id.to_string();
        let status = workers.entry(id.clone()).or_insert_with(|| WorkerStatus {
            id,
            name: None,
            status: None,
            processes: Vec::new(),
        });
        status.name = Some(worker.name.clone());
        status.processes = processes(&worker);
    }
    Ok(Status {
        workers: workers.into_values().collect(),
        orders: OrderCounts {
            queued: counts.queued,
            leased: counts.leased,
            finished: counts.finished,
        },
    })
}

/// Lets the monitor look up who is there, for as long as the manager lives.
pub(crate) fn show(shared: &Arc<Shared>) {
    let weak = Arc::downgrade(shared);
    shared.config.monitor.watch_workers(move || {
        let workers = weak.upgrade().map(|shared| shared.all_workers());
        workers
            .unwrap_or_default()
            .iter()
            .map(|worker| seen(worker))
            .collect()
    });
}

fn seen(worker: &Worker) -> WorkerSeen {
    let present = worker.present();
    WorkerSeen {
        name: worker.name.clone(),
        processes: u32::try_from(present.len()).unwrap_or(u32::MAX),
        capacity: present.iter().map(|process| process.capacity).sum(),
        in_flight: present.iter().map(|process| process.in_flight()).sum(),
    }
}

/// In an order that stays, though the processes take turns.
fn processes(worker: &Worker) -> Vec<ProcessStatus> {
    let mut processes: Vec<_> = worker.present().iter().map(|one| describe(one)).collect();
    processes.sort_by(|a, b| (a.pid, &a.endpoint).cmp(&(b.pid, &b.endpoint)));
    processes
}

fn describe(process: &Process) -> ProcessStatus {
    ProcessStatus {
        generation: generation(process),
        endpoint: process.endpoint.clone(),
        pid: process.pid,
        capacity: process.capacity,
        in_flight: process.in_flight(),
        done: process.done.load(Ordering::Relaxed),
    }
}
