//! The `sconce` command as its user starts it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use vault_client::{Identity, Trust, Vault};

use crate::image;
use crate::platform::{sconce_program, stand_in_program, worker_program};
use crate::process::{Process, Signal, descendants};

/// How to start `sconce up`.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The data folder.
    pub folder: PathBuf,
    /// `async` or `sync`.
    pub mode: String,
    /// How many workers; with 0, `arguments` name them.
    pub workers: usize,
    /// The folder of another image than the worker's of this checkout.
    pub image: Option<PathBuf>,
    /// The listener's address; any free port of this machine without.
    pub listener: Option<String>,
    /// The vault's address; any free port of this machine without.
    pub vault: Option<String>,
    /// Further arguments.
    pub arguments: Vec<OsString>,
    /// Variables that it gets beside those of this process.
    pub environment: Vec<(OsString, OsString)>,
    /// Where its log goes, after what is there; nowhere without.
    pub log: Option<PathBuf>,
}

impl Setup {
    /// On any free ports, with the images of this checkout.
    pub fn new(folder: &Path, mode: &str, workers: usize) -> Self {
        Self {
            folder: folder.to_owned(),
            mode: mode.to_owned(),
            workers,
            image: None,
            listener: None,
            vault: None,
            arguments: Vec::new(),
            environment: Vec::new(),
            log: None,
        }
    }

    /// Starts it without waiting for anything.
    pub fn spawn(&self) -> Up {
        let log = self.log.as_ref().map_or_else(Stdio::null, |path| {
            File::options()
                .append(true)
                .create(true)
                .open(path)
                .unwrap()
                .into()
        });
        let child = Command::new(sconce_program())
            .args(["up", "--mode", &self.mode])
            .args([
                "--listener",
                self.listener.as_deref().unwrap_or("127.0.0.1:0"),
            ])
            .args(self.worker_arguments())
            .arg("--data-dir")
            .arg(&self.folder)
            .arg("--image")
            .arg(self.image.as_ref().unwrap_or(&image::worker().folder))
            .arg("--vault-image")
            .arg(&image::vault().folder)
            .args(["--vault", self.vault.as_deref().unwrap_or("127.0.0.1:0")])
            .args(["--transparency", "127.0.0.1:0"])
            .args(&self.arguments)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let folder = self.folder.clone();
        Up { child, folder }
    }

    fn worker_arguments(&self) -> Vec<String> {
        match self.workers {
            0 => Vec::new(),
            count => vec!["--workers".to_owned(), count.to_string()],
        }
    }

    /// Starts it and waits until it says that it's ready.
    pub fn start(&self) -> Up {
        let mut up = self.spawn();
        let stdout = up.child.stdout.take().unwrap();
        let mut lines = BufReader::new(stdout).lines();
        let ready = lines.any(|line| line.is_ok_and(|line| line.starts_with("ready")));
        assert!(ready, "sconce up ended before it was ready");
        up
    }
}

/// A running `sconce up`. Dropping it asks it to stop and waits.
pub struct Up {
    child: Child,
    folder: PathBuf,
}

impl Up {
    /// Starts it on any free port without waiting for anything.
    pub fn spawn(folder: &Path, mode: &str, workers: usize) -> Self {
        Setup::new(folder, mode, workers).spawn()
    }

    /// Starts it on any free port and waits until it says that it's ready.
    pub fn start(folder: &Path, mode: &str, workers: usize) -> Self {
        Setup::new(folder, mode, workers).start()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Itself as a process. It wasn't waited for, so it's there even if it has ended.
    pub fn process(&self) -> Process {
        Process::of(self.pid()).unwrap()
    }

    /// The hosts that it has started and that are alive.
    pub fn hosts(&self) -> Vec<Process> {
        self.running(|arguments| arguments.iter().any(|one| one == "host"))
    }

    /// The host of its vault, if it is alive.
    pub fn vault_host(&self) -> Option<Process> {
        let mut found =
            self.running(|arguments| arguments.get(1).is_some_and(|one| one == "vault"));
        found.pop()
    }

    /// The vault's program, if it is alive.
    pub fn vault(&self) -> Option<Process> {
        let mut found = self.running(|arguments| {
            arguments.first().is_some_and(|one| one == "vault")
                && arguments.iter().any(|one| one == "--journal")
        });
        found.pop()
    }

    /// The worker programs that its hosts have started and that are alive. Which program they run,
    /// workers keep to themselves.
    pub fn workers(&self) -> Vec<Process> {
        self.running(|arguments| arguments.get(1).is_some_and(|one| one == "--worker"))
    }

    fn running(&self, is_meant: fn(&[String]) -> bool) -> Vec<Process> {
        let mut processes = descendants(self.pid());
        processes.retain(|one| one.is_alive() && is_meant(&one.arguments()));
        processes
    }

    /// The listener's URL, once there is one.
    pub fn listener(&self) -> Option<String> {
        let record = std::fs::read(self.folder.join("up.json")).ok()?;
        let record: Value = serde_json::from_slice(&record).ok()?;
        Some(record["listener"].as_str()?.to_owned())
    }

    /// Ends it alone by SIGKILL. Hosts and workers have to notice by themselves.
    pub fn crash(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as a power failure would, hosts and workers included.
    pub fn kill(self) {
        let processes = descendants(self.pid());
        self.crash();
        for process in processes {
            process.signal(Signal::KILL);
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.process().signal(Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

/// A host beside a platform, which that has not started. Dropping it asks it to stop and waits.
pub struct Host(Child);

impl Host {
    /// Starts a process more of a worker that the platform's vault has first keys for.
    pub fn start(folder: &Path, worker: &str) -> Self {
        let vault = read(&folder.join("vault.json"));
        let child = Command::new(sconce_program())
            .args(["host", "--until-stdin-closes", "--worker", worker])
            .args(["--manager", manager(folder).as_str()])
            .args(["--bind", "tcp://127.0.0.1:0"])
            .arg("--token-file")
            .arg(folder.join("host-token"))
            .arg("--image")
            .arg(&image::worker().folder)
            .arg("--platform")
            .arg(folder.join("simulated-platform"))
            .args(["--vault", vault["address"].as_str().unwrap()])
            .args(["--session", &format!("avalon/{worker}/g1")])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Starts a bare worker program, with the committed test keys.
    pub fn with_test_keys(folder: &Path) -> Self {
        let token = std::fs::read_to_string(folder.join("host-token")).unwrap();
        let child = Command::new(stand_in_program())
            .arg("host")
            .arg(worker_program())
            .args([manager(folder).as_str(), token.trim()])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Itself as a process, which is not waited for before it's dropped.
    pub fn process(&self) -> Process {
        Process::of(self.0.id()).unwrap()
    }

    /// Ends it and its program as a power failure would.
    pub fn kill(self) {
        for process in descendants(self.0.id()) {
            process.signal(Signal::KILL);
        }
        self.process().signal(Signal::KILL);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Closes its standard input, which says stop.
        let _ = self.0.wait();
    }
}

/// A new connection to the vault of the platform in a data folder, as its owner. What its evidence is
/// worth is not looked at.
pub fn connect_to_vault(folder: &Path) -> Result<Vault, vault_client::Error> {
    let record = read(&folder.join("vault.json"));
    let key = std::fs::read_to_string(folder.join("operator.key")).unwrap();
    let owner = Identity::from_pem(&key).unwrap();
    let address = record["address"].as_str().unwrap();
    Vault::connect(address, &Trust::Unverified, Some(&owner))
}

/// The manager's endpoint.
fn manager(folder: &Path) -> String {
    let record = read(&folder.join("up.json"));
    record["manager"].as_str().unwrap().to_owned()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
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
