//! Telling the manager that a worker is there, still there, or gone.

use std::cell::LazyCell;
use std::os::fd::RawFd;
use std::path::Path;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use protocol::membership::{HostMessage, LOCAL, ManagerMessage};
use protocol::{Entropy, SystemEntropy};
use zmq::{DONTWAIT, Socket};

use crate::backoff::Backoff;
use crate::config::Config;
use crate::error::Error;
use crate::local::{Heard, Local, Ticket};

/// How long ZeroMQ tries to send the last `Leave` after the socket is closed, in milliseconds.
const LINGER: i32 = 500;

/// First and longest wait before connecting again to a manager that has gone, in milliseconds.
const RECONNECT: (i32, i32) = (50, 1000);

/// The same for a manager on this machine.
const AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Heartbeats between two attempts to join after a refusal.
const AFTER_REFUSAL: u32 = 5;

/// Longest frame that a manager may send, in bytes.
const LONGEST: i64 = 16 * 1024;

/// Unsent messages that ZeroMQ keeps. Older ones would say nothing that the next doesn't.
const KEPT: i32 = 4;

/// What the manager needs to know to use a worker.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) name: String,
    /// Empty if orders can come on the manager's line alone.
    pub(crate) endpoint: String,
    pub(crate) capacity: u32,
    pub(crate) pid: u32,
    /// The longest time limit of its workloads.
    pub(crate) longest: Duration,
    /// Seconds that an order may take, waiting behind others included.
    pub(crate) patience: u32,
}

/// The conversation with the manager. It never waits: messages are sent when they are due, answers
/// are read when they are there, and a manager that's away is told everything again when it's back.
pub(crate) struct Membership {
    line: Line,
    token: String,
    instance: String,
    heartbeat: Duration,
    state: State,
    due: Option<Instant>,
    /// The last message could not be sent: there was no connection.
    unsent: bool,
    /// Waits between attempts to reach a manager on this machine.
    again: Backoff,
}

/// How the manager is reached.
enum Line {
    /// Anywhere: by a `DEALER` socket, which connects by itself. Orders come to the host's own.
    ZeroMq(Socket),
    /// On this machine.
    Local(Box<Local>),
}

enum State {
    /// There is no worker to speak of.
    Away,
    /// The manager should know of the worker and hasn't said that it does.
    Joining(Worker),
    /// The manager knows.
    Member(Worker),
}

impl Membership {
    /// Reaches for the manager at `endpoint`, whose events come as `event`.
    pub(crate) fn connect(
        context: &LazyCell<zmq::Context>,
        endpoint: &str,
        config: &Config,
        registry: &Registry,
        event: Token,
    ) -> Result<Self, Error> {
        let line = match endpoint.strip_prefix(LOCAL) {
            Some(path) => {
                let registry = registry.try_clone();
                let registry = registry.map_err(Error::system("share an event queue"))?;
                let limits = link::Limits {
                    body: config.limits.body,
                };
                let local = Local::new(Path::new(path).into(), registry, event, limits);
                Line::Local(Box::new(local))
            }
            None => {
                let socket = dealer(context, endpoint)?;
                let descriptor: RawFd = socket.get_fd()?;
                registry
                    .register(&mut SourceFd(&descriptor), event, Interest::READABLE)
                    .map_err(Error::system("wait for a socket"))?;
                Line::ZeroMq(socket)
            }
        };
        Ok(Self {
            line,
            token: config.token.clone().ok_or(Error::Token)?,
            instance: instance()?,
            heartbeat: config.timing.heartbeat,
            state: State::Away,
            due: None,
            unsent: false,
            again: Backoff::new(AGAIN.0, AGAIN.1),
        })
    }

    /// The worker is there: join.
    pub(crate) fn join(&mut self, worker: Worker, now: Instant) {
        self.state = State::Joining(worker);
        self.due = Some(now);
    }

    /// The worker is gone: leave, unless the manager doesn't know of it anyway.
    pub(crate) fn leave(&mut self) {
        if !matches!(self.state, State::Away) {
            self.send(&HostMessage::Leave {
                token: self.token.clone(),
                instance: self.instance.clone(),
            });
        }
        self.state = State::Away;
        self.due = None;
    }

    /// Something has happened on the line: something arrived, or the manager is connected (again).
    pub(crate) fn wake(&mut self, writable: bool, closed: bool, now: Instant) {
        match &mut self.line {
            Line::Local(local) => local.wake(writable, closed),
            Line::ZeroMq(_) if std::mem::take(&mut self.unsent) && self.due.is_some() => {
                self.due = Some(now);
            }
            Line::ZeroMq(_) => {}
        }
    }

    /// The next request that the manager sends on its own line; messages before it are heard.
    pub(crate) fn request(&mut self, now: Instant) -> Option<(Ticket, Vec<u8>)> {
        let Line::Local(local) = &mut self.line else {
            return None;
        };
        let heard = local.hear();
        self.notice_loss(now);
        match heard? {
            Heard::Request(ticket, body) => Some((ticket, body)),
            Heard::Message(text) => {
                self.hear(&text, now);
                self.request(now)
            }
        }
    }

    /// Answers such a request.
    pub(crate) fn answer(&mut self, ticket: Ticket, body: &[u8]) {
        if let Line::Local(local) = &mut self.line {
            local.answer(ticket, body);
        }
    }

    /// Writes what is still to be written.
    pub(crate) fn flush(&mut self, now: Instant) {
        if let Line::Local(local) = &mut self.line {
            local.flush();
            self.notice_loss(now);
        }
    }

    /// Bytes of answers that the manager hasn't taken.
    pub(crate) fn pending(&self) -> usize {
        match &self.line {
            Line::Local(local) => local.pending(),
            Line::ZeroMq(_) => 0,
        }
    }

    /// A manager whose connection has ended knows nothing of the worker any more.
    fn notice_loss(&mut self, now: Instant) {
        let Line::Local(local) = &mut self.line else {
            return;
        };
        if !local.take_loss() {
            return;
        }
        self.state = match std::mem::replace(&mut self.state, State::Away) {
            State::Away => State::Away,
            State::Joining(worker) | State::Member(worker) => {
                self.due = Some(now + self.again.wait());
                State::Joining(worker)
            }
        };
    }

    /// When [`turn`](Self::turn) has something to do, if nothing arrives before.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Reads what the manager has said and sends what is due.
    ///
    /// The descriptor tells only of *changes*, and sending may swallow one; so this reads last.
    pub(crate) fn turn(&mut self, now: Instant) {
        loop {
            self.read(now);
            if self.due.is_none_or(|due| due > now) {
                return;
            }
            self.speak(now);
        }
    }

    fn speak(&mut self, now: Instant) {
        let message = match &self.state {
            State::Away => None,
            State::Joining(worker) => Some(HostMessage::Join {
                token: self.token.clone(),
                instance: self.instance.clone(),
                worker: worker.name.clone(),
                endpoint: worker.endpoint.clone(),
                capacity: worker.capacity,
                pid: worker.pid,
                patience: worker.patience,
            }),
            State::Member(_) => Some(HostMessage::Alive {
                token: self.token.clone(),
                instance: self.instance.clone(),
            }),
        };
        self.due = message.is_some().then(|| now + self.heartbeat);
        if let Some(message) = message {
            self.send(&message);
        }
        // ZeroMQ connects by itself, and says so.
        if let (Line::Local(_), true, Some(_)) = (&self.line, self.unsent, self.due) {
            self.due = Some(now + self.again.wait());
        }
    }

    /// A manager that isn't connected gets nothing; it's told everything when it is.
    fn send(&mut self, message: &HostMessage) {
        let text = match serde_json::to_vec(message) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%error, "a message to the manager cannot be written");
                return;
            }
        };
        let sent = match &mut self.line {
            Line::ZeroMq(socket) => socket.send(text, DONTWAIT),
            Line::Local(local) => local.say(&text).then_some(()).ok_or(zmq::Error::EAGAIN),
        };
        self.unsent = sent == Err(zmq::Error::EAGAIN);
        match sent {
            Ok(()) => (),
            Err(zmq::Error::EAGAIN) => tracing::debug!("the manager is not connected"),
            Err(error) => tracing::warn!(%error, "cannot send to the manager"),
        }
    }

    fn read(&mut self, now: Instant) {
        loop {
            let Line::ZeroMq(socket) = &self.line else {
                return;
            };
            match socket.recv_multipart(DONTWAIT) {
                Ok(frames) => match &frames[..] {
                    [frame] => self.hear(frame, now),
                    _ => tracing::warn!("the manager sent a message of several frames"),
                },
                Err(zmq::Error::EINTR) => (),
                Err(_) => return,
            }
        }
    }

    fn hear(&mut self, frame: &[u8], now: Instant) {
        let Ok(message) = serde_json::from_slice(frame) else {
            tracing::warn!("the manager sent something that is not a membership message");
            return;
        };
        let state = std::mem::replace(&mut self.state, State::Away);
        self.state = match (message, state) {
            (_, State::Away) => State::Away,
            (ManagerMessage::Joined, State::Joining(worker)) => {
                tracing::info!("registered with the manager");
                self.again.reset();
                State::Member(worker)
            }
            (ManagerMessage::Unknown, State::Member(worker)) => {
                tracing::info!("the manager does not know this worker; registering again");
                self.due = Some(now);
                State::Joining(worker)
            }
            (
                ManagerMessage::Refused { reason },
                State::Joining(worker) | State::Member(worker),
            ) => {
                tracing::error!(?reason, "the manager refuses this worker");
                self.due = Some(now + self.heartbeat * AFTER_REFUSAL);
                State::Joining(worker)
            }
            (_, state) => state,
        };
    }
}

fn dealer(context: &zmq::Context, endpoint: &str) -> Result<Socket, Error> {
    let socket = context.socket(zmq::DEALER)?;
    socket.set_linger(LINGER)?;
    socket.set_immediate(true)?;
    socket.set_sndhwm(KEPT)?;
    socket.set_maxmsgsize(LONGEST)?;
    socket.set_reconnect_ivl(RECONNECT.0)?;
    socket.set_reconnect_ivl_max(RECONNECT.1)?;
    socket.set_tcp_keepalive(1)?;
    socket.set_ipv6(endpoint.contains('['))?;
    socket.connect(endpoint).map_err(|source| Error::Manager {
        endpoint: endpoint.to_owned(),
        source,
    })?;
    Ok(socket)
}

/// A fresh random name for this host process.
fn instance() -> Result<String, Error> {
    let mut bytes = [0; 16];
    SystemEntropy::new()
        .fill(&mut bytes)
        .map_err(std::io::Error::other)
        .map_err(Error::system("get random bytes"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
