//! The ways between the manager and its hosts: ZeroMQ from anywhere, a socket on the same machine.

use std::sync::Arc;

use protocol::membership::HostMessage;

use crate::local::Line;
use crate::wire::Connection;

/// What a host said of its worker.
pub(crate) struct FromHost {
    /// Leads the answer back.
    pub(crate) source: Source,
    /// The message, with the right token; `None` says that the connection has ended.
    pub(crate) message: Option<HostMessage>,
}

/// Where a host is.
#[derive(Clone)]
pub(crate) enum Source {
    /// At the manager's `ROUTER`, under this identity.
    ZeroMq(Vec<u8>),
    /// On this machine, at the other end of this.
    Local(Arc<Line>),
}

impl FromHost {
    /// There will be nothing more on this connection.
    pub(crate) fn ended(line: Arc<Line>) -> Self {
        Self {
            source: Source::Local(line),
            message: None,
        }
    }
}

/// The way to a worker process.
pub(crate) enum Peer {
    /// A connection of its own.
    ZeroMq(Connection),
    /// The connection of its host, which is on this machine.
    Local(Arc<Line>),
}

/// There is no answer and none will come: the connection is closed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed;

impl Peer {
    /// Asks, and waits for the answer without a bound. Dropping the future forgets the question.
    pub(crate) async fn ask(&self, body: Vec<u8>) -> Result<Vec<u8>, Closed> {
        match self {
            Self::ZeroMq(connection) => connection.ask(body).await,
            Self::Local(line) => line.ask(body).await,
        }
    }

    /// Whether this is the way to a host that speaks from there.
    pub(crate) fn is_of(&self, source: &Source) -> bool {
        match (self, source) {
            (Self::ZeroMq(_), Source::ZeroMq(_)) => true,
            (Self::Local(own), Source::Local(other)) => Arc::ptr_eq(own, other),
            _ => false,
        }
    }
}
