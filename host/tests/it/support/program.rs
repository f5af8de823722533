//! An enclave program that does as it's told, for good or ill.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::exit;
use std::time::Duration;

use link::{Decoder, Frame, Kind, encode};

/// Set in the program's environment; the value is its manner.
pub(crate) const VARIABLE: &str = "SCONCE_TEST_PROGRAM";

/// Not a test: what the test binary does when a host starts it as its program.
#[test]
fn enclave_program() {
    let Ok(manner) = std::env::var(VARIABLE) else {
        return;
    };
    let stream = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    let mut program = Program {
        stream,
        decoder: Decoder::default(),
        held: vec![],
        told: String::new(),
        stubborn: manner == "stubborn",
    };
    if let Some(paths) = manner.strip_prefix("asks ") {
        program.ask(paths);
        program.ready("scone-worker-1");
        return program.serve();
    }
    match manner.as_str() {
        "good" | "stubborn" => program.ready("scone-worker-1"),
        "batches" => {
            program.ready("scone-worker-1");
            program.answer_in_batches();
        }
        "other worker" => program.ready("scone-worker-2"),
        "garbage" => program.write(b"Hello, I am no enclave program at all.\n"),
        "never ready" => (),
        "asks twice at once" => {
            program.question("/v1/evidence");
            program.question("/v1/challenge");
        }
        "asks for more" => program.question("/v1/audit"),
        other => exit(other.parse().unwrap()),
    }
    program.serve();
}

struct Program {
    stream: UnixStream,
    decoder: Decoder,
    held: Vec<u64>,
    /// What it was told before it was ready.
    told: String,
    stubborn: bool,
}

impl Program {
    fn ready(&mut self, worker: &str) {
        let ready = format!(r#"{{"worker":"{worker}","threads":2,"keys":"test","longest":3}}"#);
        self.send(Kind::Ready, 0, ready.as_bytes());
    }

    /// Asks for all of these paths, one after the other.
    fn ask(&mut self, paths: &str) {
        for path in paths.split(' ') {
            self.question(path);
            let answer = self.next().unwrap_or_else(|| exit(0));
            assert_eq!((answer.kind, answer.tag), (Kind::Told, 5));
            self.told += &String::from_utf8(answer.body).unwrap();
            self.told.push('\n');
        }
    }

    fn question(&mut self, path: &str) {
        let body = match path {
            "/v1/release" => r#"{"nonce":"n"}"#,
            _ => "null",
        };
        let question = format!(r#"{{"path":"{path}","body":{body}}}"#);
        self.send(Kind::Ask, 5, question.as_bytes());
    }

    fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    fn send(&mut self, kind: Kind, tag: u64, body: &[u8]) {
        let mut bytes = vec![];
        encode(kind, tag, body, &mut bytes).unwrap();
        self.write(&bytes);
    }

    fn next(&mut self) -> Option<Frame> {
        let mut bytes = [0; 64 * 1024];
        loop {
            if let Some(frame) = self.decoder.next().unwrap() {
                return Some(frame);
            }
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => self.decoder.push(&bytes[..count]),
                // In batches: nothing for some time.
                Err(_) => return None,
            }
        }
    }

    fn serve(&mut self) {
        while let Some(frame) = self.next() {
            match frame.kind {
                Kind::Entry => self.look(&frame.body),
                kind => {
                    assert_eq!(kind, Kind::Request);
                    self.obey(frame.tag, frame.body);
                }
            }
        }
        if self.stubborn {
            forever();
        }
        exit(0);
    }

    /// Takes what it can get until nothing comes for some time, and answers with how many that were.
    fn answer_in_batches(&mut self) {
        loop {
            let first = self.next().unwrap_or_else(|| exit(0));
            self.held.push(first.tag);
            let pause = Some(Duration::from_millis(200));
            self.stream.set_read_timeout(pause).unwrap();
            while let Some(frame) = self.next() {
                self.held.push(frame.tag);
            }
            self.stream.set_read_timeout(None).unwrap();
            let count = self.held.len().to_string();
            for tag in std::mem::take(&mut self.held) {
                self.send(Kind::Response, tag, count.as_bytes());
            }
        }
    }

    fn obey(&mut self, tag: u64, body: Vec<u8>) {
        let text = String::from_utf8_lossy(&body).into_owned();
        let (order, argument) = text.split_once(' ').unwrap_or((&text, ""));
        match order {
            "told" => {
                let told = self.told.clone();
                self.send(Kind::Response, tag, told.as_bytes());
            }
            "hold" => self.held.push(tag),
            "release" => {
                for held in std::mem::take(&mut self.held).into_iter().rev() {
                    self.send(Kind::Response, held, b"held");
                }
                self.send(Kind::Response, tag, b"released");
            }
            "die" => exit(argument.parse().unwrap()),
            "deaf" => forever(),
            "sleep" => {
                std::thread::sleep(Duration::from_millis(argument.parse().unwrap()));
                self.send(Kind::Response, tag, b"slept");
            }
            "pid" => {
                let pid = std::process::id().to_string();
                self.send(Kind::Response, tag, pid.as_bytes());
            }
            "descriptors" => {
                let list = descriptors().join(" ");
                self.send(Kind::Response, tag, list.as_bytes());
            }
            "environment" => {
                let list: Vec<_> = std::env::vars().map(|(name, _)| name).collect();
                self.send(Kind::Response, tag, list.join(" ").as_bytes());
            }
            "say" => {
                eprintln!("{argument}");
                self.send(Kind::Response, tag, b"said");
            }
            "overrun" => self.overrun(tag),
            "big" => {
                let bytes = vec![b'x'; argument.parse().unwrap()];
                self.send(Kind::Response, tag, &bytes);
            }
            "misbehave" => self.misbehave(tag, argument),
            _ => self.send(Kind::Response, tag, &body),
        }
    }

    /// Notes what the key directory says, and ends as a worker does if that is another's.
    fn look(&mut self, entry: &[u8]) {
        self.told += &String::from_utf8_lossy(entry);
        self.told.push('\n');
        if entry == b"foreign" {
            for held in std::mem::take(&mut self.held) {
                self.send(Kind::Returned, held, b"");
            }
            self.send(Kind::Ending, 0, link::ending::DIRECTORY.as_bytes());
            exit(76);
        }
    }

    /// As a watchdog does: the overrunning order's error, what never started, and the end.
    fn overrun(&mut self, tag: u64) {
        self.send(Kind::Response, tag, b"overrun");
        for held in std::mem::take(&mut self.held) {
            self.send(Kind::Returned, held, b"");
        }
        self.send(Kind::Ending, 0, b"an order ran over its time");
        exit(75);
    }

    fn misbehave(&mut self, tag: u64, how: &str) {
        match how {
            "kind" => self.write(&[0, 0, 0, 9, 77, 0, 0, 0, 0, 0, 0, 0, 0]),
            "long" => self.write(&[255; 13]),
            "short" => self.write(&[0, 0, 0, 8, 2]),
            "text" => self.write(b"panicked at src/main.rs:1:1\n"),
            "twice" => {
                self.send(Kind::Response, tag, b"once");
                self.send(Kind::Response, tag, b"twice");
            }
            "tag" => self.send(Kind::Response, u64::MAX, b"for nobody"),
            "returned" => self.send(Kind::Returned, 0, b""),
            "ready" => self.ready("scone-worker-1"),
            "request" => self.send(Kind::Request, 1, b"{}"),
            "question" => self.question("/v1/evidence"),
            "cut" => {
                self.write(&[0, 0, 0, 20, 2]);
                exit(0);
            }
            other => panic!("{other}"),
        }
        // Whoever breaks the protocol doesn't go by itself either.
        forever();
    }
}

fn forever() -> ! {
    loop {
        std::thread::park();
    }
}

/// Open descriptors and what they are, without the one that lists them.
fn descriptors() -> Vec<String> {
    let show = |entry: std::fs::DirEntry| {
        let target = std::fs::read_link(entry.path()).ok()?;
        let target = target.to_string_lossy().into_owned();
        let name = entry.file_name().to_string_lossy().into_owned();
        let target = target.split(':').next().unwrap_or_default().to_owned();
        Some(format!("{name}={target}"))
    };
    let own = format!("/proc/{}/fd", std::process::id());
    let mut list: Vec<_> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| show(entry.unwrap()))
        .filter(|entry| !entry.ends_with(&own))
        .collect();
    list.sort();
    list
}
