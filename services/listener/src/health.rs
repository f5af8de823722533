//! `/healthz` and `/readyz`: for whoever starts, stops and balances platforms.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use monitor::Monitor;

use crate::http::Reply;

/// That this is answered says it all: the process lives and its event loop turns.
pub(crate) fn alive() -> Reply {
    fresh("text/plain; charset=utf-8", "ok\n")
}

/// 200 if orders can be taken and worked on; else 503. The body says what is missing.
pub(crate) async fn ready(monitor: &Monitor) -> Reply {
    let readiness = monitor.readiness().await;
    // It's made of strings and a flag: writing it can't fail.
    let body = serde_json::to_string(&readiness).unwrap_or_default();
    let mut reply = fresh("application/json", body);
    if !readiness.ready {
        *reply.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    reply
}

/// An answer that's true now and must not be kept.
pub(crate) fn fresh(content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}
