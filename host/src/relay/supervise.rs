//! Keeping a program alive: starting it, ending it, starting it again.
//!
//! ```text
//!            start                Ready                  loss
//!  Waiting ─────────▶ Starting ─────────▶ Serving ───────────────▶ Ending
//!     ▲                   │       too slow, or any loss               ▲ │
//!     │                   └───────────────────────────────────────────┘ │
//!     └─────────────────────────────────────────────────────────────────┘
//!                     exited, or was killed after the grace period
//! ```

use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mio::net::UnixStream;
use mio::{Interest, Registry};
use serde::Deserialize;

use super::{LOG, PROGRAM};
use crate::backoff::Backoff;
use crate::child::{self, Child, Watch};
use crate::config::Config;
use crate::connection::Connection;
use crate::error::Error;
use crate::launch::Launcher;
use crate::loss::Loss;
use crate::membership::Worker;

/// A program that ends with this code has ended an overrunning order and is to be replaced at once.
const REPLACED: i32 = 75;

/// Most orders that a manager is asked to have in flight with one host.
const MOST_CAPACITY: u32 = 1024;

/// Pieces of log that are read after a program has exited.
const LAST_WORDS: usize = 16;

/// The program, whatever its state.
pub(super) struct Supervisor {
    config: Arc<Config>,
    launcher: Launcher,
    registry: Registry,
    /// The process id for others to read; 0 for none.
    pid: Arc<AtomicU32>,
    backoff: Backoff,
    state: State,
    /// Since when requests have had to wait for a program.
    down_since: Instant,
}

enum State {
    /// There is no program; one is started at that time.
    Waiting(Instant),
    /// It hasn't said `Ready`, and must by then.
    Starting(Child, Connection, Instant),
    /// It has been ready since then.
    Serving(Child, Connection, Instant),
    /// Its socket is closed. The flag: it's owed a quick replacement if it asks for one.
    Ending(Child, Watch, bool),
}

/// The body of a `Ready` frame.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ready {
    worker: String,
    threads: u32,
    keys: String,
    /// Longest time limit of its workloads, in seconds.
    longest: u32,
}

impl Supervisor {
    /// Starts the program for the first time; only here is failing to an error.
    pub(super) fn start(
        config: Arc<Config>,
        registry: Registry,
        pid: Arc<AtomicU32>,
    ) -> Result<Self, Error> {
        let now = Instant::now();
        let mut this = Self {
            backoff: Backoff::new(config.timing.first_restart, config.timing.last_restart),
            launcher: Launcher::new(&config.program)?,
            config,
            registry,
            pid,
            state: State::Waiting(now),
            down_since: now,
        };
        this.spawn(now)?;
        Ok(this)
    }

    fn spawn(&mut self, now: Instant) -> Result<(), Error> {
        let refused = "wait for the program";
        let (mut child, stream) = child::start(&self.config, &self.launcher)?;
        let stream = UnixStream::from_std(stream);
        let share = self.registry.try_clone();
        let limits = link::Limits {
            body: self.config.limits.body,
        };
        let connection = share
            .and_then(|registry| Connection::new(stream, registry, PROGRAM, limits))
            .map_err(Error::system(refused))?;
        if let Some(log) = &mut child.log {
            self.registry
                .register(log, LOG, Interest::READABLE)
                .map_err(Error::system(refused))?;
        }
        tracing::info!(worker = %self.config.worker, pid = child.pid(), "started the program");
        self.pid.store(child.pid(), Ordering::Release);
        self.state = State::Starting(child, connection, now + self.config.timing.start);
        Ok(())
    }

    /// The way to the program, from its start to its loss.
    pub(super) fn connection(&mut self) -> Option<&mut Connection> {
        match &mut self.state {
            State::Starting(_, connection, _) | State::Serving(_, connection, _) => {
                Some(connection)
            }
            State::Waiting(_) | State::Ending(..) => None,
        }
    }

    /// The way to the program while it welcomes requests.
    pub(super) fn ready_connection(&self) -> Option<&Connection> {
        match &self.state {
            State::Serving(_, connection, _) => Some(connection),
            _ => None,
        }
    }

    /// Whether requests have waited for a program long enough.
    pub(super) fn is_patience_over(&self, now: Instant) -> bool {
        self.down_since + self.config.timing.patience <= now
    }

    /// Whether there is no process.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.state, State::Waiting(_))
    }

    /// Whether it has had its time to become ready.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        matches!(self.state, State::Starting(_, _, until) if until <= now)
    }

    /// When something is due here that no event tells of.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let own = match &self.state {
            State::Waiting(at) | State::Starting(_, _, at) => Some(*at),
            State::Ending(_, watch, _) => Some(watch.next),
            State::Serving(..) => return None,
        };
        let patience = self.down_since + self.config.timing.patience;
        own.into_iter()
            .chain(Some(patience).filter(|at| *at > now))
            .min()
    }

    /// Takes in the program's `Ready`: what to tell the manager of it.
    pub(super) fn ready(
        &mut self,
        body: &[u8],
        endpoint: Option<&str>,
        now: Instant,
    ) -> Result<Worker, Loss> {
        let ready: Ready = serde_json::from_slice(body).map_err(|_| {
            Loss::Conduct("its Ready is not readable; the program may be of another release")
        })?;
        if ready.worker != self.config.worker.as_str() {
            return Err(Loss::Conduct("it is another worker than it should be"));
        }
        let state = std::mem::replace(&mut self.state, State::Waiting(now));
        let State::Starting(child, connection, _) = state else {
            self.state = state;
            return Err(Loss::Conduct("it says Ready twice"));
        };
        let threads = ready.threads;
        let keys = ready.keys.escape_debug().to_string();
        tracing::info!(worker = %self.config.worker, pid = child.pid(), threads, keys, "the program is ready");
        let worker = Worker {
            name: ready.worker,
            endpoint: endpoint.unwrap_or_default().to_owned(),
            capacity: threads
                .saturating_mul(self.config.pipelining)
                .clamp(1, MOST_CAPACITY),
            pid: child.pid(),
            longest: Duration::from_secs(ready.longest.into()),
            patience: self.patience(ready.longest),
        };
        self.state = State::Serving(child, connection, now);
        Ok(worker)
    }

    /// Closes the program's socket, and kills it if it isn't worth asking. `false` if it had been
    /// closed before.
    pub(super) fn end(&mut self, why: &Loss, now: Instant) -> bool {
        let state = std::mem::replace(&mut self.state, State::Waiting(now));
        let (mut child, ready_for) = match state {
            State::Starting(child, _connection, _) => (child, None),
            State::Serving(child, _connection, since) => {
                self.down_since = now;
                (child, Some(now.duration_since(since)))
            }
            State::Waiting(_) | State::Ending(..) => {
                self.state = state;
                return false;
            }
        };
        let pid = child.pid();
        match why {
            Loss::Unwanted => tracing::info!(pid, "stopping the program"),
            // Its exit is worth a warning, with the status and its last words before it.
            Loss::Closed => tracing::debug!(pid, "lost the program: {why}"),
            _ => tracing::warn!(worker = %self.config.worker, pid, "lost the program: {why}"),
        }
        if ready_for.is_some_and(|time| time >= self.config.timing.settled) {
            self.backoff.reset();
        }
        if why.is_misconduct() {
            child.kill();
        }
        let watch = Watch::new(now, self.config.timing.grace);
        self.state = State::Ending(child, watch, ready_for.is_some());
        true
    }

    /// Doesn't wait for the program to exit by itself any longer.
    pub(super) fn hurry(&mut self, now: Instant) {
        if let State::Ending(child, watch, _) = &mut self.state {
            child.kill();
            watch.next = now;
        }
    }

    /// Does what is due: looks whether the program has exited, starts the next.
    pub(super) fn keep_time(&mut self, may_start: bool, now: Instant) {
        if let State::Ending(child, watch, was_ready) = &mut self.state
            && let Some(status) = watch.look(child, now)
        {
            let was_ready = *was_ready;
            self.exited(status, was_ready, now);
        }
        if let State::Waiting(at) = self.state
            && at <= now
            && may_start
            && let Err(error) = self.spawn(now)
        {
            let wait = self.backoff.wait();
            tracing::error!(%error, ?wait, "cannot start the program again");
            self.state = State::Waiting(now + wait);
        }
    }

    /// How long the manager shall wait for an order, in seconds: for those before it on its thread,
    /// each of which may take the longest time, and as long as the host bears with silence.
    fn patience(&self, longest: u32) -> u32 {
        let margin = u32::try_from(self.config.timing.silence.as_secs()).unwrap_or(u32::MAX);
        longest
            .saturating_mul(self.config.pipelining)
            .saturating_add(margin)
    }

    fn exited(&mut self, status: ExitStatus, was_ready: bool, now: Instant) {
        // Its last words, but not for ever: somebody else may have got hold of its standard error.
        (0..LAST_WORDS)
            .take_while(|_| self.read_log())
            .for_each(drop);
        let wait = match (was_ready, status.code()) {
            (true, Some(REPLACED)) => Duration::ZERO,
            // It can start, so an order has brought it down: the other orders shall not wait long.
            (true, _) => self.backoff.wait().min(self.config.timing.ready_restart),
            (false, _) => self.backoff.wait(),
        };
        let worker = &self.config.worker;
        if status.success() && was_ready {
            tracing::info!(%worker, %status, "the program has exited");
        } else {
            tracing::warn!(%worker, %status, again_in = ?wait, "the program has exited");
        }
        self.pid.store(0, Ordering::Release);
        self.state = State::Waiting(now + wait);
    }

    /// Logs what the program has written to its standard error. `true` if there may be more without
    /// another event.
    pub(super) fn read_log(&mut self) -> bool {
        let worker = &self.config.worker;
        match &mut self.state {
            State::Starting(child, ..) | State::Serving(child, ..) | State::Ending(child, ..) => {
                // It says nothing unless something is wrong.
                child.read_log(|line| tracing::warn!(target: "program", %worker, "{line}"))
            }
            State::Waiting(_) => false,
        }
    }
}
