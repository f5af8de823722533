//! Hosts, peers and replies for the tests.

pub(crate) mod image;
pub(crate) mod program;
pub(crate) mod vault;

use std::ffi::OsString;
use std::time::{Duration, Instant};

use sconce_host::{Config, Handle, WorkerName, start};

/// Nothing that's expected to happen takes longer than this.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How long something that isn't expected to happen is given to happen.
pub(crate) const QUIET: Duration = Duration::from_millis(300);

/// A host whose program is this binary, behaving as `manner` says.
pub(crate) fn config(manner: &str) -> Config {
    let worker = WorkerName::new("scone-worker-1").unwrap();
    let mut config = Config::new(worker, std::env::current_exe().unwrap());
    let test = "support::program::enclave_program";
    config.program_args = ["--exact", test, "--nocapture"].map(OsString::from).into();
    config.program_env = vec![(program::VARIABLE.into(), manner.into())];
    config.timing.first_restart = Duration::from_millis(10);
    config.timing.last_restart = Duration::from_millis(20);
    config
}

/// A host with a well-behaved program.
pub(crate) fn host() -> Handle {
    start(config("good")).unwrap()
}

/// Waits until `done`, looking often.
pub(crate) fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "{what}: didn't happen in time");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A socket of any type, connected to a host.
pub(crate) struct Peer {
    socket: zmq::Socket,
    /// What stands between the identity and the body.
    rest: Vec<Vec<u8>>,
}

impl Peer {
    pub(crate) fn new(kind: zmq::SocketType, endpoint: &str) -> Self {
        let socket = zmq::Context::new().socket(kind).unwrap();
        socket.set_linger(0).unwrap();
        socket.set_sndhwm(0).unwrap();
        socket.connect(endpoint).unwrap();
        Self {
            socket,
            rest: vec![],
        }
    }

    pub(crate) fn req(endpoint: &str) -> Self {
        Self::new(zmq::REQ, endpoint)
    }

    pub(crate) fn dealer(endpoint: &str) -> Self {
        Self::new(zmq::DEALER, endpoint)
    }

    /// With these frames before each body.
    pub(crate) fn with(mut self, rest: &[&[u8]]) -> Self {
        self.rest = rest.iter().map(|frame| frame.to_vec()).collect();
        self
    }

    pub(crate) fn send(&self, body: impl AsRef<[u8]>) {
        let frames = self.rest.iter().map(Vec::as_slice);
        self.send_frames(frames.chain([body.as_ref()]));
    }

    pub(crate) fn send_frames<'a>(&self, frames: impl IntoIterator<Item = &'a [u8]>) {
        let frames: Vec<&[u8]> = frames.into_iter().collect();
        self.socket.send_multipart(frames, 0).unwrap();
    }

    /// The frames of the next message, if one comes in that time.
    pub(crate) fn frames_within(&self, time: Duration) -> Option<Vec<Vec<u8>>> {
        let time = i32::try_from(time.as_millis()).unwrap();
        self.socket.set_rcvtimeo(time).unwrap();
        match self.socket.recv_multipart(0) {
            Ok(frames) => Some(frames),
            Err(zmq::Error::EAGAIN) => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// The next reply, whose envelope must be what was sent.
    pub(crate) fn receive(&self) -> Vec<u8> {
        let mut frames = self.frames_within(PATIENCE).expect("no reply in time");
        let body = frames.pop().unwrap();
        assert_eq!(frames, self.rest, "the envelope came back changed");
        body
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.receive()).unwrap()
    }

    pub(crate) fn ask(&self, body: impl AsRef<[u8]>) -> String {
        self.send(body);
        self.text()
    }
}

/// Asks a fresh peer's question.
pub(crate) fn ask(endpoint: &str, body: &str) -> String {
    Peer::req(endpoint).ask(body)
}

/// What a reply is, in short: `lost`, `not started`, another reason, or the text itself.
pub(crate) fn kind(reply: &str) -> String {
    let Ok(reply) = serde_json::from_str::<serde_json::Value>(reply) else {
        return reply.to_owned();
    };
    let error = &reply["error"];
    match (error["data"]["reason"].as_str(), &error["data"]["started"]) {
        (Some("worker.lost"), serde_json::Value::Null) => "lost".to_owned(),
        (Some("worker.lost"), serde_json::Value::Bool(false)) => "not started".to_owned(),
        (Some(reason), serde_json::Value::Null) => reason.to_owned(),
        _ => reply.to_string(),
    }
}

/// Says that something was not tested here, where everybody sees it.
pub(crate) fn skipped(what: &str, why: &str) {
    let line = format!("\n*** SKIPPED: {what}: {why} ***\n\n");
    let _unseen = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
}
