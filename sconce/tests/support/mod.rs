//! Running the real binary, with a state folder of its own.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[path = "../../../client/tests/support/mod.rs"]
pub(crate) mod listener;

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tempfile::TempDir;

/// A user of the command: a home folder, and nothing of the caller's environment.
pub(crate) struct User {
    home: TempDir,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl User {
    pub(crate) fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A command line of this user's.
    pub(crate) fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sconce"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", std::env::var_os("PATH").unwrap())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command line to its end.
    pub(crate) fn run(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Outcome {
        outcome(self.command(args))
    }
}

/// Runs a command to its end.
pub(crate) fn outcome(mut command: Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What somebody at a terminal sees of a command's standard output.
pub(crate) fn on_terminal(mut command: Command) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let screen = File::options().write(true).open(name.to_str().unwrap());
    command.stdout(screen.unwrap());
    let status = command.status().unwrap();
    assert!(status.success());
    // The terminal's side must be closed for reading to end, and it ends with an error.
    drop(command);
    let mut seen = Vec::new();
    let _end = File::from(terminal).read_to_end(&mut seen);
    String::from_utf8(seen).unwrap().replace("\r\n", "\n")
}

impl Outcome {
    /// Everything, as a snapshot shows it; `replace` names what differs from run to run.
    pub(crate) fn show(&self, replace: &[(&str, &str)]) -> String {
        let mut text = format!(
            "status {}\n--- stdout\n{}--- stderr\n{}",
            self.status, self.stdout, self.stderr
        );
        for (from, to) in replace {
            text = text.replace(from, to);
        }
        text
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap().flatten() {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
}

/// A user whose home is a checkout.
pub(crate) fn checkout() -> User {
    let user = User::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let parameters = ["worker/enclave.toml", "worker/symbols.toml"];
    for part in ["Cargo.lock", "Cargo.toml", "workloads.json", "workloads"]
        .iter()
        .chain(&parameters)
    {
        copy(&root.join(part), &user.home().join(part));
    }
    for member in std::fs::read_dir(root).unwrap().flatten() {
        let manifest = member.path().join("Cargo.toml");
        if manifest.exists() {
            let folder = user.home().join(member.file_name());
            copy(&manifest, &folder.join("Cargo.toml"));
        }
    }
    user
}

/// Runs `submit` of an order that every listener here can answer, with more options. The listeners here
/// have no evidence, and the command says so unless it is to be quiet.
pub(crate) fn submit(user: &User, to: &listener::Listener, more: &[&str]) -> Outcome {
    let base = [
        "submit",
        "-u",
        &to.uri,
        "-w",
        listener::WORKER,
        "-l",
        "python-hello",
        "--insecure-skip-verify",
    ];
    user.run(base.iter().chain(&["-i", "Mujtaba"]).chain(more))
}

/// Its output, which must be JSON.
pub(crate) fn parsed(outcome: &Outcome) -> serde_json::Value {
    serde_json::from_str(&outcome.stdout).unwrap()
}
