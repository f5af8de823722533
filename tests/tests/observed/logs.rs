//! Logs: no user data at any level, one line for an order that goes well, JSON that is JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use client::{Error, Protection};
use protocol::Reason;
use serde_json::{Value, json};

use crate::platform::Watched;

/// It stands in inputs, names, keys and headers.
const MARKER: &str = "MaRkEr-4711";

/// Sends orders that go well and that fail in every way, and requests that are nonsense; gives
/// texts that must not be logged.
fn use_and_misuse(platform: &Watched) -> Vec<String> {
    let mut secrets = vec![
        MARKER.to_owned(),
        MARKER.to_lowercase(),
        hex::encode(MARKER),
        hex::encode_upper(MARKER),
        STANDARD.encode(MARKER),
    ];
    for (workload, succeeds) in [
        ("python-hello", true),
        ("python-fib", false),
        (MARKER, false),
    ] {
        let outcome = platform.run(workload, MARKER);
        assert_eq!(outcome.is_ok(), succeeds, "{workload}");
    }
    misbehave(platform);
    for protection in [Protection::OwnKey, Protection::Plain] {
        let order = client::Order::new(&platform.worker, "python-hello");
        let order = order.input_as(MARKER, protection);
        platform.block_on(platform.client.run(&order)).unwrap();
    }
    secrets.extend(tampered(platform));
    nonsense(platform);
    for token in ["operator-token", "host-token"] {
        let text = std::fs::read_to_string(platform.data().join(token)).unwrap();
        secrets.push(text.trim().to_owned());
    }
    secrets.extend(keys(platform));
    secrets
}

/// Orders that their worker does not do well, or does not survive.
fn misbehave(platform: &Watched) {
    let unruly = platform.talkative();
    for workload in ["panics", "naps", "exits", "overruns"] {
        // A process that follows another has other keys, which have to be there first.
        loop {
            let worker = platform.join(&unruly);
            let order = client::Order::new(&worker, workload).input(MARKER);
            match platform.block_on(platform.client.run(&order)) {
                Err(Error::Rpc(error)) if error.reason != Some(Reason::OrderIntegrity) => break,
                // The second attempt finds other keys.
                Err(Error::Rpc(_)) if workload == "exits" => break,
                Err(Error::Rpc(_) | Error::NotActive { .. }) => {}
                other => panic!("{workload}: {other:?}"),
            }
        }
    }
}

/// An order whose texts are known, sent whole, twice, and changed; gives what is secret of it, and
/// what tells who sent it.
fn tampered(platform: &Watched) -> Vec<String> {
    let sealed = platform.order("python-hello", MARKER).seal().unwrap();
    platform.block_on(platform.client.post(&sealed)).unwrap();
    assert!(platform.block_on(platform.client.post(&sealed)).is_err());
    let request = &sealed.pending.request;
    let params: Value = serde_json::from_str(sealed.params()).unwrap();
    let other = platform.order("python-hello", MARKER).seal().unwrap();
    let mut changed: Value = serde_json::from_str(other.params()).unwrap();
    changed["inData"][0]["data"] = STANDARD.encode(MARKER).into();
    changed["encryptedSessionKey"] = hex::encode([7; 384]).into();
    let answer: Result<Value, _> =
        platform.block_on(platform.client.call("WorkOrderSubmit", &changed));
    assert!(answer.is_err());
    vec![
        request.requester_id.to_string(),
        request.requester_nonce.clone(),
        hex::encode(request.session_key.expose()),
        STANDARD.encode(request.session_key.expose()),
        text(&params["encryptedSessionKey"]),
        text(&params["encryptedRequestHash"]),
        text(&params["inData"][0]["data"]),
    ]
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Requests with the marker wherever a client can put it.
fn nonsense(platform: &Watched) {
    let post = |path: &str, headers: &str, body: &str| {
        let length = body.len();
        platform.raw(&format!(
            "POST {path} HTTP/1.1\r\nhost: {MARKER}\r\nconnection: close\r\n{headers}\
             content-length: {length}\r\n\r\n{body}"
        ))
    };
    let json = "content-type: application/json\r\n";
    let call = |method: &str, params: Value| {
        json!({ "jsonrpc": "2.0", "id": MARKER, "method": method, "params": params }).to_string()
    };
    let bearer = format!("{json}authorization: Bearer {MARKER}{MARKER}\r\n");
    let register = call("WorkerRegister", json!({ "workerId": "ab", MARKER: 1 }));
    for (path, headers, body) in [
        ("/", json, MARKER.to_owned()),
        ("/", json, format!("{{\"{MARKER}\": ")),
        ("/", json, call(MARKER, json!({ MARKER: MARKER }))),
        (
            "/",
            json,
            call("WorkOrderSubmit", json!({ MARKER: MARKER })),
        ),
        (
            "/",
            json,
            call("WorkOrderGetResult", json!({ "workOrderId": MARKER })),
        ),
        (
            "/",
            json,
            call("WorkerRetrieve", json!({ "workerId": hex::encode(MARKER) })),
        ),
        ("/", bearer.as_str(), register),
        (
            "/MaRkEr-4711",
            "content-type: MaRkEr-4711\r\n",
            String::new(),
        ),
    ] {
        let reply = post(path, headers, &body);
        assert!(reply.starts_with("HTTP/1.1 "), "{body}: {reply}");
    }
    for garbage in [
        format!("{MARKER} /{MARKER} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
        format!(
            "GET /{MARKER} HTTP/1.1\r\n{MARKER}: {MARKER}\r\nhost: x\r\nconnection: close\r\n\r\n"
        ),
        format!("{MARKER}\r\n\r\n"),
    ] {
        platform.raw(&garbage);
    }
}

/// The key of the vault's owner, line by line: the workers' own are nowhere but in the vault.
fn keys(platform: &Watched) -> Vec<String> {
    let pem = std::fs::read_to_string(platform.data().join("operator.key")).unwrap();
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    let keys: Vec<_> = lines.map(str::to_owned).collect();
    assert!(!keys.is_empty());
    keys
}

fn assert_none_in(log: &str, secrets: &[String]) {
    for secret in secrets {
        if let Some(line) = log.lines().find(|line| line.contains(secret.as_str())) {
            panic!("{secret} is logged: {line}");
        }
    }
}

/// That all processes spoke, or nothing is shown by what they did not say.
fn assert_all_spoke(log: &str) {
    for words in [
        "an order was accepted",
        "an order has ended",
        "a worker process joined",
        "started the program",
        "panicked at",
        "overran its time limit",
        "an attempt at an order was lost",
    ] {
        assert!(log.contains(words), "nobody said: {words}\n{log}");
    }
}

#[test]
fn nothing_of_users_is_logged_as_text() {
    let platform = Watched::start("trace", &[], &[]);
    let secrets = use_and_misuse(&platform);
    let log = platform.stop();
    assert_all_spoke(&log);
    assert_none_in(&log, &secrets);
}

#[test]
fn nothing_of_users_is_logged_as_json_and_every_line_is_json() {
    let platform = Watched::start("trace", &["--log-format", "json"], &[]);
    let secrets = use_and_misuse(&platform);
    let log = platform.stop();
    assert_all_spoke(&log);
    assert_none_in(&log, &secrets);
    for line in log.lines() {
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|fault| panic!("{fault}: {line}"));
        for member in ["timestamp", "level", "message", "target"] {
            assert!(value[member].is_string(), "no {member}: {line}");
        }
    }
}

#[test]
fn an_order_that_goes_well_is_one_line_at_debug() {
    let platform = Watched::start("debug", &["--log-format", "json"], &["--mode", "sync"]);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let answer = platform.run("python-hello", "you").unwrap();
        ids.push(answer.work_order_id().to_string());
    }
    let log = platform.stop();
    for id in ids {
        let lines: Vec<Value> = log
            .lines()
            .filter(|line| line.contains(&id))
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let [line] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        assert_eq!(line["level"], "DEBUG");
        assert_eq!(line["order"], id);
        assert_eq!(line["worker"], crate::platform::WORKER);
        assert_eq!(line["attempt"], 1);
        assert_eq!(line["reason"], "ok");
        assert!(line["elapsed_ms"].is_u64(), "{line}");
    }
}

#[test]
fn who_has_no_token_cannot_fill_the_log() {
    let platform = Watched::start("warn", &[], &[]);
    let body =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "WorkerRegister", "params": { "a": 1 } });
    let (body, count) = (body.to_string(), 40);
    for _ in 0..count {
        let reply = platform.raw(&format!(
            "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        ));
        assert!(reply.contains("access.denied"), "{reply}");
    }
    let log = platform.stop();
    let told = log.matches("a method for operators was refused").count();
    // Once in ten seconds.
    assert!((1..=count / 2).contains(&told), "{told} times:\n{log}");
}
