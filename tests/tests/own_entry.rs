//! A launched worker, its vault and a key directory that lies: the vault signs what is published, the host carries it,
//! and the worker ends when it is shown, and proved, that its entry is somebody else's.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use host::{Directory, Handle};
use protocol::WorkerId;
use protocol::entry::{APP, WorkerEntry};
use protocol::processor::{Signup, signup_frame};
use provision::Evidence;
use provision::api::{GenerationEvidence, NewEntry, NewWorker};
use provision::text::Base64;
use sconce_tests::attested::Vault;
use serde_json::value::to_raw_value;
use transparency::json;
use transparency::messages::{EntryUpdate, Profile};
use transparency::signature::SigningKey;
use transparency::update::Draft;

/// A directory that answers what it likes and signs it properly.
#[expect(dead_code, reason = "it can lie in more ways than a worker can notice")]
#[path = "../../transparency/tests/lies/liar.rs"]
mod liar;

use liar::Liar;

const WORKER: &str = "scone-worker-1";
const PATIENCE: Duration = Duration::from_secs(60);
const CHECK: Duration = Duration::from_millis(50);

/// The directory behind HTTP, and how often it was asked.
struct Served {
    liar: Arc<Mutex<Liar>>,
    asked: Arc<Mutex<u32>>,
    address: SocketAddr,
}

impl Served {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let this = Self {
            liar: Arc::new(Mutex::new(Liar::new())),
            asked: Arc::default(),
            address: listener.local_addr().unwrap(),
        };
        let (liar, asked) = (Arc::clone(&this.liar), Arc::clone(&this.asked));
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let (mut socket, mut head, mut byte) = (socket.unwrap(), Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && socket.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                }
                let body = json::write(&liar.lock().unwrap().get(&user())).unwrap();
                let length = body.len();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
                drop(socket.write_all(&[head.into_bytes(), body].concat()));
                *asked.lock().unwrap() += 1;
            }
        });
        this
    }

    fn put(&self, update: &EntryUpdate) {
        let mut liar = self.liar.lock().unwrap();
        liar.apply(update);
        liar.seal();
    }

    /// Waits until the host has asked so often again.
    fn asked_again(&self, times: u32) {
        let before = *self.asked.lock().unwrap();
        until("the host asks", || {
            *self.asked.lock().unwrap() >= before + times
        });
    }
}

fn user() -> String {
    WorkerId::from_name(WORKER).as_str().to_owned()
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What the worker behind a host answers to `ProcessWorkerSignup`.
fn asked(host: &Handle) -> Vec<u8> {
    let socket = zmq::Context::new().socket(zmq::REQ).unwrap();
    socket.set_linger(0).unwrap();
    socket.set_rcvtimeo(30_000).unwrap();
    socket.connect(host.endpoint().unwrap()).unwrap();
    socket.send(signup_frame(1), 0).unwrap();
    socket.recv_bytes(0).unwrap()
}

fn signup(host: &Handle) -> Signup {
    let mut found = None;
    until("the worker signs up", || {
        found = serde_json::from_slice(&asked(host)).ok();
        found.is_some()
    });
    found.unwrap()
}

/// What a worker signed up with, as the vault wants it.
fn evidence(signup: &Signup) -> GenerationEvidence {
    let quote = STANDARD.decode(&signup.quote).unwrap();
    GenerationEvidence {
        generation: signup.generation,
        evidence: Evidence::new(quote, &signup.collateral).unwrap(),
    }
}

#[test]
fn a_worker_whose_entry_is_taken_over_ends_and_stays_away() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::start(folder.path());
    let directory = Served::start();
    let (trust, index) = {
        let liar = directory.liar.lock().unwrap();
        (liar.trust(), *liar.index(&user()).as_bytes())
    };
    let told = NewWorker {
        program: vault.program(),
        directory: Some(to_raw_value(&trust).unwrap()),
    };
    let worker = vault.client().ensure_worker(WORKER, told).unwrap();
    let mut config = vault.host_config(&worker);
    config.directory = Some(Directory {
        address: directory.address.to_string(),
        check: CHECK,
    });
    config.timing.patience = Duration::from_millis(100);
    let host = host::start(config).unwrap();
    let signup = signup(&host);
    assert!(!signup.directory_key.is_empty());
    directory.asked_again(2);

    // What the vault signs, the directory takes, and the worker knows for its own.
    let wish = NewEntry {
        index: Base64(index.to_vec()),
        previous: None,
        generations: vec![evidence(&signup)],
    };
    let signed = vault.client().sign_entry(WORKER, &wish).unwrap();
    let update = json::read_put(signed.update.get().as_bytes()).unwrap();
    directory.put(&update);
    let before = host.pid();
    directory.asked_again(3);
    assert_eq!(self::signup(&host), signup);
    assert_eq!((host.pid(), before.is_some()), (before, true));

    // The directory's owner puts a key of his own in its place: the rest of the entry is as it was.
    let mallory = SigningKey::generate().unwrap();
    let profile = Profile::decode(&update.committed.unwrap().data).unwrap();
    let mut entry = WorkerEntry::read(&profile.0[APP]).unwrap();
    entry.generations[0].encryption_key = "another".to_owned();
    let draft = Draft {
        user: &user(),
        index: &index,
        previous: Some(&update.update.key_value.value),
        profile: &Profile([(APP.to_owned(), entry.to_json().unwrap())].into()),
        authorized_keys: &[mallory.verifying_key().clone()],
        nonce: &[9; 16],
    };
    directory.put(&draft.sign(&[&mallory]).unwrap());
    until("the worker ends", || host.pid().is_none());
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(host.pid(), None, "it was started again");
    let answer = String::from_utf8(asked(&host)).unwrap();
    assert!(answer.contains("worker.lost"), "{answer}");
    host.stop().unwrap();
}
