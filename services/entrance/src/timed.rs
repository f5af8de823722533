//! A connection's stream that gives up on a client that takes too long: to send a request's head,
//! to send the next request, to read an answer. (Bodies have a time of their own, in `body`.)
//!
//! ```text
//!          first byte          head complete          answer made        all of it written
//!   Idle ─────────────▶ Head ────────────────▶ Busy ───────────▶ Answering ──────────▶ Idle
//!   idle_time           header_time                              write_time
//! ```
//!
//! A connection begins as `Head`. One timer serves them all and is not touched by a request that
//! comes and goes in time: when it rings, it is set to what is due by then.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits::Connections;

/// How far a connection is with its present request; shared by its stream and what answers it.
#[derive(Clone)]
pub struct Progress(Arc<AtomicU8>);

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    Idle,
    Head,
    Busy,
    Answering,
}

impl Progress {
    /// A request's head is complete.
    pub fn begin(&self) {
        self.set(Phase::Busy);
    }

    /// Its answer is made.
    pub fn end(&self) {
        self.set(Phase::Answering);
    }

    // One task has both ends, so that no ordering is needed.
    fn set(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Relaxed);
    }

    fn is(&self, phase: Phase) -> bool {
        self.0.load(Ordering::Relaxed) == phase as u8
    }
}

/// See the module.
pub struct Timed<S> {
    stream: S,
    progress: Progress,
    too_slow: fn() -> String,
    times: Times,
    /// When the present phase began.
    since: Instant,
    /// Whether something of the head has arrived.
    begun: bool,
    alarm: Pin<Box<Sleep>>,
    /// Rings when an answer is not read in time; there is none while nothing waits to be written.
    unread: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy)]
struct Times {
    idle: Duration,
    head: Duration,
    write: Duration,
}

impl<S> Timed<S> {
    /// A stream, and how far its requests are. `too_slow` makes what is written to a client whose request
    /// line and headers do not arrive: a whole reply.
    pub fn new(stream: S, limits: &Connections, too_slow: fn() -> String) -> (Self, Progress) {
        let progress = Progress(Arc::new(AtomicU8::new(Phase::Head as u8)));
        let times = Times {
            idle: limits.idle_time,
            head: limits.header_time,
            write: limits.write_time,
        };
        let since = Instant::now();
        let timed = Self {
            stream,
            progress: progress.clone(),
            too_slow,
            times,
            since,
            begun: false,
            alarm: Box::pin(sleep_until(since + times.head)),
            unread: None,
        };
        (timed, progress)
    }

    /// When the client has taken too long for what it is at, if that has a time.
    fn due(&self) -> Option<Instant> {
        if self.progress.is(Phase::Idle) {
            Some(self.since + self.times.idle)
        } else if self.progress.is(Phase::Head) {
            Some(self.since + self.times.head)
        } else {
            None
        }
    }

    /// Ready when what is read for is overdue.
    fn poll_overdue(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.due() else {
            return Poll::Pending;
        };
        if self.alarm.deadline() > due {
            self.alarm.as_mut().reset(due);
        }
        loop {
            ready!(self.alarm.as_mut().poll(context));
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(due);
        }
    }

    /// Ready when an answer has waited too long to be read.
    fn poll_unread(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let until = Instant::now() + self.times.write;
        let unread = self
            .unread
            .get_or_insert_with(|| Box::pin(sleep_until(until)));
        unread.as_mut().poll(context)
    }

    /// Whatever waited has been written.
    fn written(&mut self, context: &mut Context<'_>) {
        self.unread = None;
        if self.progress.is(Phase::Answering) {
            self.progress.set(Phase::Idle);
            self.since = Instant::now();
            self.begun = false;
            // Nobody need read again before there is something to read, and the timer wakes only
            // those whom it has seen.
            let _pending = self.poll_overdue(context);
        }
    }

    /// Something has been read.
    fn received(&mut self) {
        self.begun = true;
        if self.progress.is(Phase::Idle) {
            self.progress.set(Phase::Head);
            self.since = Instant::now();
        }
    }
}

impl<S: AsyncWrite + Unpin> Timed<S> {
    /// Tells a client whose head is not complete why it is hung up on, if it can be told at once.
    fn tell(&mut self, context: &mut Context<'_>) {
        if self.begun && self.progress.is(Phase::Head) {
            let text = (self.too_slow)();
            let _told = Pin::new(&mut self.stream).poll_write(context, text.as_bytes());
            let _told = Pin::new(&mut self.stream).poll_flush(context);
        }
    }
}

fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(context, buffer) {
            if buffer.filled().len() > before {
                this.received();
            }
            return Poll::Ready(read);
        }
        ready!(this.poll_overdue(context));
        this.tell(context);
        Poll::Ready(Err(timed_out("the client sent no request in time")))
    }
}

impl<S: AsyncWrite + Unpin> Timed<S> {
    /// `written` as it is; or an error when it is pending for too long.
    fn in_time<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_pending() && self.poll_unread(context).is_ready() {
            return Poll::Ready(Err(timed_out("the client did not read in time")));
        }
        written
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.in_time(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.in_time(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        if flushed.is_ready() {
            this.written(context);
        }
        this.in_time(flushed, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.stream).poll_shutdown(context);
        this.in_time(shut, context)
    }
}
