//! Requesters of a whole platform verify its workers, with somebody in between who shows other records.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::SigningKey;
use protocol::crypto::sha256;
use protocol::{SystemEntropy, WorkerId, report_data};
use sconce_tests::command::{Up, sconce};
use sconce_tests::image;
use serde_json::{Value, json};
use sgx::{Mrenclave, Mrsigner};
use simulator::{Platform, Secs};
use tempfile::TempDir;

const WORKER: &str = "scone-worker-1";
const OTHER: &str = "scone-worker-2";

/// A platform with two workers, and a way to it that somebody watches over.
struct Stage {
    folder: TempDir,
    up: Up,
    between: Between,
}

impl Stage {
    fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let up = Up::start(folder.path(), "sync", 2);
        let between = Between::start(&up.listener().unwrap());
        Self {
            folder,
            up,
            between,
        }
    }

    fn home(&self) -> &Path {
        self.folder.path()
    }

    /// A command about the worker, over the way that is watched, by the platform's own policy.
    fn run(&self, command: &[&str]) -> Output {
        let data = self.home().to_str().unwrap();
        let ends = ["--uri", &self.between.uri, "--data-dir", data];
        sconce(self.home(), &[command, &ends].concat())
    }

    fn submit(&self) -> Output {
        self.submit_with(&[])
    }

    fn submit_with(&self, more: &[&str]) -> Output {
        let order = [
            "submit",
            "-w",
            WORKER,
            "-l",
            "python-hello",
            "-i",
            "Mujtaba",
        ];
        self.run(&[&order[..], &["-o", "--timeout", "20"], more].concat())
    }

    /// The record of a worker, as the listener has it.
    fn record(&self, worker: &str) -> Value {
        let request = json!({
            "jsonrpc": "2.0", "id": 1, "method": "WorkerRetrieve",
            "params": { "workerId": WorkerId::from_name(worker) },
        });
        let body = serde_json::to_vec(&request).unwrap();
        let reply = exchange(&self.between.listener, &body);
        let reply: Value = serde_json::from_slice(&reply).unwrap();
        reply["result"].clone()
    }

    /// Has this shown as the worker's record, and expects that nothing is sent to it.
    fn refused(&self, record: Value, code: &str) -> String {
        self.between.show(Some(record));
        let before = self.between.submits();
        let refused = self.submit();
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(refused.stdout.is_empty(), "{refused:?}");
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.starts_with(&format!("error[{code}]: ")), "{said}");
        let verdict = self.run(&["verify", WORKER, "--json"]);
        assert_eq!(verdict.status.code(), Some(1), "{verdict:?}");
        let verdict: Value = serde_json::from_slice(&verdict.stdout).unwrap();
        assert_eq!(verdict["verdict"], "refused");
        assert_eq!(verdict["error"]["code"], code);
        assert_eq!(self.between.submits(), before, "an order was sent");
        self.between.show(None);
        said
    }
}

/// Somebody between requesters and a listener, who can show another record of the worker.
struct Between {
    uri: String,
    listener: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    shown: Option<Value>,
    submits: usize,
}

impl Between {
    fn start(listener: &str) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let this = Self {
            uri: format!("http://{}", socket.local_addr().unwrap()),
            listener: listener.trim_start_matches("http://").to_owned(),
            state: Arc::default(),
        };
        let (listener, state) = (this.listener.clone(), Arc::clone(&this.state));
        std::thread::spawn(move || {
            for stream in socket.incoming() {
                let (listener, state) = (listener.clone(), Arc::clone(&state));
                std::thread::spawn(move || serve(stream.unwrap(), &listener, &state));
            }
        });
        this
    }

    /// Shows this as the worker's record from now on, or the listener's again.
    fn show(&self, record: Option<Value>) {
        self.state.lock().unwrap().shown = record;
    }

    /// Orders that have come by.
    fn submits(&self) -> usize {
        self.state.lock().unwrap().submits
    }
}

fn serve(stream: TcpStream, listener: &str, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(body) = read_message(&mut reader) {
        let request: Value = serde_json::from_slice(&body).unwrap();
        let shown = {
            let mut state = state.lock().unwrap();
            state.submits += usize::from(request["method"] == "WorkOrderSubmit");
            state.shown.clone()
        };
        let reply = match shown {
            Some(record) if request["method"] == "WorkerRetrieve" => {
                let reply = json!({ "jsonrpc": "2.0", "id": request["id"], "result": record });
                serde_json::to_vec(&reply).unwrap()
            }
            _ => exchange(listener, &body),
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            reply.len()
        );
        if stream
            .write_all(&[head.as_bytes(), &reply].concat())
            .is_err()
        {
            return;
        }
    }
}

/// A call of the listener at this address.
fn exchange(listener: &str, body: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(listener).unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {listener}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    read_message(&mut BufReader::new(stream)).unwrap()
}

/// The body of a message of HTTP; none at the end.
fn read_message(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    for number in 0.. {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() && number > 0 {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

/// Keys that somebody else has made.
struct Keys {
    verification: String,
    encryption: String,
    signature: String,
}

impl Keys {
    fn make() -> Self {
        let signing = SigningKey::generate(&SystemEntropy::new()).unwrap();
        let decryption = DecryptionKey::generate().unwrap();
        let encryption = decryption.encryption_key().unwrap().pem().to_owned();
        Self {
            verification: signing.verifying_key().pem().to_owned(),
            signature: hex::encode(signing.sign(&sha256(&[encryption.as_bytes()]))),
            encryption,
        }
    }

    fn put_into(&self, record: &Value) -> Value {
        let mut record = record.clone();
        let data = &mut record["details"]["workerTypeData"];
        data["verificationKey"] = self.verification.as_str().into();
        data["encryptionKey"] = self.encryption.as_str().into();
        data["encryptionKeySignature"] = self.signature.as_str().into();
        record
    }
}

fn with_proof(record: &Value, proof: Value) -> Value {
    let mut record = record.clone();
    record["details"]["workerTypeData"]["proofData"] = proof;
    record
}

/// Genuine evidence of this platform, of another program with other keys.
fn proof_of_another_program(data: &Path, keys: &Keys) -> Value {
    let platform = Platform::open(&data.join("simulated-platform")).unwrap();
    let id = WorkerId::from_name(WORKER);
    let quoted = report_data::worker_keys(&id, &keys.verification, &keys.encryption, &[]);
    let enclave = Secs::new(Mrenclave([0x33; 32]), Mrsigner([0x22; 32]));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let evidence = platform.evidence(&enclave, &quoted, now.as_secs()).unwrap();
    let collateral: Value = serde_json::from_str(&evidence.collateral.to_json()).unwrap();
    let proof = json!({
        "verification_report": STANDARD.encode(&evidence.quote),
        "collateral": collateral,
    });
    proof.to_string().into()
}

#[test]
fn records_that_somebody_changed_get_no_orders() {
    let stage = Stage::set();
    let (record, other) = (stage.record(WORKER), stage.record(OTHER));
    let proof = |record: &Value| record["details"]["workerTypeData"]["proofData"].clone();

    let answered = stage.submit();
    assert!(answered.status.success(), "{answered:?}");
    assert_eq!(
        String::from_utf8_lossy(&answered.stdout),
        "Decryption result at client - Hello Mujtaba\n"
    );
    let verdict = stage.run(&["verify", WORKER]);
    assert!(verdict.status.success(), "{verdict:?}");
    let verdict = String::from_utf8(verdict.stdout).unwrap();
    let measurement = image::worker().measurement().to_string();
    assert!(verdict.contains("SIMULATED") && verdict.contains(&measurement));

    // Keys of the manager's own, with the worker's evidence and without any.
    let keys = Keys::make();
    stage.refused(keys.put_into(&record), "evidence.keys");
    stage.refused(
        keys.put_into(&with_proof(&record, Value::Null)),
        "evidence.missing",
    );
    // Evidence of another worker, with its keys and without.
    stage.refused(other.clone(), "evidence.keys");
    stage.refused(with_proof(&record, proof(&other)), "evidence.keys");
    // A genuine quote over the manager's keys, of a program that it made.
    let forged = proof_of_another_program(stage.home(), &keys);
    let said = stage.refused(
        keys.put_into(&with_proof(&record, forged)),
        "evidence.mrenclave",
    );
    assert!(
        said.contains(&measurement) && said.contains(&"33".repeat(32)),
        "{said}"
    );

    // Whoever names no policy means hardware.
    let uri = stage.up.listener().unwrap();
    let strict = ["submit", "--uri", &uri, "-w", WORKER, "-l", "python-hello"];
    let strict = sconce(stage.home(), &strict);
    assert_eq!(strict.status.code(), Some(1), "{strict:?}");
    let said = String::from_utf8(strict.stderr).unwrap();
    assert!(said.starts_with("error[evidence.refused]: "), "{said}");
}

/// A record is genuine for as long as its collateral is in force, whatever has become of its keys. An order
/// for keys that are destroyed is answered by nobody, and nobody has read it.
#[test]
fn an_old_record_costs_an_order_and_tells_nothing() {
    let stage = Stage::set();
    let old = stage.record(WORKER);
    let key = |record: &Value| record["details"]["workerTypeData"]["encryptionKey"].clone();
    let data = ["--data-dir", stage.home().to_str().unwrap()];
    let rotate = ["keys", "rotate", WORKER, "--overlap", "0s"];
    let rotated = sconce(stage.home(), &[&rotate[..], &data].concat());
    assert!(rotated.status.success(), "{rotated:?}");
    let deadline = Instant::now() + Duration::from_secs(120);
    while key(&stage.record(WORKER)) == key(&old) {
        assert!(Instant::now() < deadline, "the record is not replaced");
        std::thread::sleep(Duration::from_millis(50));
    }
    let retired = || {
        let listed = sconce(
            stage.home(),
            &[&["keys", "list", "--json"][..], &data].concat(),
        );
        let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
        let mut workers = listed.as_array().unwrap().iter();
        let ours = workers.find(|one| one["worker"] == WORKER).unwrap();
        ours["generations"].as_array().unwrap().len() == 1
    };
    while !retired() {
        assert!(Instant::now() < deadline, "the old keys live on");
        std::thread::sleep(Duration::from_millis(50));
    }

    // Who looks it up sends nothing: the directory has it no more.
    stage.between.show(Some(old));
    let said = loop {
        let verdict = stage.run(&["verify", WORKER]);
        assert!(Instant::now() < deadline, "it is still published");
        if !verdict.status.success() {
            break String::from_utf8(verdict.stderr).unwrap();
        }
    };
    assert!(said.contains("error[directory.keys]: "), "{said}");
    assert!(
        said.contains("these keys of the worker are not published"),
        "{said}"
    );
    let lost = stage.submit_with(&["--insecure-skip-directory"]);
    assert_eq!(lost.status.code(), Some(1), "{lost:?}");
    assert!(lost.stdout.is_empty(), "{lost:?}");
    stage.between.show(None);
    let answered = stage.submit();
    assert!(answered.status.success(), "{answered:?}");
}
