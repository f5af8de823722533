//! Housekeeping: orders that nobody took in time end, old results and replay marks are dropped,
//! workers without processes are off-line.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::Reason;
use protocol::envelope::ErrorObject;
use store::PartitionId;
use tokio::time::Instant;
use workers::Attended;

use crate::generation::{generation, is_mixed};
use crate::phase::Phase;
use crate::shared::Shared;
use crate::standing;
use crate::worker::Worker;

/// Orders that one call ends or drops, so that others get their turn between calls.
const BATCH: usize = 100;

/// Calls in one sweep for one partition; what is left waits for the next sweep.
const CALLS: usize = 50;

/// Sweeps until the manager drains.
pub(crate) async fn keep(shared: Arc<Shared>) {
    let mut roll = Roll::new();
    loop {
        if let Err(error) = expire(&shared).await {
            tracing::warn!(%error, "orders could not be expired, the next sweep tries again");
        }
        if let Err(error) = evict(&shared).await {
            tracing::warn!(%error, "old orders could not be dropped, the next sweep tries again");
        }
        if let Err(error) = forget(&shared).await {
            tracing::warn!(%error, "old replay marks could not be dropped, the next sweep tries again");
        }
        if let Err(error) = roll.call(&shared).await {
            tracing::warn!(%error, "workers' presence could not be noted, the next sweep tries again");
        }
        tokio::select! {
            () = shared.phase.reached(Phase::Draining) => return,
            () = tokio::time::sleep(shared.config.timing.sweep) => {}
        }
    }
}

/// Who is there, for the records' sake.
struct Roll {
    started: Instant,
    attended: Option<Instant>,
}

impl Roll {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            attended: None,
        }
    }

    /// Notes who is there, and sets off-line who has been away for too long: not before hosts have
    /// had as much time to join this manager.
    async fn call(&mut self, shared: &Shared) -> Result<(), workers::Error> {
        let absence = shared.config.timing.absence;
        let now = Instant::now();
        if self.attended.is_none_or(|at| now - at >= absence / 3) {
            let workers = shared.all_workers();
            let present: Vec<_> = workers.iter().filter_map(|one| attended(one)).collect();
            shared.registry.attend(&present).await?;
            self.attended = Some(now);
        }
        if now - self.started >= absence {
            fall_back(shared).await?;
            for worker in shared.registry.lapse(absence).await? {
                tracing::warn!(%worker, "a worker has no process and is off-line until one joins");
            }
        }
        Ok(())
    }
}

/// What there is to note of a worker, if it has processes.
fn attended(worker: &Worker) -> Option<Attended> {
    let present = worker.present();
    let newest = present.iter().map(|process| generation(process)).max()?;
    Some(Attended {
        worker: worker.id.clone(),
        newest,
        older: is_mixed(&present),
    })
}

/// Where the newest keys have no process any more, the record is that of the newest that have one.
async fn fall_back(shared: &Shared) -> Result<(), workers::Error> {
    for worker in shared.all_workers() {
        let present = worker.present();
        let Some(process) = present.iter().max_by_key(|process| generation(process)) else {
            continue;
        };
        let Some(record) = process.older.get() else {
            continue;
        };
        let (generation, grace) = (generation(process), shared.config.timing.absence);
        let registry = &shared.registry;
        if registry
            .fall_back(&worker.id, record, generation, grace)
            .await?
        {
            let worker = &worker.name;
            tracing::warn!(
                worker,
                generation,
                "the newer keys have no process: back to these"
            );
        }
    }
    Ok(())
}

/// Also for workers that have no process: those whose orders wait longest.
async fn expire(shared: &Shared) -> Result<(), workers::Error> {
    for (partition, end) in ends(shared).await? {
        for _ in 0..CALLS {
            let ended = shared
                .orders
                .expire(&partition, end.after, &end.result, BATCH)
                .await?;
            if ended > 0 {
                tracing::warn!(
                    orders = ended,
                    reason = end.reason.code(),
                    why = end.why,
                    "orders ended that nobody took"
                );
                let orders = u64::try_from(ended).unwrap_or(u64::MAX);
                shared.config.monitor.expired(end.reason, orders);
            }
            if ended < BATCH {
                break;
            }
            tokio::time::sleep(BREATH).await;
        }
    }
    Ok(())
}

async fn evict(shared: &Shared) -> Result<(), store::Error> {
    for _ in 0..CALLS {
        let dropped = shared.orders.evict(shared.config.retention, BATCH).await?;
        if dropped < BATCH {
            break;
        }
        tokio::time::sleep(BREATH).await;
    }
    Ok(())
}

/// Drops the replay marks of orders for encryption keys that were replaced long enough ago. Nobody
/// can open such an order any more, whoever repeats it.
async fn forget(shared: &Shared) -> Result<(), workers::Error> {
    let config = &shared.config;
    for key in shared.registry.retired_keys(config.mark_overlap).await? {
        if !shared.registry.rule_out(&key).await? {
            continue;
        }
        let partition = PartitionId::from(key.worker.as_str());
        // The store counts from when it performs the call, and marks for the new key must stay.
        let age = key.age + config.timing.store_delay;
        let mut dropped = BATCH;
        for _ in 0..CALLS {
            dropped = shared.orders.forget_marks(&partition, age, BATCH).await?;
            if dropped < BATCH {
                break;
            }
            tokio::time::sleep(BREATH).await;
        }
        // What is left waits for the next sweep.
        if dropped < BATCH {
            shared.registry.settle(&key).await?;
        }
    }
    Ok(())
}

const BREATH: Duration = Duration::from_millis(5);

/// When and how orders of a queue end that nobody takes.
struct End {
    after: Duration,
    reason: Reason,
    result: Vec<u8>,
    why: &'static str,
}

/// For the queues of all workers that are registered or have ever joined.
async fn ends(shared: &Shared) -> Result<BTreeMap<PartitionId, End>, workers::Error> {
    let patient = || End {
        after: shared.config.time_to_live,
        reason: Reason::OrderExpired,
        result: result(&ErrorObject::for_client(Reason::OrderExpired)),
        why: "they expired",
    };
    let retired = |why| End {
        after: Duration::ZERO,
        reason: Reason::WorkerUnknown,
        result: result(&ErrorObject::for_client(Reason::WorkerUnknown).saying(why)),
        why,
    };
    let joined = shared.all_workers();
    let joined = joined.iter().map(|worker| (worker.partition(), patient()));
    let registered = shared.registry.list().await?;
    let registered = registered.iter().map(|(id, record)| {
        let end = standing::retired(record.status).map_or_else(patient, retired);
        (id.as_str().into(), end)
    });
    // Where a worker is both, its record counts.
    Ok(joined.chain(registered).collect())
}

/// Ends any number of orders, so it names none; the listener adds the id.
fn result(error: &ErrorObject) -> Vec<u8> {
    // It's made of strings and numbers: writing it can't fail.
    let error = serde_json::to_string(error).unwrap_or_default();
    format!(r#"{{"error":{error}}}"#).into_bytes()
}
