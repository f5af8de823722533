//! Bad inputs over HTTP and ZeroMQ: each gets the error that `docs/errors/` promises, and the next
//! order is served.

use client::{Client, Order, WorkerId};
use protocol::Reason::{self, *};
use sconce_tests::orders::TestOrder;
use sconce_tests::platform::{Platform, Setup};
use serde_json::{Value, json};

const WORKER: &str = "test-worker";

/// The platform's worker has the committed test keys, so that orders can be forged to the byte.
fn platform() -> Platform {
    use protocol::crypto::pem;
    let signing = sconce_tests::keys::worker_signing();
    let decryption = sconce_tests::keys::worker_decryption();
    let key_file = json!({
        "warning": "test keys",
        "worker": WORKER,
        "signingKey": hex::encode(signing.expose().as_ref()),
        "encryptionKey": pem::encode("PRIVATE KEY", &decryption.expose_pkcs8().unwrap()),
    });
    Platform::start(Setup {
        workers: vec![WORKER.to_owned()],
        key_files: vec![(WORKER.to_owned(), key_file.to_string())],
        ..Setup::default()
    })
}

/// An honest order is answered.
fn assert_serves(platform: &Platform, after: &str) {
    let client = Client::connect(&platform.uri()).unwrap();
    let answer = platform.block_on(async {
        let worker = client.worker(&WorkerId::from_name(WORKER)).await.unwrap();
        client
            .run(&Order::new(&worker, "python-hello").input("you"))
            .await
    });
    let answer = answer.unwrap_or_else(|fault| panic!("after {after}: {fault}"));
    assert_eq!(answer.text(), "Hello you", "after {after}");
}

fn assert_error(name: &str, reply: &Value, code: i64, reason: Reason) {
    assert_eq!(reply["error"]["code"], code, "{name}: {reply}");
    let found = reply["error"]["data"]["reason"].as_str();
    assert_eq!(found, Some(reason.code()), "{name}: {reply}");
}

#[test]
fn bodies() {
    let platform = platform();
    let envelope = |id: &str, method: &str, params: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
    };
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(100), "]".repeat(100));
    let cases: Vec<(&str, String, i64, Reason)> = vec![
        ("nothing", String::new(), 2, RequestJson),
        ("a brace", "{".into(), 2, RequestJson),
        ("words", "hello".into(), 2, RequestJson),
        ("two values", "{} {}".into(), 2, RequestJson),
        ("a byte order mark", "\u{feff}{}".into(), 2, RequestJson),
        (
            "a trailing comma",
            r#"{"jsonrpc":"2.0",}"#.into(),
            2,
            RequestJson,
        ),
        (
            "NaN",
            envelope("NaN", "WorkerLookUp", r#"{"workerType":1}"#),
            2,
            RequestJson,
        ),
        (
            "a lone surrogate",
            envelope("1", "WorkerLookUp", r#"{"\ud800":1}"#),
            2,
            RequestEnvelope,
        ),
        ("a number", "7".into(), 2, RequestEnvelope),
        ("null", "null".into(), 2, RequestEnvelope),
        ("a text", r#""x""#.into(), 2, RequestEnvelope),
        ("an empty array", "[]".into(), 2, RequestEnvelope),
        (
            "a batch",
            format!("[{}]", envelope("1", "WorkerLookUp", r#"{"workerType":1}"#)),
            2,
            RequestEnvelope,
        ),
        ("an empty object", "{}".into(), 2, RequestEnvelope),
        (
            "no method",
            r#"{"jsonrpc":"2.0","id":1,"params":{"a":1}}"#.into(),
            2,
            RequestEnvelope,
        ),
        (
            "another version",
            r#"{"jsonrpc":"1.0","id":1,"method":"WorkerLookUp","params":{"a":1}}"#.into(),
            2,
            RequestEnvelope,
        ),
        (
            "a text as id",
            envelope(r#""1""#, "WorkerLookUp", r#"{"workerType":1}"#),
            2,
            RequestEnvelope,
        ),
        (
            "null as id",
            envelope("null", "WorkerLookUp", r#"{"workerType":1}"#),
            2,
            RequestEnvelope,
        ),
        (
            "a fraction as id",
            envelope("1.5", "WorkerLookUp", r#"{"workerType":1}"#),
            2,
            RequestEnvelope,
        ),
        (
            "a whole fraction as id",
            envelope("1.0", "WorkerLookUp", r#"{"workerType":1}"#),
            -32600,
            RequestEnvelope,
        ),
        (
            "another method",
            envelope("1", "WorkOrderCancel", r#"{"a":1}"#),
            2,
            RequestEnvelope,
        ),
        (
            "a method of the specification that nobody has",
            envelope("1", "EncryptionKeyGet", r#"{"a":1}"#),
            2,
            RequestEnvelope,
        ),
        (
            "empty params",
            envelope("1", "WorkerLookUp", "{}"),
            2,
            RequestEnvelope,
        ),
        (
            "params as an array",
            envelope("1", "WorkerLookUp", "[1]"),
            2,
            RequestEnvelope,
        ),
        (
            "a member more",
            r#"{"jsonrpc":"2.0","id":1,"method":"WorkerLookUp","params":{"a":1},"x":1}"#.into(),
            2,
            RequestEnvelope,
        ),
        (
            "a member twice",
            r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"WorkerLookUp","params":{"a":1}}"#.into(),
            2,
            RequestEnvelope,
        ),
        (
            "a parameter twice",
            envelope("1", "WorkerLookUp", r#"{"workerType":1,"workerType":2}"#),
            2,
            RequestEnvelope,
        ),
        ("deep nesting", deep, 2, LimitDepth),
        ("100 000 brackets", "[".repeat(100_000), 2, LimitDepth),
        (
            "more than 8 MiB",
            format!(r#"{{"a":"{}"}}"#, "x".repeat(9 << 20)),
            2,
            LimitSize,
        ),
        (
            "a worker type out of range",
            envelope("1", "WorkerLookUp", r#"{"workerType":4}"#),
            2,
            RequestMember,
        ),
        (
            "an unknown criterion",
            envelope("1", "WorkerLookUp", r#"{"name":1}"#),
            2,
            RequestMember,
        ),
        (
            "a name as worker id",
            envelope("1", "WorkerRetrieve", r#"{"workerId":"test-worker"}"#),
            2,
            RequestMember,
        ),
        (
            "an unknown worker",
            envelope("1", "WorkerRetrieve", r#"{"workerId":"ab"}"#),
            2,
            WorkerUnknown,
        ),
        (
            "an unknown order",
            envelope("1", "WorkOrderGetResult", r#"{"workOrderId":"ab"}"#),
            2,
            OrderUnknown,
        ),
        (
            "a long order id",
            envelope(
                "1",
                "WorkOrderGetResult",
                &format!(r#"{{"workOrderId":"{}"}}"#, "a".repeat(9999)),
            ),
            2,
            RequestMember,
        ),
        (
            "registering without the token",
            envelope("1", "WorkerRegister", r#"{"workerId":"ab"}"#),
            3,
            AccessDenied,
        ),
        (
            "updating without the token",
            envelope("1", "WorkerUpdate", r#"{"workerId":"ab"}"#),
            3,
            AccessDenied,
        ),
        (
            "a status without the token",
            envelope("1", "WorkerSetStatus", r#"{"workerId":"ab","status":2}"#),
            3,
            AccessDenied,
        ),
    ];
    for (name, body, code, reason) in &cases {
        let reply = platform
            .post(body)
            .unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_error(name, &reply, *code, *reason);
        assert_serves(&platform, name);
    }
    println!("{} bodies", cases.len());
}

/// A forged order, and how it must end.
type Forgery = (&'static str, i64, Reason, fn(&mut TestOrder));

/// A change to an honest order's parameters.
type Change = fn(&mut Value);

#[test]
fn parameters_of_an_order() {
    let platform = platform();
    let cases: &[(&str, Change)] = &[
        ("no order id", |p| {
            _ = p.as_object_mut().unwrap().remove("workOrderId")
        }),
        ("no session key", |p| {
            _ = p.as_object_mut().unwrap().remove("encryptedSessionKey")
        }),
        ("an unknown parameter", |p| p["priority"] = 1.into()),
        ("an order id of another alphabet", |p| {
            p["workOrderId"] = "xyz".into()
        }),
        ("an empty order id", |p| p["workOrderId"] = "".into()),
        ("a prefix alone", |p| p["workOrderId"] = "0x".into()),
        ("a pipe", |p| p["workOrderId"] = "0|ab".into()),
        ("a newline", |p| p["workOrderId"] = "ab\n".into()),
        ("a number as order id", |p| p["workOrderId"] = 7.into()),
        ("null as workload", |p| p["workloadId"] = Value::Null),
        ("a time-out of the wrong type", |p| {
            p["responseTimeoutMSecs"] = "6000".into()
        }),
        ("a fraction of a time-out", |p| {
            p["responseTimeoutMSecs"] = 1.5.into()
        }),
        ("another payload format", |p| {
            p["payloadFormat"] = "XML".into()
        }),
        ("another algorithm", |p| {
            p["dataEncryptionAlgorithm"] = "AES-GCM-128".into()
        }),
        ("an empty iv", |p| p["sessionKeyIv"] = "".into()),
        ("an empty data hash", |p| {
            p["inData"][0]["dataHash"] = "".into()
        }),
        ("inputs that are none", |p| p["inData"] = json!({})),
        ("an input that is none", |p| p["inData"] = json!([7])),
        ("an input without index", |p| {
            p["inData"] = json!([{ "data": "AAAA" }])
        }),
        ("an input without data", |p| {
            p["inData"] = json!([{ "index": 0 }])
        }),
        ("data that is no base64", |p| {
            p["inData"][0]["data"] = "****".into()
        }),
        ("data with a hole", |p| {
            p["inData"][0]["data"] = "AA AA".into()
        }),
        ("the same input twice", |p| {
            let item = p["inData"][0].clone();
            p["inData"] = json!([item, item]);
        }),
        ("an unknown item key", |p| {
            p["inData"][0]["encryptedDataEncryptionKey"] = "x".into()
        }),
        ("a signature that is no base64", |p| {
            p["requesterSignature"] = "****".into()
        }),
        ("a signature with white space", |p| {
            p["requesterSignature"] = "AA AA".into()
        }),
    ];
    for (name, change) in cases {
        let mut order = TestOrder::of("python-hello", "x");
        change(&mut order.params);
        let reply = platform.post(&order.request()).unwrap();
        assert_error(name, &reply, 2, RequestMember);
        assert_serves(&platform, name);
    }
    let mut order = TestOrder::of("python-hello", "x");
    order.params["inData"] = (0..2000)
        .map(|n| json!({"index": n, "data": "AAAA"}))
        .collect();
    assert_error(
        "2 000 items",
        &platform.post(&order.request()).unwrap(),
        2,
        LimitSize,
    );
    let mut order = TestOrder::of("python-hello", "x");
    order.params["workerId"] = "ab".into();
    let reply = platform.post(&order.request()).unwrap();
    assert_error("an unknown worker", &reply, 2, WorkerUnknown);
    assert_eq!(reply["error"]["message"], "worker ab doesn't exists");
    assert_serves(&platform, "an unknown worker");
    println!("{} orders", cases.len() + 2);
}

#[test]
fn orders_that_only_the_worker_can_refuse() {
    let platform = platform();
    let fresh = |seed: usize| {
        let mut order = TestOrder::of("python-hello", "x");
        order.params["workOrderId"] = format!("{seed:08x}").into();
        order.params["requesterNonce"] = format!("{seed:08x}").into();
        order
    };
    let cases: &[Forgery] = &[
        ("a hash of another order", 1, OrderIntegrity, |_| {}),
        ("a session key flipped", 1, OrderIntegrity, |o| {
            o.rehash();
            TestOrder::flip_hex(&mut o.params["encryptedSessionKey"], 9);
        }),
        ("a short session key", 1, OrderIntegrity, |o| {
            o.set_session_key(&[1; 16]);
        }),
        ("an input flipped", 1, OrderIntegrity, |o| {
            TestOrder::flip_base64(&mut o.params["inData"][0]["data"], 14);
            o.rehash();
        }),
        ("a signature of somebody else", 4, OrderSignature, |o| {
            o.rehash();
            o.params["requesterSignature"] = "MEQCIA==".into();
        }),
        ("a workload that isn't there", 1, WorkloadUnknown, |o| {
            o.params["workloadId"] = hex::encode("python-goodbye").into();
            o.rehash();
        }),
        ("a workload of no name", 1, WorkloadUnknown, |o| {
            o.params["workloadId"] = "ff".into();
            o.rehash();
        }),
        (
            "an input that the workload refuses",
            1,
            WorkloadInput,
            |o| {
                o.params["workloadId"] = hex::encode("python-fib").into();
                o.rehash();
            },
        ),
        ("no inputs", 1, WorkloadInput, |o| {
            o.params["inData"] = json!([]);
            o.rehash();
        }),
    ];
    for (seed, (name, code, reason, change)) in cases.iter().enumerate() {
        let mut order = fresh(seed);
        change(&mut order);
        let reply = platform.post(&order.request()).unwrap();
        assert_eq!(reply["error"]["code"], 5, "{name}: {reply}");
        let poll = json!({
            "jsonrpc": "2.0", "method": "WorkOrderGetResult", "id": 1,
            "params": { "workOrderId": order.params["workOrderId"] },
        });
        assert_error(name, &platform.poll(&poll).unwrap(), *code, *reason);
        assert_serves(&platform, name);
    }
    println!("{} orders", cases.len());
}

#[test]
fn the_same_order_again() {
    let platform = platform();
    let order = TestOrder::of("python-hello", "x");
    assert_eq!(platform.post(&order.request()).unwrap()["error"]["code"], 5);
    let again = platform.post(&order.request()).unwrap();
    assert_error("the same body", &again, 2, OrderTaken);

    let mut other = TestOrder::of("python-hello", "y");
    other.params["requesterNonce"] = "00".into();
    other.rehash();
    let again = platform.post(&other.request()).unwrap();
    assert_error("another order under its id", &again, 2, OrderTaken);

    let mut replayed = TestOrder::of("python-hello", "x");
    replayed.params["workOrderId"] = "00".into();
    replayed.rehash();
    let again = platform.post(&replayed.request()).unwrap();
    assert_error("another id with its nonce", &again, 2, OrderReplayed);

    // The request hash covers nonce and id without anything between them, so this one still holds.
    let mut cut = TestOrder::of("python-hello", "x");
    let nonce = cut.params["requesterNonce"].as_str().unwrap().to_owned();
    let (start, end) = nonce.split_at(nonce.len() - 1);
    let id = format!("{end}{}", cut.params["workOrderId"].as_str().unwrap());
    cut.params["requesterNonce"] = start.into();
    cut.params["workOrderId"] = id.into();
    let again = platform.post(&cut.request()).unwrap();
    assert_error(
        "a digit moved from the nonce to the id",
        &again,
        2,
        OrderReplayed,
    );
    assert_serves(&platform, "replays");
}

#[test]
fn http_itself() {
    let platform = platform();
    let cases: &[(&str, &[u8], &str)] = &[
        ("GET", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "405"),
        ("PUT", b"PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", "405"),
        ("no content type", b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", "415"),
        ("XML", b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/xml\r\nContent-Length: 2\r\n\r\n{}", "415"),
        ("no HTTP", b"\x16\x03\x01 hello\r\n\r\n", "400"),
        ("a length that is none", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n", "400"),
        ("bytes that are no UTF-8", b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n\xff\xfe", "200"),
    ];
    for (name, request, status) in cases {
        let reply = platform
            .raw_http(request)
            .unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert!(
            reply.starts_with(&format!("HTTP/1.1 {status} ")),
            "{name}: {reply}"
        );
        if *status == "200" {
            let (_, body) = reply.split_once("\r\n\r\n").unwrap();
            assert_error(name, &serde_json::from_str(body).unwrap(), 2, RequestJson);
        }
        assert_serves(&platform, name);
    }
}

#[test]
fn zeromq_frames() {
    let platform = platform();
    let order = |params: &str| {
        let text =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"WorkOrderSubmit","params":{params}}}"#);
        protocol::processor::order_frame(1, &text)
    };
    let cases: Vec<(&str, Vec<u8>, i64, Reason)> = vec![
        ("nothing", vec![], 2, RequestJson),
        ("no UTF-8", vec![0xff; 9], 2, RequestJson),
        ("a brace", b"{".to_vec(), 2, RequestJson),
        ("an array", b"[]".to_vec(), 2, RequestJson),
        (
            "no params",
            br#"{"method":"ProcessWorkOrder"}"#.to_vec(),
            2,
            RequestJson,
        ),
        ("no method", br#"{"params":null}"#.to_vec(), 2, RequestJson),
        (
            "another method",
            br#"{"method":"Stop","params":null}"#.to_vec(),
            2,
            RequestEnvelope,
        ),
        (
            "pool methods",
            br#"{"method":"GenerateNonce","params":{"nonce_size":32}}"#.to_vec(),
            2,
            RequestEnvelope,
        ),
        (
            "an order that is no text",
            br#"{"method":"ProcessWorkOrder","params":{}}"#.to_vec(),
            2,
            RequestJson,
        ),
        (
            "an order that is no JSON",
            protocol::processor::order_frame(1, "{"),
            2,
            RequestJson,
        ),
        (
            "an order that is empty",
            protocol::processor::order_frame(1, "{}"),
            1,
            RequestEnvelope,
        ),
        (
            "an order of another method",
            protocol::processor::order_frame(
                1,
                r#"{"jsonrpc":"2.0","id":1,"method":"WorkerRetrieve","params":{"workerId":"ab"}}"#,
            ),
            2,
            RequestEnvelope,
        ),
        (
            "an order without members",
            order(r#"{"a":1}"#),
            1,
            RequestMember,
        ),
        (
            "deep nesting",
            protocol::processor::order_frame(1, &"[".repeat(5000)),
            1,
            LimitDepth,
        ),
        ("a body of 1 MiB", vec![b'x'; 1 << 20], 2, RequestJson),
    ];
    for (name, frame, code, reason) in &cases {
        let reply = platform
            .ask_host(WORKER, frame)
            .unwrap_or_else(|f| panic!("{name}: {f}"));
        assert_error(
            name,
            &serde_json::from_slice(&reply).unwrap(),
            *code,
            *reason,
        );
        assert_serves(&platform, name);
    }
    println!("{} frames", cases.len());
}
