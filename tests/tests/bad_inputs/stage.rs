//! A platform from outside: `sconce up`, its processes and its sockets, with the committed test keys,
//! so that orders can be forged to the byte. The worker's host is started by hand and listens on a
//! port, which those that `sconce up` starts do not.

use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use client::{Client, Order, Worker, WorkerId};
use sconce_tests::command::{Host, Up};
use sconce_tests::keys::WORKER;
use sconce_tests::orders::TestOrder;
use sconce_tests::process::{Process, descendants};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A running platform with one worker.
pub(crate) struct Stage {
    host: Option<Host>,
    up: Option<Up>,
    folder: TempDir,
    processes: Vec<Process>,
    listener: SocketAddr,
    client: Client,
    worker: Worker,
    runtime: Runtime,
    serial: Cell<u64>,
}

impl Stage {
    /// Starts one with this text as its `sconce.toml`.
    pub(crate) fn open(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("sconce.toml"), settings).unwrap();
        let runtime = Runtime::new().unwrap();
        let (up, host, client, worker) = start(folder.path(), &runtime);
        let mut stage = Self {
            listener: address(&up),
            host: Some(host),
            up: Some(up),
            processes: Vec::new(),
            folder,
            client,
            worker,
            runtime,
            serial: Cell::new(0),
        };
        stage.processes = stage.running();
        stage
    }

    /// Ends it as a power failure would, and starts it again.
    pub(crate) fn restart(&mut self) {
        if let Some(up) = self.up.take() {
            up.kill();
        }
        if let Some(host) = self.host.take() {
            host.kill();
        }
        let (up, host, client, worker) = start(self.folder.path(), &self.runtime);
        self.listener = address(&up);
        (self.client, self.worker) = (client, worker);
        (self.up, self.host) = (Some(up), Some(host));
        self.processes = self.running();
    }

    fn running(&self) -> Vec<Process> {
        let up = self.up.as_ref().expect("it runs").process();
        let host = self.host.as_ref().expect("it runs").process();
        let mut all = descendants(host.pid());
        all.extend([host, up]);
        all
    }

    /// Each of its processes, by the name of its program: bytes that are in memory, and the most
    /// that were at any time.
    pub(crate) fn memory(&self) -> Vec<(String, u64, u64)> {
        let named = |one: &Process| {
            let program = one.program().unwrap_or_default();
            let name = program
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            (name, one.resident().unwrap_or(0), one.peak().unwrap_or(0))
        };
        self.processes.iter().map(named).collect()
    }

    /// An honest order is answered, by the very processes that were there at the beginning.
    pub(crate) fn assert_serves(&self) -> Result<(), String> {
        let order = Order::new(&self.worker, "python-hello").input("you");
        let answer = self.runtime.block_on(self.client.run(&order));
        let answer = answer.map_err(|fault| format!("the next order failed: {fault}"))?;
        if answer.text() != "Hello you" {
            return Err("the next order has a wrong answer".to_owned());
        }
        match self.processes.iter().find(|process| !process.is_alive()) {
            Some(process) => Err(format!("process {} has ended", process.pid())),
            None => Ok(()),
        }
    }

    /// A number that nobody had before.
    pub(crate) fn fresh(&self) -> u64 {
        self.serial.set(self.serial.get() + 1);
        self.serial.get()
    }

    /// An honest order for the worker, with ids of its own.
    pub(crate) fn order(&self, workload: &str, input: &str) -> TestOrder {
        self.own(TestOrder::of(workload, input))
    }

    /// Gives an order ids of its own.
    pub(crate) fn own(&self, mut order: TestOrder) -> TestOrder {
        let number = self.fresh();
        order.params["workOrderId"] = format!("{number:08x}").into();
        order.params["requesterNonce"] = format!("ff{number:08x}").into();
        order.rehash();
        order
    }

    /// The worker's id.
    pub(crate) fn worker_id(&self) -> String {
        WorkerId::from_name(WORKER).to_string()
    }

    /// The listener's address.
    pub(crate) fn listener(&self) -> SocketAddr {
        self.listener
    }

    /// The operators' token.
    pub(crate) fn operator_token(&self) -> String {
        self.read("operator-token")
    }

    /// The hosts' token.
    pub(crate) fn host_token(&self) -> String {
        self.read("host-token")
    }

    fn read(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.folder.path().join(name)).unwrap();
        text.trim().to_owned()
    }

    /// The manager's endpoint for hosts.
    pub(crate) fn manager(&self) -> String {
        let record: Value = serde_json::from_str(&self.read("up.json")).unwrap();
        record["manager"].as_str().unwrap().to_owned()
    }

    /// The endpoint of the worker's host, which tells it to the manager alone: so the system is asked
    /// where the host's process listens.
    pub(crate) fn host(&self) -> String {
        let host = self.host.as_ref().expect("it runs").process();
        let ports = host.listening_ports();
        format!(
            "tcp://127.0.0.1:{}",
            ports.first().expect("the host listens")
        )
    }

    /// Posts a body as Avalon's SDK does and reads the JSON of the reply.
    pub(crate) fn post(&self, body: &str) -> Result<Value, String> {
        self.post_with("", body.as_bytes())
    }

    /// The same with header lines.
    pub(crate) fn post_with(&self, headers: &str, body: &[u8]) -> Result<Value, String> {
        let mut request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        json_of(&self.raw(&request)?)
    }

    /// Calls a method.
    pub(crate) fn call(&self, method: &str, params: &Value) -> Result<Value, String> {
        self.post(&call(method, params))
    }

    /// Calls a method with the operators' token.
    pub(crate) fn operate(&self, method: &str, params: &Value) -> Result<Value, String> {
        let header = format!("Authorization: Bearer {}\r\n", self.operator_token());
        self.post_with(&header, call(method, params).as_bytes())
    }

    /// How an order that was accepted ends.
    pub(crate) fn outcome(&self, order: &TestOrder) -> Result<Value, String> {
        let params = json!({ "workOrderId": order.params["workOrderId"] });
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let reply = self.call("WorkOrderGetResult", &params)?;
            if reply["error"]["code"] != 5 {
                return Ok(reply);
            }
        }
        Err("the order stays pending".to_owned())
    }

    /// A connection to the listener.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.listener).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Writes bytes to the listener, says no more, and reads until it closes the connection.
    pub(crate) fn raw(&self, request: &[u8]) -> Result<String, String> {
        let mut stream = self.connect();
        // The listener may refuse and close before everything is written.
        let _ = stream.write_all(request);
        rest_of(&mut stream)
    }

    /// The same, and then closes its half of the connection.
    pub(crate) fn raw_half_closed(&self, request: &[u8]) -> Result<String, String> {
        let mut stream = self.connect();
        let _ = stream.write_all(request);
        let _ = stream.shutdown(Shutdown::Write);
        rest_of(&mut stream)
    }
}

/// All that the listener sends until it closes the connection.
pub(crate) fn rest_of(stream: &mut TcpStream) -> Result<String, String> {
    let mut reply = Vec::new();
    match stream.read_to_end(&mut reply) {
        Err(fault) if reply.is_empty() => Err(format!("no HTTP answer: {fault}")),
        _ => Ok(String::from_utf8_lossy(&reply).into_owned()),
    }
}

/// The JSON in a reply.
pub(crate) fn json_of(reply: &str) -> Result<Value, String> {
    let (_, text) = reply.split_once("\r\n\r\n").ok_or("no HTTP reply")?;
    serde_json::from_str(text).map_err(|fault| format!("{fault}: {reply}"))
}

/// The text of a request.
pub(crate) fn call(method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "method": method, "id": 1, "params": params }).to_string()
}

fn start(folder: &Path, runtime: &Runtime) -> (Up, Host, Client, Worker) {
    let up = Up::start(folder, "async", 0);
    let host = Host::with_test_keys(folder);
    let client = Client::connect(&up.listener().unwrap()).unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        match runtime.block_on(client.unverified_worker(&WorkerId::from_name(WORKER))) {
            Ok(worker) => return (up, host, client, worker),
            Err(fault) => assert!(Instant::now() < deadline, "no worker: {fault}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn address(up: &Up) -> SocketAddr {
    let uri = up.listener().unwrap();
    uri.strip_prefix("http://").unwrap().parse().unwrap()
}
