//! What the operator says of a worker: whether it may have orders.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use protocol::record::Status;
use tokio::time::Instant;

use crate::shared::Shared;
use crate::worker::Worker;

/// The status in a worker's record, as it was a moment ago.
#[derive(Default)]
pub(crate) struct Standing(Mutex<Option<(Instant, bool)>>);

/// How old it may be: so long may orders still go to a worker that an operator has just stopped.
const FRESH: Duration = Duration::from_secs(1);

impl Standing {
    fn known(&self) -> Option<bool> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .filter(|(seen, _)| seen.elapsed() < FRESH)
            .map(|(_, active)| active)
    }

    fn note(&self, active: bool) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some((Instant::now(), active));
    }
}

/// Whether the worker may have orders.
pub(crate) async fn may_work(shared: &Shared, worker: &Worker) -> Result<bool, workers::Error> {
    if let Some(active) = worker.standing.known() {
        return Ok(active);
    }
    let record = shared.registry.get(&worker.id).await?;
    let active = record.is_none_or(|record| record.status == Status::Active);
    worker.standing.note(active);
    Ok(active)
}

/// What orders of a worker that will not come back are told; `None` if it may.
pub(crate) fn retired(status: Status) -> Option<&'static str> {
    match status {
        Status::Active | Status::OffLine => None,
        Status::Decommissioned => Some("The worker is decommissioned and takes no work orders"),
        Status::Compromised => Some("The worker is compromised and takes no work orders"),
    }
}
