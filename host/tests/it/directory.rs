//! The worker's entry in its key directory: fetched again and again, shown to the program, and never judged here.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use protocol::WorkerId;
use sconce_host::{Config, Directory, start};

use crate::support::{Peer, QUIET, config, eventually, kind};

/// A directory that answers every question with the same text.
struct FakeDirectory {
    address: SocketAddr,
    /// Status and body.
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl FakeDirectory {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let this = Self {
            address: listener.local_addr().unwrap(),
            answer: Arc::new(Mutex::new((200, "one".to_owned()))),
            asked: Arc::default(),
        };
        let (answer, asked) = (Arc::clone(&this.answer), Arc::clone(&this.asked));
        thread::spawn(move || {
            for socket in listener.incoming() {
                let mut socket = socket.unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && socket.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                }
                let line = String::from_utf8_lossy(&head);
                let line = line.lines().next().unwrap_or_default().to_owned();
                asked.lock().unwrap().push(line);
                let (status, body) = answer.lock().unwrap().clone();
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}");
                let _ = socket.write_all(answer.as_bytes());
            }
        });
        this
    }

    fn says(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn config(&self, check: Duration) -> Config {
        let mut config = config("good");
        config.directory = Some(Directory {
            address: self.address.to_string(),
            check,
        });
        config
    }
}

const OFTEN: Duration = Duration::from_millis(20);
const SELDOM: Duration = Duration::from_secs(3600);

#[test]
fn the_program_is_shown_each_entry_that_is_fetched() {
    let directory = FakeDirectory::start();
    let host = start(directory.config(OFTEN)).unwrap();
    let peer = Peer::req(host.endpoint().unwrap());
    eventually("one", || peer.ask("told").starts_with("one\none\n"));
    directory.says(200, "two");
    eventually("two", || peer.ask("told").ends_with("two\n"));
    let line = directory.asked.lock().unwrap()[0].clone();
    let id = WorkerId::from_name("scone-worker-1");
    assert_eq!(line, format!("GET /v1/users/{} HTTP/1.1", id.as_str()));
}

#[test]
fn the_first_is_fetched_when_a_program_is_ready_and_not_before() {
    let directory = FakeDirectory::start();
    let mut slow = directory.config(OFTEN);
    slow.program_env[0].1 = "never ready".into();
    let host = start(slow).unwrap();
    thread::sleep(QUIET);
    assert_eq!(directory.asked(), 0);
    host.stop().unwrap();

    let host = start(directory.config(SELDOM)).unwrap();
    let peer = Peer::req(host.endpoint().unwrap());
    eventually("one", || peer.ask("told") == "one\n");
    // The next program is shown one at once, too, and only what was fetched for it.
    directory.says(200, "two");
    assert_eq!(kind(&peer.ask("die 1")), "lost");
    eventually("two", || peer.ask("told") == "two\n");
    assert_eq!(directory.asked(), 2);
}

#[test]
fn what_is_no_answer_is_not_shown_and_asked_for_again() {
    let directory = FakeDirectory::start();
    directory.says(503, "no entry");
    let host = start(directory.config(OFTEN)).unwrap();
    let peer = Peer::req(host.endpoint().unwrap());
    eventually("asked", || directory.asked() > 3);
    assert_eq!(peer.ask("told"), "");
    directory.says(200, "one");
    eventually("one", || peer.ask("told").starts_with("one"));
}

#[test]
fn a_program_whose_entry_is_anothers_stays_away() {
    let directory = FakeDirectory::start();
    let mut config = directory.config(OFTEN);
    config.timing.patience = Duration::from_millis(50);
    let host = start(config).unwrap();
    let peer = Peer::req(host.endpoint().unwrap());
    eventually("one", || peer.ask("told").starts_with("one"));
    assert!(host.pid().is_some());

    directory.says(200, "foreign");
    eventually("gone", || host.pid().is_none());
    let asked = directory.asked();
    directory.says(200, "one");
    thread::sleep(QUIET);
    assert_eq!(host.pid(), None, "it has been started again");
    assert_eq!(kind(&peer.ask("hello")), "not started");
    assert!(
        directory.asked() <= asked + 1,
        "nobody wants to know any more"
    );
    host.stop().unwrap();
}

#[test]
fn a_directory_that_hangs_holds_nobody_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config("good");
    config.directory = Some(Directory {
        address: listener.local_addr().unwrap().to_string(),
        check: OFTEN,
    });
    let host = start(config).unwrap();
    let peer = Peer::req(host.endpoint().unwrap());
    assert_eq!(peer.ask("hello"), "hello");
    assert_eq!(peer.ask("told"), "");
    host.stop().unwrap();
}
