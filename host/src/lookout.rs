//! Fetching the worker's entry from its key directory, again and again, while a program is ready.
//!
//! The directory may be away, or slow, and the host's one thread never waits: a thread of its own asks. What the
//! entry is worth the program finds out; here it is carried, and nothing of it is read.

use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use protocol::WorkerId;
use vault_client::plain::{self, Patience};

use crate::config::{Directory, WorkerName};
use crate::error::Error;

/// How much of a directory is borne with. Its answers have some ten kilobytes, or a hundred with much evidence.
const PATIENCE: Patience = Patience {
    time: Duration::from_secs(10),
    body: 1024 * 1024,
};

/// The host's main thread's end of it.
pub(crate) struct Lookout {
    shared: Arc<Shared>,
    entries: mpsc::Receiver<(u64, Vec<u8>)>,
    signal: UnixStream,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Counts programs: what was fetched for an earlier one is of no interest.
    program: u64,
    /// Whether there is one that is ready.
    wanted: bool,
    ended: bool,
}

impl Lookout {
    /// A lookout for a worker, whose entries come as `event`. It asks when [`begin`](Self::begin) says so.
    pub(crate) fn start(
        directory: &Directory,
        worker: &WorkerName,
        registry: &Registry,
        event: Token,
    ) -> Result<Self, Error> {
        let pair = UnixStream::pair().and_then(|(signal, raise)| {
            signal.set_nonblocking(true)?;
            raise.set_nonblocking(true)?;
            Ok((signal, raise))
        });
        let (signal, raise) = pair.map_err(Error::system("make a pair of connected sockets"))?;
        registry
            .register(
                &mut SourceFd(&signal.as_raw_fd()),
                event,
                Interest::READABLE,
            )
            .map_err(Error::system("wait for a socket"))?;
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let (found, entries) = mpsc::channel();
        let run = Run {
            shared: Arc::clone(&shared),
            directory: directory.clone(),
            worker: worker.clone(),
            path: format!(
                "/v1/users/{}",
                WorkerId::from_name(worker.as_str()).as_str()
            ),
            found,
            raise,
        };
        thread::Builder::new()
            .name("lookout".to_owned())
            .spawn(move || run.run())
            .map_err(Error::system("start a thread"))?;
        Ok(Self {
            shared,
            entries,
            signal,
        })
    }

    /// A program is ready: its worker's entry is fetched at once, and then regularly.
    pub(crate) fn begin(&self) {
        self.change(|state| {
            state.program += 1;
            state.wanted = true;
        });
    }

    /// The program is gone.
    pub(crate) fn forget(&self) {
        self.change(|state| state.wanted = false);
    }

    /// The newest entry that was fetched for the present program, if there is one that has not been taken.
    pub(crate) fn receive(&mut self) -> Option<Vec<u8>> {
        let mut bytes = [0; 16];
        while matches!(self.signal.read(&mut bytes), Ok(1..)) {}
        let (program, wanted) = {
            let state = self.shared.state();
            (state.program, state.wanted)
        };
        let present = |(fetched_for, _): &(u64, Vec<u8>)| wanted && *fetched_for == program;
        let entries = self.entries.try_iter().filter(present);
        entries.last().map(|(_, entry)| entry)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.state());
        self.shared.changed.notify_all();
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.change(|state| state.ended = true);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread.
struct Run {
    shared: Arc<Shared>,
    directory: Directory,
    worker: WorkerName,
    path: String,
    found: mpsc::Sender<(u64, Vec<u8>)>,
    raise: UnixStream,
}

impl Run {
    fn run(mut self) {
        let mut answers = true;
        let mut asked = None;
        while let Some(program) = self.next(asked) {
            asked = Some((program, Instant::now()));
            let fetched = self.fetch();
            self.tell(&fetched, &mut answers);
            if let Ok(entry) = fetched {
                let sent = self.found.send((program, entry));
                // If it is full, an event is on its way already.
                let _: io::Result<usize> = self.raise.write(&[0]);
                if sent.is_err() {
                    return;
                }
            }
        }
    }

    /// Waits until it is time to ask, for which program; `None` at the end. `asked` is for which was asked last,
    /// and when.
    fn next(&self, asked: Option<(u64, Instant)>) -> Option<u64> {
        let mut state = self.shared.state();
        loop {
            if state.ended {
                return None;
            }
            let due = match asked {
                Some((program, at)) if program == state.program => at + self.directory.check,
                _ => Instant::now(),
            };
            let left = due.saturating_duration_since(Instant::now());
            let changed = &self.shared.changed;
            state = if !state.wanted {
                changed.wait(state).unwrap_or_else(PoisonError::into_inner)
            } else if left.is_zero() {
                return Some(state.program);
            } else {
                let waited = changed.wait_timeout(state, left);
                waited.unwrap_or_else(PoisonError::into_inner).0
            };
        }
    }

    fn fetch(&self) -> Result<Vec<u8>, String> {
        let answer = plain::get(&self.directory.address, &self.path, PATIENCE);
        let answer = answer.map_err(|error| error.to_string())?;
        match answer.status {
            200 => Ok(answer.body.to_vec()),
            status => Err(format!("it answers with status {status}")),
        }
    }

    /// Says when the directory begins, and when it ceases, not to answer.
    fn tell(&self, fetched: &Result<Vec<u8>, String>, answers: &mut bool) {
        let (worker, directory) = (&self.worker, &*self.directory.address);
        match (fetched, std::mem::replace(answers, fetched.is_ok())) {
            (Err(why), true) => {
                tracing::warn!(
                    %worker, directory, code = "directory.unreachable",
                    "the key directory shows no entry of the worker: {}", why.escape_debug()
                );
            }
            (Ok(_), false) => {
                tracing::info!(%worker, directory, "the key directory answers again");
            }
            _ => {}
        }
    }
}
