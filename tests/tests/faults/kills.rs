//! SIGKILL and SIGSTOP at random moments: of the platform, of hosts, of workers.
//!
//! `SCONCE_KILLS` says how many processes are killed (default 20), `SCONCE_SEED` which, when and
//! how. The schedule is the same for the same seed; what the processes are doing at those moments
//! is not.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use sconce_tests::command::{Setup, Up};
use sconce_tests::process::{Process, Signal, mentioning};
use sconce_tests::random::{Choices, number_from};

use crate::load::{Load, Plan};

/// Two workers of two processes each.
const WORKERS: [&str; 2] = ["scone-worker-1", "scone-worker-2"];
const PROCESSES: &str = "2";

/// How long processes may outlive what started them: a host lets orders in flight end first.
const OUTLIVE: Duration = Duration::from_secs(15);

#[test]
fn each_accepted_order_ends_with_its_own_result() {
    let kills = number_from("SCONCE_KILLS", 20);
    let seed = crate::seed();
    println!("seed {seed}: SCONCE_SEED={seed} SCONCE_KILLS={kills} repeats this schedule");
    let begin = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::set(folder.path());
    let load = Load::start(Plan {
        uri: &format!("http://{}", scene.setup.listener.as_deref().unwrap()),
        workers: &WORKERS,
        requesters: 8,
        rest: Duration::from_millis(60),
        seed,
    });
    load.wait_for(20);
    for (number, fault) in schedule(seed, kills).into_iter().enumerate() {
        std::thread::sleep(fault.after);
        let what = scene.inflict(&fault);
        let seconds = begin.elapsed().as_secs_f64();
        println!("{seconds:7.2} s  {number:3}  {what}");
    }
    scene.resume(true);
    let (totals, mut broken) = load.finish();
    broken.extend(scene.end());
    println!(
        "\nfaults                       {}\n{totals}\ntime                         {:.1} s",
        scene.tally,
        begin.elapsed().as_secs_f64()
    );
    assert!(
        broken.is_empty(),
        "seed {seed}: {} promises broken:\n{}\n\nwhat the log says of them, and its end:\n{}",
        broken.len(),
        broken
            .iter()
            .take(20)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n"),
        extract(scene.setup.log.as_deref().unwrap(), &broken)
    );
    assert!(totals.answered > kills, "there was load");
}

/// Whom a fault happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Platform,
    Host,
    Worker,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// SIGKILL. A platform is started again after a pause.
    Kill { restart_after: Duration, sync: bool },
    /// SIGSTOP, and SIGCONT so much later, if it's still there then.
    Hang { lasts: Duration },
}

#[derive(Clone, Copy, Debug)]
struct Fault {
    /// Since the one before.
    after: Duration,
    target: Target,
    /// Chooses among those that are there.
    which: u64,
    kind: Kind,
}

/// `kills` kills, and a hang before every fifth.
fn schedule(seed: u64, kills: u64) -> Vec<Fault> {
    let mut choices = Choices::new(seed).branch(u64::MAX);
    let mut faults = Vec::new();
    for number in 0..kills {
        if number % 5 == 0 {
            faults.push(hang(&mut choices));
        }
        faults.push(kill(&mut choices));
    }
    faults
}

fn kill(choices: &mut Choices) -> Fault {
    Fault {
        after: choices.time(Duration::from_millis(5)..Duration::from_millis(900)),
        target: match choices.below(100) {
            0..30 => Target::Platform,
            30..55 => Target::Host,
            _ => Target::Worker,
        },
        which: choices.number(),
        kind: Kind::Kill {
            restart_after: choices.time(Duration::ZERO..Duration::from_millis(300)),
            sync: choices.chance(50),
        },
    }
}

fn hang(choices: &mut Choices) -> Fault {
    let (target, longest) = match choices.below(100) {
        0..20 => (Target::Platform, Duration::from_secs(2)),
        20..50 => (Target::Host, Duration::from_secs(12)),
        // Its host notices after 15 s.
        _ => (Target::Worker, Duration::from_secs(25)),
    };
    Fault {
        after: choices.time(Duration::from_millis(5)..Duration::from_millis(500)),
        target,
        which: choices.number(),
        kind: Kind::Hang {
            lasts: choices.time(Duration::from_millis(100)..longest),
        },
    }
}

/// The platform, what it was made of, and what has happened to it.
struct Scene {
    setup: Setup,
    up: Option<Up>,
    /// What hangs, and until when.
    hung: VecDeque<(Process, Instant)>,
    /// What has lost its platform or its host, and when.
    bereft: Vec<(Process, Instant)>,
    tally: Tally,
}

impl Scene {
    /// Starts a platform on a port that it keeps over restarts.
    fn set(folder: &Path) -> Self {
        let data = folder.join("data");
        let mut setup = Setup::new(&data, "async", WORKERS.len());
        setup.listener = Some(free_address());
        setup.log = Some(folder.join("log"));
        setup.arguments = vec!["--processes".into(), PROCESSES.into()];
        Self {
            up: Some(setup.start()),
            setup,
            hung: VecDeque::new(),
            bereft: Vec::new(),
            tally: Tally::default(),
        }
    }

    fn inflict(&mut self, fault: &Fault) -> String {
        let Some(process) = self.find(fault) else {
            self.tally.missed += 1;
            return format!("no {:?} is there", fault.target);
        };
        match fault.kind {
            Kind::Kill {
                restart_after,
                sync,
            } => {
                self.kill(fault.target, process);
                if fault.target == Target::Platform {
                    std::thread::sleep(restart_after);
                    self.setup.mode = if sync { "sync" } else { "async" }.to_owned();
                    self.up = Some(self.setup.spawn());
                }
            }
            Kind::Hang { lasts } => {
                process.signal(Signal::STOP);
                self.hung.push_back((process, Instant::now() + lasts));
            }
        }
        self.tally.count(fault);
        format!("{:?} {} {:?}", fault.target, process.pid(), fault.kind)
    }

    /// The process that a fault is to happen to; hosts and workers may take a while to be there.
    fn find(&mut self, fault: &Fault) -> Option<Process> {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            self.resume(false);
            let up = self.up.as_ref()?;
            assert!(
                up.process().is_alive(),
                "sconce up has ended by itself:\n{}",
                extract(self.setup.log.as_deref().unwrap(), &[])
            );
            let mut there = match fault.target {
                Target::Platform => vec![up.process()],
                Target::Host => up.hosts(),
                Target::Worker => up.workers(),
            };
            there.retain(|one| !self.hung.iter().any(|(hung, _)| hung == one));
            if !there.is_empty() {
                return Some(there[fault.which as usize % there.len()]);
            }
            if Instant::now() > deadline {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn kill(&mut self, target: Target, process: Process) {
        let below = sconce_tests::process::descendants(process.pid());
        let now = Instant::now();
        self.bereft.extend(below.into_iter().map(|one| (one, now)));
        match target {
            Target::Platform => self.up.take().unwrap().crash(),
            Target::Host | Target::Worker => process.signal(Signal::KILL),
        }
    }

    /// Lets what has hung long enough, or all, go on.
    fn resume(&mut self, all: bool) {
        self.hung.retain(|(process, until)| {
            let goes_on = all || *until <= Instant::now();
            if goes_on {
                process.signal(Signal::CONT);
            }
            !goes_on
        });
    }

    /// Stops the platform. Nothing may be left of it; what is, is named.
    fn end(&mut self) -> Vec<String> {
        let late = |(process, since): &(Process, Instant)| {
            (since.elapsed() > OUTLIVE && process.is_alive()).then(|| {
                format!(
                    "{:?} {:?} has outlived what started it",
                    process,
                    process.arguments()
                )
            })
        };
        let mut broken: Vec<_> = self.bereft.iter().filter_map(late).collect();
        drop(self.up.take());
        let deadline = Instant::now() + OUTLIVE;
        while !mentioning(&self.setup.folder).is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        for process in mentioning(&self.setup.folder) {
            broken.push(format!("{:?} outlived the platform", process.arguments()));
            process.signal(Signal::KILL);
        }
        broken
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.resume(true);
    }
}

/// How many faults of each kind there were.
#[derive(Default)]
struct Tally {
    killed: [u32; 3],
    hung: [u32; 3],
    /// Faults that found nobody.
    missed: u32,
}

impl Tally {
    fn count(&mut self, fault: &Fault) {
        let counts = match fault.kind {
            Kind::Kill { .. } => &mut self.killed,
            Kind::Hang { .. } => &mut self.hung,
        };
        counts[fault.target as usize] += 1;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let line = |[platform, host, worker]: [u32; 3]| {
            format!("{platform} platforms, {host} hosts, {worker} workers")
        };
        let (killed, hung, missed) = (line(self.killed), line(self.hung), self.missed);
        write!(f, "killed {killed}; hung {hung}; {missed} found nobody")
    }
}

/// An address of this machine that is free now. Its port isn't one that the system gives away, or
/// it might be somebody else's when the platform comes back.
fn free_address() -> String {
    let first = 20_000 + (std::process::id() % 100) as u16 * 100;
    let free = (first..first + 100).find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
    free.unwrap().local_addr().unwrap().to_string()
}

/// Lines that name an order of which something is broken, and the last ones.
fn extract(log: &Path, broken: &[String]) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    let named = |line: &&&str| {
        let ids = broken
            .iter()
            .filter_map(|what| what.split([' ', ':']).next());
        ids.filter(|id| id.len() == 64).any(|id| line.contains(id))
    };
    let last = &lines[lines.len().saturating_sub(40)..];
    let found: Vec<_> = lines.iter().filter(named).chain(last).copied().collect();
    found.join("\n")
}
