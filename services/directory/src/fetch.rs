//! Small requests to other servers (witnesses, a directory that is audited), with bounds on size and time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The address is none of a server.
    #[error("{url:?} is not an address; write it as in http://localhost:8080")]
    Address {
        /// As it was given.
        url: String,
    },
    /// This system's authorities can't be read.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// Nobody answers, or not in HTTP.
    #[error("{url}: {fault}")]
    Transport {
        /// What was asked for.
        url: String,
        /// What is wrong.
        fault: String,
    },
    /// The answer did not come in time.
    #[error("{url}: no answer within {limit:?}")]
    Slow {
        /// What was asked for.
        url: String,
        /// The time that there was.
        limit: Duration,
    },
    /// The answer is longer than any that is right.
    #[error("{url}: the answer has more than {limit} bytes")]
    Large {
        /// What was asked for.
        url: String,
        /// Most bytes.
        limit: usize,
    },
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// Connections to other servers, which are kept for the next request.
#[derive(Clone)]
pub struct Fetch {
    pool: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    time: Duration,
    bytes: usize,
}

impl Fetch {
    /// Requests that take at most `time` each, to the last byte of an answer of at most `bytes`.
    ///
    /// # Errors
    ///
    /// [`FetchError::Tls`].
    pub fn new(time: Duration, bytes: usize) -> Result<Self, FetchError> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(time));
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls()?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let pool = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            // Shorter than servers keep an idle connection.
            .pool_idle_timeout(Duration::from_secs(4))
            .build(connector);
        Ok(Self { pool, time, bytes })
    }

    /// Gets what stands at an address.
    ///
    /// # Errors
    ///
    /// [`FetchError`]; a status that says no is an answer.
    pub async fn get(&self, url: &str) -> Result<Answer, FetchError> {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = address(url)?;
        self.call(url, request).await
    }

    /// Posts a body, with a bearer token where there is one.
    ///
    /// # Errors
    ///
    /// [`FetchError`]; a status that says no is an answer.
    pub async fn post(
        &self,
        url: &str,
        content: &'static str,
        token: Option<&str>,
        body: impl Into<Bytes>,
    ) -> Result<Answer, FetchError> {
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = address(url)?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
        if let Some(token) = token
            && let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {token}"))
        {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        self.call(url, request).await
    }

    async fn call(&self, url: &str, request: Request<Full<Bytes>>) -> Result<Answer, FetchError> {
        let slow = || FetchError::Slow {
            url: url.to_owned(),
            limit: self.time,
        };
        let exchange = tokio::time::timeout(self.time, self.exchange(url, request));
        exchange.await.map_err(|_| slow())?
    }

    async fn exchange(
        &self,
        url: &str,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, FetchError> {
        let failed = |fault: String| FetchError::Transport {
            url: url.to_owned(),
            fault,
        };
        let reply = self.pool.request(request).await;
        let reply = reply.map_err(|fault| failed(causes(&fault)))?;
        let status = reply.status().as_u16();
        let body = Limited::new(reply.into_body(), self.bytes).collect().await;
        let body = body.map_err(|fault| match fault.is::<LengthLimitError>() {
            true => FetchError::Large {
                url: url.to_owned(),
                limit: self.bytes,
            },
            false => failed(causes(&*fault)),
        })?;
        Ok(Answer {
            status,
            body: body.to_bytes(),
        })
    }
}

impl std::fmt::Debug for Fetch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetch").field("time", &self.time).finish()
    }
}

/// An address with a scheme and a host.
fn address(url: &str) -> Result<Uri, FetchError> {
    let parsed = url.parse::<Uri>().ok().filter(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    });
    parsed.ok_or_else(|| FetchError::Address {
        url: url.to_owned(),
    })
}

/// Authorities are this system's; without any, servers over plain HTTP can still be asked.
fn tls() -> Result<ClientConfig, FetchError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|fault| FetchError::Tls(fault.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// An error and what it comes from: the first alone seldom says what is wrong.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["http://localhost:8080/v1", "https://kt.example"] {
            address(good).unwrap();
        }
        for bad in ["", "localhost", "ftp://x", "http://", "/v1", "http:///x"] {
            address(bad).unwrap_err();
        }
    }

    #[tokio::test]
    async fn nobody_there_and_nobody_who_speaks() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let fetch = Fetch::new(Duration::from_millis(50), 10).unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let error = fetch.get(&url).await.unwrap_err();
        assert!(matches!(error, FetchError::Slow { .. }), "{error}");
        drop(silent);
        let error = fetch.get(&url).await.unwrap_err();
        assert!(error.to_string().contains("refused"), "{error}");
    }
}
