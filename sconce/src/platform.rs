//! A platform in one process: store, manager and listener here, a process for the vault's host and for
//! that of each worker.
//!
//! ```text
//! sconce up ─┬─ listener   HTTP, the requesters' door
//!            ├─ manager    a socket in the data folder; ZeroMQ, loopback, for hosts elsewhere
//!            ├─ store      one file in the data folder
//!            ├─ directory  HTTP, where requesters look the workers' keys up; a store in the data folder
//!            ├─ sconce vault …                     ── vault program (a process)
//!            └─ sconce host … (a process a worker) ── worker program (a process)
//! ```
//!
//! The vault makes the workers' keys, and a worker program proves to it what it is before it gets any.
//!
//! Hosts end when the supervisor does, however it ends: they watch a pipe that it holds open.

mod attended;
mod built;
mod directory;
mod folder;
mod generations;
mod hosts;
mod image;
mod images;
mod program;
mod publisher;
mod record;
mod sockets;
mod vault;
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use listener::Listener;
use manager::{Manager, WorkerStatus};
use monitor::Monitor;
use receipts::Receipts;
use store::redb::Engine;

pub(crate) use self::folder::{Found, images as images_folder, look, read_token};
pub(crate) use self::image::{Measured, enclave};
pub(crate) use self::images::Images;
pub(crate) use self::program::{Which, locate};
pub(crate) use self::record::{Mode, Record};
pub(crate) use self::sockets::receive as receive_sockets;

use self::directory::KeyDirectory;
use self::folder::DataFolder;
use self::vault::Sockets;
use self::workers::{Order, Workers};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::terminal::Terminal;

/// What a platform is to be.
pub(crate) struct Plan {
    pub(crate) data: PathBuf,
    pub(crate) settings: Settings,
    /// Workers whose keys are for another image get new ones for this, and keep the others for so long.
    pub(crate) upgrade: Option<Duration>,
}

impl Plan {
    /// Names of the workers to start.
    fn workers(&self) -> Vec<String> {
        self.settings.workers.here()
    }
}

/// A running platform. Dropped without [`stop`](Self::stop), it ends without waiting for orders.
pub(crate) struct Platform {
    record: Record,
    workers: Option<Workers>,
    directory: Option<KeyDirectory>,
    listener: Listener,
    manager: Manager,
    // Last: whatever uses the folder has gone when another may take it.
    folder: DataFolder,
}

/// How often is looked whether the workers are there.
const LOOK: Duration = Duration::from_millis(20);

/// How often the record is compared with what is, once all workers are there.
const RECORD: Duration = Duration::from_secs(1);

/// After so long without a worker something is wrong.
const LONG: Duration = Duration::from_secs(10);

impl Platform {
    /// Starts everything that can be refused (folder, store, ports), then builds the images where that's
    /// needed, then starts the vault and the hosts.
    pub(crate) async fn start(plan: Plan, terminal: &Terminal) -> Result<Self, Failure> {
        let settings = &plan.settings;
        let folder = DataFolder::take(&plan.data)?;
        let (host_token, token_file) =
            folder.host_token(settings.manager.token_file.as_deref(), terminal)?;
        let (operator_token, operator_file) =
            folder.operator_token(settings.listener.operator_token_file.as_deref(), terminal)?;
        let engine = Engine::open(folder.store(), settings.store.clone())
            .map(Arc::new)
            .map_err(|error| Failure::failed(format_args!("the store: {error}")))?;
        let sockets = settings
            .wants_vault()
            .then(|| Sockets::bind(&settings.vault));
        let sockets = sockets.transpose()?;
        let registry = ::workers::Registry::new(engine.clone());
        let receipts = Receipts::new(engine.clone());
        let monitor = monitor_of(&engine, &folder.store());

        let mut config = settings.for_manager(host_token, monitor.clone());
        config.local = folder.manager_socket();
        let signups = config.signups.subscribe();
        let manager = Manager::start(config, engine.clone(), registry.clone())
            .map_err(|error| Failure::failed(format_args!("the manager: {error}")))?;
        let config = settings.for_listener(operator_token, monitor);
        if config.tls.is_none() {
            warn_of_plain_http(config.address, terminal);
        }
        let listener = Listener::start(config, engine, registry, receipts)
            .await
            .map_err(|error| of_listener(&error, settings.metrics.bind))?;
        let directory = KeyDirectory::start(settings, &folder).await?;
        let mut record = Record::new(&plan, &listener, manager.endpoint());
        record.directory = directory
            .as_ref()
            .map(|directory| format!("http://{}", directory.address()));
        folder.write_record(&record)?;
        terminal.say(format_args!("data       {}", folder.path().display()));
        terminal.say(format_args!(
            "listener   {} ({})",
            record.listener, record.mode
        ));
        terminal.say(format_args!(
            "operators  token in {}",
            operator_file.display()
        ));
        if let Some(address) = &record.directory {
            terminal.say(format_args!("directory  {address}"));
        }

        let workers = match sockets {
            None => {
                terminal.warn(
                    "no worker is started here, and those that join are not attested: do not send secrets",
                );
                None
            }
            Some(sockets) => {
                let order = Order {
                    settings,
                    folder: &folder,
                    manager: manager
                        .local_endpoint()
                        .unwrap_or_else(|| manager.endpoint().to_owned()),
                    token_file,
                    upgrade: plan.upgrade,
                    directory: directory.as_ref(),
                    signups,
                };
                let found = |found| note(&mut record, &folder, found, terminal);
                Some(Workers::start(order, sockets, terminal, found).await?)
            }
        };
        Ok(Self {
            record,
            workers,
            directory,
            listener,
            manager,
            folder,
        })
    }

    /// What runs here.
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Reads the certificate's files again; false if there is none.
    pub(crate) fn reload_certificate(&self, terminal: &Terminal) -> bool {
        if self.record.certificate.is_none() {
            return false;
        }
        match self.listener.reload_certificate() {
            Ok(()) => terminal.say("the certificate has been read again"),
            Err(error) => terminal.warn(format_args!("{error}; the certificate stays as it is")),
        }
        true
    }

    /// One line that says that it's ready, and where.
    pub(crate) fn greeting(&self) -> String {
        let count = self.record.workers.len();
        let s = if count == 1 { "" } else { "s" };
        format!("ready: {} with {count} worker{s}", self.record.listener)
    }

    /// Waits until every process of every worker takes orders, and says who does.
    pub(crate) async fn ready(&mut self, terminal: &Terminal) -> Result<(), Failure> {
        let mut missing: BTreeSet<_> = self.record.workers.iter().cloned().collect();
        let processes = self.record.processes;
        let mut next_reminder = Instant::now() + LONG;
        while !missing.is_empty() {
            if Instant::now() >= next_reminder {
                next_reminder += LONG;
                let names: Vec<_> = missing.iter().map(String::as_str).collect();
                terminal.warn(format_args!(
                    "still waiting for {}; the warnings above say why, or start again with -v",
                    names.join(", ")
                ));
            }
            for worker in self.look().await? {
                let Some(name) = worker.name.filter(|_| worker.processes.len() >= processes) else {
                    continue;
                };
                if missing.remove(&name) {
                    let pids: Vec<_> = worker.processes.iter().filter_map(|one| one.pid).collect();
                    terminal.say(format_args!(
                        "worker     {name} takes orders (process {})",
                        list(&pids)
                    ));
                }
            }
            tokio::time::sleep(LOOK).await;
        }
        self.record.ready = true;
        self.folder.write_record(&self.record)
    }

    /// Keeps processes and record as they have to be, for as long as it's waited for.
    pub(crate) async fn keep(&mut self) {
        loop {
            self.follow_the_vault().await;
            if let Err(failure) = self.look().await {
                tracing::warn!(%failure, "the record of what runs here is not up to date");
            }
            tokio::time::sleep(RECORD).await;
        }
    }

    /// Does what follows from the keys that live now.
    async fn follow_the_vault(&mut self) {
        let Some(workers) = &mut self.workers else {
            return;
        };
        if let Err(error) = workers.look().await {
            // It says itself why it is not there; nothing is taken from its silence.
            tracing::debug!(%error, "the vault does not say which keys live");
        }
    }

    /// The workers as they are now; changes are noted in the record.
    async fn look(&mut self) -> Result<Vec<WorkerStatus>, Failure> {
        let status = self
            .manager
            .status()
            .await
            .map_err(|error| Failure::failed(format_args!("the manager: {error}")))?;
        let serving: BTreeMap<_, _> = status
            .workers
            .iter()
            .filter(|worker| !worker.processes.is_empty())
            .filter_map(|worker| Some((worker.name.clone()?, worker.processes.len())))
            .collect();
        let generations = self.workers.as_ref().map(Workers::generations);
        let generations = generations.unwrap_or(&self.record.generations);
        if serving != self.record.serving || *generations != self.record.generations {
            if let Some(workers) = &self.workers {
                self.record.program = Some(workers.running());
            }
            self.record.generations = generations.clone();
            self.record.serving = serving;
            self.folder.write_record(&self.record)?;
        }
        Ok(status.workers)
    }

    /// Takes no more requests, lets orders in flight end, stops the hosts and waits for them.
    pub(crate) async fn stop(self) {
        self.listener.shutdown().await;
        self.manager.shutdown().await;
        if let Some(workers) = self.workers {
            workers.stop().await;
        }
        if let Some(directory) = self.directory {
            directory.stop().await;
        }
        self.folder.forget_record();
    }
}

/// Says what will run, on the terminal and in the record.
fn note(
    record: &mut Record,
    folder: &DataFolder,
    found: workers::Found,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let workers::Found {
        program,
        vault,
        pool,
    } = found;
    for line in program.to_string().lines() {
        terminal.say(line);
    }
    terminal.say(format_args!("vault      {}", vault.address));
    terminal.say(format_args!("measured   {}", vault.measurement.0));
    if let Some(pool) = &pool {
        terminal.say(format_args!("pool       {pool}"));
    }
    if program.debug || vault.debug {
        terminal.warn(
            "these are images for DEBUGGING: whoever runs them can read keys and orders. Do not send \
             secrets",
        );
    }
    record.program = Some(program);
    record.vault = Some(vault);
    record.pool = pool;
    folder.write_record(record)
}

/// A monitor that watches the store.
fn monitor_of(engine: &Arc<Engine>, file: &Path) -> Monitor {
    let monitor = Monitor::new();
    monitor.watch_store(engine.clone(), engine.clone(), Some(file));
    let observer = monitor.clone();
    engine.observe_commits(move |operations, took| observer.committed(operations, took));
    monitor
}

/// Why the listener did not start, at the address for metrics perhaps.
fn of_listener(error: &listener::Error, metrics: Option<SocketAddr>) -> Failure {
    use listener::Error as E;
    let message = format!("the listener: {error}");
    match error {
        E::Tls(_) => Failure::unusable(message)
            .advice("tls.certificate and tls.key name the files: see docs/configuration.md"),
        E::InUse(address) | E::Bind { address, .. } if Some(*address) == metrics => {
            Failure::failed(message).advice("metrics.address names it")
        }
        _ => Failure::failed(message).advice("--listener 127.0.0.1:0 takes any free port"),
    }
}

fn warn_of_plain_http(listener: SocketAddr, terminal: &Terminal) {
    if !listener.ip().to_canonical().is_loopback() {
        terminal.warn(format_args!(
            "{listener} can be reached from other machines, and the listener speaks plain HTTP: \
             operators' tokens can be read on the way; set tls.certificate and tls.key, or let a proxy \
             that ends TLS stand in front"
        ));
    }
}

fn list(pids: &[u32]) -> String {
    let pids: Vec<_> = pids.iter().map(u32::to_string).collect();
    pids.join(", ")
}
