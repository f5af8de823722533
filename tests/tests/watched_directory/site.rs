//! Directories and witnesses as processes of their own.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use base64::Engine as _;
use sconce_tests::command::sconce;
use sconce_tests::complaint::Complaint;
use sconce_tests::platform::sconce_program;
use sconce_tests::process::{Process, Signal};
use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};
use transparency::trust::Trust;

pub(crate) const ALICE: &str = "alice@example.com";

/// The token that may write everybody.
const TOKEN: &str = "token-of-a-test-that-watches-0123456789";

/// A machine with everything on it, and somebody who asks the directory.
pub(crate) struct Site(TempDir);

impl Site {
    pub(crate) fn new() -> Self {
        let site = Self(TempDir::new().unwrap());
        let hash = ring::digest::digest(&ring::digest::SHA256, TOKEN.as_bytes());
        let tokens = format!(
            "[[token]]\nsha256 = \"{}\"\nusers = [\"*\"]\n",
            hex::encode(hash)
        );
        std::fs::write(site.path("tokens.toml"), tokens).unwrap();
        std::fs::write(site.path("token"), TOKEN).unwrap();
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The same as a command line has it.
    pub(crate) fn named(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A directory in a folder, on any free port.
    pub(crate) fn directory(&self, folder: &str, more: &str) -> Daemon {
        let (folder, tokens) = (self.named(folder), self.named("tokens.toml"));
        let line = format!(
            "kt serve --folder {folder} --realm example.com --tokens {tokens} --listen 127.0.0.1:0 \
             --epoch 100ms {more}"
        );
        Daemon::start(self.0.path(), &line, "pinned")
    }

    /// A witness in a folder, of that name, of the directory in `of`.
    pub(crate) fn witness(&self, name: &str, of: &str, address: &str) -> Daemon {
        let (folder, pinned) = (self.named(name), self.pinned(of));
        let address = address.trim_start_matches("http://");
        let line = format!(
            "kt witness --folder {folder} --name {name} --trust {pinned} --listen {address}"
        );
        Daemon::start(self.0.path(), &line, "log")
    }

    /// What pins the directory in a folder.
    pub(crate) fn pinned(&self, folder: &str) -> String {
        self.named(&format!("{folder}/directory.json"))
    }

    pub(crate) fn trust(&self, folder: &str) -> Trust {
        Trust::from_json(&std::fs::read(self.pinned(folder)).unwrap()).unwrap()
    }

    /// The same as the directory in a folder shows, changed by a client who wants something else.
    pub(crate) fn pin(&self, folder: &str, name: &str, change: impl FnOnce(&mut Trust)) -> String {
        let mut trust = self.trust(folder);
        change(&mut trust);
        std::fs::write(self.path(name), serde_json::to_vec(&trust).unwrap()).unwrap();
        self.named(name)
    }

    /// Runs a command line, whose words have no spaces in them.
    pub(crate) fn sconce(&self, line: &str) -> Output {
        let words: Vec<_> = line.split_whitespace().collect();
        sconce(self.0.path(), &words)
    }

    /// What a command prints, which is JSON.
    #[track_caller]
    pub(crate) fn json(&self, line: &str) -> Value {
        let output = self.sconce(&format!("{line} --json"));
        assert!(output.status.success(), "{line}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A command that ends with status 1 and this code.
    #[track_caller]
    pub(crate) fn refuses(&self, line: &str, code: &str) -> Complaint {
        let output = self.sconce(line);
        let complaint = Complaint::read(&output, 1, code, true);
        complaint.unwrap_or_else(|fault| panic!("{line}: {fault}: {output:?}"))
    }

    /// The command by which Alice puts something into the directory that a file pins.
    pub(crate) fn put(&self, pinned: &str, what: &str) -> String {
        std::fs::write(self.path("what"), what).unwrap();
        let [key, token, what] = ["alice.pem", "token", "what"].map(|name| self.named(name));
        let new = match self.path("alice.pem").exists() {
            true => "",
            false => "--new-key",
        };
        format!(
            "keys put {ALICE} --directory {pinned} --token {token} --key {key} --app app={what} {new}"
        )
    }
}

/// A command that answers until it is told to stop. Dropping it tells it so.
pub(crate) struct Daemon {
    child: Child,
    said: BTreeMap<String, String>,
    log: PathBuf,
}

impl Daemon {
    /// Starts it, and waits until it has said this.
    fn start(home: &Path, line: &str, last: &str) -> Self {
        let (file, log) = NamedTempFile::new_in(home).unwrap().keep().unwrap();
        let mut child = Command::new(sconce_program())
            .args(line.split_whitespace())
            .env("HOME", home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .unwrap();
        let mut said = BTreeMap::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let (what, is) = line.split_once(' ').unwrap();
            said.insert(what.to_owned(), is.trim().to_owned());
            if what == last {
                break;
            }
        }
        let daemon = Self { child, said, log };
        assert!(daemon.said.contains_key(last), "{}", daemon.log());
        daemon
    }

    /// What it has said of itself: `address`, for one.
    pub(crate) fn said(&self, what: &str) -> &str {
        &self.said[what]
    }

    /// As `--witness` names one.
    pub(crate) fn listed(&self) -> String {
        format!("{}@{}", self.said("key"), self.said("address"))
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Tells it to stop, which it has to do by itself and without a complaint.
    pub(crate) fn stop(mut self) {
        Process::of(self.child.id()).unwrap().signal(Signal::TERM);
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.log());
        assert!(!self.log().contains("error["), "{}", self.log());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}

/// The data of an application in what `sconce keys` prints.
pub(crate) fn data(seen: &Value) -> Vec<u8> {
    let data = seen["apps"]["app"]["data"].as_str().unwrap();
    base64::engine::general_purpose::STANDARD
        .decode(data)
        .unwrap()
}
