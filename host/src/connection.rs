//! A socket to the program or to the manager: frames in, frames out, never waiting.

use std::io::{self, ErrorKind, Read, Write};

use link::{Decoder, Frame, Kind};
use mio::net::UnixStream;
use mio::{Interest, Registry, Token};

use crate::loss::Loss;

/// Bytes read at once.
const READ: usize = 64 * 1024;

/// A buffer larger than this isn't kept once it's empty.
const KEEP: usize = 1024 * 1024;

/// The host's end of a socket.
pub(crate) struct Connection {
    stream: UnixStream,
    registry: Registry,
    token: Token,
    decoder: Decoder,
    read: Box<[u8]>,
    outgoing: Vec<u8>,
    /// How much of `outgoing` has been written.
    written: usize,
    /// The socket took less than it was given, and its being writable is waited for. At other times
    /// it isn't: it would wake the host whenever the other side reads.
    blocked: bool,
}

impl Connection {
    /// Takes over a non-blocking stream, whose events come as `token`.
    pub(crate) fn new(
        mut stream: UnixStream,
        registry: Registry,
        token: Token,
        limits: link::Limits,
    ) -> io::Result<Self> {
        registry.register(&mut stream, token, Interest::READABLE)?;
        Ok(Self {
            stream,
            registry,
            token,
            decoder: Decoder::new(limits),
            read: vec![0; READ].into_boxed_slice(),
            outgoing: Vec::new(),
            written: 0,
            blocked: false,
        })
    }

    /// Reads what has arrived. `true` if there may be more without another event; frames are to be
    /// taken with [`frame`](Self::frame) before the next call.
    ///
    /// A read that doesn't fill its buffer has emptied the socket, and what comes later makes an event
    /// of its own. That saves a system call a frame, but holds only while the other side hasn't
    /// `closed` its end: the event that told of it may have told of the last bytes as well.
    pub(crate) fn fill(&mut self, closed: bool) -> Result<bool, Loss> {
        loop {
            match self.stream.read(&mut self.read) {
                Ok(0) if self.decoder.is_between_frames() => return Err(Loss::Closed),
                Ok(0) => return Err(Loss::Cut),
                Ok(count) => {
                    self.decoder.push(&self.read[..count]);
                    return Ok(closed || count == self.read.len());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The next frame of what has been read.
    pub(crate) fn frame(&mut self) -> Result<Option<Frame>, Loss> {
        Ok(self.decoder.next()?)
    }

    /// Queues a frame; [`flush`](Self::flush) writes it.
    pub(crate) fn queue(&mut self, kind: Kind, tag: u64, body: &[u8]) -> Result<(), Loss> {
        Ok(link::encode(kind, tag, body, &mut self.outgoing)?)
    }

    /// Bytes that are queued and not written.
    pub(crate) fn pending(&self) -> usize {
        self.outgoing.len() - self.written
    }

    /// The socket takes bytes again.
    pub(crate) fn unblock(&mut self) -> Result<(), Loss> {
        if std::mem::take(&mut self.blocked) {
            self.registry
                .reregister(&mut self.stream, self.token, Interest::READABLE)?;
        }
        Ok(())
    }

    fn block(&mut self) -> io::Result<()> {
        self.blocked = true;
        let both = Interest::READABLE | Interest::WRITABLE;
        self.registry.reregister(&mut self.stream, self.token, both)
    }

    /// Writes as much of the queue as the socket takes.
    pub(crate) fn flush(&mut self) -> Result<(), Loss> {
        while self.pending() > 0 && !self.blocked {
            match self.stream.write(&self.outgoing[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.block()?,
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) => return Err(error.into()),
            }
        }
        self.tidy();
        Ok(())
    }

    /// Forgets what has been written, when that costs little.
    fn tidy(&mut self) {
        if self.pending() == 0 {
            self.outgoing.clear();
            self.outgoing.shrink_to(KEEP);
            self.written = 0;
        } else if self.written >= self.outgoing.len() / 2 {
            self.outgoing.drain(..self.written);
            self.written = 0;
        }
    }
}
