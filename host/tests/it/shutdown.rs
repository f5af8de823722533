//! How a host ends, and what it takes with it.

use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sconce_host::{run, start};

use crate::lifecycle::lives;
use crate::support::{PATIENCE, Peer, QUIET, ask, config, eventually, kind};

/// Set for a process that shall be a host; the value is the endpoint to bind.
const VARIABLE: &str = "SCONCE_TEST_HOST";

/// Not a test: what the test binary does when a test below starts it as a host.
#[test]
fn host_process() {
    if let Ok(endpoint) = std::env::var(VARIABLE) {
        let mut config = config("good");
        config.bind = Some(endpoint);
        run(config).unwrap();
    }
}

/// A host process.
pub(crate) struct Process {
    child: Child,
    pub(crate) endpoint: String,
    _folder: tempfile::TempDir,
}

impl Process {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let endpoint = format!("ipc://{}/host", folder.path().display());
        Self::start_at(folder, endpoint)
    }

    pub(crate) fn start_at(folder: tempfile::TempDir, endpoint: String) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "shutdown::host_process", "--nocapture"])
            .env(VARIABLE, &endpoint)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            endpoint,
            _folder: folder,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the host exits", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<ExitStatus> = self.child.wait();
    }
}

#[test]
fn a_signal_ends_host_and_program_after_the_last_answer() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut host = Process::start();
        let peer = Peer::dealer(&host.endpoint);
        let program = peer.ask("pid");
        peer.send("now");
        peer.send("sleep 300");
        // Once this is answered the program has the next as well, or soon will.
        assert_eq!(peer.text(), "now");
        std::thread::sleep(Duration::from_millis(50));
        host.signal(signal);
        assert_eq!(peer.text(), "slept");
        assert!(host.wait().success());
        assert!(!lives(&program));
    }
}

#[test]
fn a_second_signal_ends_the_waiting() {
    let mut host = Process::start();
    let peer = Peer::dealer(&host.endpoint);
    let program = peer.ask("pid");
    peer.send("deaf");
    std::thread::sleep(Duration::from_millis(100));
    let begin = Instant::now();
    host.signal(Signal::TERM);
    std::thread::sleep(Duration::from_millis(100));
    host.signal(Signal::TERM);
    assert!(host.wait().success());
    assert_eq!(kind(&peer.text()), "lost");
    assert!(begin.elapsed() < Duration::from_secs(3));
    assert!(!lives(&program));
}

#[test]
fn a_killed_host_takes_its_program_with_it() {
    let mut host = Process::start();
    let program = ask(&host.endpoint, "pid");
    assert!(lives(&program));
    host.signal(Signal::KILL);
    host.wait();
    eventually("the program notices", || !lives(&program));
}

#[test]
fn stopping_waits_for_answers_but_not_for_ever() {
    let mut config = config("good");
    config.timing.drain = Duration::from_millis(200);
    config.timing.grace = Duration::from_millis(200);
    let host = start(config).unwrap();
    let peer = Peer::dealer(host.endpoint().unwrap());
    let program = peer.ask("pid");
    peer.send("deaf");
    // Sent at once, so it's in flight as soon as the other is; nobody will ever read it.
    peer.send("hello?");
    std::thread::sleep(Duration::from_millis(100));
    let begin = Instant::now();
    host.stop().unwrap();
    assert!(begin.elapsed() < PATIENCE / 4);
    assert_eq!(kind(&peer.text()), "lost");
    assert_eq!(kind(&peer.text()), "lost");
    assert!(!lives(&program));
}

#[test]
fn a_program_that_ignores_the_end_is_killed() {
    let mut config = config("stubborn");
    config.timing.grace = Duration::from_millis(200);
    let host = start(config).unwrap();
    let program = ask(host.endpoint().unwrap(), "pid");
    let begin = Instant::now();
    host.stop().unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(200));
    assert!(!lives(&program));
}

#[test]
fn a_host_without_a_ready_program_stops_at_once() {
    for manner in ["never ready", "78"] {
        let mut config = config(manner);
        config.timing.first_restart = Duration::from_secs(600);
        config.timing.last_restart = Duration::from_secs(600);
        let host = start(config).unwrap();
        let begin = Instant::now();
        host.stop().unwrap();
        assert!(begin.elapsed() < Duration::from_secs(2), "{manner}");
    }
}

#[test]
fn requests_during_a_shutdown_are_left_unread() {
    let host = start(config("good")).unwrap();
    let endpoint = host.endpoint().unwrap().to_owned();
    let peer = Peer::dealer(&endpoint);
    peer.send("sleep 500");
    std::thread::sleep(Duration::from_millis(100));
    let stop = std::thread::spawn(move || host.stop());
    std::thread::sleep(Duration::from_millis(100));
    peer.send("too late");
    assert_eq!(peer.text(), "slept");
    assert!(peer.frames_within(QUIET).is_none());
    stop.join().unwrap().unwrap();
}
