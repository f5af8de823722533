//! Host processes: started, started again, stopped.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::terminal::Terminal;

/// What every host is told.
#[derive(Clone)]
pub(super) struct HostPlan {
    /// What the hosts start.
    pub(super) start: Start,
    /// The manager's endpoint.
    pub(super) manager: String,
    /// The file with the token that the manager asks for.
    pub(super) token_file: PathBuf,
    /// Threads of each worker program.
    pub(super) threads: Option<NonZeroUsize>,
}

/// What a host starts.
#[derive(Clone)]
pub(super) enum Start {
    /// A program's file.
    Program(PathBuf),
    /// An image's program, on a simulated platform: their folders.
    Image {
        /// With stream and SIGSTRUCT.
        image: PathBuf,
        /// With the platform's state.
        platform: PathBuf,
    },
}

/// The hosts of a platform. Dropping them kills the processes.
pub(super) struct Hosts {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// First wait before a host that ended is started again; doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest such wait.
const LAST_PAUSE: Duration = Duration::from_secs(10);
/// A host that ran so long has earned the first wait again.
const SETTLED: Duration = Duration::from_secs(10);
/// How long a host may take to stop: longer than it lets orders in flight take, and its program.
const GRACE: Duration = Duration::from_secs(10);

impl Hosts {
    /// Starts a host for each worker, given with its key file, and keeps them running.
    pub(super) fn start(
        plan: &HostPlan,
        workers: impl Iterator<Item = (String, PathBuf)>,
        terminal: &Terminal,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for (worker, keys) in workers {
            let host = Host {
                plan: plan.clone(),
                worker,
                keys,
                terminal: *terminal,
            };
            tasks.spawn(host.keep(stopped.clone()));
        }
        Self { stop, tasks }
    }

    /// No hosts.
    pub(super) fn none() -> Self {
        Self {
            stop: watch::channel(false).0,
            tasks: JoinSet::new(),
        }
    }

    /// Asks all to stop, and waits; kills those that don't.
    pub(super) async fn stop(mut self) {
        // Fails only if none is left.
        let _none = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

struct Host {
    plan: HostPlan,
    worker: String,
    keys: PathBuf,
    terminal: Terminal,
}

impl Host {
    async fn keep(self, mut stop: watch::Receiver<bool>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let begun = Instant::now();
            let end = match self.spawn() {
                Ok(child) => match self.attend(child, &mut stop).await {
                    None => return,
                    Some(status) => format!("ended by itself ({status})"),
                },
                Err(error) => format!("cannot be started: {error}"),
            };
            if begun.elapsed() > SETTLED {
                pause = FIRST_PAUSE;
            }
            self.terminal.warn(format_args!(
                "the host of {} {end}; trying again in {:.1} s",
                self.worker,
                pause.as_secs_f32()
            ));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = told(&mut stop) => return,
            }
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// Waits until the host ends: by itself, then with its status, or because it was asked to.
    async fn attend(
        &self,
        mut child: Child,
        stop: &mut watch::Receiver<bool>,
    ) -> Option<ExitStatus> {
        let lines = child.stderr.take().map(|stderr| self.relay(stderr));
        // Held open until the host has ended; when this process dies, however it dies, the host
        // reads the end of it and stops.
        let pipe = child.stdin.take();
        let end = tokio::select! {
            status = child.wait() => status.ok(),
            () = told(stop) => {
                terminate(&child);
                if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
                    self.terminal.warn(format_args!("the host of {} does not stop and is killed", self.worker));
                    let _ended: std::io::Result<()> = child.kill().await;
                }
                None
            }
        };
        drop(pipe);
        if let Some(lines) = lines {
            // Its last lines; the program below it may have kept the pipe.
            let _late = tokio::time::timeout(Duration::from_millis(200), lines).await;
        }
        end
    }

    fn relay(
        &self,
        stderr: impl AsyncRead + Unpin + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        let (terminal, worker) = (self.terminal, self.worker.clone());
        tokio::spawn(async move {
            let mut lines = BufReader::new(stderr).split(b'\n');
            while let Ok(Some(line)) = lines.next_segment().await {
                let line = String::from_utf8_lossy(&line);
                terminal.pass_on(&worker, line.trim_end());
            }
        })
    }

    fn spawn(&self) -> std::io::Result<Child> {
        // The running program itself, even if its file has been replaced since.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("sconce").args(self.terminal.options());
        command.args(["host", "--until-stdin-closes", "--worker", &self.worker]);
        command.args(["--manager", &self.plan.manager]);
        command.arg("--token-file").arg(&self.plan.token_file);
        match &self.plan.start {
            Start::Program(file) => {
                command.arg("--program").arg(file);
            }
            Start::Image { image, platform } => {
                command.arg("--image").arg(image);
                command.arg("--platform").arg(platform);
            }
        }
        command.arg("--development-keys").arg(&self.keys);
        if let Some(threads) = self.plan.threads {
            command.args(["--threads", &threads.to_string()]);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C is for the supervisor; it stops the hosts in its own order.
            .process_group(0)
            .kill_on_drop(true);
        command.spawn()
    }
}

/// Waits until the hosts are to stop.
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
