//! `/healthz` and `/readyz`: for whoever starts, stops and balances platforms.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use monitor::Monitor;

/// Both paths, for a GET.
pub(crate) fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Monitor: FromRef<S>,
{
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
}

/// That this is answered says it all: the process lives and its event loop turns.
async fn alive() -> Response {
    fresh("text/plain; charset=utf-8", "ok\n".to_owned())
}

/// 200 if orders can be taken and worked on; else 503. The body says what is missing.
async fn ready(State(monitor): State<Monitor>) -> Response {
    let readiness = monitor.readiness().await;
    // It's made of strings and a flag: writing it can't fail.
    let body = serde_json::to_string(&readiness).unwrap_or_default();
    let mut response = fresh("application/json", body);
    if !readiness.ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

/// An answer that's true now and must not be kept.
pub(crate) fn fresh(content_type: &'static str, body: String) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
