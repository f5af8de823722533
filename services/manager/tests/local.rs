//! Hosts on the same machine, which connect to the manager's Unix socket.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use link::{Decoder, Frame, Kind};
use protocol::membership::{HostMessage, ManagerMessage};
use protocol::processor::Request;
use sconce_manager::{Error, Manager, ManagerConfig};
use serde_json::Value;
use support::flood::Flood;
use support::host::{Plan, good};
use support::{Store, WORKER, signup, token, until};

/// Long enough for anything, and too long for whatever waits for the end of it.
const LONG: Duration = Duration::from_secs(60);

struct Fixture {
    store: Store,
    manager: Manager,
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new(adapt: impl FnOnce(&mut ManagerConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("manager.sock");
        let store = Store::new();
        let mut config = ManagerConfig::new(token());
        config.local = Some(socket.clone());
        config.timing.claim = Duration::from_millis(100);
        config.timing.drain = Duration::from_millis(300);
        // Nothing here is found out by waiting for signs of life or for leases to run out.
        config.timing.alive = LONG;
        config.timing.lease = LONG;
        adapt(&mut config);
        let manager = Manager::start(config, store.orders(), store.registry.clone()).unwrap();
        let _folder = folder;
        Self {
            store,
            manager,
            socket,
            _folder,
        }
    }

    async fn processes(&self, wanted: usize) {
        until(async || {
            let status = self.manager.status().await.unwrap();
            let found = status.workers.iter().map(|worker| worker.processes.len());
            found.sum::<usize>() == wanted
        })
        .await;
    }
}

/// A host, driven by hand.
struct Host {
    stream: UnixStream,
    decoder: Decoder,
}

impl Host {
    fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        Self {
            stream,
            decoder: Decoder::default(),
        }
    }

    fn send(&mut self, kind: Kind, tag: u64, body: &[u8]) {
        let mut bytes = Vec::new();
        link::encode(kind, tag, body, &mut bytes).unwrap();
        self.stream.write_all(&bytes).unwrap();
    }

    fn say(&mut self, message: &HostMessage) {
        self.send(Kind::Member, 0, &serde_json::to_vec(message).unwrap());
    }

    /// The next frame; `None` at the end.
    fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.decoder.next().unwrap() {
                return Some(frame);
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes).unwrap_or(0) {
                0 => return None,
                count => self.decoder.push(&bytes[..count]),
            }
        }
    }

    fn heard(&mut self) -> ManagerMessage {
        let frame = self.frame().unwrap();
        assert_eq!((frame.kind, frame.tag), (Kind::Member, 0));
        serde_json::from_slice(&frame.body).unwrap()
    }

    /// Joins, and answers the question for the keys.
    fn join(mut self, instance: u8) -> Self {
        self.say(&join(instance));
        assert_eq!(self.heard(), ManagerMessage::Joined);
        let frame = self.frame().unwrap();
        assert_eq!(Request::parse(&frame.body).unwrap(), Request::Signup);
        self.send(Kind::Response, frame.tag, signup().as_bytes());
        self
    }

    /// The next order: its tag and the client's request.
    fn order(&mut self) -> (u64, Value) {
        let frame = self.frame().unwrap();
        assert_eq!(frame.kind, Kind::Request);
        match Request::parse(&frame.body).unwrap() {
            Request::Order(text) => (frame.tag, serde_json::from_str(&text).unwrap()),
            _ => panic!("no order"),
        }
    }

    fn answer_one(&mut self) {
        let (tag, request) = self.order();
        self.send(Kind::Response, tag, &good(&request));
    }
}

fn join(instance: u8) -> HostMessage {
    HostMessage::Join {
        token: token().expose().to_owned(),
        instance: format!("{instance:032x}"),
        worker: WORKER.to_owned(),
        endpoint: String::new(),
        capacity: 4,
        pid: 7,
        patience: 600,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_go_over_the_line_that_the_host_joined_on() {
    let f = Fixture::new(|_| {});
    assert_eq!(
        f.manager.local_endpoint().unwrap(),
        format!("unix:{}", f.socket.display())
    );
    let mode = std::fs::metadata(&f.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let mut host = Host::connect(&f.socket).join(1);
    for order in ["01", "02"] {
        f.store.submit(WORKER, order).await;
        host.answer_one();
        assert_eq!(f.store.ending(order).await["result"]["workOrderId"], order);
    }
    // As many at once as it takes, answered in any order.
    for order in ["03", "04", "05"] {
        f.store.submit(WORKER, order).await;
    }
    let mut orders: Vec<_> = (0..3).map(|_| host.order()).collect();
    orders.reverse();
    for (tag, request) in orders {
        host.send(Kind::Response, tag, &good(&request));
    }
    for order in ["03", "04", "05"] {
        assert_eq!(f.store.ending(order).await["result"]["workOrderId"], order);
    }
    f.manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_a_line_that_ends_go_to_another_host_at_once() {
    let f = Fixture::new(|_| {});
    let mut first = Host::connect(&f.socket).join(1);
    f.processes(1).await;
    f.store.submit(WORKER, "01").await;
    first.order();
    drop(first);
    f.processes(0).await;

    // Another one joins over ZeroMQ; both ways lead to the same queue.
    let _second = Plan::new(WORKER).start(f.manager.endpoint());
    let ending = f.store.ending("01").await;
    assert_eq!(ending["result"]["workOrderId"], "01", "{ending}");
    f.manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_connects_again_is_used_over_its_new_line() {
    let f = Fixture::new(|_| {});
    let old = Host::connect(&f.socket).join(1);
    f.processes(1).await;
    // The same host: the manager need not have seen the end of the old line.
    let mut new = Host::connect(&f.socket).join(1);
    f.processes(1).await;
    f.store.submit(WORKER, "01").await;
    new.answer_one();
    assert_eq!(f.store.ending("01").await["result"]["workOrderId"], "01");
    drop(old);
    f.store.submit(WORKER, "02").await;
    new.answer_one();
    assert_eq!(f.store.ending("02").await["result"]["workOrderId"], "02");
    f.manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_the_host_is_slow_to_read_comes_whole() {
    let f = Fixture::new(|config| config.timing.drain = LONG);
    let mut host = Host::connect(&f.socket).join(1);
    f.processes(1).await;
    // Far more than the socket holds.
    let long = "x".repeat(3 << 20);
    for order in ["01", "02"] {
        f.store.submit_saying(WORKER, order, &long).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    for _ in 0..2 {
        let (tag, request) = host.order();
        assert_eq!(request["params"]["saying"], long.as_str());
        host.send(Kind::Response, tag, &good(&request));
    }
    for order in ["01", "02"] {
        assert_eq!(f.store.ending(order).await["result"]["workOrderId"], order);
    }
    f.manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_host_sends_ends_its_line_only() {
    let f = Fixture::new(|_| {});
    let mut good = Host::connect(&f.socket).join(1);
    f.processes(1).await;

    let mut stranger = Host::connect(&f.socket);
    let wrong = HostMessage::Alive {
        token: "not the token".to_owned(),
        instance: format!("{:032x}", 1),
    };
    stranger.say(&wrong);
    assert!(matches!(stranger.heard(), ManagerMessage::Refused { .. }));
    // No answer of a stranger reaches anybody.
    stranger.send(Kind::Response, 1, b"{}");
    let bad: [(Kind, u64, &[u8]); 3] = [
        (Kind::Request, 1, b"{}"),
        (Kind::Ready, 0, b"{}"),
        (Kind::Member, 0, &[b'x'; 20_000]),
    ];
    for (kind, tag, body) in bad {
        let mut stranger = Host::connect(&f.socket);
        stranger.send(kind, tag, body);
        assert!(stranger.frame().is_none(), "{kind:?}");
    }
    let mut garbage = Host::connect(&f.socket);
    garbage.stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert!(garbage.frame().is_none());

    f.store.submit(WORKER, "01").await;
    good.answer_one();
    assert_eq!(f.store.ending("01").await["result"]["workOrderId"], "01");
    f.manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_more_lines_than_the_limit() {
    let f = Fixture::new(|config| config.max_processes = 1);
    let mut open: Vec<_> = (0..17).map(|_| Host::connect(&f.socket)).collect();
    let alive = HostMessage::Alive {
        token: token().expose().to_owned(),
        instance: format!("{:032x}", 1),
    };
    for host in &mut open {
        host.say(&alive);
        assert_eq!(host.heard(), ManagerMessage::Unknown);
    }
    assert!(Host::connect(&f.socket).frame().is_none());
    open.pop();
    until(async || {
        let mut next = Host::connect(&f.socket);
        let mut bytes = Vec::new();
        link::encode(
            Kind::Member,
            0,
            &serde_json::to_vec(&alive).unwrap(),
            &mut bytes,
        )
        .unwrap();
        next.stream.write_all(&bytes).is_ok() && next.frame().is_some()
    })
    .await;
    f.manager.shutdown().await;
}

/// Whoever reaches the manager's port can say much, and has no token.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_on_the_network_do_not_drown_the_hosts_of_this_machine() {
    let f = Fixture::new(|config| config.timing.alive = Duration::from_secs(1));
    let mut host = Host::connect(&f.socket).join(1);
    f.processes(1).await;
    let flood = Flood::start(f.manager.endpoint(), 2);
    let alive = HostMessage::Alive {
        token: token().expose().to_owned(),
        instance: format!("{:032x}", 1),
    };
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        host.say(&alive);
        assert_eq!(host.heard(), ManagerMessage::Ok);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    drop(flood);
    f.manager.shutdown().await;
}

#[tokio::test]
async fn a_socket_that_cannot_be_listened_on_is_named() {
    let store = Store::new();
    let mut config = ManagerConfig::new(token());
    config.local = Some("/nowhere/at/all/manager.sock".into());
    let refused = Manager::start(config, store.orders(), store.registry.clone());
    let error = refused.err().unwrap();
    assert!(matches!(error, Error::Local { .. }));
    assert!(error.to_string().contains("/nowhere/at/all/manager.sock"));
}
