//! One task a worker id: claims as many orders as its processes have room for, and shares them.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use store::Lease;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::attempt::{Admission, Attempt};
use crate::generation;
use crate::phase::Phase;
use crate::shared::Shared;
use crate::standing::may_work;
use crate::store_calls::persist;
use crate::worker::{Place, Process, Worker};

/// A claim that is under way. It is always awaited to its end: what it leases must be known here.
type Claim = Pin<Box<dyn Future<Output = Vec<Lease>> + Send>>;

/// Hands out orders until the manager drains and those in flight have ended.
pub(crate) async fn dispatch(shared: Arc<Shared>, worker: Arc<Worker>) {
    let mut attempts = JoinSet::new();
    let mut claim: Option<Claim> = None;
    loop {
        let running = shared.phase.now() == Phase::Running;
        let free = room(&worker.present(), attempts.len());
        if running && free > 0 && claim.is_none() {
            claim = Some(Box::pin(make_claim(
                Arc::clone(&shared),
                Arc::clone(&worker),
                free,
            )));
        }
        if !running && claim.is_none() && attempts.is_empty() {
            return;
        }
        tokio::select! {
            leases = finished(&mut claim) => {
                claim = None;
                for lease in leases {
                    hand_out(&shared, &worker, lease, &mut attempts).await;
                }
            }
            Some(_) = attempts.join_next() => {}
            () = worker.changed.notified() => {}
            () = shared.phase.reached(Phase::Draining), if running => {}
        }
    }
}

/// Orders that these processes have room for. None if so many attempts are under way that their
/// ends must be waiting for the store: whoever finishes orders faster than they are stored must
/// not have their results pile up in memory.
fn room(processes: &[Arc<Process>], attempts: usize) -> usize {
    let room = |process: &Arc<Process>| process.room.available_permits();
    let free = processes.iter().map(room).sum::<usize>();
    let capacity = processes.iter().map(|process| process.capacity as usize);
    let most = ATTEMPTS_A_PLACE * capacity.sum::<usize>();
    free.min(most.saturating_sub(attempts))
}

/// Attempts that may be under way for each order that processes take at once: one that is worked
/// on and two whose results are on their way to the disk.
const ATTEMPTS_A_PLACE: usize = 3;

async fn finished(claim: &mut Option<Claim>) -> Vec<Lease> {
    match claim {
        Some(claim) => claim.await,
        None => std::future::pending().await,
    }
}

async fn make_claim(shared: Arc<Shared>, worker: Arc<Worker>, limit: usize) -> Vec<Lease> {
    match claim(&shared, &worker, limit).await {
        Ok(leases) => leases,
        Err(error) => {
            tracing::error!(worker = worker.name, %error, "orders could not be claimed");
            tokio::time::sleep(AFTER_FAILURE).await;
            Vec::new()
        }
    }
}

async fn claim(
    shared: &Shared,
    worker: &Worker,
    limit: usize,
) -> Result<Vec<Lease>, workers::Error> {
    let timing = &shared.config.timing;
    if !may_work(shared, worker).await? {
        tokio::time::sleep(timing.claim).await;
        return Ok(Vec::new());
    }
    let queue = worker.partition();
    let claim = shared
        .orders
        .claim(&queue, limit, timing.lease, timing.claim);
    Ok(claim.await?)
}

const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Starts an attempt, or gives the order back if there is no place for it any more.
async fn hand_out(
    shared: &Arc<Shared>,
    worker: &Arc<Worker>,
    lease: Lease,
    attempts: &mut JoinSet<()>,
) {
    let suspect = lease.attempt > 1;
    let admission = if shared.phase.now() != Phase::Running {
        None
    } else if suspect {
        let place = Arc::clone(&worker.suspects).try_acquire_owned();
        place.ok().map(Admission::Alone)
    } else {
        place(worker, &lease.body).map(Admission::Beside)
    };
    match admission {
        Some(admission) => {
            let attempt = Attempt {
                shared: Arc::clone(shared),
                worker: Arc::clone(worker),
                lease,
                claimed: Instant::now(),
            };
            attempts.spawn(attempt.run(admission));
        }
        None if suspect => give_back(shared, &lease, UNTIL_ITS_TURN).await,
        // There was room when it was claimed: that is with other keys than it's for.
        None if generation::is_mixed(&worker.present()) => {
            give_back(shared, &lease, UNTIL_THERE_IS_ROOM).await;
        }
        None => give_back(shared, &lease, Duration::ZERO).await,
    }
}

/// How long a suspect waits in the store while enough others wait here.
const UNTIL_ITS_TURN: Duration = Duration::from_secs(1);

/// How long an order waits in the store for room at the processes with its keys.
const UNTIL_THERE_IS_ROOM: Duration = Duration::from_millis(20);

/// A place at the process with the most room, of those that the order is for.
fn place(worker: &Worker, order: &[u8]) -> Option<Place> {
    let process = worker.roomiest(order)?;
    let place = process.place()?;
    worker.move_to_end(&process);
    Some(place)
}

async fn give_back(shared: &Shared, lease: &Lease, rest: Duration) {
    let (orders, order) = (&shared.orders, &lease.order);
    let released = persist(|| orders.release(order, lease.token, rest, false)).await;
    if let Err(error) = released {
        tracing::error!(%error, "a lease could not be given back, it will run out");
    }
}
