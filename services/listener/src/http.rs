//! HTTP: one verb, two content types, and a body within its limits.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use entrance::Buckets;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use monitor::{Monitor, Refusal};
use protocol::Reason;
use protocol::envelope::{ErrorObject, failure};

use crate::body::{Buffer, Unread, discard, read};
use crate::memory::Share;
use crate::metrics::Page;
use crate::orders::too_often;
use crate::rpc::Service;

/// What a request is answered with.
pub(crate) type Reply = Response<Full<Bytes>>;

/// What answers requests.
pub(crate) struct Desk {
    monitor: Monitor,
    /// What answers a POST; there is none at the metrics' own address.
    methods: Option<Methods>,
}

struct Methods {
    service: Service,
    addresses: Buckets,
    loopback: Buckets,
}

impl Desk {
    /// One that answers everything.
    pub(crate) fn new(service: Service) -> Self {
        let limits = service.limits();
        Self {
            monitor: service.config.monitor.clone(),
            methods: Some(Methods {
                addresses: Buckets::new(limits.address_rate),
                loopback: Buckets::new(limits.loopback_rate),
                service,
            }),
        }
    }

    /// One at the metrics' own address.
    pub(crate) fn for_metrics(monitor: Monitor) -> Self {
        Self {
            monitor,
            methods: None,
        }
    }

    /// Answers a POST to any path, and whoever asks for a page; `source` is who shares an address.
    pub(crate) async fn answer(&self, source: IpAddr, request: Request<Incoming>) -> Reply {
        let page = Page::of(request.method(), request.uri().path());
        let Some(methods) = &self.methods else {
            return match page {
                Some(page) => page.reply(&self.monitor).await,
                None => plain(StatusCode::NOT_FOUND, "See /metrics\n"),
            };
        };
        let near = source.is_loopback();
        if let Err(wait) = methods.take(source, near) {
            self.monitor.refused(Refusal::Rate);
            return methods.put_off(request, wait).await;
        }
        let shown = &methods.service.config.metrics;
        match page {
            Some(page) if page != Page::Metrics || shown.are_shown(near) => {
                page.reply(&self.monitor).await
            }
            _ => methods.answer(source, request).await,
        }
    }

    /// Answers that there are too many connections already, and closes this one. Whoever asks
    /// whether the process lives is told: it must not be ended for being busy.
    pub(crate) async fn turn_away(&self, request: Request<Incoming>) -> Reply {
        if let Some(page @ Page::Alive) = Page::of(request.method(), request.uri().path()) {
            return close(page.reply(&self.monitor).await);
        }
        let Some(methods) = &self.methods else {
            return close(plain(StatusCode::SERVICE_UNAVAILABLE, ""));
        };
        match kind_of(&request) {
            Ok(kind) => {
                let error = ErrorObject::for_client(Reason::LimitRate);
                close(methods.refuse(kind, &error, request).await)
            }
            Err(unfit) => close(unfit.reply()),
        }
    }
}

impl Methods {
    /// Counts a request of this source.
    fn take(&self, source: IpAddr, near: bool) -> Result<(), Duration> {
        let buckets = if near {
            &self.loopback
        } else {
            &self.addresses
        };
        buckets.take(&source)
    }

    async fn answer(&self, source: IpAddr, request: Request<Incoming>) -> Reply {
        let kind = match kind_of(&request) {
            Ok(kind) => kind,
            Err(unfit) => return unfit.reply(),
        };
        let authorization = request.headers().get(AUTHORIZATION).cloned();
        let share = self.service.budget.of(source);
        match self.read(request, share).await {
            Ok(body) => {
                let authorization = authorization.as_ref().map(HeaderValue::as_bytes);
                let answer = self.service.answer(body.bytes(), authorization, share);
                reply(kind, answer.await)
            }
            Err(Unread::Refused(reason)) => {
                self.service.note(None, Some(reason));
                if reason == Reason::LimitRate {
                    self.service.config.monitor.refused(Refusal::Memory);
                }
                close(reply(kind, error_text(reason)))
            }
            Err(Unread::Broken) => close(plain(StatusCode::BAD_REQUEST, "")),
        }
    }

    async fn read(&self, request: Request<Incoming>, share: Share<'_>) -> Result<Buffer, Unread> {
        let limits = self.service.limits();
        let length = request
            .headers()
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        // One that says so beforehand is believed; it may be waiting for a word (Expect:
        // 100-continue).
        if length.is_some_and(|length| length > limits.body.saturating_add(limits.overlong)) {
            return Err(Unread::Refused(Reason::LimitSize));
        }
        read(request.into_body(), length, share, limits).await
    }

    /// Answers that the same may come again after a wait.
    async fn put_off(&self, request: Request<Incoming>, wait: Duration) -> Reply {
        match kind_of(&request) {
            Ok(kind) => self.refuse(kind, &too_often(wait), request).await,
            Err(_) => plain(StatusCode::TOO_MANY_REQUESTS, ""),
        }
    }

    /// Answers with an error without looking at the body.
    async fn refuse(&self, kind: Kind, error: &ErrorObject, request: Request<Incoming>) -> Reply {
        self.service.note(None, error.reason());
        let ended = discard(request.into_body(), self.service.limits()).await;
        let reply = reply(kind, failure(None, error));
        if ended { reply } else { close(reply) }
    }
}

/// What is written to a client whose request line and headers don't arrive: a whole reply.
pub(crate) fn too_slow() -> String {
    let body = String::from_utf8(error_text(Reason::LimitSlow)).unwrap_or_default();
    format!(
        "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-type: {}\r\n\
         content-length: {}\r\n\r\n{body}",
        Kind::JSON,
        body.len()
    )
}

fn error_text(reason: Reason) -> Vec<u8> {
    failure(None, &ErrorObject::for_client(reason))
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
    fn reply(self) -> Reply {
        match self {
            Self::Verb => {
                let text = "Only POST is answered here\n";
                let mut reply = plain(StatusCode::METHOD_NOT_ALLOWED, text);
                let headers = reply.headers_mut();
                headers.insert(ALLOW, HeaderValue::from_static("POST"));
                reply
            }
            Self::ContentType => {
                let text = "The content type must be application/json\n";
                plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
            }
        }
    }
}

/// Checks verb and content type.
fn kind_of(request: &Request<Incoming>) -> Result<Kind, Unfit> {
    if request.method() != Method::POST {
        return Err(Unfit::Verb);
    }
    Kind::of(request.headers()).ok_or(Unfit::ContentType)
}

fn reply(kind: Kind, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    let content_type = HeaderValue::from_static(kind.text());
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}

fn plain(status: StatusCode, text: &'static str) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *reply.status_mut() = status;
    if !text.is_empty() {
        let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
        reply.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    reply
}

/// The same as the last word on its connection.
fn close(mut reply: Reply) -> Reply {
    let headers = reply.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    reply
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
