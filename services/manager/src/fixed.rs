//! Static workers: Avalon's own and the like, which bind `REP` and never say that they are there.

use std::sync::Arc;

use tokio::time::sleep;

use crate::config::StaticWorker;
use crate::peer::Peer;
use crate::phase::Phase;
use crate::shared::Shared;
use crate::signup::{Keys, Refusal, ask, enrol};
use crate::worker::{Presence, Process, Worker};

/// Keeps one static worker connected until the manager drains.
pub(crate) async fn attend(shared: Arc<Shared>, fixed: StaticWorker) {
    let worker = shared.worker(&fixed.name);
    let mut silent = false;
    loop {
        let process = Arc::new(connect(&shared, &fixed));
        tokio::select! {
            () = shared.phase.reached(Phase::Draining) => return,
            refusal = serve(&shared, &worker, &process) => {
                process.depart(Presence::Gone);
                worker.changed.notify_one();
                let (name, was_silent) = (&worker.name, silent);
                silent = matches!(refusal, Refusal::Silent);
                // One that isn't there yet needs no line a second.
                if !(silent && was_silent) {
                    tracing::warn!(worker = name, %refusal, "a static worker gets no orders");
                }
            }
        }
        tokio::select! {
            () = shared.phase.reached(Phase::Draining) => return,
            () = sleep(shared.config.timing.static_check) => {}
        }
    }
}

/// A new connection: what the worker still answers to an earlier one is lost with it.
fn connect(shared: &Shared, fixed: &StaticWorker) -> Process {
    let peer = Peer::ZeroMq(shared.wire.connect(&fixed.endpoint, 1));
    let patience = shared.config.timing.static_answer;
    Process::new(peer, &fixed.endpoint, None, 1, patience)
}

/// Signs up and watches until something is wrong with the worker.
async fn serve(shared: &Shared, worker: &Worker, process: &Arc<Process>) -> Refusal {
    let timing = &shared.config.timing;
    if let Err(refusal) = enrol(shared, worker, process).await {
        return refusal;
    }
    tracing::info!(worker = worker.name, "a static worker is there");
    loop {
        tokio::select! {
            () = process.gone(timing.leave) => return Refusal::Silent,
            () = sleep(timing.static_check) => {}
        }
        // While it has an order, that one's time limit shows whether it's there.
        let Ok(_place) = process.room.try_acquire() else {
            continue;
        };
        match ask(&process.peer, timing.signup).await {
            Ok(signup) if process.keys.get() == Some(&Keys::from(&signup)) => {}
            // It restarted and made new keys: sign up anew, so that the registry has them.
            Ok(_) => return Refusal::OtherKeys,
            Err(refusal) => return refusal,
        }
    }
}
