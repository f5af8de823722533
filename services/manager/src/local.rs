//! Hosts on the same machine: they connect to a Unix socket and speak [`link`] frames on it, both
//! about their worker and to answer orders. An order then takes no way through ZeroMQ's threads.
//!
//! Who may connect is a matter of the folder that the socket stands in; what a host may do there
//! takes the token, as over ZeroMQ.
//!
//! # Bounds
//!
//! There are at most [`ManagerConfig::max_processes`] connections and a few; further ones are closed
//! at once. Each holds one unfinished frame, the orders that a process takes at once, and some
//! answers that its host has not read; further ones are dropped. Messages of hosts go to a
//! bounded queue of their own, which drops what is over: hosts repeat.
//!
//! [`ManagerConfig::max_processes`]: crate::ManagerConfig::max_processes

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use link::{Decoder, Frame, Kind, Limits};
use protocol::Reason;
use protocol::envelope::ErrorObject;
use protocol::processor::error_frame;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use crate::Error;
use crate::gate::{Gate, frame_of};
use crate::peer::{Closed, FromHost, Source};

/// Where hosts of this machine connect.
pub(crate) struct Door(UnixListener);

/// Connections that haven't shown whose they are, beside those of all processes.
const STRANGERS: usize = 16;

/// How long an accept that failed, for want of descriptors perhaps, waits before the next.
const AFTER_FAILURE: std::time::Duration = std::time::Duration::from_millis(100);

impl Door {
    /// Listens on `path`, in place of whatever an earlier manager has left there.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let listen = || {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let listener = UnixListener::bind(path)?;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
            Ok(listener)
        };
        listen().map(Self).map_err(|source| Error::Local {
            path: path.to_owned(),
            source,
        })
    }

    /// Lets the hosts of so many processes in, for as long as it's waited for. Their messages go to
    /// `hosts`.
    pub(crate) async fn attend(
        self,
        gate: Arc<Gate>,
        hosts: mpsc::Sender<FromHost>,
        processes: usize,
    ) {
        let room = Arc::new(Semaphore::new(processes + STRANGERS));
        let mut lines = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                Some(_) = lines.join_next() => continue,
                accepted = self.0.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    if let Ok(place) = Arc::clone(&room).try_acquire_owned() {
                        let (gate, hosts) = (Arc::clone(&gate), hosts.clone());
                        lines.spawn(async move {
                            Line::serve(stream, &gate, hosts).await;
                            drop(place);
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a host on this machine could not be let in");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }
}

/// A connection to a host.
pub(crate) struct Line {
    stream: UnixStream,
    next: AtomicU64,
    /// Who waits for the answer of which tag; `None` when the connection has ended.
    waiting: Mutex<Option<HashMap<u64, oneshot::Sender<Vec<u8>>>>>,
    outgoing: Mutex<Outgoing>,
    /// Rung when the socket didn't take all that is outgoing.
    blocked: Notify,
}

#[derive(Default)]
struct Outgoing {
    bytes: Vec<u8>,
    /// How much of `bytes` has been written.
    written: usize,
    /// Bytes that were here before those.
    forgotten: u64,
    /// Where the messages about the worker end that have not been written, counted from the first
    /// byte of the connection.
    told: VecDeque<u64>,
}

/// Bytes read at once.
const READ: usize = 64 * 1024;

/// A buffer larger than this isn't kept once it's empty.
const KEEP: usize = 1024 * 1024;

/// Messages that wait for a host to read them. One that says more than it hears gets no answer.
const UNHEARD: usize = 256;

/// Longest message of a host, in bytes.
const LONGEST_MESSAGE: usize = 16 << 10;

impl Line {
    async fn serve(stream: UnixStream, gate: &Gate, hosts: mpsc::Sender<FromHost>) {
        let line = Arc::new(Self {
            stream,
            next: AtomicU64::new(1),
            waiting: Mutex::new(Some(HashMap::new())),
            outgoing: Mutex::default(),
            blocked: Notify::new(),
        });
        let end = tokio::select! {
            end = line.read(gate, &hosts) => end,
            end = line.write_late() => end,
        };
        if let Err(error) = end {
            tracing::debug!(%error, "the connection of a host on this machine ends");
        }
        // Whoever waits is told by the loss of the sender.
        line.waiting().take();
        // The end must not get lost, as a message may: nobody repeats it.
        let _ = hosts.send(FromHost::ended(line)).await;
    }

    /// Asks, and waits for the answer without a bound. Dropping the future forgets the question.
    pub(crate) async fn ask(&self, body: Vec<u8>) -> Result<Vec<u8>, Closed> {
        if body.len() > Limits::DEFAULT.body {
            // As a host answers on its other socket; here it would cost the connection.
            let error = ErrorObject::for_manager(Reason::LimitSize);
            return Ok(error_frame(None, &error));
        }
        let tag = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.waiting().as_mut().ok_or(Closed)?.insert(tag, answer);
        let _question = Question { line: self, tag };
        self.send(Kind::Request, tag, &body);
        drop(body);
        answered.await.map_err(|_| Closed)
    }

    /// Sends a message about the worker.
    pub(crate) fn tell(&self, message: &[u8]) {
        self.send(Kind::Member, 0, message);
    }

    /// Writes a frame, or leaves to [`write_late`](Self::write_late) what the socket doesn't take.
    fn send(&self, kind: Kind, tag: u64, body: &[u8]) {
        let mut outgoing = self.outgoing();
        if !outgoing.add(kind, tag, body) {
            return;
        }
        match self.flush(&mut outgoing) {
            Ok(true) => {}
            // A broken connection shows there as well.
            Ok(false) | Err(_) => self.blocked.notify_one(),
        }
    }

    /// Whether all that is outgoing has been written.
    fn flush(&self, outgoing: &mut Outgoing) -> io::Result<bool> {
        while !outgoing.left().is_empty() {
            match self.stream.try_write(outgoing.left()) {
                Ok(count) => outgoing.wrote(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    async fn write_late(&self) -> io::Result<()> {
        loop {
            self.blocked.notified().await;
            while !self.flush(&mut self.outgoing())? {
                self.stream.writable().await?;
            }
        }
    }

    async fn read(self: &Arc<Self>, gate: &Gate, hosts: &mpsc::Sender<FromHost>) -> io::Result<()> {
        let mut decoder = Decoder::new(Limits::DEFAULT);
        let mut buffer = vec![0; READ].into_boxed_slice();
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => decoder.push(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            }
            while let Some(frame) = decoder.next().map_err(io::Error::other)? {
                self.hear(frame, gate, hosts)?;
            }
        }
    }

    fn hear(
        self: &Arc<Self>,
        frame: Frame,
        gate: &Gate,
        hosts: &mpsc::Sender<FromHost>,
    ) -> io::Result<()> {
        match frame.kind {
            Kind::Response => {
                let answer = self
                    .waiting()
                    .as_mut()
                    .and_then(|all| all.remove(&frame.tag));
                match answer {
                    // Whoever asked may have stopped waiting just now.
                    Some(answer) => drop(answer.send(frame.body)),
                    None => tracing::debug!("an answer came that nobody waits for"),
                }
            }
            Kind::Member if frame.body.len() <= LONGEST_MESSAGE => {
                let message = match gate.admit(&frame.body) {
                    Ok(message) => message,
                    Err(refusal) => {
                        self.tell(&frame_of(&refusal));
                        return Ok(());
                    }
                };
                let from = FromHost {
                    source: Source::Local(Arc::clone(self)),
                    message: Some(message),
                };
                if hosts.try_send(from).is_err() {
                    tracing::debug!("a host's message is dropped, too many wait");
                }
            }
            _ => return Err(io::Error::other("a frame that no host sends")),
        }
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, Option<HashMap<u64, oneshot::Sender<Vec<u8>>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outgoing(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outgoing {
    /// Adds a frame, unless it's one message too many.
    fn add(&mut self, kind: Kind, tag: u64, body: &[u8]) -> bool {
        let is_message = kind == Kind::Member;
        if is_message && self.told.len() >= UNHEARD {
            return false;
        }
        // Bodies are far shorter than what the length field holds.
        if link::encode(kind, tag, body, &mut self.bytes).is_err() {
            return false;
        }
        if is_message {
            self.told
                .push_back(self.forgotten + self.bytes.len() as u64);
        }
        true
    }

    /// What is still to be written.
    fn left(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    fn wrote(&mut self, count: usize) {
        self.written += count;
        let written = self.forgotten + self.written as u64;
        while self.told.front().is_some_and(|end| *end <= written) {
            self.told.pop_front();
        }
        self.tidy();
    }

    /// Forgets what has been written, when that costs little: also on a connection that is so busy
    /// that something is always left.
    fn tidy(&mut self) {
        if self.left().is_empty() {
            self.forgotten += self.bytes.len() as u64;
            self.bytes.clear();
            self.bytes.shrink_to(KEEP);
            self.written = 0;
        } else if self.written > self.bytes.len() / 2 {
            self.forgotten += self.written as u64;
            self.bytes.drain(..self.written);
            self.written = 0;
        }
    }
}

/// A question that nobody waits for any more is forgotten.
struct Question<'l> {
    line: &'l Line,
    tag: u64,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if let Some(all) = self.line.waiting().as_mut() {
            all.remove(&self.tag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_forgotten_though_something_is_always_left() {
        let (mut outgoing, mut sent, mut read) = (Outgoing::default(), Vec::new(), Vec::new());
        for tag in 0..1000_u64 {
            let body = tag.to_be_bytes().repeat(16);
            assert!(outgoing.add(Kind::Request, tag, &body));
            link::encode(Kind::Request, tag, &body, &mut sent).unwrap();
            let most = outgoing.left().len() - 1;
            read.extend_from_slice(&outgoing.left()[..most]);
            outgoing.wrote(most);
            assert_eq!(outgoing.left().len(), 1);
            assert!(outgoing.bytes.len() < 1000);
        }
        read.extend_from_slice(outgoing.left());
        outgoing.wrote(1);
        assert!(outgoing.bytes.is_empty());
        assert_eq!(read, sent);
    }

    #[test]
    fn a_host_that_does_not_listen_is_not_answered_without_end() {
        let mut outgoing = Outgoing::default();
        let answered = (0..10_000).filter(|_| outgoing.add(Kind::Member, 0, b"{}"));
        assert_eq!(answered.count(), UNHEARD);
        assert!(outgoing.add(Kind::Request, 1, b"an order"));
        outgoing.wrote(1);
        assert!(!outgoing.add(Kind::Member, 0, b"{}"), "none has been heard");
        outgoing.wrote(outgoing.left().len() / 2);
        assert!(outgoing.add(Kind::Member, 0, b"{}"));
        outgoing.wrote(outgoing.left().len());
        assert!(outgoing.told.is_empty());
    }
}
