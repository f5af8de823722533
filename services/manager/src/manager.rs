use std::sync::Arc;

use store::Orders;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use workers::Registry;

use crate::config::ManagerConfig;
use crate::dispatch::dispatch;
use crate::gate::Gate;
use crate::local::Door;
use crate::members::Members;
use crate::phase::{Phase, PhaseWatch};
use crate::shared::Shared;
use crate::status::{self, Status};
use crate::wire::{self, Wire};
use crate::worker::Worker;
use crate::{Error, fixed, keep};

/// A running manager. Dropping it stops its work where it stands: leases run out by themselves.
pub struct Manager {
    shared: Arc<Shared>,
    phase: watch::Sender<Phase>,
    tasks: JoinSet<()>,
    /// Connections of hosts on this machine: open until everything else has ended.
    lines: JoinSet<()>,
    thread: wire::Thread,
}

/// Messages of hosts that showed the token and wait for an answer, over ZeroMQ and from this machine; further ones are
/// dropped, and hosts repeat them.
const HOSTS_WAITING: usize = 1024;

impl Manager {
    /// Binds the socket for hosts and starts to work. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Error::Bind`] naming the endpoint when it's taken, [`Error::Name`] and
    /// [`Error::Endpoint`] for a bad static worker.
    pub fn start(
        config: ManagerConfig,
        orders: Arc<dyn Orders>,
        registry: Registry,
    ) -> Result<Self, Error> {
        config.check()?;
        let (from_hosts, hosts) = mpsc::channel(HOSTS_WAITING);
        let (from_near, near) = mpsc::channel(HOSTS_WAITING);
        let door = config.local.as_deref().map(Door::open).transpose()?;
        let gate = Arc::new(Gate::new(config.token.clone()));
        let (wire, thread) = Wire::start(&config.bind, Arc::clone(&gate), from_hosts)?;
        let (sender, phase) = PhaseWatch::new();
        let (newcomers, new_workers) = mpsc::unbounded_channel();
        let fixed = config.workers.clone();
        let shared = Arc::new(Shared::new(
            config, orders, registry, wire, phase, newcomers,
        ));

        status::show(&shared);
        let mut tasks = JoinSet::new();
        tasks.spawn(Members::new(Arc::clone(&shared)).run(near, hosts));
        let mut lines = JoinSet::new();
        if let Some(door) = door {
            lines.spawn(door.attend(gate, from_near, shared.config.max_processes));
        }
        tasks.spawn(dispatch_all(Arc::clone(&shared), new_workers));
        tasks.spawn(keep::keep(Arc::clone(&shared)));
        for worker in fixed {
            tasks.spawn(fixed::attend(Arc::clone(&shared), worker));
        }
        tracing::info!(endpoint = thread.endpoint, "manager is listening for hosts");
        Ok(Self {
            shared,
            phase: sender,
            tasks,
            lines,
            thread,
        })
    }

    /// Where hosts reach it, with the real port.
    pub fn endpoint(&self) -> &str {
        &self.thread.endpoint
    }

    /// Where hosts on this machine reach it for less, as they are told: `unix:` and the path.
    pub fn local_endpoint(&self) -> Option<String> {
        self.shared.config.local_endpoint()
    }

    /// Who is there and what waits.
    pub async fn status(&self) -> Result<Status, Error> {
        status::take(&self.shared).await
    }

    /// Claims no more orders, waits for answers to those in flight (at most
    /// [`Timing::drain`](crate::Timing::drain)), gives the others back, and closes all sockets.
    pub async fn shutdown(mut self) {
        // An error means that every task has ended.
        let _ = self.phase.send(Phase::Draining);
        let drain = self.shared.config.timing.drain;
        let drained = tokio::time::timeout(drain, all(&mut self.tasks)).await;
        let _ = self.phase.send(Phase::Stopped);
        if drained.is_err() {
            all(&mut self.tasks).await;
        }
        self.lines.shutdown().await;
        // The thread ends with the last handle on it.
        drop(self.shared);
        let handle = self.thread.handle;
        let _ = tokio::task::spawn_blocking(move || handle.join()).await;
        tracing::info!("manager has stopped");
    }
}

async fn all(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

/// Runs one dispatcher for each worker that turns up, until the manager drains and they have ended.
async fn dispatch_all(shared: Arc<Shared>, mut workers: mpsc::UnboundedReceiver<Arc<Worker>>) {
    let mut dispatchers = JoinSet::new();
    loop {
        let running = shared.phase.now() == Phase::Running;
        if !running && dispatchers.is_empty() {
            return;
        }
        tokio::select! {
            Some(worker) = workers.recv(), if running => {
                dispatchers.spawn(dispatch(Arc::clone(&shared), worker));
            }
            Some(_) = dispatchers.join_next() => {}
            () = shared.phase.reached(Phase::Draining), if running => {}
        }
    }
}
