//! The program as a process: starting it, its log lines, its end.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt as _, FdMapping};
use mio::unix::pipe;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::error::Error;
use crate::launch::{Launcher, Reports};
use crate::lines::Lines;
use crate::outfit::{FIRST_OTHER, LAST_GIVEN, Outfit, REPORT_SOCKET};

/// Bytes of log read at once before other work gets its turn.
const READ: usize = 16 * 1024;

/// First wait between two looks whether the program has exited; doubles each time.
const FIRST_LOOK: Duration = Duration::from_millis(1);

/// Longest such wait.
const LAST_LOOK: Duration = Duration::from_millis(50);

/// A program that has been started and not yet been seen to exit. Dropping it kills it.
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) log: Option<pipe::Receiver>,
    lines: Lines,
    exited: bool,
    _reports: Option<Reports>,
}

/// Starts the program and gives it one end of a socket pair as standard input; the other end is
/// returned.
///
/// The program inherits nothing else but what it is told of: no descriptor, no
/// environment but its own, no terminal signals (it's in a process group of its own, so
/// that an operator's Ctrl-C reaches the host alone and requests in flight are answered).
pub(crate) fn start(launcher: &Launcher, outfit: Outfit) -> Result<(Child, UnixStream), Error> {
    let (ours, theirs) = pair()?;
    ours.set_nonblocking(true)
        .map_err(Error::system("set up a socket"))?;

    // Not by `Stdio::piped`: a measured program is started where what that opens is out of reach.
    let (log, said) = io::pipe().map_err(Error::system("make a pipe"))?;
    let (process, reports) = match launcher {
        Launcher::Bare(path) => {
            let ends = [theirs.into(), said.into()];
            let mut order = Order::new(Command::new(path), outfit, ends, None)?;
            let started = order.command.spawn().map_err(|source| Error::Start {
                path: path.clone(),
                source,
            })?;
            (started, None)
        }
        Launcher::Measured(measured) => {
            let (service, socket) = pair()?;
            let reports = measured.serve(service)?;
            let socket = Some(socket.into());
            let ends = [theirs.into(), said.into()];
            let mut order = Order::new(measured.command(), outfit, ends, socket)?;
            (measured.spawn(&mut order.command)?, Some(reports))
        }
    };
    let log = pipe::Receiver::from(ChildStderr::from(OwnedFd::from(log)));
    log.set_nonblocking(true)
        .map_err(Error::system("set up a pipe"))?;
    let child = Child {
        process,
        log: Some(log),
        lines: Lines::default(),
        exited: false,
        _reports: reports,
    };
    Ok((child, ours))
}

fn pair() -> Result<(UnixStream, UnixStream), Error> {
    UnixStream::pair().map_err(Error::system("make a pair of connected sockets"))
}

/// A command, with all that the process is to have and to be told.
struct Order {
    command: Command,
    /// Holds the numbers of given descriptors here, so that none of those that starting a process itself
    /// takes gets one of them, and is replaced in the process before its time.
    _held: Vec<OwnedFd>,
}

impl Order {
    fn new(
        mut command: Command,
        outfit: Outfit,
        [link, log]: [OwnedFd; 2],
        report_socket: Option<OwnedFd>,
    ) -> Result<Self, Error> {
        // It's opened here: in its sandbox a process can open nothing.
        let nothing = File::options()
            .write(true)
            .open("/dev/null")
            .map_err(Error::system("open /dev/null"))?;
        let _held = hold(&nothing).map_err(Error::system("duplicate a descriptor"))?;
        command.args(outfit.args);
        let mut given = Vec::new();
        if let Some(socket) = report_socket {
            tell(&mut command, "--report-socket", REPORT_SOCKET);
            given.push(mapping(socket, REPORT_SOCKET));
        }
        for thing in outfit.given {
            tell(&mut command, thing.argument, thing.number);
            given.push(mapping(thing.descriptor, thing.number));
        }
        // Rust's descriptors are close-on-exec by themselves; some of libzmq's, and whatever the host's
        // own parent left open, are not.
        close_fds::set_fds_cloexec_threadsafe(FIRST_OTHER, &[]);
        command
            .env_clear()
            .envs(outfit.env)
            .stdin(Stdio::from(link))
            .stdout(Stdio::from(nothing))
            .stderr(Stdio::from(log))
            .process_group(0);
        if !given.is_empty() {
            command.fd_mappings(given).map_err(|collision| {
                Error::system("give descriptors")(io::Error::other(collision))
            })?;
        }
        Ok(Self { command, _held })
    }
}

fn tell(command: &mut Command, name: &str, number: RawFd) {
    command.arg(name).arg(number.to_string());
}

fn mapping(parent_fd: OwnedFd, child_fd: RawFd) -> FdMapping {
    FdMapping {
        parent_fd,
        child_fd,
    }
}

/// Duplicates `file` until none of the numbers that are given is free.
fn hold(file: &File) -> io::Result<Vec<OwnedFd>> {
    let mut held = Vec::new();
    loop {
        let descriptor = OwnedFd::from(file.try_clone()?);
        let is_beyond = descriptor.as_raw_fd() > LAST_GIVEN;
        held.push(descriptor);
        if is_beyond {
            return Ok(held);
        }
    }
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

    /// How it ended, if it has. No copy that it has made of itself outlives it.
    pub(crate) fn exit(&mut self) -> Option<ExitStatus> {
        if self.has_exited() {
            self.kill_group();
        }
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
        self.kill_group();
        if !self.exited
            && let Err(error) = self.process.kill()
        {
            tracing::warn!(%error, pid = self.pid(), "cannot kill the program");
        }
    }

    /// Whether it has exited, and has yet to be waited for: until then its number is nobody else's.
    fn has_exited(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let seen = self.group().map(|pid| waitid(WaitId::Pid(pid), look));
        matches!(seen, Some(Ok(Some(_))))
    }

    /// The program and whatever it has started, which is in its process group unless it has left that.
    fn kill_group(&self) {
        if let Some(group) = self.group() {
            // It fails if nobody is left, or if the program has not got to making its group.
            let _none: rustix::io::Result<()> = kill_process_group(group, Signal::KILL);
        }
    }

    /// Its process group, which has its number; `None` once that may be somebody else's.
    fn group(&self) -> Option<Pid> {
        let number = i32::try_from(self.pid()).ok();
        number.filter(|_| !self.exited).and_then(Pid::from_raw)
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
