//! The conversation with a manager.

use std::time::Duration;

use protocol::membership::{HostMessage, ManagerMessage};
use sconce_host::{Config, Handle, start};

use crate::support::{PATIENCE, ask, config, eventually};

const TOKEN: &str = "a shared secret";

/// A manager's `ROUTER`, driven by hand.
struct Manager {
    socket: zmq::Socket,
    endpoint: String,
}

impl Manager {
    fn bind(endpoint: &str) -> Self {
        let socket = zmq::Context::new().socket(zmq::ROUTER).unwrap();
        socket.set_linger(0).unwrap();
        let time = i32::try_from(PATIENCE.as_millis()).unwrap();
        socket.set_rcvtimeo(time).unwrap();
        eventually("the endpoint is free", || socket.bind(endpoint).is_ok());
        let endpoint = socket.get_last_endpoint().unwrap().unwrap();
        Self { socket, endpoint }
    }

    fn new() -> Self {
        Self::bind("tcp://127.0.0.1:0")
    }

    /// The next message of a host and whom to answer.
    fn hear(&self) -> (Vec<u8>, HostMessage) {
        let frames = self.socket.recv_multipart(0).expect("no message in time");
        assert_eq!(frames.len(), 2);
        (
            frames[0].clone(),
            serde_json::from_slice(&frames[1]).unwrap(),
        )
    }

    fn say(&self, to: &[u8], message: &[u8]) {
        self.socket.send_multipart([to, message], 0).unwrap();
    }

    /// Hears messages and answers them as a manager that knows the host does, until one fits.
    fn until(&self, what: &str, fits: impl Fn(&HostMessage) -> bool) -> (Vec<u8>, HostMessage) {
        for _ in 0..1000 {
            let (from, message) = self.hear();
            if fits(&message) {
                return (from, message);
            }
            let answer = match &message {
                HostMessage::Join { .. } => ManagerMessage::Joined,
                HostMessage::Alive { .. } | HostMessage::Leave { .. } => ManagerMessage::Ok,
            };
            self.answer(&from, &answer);
        }
        panic!("no {what}");
    }

    fn answer(&self, to: &[u8], message: &ManagerMessage) {
        self.say(to, &serde_json::to_vec(message).unwrap());
    }

    /// Lets a host join.
    fn admit(&self) -> (Vec<u8>, HostMessage) {
        let (from, join) = self.until("Join", is_join);
        self.answer(&from, &ManagerMessage::Joined);
        (from, join)
    }
}

fn is_join(message: &HostMessage) -> bool {
    matches!(message, HostMessage::Join { .. })
}

fn is_alive(message: &HostMessage) -> bool {
    matches!(message, HostMessage::Alive { .. })
}

fn is_leave(message: &HostMessage) -> bool {
    matches!(message, HostMessage::Leave { .. })
}

fn member(manager: &str, manner: &str) -> Config {
    let mut config = config(manner);
    config.manager = Some(manager.to_owned());
    config.token = Some(TOKEN.to_owned());
    config.timing.heartbeat = Duration::from_millis(50);
    config
}

fn host(manager: &Manager) -> Handle {
    start(member(&manager.endpoint, "good")).unwrap()
}

#[test]
fn join_alive_and_leave() {
    let manager = Manager::new();
    let host = host(&manager);
    let (from, join) = manager.admit();
    let HostMessage::Join {
        token,
        instance,
        worker,
        endpoint,
        capacity,
        pid,
        patience,
    } = join
    else {
        unreachable!()
    };
    assert_eq!((token.as_str(), worker.as_str()), (TOKEN, "scone-worker-1"));
    assert_eq!(endpoint, host.endpoint().unwrap());
    assert_eq!(ask(&endpoint, "pid"), pid.to_string());
    assert_eq!(capacity, 8, "two threads, four orders each");
    assert_eq!(
        patience,
        4 * 3 + 10,
        "four orders of three seconds, and some"
    );
    assert!(instance.len() == 32 && instance.bytes().all(|b| b.is_ascii_hexdigit()));

    for _ in 0..3 {
        let (to, alive) = manager.hear();
        let expected = HostMessage::Alive {
            token: TOKEN.to_owned(),
            instance: instance.clone(),
        };
        assert_eq!((&to, alive), (&from, expected));
        manager.answer(&to, &ManagerMessage::Ok);
    }

    host.stop().unwrap();
    let (_, leave) = manager.until("Leave", is_leave);
    let expected = HostMessage::Leave {
        token: TOKEN.to_owned(),
        instance,
    };
    assert_eq!(leave, expected);
}

#[test]
fn a_host_that_is_not_known_joins_again() {
    let manager = Manager::new();
    let _host = host(&manager);
    let (_, first) = manager.admit();
    let (from, _) = manager.until("Alive", is_alive);
    manager.answer(&from, &ManagerMessage::Unknown);
    let (_, again) = manager.until("Join", is_join);
    assert_eq!(first, again);
}

#[test]
fn join_is_repeated_until_it_is_answered() {
    let manager = Manager::new();
    let _host = host(&manager);
    let (_, first) = manager.hear();
    let (_, second) = manager.hear();
    assert!(is_join(&first));
    assert_eq!(first, second);
}

#[test]
fn a_refused_host_tries_again_but_not_at_once() {
    let manager = Manager::new();
    let _host = host(&manager);
    let (from, join) = manager.until("Join", is_join);
    let reason = "wrong token\u{1b}[31m".to_owned();
    manager.answer(&from, &ManagerMessage::Refused { reason });
    let begin = std::time::Instant::now();
    assert_eq!(manager.until("Join", is_join).1, join);
    assert!(begin.elapsed() > Duration::from_millis(150));
}

#[test]
fn a_host_leaves_when_its_program_is_lost_and_joins_with_the_next() {
    let manager = Manager::new();
    let host = host(&manager);
    let pid = |message: HostMessage| match message {
        HostMessage::Join { pid, .. } => pid,
        _ => unreachable!(),
    };
    let mut last = pid(manager.admit().1);
    for order in ["die 1", "overrun", "misbehave kind"] {
        ask(host.endpoint().unwrap(), order);
        manager.until("Leave", is_leave);
        let next = pid(manager.admit().1);
        assert_ne!(next, last, "{order}");
        last = next;
    }
}

#[test]
fn a_host_whose_program_is_not_ready_does_not_join() {
    let manager = Manager::new();
    let host = start(member(&manager.endpoint, "never ready")).unwrap();
    manager.socket.set_rcvtimeo(300).unwrap();
    assert_eq!(manager.socket.recv_bytes(0), Err(zmq::Error::EAGAIN));
    host.stop().unwrap();
    assert_eq!(manager.socket.recv_bytes(0), Err(zmq::Error::EAGAIN));
}

#[test]
fn a_manager_may_come_late_and_come_again() {
    let endpoint = {
        let manager = Manager::new();
        manager.endpoint.clone()
    };
    let host = start(member(&endpoint, "good")).unwrap();
    assert_eq!(
        ask(host.endpoint().unwrap(), "works without"),
        "works without"
    );

    let manager = Manager::bind(&endpoint);
    let (_, first) = manager.admit();
    manager.until("Alive", is_alive);
    drop(manager);

    let manager = Manager::bind(&endpoint);
    let (from, _) = manager.until("Alive", is_alive);
    manager.answer(&from, &ManagerMessage::Unknown);
    assert_eq!(manager.admit().1, first);
    assert_eq!(ask(host.endpoint().unwrap(), "still works"), "still works");
}

#[test]
fn nonsense_from_a_manager_changes_nothing() {
    let manager = Manager::new();
    let host = host(&manager);
    let (from, _) = manager.admit();
    let nonsense: [&[u8]; 8] = [
        b"",
        b"\xff",
        b"{}",
        b"null",
        br#"{"type":"nothing"}"#,
        br#"{"type":"joined"}"#,
        br#"{"type":"refused"}"#,
        &[b'['; 10_000],
    ];
    for message in nonsense {
        manager.say(&from, message);
        manager.until("Alive", is_alive);
    }
    manager
        .socket
        .send_multipart([&from[..], b"a", b"b", b"c"], 0)
        .unwrap();
    manager.until("Alive", is_alive);
    assert_eq!(ask(host.endpoint().unwrap(), "next"), "next");
}
