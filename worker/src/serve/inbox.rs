//! Requests from the host, each read by the thread that answers it.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use link::{Decoder, Kind, Limits};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use super::Error;

/// The reading half of the connection.
///
/// An idle thread waits at the socket, further ones behind it; whoever has got a request lets the
/// next one to the socket. So no request is handed from one thread to another, which would cost two
/// of the operating system's, and nothing is read ahead: what comes while all threads are busy
/// waits in the socket and, when that is full, at the host.
pub(super) struct Inbox {
    reading: Mutex<Reading>,
    closed: AtomicBool,
}

/// What a host sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// A request and its tag.
    Request(u64, Vec<u8>),
    /// What the key directory says of the worker.
    Entry(Vec<u8>),
}

struct Reading {
    stream: UnixStream,
    decoder: Decoder,
    buffer: Box<[u8]>,
}

/// Bytes read at once: many requests of the usual size.
const READ: usize = 64 * 1024;

/// How long closing waits for a thread that takes a request just now. One that waits for a request
/// instead keeps its place for longer than that, and shows that there is none.
const PAUSES: [Duration; 8] = [Duration::from_millis(1); 8];

impl Inbox {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self {
            reading: Mutex::new(Reading {
                stream,
                decoder: Decoder::new(Limits::DEFAULT),
                buffer: vec![0; READ].into_boxed_slice(),
            }),
            closed: AtomicBool::new(false),
        }
    }

    /// What comes next; waits while there is nothing. `None` once this is closed or the host has closed the
    /// connection.
    pub(super) fn take(&self) -> Result<Option<Taken>, Error> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if self.closed.load(Ordering::SeqCst) {
                return Ok(None);
            }
            if let Some(taken) = reading.next()? {
                return Ok(Some(taken));
            }
            if !reading.fill()? {
                return Ok(None);
            }
        }
    }

    /// Gives out nothing from now on, and returns the tags of what has come and nobody has begun.
    pub(super) fn close(&self) -> Vec<u64> {
        self.closed.store(true, Ordering::SeqCst);
        let mut tags = Vec::new();
        if let Some(mut reading) = self.between_requests() {
            // What breaks the framing ends the list, as the end of what has come does.
            while let Ok(Some(taken)) = reading.next_that_has_come() {
                if let Taken::Request(tag, _) = taken {
                    tags.push(tag);
                }
            }
        }
        tags
    }

    fn between_requests(&self) -> Option<MutexGuard<'_, Reading>> {
        for pause in PAUSES {
            match self.reading.try_lock() {
                Ok(reading) => return Some(reading),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => std::thread::sleep(pause),
            }
        }
        None
    }
}

impl Reading {
    /// The next frame among the bytes that have been read.
    fn next(&mut self) -> Result<Option<Taken>, Error> {
        let Some(frame) = self.decoder.next()? else {
            return Ok(None);
        };
        match frame.kind {
            Kind::Request => Ok(Some(Taken::Request(frame.tag, frame.body))),
            Kind::Entry if frame.tag == 0 => Ok(Some(Taken::Entry(frame.body))),
            _ => Err(Error::Kind),
        }
    }

    /// Waits for more bytes. `false` at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        loop {
            match self.stream.read(&mut self.buffer) {
                Ok(count) => {
                    self.decoder.push(&self.buffer[..count]);
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next frame that is there without waiting.
    fn next_that_has_come(&mut self) -> Result<Option<Taken>, Error> {
        loop {
            if let Some(taken) = self.next()? {
                return Ok(Some(taken));
            }
            match recv(&self.stream, &mut *self.buffer, RecvFlags::DONTWAIT) {
                Ok((0, _)) | Err(Errno::AGAIN) => return Ok(None),
                Ok((count, _)) => self.decoder.push(&self.buffer[..count]),
                Err(Errno::INTR) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc;

    use super::*;

    fn pair() -> (UnixStream, Inbox) {
        let (host, program) = UnixStream::pair().unwrap();
        (host, Inbox::new(program))
    }

    fn send(host: &mut UnixStream, tags: impl IntoIterator<Item = u64>) {
        let mut bytes = Vec::new();
        for tag in tags {
            link::encode(Kind::Request, tag, b"a body", &mut bytes).unwrap();
        }
        host.write_all(&bytes).unwrap();
    }

    fn write(host: &mut UnixStream, kind: Kind, tag: u64) {
        let mut bytes = Vec::new();
        link::encode(kind, tag, b"an entry", &mut bytes).unwrap();
        host.write_all(&bytes).unwrap();
    }

    #[test]
    fn entries_come_between_requests() {
        let (mut host, inbox) = pair();
        write(&mut host, Kind::Entry, 0);
        send(&mut host, [1]);
        let taken = inbox.take().unwrap().unwrap();
        assert_eq!(taken, Taken::Entry(b"an entry".to_vec()));
        assert!(matches!(inbox.take(), Ok(Some(Taken::Request(1, _)))));
        write(&mut host, Kind::Entry, 1);
        assert!(matches!(inbox.take(), Err(Error::Kind)));
    }

    #[test]
    fn oldest_first_and_nothing_after_closing() {
        let (mut host, inbox) = pair();
        send(&mut host, 1..4);
        let taken = inbox.take().unwrap().unwrap();
        assert_eq!(taken, Taken::Request(1, b"a body".to_vec()));
        send(&mut host, [4]);
        write(&mut host, Kind::Entry, 0);
        send(&mut host, [5]);
        assert_eq!(inbox.close(), [2, 3, 4, 5]);
        send(&mut host, [6]);
        assert!(inbox.take().unwrap().is_none());
        assert_eq!(inbox.close(), [6], "it has come and nobody has begun it");
        assert_eq!(inbox.close(), [0; 0]);
    }

    #[test]
    fn closing_does_not_wait_for_a_thread_that_waits_for_a_request() {
        let (mut host, inbox) = pair();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| inbox.take().unwrap());
            while inbox.reading.try_lock().is_ok() {
                std::thread::yield_now();
            }
            assert_eq!(inbox.close(), [0; 0]);
            send(&mut host, [1]);
            assert!(waiting.join().unwrap().is_none());
        });
    }

    #[test]
    fn each_request_goes_to_one_thread() {
        let (mut host, inbox) = pair();
        let (sender, taken) = mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let (sender, inbox) = (sender.clone(), &inbox);
                scope.spawn(move || {
                    while let Some(Taken::Request(tag, _)) = inbox.take().unwrap() {
                        sender.send(tag).unwrap();
                    }
                });
            }
            for tag in 0..1000 {
                send(&mut host, [tag]);
            }
            drop(host);
        });
        let mut tags: Vec<_> = taken.try_iter().collect();
        tags.sort_unstable();
        assert!(tags.into_iter().eq(0..1000));
    }

    #[test]
    fn what_no_host_sends_is_refused() {
        let (mut host, inbox) = pair();
        let mut bytes = Vec::new();
        link::encode(Kind::Response, 1, b"", &mut bytes).unwrap();
        host.write_all(&bytes).unwrap();
        assert!(matches!(inbox.take(), Err(Error::Kind)));
        host.write_all(&[0; 4]).unwrap();
        assert!(matches!(inbox.take(), Err(Error::Framing(_))));
    }
}
