//! Who may join, and what a manager says to the others.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::time::{Duration, Instant};

use protocol::WorkerId;
use protocol::membership::ManagerMessage;
use protocol::record::Status;
use sconce_manager::{Error, Manager, ManagerConfig};
use serde_json::{Value, json};
use support::flood::Flood;
use support::host::Plan;
use support::{Store, WORKER, new_signup, signup, token, until};

fn config() -> ManagerConfig {
    let mut config = ManagerConfig::new(token());
    config.timing.alive = Duration::from_millis(500);
    config.timing.claim = Duration::from_millis(100);
    config.timing.signup = Duration::from_millis(500);
    config
}

fn start(store: &Store) -> Manager {
    Manager::start(config(), store.orders(), store.registry.clone()).unwrap()
}

/// A `DEALER` that says what the test likes.
struct Stranger(zmq::Socket);

impl Stranger {
    fn connect(manager: &Manager) -> Self {
        let socket = zmq::Context::new().socket(zmq::DEALER).unwrap();
        socket.set_linger(0).unwrap();
        socket.set_rcvtimeo(5000).unwrap();
        socket.connect(manager.endpoint()).unwrap();
        Self(socket)
    }

    fn ask(&self, frame: impl AsRef<[u8]>) -> ManagerMessage {
        self.0.send(frame.as_ref(), 0).unwrap();
        serde_json::from_slice(&self.0.recv_bytes(0).unwrap()).unwrap()
    }

    fn is_refused(&self, frame: impl AsRef<[u8]>) -> bool {
        matches!(self.ask(frame), ManagerMessage::Refused { .. })
    }
}

fn instance(number: u8) -> String {
    format!("{number:032x}")
}

fn join() -> Value {
    json!({
        "type": "join", "token": token().expose(), "instance": instance(0xaa),
        "worker": WORKER, "endpoint": "tcp://127.0.0.1:9", "capacity": 1, "pid": 1,
        "patience": 60,
    })
}

async fn processes(manager: &Manager) -> usize {
    let status = manager.status().await.unwrap();
    status
        .workers
        .iter()
        .map(|worker| worker.processes.len())
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_frames_are_refused_and_the_next_host_joins() {
    let store = Store::new();
    let manager = start(&store);
    let stranger = Stranger::connect(&manager);
    let with = |member: &str, value: Value| {
        let mut message = join();
        message[member] = value;
        message.to_string().into_bytes()
    };
    let mut without = join();
    without.as_object_mut().unwrap().remove("pid");
    let deep = "[".repeat(10_000);
    let cases: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"\xff\xfe".to_vec(),
        b"{".to_vec(),
        deep.into_bytes(),
        b"null".to_vec(),
        br#"{"type":"join"}"#.to_vec(),
        without.to_string().into_bytes(),
        with("type", json!("nope")),
        with("more", json!(1)),
        with("token", json!("")),
        with("token", json!("another-token-of-sixteen")),
        with("token", json!(token().expose().to_uppercase())),
        with("token", json!(7)),
        with("instance", json!("")),
        with("instance", json!("x".repeat(32))),
        with("instance", json!("a".repeat(31))),
        with("worker", json!("")),
        with("worker", json!("a b")),
        with("worker", json!("../x")),
        with("worker", json!("x".repeat(65))),
        with("endpoint", json!("")),
        with("endpoint", json!("ipc:///tmp/x")),
        with("endpoint", json!("inproc://x")),
        with("endpoint", json!("tcp://*:1")),
        with("endpoint", json!("tcp://127.0.0.1:0")),
        with("endpoint", json!("tcp://127.0.0.1:1\u{0}")),
        with("capacity", json!(0)),
        with("capacity", json!(1025)),
        with("capacity", json!(-1)),
        with("capacity", json!(1.5)),
        with("pid", json!("1")),
        with("patience", json!(-1)),
    ];
    for case in cases {
        let text = String::from_utf8_lossy(&case).into_owned();
        assert!(stranger.is_refused(&case), "{text:.100}");
    }
    // These get no answer at all.
    stranger.0.send_multipart(["a", "b"], 0).unwrap();
    stranger.0.send_multipart(vec![""; 100], 0).unwrap();
    let long = Stranger::connect(&manager);
    long.0.send(vec![b' '; 1 << 20], 0).unwrap();

    assert_eq!(processes(&manager).await, 0);
    assert_eq!(stranger.ask(join().to_string()), ManagerMessage::Joined);
    let _host = Plan::new(WORKER).start(manager.endpoint());
    until(async || processes(&manager).await == 1).await;
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signs_of_life_of_strangers_make_them_join() {
    let store = Store::new();
    let manager = start(&store);
    let stranger = Stranger::connect(&manager);
    let say = |kind: &str| {
        let message = json!({"type": kind, "token": token().expose(), "instance": instance(1)});
        stranger.ask(message.to_string())
    };
    assert_eq!(say("alive"), ManagerMessage::Unknown);
    assert_eq!(say("leave"), ManagerMessage::Ok);
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_does_not_sign_up_gets_no_orders() {
    let store = Store::new();
    let manager = start(&store);
    let stranger = Stranger::connect(&manager);
    // Nobody listens there.
    assert_eq!(stranger.ask(join().to_string()), ManagerMessage::Joined);
    let alive = json!({"type": "alive", "token": token().expose(), "instance": instance(0xaa)});
    until(async || stranger.ask(alive.to_string()) == ManagerMessage::Unknown).await;
    let id = WorkerId::from_name(WORKER);
    assert_eq!(store.registry.get(&id).await.unwrap(), None);
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_do_not_fit_are_refused() {
    let store = Store::new();
    let manager = start(&store);
    let mut signup: Value = serde_json::from_str(signup()).unwrap();
    let good = signup.clone();
    for (member, value) in [
        ("encryption_key_signature", json!("")),
        ("encryption_key_signature", json!("30060201010201ff")),
        ("verifying_key", json!("nothing")),
        ("encryption_key", good["verifying_key"].clone()),
    ] {
        signup[member] = value;
        let plan = Plan::new(WORKER).with_signup(signup.to_string());
        let host = plan.start(manager.endpoint());
        until(async || host.refusals() > 0).await;
        signup = good.clone();
    }
    let nonsense = Plan::new(WORKER).with_signup("{}".to_owned());
    let host = nonsense.start(manager.endpoint());
    until(async || host.refusals() > 0).await;
    assert_eq!(processes(&manager).await, 0);
    let id = WorkerId::from_name(WORKER);
    assert_eq!(store.registry.get(&id).await.unwrap(), None);
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_of_a_worker_must_have_the_same_keys() {
    let store = Store::new();
    let manager = start(&store);
    let first = Plan::new(WORKER).start(manager.endpoint());
    until(async || processes(&manager).await == 1).await;
    let id = WorkerId::from_name(WORKER);
    let record = store.registry.get(&id).await.unwrap();

    let other = Plan::new(WORKER)
        .with_signup(new_signup())
        .start(manager.endpoint());
    until(async || other.refusals() > 0).await;
    assert_eq!(processes(&manager).await, 1);
    assert_eq!(store.registry.get(&id).await.unwrap(), record);
    let _same = Plan::new(WORKER).start(manager.endpoint());
    until(async || processes(&manager).await == 2).await;
    drop(first);
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_status_outlasts_workers() {
    let store = Store::new();
    let manager = start(&store);
    let host = Plan::new(WORKER).start(manager.endpoint());
    until(async || processes(&manager).await == 1).await;
    let id = WorkerId::from_name(WORKER);
    let set = store.registry.set_status(&id, Status::OffLine).await;
    set.unwrap();
    drop(host);
    until(async || processes(&manager).await == 0).await;
    // With other keys too: nobody of the old ones is there.
    let signup = new_signup();
    let _host = Plan::new(WORKER)
        .with_signup(signup.clone())
        .start(manager.endpoint());
    until(async || processes(&manager).await == 1).await;
    let record = store.registry.get(&id).await.unwrap().unwrap();
    assert_eq!(record.status, Status::OffLine);
    let signup: Value = serde_json::from_str(&signup).unwrap();
    let key = &record.details["workerTypeData"]["verificationKey"];
    assert_eq!(key, &signup["verifying_key"]);
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_more_processes_than_the_limit() {
    let store = Store::new();
    let mut config = config();
    config.max_processes = 1;
    let manager = Manager::start(config, store.orders(), store.registry.clone()).unwrap();
    let _host = Plan::new(WORKER).start(manager.endpoint());
    until(async || processes(&manager).await == 1).await;
    assert!(Stranger::connect(&manager).is_refused(join().to_string()));
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_cannot_make_up_workers_without_end() {
    let store = Store::new();
    let mut config = config();
    config.max_processes = 1;
    let manager = Manager::start(config, store.orders(), store.registry.clone()).unwrap();
    let stranger = Stranger::connect(&manager);
    let mut join = join();
    for number in 0..4 {
        join["worker"] = format!("worker-{number}").into();
        assert_eq!(stranger.ask(join.to_string()), ManagerMessage::Joined);
    }
    join["worker"] = "worker-4".into();
    assert!(stranger.is_refused(join.to_string()));
    join["worker"] = "worker-0".into();
    assert_eq!(stranger.ask(join.to_string()), ManagerMessage::Joined);
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_endpoint_is_named() {
    let store = Store::new();
    let manager = start(&store);
    let mut again = config();
    again.bind = manager.endpoint().to_owned();
    let Err(error) = Manager::start(again, store.orders(), store.registry.clone()) else {
        panic!("two managers have one endpoint");
    };
    assert!(matches!(error, Error::Bind { .. }));
    assert!(error.to_string().contains(manager.endpoint()), "{error}");
    manager.shutdown().await;
}

/// Strangers say more than the manager can take, and none of it is in the way of a real host.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_take_no_place_of_hosts_elsewhere() {
    let store = Store::new();
    let manager = start(&store);
    let joined = Plan::new(WORKER).start(manager.endpoint());
    until(async || processes(&manager).await == 1).await;
    let flood = Flood::start(manager.endpoint(), 2);
    let other = Stranger::connect(&manager);
    let alive = json!({ "type": "alive", "token": token().expose(), "instance": instance(0xaa) });
    let (begun, mut heard) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(4) || heard < 100 {
        // Each is answered; what is dropped is not.
        assert_eq!(other.ask(alive.to_string()), ManagerMessage::Unknown);
        heard += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(flood);
    assert_eq!((processes(&manager).await, joined.joins()), (1, 1));
    manager.shutdown().await;
}
