//! Other verbs, other content types, other protocols.

use protocol::Reason::{RequestEnvelope, RequestJson};

use crate::case::{Case, Verdict, case, raw, status};
use crate::stage::Stage;

const VERBS: [&str; 10] = [
    "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW", "post", "POSTPOST",
];

/// Content types that no request has.
const TYPES: [&str; 10] = [
    "text/plain",
    "text/xml",
    "text/html",
    "application/jsonx",
    "application/json-rpc",
    "application/json; charset=iso-8859-1",
    "application/json; charset=utf-16",
    "multipart/form-data; boundary=x",
    "application/cbor",
    "",
];

/// Content types that are taken, as the first has it or for a reason of HTTP.
const TAKEN: [&str; 4] = [
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-8",
    "APPLICATION/JSON",
    "application/json;charset=\"UTF-8\"",
];

pub(crate) fn cases() -> Vec<Case> {
    let head = |verb: &str| format!("{verb} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
    let post = |kind: &str, more: &str, body: &str| {
        let length = body.len();
        format!(
            "{}{kind}{more}Content-Length: {length}\r\n\r\n{body}",
            head("POST")
        )
    };
    let json = "Content-Type: application/json\r\n";
    let mut cases: Vec<_> = VERBS
        .iter()
        .map(|verb| status(verb, head(verb) + json + "Content-Length: 2\r\n\r\n{}", 405))
        .collect();
    cases.extend(TYPES.iter().map(|kind| {
        let name = format!("content type {kind:?}");
        status(
            &name,
            post(&format!("Content-Type: {kind}\r\n"), "", "{}"),
            415,
        )
    }));
    cases.extend(TAKEN.iter().map(|kind| {
        let name = format!("content type {kind:?} is taken");
        raw(
            &name,
            post(&format!("Content-Type: {kind}\r\n"), "", "{}"),
            2,
            RequestEnvelope,
        )
    }));
    cases.extend([
        status("no content type", post("", "", "{}"), 415),
        raw(
            "a compressed body",
            post(json, "Content-Encoding: gzip\r\n", "\x1f"),
            2,
            RequestJson,
        ),
        status(
            "headers of 64 kB",
            post(json, &format!("X: {}\r\n", "x".repeat(64 << 10)), "{}"),
            431,
        ),
        status(
            "a request line of 64 kB",
            format!("POST /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(64 << 10)),
            431,
        ),
        status(
            "200 headers",
            post(json, &"X: x\r\n".repeat(200), "{}"),
            431,
        ),
        status(
            "a header without colon",
            post(json, "nothing\r\n", "{}"),
            400,
        ),
        status("a header with a NUL", post(json, "X: \0\r\n", "{}"), 400),
        status(
            "a header that is folded",
            post(json, "X: a\r\n b\r\n", "{}"),
            400,
        ),
        status(
            "a blank before the colon",
            post(json, "X : a\r\n", "{}"),
            400,
        ),
        status(
            "a hello of TLS",
            b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03\r\n\r\n".to_vec(),
            400,
        ),
        status("no verb", b" / HTTP/1.1\r\n\r\n".to_vec(), 400),
        status(
            "HTTP/9.9",
            b"POST / HTTP/9.9\r\nHost: x\r\n\r\n".to_vec(),
            400,
        ),
        case("a preface of HTTP/2", |stage| {
            nothing_but_400(stage, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        }),
        case("HTTP/0.9", |stage| nothing_but_400(stage, b"GET /\r\n\r\n")),
        case("64 kB of zeros", |stage| {
            nothing_but_400(stage, &[0; 64 << 10])
        }),
        case("ZeroMQ's greeting", |stage| {
            nothing_but_400(stage, b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL\r\n\r\n")
        }),
    ]);
    cases
}

/// The answer is 400, or there is none.
fn nothing_but_400(stage: &Stage, request: &[u8]) -> Verdict {
    match stage.raw(request) {
        Ok(reply)
            if reply.is_empty()
                || reply.starts_with("HTTP/1.1 400")
                || reply.starts_with("HTTP/1.1 431") =>
        {
            Ok(())
        }
        Err(fault) if fault.contains("reset") => Ok(()),
        other => Err(format!("{other:?}")),
    }
}
