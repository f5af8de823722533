//! `sconce up` with all that it says kept in a file.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use client::{Answer, Client, Criteria, Error, Order, Worker, WorkerId};
use sconce_tests::image;
use sconce_tests::keys;
use sconce_tests::platform::{sconce_program, unruly_program};
use sconce_tests::process::{Process, Signal, descendants};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The one worker that these platforms start.
pub(crate) const WORKER: &str = "scone-worker-1";

/// A running platform with one worker. Dropping it asks it to stop and waits.
pub(crate) struct Watched {
    level: String,
    before: Vec<String>,
    child: Child,
    uri: String,
    folder: TempDir,
    runtime: Runtime,
    pub(crate) client: Client,
    pub(crate) worker: Worker,
}

impl Watched {
    /// Starts it with these arguments before and after `up`, at this level of `RUST_LOG`.
    pub(crate) fn start(level: &str, before: &[&str], after: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = log_of(folder.path());
        let log = File::options().append(true).create(true).open(log).unwrap();
        let mut child = Command::new(sconce_program())
            .args(before)
            .args(["up", "--listener", "127.0.0.1:0", "--worker", WORKER])
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .arg("--image")
            .arg(&image::worker().folder)
            .arg("--vault-image")
            .arg(&image::vault().folder)
            .args([
                "--vault",
                "127.0.0.1:0",
                "--transparency",
                "127.0.0.1:0",
                "--manager",
                "tcp://127.0.0.1:0",
            ])
            .args(after)
            .env("RUST_LOG", level)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let uri = BufReader::new(stdout).lines().find_map(|line| {
            let uri = line.unwrap().strip_prefix("ready: ")?.to_owned();
            Some(uri.split(' ').next()?.to_owned())
        });
        let uri = uri.unwrap_or_else(|| panic!("{}", read(&log_of(folder.path()))));
        let runtime = Runtime::new().unwrap();
        let client = Client::connect(&uri).unwrap();
        let id = WorkerId::from_name(WORKER);
        let worker = runtime.block_on(client.unverified_worker(&id)).unwrap();
        Self {
            level: level.to_owned(),
            before: before.iter().copied().map(str::to_owned).collect(),
            worker,
            child,
            uri,
            folder,
            runtime,
            client,
        }
    }

    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    pub(crate) fn order(&self, workload: &str, input: &str) -> Order {
        Order::new(&self.worker, workload).input(input)
    }

    pub(crate) fn run(&self, workload: &str, input: &str) -> Result<Answer, Error> {
        let order = self.order(workload, input);
        self.block_on(self.client.run(&order))
    }

    /// A worker beside that of the platform, whose workloads misbehave. It has keys of the tests, and nothing
    /// is kept of what it says.
    pub(crate) fn unruly(&self) -> (Unruly, Worker) {
        let token = read(&self.data().join("host-token"));
        let mut host = Command::new(unruly_program());
        host.arg("host").arg(unruly_program());
        host.args([self.manager().as_str(), token.trim()]);
        host.stderr(Stdio::null());
        let host = Unruly::start(host, keys::WORKER);
        let worker = self.join(&host);
        (host, worker)
    }

    /// Another one. Each process of it makes its own keys, and what it says is kept with the rest.
    pub(crate) fn talkative(&self) -> Unruly {
        const NAME: &str = "talkative";
        let log = File::options()
            .append(true)
            .open(log_of(self.folder.path()));
        let mut host = Command::new(sconce_program());
        host.args(&self.before)
            .args(["host", "--until-stdin-closes", "--worker", NAME])
            .args(["--manager", self.manager().as_str()])
            .arg("--token-file")
            .arg(self.data().join("host-token"))
            .arg("--program")
            .arg(unruly_program())
            .env("RUST_LOG", &self.level)
            .stderr(log.unwrap());
        Unruly::start(host, NAME)
    }

    /// Waits for a worker; its record is that of its latest process.
    pub(crate) fn join(&self, unruly: &Unruly) -> Worker {
        let id = WorkerId::from_name(unruly.name);
        let is_there = async || {
            let ids = self.client.lookup(&Criteria::default()).await.unwrap();
            ids.contains(&id)
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.block_on(is_there()) {
            assert!(Instant::now() < deadline, "it has not joined");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.block_on(self.client.unverified_worker(&id)).unwrap()
    }

    fn manager(&self) -> String {
        let record: Value = serde_json::from_str(&read(&self.data().join("up.json"))).unwrap();
        record["manager"].as_str().unwrap().to_owned()
    }

    /// Writes these bytes to the listener, and reads until it closes.
    pub(crate) fn raw(&self, request: &str) -> String {
        raw(&self.uri, request)
    }

    pub(crate) fn get(&self, path: &str) -> String {
        get(&self.uri, path)
    }

    pub(crate) fn signal_hosts(&self, signal: Signal) {
        let sconce = sconce_program().canonicalize().unwrap();
        let hosts = descendants(self.child.id());
        let hosts = hosts.iter().filter(|one| {
            let is_host = one.arguments().iter().any(|argument| argument == "host");
            one.program().as_ref() == Some(&sconce) && is_host
        });
        assert_eq!(hosts.clone().count(), 1);
        hosts.for_each(|host| host.signal(signal));
    }

    /// Stops it, and gives all that it and its hosts said.
    pub(crate) fn stop(mut self) -> String {
        self.end();
        read(&log_of(self.folder.path()))
    }

    fn end(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            Process::of(self.child.id()).unwrap().signal(Signal::TERM);
            self.child.wait().unwrap();
        }
    }
}

/// The host of a worker that misbehaves. Dropping it asks it to stop and waits.
pub(crate) struct Unruly {
    host: Child,
    name: &'static str,
}

impl Unruly {
    fn start(mut host: Command, name: &'static str) -> Self {
        let host = host.stdin(Stdio::piped()).spawn().unwrap();
        Self { host, name }
    }
}

impl Drop for Unruly {
    fn drop(&mut self) {
        // Closes its standard input, which says stop.
        let _ended = self.host.wait();
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.end();
    }
}

/// What is answered to a GET, head and body.
pub(crate) fn get(uri: &str, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    raw(uri, &request)
}

fn raw(uri: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(uri.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = Vec::new();
    // What came before a reset counts too.
    let _ = stream.read_to_end(&mut reply);
    String::from_utf8_lossy(&reply).into_owned()
}

fn log_of(folder: &Path) -> PathBuf {
    folder.join("log")
}

fn read(file: &Path) -> String {
    String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned()
}
