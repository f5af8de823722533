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
use mio::{Interest, Registry, Token};
use provision::api::Fault;
use tracing::field::{DisplayValue, display};

use crate::backoff::Backoff;
use crate::child::{Child, Watch};
use crate::config::{Timing, WorkerName};
use crate::connection::Connection;
use crate::error::Error;
use crate::loss::Loss;
use crate::plea::Pleas;

/// Events of the program's socket.
pub(crate) const PROGRAM: Token = Token(2);

/// Events of its log.
pub(crate) const LOG: Token = Token(3);

/// A program that ends with this code has ended an overrunning order and is to be replaced at once.
const REPLACED: i32 = 75;

/// A program that ends with this code can't use its arguments, its platform or its journal.
const CONFIGURATION: i32 = 78;

/// Pieces of log that are read after a program has exited.
const LAST_WORDS: usize = 16;

/// Starts a program: the process, and the host's end of its socket.
type Start = Box<dyn Fn() -> Result<(Child, std::os::unix::net::UnixStream), Error> + Send>;

/// What is to be kept alive.
pub(crate) struct Charge {
    /// Which worker it is, for the log; a vault is none.
    pub(crate) worker: Option<WorkerName>,
    /// Longest body of a frame in bytes.
    pub(crate) body: usize,
    pub(crate) timing: Timing,
    pub(crate) start: Start,
}

impl Charge {
    fn name(&self) -> Option<DisplayValue<&WorkerName>> {
        self.worker.as_ref().map(display)
    }
}

/// The program, whatever its state.
pub(crate) struct Supervisor {
    charge: Charge,
    registry: Registry,
    /// The process id for others to read; 0 for none.
    pid: Arc<AtomicU32>,
    backoff: Backoff,
    /// Why a vault does not start, if that is what it says.
    pleas: Pleas,
    state: State,
    /// The program has said why no other is to be started.
    barred: bool,
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

impl Supervisor {
    /// Starts the program for the first time; only here is failing to an error.
    pub(crate) fn start(
        charge: Charge,
        registry: Registry,
        pid: Arc<AtomicU32>,
    ) -> Result<Self, Error> {
        let now = Instant::now();
        let timing = &charge.timing;
        let mut this = Self {
            backoff: Backoff::new(timing.first_restart, timing.last_restart),
            pleas: Pleas::default(),
            charge,
            registry,
            pid,
            state: State::Waiting(now),
            barred: false,
            down_since: now,
        };
        this.spawn(now)?;
        Ok(this)
    }

    fn spawn(&mut self, now: Instant) -> Result<(), Error> {
        let refused = "wait for the program";
        let (mut child, stream) = (self.charge.start)()?;
        let stream = UnixStream::from_std(stream);
        let share = self.registry.try_clone();
        let limits = link::Limits {
            body: self.charge.body,
        };
        let connection = share
            .and_then(|registry| Connection::new(stream, registry, PROGRAM, limits))
            .map_err(Error::system(refused))?;
        if let Some(log) = &mut child.log {
            self.registry
                .register(log, LOG, Interest::READABLE)
                .map_err(Error::system(refused))?;
        }
        tracing::info!(
            worker = self.charge.name(),
            pid = child.pid(),
            "started the program"
        );
        self.pid.store(child.pid(), Ordering::Release);
        self.state = State::Starting(child, connection, now + self.charge.timing.start);
        Ok(())
    }

    /// The way to the program, from its start to its loss.
    pub(crate) fn connection(&mut self) -> Option<&mut Connection> {
        match &mut self.state {
            State::Starting(_, connection, _) | State::Serving(_, connection, _) => {
                Some(connection)
            }
            State::Waiting(_) | State::Ending(..) => None,
        }
    }

    /// The way to the program while it welcomes requests.
    pub(crate) fn ready_connection(&self) -> Option<&Connection> {
        match &self.state {
            State::Serving(_, connection, _) => Some(connection),
            _ => None,
        }
    }

    /// Whether requests have waited for a program long enough.
    pub(crate) fn is_patience_over(&self, now: Instant) -> bool {
        self.down_since + self.charge.timing.patience <= now
    }

    /// Whether there is no process.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.state, State::Waiting(_))
    }

    /// Whether it has had its time to become ready.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        matches!(self.state, State::Starting(_, _, until) if until <= now)
    }

    /// When something is due here that no event tells of.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        let own = match &self.state {
            State::Waiting(_) if self.barred => None,
            State::Waiting(at) | State::Starting(_, _, at) => Some(*at),
            State::Ending(_, watch, _) => Some(watch.next),
            State::Serving(..) => return None,
        };
        let patience = self.down_since + self.charge.timing.patience;
        own.into_iter()
            .chain(Some(patience).filter(|at| *at > now))
            .min()
    }

    /// The program has said `Ready`: its process id.
    pub(crate) fn ready(&mut self, now: Instant) -> Result<u32, Loss> {
        let state = std::mem::replace(&mut self.state, State::Waiting(now));
        let State::Starting(child, connection, _) = state else {
            self.state = state;
            return Err(Loss::Conduct("it says Ready twice"));
        };
        let pid = child.pid();
        self.state = State::Serving(child, connection, now);
        self.pleas
            .ready(|line| warn(self.charge.worker.as_ref(), line));
        Ok(pid)
    }

    /// Why a vault that was never ready will not be, whenever it is started.
    pub(crate) fn plea(&self) -> Option<Fault> {
        self.pleas.last()
    }

    /// Whether it has been started, and has not said `Ready`.
    pub(crate) fn is_starting(&self) -> bool {
        matches!(self.state, State::Starting(..))
    }

    /// Closes the program's socket, and kills it if it isn't worth asking. `false` if it had been
    /// closed before.
    pub(crate) fn end(&mut self, why: &Loss, now: Instant) -> bool {
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
            Loss::Foreign => self.bar(pid),
            _ => tracing::warn!(worker = self.charge.name(), pid, "lost the program: {why}"),
        }
        if ready_for.is_some_and(|time| time >= self.charge.timing.settled) {
            self.backoff.reset();
        }
        if why.is_misconduct() {
            child.kill();
        }
        let watch = Watch::new(now, self.charge.timing.grace);
        self.state = State::Ending(child, watch, ready_for.is_some());
        true
    }

    /// The keys that requesters are shown are not the program's: somebody has to look into that.
    fn bar(&mut self, pid: u32) {
        self.barred = true;
        tracing::error!(
            worker = self.charge.name(),
            pid,
            code = "directory.foreign",
            advice =
                "see who has changed it: `sconce keys history`; start the host again when you know",
            "THE WORKER HAS STOPPED, AND IS NOT STARTED AGAIN: its entry in the key directory is not its own"
        );
    }

    /// Doesn't wait for the program to exit by itself any longer.
    pub(crate) fn hurry(&mut self, now: Instant) {
        if let State::Ending(child, watch, _) = &mut self.state {
            child.kill();
            watch.next = now;
        }
    }

    /// Does what is due: looks whether the program has exited, starts the next.
    pub(crate) fn keep_time(&mut self, may_start: bool, now: Instant) {
        if let State::Ending(child, watch, was_ready) = &mut self.state
            && let Some(status) = watch.look(child, now)
        {
            let was_ready = *was_ready;
            self.exited(status, was_ready, now);
        }
        if let State::Waiting(at) = self.state
            && at <= now
            && may_start
            && !self.barred
            && let Err(error) = self.spawn(now)
        {
            let wait = self.backoff.wait();
            tracing::error!(%error, ?wait, "cannot start the program again");
            self.state = State::Waiting(now + wait);
        }
    }

    fn exited(&mut self, status: ExitStatus, was_ready: bool, now: Instant) {
        // Its last words, but not for ever: somebody else may have got hold of its standard error.
        (0..LAST_WORDS)
            .take_while(|_| self.read_log())
            .for_each(drop);
        let wait = match (was_ready, status.code()) {
            (true, Some(REPLACED)) => Duration::ZERO,
            // It can start, so an order has brought it down: the other orders shall not wait long.
            (true, _) => self.backoff.wait().min(self.charge.timing.ready_restart),
            (false, _) => self.backoff.wait(),
        };
        let refused = self.is_vault() && !was_ready && status.code() == Some(CONFIGURATION);
        let worker = self.charge.worker.as_ref();
        let told = self.pleas.ended(refused, |line| warn(worker, line));
        let worker = self.charge.name();
        if self.barred {
            tracing::info!(worker, %status, "the program has exited, and stays away");
        } else if !told {
            tracing::debug!(%status, again_in = ?wait, "the vault ends as it did before");
        } else if status.success() && was_ready {
            tracing::info!(worker, %status, "the program has exited");
        } else {
            tracing::warn!(worker, %status, again_in = ?wait, "the program has exited");
        }
        self.pid.store(0, Ordering::Release);
        self.state = State::Waiting(now + wait);
    }

    /// Logs what the program has written to its standard error. `true` if there may be more without
    /// another event.
    pub(crate) fn read_log(&mut self) -> bool {
        let is_vault = self.is_vault();
        let worker = self.charge.worker.as_ref();
        match &mut self.state {
            State::Starting(child, ..) | State::Ending(child, _, false) if is_vault => {
                child.read_log(|line| self.pleas.hear(line, |line| warn(worker, line)))
            }
            State::Starting(child, ..) | State::Serving(child, ..) | State::Ending(child, ..) => {
                child.read_log(|line| warn(worker, line))
            }
            State::Waiting(_) => false,
        }
    }

    fn is_vault(&self) -> bool {
        self.charge.worker.is_none()
    }
}

/// Logs a line of a program, which says nothing unless something is wrong.
fn warn(worker: Option<&WorkerName>, line: &str) {
    let worker = worker.map(display);
    tracing::warn!(target: "program", worker, "{line}");
}
