//! A home folder with a platform's data folder in it, and what an operator does there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Setup, Up, sconce};
use crate::image;
use crate::platform::sconce_program;

/// The worker of a platform that has one.
pub const WORKER: &str = "scone-worker-1";

/// A home folder with a data folder in it.
pub struct Place(TempDir);

impl Place {
    /// An empty one.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The home folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// A platform with one worker, that logs here.
    pub fn setup(&self) -> Setup {
        let mut setup = Setup::new(&self.data(), "async", 1);
        setup.log = Some(self.path().join("log"));
        setup
    }

    /// What platforms have said here so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }

    /// A command about the platform of the data folder.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let data = self.data();
        let all = [arguments, &["--data-dir", data.to_str().unwrap()]].concat();
        sconce(self.path(), &all)
    }

    /// Its output, which is JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The answer to an order of the worker, which has to be what the platform's policy says.
    pub fn greeting(&self, up: &Up) -> String {
        let uri = up.listener().unwrap();
        let line = [
            "submit",
            "-u",
            &uri,
            "-w",
            WORKER,
            "-l",
            "python-hello",
            "-i",
            "you",
            "-o",
        ];
        let output = self.run(&line);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The numbers of the worker's generations.
    pub fn generations(&self) -> Vec<u64> {
        let all = self.json(&["keys", "list"]);
        let generations = all[0]["generations"].as_array().unwrap().clone();
        let numbers = generations.iter().map(|one| one["generation"].as_u64());
        numbers.map(Option::unwrap).collect()
    }

    /// The [changed](image::change) image of the worker.
    pub fn changed(&self) -> PathBuf {
        let folder = self.path().join("changed");
        image::change(&folder);
        folder
    }

    /// Starts a host beside the platform, for its worker, that asks the vault for the keys of a session.
    pub fn stray(&self, image: &Path, session: &str) -> Stray {
        let data = self.data();
        let record = fs::read(data.join("up.json")).unwrap();
        let record: Value = serde_json::from_slice(&record).unwrap();
        let log = self
            .path()
            .join(format!("log-{}", session.replace('/', "-")));
        let child = Command::new(sconce_program())
            .args(["host", "--worker", WORKER, "--until-stdin-closes"])
            .args(["--manager", record["manager"].as_str().unwrap()])
            .arg("--token-file")
            .arg(data.join("host-token"))
            .arg("--image")
            .arg(image)
            .arg("--platform")
            .arg(data.join("simulated-platform"))
            .args(["--vault", record["vault"]["address"].as_str().unwrap()])
            .args(["--session", session])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Stray { child, log }
    }
}

/// A host that no platform has started. Dropping it asks it to stop and waits.
pub struct Stray {
    child: Child,
    log: PathBuf,
}

impl Stray {
    /// What it has said so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Stray {
    fn drop(&mut self) {
        // Closes its standard input, which says stop.
        let _ = self.child.wait();
    }
}
