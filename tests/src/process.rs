//! Other processes, as `/proc` shows them: who they are, what they cost; and signals to them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, kill_process};
use rustix::time::{ClockId, clock_gettime};

pub use rustix::process::Signal;

/// A process that was there once. A later one with its id is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Process {
    pid: u32,
    /// When it was started, in ticks since the machine was.
    started: u64,
}

/// Ticks a second in `/proc/PID/stat`: part of Linux's interface on every machine we run on.
const USER_HZ: u64 = 100;

/// The state of a socket that listens, in `/proc/PID/net/tcp`.
const LISTEN: &str = "0A";

impl Process {
    /// The process that has this id now.
    pub fn of(pid: u32) -> Option<Self> {
        let started = stat(pid)?.started;
        Some(Self { pid, started })
    }

    /// Its id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it still runs, or hangs; one that has ended and wasn't waited for doesn't.
    pub fn is_alive(&self) -> bool {
        self.stat().is_some_and(|stat| stat.state != 'Z')
    }

    /// Sends it a signal; one that has ended gets none.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| self.is_alive()) {
            // It may have ended in between.
            let _ended = kill_process(pid, signal);
        }
    }

    /// The TCP ports of IPv4 and IPv6 that it listens on.
    pub fn listening_ports(&self) -> Vec<u16> {
        let sockets = self.sockets();
        let listens = |line: &str| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let (_, port) = fields.get(1)?.rsplit_once(':')?;
            let own = sockets
                .iter()
                .any(|socket| fields.get(9) == Some(&socket.as_str()));
            let port = u16::from_str_radix(port, 16).ok()?;
            (own && fields[3] == LISTEN).then_some(port)
        };
        ["net/tcp", "net/tcp6"]
            .map(|table| fs::read_to_string(self.file(table)).unwrap_or_default())
            .iter()
            .flat_map(|table| table.lines().filter_map(listens))
            .collect()
    }

    /// The numbers of the sockets that it has, of any kind.
    pub fn sockets(&self) -> Vec<String> {
        let files = fs::read_dir(self.file("fd"));
        let links = files.into_iter().flatten().flatten();
        links
            .filter_map(|file| fs::read_link(file.path()).ok())
            .filter_map(|link| {
                let name = link.to_string_lossy().into_owned();
                Some(name.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
            })
            .collect()
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        let tasks = fs::read_dir(self.file("task"));
        tasks.into_iter().flatten().flatten().count()
    }

    /// The program that it runs.
    pub fn program(&self) -> Option<PathBuf> {
        fs::read_link(self.file("exe")).ok()
    }

    /// Its arguments, its own name first.
    pub fn arguments(&self) -> Vec<String> {
        let text = fs::read(self.file("cmdline")).unwrap_or_default();
        text.split(|byte| *byte == 0)
            .map(|argument| String::from_utf8_lossy(argument).into_owned())
            .collect()
    }

    /// Processor time of all its threads so far, those that have ended included.
    pub fn cpu(&self) -> Option<Duration> {
        let ticks = self.stat()?.ticks;
        Some(Duration::from_millis(ticks * 1000 / USER_HZ))
    }

    /// Bytes of it that are in memory, shared ones included.
    pub fn resident(&self) -> Option<u64> {
        field(&self.file("status"), "VmRSS:")
    }

    /// The most bytes of it that were in memory at any time, shared ones included.
    pub fn peak(&self) -> Option<u64> {
        field(&self.file("status"), "VmHWM:")
    }

    /// Bytes of it that are in memory, each shared one divided by how many share it.
    pub fn proportional(&self) -> Option<u64> {
        field(&self.file("smaps_rollup"), "Pss:")
    }

    fn stat(&self) -> Option<Stat> {
        stat(self.pid).filter(|stat| stat.started == self.started)
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.pid.to_string()).join(name)
    }
}

/// Processor time of the calling thread so far. What `/proc` says of it is as old as the last tick of the
/// scheduler's clock: up to 4 ms.
pub fn this_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("time does not run backwards")
}

/// All that a process has started, and those have, and so on.
pub fn descendants(pid: u32) -> Vec<Process> {
    let mut found = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        let children = children(parent);
        parents.extend(&children);
        found.extend(children.into_iter().filter_map(Process::of));
    }
    found.sort();
    found
}

/// All processes but this one that have a file in `folder` among their arguments.
pub fn mentioning(folder: &Path) -> Vec<Process> {
    let folder = folder.to_string_lossy();
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != std::process::id())
        .filter_map(Process::of)
        .filter(|process| process.is_alive())
        .filter(|process| {
            let arguments = process.arguments();
            arguments.iter().any(|one| one.contains(&*folder))
        })
        .collect()
}

/// Children stand with the thread that started them.
fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    threads
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|text| {
            let pids = text.split_whitespace().filter_map(|pid| pid.parse().ok());
            pids.collect::<Vec<u32>>()
        })
        .collect()
}

struct Stat {
    state: char,
    ticks: u64,
    started: u64,
}

/// See proc_pid_stat(5). The name, in brackets, may hold anything; what follows it is numbers.
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    // The first of these is the third of the manual page.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        ticks: number(14)? + number(15)?,
        started: number(22)?,
    })
}

/// A line such as `VmRSS:   1234 kB`, in bytes.
fn field(file: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}
