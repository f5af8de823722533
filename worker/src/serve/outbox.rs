//! Frames to the host, one at a time.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use link::Kind;

/// A host that takes nothing for so long is gone, or means harm.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// The writing half of the connection.
pub(super) struct Outbox(Mutex<Inner>);

struct Inner {
    stream: UnixStream,
    buffer: Vec<u8>,
}

impl Outbox {
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let buffer = Vec::new();
        Ok(Self(Mutex::new(Inner { stream, buffer })))
    }

    /// Writes one whole frame.
    pub(super) fn send(&self, kind: Kind, tag: u64, body: &[u8]) -> io::Result<()> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { stream, buffer } = &mut *inner;
        buffer.clear();
        link::encode(kind, tag, body, buffer).map_err(io::Error::other)?;
        stream.write_all(buffer)
    }
}
