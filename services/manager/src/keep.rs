//! Housekeeping: orders that nobody took in time end, old results are dropped.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use protocol::Reason;
use protocol::envelope::ErrorObject;
use store::PartitionId;

use crate::phase::Phase;
use crate::shared::Shared;

/// Orders that one call ends or drops, so that others get their turn between calls.
const BATCH: usize = 100;

/// Calls in one sweep for one partition; what is left waits for the next sweep.
const CALLS: usize = 50;

/// Sweeps until the manager drains.
pub(crate) async fn keep(shared: Arc<Shared>) {
    loop {
        if let Err(error) = expire(&shared).await {
            tracing::warn!(%error, "orders could not be expired, the next sweep tries again");
        }
        if let Err(error) = evict(&shared).await {
            tracing::warn!(%error, "old orders could not be dropped, the next sweep tries again");
        }
        tokio::select! {
            () = shared.phase.reached(Phase::Draining) => return,
            () = tokio::time::sleep(shared.config.timing.sweep) => {}
        }
    }
}

/// Also for workers that have no process: those whose orders wait longest.
async fn expire(shared: &Shared) -> Result<(), workers::Error> {
    let result = expired();
    for partition in partitions(shared).await? {
        for _ in 0..CALLS {
            let ended = shared
                .orders
                .expire(&partition, shared.config.time_to_live, &result, BATCH)
                .await?;
            if ended > 0 {
                tracing::warn!(orders = ended, "orders expired before a worker took them");
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

const BREATH: Duration = Duration::from_millis(5);

/// The queues of all workers that are registered or have ever joined.
async fn partitions(shared: &Shared) -> Result<BTreeSet<PartitionId>, workers::Error> {
    let registered = shared.registry.list().await?;
    let registered = registered.iter().map(|(id, _)| id.as_str().into());
    let joined = shared.all_workers();
    let joined = joined.iter().map(|worker| worker.partition());
    Ok(registered.chain(joined).collect())
}

/// Ends any number of orders, so it names none; the listener adds the id.
fn expired() -> Vec<u8> {
    let error = ErrorObject::for_client(Reason::OrderExpired);
    // It's made of strings and numbers: writing it can't fail.
    let error = serde_json::to_string(&error).unwrap_or_default();
    format!(r#"{{"error":{error}}}"#).into_bytes()
}
