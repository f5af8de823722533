//! Running a host: as a process, or on a thread.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::{pipe, unregister};

use crate::config::Config;
use crate::error::Error;
use crate::relay::Relay;

/// Runs a host until SIGTERM or SIGINT, then shuts it down: the manager is told, requests in flight
/// are answered, the program exits. A second signal skips the waiting.
///
/// # Errors
///
/// Anything that keeps the host from starting: an endpoint that can't be bound, a program that can't
/// be executed. A program that starts and dies is no error; it's started again.
pub fn run(config: Config) -> Result<(), Error> {
    until_signalled(|stop| Relay::start(config, stop, Arc::default())?.run())
}

/// Starts a host on a thread of its own. When this returns, its endpoint is bound and its program
/// has been started, though it's perhaps not ready yet; requests wait for it.
///
/// # Errors
///
/// As for [`run`].
pub fn start(config: Config) -> Result<Handle, Error> {
    Handle::start(|stop, pid| {
        let relay = Relay::start(config, stop, pid)?;
        let endpoint = relay.endpoint().map(str::to_owned);
        Ok((endpoint, move || relay.run()))
    })
}

/// Does what reads a byte from the socket when it shall stop, at SIGTERM or SIGINT, and perhaps another.
pub(crate) fn until_signalled(
    life: impl FnOnce(UnixStream) -> Result<(), Error>,
) -> Result<(), Error> {
    let (stop, stopped) = stop_pair()?;
    let watch = Error::system("watch for signals");
    let copy = stop.try_clone().and_then(|copy| {
        let interrupt = pipe::register(SIGINT, copy)?;
        pipe::register(SIGTERM, stop).map(|terminate| [interrupt, terminate])
    });
    let signals = copy.map_err(watch)?;

    let end = life(stopped);
    for signal in signals {
        unregister(signal);
    }
    end
}

/// Each byte written to the first end asks the host to stop, more urgently.
fn stop_pair() -> Result<(UnixStream, UnixStream), Error> {
    let pair = UnixStream::pair().and_then(|(stop, stopped)| {
        stop.set_nonblocking(true)?;
        stopped.set_nonblocking(true)?;
        Ok((stop, stopped))
    });
    pair.map_err(Error::system("make a pair of connected sockets"))
}

/// A host on a thread. Dropping it stops the host as [`stop`](Self::stop) does.
#[derive(Debug)]
pub struct Handle {
    endpoint: Option<String>,
    pid: Arc<AtomicU32>,
    stop: UnixStream,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Handle {
    /// Starts what gives its endpoint, if it has one, and the rest of its life, which goes on on a thread.
    pub(crate) fn start<L>(
        begin: impl FnOnce(UnixStream, Arc<AtomicU32>) -> Result<(Option<String>, L), Error>,
    ) -> Result<Self, Error>
    where
        L: FnOnce() -> Result<(), Error> + Send + 'static,
    {
        let (stop, stopped) = stop_pair()?;
        let pid = Arc::default();
        let (endpoint, life) = begin(stopped, Arc::clone(&pid))?;
        let thread = thread::Builder::new()
            .name("host".to_owned())
            .spawn(life)
            .map_err(Error::system("start a thread"))?;
        Ok(Self {
            endpoint,
            pid,
            stop,
            thread: Some(thread),
        })
    }

    /// Where peers reach it, as in `tcp://127.0.0.1:40001`; `None` if its manager alone does, or if it is
    /// that of a vault.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// The process id of the program that runs now, if one does.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        Some(self.pid.load(Ordering::Acquire)).filter(|pid| *pid != 0)
    }

    /// Shuts the host down as SIGTERM does and waits until it has ended and its program with it.
    ///
    /// # Errors
    ///
    /// What made the host end before, if it did.
    pub fn stop(mut self) -> Result<(), Error> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Error> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        // It fails only if the host has ended by itself: then there's nothing to stop.
        let _: std::io::Result<usize> = self.stop.write(&[0]);
        thread.join().unwrap_or(Err(Error::Panicked))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(%error, "the host had failed");
        }
    }
}
