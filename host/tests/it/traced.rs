//! Nothing is opened once a launched program has started: strace says so.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use sconce_host::{Enclave, run};

use crate::support::image::Image;
use crate::support::{Peer, eventually, skipped};

/// Set for a process that shall be a host of a measured program; the value is the endpoint to bind.
const ENDPOINT: &str = "SCONCE_TEST_LAUNCHER";
/// The folder of its image.
const FOLDER: &str = "SCONCE_TEST_IMAGE";

/// Not a test: what the test binary does when the test below starts it under strace.
#[test]
fn launching_process() {
    let (Ok(endpoint), Ok(folder)) = (std::env::var(ENDPOINT), std::env::var(FOLDER)) else {
        return;
    };
    let place = |name: &str| std::path::Path::new(&folder).join(name);
    let worker = sconce_host::WorkerName::new("scone-worker-1").unwrap();
    let enclave = Enclave {
        stream: place("probe.sgxs"),
        sigstruct: place("probe.sig"),
        platform: place("platform"),
        debug: false,
    };
    let mut config = sconce_host::Config::new(worker, enclave);
    config.bind = Some(endpoint);
    run(config).unwrap();
}

/// A host under strace.
struct Traced {
    strace: Child,
    log: PathBuf,
}

impl Traced {
    fn start(image: &Image, endpoint: &str) -> Self {
        let log = image.folder().join("trace");
        let strace = Command::new("strace")
            .args(["--follow-forks", "--quiet=all", "--output"])
            .arg(&log)
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "traced::launching_process", "--nocapture"])
            .env(ENDPOINT, endpoint)
            .env(FOLDER, image.folder())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { strace, log }
    }

    fn trace(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The host, whose first call is the first of all.
    fn signal(&self, signal: Signal) {
        let trace = self.trace();
        let first = trace.split_whitespace().next().map(str::parse);
        if let Some(host) = first.and_then(Result::ok).and_then(Pid::from_raw) {
            let _gone = kill_process(host, signal);
        }
    }

    fn ends(&mut self) {
        self.signal(Signal::TERM);
        eventually("the host ends", || {
            self.strace.try_wait().unwrap().is_some()
        });
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if self.strace.try_wait().unwrap().is_none() {
            self.signal(Signal::KILL);
        }
        let _: std::io::Result<()> = self.strace.kill();
        let _: std::io::Result<ExitStatus> = self.strace.wait();
    }
}

#[test]
fn nothing_is_opened_after_the_start() {
    if Command::new("strace").arg("--version").output().is_err() {
        return skipped("what a launched program opens", "strace is not installed");
    }
    let image = Image::release();
    let endpoint = format!("ipc://{}/host", image.folder().display());
    let mut host = Traced::start(&image, &endpoint);
    let program = Peer::req(&endpoint);
    // What it tries in vain, and what it does.
    assert_eq!(program.ask("read /etc/passwd"), "1");
    assert_eq!(program.ask("thread"), "joined");
    let pid = program.ask(format!("call {}", libc::SYS_getpid));
    assert_eq!(program.ask("there?"), "there?");
    host.ends();

    let calls = after_start(&host.trace(), &pid);
    assert!(calls.len() > 20, "{calls:?}");
    let opening = [
        "open",
        "creat",
        "execve",
        "memfd_create",
        "socket(",
        "mount",
    ];
    let opens: Vec<_> = calls
        .iter()
        .filter(|call| opening.iter().any(|name| call.starts_with(name)))
        .collect();
    // The attempt is there (whose path strace sees as root alone), and it failed as all do.
    assert!(
        opens.iter().any(|call| call.starts_with("openat(")),
        "{opens:?}"
    );
    for call in opens {
        assert!(call.contains("= -1 E"), "{call}");
    }
    // Nor does memory become code.
    let code: Vec<_> = calls
        .iter()
        .filter(|call| call.contains("PROT_EXEC"))
        .collect();
    assert!(code.is_empty(), "{code:?}");
}

/// What the program has called, in all its threads, since it was executed.
fn after_start(trace: &str, pid: &str) -> Vec<String> {
    let mut threads = HashSet::from([pid.to_owned()]);
    let mut begun: HashMap<String, String> = HashMap::new();
    let mut started = false;
    let mut calls = Vec::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or((line, ""));
        let mut call = call.trim_start().to_owned();
        if !threads.contains(thread) {
            continue;
        }
        if let Some(begin) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(thread.to_owned(), begin.to_owned());
            continue;
        }
        if let Some((_, rest)) = call.split_once(" resumed>") {
            call = begun.remove(thread).unwrap_or_default() + rest;
        }
        if !started {
            started = call.starts_with("execve(") && call.ends_with("= 0");
            continue;
        }
        if call.starts_with("clone")
            && let Some((_, new)) = call.rsplit_once("= ")
        {
            threads.insert(new.to_owned());
        }
        calls.push(call);
    }
    assert!(started, "the program was never executed");
    // What was never answered counts too.
    calls.extend(begun.into_values());
    calls
}
