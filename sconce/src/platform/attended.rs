//! Processes of a platform: started, started again when they end, stopped.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// A process that is kept running. Dropped without [`stop`](Self::stop), it's killed.
pub(super) struct Attended {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// What is kept running.
pub(super) trait Launch: Send + Sync + 'static {
    /// Whose process it is, as in `the host of scone-worker-1`.
    fn title(&self) -> String;

    /// What stands before its lines.
    fn label(&self) -> &str;

    /// The command. Its standard streams and its process group are chosen here, but for an input that
    /// it needs.
    fn command(&self, terminal: &Terminal) -> io::Result<Prepared>;

    /// The longest wait before it is started again.
    fn longest_pause(&self) -> Duration {
        LAST_PAUSE
    }
}

/// A command, and what its process reads.
pub(super) struct Prepared {
    pub(super) command: Command,
    /// Its standard input, and what has to stay open for as long as it runs.
    pub(super) input: Option<(OwnedFd, OwnedFd)>,
}

/// First wait before a process that ended is started again; doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest such wait, but for processes that others wait for.
const LAST_PAUSE: Duration = Duration::from_secs(10);
/// One that ran so long has earned the first wait again: what can't start ends sooner.
const SETTLED: Duration = Duration::from_secs(2);
/// How long one may take to stop: longer than a host lets orders in flight take, and its program.
const GRACE: Duration = Duration::from_secs(10);
/// Longest failure that a process writes, in bytes.
const LONGEST: u64 = 64 * 1024;
/// For the last lines of a process that has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);

impl Attended {
    /// Starts it.
    pub(super) fn start(what: impl Launch, terminal: &Terminal) -> Self {
        Self::start_watched(what, terminal).0
    }

    /// Starts it. If it ends with a failure that would be the same each time, as JSON on its standard
    /// output, that is the end for as long as somebody waits for it; later it's tried again all the same.
    pub(super) fn start_watched(
        what: impl Launch,
        terminal: &Terminal,
    ) -> (Self, oneshot::Receiver<Failure>) {
        let (stop, stopped) = watch::channel(false);
        let (refusals, refusal) = oneshot::channel();
        let one = One {
            what,
            terminal: *terminal,
        };
        let task = tokio::spawn(one.keep(stopped, refusals));
        (Self { stop, task }, refusal)
    }

    /// Asks it to stop, without waiting.
    pub(super) fn ask_to_stop(&self) {
        // Fails only if it has ended.
        let _none = self.stop.send(true);
    }

    /// Whether nothing of it is left.
    pub(super) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Asks it to stop, and waits; it's killed if it doesn't.
    pub(super) async fn stop(mut self) {
        self.ask_to_stop();
        // It is never cancelled before, and does not panic.
        let _ended = (&mut self.task).await;
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        // The process is killed when its handle is dropped.
        self.task.abort();
    }
}

/// How a process has ended by itself.
struct Ended {
    status: ExitStatus,
    /// What it says that will be the same the next time.
    refusal: Option<Failure>,
}

struct One<W> {
    what: W,
    terminal: Terminal,
}

impl<W: Launch> One<W> {
    async fn keep(self, mut stop: watch::Receiver<bool>, refusals: oneshot::Sender<Failure>) {
        let mut pause = FIRST_PAUSE;
        let mut said = String::new();
        loop {
            let begun = Instant::now();
            let (end, refusal) = match self.spawn() {
                Ok((child, held)) => match self.attend(child, held, &mut stop).await {
                    None => return,
                    Some(ended) => (format!("ended by itself ({})", ended.status), ended.refusal),
                },
                Err(error) => (format!("cannot be started: {error}"), None),
            };
            match refusal {
                Some(failure) if !refusals.is_closed() => {
                    // Fails only if nobody waits any more, who has said why.
                    let _none = refusals.send(failure);
                    return;
                }
                Some(failure) => {
                    let failure = format!("{}{failure}", failure.mark());
                    if failure != said {
                        self.warn(format_args!("ends, and is tried again: {failure}"));
                        said = failure;
                    }
                }
                None => {
                    said.clear();
                    if begun.elapsed() > SETTLED {
                        pause = FIRST_PAUSE;
                    }
                    self.warn(format_args!(
                        "{end}; trying again in {:.1} s",
                        pause.as_secs_f32()
                    ));
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = told(&mut stop) => return,
            }
            pause = (pause * 2).min(self.what.longest_pause());
        }
    }

    /// Waits until the process ends: by itself, then with its status, or because it was asked to.
    async fn attend(
        &self,
        mut child: Child,
        held: Option<OwnedFd>,
        stop: &mut watch::Receiver<bool>,
    ) -> Option<Ended> {
        let lines = child.stderr.take().map(|stderr| self.relay(stderr));
        let output = child.stdout.take();
        // Held open until the process has ended; when this one dies, however it dies, the other reads
        // the end of it and stops.
        let pipe = child.stdin.take();
        let end = tokio::select! {
            status = child.wait() => status.ok(),
            () = told(stop) => {
                terminate(&child);
                if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
                    self.warn(format_args!("does not stop and is killed"));
                    let _ended: io::Result<()> = child.kill().await;
                }
                None
            }
        };
        drop((pipe, held));
        if let Some(lines) = lines {
            // Its last lines; the program below it may have kept the pipe.
            let _late = tokio::time::timeout(LAST_WORDS, lines).await;
        }
        Some(Ended {
            status: end?,
            refusal: refusal(output?).await,
        })
    }

    fn relay(&self, stderr: impl AsyncRead + Unpin + Send + 'static) -> JoinHandle<()> {
        let (terminal, label) = (self.terminal, self.what.label().to_owned());
        tokio::spawn(async move {
            let mut lines = BufReader::new(stderr).split(b'\n');
            while let Ok(Some(line)) = lines.next_segment().await {
                let line = String::from_utf8_lossy(&line);
                terminal.pass_on(&label, line.trim_end());
            }
        })
    }

    fn spawn(&self) -> io::Result<(Child, Option<OwnedFd>)> {
        let Prepared { mut command, input } = self.what.command(&self.terminal)?;
        let (input, held) = match input {
            Some((input, held)) => (input.into(), Some(held)),
            None => (Stdio::piped(), None),
        };
        let child = command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for the supervisor; it stops the others in its own order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        Ok((child, held))
    }

    fn warn(&self, what: fmt::Arguments<'_>) {
        let title = self.what.title();
        self.terminal.warn(format_args!("{title} {what}"));
    }
}

/// This very program, even if its file has been replaced since, with the options of this process.
pub(super) fn itself(terminal: &Terminal) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("sconce").args(terminal.options());
    command
}

/// The failure that a process has written before it ended, if it has.
async fn refusal(output: ChildStdout) -> Option<Failure> {
    let mut text = Vec::new();
    let mut output = output.take(LONGEST);
    let read = tokio::time::timeout(LAST_WORDS, output.read_to_end(&mut text)).await;
    read.ok()?.ok()?;
    Failure::from_json(&text)
}

/// Waits until the process is to stop.
async fn told(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody can say so any more, which says the same.
    let _stop = stop.wait_for(|stop| *stop).await;
}

fn terminate(child: &Child) {
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It isn't reaped yet, so the id is its own; failing means that it has just ended.
        let _ended = kill_process(pid, Signal::TERM);
    }
}
