//! The hosts: who has joined, who is still there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use monitor::Throttle;
use protocol::membership::{HostMessage, MAX_CAPACITY, ManagerMessage, is_worker_name};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::config::is_endpoint;
use crate::gate::{frame_of, refused};
use crate::peer::{FromHost, Peer, Source};
use crate::phase::Phase;
use crate::shared::Shared;
use crate::signup::{Refusal, enrol};
use crate::worker::{Presence, Process};

/// The hosts that have joined, by instance.
pub(crate) struct Members {
    shared: Arc<Shared>,
    members: HashMap<String, Member>,
    enrolments: JoinSet<(String, Arc<Process>, Result<(), Refusal>)>,
    refusals: Throttle,
}

struct Member {
    facts: Facts,
    process: Arc<Process>,
    seen: Instant,
    /// Why it gets no orders although it's there.
    refused: Option<String>,
}

/// Workers that may ever join for each process that may be there at once: what is known of a worker
/// is kept.
const WORKERS: usize = 4;

/// What a host says of itself when it joins.
#[derive(PartialEq, Eq)]
struct Facts {
    worker: String,
    endpoint: String,
    capacity: u32,
    pid: u32,
    patience: u32,
}

impl Members {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            members: HashMap::new(),
            enrolments: JoinSet::new(),
            refusals: Throttle::default(),
        }
    }

    /// Answers hosts until the manager drains: those that are `near` first, for the port of the
    /// others is open to anybody.
    pub(crate) async fn run(
        mut self,
        mut near: mpsc::Receiver<FromHost>,
        mut hosts: mpsc::Receiver<FromHost>,
    ) {
        let phase = self.shared.phase.clone();
        loop {
            let next_lapse = self.next_lapse();
            tokio::select! {
                // Frames first: after a stop of the whole process they are what shows who is alive.
                biased;
                () = phase.reached(Phase::Draining) => return,
                Some(said) = near.recv() => self.attend(said),
                Some(enrolled) = self.enrolments.join_next() => {
                    if let Ok((instance, process, result)) = enrolled {
                        self.enrolled(&instance, &process, result);
                    }
                }
                Some(said) = hosts.recv() => self.attend(said),
                () = sleep_until(next_lapse) => self.lapse(),
            }
        }
    }

    fn attend(&mut self, FromHost { source, message }: FromHost) {
        let Some(message) = message else {
            self.hang_up(&source);
            return;
        };
        let frame = frame_of(&self.hear(message, &source));
        match source {
            Source::ZeroMq(identity) => self.shared.wire.tell(identity, frame),
            Source::Local(line) => line.tell(&frame),
        }
    }

    fn hear(&mut self, message: HostMessage, source: &Source) -> ManagerMessage {
        let (HostMessage::Join { instance, .. }
        | HostMessage::Alive { instance, .. }
        | HostMessage::Leave { instance, .. }) = &message;
        if !is_instance(instance) {
            return refused("the instance is not 32 hex digits");
        }
        match message {
            HostMessage::Join {
                instance,
                worker,
                endpoint,
                capacity,
                pid,
                patience,
                ..
            } => {
                let facts = Facts {
                    worker,
                    endpoint,
                    capacity,
                    pid,
                    patience,
                };
                self.join(instance, facts, source)
            }
            HostMessage::Alive { instance, .. } => self.alive(&instance),
            HostMessage::Leave { instance, .. } => {
                self.leave(&instance, Presence::Leaving);
                ManagerMessage::Ok
            }
        }
    }

    fn join(&mut self, instance: String, facts: Facts, source: &Source) -> ManagerMessage {
        if let Some(member) = self.members.get_mut(&instance) {
            // The first answer may have been lost. A refused host may have been put right.
            let same = member.facts == facts && member.process.peer.is_of(source);
            if same && member.is_well() {
                member.seen = Instant::now();
                return ManagerMessage::Joined;
            }
            self.leave(&instance, Presence::Leaving);
        }
        if let Err(why) = facts.check(source) {
            if let Some(suppressed) = self.refusals.pass() {
                tracing::warn!(why, suppressed, "a host was refused");
            }
            return refused(why);
        }
        if self.members.len() >= self.shared.config.max_processes {
            return refused("too many workers have joined, raise the manager's limit");
        }
        let most = self.shared.config.max_processes.saturating_mul(WORKERS);
        if !self.shared.has_room_for(&facts.worker, most) {
            return refused("too many different workers have joined, restart the manager");
        }
        let process = self.enrol(&instance, &facts, source);
        let member = Member {
            facts,
            process,
            seen: Instant::now(),
            refused: None,
        };
        self.members.insert(instance, member);
        ManagerMessage::Joined
    }

    /// Connects to the worker and asks for its keys, beside everything else.
    fn enrol(&mut self, instance: &str, facts: &Facts, source: &Source) -> Arc<Process> {
        let timing = self.shared.config.timing;
        let (peer, endpoint) = match source {
            Source::ZeroMq(_) => {
                let connection = self.shared.wire.connect(&facts.endpoint, facts.capacity);
                (Peer::ZeroMq(connection), facts.endpoint.clone())
            }
            Source::Local(line) => {
                let door = self.shared.config.local_endpoint().unwrap_or_default();
                (Peer::Local(Arc::clone(line)), door)
            }
        };
        let process = Arc::new(Process::new(
            peer,
            &endpoint,
            Some(facts.pid),
            facts.capacity,
            Duration::from_secs(facts.patience.into()).min(timing.longest_run),
        ));
        let (shared, instance) = (Arc::clone(&self.shared), instance.to_owned());
        let (worker, enrolling) = (shared.worker(&facts.worker), Arc::clone(&process));
        self.enrolments.spawn(async move {
            let result = tokio::select! {
                result = enrol(&shared, &worker, &enrolling) => result,
                () = enrolling.gone(Duration::ZERO) => Err(Refusal::Silent),
            };
            (instance, enrolling, result)
        });
        process
    }

    fn enrolled(&mut self, instance: &str, process: &Arc<Process>, result: Result<(), Refusal>) {
        // It may have left, or joined anew, meanwhile.
        let Some(member) = self.members.get_mut(instance) else {
            return;
        };
        if !Arc::ptr_eq(&member.process, process) {
            return;
        }
        let (worker, pid) = (&member.facts.worker, member.facts.pid);
        match result {
            Ok(()) => tracing::info!(worker, pid, "a worker process joined"),
            Err(refusal) => {
                tracing::error!(worker, pid, %refusal, "a worker process gets no orders");
                member.process.depart(Presence::Gone);
                if refusal.is_final() {
                    member.refused = Some(refusal.to_string());
                } else {
                    // Its next sign of life makes it join again.
                    self.members.remove(instance);
                }
            }
        }
    }

    fn alive(&mut self, instance: &str) -> ManagerMessage {
        match self.members.get_mut(instance) {
            None => ManagerMessage::Unknown,
            // Its worker was silent about an order: it has to sign up anew.
            Some(member) if member.refused.is_none() && !member.is_well() => {
                self.leave(instance, Presence::Gone);
                ManagerMessage::Unknown
            }
            Some(member) => {
                member.seen = Instant::now();
                match &member.refused {
                    None => ManagerMessage::Ok,
                    Some(reason) => refused(reason.clone()),
                }
            }
        }
    }

    fn leave(&mut self, instance: &str, presence: Presence) {
        let Some(member) = self.members.remove(instance) else {
            return;
        };
        let (worker, pid) = (&member.facts.worker, member.facts.pid);
        match presence {
            Presence::Gone => tracing::warn!(worker, pid, "a worker process is gone"),
            _ => tracing::info!(worker, pid, "a worker process leaves"),
        }
        member.process.depart(presence);
        self.shared.worker(worker).changed.notify_one();
    }

    /// The connection of a host on this machine has ended: no need to wait for signs of life.
    fn hang_up(&mut self, source: &Source) {
        let gone: Vec<String> = self
            .members
            .iter()
            .filter(|(_, member)| member.process.peer.is_of(source))
            .map(|(instance, _)| instance.clone())
            .collect();
        for instance in gone {
            self.leave(&instance, Presence::Gone);
        }
    }

    fn next_lapse(&self) -> Instant {
        let alive = self.shared.config.timing.alive;
        let oldest = self.members.values().map(|member| member.seen).min();
        oldest.unwrap_or_else(Instant::now) + alive
    }

    fn lapse(&mut self) {
        let alive = self.shared.config.timing.alive;
        let now = Instant::now();
        let silent: Vec<String> = self
            .members
            .iter()
            .filter(|(_, member)| now.duration_since(member.seen) >= alive)
            .map(|(instance, _)| instance.clone())
            .collect();
        for instance in silent {
            self.leave(&instance, Presence::Gone);
        }
    }
}

impl Member {
    /// Whether it may have orders, or will when it has signed up.
    fn is_well(&self) -> bool {
        self.refused.is_none() && self.process.presence() == Presence::Present
    }
}

impl Facts {
    fn check(&self, source: &Source) -> Result<(), &'static str> {
        if !is_worker_name(&self.worker) {
            return Err("the worker's name is not 1 to 64 characters of A-Z a-z 0-9 . _ -");
        }
        // Orders go over the line of a host on this machine: it need not listen anywhere.
        let needless = matches!(source, Source::Local(_)) && self.endpoint.is_empty();
        if !needless && !is_endpoint(&self.endpoint) {
            return Err("the endpoint is not tcp://HOST:PORT");
        }
        if !(1..=MAX_CAPACITY).contains(&self.capacity) {
            return Err("the capacity is not 1 to 1024");
        }
        Ok(())
    }
}

fn is_instance(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
