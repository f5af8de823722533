//! The one thread of a host: waits for whatever happens next and carries it on.
//!
//! It waits in one place ([`Relay::wait`]), for the sockets, the program's log, a request to stop
//! and the nearest deadline, and never anywhere else. What the program's state means is in
//! [`supervise`](crate::supervise); this module moves frames.

use std::cell::LazyCell;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use link::{Frame, Kind};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use provision::relay::Told;

use crate::child;
use crate::config::Config;
use crate::error::Error;
use crate::flight::Flight;
use crate::front::{Envelope, Front, Received};
use crate::key_keeper::KeyKeeper;
use crate::launch::{Launcher, Profile};
use crate::local::Ticket;
use crate::lookout::Lookout;
use crate::loss::Loss;
use crate::membership::Membership;
use crate::outfit::Outfit;
use crate::ready::Ready;
use crate::replies;
use crate::supervise::{Charge, LOG, PROGRAM, Supervisor};

const FRONT: Token = Token(0);
const MANAGER: Token = Token(1);
// 2 and 3 are the supervisor's.
const STOP: Token = Token(4);
const VAULT: Token = Token(5);
const DIRECTORY: Token = Token(6);

/// Messages taken from peers before the program's answers get their turn.
const BATCH: usize = 64;

/// A deadline that is noticed so late was slept through: the machine was paused, not the program.
const PAUSED: Duration = Duration::from_secs(1);

/// A host.
pub(crate) struct Relay {
    config: Arc<Config>,
    poll: Poll,
    /// Absent where the manager's own line is the only way in.
    front: Option<Front>,
    membership: Option<Membership>,
    flight: Flight<Asker>,
    /// When the program last said something, or was last without requests.
    heard: Instant,
    /// How long it may say nothing while it has requests.
    silence: Duration,
    program: Supervisor,
    /// Where the program's keys come from.
    keeper: KeyKeeper,
    /// Fetches what the key directory says of the worker, if there is one.
    lookout: Option<Lookout>,
    stop: UnixStream,
    stopping: Stopping,
    /// Something is known to be left to do, so don't wait for an event.
    busy: bool,
    /// There may be more of the program's log to read, without another event.
    log_left: bool,
}

/// Who asks, and where the answer goes.
enum Asker {
    /// A peer of the ZeroMQ socket.
    Peer(Envelope),
    /// The manager, on its own line.
    Manager(Ticket),
}

/// Whether the host is being shut down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stopping {
    No,
    /// No new requests; those in flight may be answered until then.
    Draining(Instant),
    /// The program has been told to exit, or has.
    Closing,
}

/// What is done with the next request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Intake {
    Forward,
    /// Leave it where it is.
    Hold,
    /// Answer that there is no worker.
    Refuse,
}

impl Relay {
    /// Binds the socket if there is to be one, starts the program, and is ready to [`run`](Self::run).
    pub(crate) fn start(
        config: Config,
        stop: UnixStream,
        pid: Arc<AtomicU32>,
    ) -> Result<Self, Error> {
        let poll = Poll::new().map_err(Error::system("make an event queue"))?;
        // A host that speaks no ZeroMQ has nothing of it, no thread either.
        let context: LazyCell<zmq::Context> = LazyCell::new(zmq::Context::new);
        let front = config
            .front()
            .map(|endpoint| Front::bind(&context, endpoint, config.limits))
            .transpose()?;
        if let Some(front) = &front {
            register(&poll, front.descriptor()?, FRONT)?;
        }
        let membership = match &config.manager {
            None => None,
            Some(manager) => {
                let registry = poll.registry();
                let connected = Membership::connect(&context, manager, &config, registry, MANAGER)?;
                Some(connected)
            }
        };
        register(&poll, stop.as_raw_fd(), STOP)?;

        let silence = config.timing.silence;
        let config = Arc::new(config);
        let registry = poll
            .registry()
            .try_clone()
            .map_err(Error::system("share an event queue"))?;
        let launcher = Launcher::new(&config.program, Profile::Worker)?;
        let keeper = KeyKeeper::new(&config, &launcher, poll.registry(), VAULT)?;
        let lookout = config
            .directory
            .as_ref()
            .map(|directory| Lookout::start(directory, &config.worker, poll.registry(), DIRECTORY));
        let lookout = lookout.transpose()?;
        let program = Supervisor::start(charge(launcher, &config), registry, pid)?;
        match front.as_ref().map(Front::endpoint) {
            Some(endpoint) => {
                tracing::info!(worker = %config.worker, endpoint, "host is listening");
            }
            None => {
                tracing::info!(worker = %config.worker, "host takes requests from its manager alone");
            }
        }
        Ok(Self {
            config,
            poll,
            front,
            membership,
            flight: Flight::default(),
            heard: Instant::now(),
            silence,
            program,
            keeper,
            lookout,
            stop,
            stopping: Stopping::No,
            busy: true,
            log_left: false,
        })
    }

    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.front.as_ref().map(Front::endpoint)
    }

    /// Relays until it's told to stop.
    pub(crate) fn run(mut self) -> Result<(), Error> {
        let mut events = Events::with_capacity(16);
        loop {
            let now = Instant::now();
            self.keep_time(now);
            if self.stopping == Stopping::Closing && self.program.is_gone() {
                tracing::info!(worker = %self.config.worker, "host has stopped");
                return Ok(());
            }
            self.read_log();
            self.take_requests_of_manager(now);
            self.take_requests(now)?;
            self.write_to_program(now);
            self.write_to_manager(now);
            self.wait(&mut events)?;

            let now = Instant::now();
            for event in &events {
                match event.token() {
                    MANAGER => {
                        let closed = event.is_read_closed() || event.is_error();
                        self.hear_manager(event.is_writable(), closed, now);
                    }
                    PROGRAM => {
                        if event.is_writable() {
                            self.unblock_program(now);
                        }
                        let closed = event.is_read_closed() || event.is_error();
                        if event.is_readable() || closed {
                            self.read_from_program(closed, now);
                        }
                    }
                    LOG => self.log_left = true,
                    STOP => self.hear_stop(now),
                    VAULT => self.hear_vault(now),
                    DIRECTORY => self.hear_directory(now),
                    // Requests are taken on every turn.
                    _ => (),
                }
            }
        }
    }

    /// Waits for an event or the nearest deadline. The only place where the thread sleeps.
    fn wait(&mut self, events: &mut Events) -> Result<(), Error> {
        let timeout = if std::mem::take(&mut self.busy) {
            Some(Duration::ZERO)
        } else {
            let now = Instant::now();
            self.deadline(now)
                .map(|at| at.saturating_duration_since(now))
        };
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                Err(Error::system("wait for events")(error))
            }
            _ => Ok(()),
        }
    }

    /// When the program will have been silent for too long.
    fn silent_at(&self) -> Option<Instant> {
        let waits = !self.flight.is_empty();
        waits.then(|| self.heard + self.silence)
    }

    fn deadline(&self, now: Instant) -> Option<Instant> {
        let drain = match self.stopping {
            Stopping::Draining(until) => Some(until),
            Stopping::No | Stopping::Closing => None,
        };
        let manager = self.membership.as_ref().and_then(Membership::due);
        [drain, manager, self.silent_at(), self.program.deadline(now)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due by now.
    fn keep_time(&mut self, now: Instant) {
        if self.program.is_overdue(now) {
            self.lose(&Loss::Slow, now);
        } else if let Some(at) = self.silent_at().filter(|at| *at <= now) {
            if now.duration_since(at) > PAUSED {
                // This process was stopped meanwhile, and the program perhaps with it.
                self.heard = now;
            } else {
                self.lose(&Loss::Silent, now);
            }
        }
        self.program.keep_time(self.stopping == Stopping::No, now);
        if let Some(membership) = &mut self.membership {
            membership.turn(now);
        }
        if let Stopping::Draining(until) = self.stopping
            && (self.flight.is_empty() || until <= now)
        {
            self.close(now);
        }
    }

    fn intake(&mut self, now: Instant) -> Intake {
        if self.stopping != Stopping::No {
            return Intake::Hold;
        }
        let room = self.flight.len() < self.config.limits.in_flight;
        match self.program.ready_connection() {
            Some(connection) if room && connection.pending() < self.config.limits.outgoing => {
                Intake::Forward
            }
            Some(_) => Intake::Hold,
            None if self.program.is_patience_over(now) => Intake::Refuse,
            None => Intake::Hold,
        }
    }

    /// Takes requests that the manager sends on its own line, as many as the program has room for,
    /// unless it leaves answers unread.
    fn take_requests_of_manager(&mut self, now: Instant) {
        for _ in 0..BATCH {
            let intake = self.intake(now);
            let outgoing = self.config.limits.outgoing;
            let Some(membership) = &mut self.membership else {
                return;
            };
            if intake == Intake::Hold || membership.pending() >= outgoing {
                return;
            }
            let Some((ticket, body)) = membership.request(now) else {
                return;
            };
            let asker = Asker::Manager(ticket);
            if intake == Intake::Refuse {
                self.reply(asker, replies::not_started());
            } else {
                self.forward(asker, &body, now);
            }
        }
        self.busy = true;
    }

    /// Takes requests from peers, as many as the program has room for.
    fn take_requests(&mut self, now: Instant) -> Result<(), Error> {
        for _ in 0..BATCH {
            let intake = self.intake(now);
            if intake == Intake::Hold {
                return Ok(());
            }
            let Some(front) = &self.front else {
                return Ok(());
            };
            match front.receive()? {
                Received::Nothing => return Ok(()),
                Received::Unusable(why) => tracing::debug!(why, "dropped a message"),
                Received::TooLong(envelope) => front.reply(envelope, replies::too_long()),
                Received::Request(envelope, _) if intake == Intake::Refuse => {
                    front.reply(envelope, replies::not_started());
                }
                Received::Request(envelope, body) => {
                    self.forward(Asker::Peer(envelope), &body, now);
                }
            }
        }
        self.busy = true;
        Ok(())
    }

    fn reply(&mut self, asker: Asker, body: Vec<u8>) {
        match asker {
            Asker::Peer(envelope) => {
                if let Some(front) = &self.front {
                    front.reply(envelope, body);
                }
            }
            Asker::Manager(ticket) => {
                if let Some(membership) = &mut self.membership {
                    membership.answer(ticket, &body);
                }
            }
        }
    }

    fn forward(&mut self, asker: Asker, body: &[u8], now: Instant) {
        let Some(connection) = self.program.connection() else {
            self.reply(asker, replies::not_started());
            return;
        };
        if self.flight.is_empty() {
            self.heard = now;
        }
        let tag = self.flight.insert(asker);
        if let Err(loss) = connection.queue(Kind::Request, tag, body) {
            self.lose(&loss, now);
        }
    }

    fn unblock_program(&mut self, now: Instant) {
        if let Some(connection) = self.program.connection()
            && let Err(loss) = connection.unblock()
        {
            self.lose(&loss, now);
        }
    }

    fn write_to_program(&mut self, now: Instant) {
        let Some(connection) = self.program.connection() else {
            return;
        };
        if let Err(loss) = connection.flush() {
            // What it sent before it stopped reading still counts.
            self.read_from_program(true, now);
            self.lose(&loss, now);
        }
    }

    fn read_from_program(&mut self, closed: bool, now: Instant) {
        if let Err(loss) = self.try_read_from_program(closed, now) {
            self.lose(&loss, now);
        }
    }

    fn try_read_from_program(&mut self, closed: bool, now: Instant) -> Result<(), Loss> {
        self.heard = now;
        let mut more = true;
        while more {
            let Some(connection) = self.program.connection() else {
                return Ok(());
            };
            more = connection.fill(closed)?;
            while let Some(connection) = self.program.connection()
                && let Some(frame) = connection.frame()?
            {
                self.hear_program(frame, now)?;
            }
        }
        Ok(())
    }

    fn hear_program(&mut self, frame: Frame, now: Instant) -> Result<(), Loss> {
        match frame.kind {
            Kind::Response => {
                let asker = self.answered(frame.tag)?;
                self.reply(asker, frame.body);
            }
            Kind::Returned => {
                let asker = self.answered(frame.tag)?;
                self.reply(asker, replies::not_started());
            }
            Kind::Ask => self.hear_question(frame.tag, &frame.body, now)?,
            Kind::Ready => {
                let ready = Ready::parse(&frame.body, &self.config)?;
                let pid = self.program.ready(now)?;
                let endpoint = self.front.as_ref().map(Front::endpoint);
                let worker = ready.worker(&self.config, endpoint, pid);
                self.silence = worker.longest + self.config.timing.silence;
                if let (Some(membership), Stopping::No) = (&mut self.membership, self.stopping) {
                    membership.join(worker, now);
                }
                if let Some(lookout) = &self.lookout {
                    lookout.begin();
                }
            }
            Kind::Ending if frame.body == link::ending::DIRECTORY.as_bytes() => {
                self.lose(&Loss::Foreign, now);
            }
            Kind::Ending => {
                let reason = String::from_utf8_lossy(&frame.body).into_owned();
                self.lose(&Loss::Ending(reason), now);
            }
            Kind::Request | Kind::Member | Kind::Told | Kind::Entry => {
                return Err(Loss::Conduct("a frame that no program sends"));
            }
        }
        Ok(())
    }

    /// The program asks for its keys, by way of its vault.
    fn hear_question(&mut self, tag: u64, body: &[u8], now: Instant) -> Result<(), Loss> {
        if !self.program.is_starting() {
            return Err(Loss::Conduct("it asks for keys after it was ready"));
        }
        if let Some(told) = self.keeper.ask(tag, body)? {
            self.tell(tag, &told, now);
        }
        Ok(())
    }

    /// The vault has answered.
    fn hear_vault(&mut self, now: Instant) {
        if let Some((tag, told)) = self.keeper.answer() {
            self.tell(tag, &told, now);
        }
    }

    /// The key directory has answered: the program is to see it, unless it has much to read already.
    fn hear_directory(&mut self, now: Instant) {
        let Some(entry) = self.lookout.as_mut().and_then(Lookout::receive) else {
            return;
        };
        if let Some(connection) = self.program.connection()
            && connection.pending() < self.config.limits.outgoing
            && let Err(loss) = connection.queue(Kind::Entry, 0, &entry)
        {
            self.lose(&loss, now);
        }
    }

    fn tell(&mut self, tag: u64, told: &Told, now: Instant) {
        if let Some(connection) = self.program.connection()
            && let Err(loss) = connection.queue(Kind::Told, tag, &told.to_json())
        {
            self.lose(&loss, now);
        }
    }

    fn answered(&mut self, tag: u64) -> Result<Asker, Loss> {
        self.flight.remove(tag).ok_or(Loss::Conduct(
            "an answer to a request that it does not have",
        ))
    }

    /// Reads a piece of the program's log, if there is any. The rest waits for the next turn, so that
    /// a talkative program can't keep requests waiting.
    fn read_log(&mut self) {
        if std::mem::take(&mut self.log_left) {
            self.log_left = self.program.read_log();
            self.busy |= self.log_left;
        }
    }

    /// The program is of no use any more: tells everybody who counts on it.
    fn lose(&mut self, why: &Loss, now: Instant) {
        if !self.program.end(why, now) {
            return;
        }
        self.keeper.forget();
        if let Some(lookout) = &self.lookout {
            lookout.forget();
        }
        if let Some(membership) = &mut self.membership {
            membership.leave();
        }
        for asker in self.flight.drain() {
            self.reply(asker, replies::lost());
        }
        self.busy = true;
    }

    fn hear_manager(&mut self, writable: bool, closed: bool, now: Instant) {
        if let Some(membership) = &mut self.membership {
            membership.wake(writable, closed, now);
            membership.turn(now);
        }
    }

    fn write_to_manager(&mut self, now: Instant) {
        if let Some(membership) = &mut self.membership {
            membership.flush(now);
        }
    }

    /// The first request to stop begins the shutdown, any other ends its waiting.
    fn hear_stop(&mut self, now: Instant) {
        let mut bytes = [0; 16];
        let count = self.stop.read(&mut bytes).unwrap_or(0);
        if count > 0 && self.stopping == Stopping::No {
            tracing::info!(in_flight = self.flight.len(), "host is stopping");
            self.stopping = Stopping::Draining(now + self.config.timing.drain);
            if let Some(membership) = &mut self.membership {
                membership.leave();
            }
        } else if count > 0 {
            self.close(now);
            self.program.hurry(now);
        }
    }

    /// Ends the shutdown's waiting for answers.
    fn close(&mut self, now: Instant) {
        self.stopping = Stopping::Closing;
        self.lose(&Loss::Unwanted, now);
    }
}

/// The program of this host, to be kept alive.
fn charge(launcher: Launcher, config: &Arc<Config>) -> Charge {
    let start = {
        let config = Arc::clone(config);
        move || child::start(&launcher, Outfit::of_worker(&config))
    };
    Charge {
        worker: Some(config.worker.clone()),
        body: config.limits.body,
        timing: config.timing,
        start: Box::new(start),
    }
}

fn register(poll: &Poll, descriptor: RawFd, token: Token) -> Result<(), Error> {
    poll.registry()
        .register(&mut SourceFd(&descriptor), token, Interest::READABLE)
        .map_err(Error::system("wait for a socket"))
}
