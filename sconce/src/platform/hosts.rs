//! The hosts of a platform: one for each process of a worker.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::attended::{Attended, Launch, Prepared, itself};
use super::generations::{Job, Slot};
use crate::terminal::Terminal;

/// What every host is told.
#[derive(Clone)]
pub(super) struct HostPlan {
    /// The folder of the simulated platform.
    pub(super) platform: PathBuf,
    /// The vault's address.
    pub(super) vault: SocketAddr,
    /// The manager's endpoint.
    pub(super) manager: String,
    /// The file with the token that the manager asks for.
    pub(super) token_file: PathBuf,
    /// The key directory that the workers' entries are in, and how often they are shown theirs.
    pub(super) directory: Option<(SocketAddr, Duration)>,
}

/// The hosts. Dropping them kills the processes.
#[derive(Default)]
pub(super) struct Hosts {
    running: BTreeMap<Slot, (Job, Attended)>,
    /// Those that were asked to stop.
    leaving: Vec<(Slot, Attended)>,
}

impl Hosts {
    /// Those that are to run.
    pub(super) fn jobs(&self) -> BTreeMap<Slot, Job> {
        let all = self.running.iter();
        all.map(|(slot, (job, _))| (slot.clone(), job.clone()))
            .collect()
    }

    /// Starts a host for a slot, and keeps it running.
    pub(super) fn start(&mut self, slot: Slot, host: Host, terminal: &Terminal) {
        let job = host.job.clone();
        let attended = Attended::start(host, terminal);
        if let Some((_, before)) = self.running.insert(slot.clone(), (job, attended)) {
            before.ask_to_stop();
            self.leaving.push((slot, before));
        }
    }

    /// Asks the host of a slot to stop, once the orders that it has are answered.
    pub(super) fn retire(&mut self, slot: &Slot) {
        if let Some((_, host)) = self.running.remove(slot) {
            host.ask_to_stop();
            self.leaving.push((slot.clone(), host));
        }
    }

    /// The slots of those that were asked to stop, and have not yet.
    pub(super) fn leaving(&mut self) -> impl Iterator<Item = &Slot> {
        self.leaving.retain(|(_, one)| !one.has_ended());
        self.leaving.iter().map(|(slot, _)| slot)
    }

    /// Asks all to stop, and waits; kills those that don't.
    pub(super) async fn stop(self) {
        let running = self.running.into_values().map(|(_, host)| host);
        let leaving = self.leaving.into_iter().map(|(_, host)| host);
        let all: Vec<_> = running.chain(leaving).collect();
        for one in &all {
            one.ask_to_stop();
        }
        for one in all {
            one.stop().await;
        }
    }
}

/// A host as it is to be started.
pub(super) struct Host {
    pub(super) plan: HostPlan,
    pub(super) worker: String,
    pub(super) job: Job,
    /// The folder of the image with the measurement of the job.
    pub(super) image: PathBuf,
    /// Threads of the program.
    pub(super) threads: NonZeroUsize,
}

impl Launch for Host {
    fn title(&self) -> String {
        format!("the host of {}", self.worker)
    }

    fn label(&self) -> &str {
        &self.worker
    }

    fn command(&self, terminal: &Terminal) -> io::Result<Prepared> {
        let mut command = itself(terminal);
        command.args(["host", "--until-stdin-closes", "--worker", &self.worker]);
        command.args(["--manager", &self.plan.manager]);
        command.arg("--token-file").arg(&self.plan.token_file);
        command.arg("--image").arg(&self.image);
        command.arg("--platform").arg(&self.plan.platform);
        command.args(["--vault", &self.plan.vault.to_string()]);
        command.args(["--session", &self.job.session]);
        command.args(["--threads", &self.threads.to_string()]);
        if let Some((directory, check)) = self.plan.directory {
            command.args(["--directory", &directory.to_string()]);
            command.args(["--directory-check", &format!("{}ms", check.as_millis())]);
        }
        Ok(Prepared {
            command,
            input: None,
        })
    }
}
