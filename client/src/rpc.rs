//! The client: JSON-RPC calls to one listener.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use protocol::envelope::{ErrorObject, Reply};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::http::{Http, Options};
use crate::{Error, RpcError};

/// A requester's connection to one listener. Clones share it.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: Http,
    last_id: AtomicU32,
}

impl Client {
    /// A client of the listener at `uri`, as in `http://localhost:1947`, with default [`Options`].
    /// Nothing is sent before the first call.
    ///
    /// # Errors
    ///
    /// [`Error::Uri`] unless it's an address of HTTP.
    pub fn connect(uri: &str) -> Result<Self, Error> {
        Self::connect_with(uri, Options::default())
    }

    /// The same with bounds of your own.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Self::connect).
    pub fn connect_with(uri: &str, options: Options) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner {
            http: Http::new(uri, options)?,
            last_id: AtomicU32::new(0),
        })))
    }

    /// The listener's address, as it was given.
    pub fn uri(&self) -> &str {
        self.0.http.uri()
    }

    /// Calls any method: `params` as JSON, `result` read as `R`.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`] for an error that the server answered with, even one that means success on
    /// this wire (code 5 of a submit); whatever keeps a reply from arriving otherwise.
    pub async fn call<R: DeserializeOwned>(
        &self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<R, Error> {
        let expected = "what this method answers";
        let params =
            serde_json::value::to_raw_value(params).map_err(|_| Error::Reply { expected })?;
        match self.exchange(method, &params, Duration::ZERO).await? {
            Ok(result) => serde_json::from_str(result.get()).map_err(|_| Error::Reply { expected }),
            Err(error) => Err(Box::new(RpcError::new(error)).into()),
        }
    }

    /// The listener's metrics as text, in the format of OpenMetrics 1.0. They are shown to clients
    /// on its machine, unless it's told otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] with 405 if they aren't shown to this client; whatever keeps a reply from
    /// arriving otherwise.
    pub async fn metrics(&self) -> Result<String, Error> {
        let text = self.0.http.get("/metrics").await?;
        String::from_utf8(text.into()).map_err(|_| Error::Reply {
            expected: "text in UTF-8",
        })
    }

    pub(crate) fn options(&self) -> &Options {
        self.0.http.options()
    }

    /// One request and its reply; `more` is added to the time that a call may take.
    pub(crate) async fn exchange(
        &self,
        method: &str,
        params: &RawValue,
        more: Duration,
    ) -> Result<Result<Box<RawValue>, ErrorObject>, Error> {
        let body = self.request(method, params);
        let reply = self.0.http.post(body, more).await?;
        // The reply's id isn't looked at: HTTP says which request it answers, and Avalon's early
        // errors have none (wire facts 2.2).
        match serde_json::from_slice(&reply) {
            Ok(Reply {
                error: Some(error), ..
            }) => Ok(Err(error)),
            Ok(Reply {
                result: Some(result),
                ..
            }) => Ok(Ok(result)),
            _ => Err(Error::Reply {
                expected: "a JSON-RPC reply",
            }),
        }
    }

    fn request(&self, method: &str, params: &RawValue) -> Bytes {
        #[derive(Serialize)]
        struct Request<'a> {
            jsonrpc: &'static str,
            method: &'a str,
            id: u32,
            params: &'a RawValue,
        }
        let request = Request {
            jsonrpc: "2.0",
            method,
            id: self
                .0
                .last_id
                .fetch_add(1, Ordering::Relaxed)
                .wrapping_add(1),
            params,
        };
        // Made of strings, a number and JSON: writing it can't fail.
        serde_json::to_vec(&request).unwrap_or_default().into()
    }
}
