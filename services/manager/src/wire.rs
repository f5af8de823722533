//! ZeroMQ for the rest of the manager: questions to peers and their answers, frames from hosts.
//!
//! A ZeroMQ socket belongs to one thread, so one thread holds them all. Commands go to it through
//! a channel and a bell that wakes its poll; what it receives goes out through channels.

mod thread;

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc as blocking;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::Error;
use crate::gate::Gate;
use crate::peer::{Closed, FromHost};

/// A handle on the socket thread. The thread ends when the last handle is dropped.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Line>);

struct Line {
    commands: blocking::Sender<Command>,
    bell: UnixStream,
    rung: Arc<AtomicBool>,
    next: AtomicU64,
}

/// The socket thread, to be joined.
pub(crate) struct Thread {
    pub(crate) endpoint: String,
    pub(crate) handle: JoinHandle<()>,
}

/// A connection to a worker process; closed when dropped.
pub(crate) struct Connection {
    wire: Wire,
    id: u64,
}

enum Command {
    Connect {
        peer: u64,
        endpoint: String,
        capacity: u32,
    },
    Close {
        peer: u64,
    },
    Ask {
        peer: u64,
        tag: u64,
        body: Vec<u8>,
        answer: oneshot::Sender<Vec<u8>>,
    },
    Forget {
        peer: u64,
        tag: u64,
    },
    Tell {
        identity: Vec<u8>,
        frame: Vec<u8>,
    },
}

impl Wire {
    /// Binds the `ROUTER` for hosts and starts the thread. What hosts say goes to `hosts`, if
    /// `gate` lets it.
    pub(crate) fn start(
        bind: &str,
        gate: Arc<Gate>,
        hosts: mpsc::Sender<FromHost>,
    ) -> Result<(Self, Thread), Error> {
        let (bell, ear) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        ear.set_nonblocking(true)?;
        let (commands, inbox) = blocking::channel();
        let rung = Arc::new(AtomicBool::new(false));
        let sockets = thread::Sockets::bind(bind, inbox, ear, Arc::clone(&rung), gate, hosts)?;
        let endpoint = sockets.endpoint()?;
        let handle = std::thread::Builder::new()
            .name("manager-wire".to_owned())
            .spawn(move || sockets.run())?;
        let line = Line {
            commands,
            bell,
            rung,
            next: AtomicU64::new(1),
        };
        Ok((Self(Arc::new(line)), Thread { endpoint, handle }))
    }

    /// Opens a connection for `capacity` questions at once. Whether anybody is there shows when
    /// the first is asked.
    pub(crate) fn connect(&self, endpoint: &str, capacity: u32) -> Connection {
        let id = self.number();
        self.send(Command::Connect {
            peer: id,
            endpoint: endpoint.to_owned(),
            capacity,
        });
        Connection {
            wire: self.clone(),
            id,
        }
    }

    /// Answers a host.
    pub(crate) fn tell(&self, identity: Vec<u8>, frame: Vec<u8>) {
        self.send(Command::Tell { identity, frame });
    }

    fn number(&self) -> u64 {
        self.0.next.fetch_add(1, Ordering::Relaxed)
    }

    fn send(&self, command: Command) {
        // A thread that has ended drops the command, and with it the channel for the answer.
        if self.0.commands.send(command).is_ok() && !self.0.rung.swap(true, Ordering::AcqRel) {
            // The pipe holds at most a few bytes: the flag is down only after they were read.
            let _ = (&self.0.bell).write(&[1]);
        }
    }
}

impl Connection {
    /// Asks, and waits for the answer without a bound. Dropping the future forgets the question.
    pub(crate) async fn ask(&self, body: Vec<u8>) -> Result<Vec<u8>, Closed> {
        let tag = self.wire.number();
        let (answer, answered) = oneshot::channel();
        self.wire.send(Command::Ask {
            peer: self.id,
            tag,
            body,
            answer,
        });
        let mut question = Question {
            connection: self,
            tag,
            open: true,
        };
        let answer = answered.await;
        question.open = false;
        answer.map_err(|_| Closed)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.wire.send(Command::Close { peer: self.id });
    }
}

/// A question that nobody waits for any more is forgotten by the thread too.
struct Question<'c> {
    connection: &'c Connection,
    tag: u64,
    open: bool,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if self.open {
            self.connection.wire.send(Command::Forget {
                peer: self.connection.id,
                tag: self.tag,
            });
        }
    }
}
