//! From an image's files to the first instruction of its program, and from those of the worker to its first
//! answer.
//!
//! `cargo bench -p sconce-benches --bench launch`
//!
//! The program is started as a vault is: its first instructions write a byte to the file of its state,
//! which is watched meanwhile. What is timed begins with the call that starts a host and ends with that byte:
//! launch control with all its hashing and RSA, sealing, the sandbox, the start of the process.
//!
//! The worker has its keys from a vault that is there: it verifies the vault, has itself quoted, gets them, and
//! has them quoted. What is timed ends with the answer to a first request.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use host::Enclave;
use host::vault::{Config, start};
use protocol::processor::{Signup, signup_frame};
use sconce_benches::figures::{median, ms, promise};
use sconify::elf::{Program, sample};
use sconify::layout::Layout;
use sconify::sign::{self, Flavour, SignerKey};
use sconify::stream;
use sgx::sigstruct::Date;
use tests::attested::Vault;

/// Bytes of the program's code.
const CODE: usize = 4_000_000;

const ROUNDS: usize = 15;

/// How long is waited for a program that executes nothing.
const PATIENCE: Duration = Duration::from_secs(20);

/// As the worker's, which is as large.
const PARAMETERS: &str = r#"
name = "sample"
product_id = 1
security_version = 1
heap = { size = "64 MiB" }
threads = { count = 16, stack = "2 MiB" }
ssa = { frames = 2, pages = 1 }
"#;

/// lea rsi, [rip]; mov edx, 1; mov edi, 4; mov eax, 1; syscall; mov edi, 0; mov eax, 60; syscall
const FIRST: [u8; 36] = [
    0x48, 0x8d, 0x35, 0, 0, 0, 0, 0xba, 1, 0, 0, 0, 0xbf, 4, 0, 0, 0, 0xb8, 1, 0, 0, 0, 0x0f, 0x05,
    0xbf, 0, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05,
];

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let image = image(folder.path());
    let state = folder.path().join("first-instruction");
    // The platform is made by the first.
    launch(&image, &state);
    let mut times: Vec<_> = (0..ROUNDS).map(|_| launch(&image, &state)).collect();
    for time in &times {
        println!("launched within {}", ms(*time));
    }
    let time = median(&mut times);
    promise(
        "image of 4 MB with 64 MiB heap: from its files to its first instruction",
        ms(time),
        "under 40 ms",
        time < Duration::from_millis(40),
    );
    worker();
}

/// The worker's program, attested.
fn worker() {
    let folder = tempfile::tempdir().expect("a folder");
    let vault = Vault::start(folder.path());
    let session = vault.worker("worker");
    let serve = || {
        let mut config = vault.host_config(&session);
        // It would wait for an answer that the host gives for it.
        config.timing.patience = PATIENCE;
        let begin = Instant::now();
        let host = host::start(config).expect("a host");
        let socket = zmq::Context::new().socket(zmq::REQ).expect("a socket");
        socket.set_linger(0).expect("a socket");
        socket
            .connect(host.endpoint().expect("it listens"))
            .expect("a host");
        socket.send(signup_frame(1), 0).expect("a host");
        let answer = socket.recv_bytes(0).expect("an answer");
        let time = begin.elapsed();
        let _signup: Signup = serde_json::from_slice(&answer).expect("its public keys");
        host.stop().expect("a host");
        time
    };
    serve();
    let mut times: Vec<_> = (0..ROUNDS).map(|_| serve()).collect();
    let time = median(&mut times);
    promise(
        "worker's image, with keys in a vault: from its files to its first answer",
        ms(time),
        "under 300 ms",
        time < Duration::from_millis(300),
    );
}

fn launch(image: &Enclave, state: &Path) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut config = Config::new(image.clone(), state, listener);
    // It ends at once, and is not to be started again meanwhile.
    config.timing.first_restart = Duration::from_secs(60);
    config.timing.last_restart = Duration::from_secs(60);
    let file = File::create(state).expect("a file");
    let begin = Instant::now();
    let host = start(config).expect("a host");
    while file.metadata().expect("the file").len() == 0 {
        assert!(begin.elapsed() < PATIENCE, "no instruction was executed");
        thread::sleep(Duration::from_micros(50));
    }
    let time = begin.elapsed();
    host.stop().expect("a host");
    assert_eq!(
        fs::read(state).expect("the file"),
        [0xba],
        "the byte behind its first instruction"
    );
    time
}

fn image(folder: &Path) -> Enclave {
    let mut file = sample::program(CODE);
    file[sample::CODE..sample::CODE + FIRST.len()].copy_from_slice(&FIRST);
    let program = Program::parse(file).expect("a program");
    let parameters = sconify::config::Config::parse(PARAMETERS).expect("parameters");
    let layout = Layout::plan(&parameters, &program, None).expect("a layout");
    let mut bytes = Vec::new();
    let sink = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok(())
    };
    let measurement = stream::write(&layout, &program, sink).expect("a stream");
    let mrenclave = measurement.mrenclave;
    let body = sign::body_of(&parameters, mrenclave, Flavour::Release, Date::EPOCH);
    let key = SignerKey::generate().expect("a key");
    let sigstruct = sign::sign(&body, &key).expect("a signature");
    let place = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, bytes).expect("a file of the image");
        path
    };
    Enclave {
        stream: place("sample.sgxs", &bytes),
        sigstruct: place("sample.sig", sigstruct.as_bytes()),
        platform: folder.join("platform"),
        debug: false,
    }
}
