//! Members that are missing, unknown, of another type, or out of range.

use protocol::Reason::RequestMember;
use serde_json::{Value, json};

use crate::case::{Case, body, refused};
use crate::stage::call;

pub(crate) fn cases() -> Vec<Case> {
    let wrong = |name, method, params: Value| body(name, call(method, &params), 2, RequestMember);
    let mut cases = vec![
        wrong(
            "a worker type of 0",
            "WorkerLookUp",
            json!({ "workerType": 0 }),
        ),
        wrong(
            "a worker type of 4",
            "WorkerLookUp",
            json!({ "workerType": 4 }),
        ),
        wrong(
            "a worker type of -1",
            "WorkerLookUp",
            json!({ "workerType": -1 }),
        ),
        wrong(
            "a worker type of 2^64",
            "WorkerLookUp",
            json!({ "workerType": 18_446_744_073_709_551_615_u64 }),
        ),
        wrong(
            "a worker type of 1.0",
            "WorkerLookUp",
            json!({ "workerType": 1.0 }),
        ),
        wrong(
            "a worker type as text",
            "WorkerLookUp",
            json!({ "workerType": "1" }),
        ),
        wrong(
            "an organization of null",
            "WorkerLookUp",
            json!({ "organizationId": null }),
        ),
        wrong("an unknown criterion", "WorkerLookUp", json!({ "name": 1 })),
        wrong(
            "a tag where none belongs",
            "WorkerLookUp",
            json!({ "lookUpTag": "ab" }),
        ),
        wrong(
            "no tag where one belongs",
            "WorkerLookUpNext",
            json!({ "workerType": 1 }),
        ),
        wrong(
            "a worker id that is an array",
            "WorkerRetrieve",
            json!({ "workerId": ["ab"] }),
        ),
        wrong("no worker id", "WorkerRetrieve", json!({ "worker": "ab" })),
        wrong(
            "an order id that is a number",
            "WorkOrderGetResult",
            json!({ "workOrderId": 7 }),
        ),
        wrong(
            "an order id and more",
            "WorkOrderGetResult",
            json!({ "workOrderId": "ab", "x": 1 }),
        ),
    ];
    cases.extend(
        ORDERS
            .iter()
            .map(|(name, change)| refused(name, RequestMember, *change)),
    );
    cases
}

const ORDERS: &[(&str, crate::case::Change)] = &[
    ("no order id", |o| remove(o, "workOrderId")),
    ("no session key", |o| remove(o, "encryptedSessionKey")),
    ("no request hash", |o| remove(o, "encryptedRequestHash")),
    ("no nonce", |o| remove(o, "requesterNonce")),
    ("no time-out", |o| remove(o, "responseTimeoutMSecs")),
    ("an unknown parameter", |o| o.params["priority"] = 1.into()),
    ("a number as order id", |o| {
        o.params["workOrderId"] = 7.into()
    }),
    ("null as workload", |o| o.params["workloadId"] = Value::Null),
    ("an object as nonce", |o| {
        o.params["requesterNonce"] = json!({})
    }),
    ("a time-out as text", |o| {
        o.params["responseTimeoutMSecs"] = "6000".into()
    }),
    ("a fraction of a time-out", |o| {
        o.params["responseTimeoutMSecs"] = 1.5.into()
    }),
    ("a time-out of 1e30", |o| {
        o.params["responseTimeoutMSecs"] = 1e30.into()
    }),
    ("a time-out of 2^63", |o| {
        o.params["responseTimeoutMSecs"] = (1_u64 << 63).into()
    }),
    ("another payload format", |o| {
        o.params["payloadFormat"] = "XML".into()
    }),
    ("a payload format of false", |o| {
        o.params["payloadFormat"] = false.into()
    }),
    ("another algorithm", |o| {
        o.params["dataEncryptionAlgorithm"] = "AES-GCM-128".into()
    }),
    ("an algorithm of null", |o| {
        o.params["dataEncryptionAlgorithm"] = Value::Null
    }),
    ("a result address that is a number", |o| {
        o.params["resultUri"] = 1.into()
    }),
    ("a key that is an object", |o| {
        o.params["verifyingKey"] = json!({})
    }),
    ("a signature that is a number", |o| {
        o.params["requesterSignature"] = 1.into()
    }),
    ("inputs that are an object", |o| {
        o.params["inData"] = json!({})
    }),
    ("inputs that are a text", |o| {
        o.params["inData"] = "AAAA".into()
    }),
    ("an input that is a number", |o| {
        o.params["inData"] = json!([7])
    }),
    ("an input that is an array", |o| {
        o.params["inData"] = json!([["AAAA"]])
    }),
    ("an input without index", |o| {
        o.params["inData"] = json!([{ "data": "AAAA" }])
    }),
    ("an input without data", |o| {
        o.params["inData"] = json!([{ "index": 0 }])
    }),
    ("an index of 0.5", |o| {
        o.params["inData"][0]["index"] = 0.5.into()
    }),
    ("an index of 2^64", |o| {
        o.params["inData"][0]["index"] = u64::MAX.into()
    }),
    ("an index as text", |o| {
        o.params["inData"][0]["index"] = "0".into()
    }),
    ("the same input twice", |o| {
        let item = o.params["inData"][0].clone();
        o.params["inData"] = json!([item, item]);
    }),
];

fn remove(order: &mut sconce_tests::orders::TestOrder, member: &str) {
    order.params.as_object_mut().unwrap().remove(member);
}
