//! HTTP: one verb, two content types, and a body within its limits.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use protocol::Reason;
use protocol::envelope::{ErrorObject, failure};

use crate::body::{Budget, Buffer, Unread, discard};
use crate::config::Limits;
use crate::rpc::Service;

/// What answers requests.
#[derive(Clone)]
struct Desk {
    service: Arc<Service>,
    budget: Budget,
}

/// Answers a POST to any path.
pub(crate) fn router(service: Arc<Service>) -> Router {
    let budget = Budget::new(service.limits().memory);
    Router::new()
        .fallback(answer)
        .with_state(Desk { service, budget })
}

/// Answers that there are too many connections already, and closes this one.
pub(crate) fn full(limits: Limits) -> Router {
    Router::new().fallback(answer_full).with_state(limits)
}

async fn answer(State(desk): State<Desk>, request: Request) -> Response {
    let kind = match kind_of(&request) {
        Ok(kind) => kind,
        Err(unfit) => return unfit.response(),
    };
    let Desk { service, budget } = desk;
    let authorization = request.headers().get(AUTHORIZATION).cloned();
    match read(request, service.limits(), &budget).await {
        Ok(body) => {
            let authorization = authorization.as_ref().map(HeaderValue::as_bytes);
            reply(kind, service.answer(body.bytes(), authorization).await)
        }
        Err(Unread::Refused(reason)) => {
            close(reply(kind, failure(None, &ErrorObject::for_client(reason))))
        }
        Err(Unread::Broken) => close(StatusCode::BAD_REQUEST.into_response()),
    }
}

async fn answer_full(State(limits): State<Limits>, request: Request) -> Response {
    let kind = match kind_of(&request) {
        Ok(kind) => kind,
        Err(unfit) => return close(unfit.response()),
    };
    discard(request.into_body(), &limits).await;
    let error = ErrorObject::for_client(Reason::LimitRate);
    close(reply(kind, failure(None, &error)))
}

/// What the reply says its content is. It is compared as a string by Avalon's SDK: no charset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Json,
    /// A body of JSON that calls itself a form, as some clients of Avalon do.
    Form,
}

impl Kind {
    const JSON: &str = "application/json";
    const FORM: &str = "application/x-www-form-urlencoded";

    /// Takes a charset too, as long as it's UTF-8 (wire facts, quirk 4).
    fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let (kind, parameters) = text.split_once(';').unwrap_or((text, ""));
        if !parameters.split(';').all(is_utf8_or_nothing) {
            return None;
        }
        match kind.trim() {
            kind if kind.eq_ignore_ascii_case(Self::JSON) => Some(Self::Json),
            kind if kind.eq_ignore_ascii_case(Self::FORM) => Some(Self::Form),
            _ => None,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Json => Self::JSON,
            Self::Form => Self::FORM,
        }
    }
}

fn is_utf8_or_nothing(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else {
        return parameter.trim().is_empty();
    };
    let value = value.trim().trim_matches('"');
    let is_charset = name.trim().eq_ignore_ascii_case("charset");
    !is_charset
        || ["utf-8", "utf8", "us-ascii"]
            .iter()
            .any(|one| value.eq_ignore_ascii_case(one))
}

/// Why a request isn't looked at.
enum Unfit {
    Verb,
    ContentType,
}

impl Unfit {
    fn response(self) -> Response {
        match self {
            Self::Verb => {
                let text = "Only POST is answered here\n";
                (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "POST")], text).into_response()
            }
            Self::ContentType => {
                let text = "The content type must be application/json\n";
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, text).into_response()
            }
        }
    }
}

/// Checks verb and content type.
fn kind_of(request: &Request) -> Result<Kind, Unfit> {
    if request.method() != Method::POST {
        return Err(Unfit::Verb);
    }
    Kind::of(request.headers()).ok_or(Unfit::ContentType)
}

async fn read(request: Request, limits: &Limits, budget: &Budget) -> Result<Buffer, Unread> {
    let length = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    // One that says so beforehand is believed; it may be waiting for a word (Expect: 100-continue).
    if length.is_some_and(|length| length > limits.body.saturating_add(limits.overlong)) {
        return Err(Unread::Refused(Reason::LimitSize));
    }
    budget.read(request.into_body(), length, limits).await
}

fn reply(kind: Kind, body: Vec<u8>) -> Response {
    let content_type = HeaderValue::from_static(kind.text());
    ([(CONTENT_TYPE, content_type)], Bytes::from(body)).into_response()
}

/// The same as the last word on its connection.
fn close(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(content_type: &'static str) -> Option<Kind> {
        let value = HeaderValue::from_static(content_type);
        Kind::of(&HeaderMap::from_iter([(CONTENT_TYPE, value)]))
    }

    #[test]
    fn content_types() {
        for json in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\" ; x=y",
        ] {
            assert_eq!(kind(json), Some(Kind::Json), "{json}");
        }
        assert_eq!(kind("application/x-www-form-urlencoded"), Some(Kind::Form));
        for other in [
            "",
            "text/plain",
            "application/json; charset=utf-16",
            "application/jsonx",
            "application/json-rpc",
            "multipart/form-data; boundary=x",
        ] {
            assert_eq!(kind(other), None, "{other}");
        }
        assert_eq!(Kind::of(&HeaderMap::new()), None);
    }
}
