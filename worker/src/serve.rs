//! Frames from the host in, frames to the host out, one thread per core between them.
//!
//! ```text
//! socket ─▶ inbox ─▶ threads: open, run, answer ─▶ outbox ─▶ socket
//!             ▲            │ ▲
//!             └─ returned ─┤ └─ watchdog: answers for an order that overruns,
//!                          ▼    gives back what waits, ends the process
//! ```
//!
//! Each thread reads its requests and writes its answers itself, one at a time; nothing is queued
//! in between. At most one unfinished frame and 64 KiB are held besides the requests that are being
//! worked on: when all threads are busy, requests wait in the socket, and the host stops reading
//! when that is full. An answer that the host doesn't take in half a minute ends the process.
//!
//! No thread can be stopped in the middle of a workload. So when one overruns its limit the
//! watchdog answers in its place and the process ends; the host starts another.

mod inbox;
mod outbox;
mod watchdog;

use std::net::Shutdown;
use std::num::NonZeroUsize;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use link::Kind;
use protocol::SystemEntropy;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use serde::Serialize;

use self::inbox::{Inbox, Taken};
use self::outbox::Outbox;
use self::watchdog::Watchdog;
use crate::boot::Serving;
use crate::directory::{Finding, Watch};
use crate::engine::{Engine, Job, Step};

/// Exit codes that the host understands.
pub mod exit {
    /// The host closed the connection, or asked for the end.
    pub const END_OF_FILE: u8 = 0;
    /// A fault of the program's own.
    pub const INTERNAL: u8 = 70;
    /// A workload overran; another process shall take over at once.
    pub const REPLACED: u8 = 75;
    /// The worker's entry in its key directory is not its own; no other process shall be started.
    pub const FOREIGN: u8 = 76;
    /// The arguments or the keys can't be used.
    pub const CONFIGURATION: u8 = 78;
}

/// What the program is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The worker's name.
    pub worker: String,
    /// Threads that run workloads.
    pub threads: NonZeroUsize,
    /// The longest time limit of its workloads: how long its host must bear with it.
    pub longest: Duration,
}

/// Why serving ended before the host closed the connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The connection to the host broke.
    #[error("the connection to the host broke")]
    Connection(#[from] std::io::Error),
    /// The host sent what no host may.
    #[error("the host broke the framing")]
    Framing(#[from] link::Error),
    /// The host sent a frame that only a program may send.
    #[error("the host sent a frame of the wrong kind")]
    Kind,
}

#[derive(Serialize)]
struct Ready<'a> {
    worker: &'a str,
    threads: usize,
    keys: &'a str,
    /// In seconds.
    longest: u64,
}

/// Serves until the host closes `stream`.
///
/// # Errors
///
/// When the connection breaks or the host sends what it must not.
pub fn serve(stream: UnixStream, serving: Serving, config: &Config) -> Result<(), Error> {
    silence_panics();
    let (engine, keys, directory) = serving.into_parts();
    let shared = Arc::new(Shared {
        engine,
        directory,
        inbox: Inbox::new(stream.try_clone()?),
        outbox: Outbox::new(stream.try_clone()?)?,
        watchdog: Watchdog::new(),
        entropy: SystemEntropy::new(),
        stream,
        fault: Mutex::new(None),
    });
    for number in 0..config.threads.get() {
        let shared = Arc::clone(&shared);
        spawn(format!("workload-{number}"), move || {
            // A panic outside a workload is a fault of ours; a process with a thread less would
            // never be noticed, so end and be replaced.
            let _ = catch_unwind(AssertUnwindSafe(|| shared.work()));
            std::process::exit(exit::INTERNAL.into());
        })?;
    }
    let guard = Arc::clone(&shared);
    spawn("watchdog".to_owned(), move || guard.watch())?;

    let ready = Ready {
        worker: &config.worker,
        threads: config.threads.get(),
        keys,
        longest: config.longest.as_secs() + u64::from(config.longest.subsec_nanos() > 0),
    };
    // Made of strings and a number: writing it can't fail.
    let ready = serde_json::to_vec(&ready).unwrap_or_default();
    shared.outbox.send(Kind::Ready, 0, &ready)?;
    until_closed(&shared.stream)?;
    let fault = shared.fault().take();
    fault.map_or(Ok(()), Err)
}

/// Workloads may recurse; the stack is reserved, not used.
const STACK: usize = 8 * 1024 * 1024;

fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let builder = std::thread::Builder::new().name(name).stack_size(STACK);
    builder.spawn(body).map(drop)
}

/// Waits until the connection is closed, by the host or by [`Shared::fail`]. The threads see it too
/// when they read or write, but a workload may keep them from that for long.
fn until_closed(stream: &UnixStream) -> std::io::Result<()> {
    loop {
        match poll(&mut [PollFd::new(stream, PollFlags::RDHUP)], None) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// A panic's message may hold a workload's input: say where, and never what.
fn silence_panics() {
    std::panic::set_hook(Box::new(|info| {
        if let Some(place) = info.location() {
            eprintln!("panicked at {}:{}", place.file(), place.line());
        }
    }));
}

struct Shared {
    engine: Engine,
    /// What looks after the worker's entry in its key directory, if it has one.
    directory: Option<Watch>,
    inbox: Inbox,
    outbox: Outbox,
    watchdog: Watchdog<Arc<Job>>,
    entropy: SystemEntropy,
    stream: UnixStream,
    /// Why the connection was closed from this side.
    fault: Mutex<Option<Error>>,
}

impl Shared {
    /// One thread's life.
    fn work(&self) {
        loop {
            let (tag, body) = match self.inbox.take() {
                Ok(Some(Taken::Request(tag, body))) => (tag, body),
                Ok(Some(Taken::Entry(answer))) => {
                    self.look(&answer);
                    continue;
                }
                Ok(None) => rest(),
                Err(error) => self.fail(error),
            };
            let job = match self.engine.open(&body, &self.entropy) {
                Step::Reply(reply) => {
                    self.answer(tag, &reply);
                    continue;
                }
                Step::Run(job) => job,
            };
            drop(body);
            let watch = self.watchdog.start(tag, job.time_limit(), Arc::clone(&job));
            let reply = job.run(self.engine.keys(), &self.entropy);
            if !self.watchdog.stop(watch) {
                // The watchdog has answered and is about to end the process.
                rest();
            }
            self.answer(tag, &reply);
        }
    }

    /// Ends the process with an error of the connection's.
    fn fail(&self, error: Error) -> ! {
        self.fault().get_or_insert(error);
        // It may be closed already.
        let _ = self.stream.shutdown(Shutdown::Both);
        rest()
    }

    fn fault(&self) -> MutexGuard<'_, Option<Error>> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, tag: u64, reply: &[u8]) {
        if self.outbox.send(Kind::Response, tag, reply).is_err() {
            // Nobody is there to hear it; the reader sees the same and ends the process.
            std::process::exit(exit::INTERNAL.into());
        }
    }

    /// Looks at what the key directory says of this worker, and ends the process if that is not its entry.
    fn look(&self, answer: &[u8]) {
        let Some(directory) = &self.directory else {
            return;
        };
        let finding = directory.look(answer);
        let code = finding.code().unwrap_or_default();
        match finding {
            Finding::Good | Finding::Unproved(None) => {}
            Finding::Unproved(Some(why)) => {
                eprintln!("what the host shows of the key directory proves nothing: {why}");
            }
            Finding::Foreign(why) => {
                eprintln!(
                    "error[{code}]: the entry of this worker in the key directory is not its own: {why}"
                );
                self.end(link::ending::DIRECTORY, exit::FOREIGN);
            }
        }
    }

    /// Gives back what nobody has begun, and ends the process.
    fn end(&self, why: &str, code: u8) -> ! {
        for tag in self.inbox.close() {
            let _ = self.outbox.send(Kind::Returned, tag, b"");
        }
        let _ = self.outbox.send(Kind::Ending, 0, why.as_bytes());
        std::process::exit(code.into());
    }

    /// The watchdog's life: it ends with the process.
    fn watch(&self) {
        let (tag, job) = self.watchdog.wait();
        eprintln!("a workload overran its time limit; this process ends");
        let _ = self
            .outbox
            .send(Kind::Response, tag, &job.overdue(&self.entropy));
        self.end(link::ending::OVERRUN, exit::REPLACED);
    }
}

/// Does nothing for the rest of the process's life.
fn rest() -> ! {
    loop {
        std::thread::park();
    }
}
