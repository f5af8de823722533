//! The `sconce` command as its user starts it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::platform::{sconce_program, worker_program};

/// A running `sconce up` on free ports. Dropping it asks it to stop and waits.
pub struct Up {
    child: Child,
    folder: PathBuf,
}

impl Up {
    /// Starts it without waiting for anything.
    pub fn spawn(folder: &Path, mode: &str, workers: usize) -> Self {
        let child = Command::new(sconce_program())
            .args(["up", "--listener", "127.0.0.1:0", "--mode", mode])
            .args(["--workers", &workers.to_string()])
            .arg("--data-dir")
            .arg(folder)
            .arg("--image")
            .arg(worker_program())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let folder = folder.to_owned();
        Self { child, folder }
    }

    /// Starts it and waits until it says that it's ready.
    pub fn start(folder: &Path, mode: &str, workers: usize) -> Self {
        let mut up = Self::spawn(folder, mode, workers);
        let stdout = up.child.stdout.take().unwrap();
        let mut lines = BufReader::new(stdout).lines();
        let ready = lines.any(|line| line.is_ok_and(|line| line.starts_with("ready")));
        assert!(ready, "sconce up ended before it was ready");
        up
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The listener's URL, once there is one.
    pub fn listener(&self) -> Option<String> {
        let record = std::fs::read(self.folder.join("up.json")).ok()?;
        let record: Value = serde_json::from_slice(&record).ok()?;
        Some(record["listener"].as_str()?.to_owned())
    }

    /// Ends it as a power failure would, hosts and workers included.
    pub fn kill(mut self) {
        let processes = descendants(self.pid());
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        for pid in processes {
            // Hosts and workers may have noticed and ended already.
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).output();
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = Command::new("kill").arg(self.pid().to_string()).status();
            let _ = self.child.wait();
        }
    }
}

/// Runs `sconce` with its files in `home` and waits for it.
pub fn sconce(home: &Path, arguments: &[&str]) -> Output {
    Command::new(sconce_program())
        .args(arguments)
        .env("HOME", home)
        .env_remove("XDG_DATA_HOME")
        .env_remove("XDG_STATE_HOME")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Process ids of all that a process has started, and those have, and so on.
pub fn descendants(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut at = 0;
    while at < found.len() {
        found.extend(children(found[at]));
        at += 1;
    }
    found.split_off(1)
}

/// Children stand with the thread that started them.
fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    threads
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|text| {
            let pids = text.split_whitespace().filter_map(|pid| pid.parse().ok());
            pids.collect::<Vec<u32>>()
        })
        .collect()
}

/// The program that a process runs.
pub fn program_of(pid: u32) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/exe")).ok()
}
