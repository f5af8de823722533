//! Replies.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::Refusal;

/// What a request is answered with.
pub(crate) type Reply = Response<Full<Bytes>>;

const JSON: &str = "application/json";

/// An error as the servers of 2017 wrote it, with two members more.
#[derive(Serialize)]
struct Problem<'a> {
    error: &'a str,
    code: u8,
    reason: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
}

/// A message in JSON, or why there is none.
pub(crate) fn json(body: Result<Vec<u8>, Refusal>) -> Reply {
    match body {
        Ok(body) => typed(JSON, body),
        Err(refusal) => refused(&refusal),
    }
}

/// Bytes of the log, or why there are none.
pub(crate) fn bytes(body: Result<Vec<u8>, Refusal>) -> Reply {
    match body {
        Ok(body) => typed("application/octet-stream", body),
        // What is not there yet will be: nobody may keep that it was not.
        Err(Refusal::Range(_)) => plain(StatusCode::NOT_FOUND),
        Err(refusal) => refused(&refusal),
    }
}

/// A text that is true now.
pub(crate) fn text(body: String) -> Reply {
    fresh("text/plain; charset=utf-8", body)
}

/// An answer that must not be kept.
pub(crate) fn fresh(kind: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = typed(kind, body);
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// A refusal.
pub(crate) fn refused(refusal: &Refusal) -> Reply {
    let (error, detail) = (refusal.title(), refusal.to_string());
    let problem = Problem {
        detail: if detail == error { "" } else { &detail },
        error: &error,
        code: refusal.grpc(),
        reason: refusal.code(),
    };
    // It's made of strings and a number: writing it can't fail.
    let mut reply = typed(JSON, serde_json::to_vec(&problem).unwrap_or_default());
    *reply.status_mut() =
        StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Refusal::Rate(_) | Refusal::Busy = refusal {
        let soon = HeaderValue::from_static("1");
        reply.headers_mut().insert(RETRY_AFTER, soon);
    }
    reply
}

/// A status and its name, as the servers of 2017 wrote it.
pub(crate) fn plain(status: StatusCode) -> Reply {
    let text = format!("{}\n", status.canonical_reason().unwrap_or_default());
    let mut reply = typed("text/plain; charset=utf-8", text);
    *reply.status_mut() = status;
    reply
}

/// The same as the last word on its connection.
pub(crate) fn close(mut reply: Reply) -> Reply {
    let headers = reply.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// What is written to a client whose request line and headers don't arrive: a whole reply.
pub(crate) fn too_slow() -> String {
    let body =
        r#"{"error":"the request did not arrive in time","code":4,"reason":"directory.limit"}"#;
    format!(
        "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-type: {JSON}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn typed(kind: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    let kind = HeaderValue::from_static(kind);
    reply.headers_mut().insert(CONTENT_TYPE, kind);
    reply
}
