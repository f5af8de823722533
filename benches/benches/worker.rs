//! The worker alone, as its manager meets it: over ZeroMQ, behind its host.
//!
//! Prints the processor time that an order costs the worker's process, with one order at a time and
//! with several in flight, beside the limit: one RSA-3072 OAEP decryption and one secp256k1
//! signature, which no worker that keeps the protocol can do without. Processor time and not time,
//! because other work on the machine disturbs it least; limit and orders take turns, so that what
//! disturbs one disturbs the other.
//!
//! `cargo bench -p sconce-benches --bench worker`

use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use protocol::crypto::rsa::EncryptionKey;
use protocol::processor::{Outcome, Signup, order_frame, signup_frame};
use protocol::requester::{Input, Order, Protection};
use protocol::{SystemEntropy, WorkerId};
use sconce_benches::figures::{median, promise};
use sconce_benches::limit::Limit;
use tests::platform::{program_arguments, worker_program};
use tests::process::descendants;

/// Runs of each measurement; the median counts.
const RUNS: usize = 7;
/// Orders in a run, and decryptions and signatures beside them.
const ORDERS: usize = 1000;
/// Orders that are sealed beforehand; they take turns, since a worker keeps no replay marks.
const SEALED: usize = 100;
const WORKER: &str = "scone-worker-1";

/// With this in front of an endpoint and a program, this program is the host.
const HOST: &str = "host";

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == HOST) {
        be_host(arguments);
    } else {
        measure();
    }
}

/// As `sconce host` does it, in a process of its own.
fn be_host(mut arguments: impl Iterator<Item = OsString>) {
    let mut argument = || arguments.next().expect("an argument");
    let (endpoint, program) = (argument(), PathBuf::from(argument()));
    let name = host::WorkerName::new(WORKER).expect("a name");
    let mut config = host::Config::new(name, program);
    config.bind = Some(endpoint.into_string().expect("text"));
    config.program_args = program_arguments(WORKER);
    config.keys = host::Keys::Unattested(None);
    host::run(config).expect("a host");
}

fn measure() {
    let host = Host::start();
    let peer = Peer::connect(&host.endpoint);
    let orders = sealed_orders(&peer);
    let limit = Limit::new();
    // Caches, buffers and the allocator settle.
    peer.run(&orders, 8);

    for in_flight in [1, 2, 8] {
        let runs: Vec<_> = (0..RUNS)
            .map(|_| Run {
                limit: limit.measure(ORDERS as u32).as_secs_f64() * 1e6,
                ..host.measure(|| peer.run(&orders, in_flight))
            })
            .collect();
        let of = |what: fn(&Run) -> f64| median(&mut runs.iter().map(what).collect::<Vec<_>>());
        println!(
            "{in_flight} in flight: worker {:.1} µs of processor time an order, limit {:.1} µs: {:.1} %; host {:.1} µs",
            of(|run| run.worker),
            of(|run| run.limit),
            of(|run| 100.0 * run.limit / run.worker),
            of(|run| run.host),
        );
        let share = of(|run| 100.0 * run.limit / run.worker);
        promise(
            &format!("worker alone, {in_flight} in flight: the limit, of its processor time"),
            format_args!("{share:.1} %"),
            "90 % at least",
            share >= 90.0,
        );
    }
}

/// What one order costs, in microseconds of processor time.
struct Run {
    limit: f64,
    worker: f64,
    host: f64,
}

/// A host process with its worker. Killed when dropped, and its worker with it.
struct Host {
    process: Child,
    endpoint: String,
}

impl Host {
    fn start() -> Self {
        let endpoint = free_endpoint();
        let process = Command::new(std::env::current_exe().expect("a path"))
            .args([HOST, &endpoint])
            .arg(worker_program())
            .stdin(Stdio::null())
            .spawn()
            .expect("a host");
        Self { process, endpoint }
    }

    /// What host and worker spend during `work`.
    fn measure(&self, work: impl FnOnce()) -> Run {
        let workers = descendants(self.process.id());
        let [worker] = workers[..] else {
            panic!("the host has not one program: {workers:?}");
        };
        let times = || [worker.pid(), self.process.id()].map(process_time);
        let before = times();
        work();
        let after = times();
        Run {
            limit: f64::NAN,
            worker: an_order(after[0] - before[0]),
            host: an_order(after[1] - before[1]),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended by itself; the worker ends with it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A TCP endpoint that nobody listens on. Somebody may take it before it's used; this is no test.
fn free_endpoint() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("tcp://{}", listener.local_addr().expect("an address"))
}

/// What a manager has: a `DEALER` that asks without waiting for the answer before.
struct Peer(zmq::Socket);

impl Peer {
    fn connect(endpoint: &str) -> Self {
        let socket = zmq::Context::new().socket(zmq::DEALER).expect("a socket");
        socket.set_linger(0).expect("an option");
        socket.set_rcvtimeo(120_000).expect("an option");
        socket.connect(endpoint).expect("a connection");
        Self(socket)
    }

    fn ask(&self, frame: &[u8]) {
        let parts: [&[u8]; 3] = [b"a tag", b"", frame];
        self.0.send_multipart(parts, 0).expect("sent");
    }

    fn answer(&self) -> Vec<u8> {
        let mut parts = self.0.recv_multipart(0).expect("an answer");
        parts.pop().expect("a body")
    }

    /// Has the orders done with so many in flight.
    fn run(&self, orders: &[Vec<u8>], in_flight: usize) {
        let mut orders = orders.iter().cycle();
        let mut ask = || self.ask(orders.next().expect("one of many"));
        (0..in_flight).for_each(|_| ask());
        for order in 0..ORDERS {
            let answer = self.answer();
            assert!(
                matches!(Outcome::parse(&answer), Some(Outcome::Result(_))),
                "an order failed"
            );
            if order + in_flight < ORDERS {
                ask();
            }
        }
    }
}

fn sealed_orders(peer: &Peer) -> Vec<Vec<u8>> {
    peer.ask(&signup_frame(1));
    let signup: Signup = serde_json::from_slice(&peer.answer()).expect("a signup");
    let key = EncryptionKey::from_pem(&signup.encryption_key).expect("a key");
    assert_eq!(key.bits(), 3072);
    let input = Input {
        data: b"Mujtaba",
        protection: Protection::Session,
    };
    let seal = |_| {
        let order = Order {
            worker_id: &WorkerId::from_name(WORKER),
            encryption_key: &key,
            workload: "python-hello",
            inputs: &[input],
            signing_key: None,
            avalon_iv: false,
            response_timeout_ms: 6000,
        };
        let params = order.seal(&SystemEntropy::new()).expect("sealed").params;
        let request =
            format!(r#"{{"jsonrpc":"2.0","method":"WorkOrderSubmit","id":1,"params":{params}}}"#);
        order_frame(1, &request)
    };
    (0..SEALED).map(seal).collect()
}

/// Processor time that all threads of a process have used.
fn process_time(pid: u32) -> Duration {
    fs::read_dir(format!("/proc/{pid}/task"))
        .expect("a process")
        .flatten()
        .map(|task| processor_time(&task.path()))
        .sum()
}

/// Processor time that a thread has used: the first number of its `schedstat`, in nanoseconds.
fn processor_time(task: &Path) -> Duration {
    let text = fs::read_to_string(task.join("schedstat")).expect("a thread");
    let nanoseconds = text.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.expect("a number"))
}

fn an_order(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6 / ORDERS as f64
}
