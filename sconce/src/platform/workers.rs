//! The workers of a platform that run here, and the vault that has their keys.
//!
//! The vault decides which generations of keys live; everything here follows from what it says. What it
//! says is asked for once a second, so that new keys, wherever they were ordered, get their processes, and
//! those whose keys are gone end.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use attestation::Fingerprint;
use manager::Shown;
use provision::api::{self, NewGeneration, NewWorker, Program};
use provision::text::{Base64, Text};
use serde_json::value::{RawValue, to_raw_value};
use sgx::{Digest, Kind, Mrenclave};
use tokio::sync::watch;
use vault_client::{Error, Vault};

use super::attended::Attended;
use super::directory::{Checks, KeyDirectory};
use super::folder::DataFolder;
use super::generations::{Job, Slot, living, mrenclave, reconcile};
use super::hosts::{Host, HostPlan, Hosts};
use super::image::{self, Measured};
use super::images::Images;
use super::program;
use super::publisher::{Publisher, Sources, Standing, Standings};
use super::record::{Generation, Running};
use super::vault::{Line, Sockets, VaultHost};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::terminal::Terminal;
use crate::vault::{VaultRecord, make_identity, requester_policy, write_requester_policy};

/// What workers are to be started, and how.
pub(super) struct Order<'a> {
    pub(super) settings: &'a Settings,
    pub(super) folder: &'a DataFolder,
    /// The manager's endpoint.
    pub(super) manager: String,
    /// The file with the token that it asks of hosts.
    pub(super) token_file: PathBuf,
    /// Workers whose keys are for another image get new ones for this, and keep the others for so long.
    pub(super) upgrade: Option<Duration>,
    /// Where the workers' keys are published, if they are.
    pub(super) directory: Option<&'a KeyDirectory>,
    /// What worker processes sign up with.
    pub(super) signups: watch::Receiver<Shown>,
}

/// The vault, and the hosts of the workers.
pub(super) struct Workers {
    vault: Attended,
    line: Line,
    hosts: Hosts,
    images: Images,
    /// The image that was given or built.
    present: Measured,
    plan: HostPlan,
    names: Vec<String>,
    processes: usize,
    threads: Option<NonZeroUsize>,
    root: Fingerprint,
    data: PathBuf,
    terminal: Terminal,
    /// The directory: what it pins, what it judges evidence by, and who is told which keys live.
    published: Option<Published>,
    /// What of the vault's answer has been acted upon.
    seen: BTreeMap<String, Vec<Generation>>,
    without_image: BTreeSet<(String, u64, Mrenclave)>,
}

/// What it takes to publish the workers' keys.
struct Published {
    /// As workers pin it, in JSON.
    pinned: Box<RawValue>,
    checks: Checks,
    standings: watch::Sender<Standings>,
    _publisher: Publisher,
}

/// What there is before the first process runs: for the record.
pub(super) struct Found {
    pub(super) program: Running,
    pub(super) vault: VaultRecord,
    pub(super) pool: Option<String>,
}

impl Workers {
    /// Finds the images, starts the vault, has keys made for workers that have none, and starts the
    /// hosts. `found` is told what it is before anything runs.
    pub(super) async fn start(
        order: Order<'_>,
        sockets: Sockets,
        terminal: &Terminal,
        found: impl FnOnce(Found) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let Order {
            settings, folder, ..
        } = order;
        let (worker, vault) = program::locate_both(
            settings.workers.image.as_deref(),
            settings.vault.image.as_deref(),
            terminal,
        )
        .await?;
        let mut images = Images::open(folder.images()).map_err(|error| {
            Failure::failed(format_args!("the folder of images: {error}"))
                .advice("choose another folder with --data-dir")
        })?;
        let present = images.keep(&worker)?;
        present.for_orders()?;
        let vault = vault.place(&folder.vault_image())?;
        same_signer(&present, &vault)?;
        let platform = folder.simulated_platform();
        let anchor = image::platform(&platform)?;
        let root = Fingerprint::of(anchor.root_der());
        let address = sockets.address()?;
        let record = VaultRecord {
            address: address.to_string(),
            realm: None,
            measurement: Text(vault.measurement()),
            signer: Text(vault.signer()),
            debug: vault.is_debug(),
            root: Text(root),
            root_certificate: Base64(anchor.root_der().to_vec()),
        };
        found(Found {
            program: Running::of(&present, root),
            vault: record.clone(),
            pool: sockets.pool().map(|pool| format!("http://{pool}")),
        })?;
        let identity = make_identity(folder.path())?;
        let line = Line::new(address, record.trust()?, identity);
        let host = VaultHost {
            image: vault.folder,
            platform: platform.clone(),
            journal: folder.journal(),
            sockets,
        };
        let published = order
            .directory
            .map(|directory| Published::start(directory, line.clone(), order.signups, terminal));
        let published = published.transpose()?;
        let (vault, refusal) = Attended::start_watched(host, terminal);
        let mut workers = Self {
            vault,
            line,
            hosts: Hosts::default(),
            images,
            present,
            plan: HostPlan {
                platform,
                vault: address,
                manager: order.manager,
                token_file: order.token_file,
                directory: order
                    .directory
                    .map(|directory| (directory.address(), settings.directory.check)),
            },
            published,
            names: settings.workers.here(),
            processes: settings.workers.processes,
            threads: settings.workers.threads,
            root,
            data: folder.path().to_owned(),
            terminal: *terminal,
            seen: BTreeMap::new(),
            without_image: BTreeSet::new(),
        };
        tokio::select! {
            claimed = workers.claim(record) => claimed?,
            Ok(failure) = refusal => return Err(failure),
        }
        workers.ensure_all(order.upgrade).await?;
        Ok(workers)
    }

    /// Waits for the vault and makes this platform's operator its owner.
    async fn claim(&self, record: VaultRecord) -> Result<(), Failure> {
        let claim = |vault: &mut Vault| {
            vault.claim()?;
            Ok(vault.realm().cloned())
        };
        let realm = self.line.ask_patiently(&self.terminal, claim).await?;
        record.with_realm(realm).write(&self.data)
    }

    /// Sees to it that every worker has keys, and starts their processes as soon as they have.
    async fn ensure_all(&mut self, upgrade: Option<Duration>) -> Result<(), Failure> {
        let program = self.present.program(self.root);
        let pinned = self.published.as_ref().map(|one| one.pinned.clone());
        for name in self.names.clone() {
            let (worker, wanted) = (name.clone(), (program.clone(), pinned.clone()));
            let ensured = self
                .line
                .ask_patiently(&self.terminal, move |vault| {
                    let wish = NewWorker {
                        program: wanted.0.clone(),
                        directory: wanted.1.clone(),
                    };
                    match vault.ensure_worker(&worker, wish) {
                        Err(error) if error.code() == "kme.measurement" => Ok(None),
                        ensured => ensured.map(Some),
                    }
                })
                .await?;
            match (ensured, upgrade) {
                (Some(_), _) => {}
                (None, Some(overlap)) => self.upgrade(name, program.clone(), overlap).await?,
                (None, None) => return Err(self.another_measurement(&name).await),
            }
            self.look()
                .await
                .map_err(|error| Failure::of_vault(&error))?;
        }
        Ok(())
    }

    async fn upgrade(
        &self,
        worker: String,
        program: Program,
        overlap: Duration,
    ) -> Result<(), Failure> {
        let wish = NewGeneration {
            program: Some(program),
            overlap_seconds: overlap.as_secs(),
        };
        let name = worker.clone();
        let made = self
            .line
            .ask(move |vault| vault.new_generation(&worker, &wish))
            .await
            .map_err(|error| Failure::of_vault(&error))?;
        self.terminal.say(format_args!(
            "upgraded   {name}: generation {} of its keys is for {}",
            made.generation,
            self.present.measurement()
        ));
        Ok(())
    }

    /// Why a worker does not start: its keys are for another program.
    async fn another_measurement(&mut self, worker: &str) -> Failure {
        let present = self.present.measurement();
        let all = match self.line.ask(Vault::workers).await {
            Ok(all) => all,
            Err(error) => return Failure::of_vault(&error),
        };
        let newest = all
            .iter()
            .find(|one| one.worker == worker)
            .and_then(|one| one.generations.last());
        let Some(newest) = newest else {
            return Failure::failed(format_args!("the vault has no keys of {worker}"));
        };
        let Text(kept) = newest.measurement;
        let failure = Failure::failed(format_args!(
            "the keys of {worker} are for {kept}, and the image measures {present}: the vault has no \
             keys for it"
        ))
        .coded("kme.measurement")
        .advice("to give the workers keys for this image too: sconce up --upgrade");
        let kept = mrenclave(kept);
        self.images.look_for(kept.into_iter());
        match kept.and_then(|kept| self.images.get(&kept)) {
            Some(image) => failure.advice(format_args!(
                "what differs: sconce sconify diff {} {}",
                image.folder.display(),
                self.present.folder.display()
            )),
            None => failure,
        }
    }

    /// Asks the vault which keys live, and acts upon it. What is new is said.
    pub(super) async fn look(&mut self) -> Result<(), Error> {
        let all = self.line.ask(Vault::workers).await?;
        let living = living(&all);
        self.images
            .look_for(living.iter().map(|one| one.measurement));
        let changes = reconcile(
            &self.hosts.jobs(),
            &living,
            &self.images.measurements(),
            &self.names,
            self.processes,
        );
        for slot in &changes.stop {
            self.hosts.retire(slot);
        }
        for (slot, job) in changes.start {
            self.start_host(slot, job);
        }
        for missing in changes.without_image.difference(&self.without_image) {
            let (worker, generation, measurement) = missing;
            self.terminal.warn(format_args!(
                "{worker} has keys for {} (generation {generation}), and there is no such image here: no \
                 process takes orders for them",
                Digest::Mrenclave(Kind::Sim, *measurement)
            ));
        }
        self.without_image = changes.without_image;
        self.note(&all);
        self.tell_the_publisher(&all);
        Ok(())
    }

    fn tell_the_publisher(&mut self, all: &[api::Worker]) {
        let Some(published) = &self.published else {
            return;
        };
        let mut standings: Standings = all
            .iter()
            .map(|one| {
                let living = one.generations.iter().map(|one| one.generation).collect();
                let leaving = BTreeSet::new();
                (one.worker.clone(), Standing { living, leaving })
            })
            .collect();
        for slot in self.hosts.leaving() {
            if let Some(standing) = standings.get_mut(&slot.worker) {
                standing.leaving.insert(slot.generation);
            }
        }
        published.standings.send_if_modified(|known| {
            let differs = *known != standings;
            *known = standings;
            differs
        });
    }

    fn start_host(&mut self, slot: Slot, job: Job) {
        let Some(image) = self.images.get(&job.measurement) else {
            return;
        };
        let Ok(most) = image.for_orders() else {
            return;
        };
        let host = Host {
            plan: self.plan.clone(),
            worker: slot.worker.clone(),
            image: image.folder.clone(),
            job,
            threads: threads_of(self.threads, most, &self.terminal),
        };
        self.hosts.start(slot, host, &self.terminal);
    }

    /// Says what has changed, and what requesters may rely on now.
    fn note(&mut self, all: &[api::Worker]) {
        let now: BTreeMap<_, Vec<_>> = all
            .iter()
            .filter(|one| self.names.contains(&one.worker))
            .map(|one| {
                let generations = one.generations.iter().map(Generation::of);
                (one.worker.clone(), generations.collect())
            })
            .collect();
        if now == self.seen {
            return;
        }
        for (worker, generations) in &now {
            let before = self.seen.get(worker).map_or(&[][..], Vec::as_slice);
            if !before.is_empty() {
                say_changes(&self.terminal, worker, before, generations);
            }
        }
        let lived: BTreeSet<_> = living(all).iter().map(|one| one.measurement).collect();
        if let Err(failure) = self.write_policy(&lived) {
            tracing::warn!(%failure, "the policy for requesters is not up to date");
        }
        let present = self.present.mrenclave();
        if now.len() == self.names.len() {
            let needed = lived.into_iter().chain([present]).collect();
            self.images.forget_all_but(&needed);
        }
        self.seen = now;
    }

    fn write_policy(&self, lived: &BTreeSet<Mrenclave>) -> Result<(), Failure> {
        let measurements: Vec<_> = lived
            .iter()
            .map(|one| Digest::Mrenclave(Kind::Sim, *one))
            .collect();
        let debug = lived
            .iter()
            .filter_map(|one| self.images.get(one))
            .any(Measured::is_debug);
        // Those that live are of one signer: the vault takes no other for the same worker.
        let policy = requester_policy(measurements, self.present.signer(), debug, self.root);
        if let Some(published) = &self.published {
            published.checks.judge_by(policy.clone());
        }
        write_requester_policy(&self.data, &policy)
    }

    /// What the workers run whose keys are the newest. Where they differ, as when one of them alone was
    /// upgraded, it is the image that the platform was started with.
    pub(super) fn running(&self) -> Running {
        let newest: BTreeSet<_> = self
            .seen
            .values()
            .filter_map(|generations| Some(&generations.last()?.measurement))
            .collect();
        let image = match newest.first() {
            Some(measurement) if newest.len() == 1 => self.images.named(measurement),
            _ => None,
        };
        Running::of(image.unwrap_or(&self.present), self.root)
    }

    /// The generations of each worker's keys.
    pub(super) const fn generations(&self) -> &BTreeMap<String, Vec<Generation>> {
        &self.seen
    }

    /// Stops the hosts, and the vault when nobody needs it any more.
    pub(super) async fn stop(mut self) {
        // Nothing of what ends now is to be taken from the directory.
        self.published = None;
        self.hosts.stop().await;
        self.vault.stop().await;
    }
}

impl Published {
    fn start(
        directory: &KeyDirectory,
        line: Line,
        signups: watch::Receiver<Shown>,
        terminal: &Terminal,
    ) -> Result<Self, Failure> {
        let (standings, watched) = watch::channel(Standings::new());
        let sources = Sources {
            directory: directory.directory(),
            trust: directory.trust().clone(),
            line,
            signups,
            standings: watched,
        };
        Ok(Self {
            pinned: to_raw_value(directory.trust()).map_err(Failure::failed)?,
            checks: directory.checks(),
            standings,
            _publisher: Publisher::start(sources, terminal)?,
        })
    }
}

/// Workers take keys from nobody but a vault of their own signer.
fn same_signer(worker: &Measured, vault: &Measured) -> Result<(), Failure> {
    if worker.signer() == vault.signer() {
        return Ok(());
    }
    Err(Failure::unusable(format_args!(
        "the worker's image is signed by {} and the vault's by {}: workers take keys only from a vault of \
         their own signer",
        worker.signer(),
        vault.signer()
    ))
    .advice("sign both with one key: sconce sconify sign"))
}

fn say_changes(terminal: &Terminal, worker: &str, before: &[Generation], now: &[Generation]) {
    let numbers =
        |all: &[Generation]| -> BTreeSet<u64> { all.iter().map(|one| one.generation).collect() };
    let (before, now) = (numbers(before), numbers(now));
    for new in now.difference(&before) {
        terminal.say(format_args!(
            "keys       {worker} has generation {new}; its processes start"
        ));
    }
    for gone in before.difference(&now) {
        terminal.say(format_args!(
            "keys       generation {gone} of {worker} is retired; its processes end"
        ));
    }
}

/// How many threads a launched program is told to have: as asked, or one a core, but no more than its
/// enclave has been measured with.
fn threads_of(
    asked: Option<NonZeroUsize>,
    most: NonZeroUsize,
    terminal: &Terminal,
) -> NonZeroUsize {
    if asked.is_some_and(|asked| asked > most) {
        terminal.warn(format_args!(
            "workers have {most} threads and not as many as were asked for: more were not measured"
        ));
    }
    let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    asked.unwrap_or_else(cores).min(most)
}
