//! One JSON text each way over HTTP/1.1, with bounds on size and time.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::{Error, Trust};

/// Bounds on one call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Longest time to make a connection: 5 s.
    pub connect: Duration,
    /// Longest time from a request to the end of its reply: 30 s. A submit that asks the listener to
    /// wait for the answer may take that long in addition.
    pub call: Duration,
    /// Longest reply: 16 MiB.
    pub max_reply: usize,
    /// How long [`Client::wait`](crate::Client::wait) goes on asking a listener that can't be
    /// reached or is busy: 5 s.
    pub patience: Duration,
    /// Who vouches for a listener at an `https` address: this system's authorities.
    pub trust: Trust,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            call: Duration::from_secs(30),
            max_reply: 16 * 1024 * 1024,
            patience: Duration::from_secs(5),
            trust: Trust::System,
        }
    }
}

/// A listener's address and the connections to it.
pub(crate) struct Http {
    pool: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
    uri: Uri,
    text: String,
    options: Options,
}

impl Http {
    pub(crate) fn new(uri: &str, options: Options) -> Result<Self, Error> {
        let parsed = check(uri).map_err(|fault| Error::Uri {
            uri: uri.to_owned(),
            fault,
        })?;
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(options.connect));
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let tls = match parsed.scheme_str() {
            Some("https") => options.trust.config()?,
            _ => Trust::nobody()?,
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            // Shorter than servers keep an idle connection, so that a request seldom meets one that
            // is about to be closed.
            .pool_idle_timeout(Duration::from_secs(4))
            .build(connector);
        Ok(Self {
            pool,
            uri: parsed,
            text: uri.to_owned(),
            options,
        })
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// The address as it was given.
    pub(crate) fn uri(&self) -> &str {
        &self.text
    }

    /// Posts `body` and returns the reply's body; `more` is added to the time that a call may take.
    pub(crate) async fn post(&self, body: Bytes, more: Duration) -> Result<Bytes, Error> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        // Exactly this: Avalon's listener refuses it with a charset (wire facts 2.1).
        request
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.call(request, more).await
    }

    /// Gets what stands at another path of the listener.
    pub(crate) async fn get(&self, path: &'static str) -> Result<Bytes, Error> {
        let mut parts = self.uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static(path));
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = Uri::from_parts(parts).map_err(|_| Error::Uri {
            uri: self.text.clone(),
            fault: EXAMPLE,
        })?;
        self.call(request, Duration::ZERO).await
    }

    /// Asks for `path`, which begins with a slash and may have a query, whatever path the address has; a
    /// body is JSON. What answers may have any status.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        authorization: Option<HeaderValue>,
        body: Bytes,
    ) -> Result<Reply, Error> {
        let unusable = |_| Error::Uri {
            uri: self.text.clone(),
            fault: EXAMPLE,
        };
        let mut parts = self.uri.clone().into_parts();
        parts.path_and_query = Some(path.parse().map_err(unusable)?);
        let uri = Uri::from_parts(parts).map_err(|_| Error::Uri {
            uri: self.text.clone(),
            fault: EXAMPLE,
        })?;
        let has_body = !body.is_empty();
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        if has_body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization);
        }
        self.exchange(request, self.options.call).await
    }

    /// `more` is added to the time that a call may take.
    async fn call(&self, request: Request<Full<Bytes>>, more: Duration) -> Result<Bytes, Error> {
        let after = self.options.call.saturating_add(more);
        let reply = self.exchange(request, after).await?;
        if !reply.is_success() {
            return Err(Error::Status(reply.status));
        }
        Ok(reply.body)
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        after: Duration,
    ) -> Result<Reply, Error> {
        tokio::time::timeout(after, self.exchange_now(request))
            .await
            .map_err(|_| Error::CallTimedOut { after })?
    }

    async fn exchange_now(&self, request: Request<Full<Bytes>>) -> Result<Reply, Error> {
        let reply = self
            .pool
            .request(request)
            .await
            .map_err(|fault| Error::transport(&self.text, fault))?;
        let status = reply.status().as_u16();
        let limit = self.options.max_reply;
        match Limited::new(reply.into_body(), limit).collect().await {
            Ok(body) => Ok(Reply {
                status,
                body: body.to_bytes(),
            }),
            Err(fault) if fault.is::<LengthLimitError>() => Err(Error::TooLarge { limit }),
            Err(fault) => Err(match fault.downcast::<hyper::Error>() {
                Ok(fault) => Error::transport(&self.text, *fault),
                Err(fault) => Error::Transport {
                    uri: self.text.clone(),
                    fault: fault.to_string(),
                    source: fault,
                },
            }),
        }
    }
}

/// What answered.
pub(crate) struct Reply {
    /// The status of HTTP.
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Reply {
    /// Whether the status says so.
    pub(crate) const fn is_success(&self) -> bool {
        200 <= self.status && self.status < 300
    }
}

const EXAMPLE: &str = "write it as in http://localhost:1947";

fn check(text: &str) -> Result<Uri, &'static str> {
    let uri: Uri = text.parse().map_err(|_| EXAMPLE)?;
    match uri.scheme_str() {
        Some("http" | "https") if uri.host().is_some_and(|host| !host.is_empty()) => Ok(uri),
        _ => Err(EXAMPLE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in [
            "http://localhost:1947",
            "http://127.0.0.1",
            "http://[::1]:1947/any/path?x=1",
            "https://sconce.example:1947",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "localhost:1947",
            "localhost",
            "ftp://x",
            "http://",
            "http:///x",
            "https://",
            "/x",
        ] {
            assert!(
                check(bad).unwrap_err().contains("http://localhost:1947"),
                "{bad}"
            );
        }
    }
}
