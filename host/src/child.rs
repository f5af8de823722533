//! The program as a process: starting it, its log lines, its end.

use std::io::{self, ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use mio::unix::pipe;

use crate::config::{Config, Program};
use crate::error::Error;
use crate::lines::Lines;

/// Bytes of log read at once before other work gets its turn.
const READ: usize = 16 * 1024;

/// First wait between two looks whether the program has exited; doubles each time.
const FIRST_LOOK: Duration = Duration::from_millis(1);

/// Longest such wait.
const LAST_LOOK: Duration = Duration::from_millis(50);

/// The first descriptor that isn't standard input, output or error.
const FIRST_OTHER: i32 = 3;

/// A program that has been started and not yet been seen to exit. Dropping it kills it.
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) log: Option<pipe::Receiver>,
    lines: Lines,
    exited: bool,
}

/// Starts the program and gives it one end of a socket pair as standard input; the other end is
/// returned.
///
/// The program inherits nothing else: no descriptor, no
/// environment but the configured one, no terminal signals (it's in a process group of its own, so
/// that an operator's Ctrl-C reaches the host alone and requests in flight are answered).
pub(crate) fn start(config: &Config) -> Result<(Child, UnixStream), Error> {
    let (ours, theirs) =
        UnixStream::pair().map_err(Error::system("make a pair of connected sockets"))?;
    ours.set_nonblocking(true)
        .map_err(Error::system("set up a socket"))?;

    // Rust's descriptors are close-on-exec by themselves; some of libzmq's, and whatever the host's
    // own parent left open, are not.
    close_fds::set_fds_cloexec_threadsafe(FIRST_OTHER, &[]);
    let Program::Bare(path) = &config.program else {
        return Err(Error::system("launch a measured program")(
            ErrorKind::Unsupported.into(),
        ));
    };
    let mut process = Command::new(path)
        .args(&config.program_args)
        .env_clear()
        .envs(config.program_env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|source| Error::Start {
            path: path.clone(),
            source,
        })?;
    let log = process.stderr.take().map(pipe::Receiver::from);
    let child = Child {
        process,
        log,
        lines: Lines::default(),
        exited: false,
    };
    if let Some(log) = &child.log {
        log.set_nonblocking(true)
            .map_err(Error::system("set up a pipe"))?;
    }
    Ok((child, ours))
}

impl Child {
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Gives the log lines that have arrived to `line`. `true` if there may be more without another
    /// event.
    pub(crate) fn read_log(&mut self, mut line: impl FnMut(&str)) -> bool {
        let mut buffer = [0; READ];
        let Some(log) = &mut self.log else {
            return false;
        };
        loop {
            match log.read(&mut buffer) {
                Ok(count) if count > 0 => {
                    self.lines.push(&buffer[..count], &mut line);
                    return true;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Ok(_) | Err(_) => {
                    self.lines.finish(&mut line);
                    self.log = None;
                    return false;
                }
            }
        }
    }

    /// How it ended, if it has.
    pub(crate) fn exit(&mut self) -> Option<ExitStatus> {
        match self.process.try_wait() {
            Ok(status) => {
                self.exited = status.is_some();
                status
            }
            Err(error) => {
                tracing::warn!(%error, "cannot ask whether the program has exited");
                None
            }
        }
    }

    pub(crate) fn kill(&mut self) {
        if !self.exited
            && let Err(error) = self.process.kill()
        {
            tracing::warn!(%error, pid = self.pid(), "cannot kill the program");
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.exited {
            self.kill();
            let _: io::Result<ExitStatus> = self.process.wait();
        }
    }
}

/// When to look whether a program has exited, and when to stop being patient.
///
/// A process's end makes no event that can be waited for together with sockets on every system, so
/// this looks, soon at first and then ever more seldom. It happens only between the closing of a
/// program's socket and its exit, which is mostly less than a millisecond.
pub(crate) struct Watch {
    pub(crate) next: Instant,
    step: Duration,
    /// When it's killed; `None` once that's done.
    kill_at: Option<Instant>,
}

impl Watch {
    /// Looks from `now` on and kills after `grace`.
    pub(crate) fn new(now: Instant, grace: Duration) -> Self {
        Self {
            next: now + FIRST_LOOK,
            step: FIRST_LOOK,
            kill_at: Some(now + grace),
        }
    }

    /// Looks if it's time to.
    pub(crate) fn look(&mut self, child: &mut Child, now: Instant) -> Option<ExitStatus> {
        if now < self.next {
            return None;
        }
        if let Some(status) = child.exit() {
            return Some(status);
        }
        if self.kill_at.is_some_and(|at| at <= now) {
            child.kill();
            self.kill_at = None;
            self.step = FIRST_LOOK;
        }
        self.next = now + self.step;
        self.step = (self.step * 2).min(LAST_LOOK);
        None
    }
}
