//! The line to a manager on the same machine: a Unix socket that it listens on, with [`link`] frames
//! both ways. Orders come on it as well as the conversation about the worker, so that none of them
//! takes the longer way through ZeroMQ's threads.

use std::path::PathBuf;

use link::Kind;
use mio::net::UnixStream;
use mio::{Registry, Token};

use crate::connection::Connection;
use crate::loss::Loss;

/// The line, connected or not.
pub(crate) struct Local {
    path: PathBuf,
    registry: Registry,
    token: Token,
    limits: link::Limits,
    connection: Option<Connection>,
    /// How many connections there have been.
    generation: u64,
    /// Something may have come that hasn't been read.
    readable: bool,
    /// The manager has closed its end.
    closed: bool,
    lost: bool,
}

/// Leads an answer back: to the order of that tag, over the connection that it came on. On a later
/// one the manager may use its tags again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    generation: u64,
    tag: u64,
}

/// What the manager says.
pub(crate) enum Heard {
    /// Somebody asks the worker something.
    Request(Ticket, Vec<u8>),
    /// A message about the worker.
    Message(Vec<u8>),
}

impl Local {
    pub(crate) fn new(
        path: PathBuf,
        registry: Registry,
        token: Token,
        limits: link::Limits,
    ) -> Self {
        Self {
            path,
            registry,
            token,
            limits,
            connection: None,
            generation: 0,
            readable: false,
            closed: false,
            lost: false,
        }
    }

    /// Says something about the worker; connects first if need be. `false` if nobody is there.
    pub(crate) fn say(&mut self, text: &[u8]) -> bool {
        if self.connection.is_none()
            && let Err(loss) = self.connect()
        {
            tracing::debug!(%loss, "the manager's socket cannot be reached");
            return false;
        }
        self.with(|connection| connection.queue(Kind::Member, 0, text));
        self.flush();
        self.connection.is_some()
    }

    fn connect(&mut self) -> Result<(), Loss> {
        let stream = UnixStream::connect(&self.path)?;
        let registry = self.registry.try_clone()?;
        let connection = Connection::new(stream, registry, self.token, self.limits)?;
        self.connection = Some(connection);
        self.generation += 1;
        self.readable = false;
        self.closed = false;
        self.lost = false;
        Ok(())
    }

    /// The connection has something to tell.
    pub(crate) fn wake(&mut self, writable: bool, closed: bool) {
        self.readable = true;
        self.closed |= closed;
        if writable {
            self.with(Connection::unblock);
        }
    }

    /// What the manager says next, if it has said anything.
    pub(crate) fn hear(&mut self) -> Option<Heard> {
        loop {
            let frame = self.with(Connection::frame)?;
            if let Some(frame) = frame {
                let ticket = Ticket {
                    generation: self.generation,
                    tag: frame.tag,
                };
                match frame.kind {
                    Kind::Request => return Some(Heard::Request(ticket, frame.body)),
                    Kind::Member => return Some(Heard::Message(frame.body)),
                    _ => {
                        self.with(|_| Err::<(), _>(Loss::Conduct("a frame of the wrong kind")));
                        return None;
                    }
                }
            }
            if !self.readable {
                return None;
            }
            let closed = self.closed;
            self.readable = self.with(|connection| connection.fill(closed))?;
        }
    }

    /// Queues an answer; [`flush`](Self::flush) writes it. If the connection that its request came
    /// on is gone, so is whoever waited for it.
    pub(crate) fn answer(&mut self, ticket: Ticket, body: &[u8]) {
        if ticket.generation == self.generation {
            self.with(|connection| connection.queue(Kind::Response, ticket.tag, body));
        }
    }

    /// Writes as much of what is queued as the socket takes.
    pub(crate) fn flush(&mut self) {
        self.with(Connection::flush);
    }

    /// Bytes that are queued and not written.
    pub(crate) fn pending(&self) -> usize {
        self.connection.as_ref().map_or(0, Connection::pending)
    }

    /// Whether the connection has been lost since this was last asked.
    pub(crate) fn take_loss(&mut self) -> bool {
        std::mem::take(&mut self.lost)
    }

    /// Does something with the connection, which doesn't survive an error.
    fn with<T>(&mut self, what: impl FnOnce(&mut Connection) -> Result<T, Loss>) -> Option<T> {
        match what(self.connection.as_mut()?) {
            Ok(value) => Some(value),
            Err(loss) => {
                tracing::debug!(%loss, "lost the connection to the manager");
                self.connection = None;
                self.lost = true;
                None
            }
        }
    }
}
