//! A pool of launched programs: a vault behind its plain door, a worker behind its host's ZeroMQ socket, and a
//! manager that knows nothing but the wire.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::answer::WorkOrderResult;
use protocol::crypto::rsa::EncryptionKey;
use protocol::crypto::secp256k1::VerifyingKey;
use protocol::hash::Ids;
use protocol::pool::KmeMethod;
use protocol::processor::Signup;
use protocol::requester::{Input, Order, Protection, SealedOrder};
use protocol::{SystemEntropy, WorkerId};
use provision::api::NewPool;
use sconce_tests::attested::Vault;
use serde_json::{Value, json};

const POOL: &str = "pool-1";

/// Avalon's manager, as far as the wire shows it.
struct Manager {
    kme: SocketAddr,
    published: Signup,
    processor: zmq::Socket,
}

impl Manager {
    /// Asks the vault: its plaintext answer.
    fn kme(&self, method: KmeMethod, inputs: &[&[u8]]) -> String {
        let order = self.seal("any", method.workload(), inputs);
        let body = rpc(method.name(), &order.params);
        let reply = post(self.kme, &body);
        String::from_utf8(self.open(&order, &reply["result"])).unwrap()
    }

    /// Asks the worker.
    fn processor(&self, method: &str, params: &Value) -> Value {
        let frame = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        self.processor
            .send(frame.to_string().as_bytes(), 0)
            .unwrap();
        serde_json::from_slice(&self.processor.recv_bytes(0).unwrap()).unwrap()
    }

    fn seal(&self, worker: &str, workload: &str, inputs: &[&[u8]]) -> SealedOrder {
        let items = inputs.iter().map(|data| Input {
            data,
            protection: Protection::Session,
        });
        let order = Order {
            worker_id: &WorkerId::from_name(worker),
            encryption_key: &EncryptionKey::from_pem(&self.published.encryption_key).unwrap(),
            workload,
            inputs: &items.collect::<Vec<_>>(),
            signing_key: None,
            avalon_iv: true,
            response_timeout_ms: 6000,
        };
        order.seal(&SystemEntropy::new()).unwrap()
    }

    /// The output of an answer that the pool's published key has signed, itself or by a one-time key.
    fn open(&self, order: &SealedOrder, result: &Value) -> Vec<u8> {
        let result: WorkOrderResult = serde_json::from_value(result.clone()).unwrap();
        let pending = &order.pending;
        let asked = Ids {
            nonce: &pending.requester_nonce,
            work_order: pending.work_order_id.as_str(),
            worker: pending.worker_id.as_str(),
            workload: pending.workload_id.as_str(),
            requester: pending.requester_id.as_str(),
        };
        let key = VerifyingKey::from_pem(&self.published.verifying_key).unwrap();
        let answer = result.verify(&key, asked).unwrap();
        let sealed = STANDARD.decode(&answer.out_data()[0].data).unwrap();
        pending
            .session_key
            .open(pending.ivs, &sealed)
            .unwrap()
            .to_vec()
    }
}

fn rpc(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":1,"params":{params}}}"#)
}

fn post(to: SocketAddr, body: &str) -> Value {
    let mut stream = TcpStream::connect(to).unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: kme\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (_, body) = reply.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

#[test]
fn launched_programs_make_a_pool() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::start(folder.path());
    let wish = NewPool {
        worker: POOL.to_owned(),
        program: vault.program(),
    };
    vault.client().ensure_pool(&wish).unwrap();
    let host = host::start(vault.host_config(&vault.worker(POOL))).unwrap();
    let socket = zmq::Context::new().socket(zmq::REQ).unwrap();
    socket.set_linger(0).unwrap();
    socket.set_rcvtimeo(60_000).unwrap();
    socket.connect(host.endpoint().unwrap()).unwrap();
    let manager = Manager {
        kme: vault.pool(),
        published: vault.client().pool().unwrap().signup,
        processor: socket,
    };

    let nonce = manager.processor("GenerateNonce", &json!({"nonce_size": 32}));
    let nonce = nonce["nonce"].as_str().unwrap();
    let answer = manager.kme(KmeMethod::UniqueKey, &[nonce.as_bytes()]);
    let [_, unique, signature] = answer.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{answer}");
    };
    let params =
        json!({"uniqueVerificationKey": unique, "uniqueVerificationKeySignature": signature});
    let verified = manager.processor("VerifyUniqueIdSignature", &params);
    assert_eq!(verified["verification_result"], 0);
    let signup = manager.processor(
        "ProcessWorkerSignup",
        &json!({"uniqueVerificationKey": unique}),
    );
    let signup: Signup = serde_json::from_value(signup).unwrap();
    let proof = json!({
        "verification_report": signup.quote,
        "collateral": serde_json::from_str::<Value>(&signup.collateral).unwrap(),
    });
    let registration = json!({
        "unique_id": unique,
        "proof_data": proof.to_string(),
        "wpe_encryption_key": signup.encryption_key,
        "mr_enclave": signup.mrenclave,
    });
    let registration = registration.to_string();
    assert_eq!(
        manager.kme(KmeMethod::Register, &[registration.as_bytes()]),
        "0"
    );

    // The vault remembers it, however its process ends.
    vault.kill();
    let published = vault.client().pool().unwrap().signup;
    assert_eq!(published.encryption_key, manager.published.encryption_key);

    let order = manager.seal(POOL, "python-hello", &[b"Mujtaba"]);
    let request = rpc("WorkOrderSubmit", &order.params);
    let processor = signup.encryption_key.as_bytes();
    let keys = manager.kme(KmeMethod::PreProcess, &[request.as_bytes(), processor]);
    let reply = manager.processor("ProcessWorkOrder", &json!([request, keys]));
    assert!(reply["result"]["extVerificationKey"].is_string(), "{reply}");
    assert_eq!(manager.open(&order, &reply["result"]), b"Hello Mujtaba");

    let log = vault.client().audit(1, 100).unwrap();
    let joined = log
        .iter()
        .find(|line| line.entry.event == "pool.join")
        .unwrap();
    let measured = joined.entry.measurement.as_ref().unwrap();
    assert_eq!(measured, &wish.program.measurement, "by its evidence");
    host.stop().unwrap();
}
