//! The thread that keeps a vault's program alive.

use std::io::{ErrorKind, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Instant;

use link::{Frame, Kind};
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use serde::Deserialize;

use super::Config;
use crate::child;
use crate::error::Error;
use crate::launch::{Launcher, Profile};
use crate::loss::Loss;
use crate::outfit::Outfit;
use crate::supervise::{Charge, LOG, PROGRAM, Supervisor};

const STOP: Token = Token(4);

/// Longest body of a frame: a vault says little.
const BODY: usize = 64 * 1024;

/// The body of a vault's `Ready` frame.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ready {
    /// The vault's own name.
    realm: String,
}

/// The host of a vault.
pub(crate) struct Keeper {
    poll: Poll,
    program: Supervisor,
    stop: UnixStream,
    stopping: bool,
    /// There may be more of the program's log to read, without another event.
    log_left: bool,
}

impl Keeper {
    /// Starts the program, and is ready to [`run`](Self::run).
    pub(crate) fn start(
        config: Config,
        stop: UnixStream,
        pid: Arc<AtomicU32>,
    ) -> Result<Self, Error> {
        let poll = Poll::new().map_err(Error::system("make an event queue"))?;
        let registry = poll.registry();
        registry
            .register(&mut SourceFd(&stop.as_raw_fd()), STOP, Interest::READABLE)
            .map_err(Error::system("wait for a socket"))?;
        let registry = registry
            .try_clone()
            .map_err(Error::system("share an event queue"))?;
        let program = Supervisor::start(charge(config)?, registry, pid)?;
        Ok(Self {
            poll,
            program,
            stop,
            stopping: false,
            log_left: false,
        })
    }

    /// Keeps it alive until it's told to stop.
    pub(crate) fn run(mut self) -> Result<(), Error> {
        let mut events = Events::with_capacity(16);
        loop {
            let now = Instant::now();
            if self.program.is_overdue(now) {
                self.program.end(&Loss::Slow, now);
            }
            self.program.keep_time(!self.stopping, now);
            if let Some(fault) = self.program.plea() {
                return Err(Error::Vault(fault.into()));
            }
            if self.stopping && self.program.is_gone() {
                tracing::info!("the vault's host has stopped");
                return Ok(());
            }
            if std::mem::take(&mut self.log_left) {
                self.log_left = self.program.read_log();
            }
            self.wait(&mut events, now)?;
            let now = Instant::now();
            for event in &events {
                match event.token() {
                    PROGRAM => self.hear_program(event, now),
                    LOG => self.log_left = true,
                    STOP => self.hear_stop(now),
                    _ => (),
                }
            }
        }
    }

    fn wait(&mut self, events: &mut Events, now: Instant) -> Result<(), Error> {
        let due = if self.log_left {
            Some(now)
        } else {
            self.program.deadline(now)
        };
        let timeout = due.map(|at| at.saturating_duration_since(now));
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                Err(Error::system("wait for events")(error))
            }
            _ => Ok(()),
        }
    }

    fn hear_program(&mut self, event: &Event, now: Instant) {
        let closed = event.is_read_closed() || event.is_error();
        if let Err(loss) = self.read_from_program(closed, now) {
            self.program.end(&loss, now);
        }
    }

    fn read_from_program(&mut self, closed: bool, now: Instant) -> Result<(), Loss> {
        let mut more = true;
        while more {
            let Some(connection) = self.program.connection() else {
                return Ok(());
            };
            more = connection.fill(closed)?;
            while let Some(connection) = self.program.connection()
                && let Some(frame) = connection.frame()?
            {
                self.take_in(frame, now)?;
            }
        }
        Ok(())
    }

    fn take_in(&mut self, frame: Frame, now: Instant) -> Result<(), Loss> {
        match frame.kind {
            Kind::Ready => {
                let ready: Ready = serde_json::from_slice(&frame.body).map_err(|_| {
                    Loss::Conduct("its Ready is not readable; the vault may be of another release")
                })?;
                let pid = self.program.ready(now)?;
                let realm = ready.realm.escape_debug();
                tracing::info!(pid, %realm, "the vault is ready");
                Ok(())
            }
            Kind::Ending => {
                let reason = String::from_utf8_lossy(&frame.body).into_owned();
                Err(Loss::Ending(reason))
            }
            _ => Err(Loss::Conduct("a frame that no vault sends")),
        }
    }

    /// The first request to stop ends the program, any other doesn't wait for that.
    fn hear_stop(&mut self, now: Instant) {
        let mut bytes = [0; 16];
        if self.stop.read(&mut bytes).unwrap_or(0) == 0 {
            return;
        }
        if std::mem::replace(&mut self.stopping, true) {
            self.program.hurry(now);
        } else {
            tracing::info!("the vault's host is stopping");
            self.program.end(&Loss::Unwanted, now);
        }
    }
}

/// The program of this host, to be kept alive.
fn charge(config: Config) -> Result<Charge, Error> {
    let launcher = Launcher::new(&config.enclave.clone().into(), Profile::Vault)?;
    Ok(Charge {
        worker: None,
        body: BODY,
        timing: config.timing,
        start: Box::new(move || child::start(&launcher, Outfit::of_vault(&config)?)),
    })
}
