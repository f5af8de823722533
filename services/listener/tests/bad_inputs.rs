//! Bodies that are refused, each followed by one that isn't.

mod support;

use serde_json::{Value, json};
use support::{Door, call, config, get_result, submit, worker_id};

const JSON: &str = "request.json";
const ENVELOPE: &str = "request.envelope";
const MEMBER: &str = "request.member";

/// Bodies that are no requests, by text.
fn texts() -> Vec<(&'static str, &'static str)> {
    vec![
        ("", JSON),
        (" ", JSON),
        ("{", JSON),
        ("}", JSON),
        ("{}x", JSON),
        ("nul", JSON),
        ("{'a':1}", JSON),
        ("{\"a\":1,}", JSON),
        ("\u{feff}{}", JSON),
        ("{\"a\":\"\u{1}\"}", JSON),
        ("{\"a\":01}", JSON),
        ("{\"a\":NaN}", JSON),
        ("1", ENVELOPE),
        ("1e999", ENVELOPE),
        ("\"x\"", ENVELOPE),
        ("true", ENVELOPE),
        ("null", ENVELOPE),
        ("[]", ENVELOPE),
        ("[{\"jsonrpc\":\"2.0\"}]", ENVELOPE),
        ("{}", ENVELOPE),
        (
            r#"{"jsonrpc":"2.0","jsonrpc":"2.0","method":"WorkerLookUp","id":1,"params":{"workerType":1}}"#,
            ENVELOPE,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"WorkerLookUp","id":1,"params":{"workerType":1},"x":1}"#,
            ENVELOPE,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"WorkerLookUp","id":1,"params":{"workerType":1,"workerType":1}}"#,
            ENVELOPE,
        ),
    ]
}

/// Requests that are well-formed and wrong.
fn requests() -> Vec<(Value, &'static str)> {
    let envelope = |member: &str, value: Value| {
        let mut body = get_result("ab");
        body[member] = value;
        (body, ENVELOPE)
    };
    let submitting = |member: &str, value: Value| {
        let mut body = submit("ab01");
        body["params"][member] = value;
        (body, MEMBER)
    };
    let item = |item: Value| submitting("inData", json!([item]));
    let mut without = submit("ab01");
    without["params"]
        .as_object_mut()
        .map(|p| p.remove("requesterNonce"));
    vec![
        envelope("id", json!("1")),
        envelope("id", json!(null)),
        envelope("id", json!(1.5)),
        envelope("id", json!(true)),
        envelope("id", json!([1])),
        envelope("jsonrpc", json!("1.0")),
        envelope("jsonrpc", json!(2.0)),
        envelope("method", json!("Nope")),
        envelope("method", json!("workordersubmit")),
        envelope("method", json!(7)),
        envelope("method", json!("WorkOrderSubmit\u{0}")),
        envelope("params", json!({})),
        envelope("params", json!([1])),
        envelope("params", json!("x")),
        envelope("params", json!(null)),
        (
            call("WorkOrderGetResult", json!({"workOrderId": 7})),
            MEMBER,
        ),
        (
            call("WorkOrderGetResult", json!({"workOrderId": ""})),
            MEMBER,
        ),
        (
            call("WorkOrderGetResult", json!({"workOrderId": "0x"})),
            MEMBER,
        ),
        (
            call("WorkOrderGetResult", json!({"workOrderId": "ab\n"})),
            MEMBER,
        ),
        (
            call(
                "WorkOrderGetResult",
                json!({"workOrderId": "a".repeat(257)}),
            ),
            MEMBER,
        ),
        (
            call("WorkOrderGetResult", json!({"workOrderId": "ab", "x": 1})),
            MEMBER,
        ),
        (
            call("WorkerRetrieve", json!({"workerId": "scone-worker-1"})),
            MEMBER,
        ),
        (
            call("WorkerRetrieve", json!({"workerId": [worker_id()]})),
            MEMBER,
        ),
        (call("WorkerLookUp", json!({"workerType": 0})), MEMBER),
        (call("WorkerLookUp", json!({"workerType": "1"})), MEMBER),
        (call("WorkerLookUp", json!({"lookUpTag": "ab"})), MEMBER),
        (call("WorkerLookUpNext", json!({"workerType": 1})), MEMBER),
        (without, MEMBER),
        submitting("foo", json!(1)),
        submitting("workOrderId", json!("../../etc/passwd")),
        submitting("workOrderId", json!("0|ab")),
        submitting("requesterNonce", json!("a".repeat(257))),
        submitting("responseTimeoutMSecs", json!("6000")),
        submitting("responseTimeoutMSecs", json!(1e30)),
        submitting("payloadFormat", json!("XML")),
        submitting("sessionKeyIv", json!("")),
        submitting("encryptedSessionKey", json!("xyz")),
        submitting("dataEncryptionAlgorithm", json!("ROT13")),
        submitting("requesterSignature", json!("%%%%")),
        submitting("requesterSignature", json!(1)),
        submitting("verifyingKey", json!({})),
        submitting("inData", json!("AAAA")),
        submitting(
            "inData",
            json!([{"index": 0, "data": "AAAA"}, {"data": "AAAA", "index": 0}]),
        ),
        item(json!({"index": 0, "data": ""})),
        item(json!({"index": 0, "data": "A"})),
        item(json!({"index": 0})),
        item(json!({"index": "0", "data": "AAAA"})),
        item(json!({"index": 0, "data": "AAAA", "dataHash": ""})),
        item(json!({"index": 0, "data": "AAAA", "encryptedDataEncryptionKey": "no"})),
        item(json!({"index": 0, "data": "AAAA", "iv": "0x"})),
        item(json!(["AAAA"])),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_one_is_refused_and_the_next_is_answered() {
    let door = Door::open(config()).await;
    let texts = texts()
        .into_iter()
        .map(|(text, reason)| (text.to_owned(), reason));
    let requests = requests()
        .into_iter()
        .map(|(body, reason)| (body.to_string(), reason));
    let mut client = door.client();
    for (number, (body, reason)) in texts.chain(requests).enumerate() {
        let reply = client.post(&body);
        assert_eq!(reply.error(), (2, reason.to_owned()), "{body:.200}");
        assert_eq!(reply.json()["jsonrpc"], "2.0");
        // On the same connection, and nothing of the refused one is left behind.
        let good = submit(&format!("{number:04x}"));
        assert_eq!(client.post(&good.to_string()).json()["error"]["code"], 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_come_back_where_they_can_be_read() {
    let door = Door::open(config()).await;
    let mut body = get_result("xy");
    let huge = "-123456789012345678901234567890";
    body["id"] = json!(0);
    let text = body
        .to_string()
        .replace("\"id\":0", &format!("\"id\":{huge}"));
    let reply = String::from_utf8(door.client().post(&text).body);
    assert!(reply.is_ok_and(|reply| reply.contains(&format!("\"id\":{huge},"))));

    for (id, code) in [(json!("1"), 2), (json!(1.0), -32600)] {
        body["id"] = id;
        let reply = door.post(&body).json();
        assert_eq!(
            (&reply["id"], &reply["error"]["code"]),
            (&json!(null), &json!(code))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_repeat_nothing_of_a_body_but_ids_and_names() {
    let door = Door::open(config()).await;
    let secret = "c2VjcmV0";
    for member in ["inData", "requesterSignature", "encryptedSessionKey"] {
        let mut body = submit("ab01");
        body["params"][member] = json!(format!("{secret}!"));
        let reply = String::from_utf8(door.post(&body).body);
        assert!(reply.is_ok_and(|reply| !reply.contains(secret)), "{member}");
    }
}
