//! The first file of each corpus: honest input of every kind, for the fuzzer to take apart.

mod certificate;
mod collateral;
mod files;
mod journal;
mod kt;
mod policy;
mod pool;
mod quote;
mod release;
mod report_socket;
mod sgx;
mod vault_http;
mod vaults;

use link::{Kind, encode};
use protocol::envelope::ErrorObject;
use protocol::membership::{HostMessage, ManagerMessage};
use protocol::processor::{error_frame, order_frame, result_frame, signup_frame};
use protocol::reason::Reason;
use protocol::receipt::{Draft, ReceiptStatus, Update, UpdateDraft};
use protocol::record::WorkerRecord;
use protocol::requester::{Input, Order, Protection};
use protocol::{HexText, RequesterId, WorkOrderId, WorkerId};
use sconify::elf::{Program, sample};
use serde_json::{Value, json};

use crate::support::{Counted, KEYS, WORKER};

/// The seeds of a target, by its name.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "request" => requests(),
        "link" => streams(),
        "frames" => frames(),
        "engine" => worker_frames(),
        "order" => recipes(),
        "receipt" => receipts(),
        "certificate" => certificate::all(),
        "elf" => programs(),
        "enclave_toml" => configurations(),
        "collateral" => collateral::collateral(),
        "policy" => policy::all(),
        "pool" => pool::all(),
        "quote" => quote::quotes(),
        "release" => release::messages(),
        "session" => vaults::sessions(),
        "attestation_request" => vaults::requests(),
        "report_socket" => report_socket::messages(),
        "sgxs" => sgx::streams(),
        "sigstruct" => sgx::sigstructs(),
        "file_manifest" => files::manifests(),
        "journal" => journal::files(),
        "kt_json" => kt::texts(),
        "kt_protobuf" => kt::messages(),
        "kt_proof" => crate::kt_proof::seeds(),
        "vault_http" => vault_http::heads(),
        _ => Vec::new(),
    }
}

fn requests() -> Vec<Vec<u8>> {
    let worker = WorkerId::from_name(WORKER);
    let id = worker.as_str();
    let record = record();
    let calls = [
        ("WorkOrderGetResult", json!({"workOrderId": "ab"})),
        (
            "WorkerLookUp",
            json!({"workerType": 1, "organizationId": "ab", "applicationTypeId": "0xCD"}),
        ),
        (
            "WorkerLookUpNext",
            json!({"workerType": 1, "lookUpTag": "ab"}),
        ),
        ("WorkerRetrieve", json!({"workerId": id})),
        (
            "WorkerRegister",
            json!({
                "workerId": id, "workerType": 1, "organizationId": "ab",
                "applicationTypeId": "cd", "details": record.details,
            }),
        ),
        (
            "WorkerUpdate",
            json!({"workerId": id, "details": record.details}),
        ),
        ("WorkerSetStatus", json!({"workerId": id, "status": 2})),
    ];
    let calls = calls.map(|(method, params)| call(method, &params.to_string()));
    let orders = orders().into_iter();
    let mut bodies: Vec<_> = calls
        .into_iter()
        .chain(orders)
        .map(String::into_bytes)
        .collect();
    bodies.push(
        br#"{"jsonrpc":"2.0","id":7.0,"method":"m","params":{"a":[{},"\u00e9\ud83d"]}}"#.to_vec(),
    );
    bodies
}

fn streams() -> Vec<Vec<u8>> {
    let mut whole = vec![7];
    let mut one_by_one: Vec<Vec<u8>> = Vec::new();
    for (tag, kind) in (0..).zip(Kind::ALL) {
        let body = vec![b'x'; tag as usize * 60];
        let mut one = vec![1];
        for out in [&mut whole, &mut one] {
            assert!(encode(kind, tag, &body, out).is_ok());
        }
        one_by_one.push(one);
    }
    one_by_one.push(whole);
    one_by_one
}

fn frames() -> Vec<Vec<u8>> {
    let (token, instance) = ("t".repeat(16), "0".repeat(32));
    let hosts = [
        HostMessage::Join {
            token: token.clone(),
            instance: instance.clone(),
            worker: WORKER.to_owned(),
            endpoint: "tcp://127.0.0.1:1".to_owned(),
            capacity: 4,
            pid: 9,
            patience: 30,
        },
        HostMessage::Alive {
            token: token.clone(),
            instance: instance.clone(),
        },
        HostMessage::Leave { token, instance },
    ];
    let manager = [
        ManagerMessage::Joined,
        ManagerMessage::Ok,
        ManagerMessage::Unknown,
        ManagerMessage::Refused {
            reason: "why".to_owned(),
        },
    ];
    let error = ErrorObject::for_manager(Reason::WorkloadInput).about("ab");
    let answers = worker_frames()
        .iter()
        .map(|frame| KEYS.reply(frame))
        .collect::<Vec<_>>();
    let mut frames: Vec<_> = hosts.iter().map(to_bytes).collect();
    frames.extend(manager.iter().map(to_bytes));
    frames.push(to_bytes(&record()));
    frames.push(error_frame(None, &error));
    frames.push(br#"{"error":{"code":-12,"message":"of another program","data":{}}}"#.to_vec());
    frames.extend(worker_frames().into_iter().take(2));
    for answer in answers {
        // A result stands alone in the store, too.
        if let Ok(Value::Object(mut reply)) = serde_json::from_slice(&answer)
            && let Some(result) = reply.remove("result")
        {
            frames.push(to_bytes(&result));
        }
        frames.push(answer);
    }
    frames
}

fn worker_frames() -> Vec<Vec<u8>> {
    let mut frames = vec![signup_frame(1)];
    frames.extend(orders().iter().map(|order| order_frame(1, order)));
    frames.push(order_frame(1, "{}"));
    frames.push(result_frame(serde_json::value::RawValue::NULL, "{}"));
    let of_pools: [&[u8]; 4] = [
        br#"{"method":"GenerateNonce","params":{"nonce_size":32}}"#,
        br#"{"method":"VerifyUniqueIdSignature","params":{"uniqueVerificationKey":"2d","uniqueVerificationKeySignature":"30"}}"#,
        br#"{"method":"ProcessWorkerSignup","params":{"uniqueVerificationKey":"2d"}}"#,
        br#"{"method":"ProcessWorkOrder","params":["{}","{}"]}"#,
    ];
    frames.extend(of_pools.map(<[u8]>::to_vec));
    frames
}

/// See [`crate::order`] for what the bytes mean.
fn recipes() -> Vec<Vec<u8>> {
    let recipes: [&[u8]; 9] = [
        b"",
        b"\x00\x01\x00\x00\x03you\x00",
        b"\x01\x02\x00\x03\x05clear\x00\x01\x01\x02it\x03\x00\x00",
        b"\x01\x01\x02\x05\x03own\x00\x00\x00\x00\x03\x00",
        b"\x00\x01\x00\x00\x0b100 100 5 5\x00\x04\x00\x00\x00",
        b"\x01\x01\x00\x00\x01a\x03\x03\x00\x00\x00\x00",
        b"\x01\x01\x00\x00\x01a\x00\x00\x01\x03\x01\x02ab\x00\x03\x02",
        b"\x01\x01\x00\x06\x20abcdefghijklmnopqrstuvwxyz012345\x00\x00\x00\x00",
        b"\x01\x01\x00\x00\x01a\x00\x00\x01\x0a\x04\x0d[{\"index\":0}]\x00\x00",
    ];
    recipes.map(<[u8]>::to_vec).to_vec()
}

fn receipts() -> Vec<Vec<u8>> {
    let order = WorkOrderId::new("0a").expect("hex");
    let receipt = Draft {
        work_order_id: &order,
        worker_id: &WorkerId::from_name(WORKER),
        requester_id: &RequesterId::new("80ff").expect("hex"),
        request_hash: [7; 32],
        status: ReceiptStatus::Pending,
    }
    .sign(&KEYS.requester, &Counted::default())
    .expect("there is entropy");
    let update = UpdateDraft {
        work_order_id: &order,
        updater_id: &HexText::new("0d").expect("hex"),
        status: ReceiptStatus::Failed,
        data: "why",
    };
    let named = update.sign(&KEYS.worker);
    let unnamed = Update {
        receipt_verification_key: None,
        ..update.sign(&KEYS.requester)
    };
    let asked = [
        json!({"workOrderId": "0a"}),
        json!({"workOrderId": "0a", "updaterId": "0b", "updateIndex": 4_294_967_296_i64}),
        json!({"workerServiceId": "0a", "workerId": "0b", "requesterId": "0c", "receiptStatus": "0x2"}),
        json!({"requestCreateStatus": 1, "lastLookUpTag": "0a"}),
        json!({"a": [{}, [], "\"{", 1.5e3, null], "b": "é"}),
    ];
    let mut all: Vec<_> = asked.iter().map(to_bytes).collect();
    all.extend([to_bytes(&receipt), to_bytes(&named), to_bytes(&unnamed)]);
    all
}

/// Programs of one and of several pages of code, the first also in its rebuilt form.
fn programs() -> Vec<Vec<u8>> {
    let file = sample::program(100);
    let mut rebuilt = Vec::new();
    if let Ok(program) = Program::parse(file.clone()) {
        assert!(program.write_rebuilt(&mut rebuilt).is_ok());
    }
    vec![file, rebuilt, sample::program(5000)]
}

fn configurations() -> Vec<Vec<u8>> {
    let small = "name = \"a\"\nproduct_id = 1\nsecurity_version = 0\n\
        heap = { size = \"4 KiB\" }\nthreads = { count = 1, stack = \"4096 B\" }\n";
    let worker = include_str!("../../worker/enclave.toml");
    let rest = "ssa = { frames = 2, pages = 3 }\n\
        attributes = { exinfo = true, kss = true, features = [\"avx\", \"avx512\", \"amx\"] }\n";
    [small, worker, &format!("{small}{rest}"), "64 MiB"]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}

/// Requests with orders of each form that a requester may choose.
fn orders() -> Vec<String> {
    let forms: [(&str, &[Protection], bool, bool); 4] = [
        ("python-hello", &[Protection::Session], false, false),
        ("python-hello", &[Protection::Session], true, true),
        (
            "secure-transaction",
            &[Protection::Plain, Protection::Session],
            false,
            false,
        ),
        ("no-such-workload", &[Protection::OwnKey], false, false),
    ];
    let seal = |(workload, inputs, avalon_iv, signed): (&str, &[Protection], bool, bool)| {
        let inputs: Vec<_> = inputs
            .iter()
            .map(|protection| Input {
                data: b"5",
                protection: *protection,
            })
            .collect();
        let order = Order {
            worker_id: &WorkerId::from_name(WORKER),
            encryption_key: &KEYS.encryption,
            workload,
            inputs: &inputs,
            signing_key: signed.then_some(&KEYS.requester),
            avalon_iv,
            response_timeout_ms: 6000,
        };
        let sealed = order.seal(&Counted::default()).expect("an honest order");
        call("WorkOrderSubmit", &sealed.params)
    };
    forms.into_iter().map(seal).collect()
}

fn call(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
}

fn record() -> WorkerRecord {
    WorkerRecord::of_signup(KEYS.signup())
}

fn to_bytes(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("made of strings and numbers")
}
