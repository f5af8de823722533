//! Whoever stops the command half-way finds nothing of it.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sconce_tests::process::{Process, Signal};

use crate::sandbox::{Fixtures, Sandbox};

/// Bytes of a file in the image, so that packaging takes a while. It's a hole.
const LARGE: u64 = 4 << 30;

/// What is written before the command is stopped.
const WRITTEN: u64 = 4 << 20;

#[test]
fn what_is_stopped_leaves_nothing() {
    let fixtures = Fixtures::make();
    let sandbox = Sandbox::new(&fixtures);
    let large = File::create(sandbox.path().join("image/large")).unwrap();
    large.set_len(LARGE).unwrap();
    let names = || {
        let entries = fs::read_dir(sandbox.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    for (output, signal) in [
        (["-o", "new.tar"], Signal::TERM),
        (["--layout", "new"], Signal::TERM),
        (["--layout", "new"], Signal::INT),
    ] {
        let mut child = Command::new(fixtures.program())
            .args(["sconify", "package", "--from", "image", "--to", "a:1"])
            .args(output)
            .current_dir(sandbox.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_until_it_writes(&mut child);
        Process::of(child.id()).unwrap().signal(signal);
        let status = child.wait().unwrap();
        assert_eq!(
            status.signal(),
            Some(signal.as_raw()),
            "{output:?}: {status}"
        );
        assert_eq!(names(), before, "{output:?}");
    }
}

fn wait_until_it_writes(child: &mut Child) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let path = format!("/proc/{}/io", child.id());
    loop {
        let counters = fs::read_to_string(&path).unwrap_or_default();
        let written = counters
            .lines()
            .find_map(|line| line.strip_prefix("wchar: ")?.parse().ok());
        if written.is_some_and(|written: u64| written > WRITTEN) {
            return;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        assert!(Instant::now() < deadline, "it writes nothing");
        thread::sleep(Duration::from_millis(2));
    }
}
