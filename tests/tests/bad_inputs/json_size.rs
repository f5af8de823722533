//! Bodies that are large, deep, or have too much of something.

use protocol::Reason::{
    LimitDepth, LimitSize, RequestEnvelope, RequestJson, RequestMember, WorkloadOutput,
};
use serde_json::{Map, Value, json};

use crate::case::{Case, body, case, ends, is_answered, is_error, raw, refused};
use crate::stage::call;

/// Longest body that the listener takes.
const LONGEST: usize = 8 << 20;

pub(crate) fn cases() -> Vec<Case> {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
        format!(r#"{{"a":{open}{close}}}"#)
    };
    let many = |count: usize| -> Value {
        (0..count)
            .map(|n| (format!("m{n}"), json!(1)))
            .collect::<Map<_, _>>()
            .into()
    };
    vec![
        body(
            "nesting one level over the limit",
            nested(17),
            2,
            LimitDepth,
        ),
        body("nesting at the limit", nested(16), 2, RequestEnvelope),
        body(
            "objects in objects",
            r#"{"a":"#.repeat(100) + "1" + &"}".repeat(100),
            2,
            LimitDepth,
        ),
        body("100 brackets", nested(100), 2, LimitDepth),
        body(
            "100 000 brackets without end",
            "[".repeat(100_000),
            2,
            LimitDepth,
        ),
        body("8 MiB of brackets", "[".repeat(LONGEST), 2, LimitDepth),
        body(
            "brackets that only close",
            "]".repeat(100_000),
            2,
            RequestJson,
        ),
        body(
            "brackets within a text are no nesting",
            format!(r#"{{"a":"{}"}}"#, "[".repeat(1000)),
            2,
            RequestEnvelope,
        ),
        body("8 MiB of blanks", " ".repeat(LONGEST), 2, RequestJson),
        body(
            "8 MiB in one text",
            format!(r#"{{"a":"{}"}}"#, "x".repeat(LONGEST - 8)),
            2,
            RequestEnvelope,
        ),
        body(
            "a byte more than 8 MiB",
            "x".repeat(LONGEST + 1),
            2,
            LimitSize,
        ),
        body("9 MiB", "x".repeat(9 << 20), 2, LimitSize),
        body("39 MiB", "x".repeat(39 << 20), 2, LimitSize),
        raw(
            "a length of 1 GiB and nothing else",
            HEAD.replace("LENGTH", "1073741824"),
            2,
            LimitSize,
        ),
        raw(
            "a length of 2^63",
            HEAD.replace("LENGTH", "9223372036854775808"),
            2,
            LimitSize,
        ),
        raw(
            "a chunked body that grows over the limit",
            chunked(),
            2,
            LimitSize,
        ),
        body("65 members", many(65).to_string(), 2, RequestEnvelope),
        body(
            "65 parameters",
            call("WorkerLookUp", &many(65)),
            2,
            RequestEnvelope,
        ),
        body(
            "64 unknown parameters",
            call("WorkerLookUp", &many(64)),
            2,
            RequestMember,
        ),
        body(
            "100 000 members",
            many(100_000).to_string(),
            2,
            RequestEnvelope,
        ),
        body(
            "a parameter's name of 1 MiB",
            call("WorkerLookUp", &json!({ "x".repeat(1 << 20): 1 })),
            2,
            RequestMember,
        ),
        body(
            "a method's name of 1 MiB",
            call(&"x".repeat(1 << 20), &json!({ "a": 1 })),
            2,
            RequestEnvelope,
        ),
        refused("1 025 inputs", LimitSize, |order| {
            order.params["inData"] = items(1025)
        }),
        refused("1 025 wishes for outputs", LimitSize, |order| {
            order.params["outData"] = items(1025)
        }),
        refused("33 inputs with keys of their own", LimitSize, |order| {
            order.params["inData"] = items(33);
            for item in order.params["inData"].as_array_mut().unwrap() {
                item["encryptedDataEncryptionKey"] = "ab".into();
            }
        }),
        refused("an order id of 257 digits", RequestMember, |order| {
            order.params["workOrderId"] = "a".repeat(257).into();
        }),
        refused("a nonce of 1 MiB", RequestMember, |order| {
            order.params["requesterNonce"] = "a".repeat(1 << 20).into();
        }),
        case("an id of 100 000 digits is echoed", |stage| {
            let digits = "7".repeat(100_000);
            let text = format!(
                r#"{{"jsonrpc":"2.0","id":{digits},"method":"WorkerLookUp","params":{{"x":1}}}}"#
            );
            let reply = stage.raw(
                HEAD.replace("LENGTH", &text.len().to_string())
                    .replace("\r\n\r\n", &format!("\r\n\r\n{text}"))
                    .as_bytes(),
            )?;
            match reply.contains(&digits) {
                true => Ok(()),
                false => Err("it was not".to_owned()),
            }
        }),
        case("an input of 5 MiB whose answer is too large", |stage| {
            let order = stage.order("python-hello", &"x".repeat(5 << 20));
            ends(stage, &order, WorkloadOutput)
        }),
        case(
            "an order in a request with an id of 1 000 digits is served",
            |stage| {
                let order = stage.order("python-hello", "x");
                let body = order
                    .request()
                    .replace("\"id\":7", &format!("\"id\":{}", "7".repeat(1000)));
                let head = HEAD.replace("LENGTH", &body.len().to_string());
                let reply = stage.raw((head + &body).as_bytes())?;
                if !reply.contains("\"code\":5") {
                    return Err(format!("wanted it accepted: {reply:.300}"));
                }
                match stage.outcome(&order)?.get("result") {
                    Some(_) => Ok(()),
                    None => Err("it has no result".to_owned()),
                }
            },
        ),
        case("an input of 900 kB is served", |stage| {
            is_answered(stage, &stage.order("python-hello", &"x".repeat(900_000)))
        }),
        case("an input that makes the body too large", |stage| {
            let order = stage.order("python-hello", &"x".repeat(7 << 20));
            is_error(&stage.post(&order.request())?, 2, LimitSize)
        }),
    ]
}

const HEAD: &str = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: LENGTH\r\n\r\n";

fn chunked() -> Vec<u8> {
    let head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut request = head.as_bytes().to_vec();
    for _ in 0..10 {
        request.extend_from_slice(b"100000\r\n");
        request.resize(request.len() + (1 << 20), b' ');
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

fn items(count: usize) -> Value {
    let item = |index| json!({ "index": index, "data": "AAAA" });
    (0..count).map(item).collect()
}
