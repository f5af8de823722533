//! The line to a manager on the same machine.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use link::{Decoder, Frame, Kind};
use protocol::membership::{HostMessage, ManagerMessage};
use sconce_host::{Config, Handle, start};
use tempfile::TempDir;

use crate::support::{PATIENCE, QUIET, config, kind};

/// A manager's socket, driven by hand.
struct Manager {
    folder: TempDir,
    listener: Option<UnixListener>,
}

impl Manager {
    fn absent() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            listener: None,
        }
    }

    fn new() -> Self {
        let mut manager = Self::absent();
        manager.listen();
        manager
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("manager.sock")
    }

    fn listen(&mut self) {
        let listener = UnixListener::bind(self.path()).unwrap();
        listener.set_nonblocking(true).unwrap();
        self.listener = Some(listener);
    }

    fn host(&self, manner: &str) -> Handle {
        start(self.config(manner)).unwrap()
    }

    fn config(&self, manner: &str) -> Config {
        let mut config = config(manner);
        config.manager = Some(format!("unix:{}", self.path().display()));
        config.token = Some("a shared secret".to_owned());
        config.timing.heartbeat = Duration::from_millis(100);
        config
    }

    /// The next connection of a host.
    fn accept(&self) -> Line {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.listener.as_ref().unwrap().accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).unwrap();
                    return Line {
                        stream,
                        decoder: Decoder::default(),
                    };
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    assert!(Instant::now() < until, "no host connects");
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The connection of a host that has joined.
    fn admit(&self) -> Line {
        let mut line = self.accept();
        let join = line.message();
        assert!(matches!(join, HostMessage::Join { .. }), "{join:?}");
        line.say(&ManagerMessage::Joined);
        line
    }
}

struct Line {
    stream: UnixStream,
    decoder: Decoder,
}

impl Line {
    fn send(&mut self, kind: Kind, tag: u64, body: &[u8]) {
        let mut bytes = Vec::new();
        link::encode(kind, tag, body, &mut bytes).unwrap();
        self.stream.write_all(&bytes).unwrap();
    }

    fn ask(&mut self, tag: u64, body: &str) {
        self.send(Kind::Request, tag, body.as_bytes());
    }

    fn say(&mut self, message: &ManagerMessage) {
        self.send(Kind::Member, 0, &serde_json::to_vec(message).unwrap());
    }

    /// The next frame, if one comes in that time; `None` at the end as well.
    fn frame_within(&mut self, time: Duration) -> Option<Frame> {
        self.stream.set_read_timeout(Some(time)).unwrap();
        loop {
            if let Some(frame) = self.decoder.next().unwrap() {
                return Some(frame);
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => self.decoder.push(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The next message about the worker.
    fn message(&mut self) -> HostMessage {
        let frame = self.frame_within(PATIENCE).expect("no message in time");
        assert_eq!((frame.kind, frame.tag), (Kind::Member, 0));
        serde_json::from_slice(&frame.body).unwrap()
    }

    /// The next answer, and its tag. Signs of life before it are answered.
    fn answer(&mut self) -> (u64, String) {
        loop {
            let frame = self.frame_within(PATIENCE).expect("no answer in time");
            match frame.kind {
                Kind::Response => return (frame.tag, String::from_utf8(frame.body).unwrap()),
                Kind::Member => self.say(&ManagerMessage::Ok),
                kind => panic!("a frame of kind {kind:?}"),
            }
        }
    }
}

#[test]
fn a_host_joins_and_answers_on_the_same_line() {
    let manager = Manager::new();
    let _host = manager.host("good");
    let mut line = manager.admit();
    line.ask(7, "hello");
    assert_eq!(line.answer(), (7, "hello".to_owned()));
    loop {
        match line.message() {
            HostMessage::Alive { .. } => break,
            other => assert!(matches!(other, HostMessage::Join { .. }), "{other:?}"),
        }
    }
    line.say(&ManagerMessage::Unknown);
    let join = std::iter::repeat_with(|| line.message())
        .find(|message| matches!(message, HostMessage::Join { .. }));
    assert!(join.is_some());
}

#[test]
fn a_host_of_this_machine_listens_only_where_it_is_told_to() {
    let endpoint_of = |join| match join {
        HostMessage::Join { endpoint, .. } => endpoint,
        other => panic!("{other:?}"),
    };
    let manager = Manager::new();
    let host = manager.host("good");
    assert_eq!(host.endpoint(), None);
    // Held until the host has gone: it would connect again.
    let mut line = manager.accept();
    assert_eq!(endpoint_of(line.message()), "");
    drop(host);

    let mut config = manager.config("good");
    config.bind = Some("tcp://127.0.0.1:0".to_owned());
    let host = start(config).unwrap();
    let mut line = manager.accept();
    let endpoint = host.endpoint().unwrap();
    assert_eq!(endpoint_of(line.message()), endpoint);
    line.say(&ManagerMessage::Joined);
    assert_eq!(crate::support::ask(endpoint, "peer"), "peer");
    line.ask(7, "hello");
    assert_eq!(line.answer(), (7, "hello".to_owned()));
}

#[test]
fn many_requests_at_once_are_answered_each_to_its_tag() {
    const REQUESTS: u64 = 3000;
    let manager = Manager::new();
    let _host = manager.host("good");
    let mut line = manager.admit();
    let mut writer = Line {
        stream: line.stream.try_clone().unwrap(),
        decoder: Decoder::default(),
    };
    let body = |tag: u64| format!("{tag} {}", "x".repeat(2000));
    let asking =
        std::thread::spawn(move || (1..=REQUESTS).for_each(|tag| writer.ask(tag, &body(tag))));
    let answers: BTreeMap<_, _> = (0..REQUESTS).map(|_| line.answer()).collect();
    asking.join().unwrap();
    assert!(
        answers
            .into_iter()
            .eq((1..=REQUESTS).map(|tag| (tag, body(tag))))
    );
}

#[test]
fn a_manager_that_comes_back_is_joined_anew_and_gets_no_answers_of_before() {
    let mut manager = Manager::new();
    let _host = manager.host("good");
    let mut line = manager.admit();
    line.ask(1, "sleep 500");
    drop(manager.listener.take());
    std::fs::remove_file(manager.path()).unwrap();
    drop(line);
    manager.listen();

    let mut line = manager.admit();
    line.ask(1, "of the second");
    assert_eq!(line.answer(), (1, "of the second".to_owned()));
    let until = Instant::now() + Duration::from_millis(500) + QUIET;
    while Instant::now() < until {
        if let Some(frame) = line.frame_within(QUIET) {
            assert_eq!(frame.kind, Kind::Member, "an answer to the first");
        }
    }
}

#[test]
fn a_manager_may_come_after_the_host() {
    let mut manager = Manager::absent();
    let _host = manager.host("good");
    std::thread::sleep(QUIET);
    manager.listen();
    let mut line = manager.admit();
    line.ask(1, "hello");
    assert_eq!(line.answer().1, "hello");
}

#[test]
fn a_manager_that_breaks_the_protocol_is_left_and_joined_again() {
    let manager = Manager::new();
    let _host = manager.host("good");
    for (kind, tag) in [(Kind::Response, 1), (Kind::Ready, 0), (Kind::Ending, 0)] {
        let mut line = manager.admit();
        line.send(kind, tag, b"nonsense");
        while line.frame_within(PATIENCE).is_some() {}
    }
    let mut line = manager.admit();
    line.send(Kind::Member, 0, b"not JSON");
    line.ask(1, "hello");
    assert_eq!(line.answer().1, "hello");
}

#[test]
fn requests_of_a_lost_program_are_answered_and_the_host_leaves_and_joins() {
    let manager = Manager::new();
    let _host = manager.host("good");
    let mut line = manager.admit();
    line.ask(1, "die 1");
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let frame = line.frame_within(PATIENCE).expect("a frame in time");
        if frame.kind == Kind::Response {
            assert_eq!(kind(std::str::from_utf8(&frame.body).unwrap()), "lost");
            seen.push("lost");
            continue;
        }
        match serde_json::from_slice(&frame.body).unwrap() {
            HostMessage::Leave { .. } => seen.push("leave"),
            HostMessage::Join { .. } if !seen.is_empty() => seen.push("join"),
            _ => line.say(&ManagerMessage::Ok),
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, ["join", "leave", "lost"]);
    line.say(&ManagerMessage::Joined);
    line.ask(2, "hello");
    assert_eq!(line.answer(), (2, "hello".to_owned()));
}
