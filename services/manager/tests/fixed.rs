//! Workers of Avalon's kind: a `REP` socket that is just there.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use protocol::WorkerId;
use protocol::processor::Request;
use sconce_manager::{Error, Manager, ManagerConfig, StaticWorker};
use serde_json::Value;
use support::host::good;
use support::{Store, new_signup, signup, token, until};

const WORKER: &str = "graphene-worker-1";

/// A worker with a `REP` socket, until it's dropped.
struct Rep {
    endpoint: String,
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Rep {
    /// Answers everything but the orders `hangs` says; those it works on for ever.
    fn start(endpoint: &str, signup: String, hangs: fn(usize) -> bool) -> Self {
        let socket = zmq::Context::new().socket(zmq::REP).unwrap();
        socket.set_linger(0).unwrap();
        socket.set_rcvtimeo(20).unwrap();
        socket.bind(endpoint).unwrap();
        let endpoint = socket.get_last_endpoint().unwrap().unwrap();
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let (stopped, orders) = (Arc::clone(&stop), Arc::clone(&asked));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                let Ok(frame) = socket.recv_bytes(0) else {
                    continue;
                };
                serve(&socket, &frame, &signup, &orders, hangs, &stopped);
            }
        });
        Self {
            endpoint,
            stop,
            asked,
            thread: Some(thread),
        }
    }

    fn orders(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn serve(
    socket: &zmq::Socket,
    frame: &[u8],
    signup: &str,
    orders: &AtomicUsize,
    hangs: fn(usize) -> bool,
    stopped: &AtomicBool,
) {
    match Request::parse(frame).unwrap() {
        Request::Signup => socket.send(signup, 0).unwrap(),
        Request::Order(text) => {
            let number = orders.fetch_add(1, Ordering::SeqCst);
            while hangs(number) && !stopped.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            let request: Value = serde_json::from_str(&text).unwrap();
            socket.send(good(&request), 0).unwrap();
        }
        other => panic!("no manager asks this: {other:?}"),
    }
}

impl Drop for Rep {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

const ANY: &str = "tcp://127.0.0.1:*";

fn config(endpoint: &str) -> ManagerConfig {
    let mut config = ManagerConfig::new(token());
    config.workers = vec![StaticWorker {
        name: WORKER.to_owned(),
        endpoint: endpoint.to_owned(),
    }];
    config.timing.claim = Duration::from_millis(100);
    config.timing.signup = Duration::from_millis(400);
    config.timing.static_answer = Duration::from_millis(400);
    config.timing.static_check = Duration::from_millis(100);
    config
}

fn start(config: ManagerConfig, store: &Store) -> Manager {
    Manager::start(config, store.orders(), store.registry.clone()).unwrap()
}

async fn key(store: &Store) -> Option<Value> {
    let record = store.registry.get(&WorkerId::from_name(WORKER)).await;
    let mut record = record.unwrap()?;
    Some(record.details["workerTypeData"]["verificationKey"].take())
}

fn key_in(signup: &str) -> Option<Value> {
    let mut signup: Value = serde_json::from_str(signup).unwrap();
    Some(signup["verifying_key"].take())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_one_order_after_the_other() {
    let store = Store::new();
    let rep = Rep::start(ANY, signup().to_owned(), |_| false);
    let manager = start(config(&rep.endpoint), &store);
    for order in 0..20 {
        store.submit(WORKER, &format!("{order:02x}")).await;
    }
    for order in 0..20 {
        let order = format!("{order:02x}");
        let ending = store.ending(&order).await;
        assert_eq!(ending["result"]["workOrderId"], order.as_str());
    }
    assert_eq!(rep.orders(), 20);
    let status = manager.status().await.unwrap();
    let process = &status.workers[0].processes[0];
    assert_eq!((process.pid, process.capacity), (None, 1));
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_may_come_after_the_manager_and_go_again() {
    let store = Store::new();
    let endpoint = Rep::start(ANY, signup().to_owned(), |_| false)
        .endpoint
        .clone();
    let manager = start(config(&endpoint), &store);
    store.submit(WORKER, "01").await;
    tokio::time::sleep(Duration::from_millis(600)).await;

    let rep = Rep::start(&endpoint, signup().to_owned(), |_| false);
    assert_eq!(store.ending("01").await["result"]["workOrderId"], "01");
    drop(rep);
    // It restarts with new keys, as Avalon's does: the registry has them before long.
    let renewed = new_signup();
    let _rep = Rep::start(&endpoint, renewed.clone(), |_| false);
    until(async || key(&store).await == key_in(&renewed)).await;
    store.submit(WORKER, "02").await;
    assert_eq!(store.ending("02").await["result"]["workOrderId"], "02");
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_is_left_alone_until_it_is_back() {
    let store = Store::new();
    let rep = Rep::start(ANY, signup().to_owned(), |number| number == 0);
    let endpoint = rep.endpoint.clone();
    let manager = start(config(&endpoint), &store);
    store.submit(WORKER, "01").await;
    until(async || rep.orders() == 1).await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    let status = manager.status().await.unwrap();
    assert!(status.workers[0].processes.is_empty());
    assert_eq!(status.orders.queued, 1);

    drop(rep);
    let _rep = Rep::start(&endpoint, signup().to_owned(), |_| false);
    assert_eq!(store.ending("01").await["result"]["workOrderId"], "01");
    manager.shutdown().await;
}

#[tokio::test]
async fn bad_names_and_endpoints_stop_the_start() {
    let store = Store::new();
    for (name, endpoint) in [
        ("a b", "tcp://127.0.0.1:1"),
        ("a", "ipc:///tmp/x"),
        ("a", "127.0.0.1:1"),
    ] {
        let mut config = config("tcp://127.0.0.1:1");
        config.workers[0] = StaticWorker {
            name: name.to_owned(),
            endpoint: endpoint.to_owned(),
        };
        let started = Manager::start(config, store.orders(), store.registry.clone());
        let bad = matches!(started, Err(Error::Name(_) | Error::Endpoint(_)));
        assert!(bad, "{name} {endpoint}");
    }
}
