//! A whole platform on free loopback ports: listener, manager and store in this process, each
//! worker a program of its own behind its host.
//!
//! Tests of the `sconce` command start that instead; here the parts can be reached one by one.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use host::{Keys, Unattested};
use listener::{Listener, ListenerConfig, Mode};
use manager::{Manager, ManagerConfig};
use protocol::WorkerId;
use protocol::record::WorkerRecord;
use protocol::token::Token;
use receipts::Receipts;
use sconify::build::{self, Profile};
use serde_json::{Value, json};
use store::redb::{Engine, Options};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use workers::Registry;

use crate::keys::fresh;

/// What a platform is started with.
pub struct Setup {
    /// Names of the workers to start; each has one process.
    pub workers: Vec<String>,
    /// Keys of workers that shall not have fresh ones, by name.
    pub keys: Vec<(String, Unattested)>,
    /// How submit answers.
    pub mode: Mode,
    /// Where state is kept; a temporary folder unless given.
    pub folder: Option<PathBuf>,
    /// The workers' program.
    pub program: &'static Path,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            workers: Vec::new(),
            keys: Vec::new(),
            mode: Mode::Async,
            folder: None,
            program: worker_program(),
        }
    }
}

/// A running platform; dropping it stops everything.
pub struct Platform {
    // Hosts stop first, so that the manager hears them leave.
    hosts: Mutex<HashMap<String, Vec<host::Handle>>>,
    /// Each worker's keys, which all its processes have.
    keys: Mutex<HashMap<String, Unattested>>,
    services: Option<(Listener, Manager)>,
    store: Arc<Engine>,
    address: SocketAddr,
    manager_endpoint: String,
    program: &'static Path,
    runtime: Runtime,
    _temporary: TempDir,
}

const TOKEN: &str = "token-of-the-test-platform-0123456789";

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

impl Platform {
    /// Starts everything and waits for the workers to be registered.
    pub fn start(setup: Setup) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = setup.folder.unwrap_or_else(|| temporary.path().to_owned());
        let runtime = Runtime::new().unwrap();
        let token = || Token::new(TOKEN).unwrap();
        let store = Engine::open(folder.join("store.redb"), Options::default()).unwrap();
        let store = Arc::new(store);
        let (listener, manager) = runtime.block_on(async {
            let engine = Arc::clone(&store);
            let registry = Registry::new(engine.clone());
            let config = ManagerConfig::new(token());
            let manager = Manager::start(config, engine.clone(), registry.clone()).unwrap();
            let config = ListenerConfig {
                address: SocketAddr::from(([127, 0, 0, 1], 0)),
                mode: setup.mode,
                operator_token: Some(token()),
                ..ListenerConfig::default()
            };
            let receipts = Receipts::new(engine.clone());
            let listener = Listener::start(config, engine, registry, receipts);
            let listener = listener.await.unwrap();
            (listener, manager)
        });
        let platform = Self {
            hosts: Mutex::default(),
            keys: Mutex::new(setup.keys.into_iter().collect()),
            address: listener.address(),
            manager_endpoint: manager.endpoint().to_owned(),
            services: Some((listener, manager)),
            store,
            program: setup.program,
            runtime,
            _temporary: temporary,
        };
        for name in &setup.workers {
            platform.start_another_host(name);
        }
        for name in &setup.workers {
            platform.wait_for(name);
        }
        platform
    }

    /// The listener's address as a URL.
    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The listener's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The store behind both.
    pub fn store(&self) -> &Engine {
        &self.store
    }

    /// Runs a future on the platform's runtime.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// What the manager knows.
    pub fn status(&self) -> manager::Status {
        let (_, manager) = self.services.as_ref().unwrap();
        self.block_on(manager.status()).unwrap()
    }

    /// Starts a process of the worker with these keys.
    pub fn start_host(&self, worker: &str, keys: Unattested) {
        self.keys.lock().unwrap().insert(worker.to_owned(), keys);
        self.start_another_host(worker);
    }

    /// Starts a process of the worker with the keys that it has, or fresh ones.
    pub fn start_another_host(&self, worker: &str) {
        let keys = {
            let mut all = self.keys.lock().unwrap();
            all.entry(worker.to_owned()).or_insert_with(fresh).clone()
        };
        let name = host::WorkerName::new(worker).unwrap();
        let mut config = host::Config::new(name, self.program);
        config.program_args = program_arguments(worker);
        config.keys = Keys::Unattested(Some(keys));
        config.manager = Some(self.manager_endpoint.clone());
        config.token = Some(TOKEN.to_owned());
        let handle = host::start(config).unwrap();
        let mut hosts = self.hosts.lock().unwrap();
        hosts.entry(worker.to_owned()).or_default().push(handle);
    }

    /// Waits until the worker's record is there and a process has joined.
    pub fn wait_for(&self, worker: &str) {
        let deadline = Instant::now() + PATIENCE;
        let joined = || {
            let status = self.status();
            status
                .workers
                .iter()
                .any(|w| w.name.as_deref() == Some(worker) && !w.processes.is_empty())
        };
        while !joined() {
            assert!(Instant::now() < deadline, "{worker} did not join");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The process id of each worker program, by worker.
    pub fn pids(&self, worker: &str) -> Vec<u32> {
        let hosts = self.hosts.lock().unwrap();
        let handles = hosts.get(worker).map(Vec::as_slice).unwrap_or_default();
        handles.iter().filter_map(host::Handle::pid).collect()
    }

    /// Sends one frame to the worker's host as a `REQ` peer does.
    pub fn ask_host(&self, worker: &str, frame: &[u8]) -> Result<Vec<u8>, String> {
        let endpoint = {
            let hosts = self.hosts.lock().unwrap();
            let handle = hosts.get(worker).and_then(|handles| handles.first());
            let handle = handle.ok_or("no host of that worker")?;
            handle
                .endpoint()
                .ok_or("the host does not listen")?
                .to_owned()
        };
        let ask = || -> zmq::Result<Vec<u8>> {
            let socket = zmq::Context::new().socket(zmq::REQ)?;
            socket.set_linger(0)?;
            socket.set_rcvtimeo(30_000)?;
            socket.connect(&endpoint)?;
            socket.send(frame, 0)?;
            socket.recv_bytes(0)
        };
        ask().map_err(|fault| format!("the host did not answer: {fault}"))
    }

    /// Posts a body as Avalon's SDK does and reads the JSON of the reply.
    pub fn post(&self, body: &str) -> Result<Value, String> {
        self.request(body, "")
    }

    /// Calls a method with the operator's token.
    pub fn operate(&self, method: &str, params: &Value) -> Result<Value, String> {
        let body = json!({ "jsonrpc": "2.0", "method": method, "id": 1, "params": params });
        let header = format!("Authorization: Bearer {TOKEN}\r\n");
        self.request(&body.to_string(), &header)
    }

    /// Registers a worker by the operator's method.
    pub fn register(&self, id: &WorkerId, record: &WorkerRecord) -> Result<(), String> {
        let params = json!({
            "workerId": id.as_str(),
            "workerType": record.worker_type,
            "organizationId": record.organization_id,
            "applicationTypeId": record.application_type_id,
            "details": record.details,
        });
        let reply = self.operate("WorkerRegister", &params)?;
        match reply["error"]["code"].as_i64() {
            Some(0) => Ok(()),
            _ => Err(format!("not registered: {reply}")),
        }
    }

    /// A worker's record.
    pub fn record(&self, id: &WorkerId) -> Result<WorkerRecord, String> {
        let body = json!({
            "jsonrpc": "2.0", "method": "WorkerRetrieve", "id": 1,
            "params": { "workerId": id.as_str() },
        });
        let reply = self.post(&body.to_string())?;
        serde_json::from_value(reply["result"].clone()).map_err(|e| format!("{e}: {reply}"))
    }

    /// Posts a get-result request until the order isn't pending any more.
    pub fn poll(&self, request: &Value) -> Result<Value, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reply = self.post(&request.to_string())?;
            if reply["error"]["code"] != 5 {
                return Ok(reply);
            }
            if Instant::now() > deadline {
                return Err("the order stays pending".to_owned());
            }
        }
    }

    /// Writes bytes to the listener and reads until it closes the connection.
    pub fn raw_http(&self, request: &[u8]) -> Result<String, String> {
        let exchange = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_read_timeout(Some(Duration::from_secs(30)))?;
            // The listener may refuse and close before everything is written.
            let _ = stream.write_all(request);
            let mut reply = Vec::new();
            let read = stream.read_to_end(&mut reply);
            if reply.is_empty() {
                read?;
            }
            Ok(String::from_utf8_lossy(&reply).into_owned())
        };
        exchange().map_err(|fault| format!("no HTTP answer: {fault}"))
    }

    fn request(&self, body: &str, header: &str) -> Result<Value, String> {
        let length = body.len();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let reply = self.raw_http(request.as_bytes())?;
        let (_, text) = reply.split_once("\r\n\r\n").ok_or("no HTTP reply")?;
        serde_json::from_str(text).map_err(|fault| format!("{fault}: {reply}"))
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        let hosts = std::mem::take(&mut *self.hosts.lock().unwrap());
        for handle in hosts.into_values().flatten() {
            let _ = handle.stop();
        }
        if let Some((listener, manager)) = self.services.take() {
            self.runtime.block_on(async {
                listener.shutdown().await;
                manager.shutdown().await;
            });
        }
    }
}

/// The arguments that `sconce host` gives a worker program, but for those of the host itself.
pub fn program_arguments(worker: &str) -> Vec<OsString> {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    ["--worker", worker, "--threads", &threads.to_string()]
        .map(OsString::from)
        .to_vec()
}

/// The worker program, built once in the profile of the caller.
pub fn worker_program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| program("sconce-worker"))
}

/// A worker program with workloads that misbehave.
pub fn unruly_program() -> &'static Path {
    stand_in_program()
}

/// What stands in for programs of a platform: `tests/src/bin/stand-in`.
pub fn stand_in_program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| program("sconce-tests"))
}

/// The `sconce` command, built once in the profile of the caller.
pub fn sconce_program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| program("sconce"))
}

/// Where `SCONCE_PROGRAMS` names a folder, the programs there are tested as they are: those of an
/// installation, for instance.
fn program(package: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("SCONCE_PROGRAMS") {
        let path = Path::new(&folder).join(package);
        assert!(path.is_file(), "SCONCE_PROGRAMS has no {package}");
        return path.canonicalize().unwrap();
    }
    let checkout = crate::vectors::checkout();
    build::program(&checkout, package, Profile::current(), &mut |_| {}).unwrap()
}
