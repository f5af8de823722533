//! The client of a key-transparency directory, and what a requester asks of it.
//!
//! A directory is not trusted: what it answers is believed once [`transparency`] has verified it.
//! [`Directory`] only carries questions and answers.

mod decimal;
mod error;
mod link;
mod lookup;
mod memory;
mod refusal;

use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;
use hyper::header::HeaderValue;
use protocol::token::Token;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use transparency::messages::{
    Committed, EntryUpdate, GetEntryResponse, History, SignedKv, SignedMapHead,
};
use transparency::trust::Trust;

use crate::Options;
use crate::http::{Http, Reply};

pub use error::Error;
pub use link::link;
pub(crate) use lookup::Shown;
pub use lookup::{Lookup, PATIENCE, Published, ask};
pub use refusal::{Differing, Refusal};

/// The way to a directory: HTTP/1.1, with bounds on size and time. Clones share their connections.
///
/// Nothing that it gives is verified.
#[derive(Clone)]
pub struct Directory {
    http: Arc<Http>,
    authorization: Option<HeaderValue>,
}

/// Mutations of an epoch, in their order: what an auditor replays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mutations {
    /// The epoch.
    #[serde(default, with = "decimal")]
    pub epoch: u64,
    /// Those of this page.
    #[serde(default)]
    pub mutations: Vec<Mutation>,
    /// Where the next page starts; 0: this is the last.
    #[serde(default, with = "decimal")]
    pub next_start: u64,
    /// The head that the epoch ended with.
    #[serde(default)]
    pub smh: Option<SignedMapHead>,
    /// The promise that the head is in the log, in base64.
    #[serde(default)]
    pub smh_sct: String,
}

/// One of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mutation {
    /// The signed change.
    #[serde(flatten)]
    pub update: SignedKv,
    /// What opens the entry's commitment, of entries that are public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<Committed>,
}

/// Which part of a history is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first epoch.
    pub start: u64,
    /// Most values; 0: as many as the directory gives at once.
    pub page_size: u32,
    /// Only epochs in which the entry changed.
    pub changes_only: bool,
}

impl Directory {
    /// A client of the directory at `uri`, as in `http://127.0.0.1:8080`, with default [`Options`].
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
    /// As for [`connect`](Self::connect); [`Error::Tls`].
    pub fn connect_with(uri: &str, options: Options) -> Result<Self, Error> {
        Ok(Self {
            http: Arc::new(Http::new(uri, options).map_err(Error::of_http)?),
            authorization: None,
        })
    }

    /// The same with a token, which writing takes.
    #[must_use]
    pub fn with_token(self, token: &Token) -> Self {
        let header = HeaderValue::try_from(format!("Bearer {}", token.expose()));
        let authorization = header.ok().map(|mut header| {
            header.set_sensitive(true);
            header
        });
        Self {
            authorization,
            ..self
        }
    }

    /// Its address, as it was given.
    #[must_use]
    pub fn uri(&self) -> &str {
        self.http.uri()
    }

    /// What it says of a user, present or absent: `GET /v1/users/{user}`.
    ///
    /// # Errors
    ///
    /// It can't be reached, refuses, or answers something else.
    pub async fn get(&self, user: &str) -> Result<GetEntryResponse, Error> {
        self.fetch(&format!("/v1/users/{}", segment(user))).await
    }

    /// Asks it to replace the entry of a user: `PUT /v1/users/{user}`. What it answers is the entry as
    /// it still is; the update is in force when a [`get`](Self::get) shows it.
    ///
    /// # Errors
    ///
    /// It can't be reached, refuses, or answers something else.
    pub async fn put(&self, user: &str, update: &EntryUpdate) -> Result<GetEntryResponse, Error> {
        // Made of strings and numbers: writing it can't fail.
        let body = serde_json::to_vec(update).unwrap_or_default();
        let path = format!("/v1/users/{}", segment(user));
        let reply = self.send(Method::PUT, &path, body.into()).await?;
        read(&reply, "an entry")
    }

    /// What it said of a user in epochs: `GET /v1/users/{user}/history`, a page of it.
    ///
    /// # Errors
    ///
    /// It can't be reached, refuses, or answers something else.
    pub async fn history(&self, user: &str, span: Span) -> Result<History, Error> {
        let mut path = format!("/v1/users/{}/history?start={}", segment(user), span.start);
        if span.page_size > 0 {
            path += &format!("&page_size={}", span.page_size);
        }
        if span.changes_only {
            path += "&changes_only=1";
        }
        self.fetch(&path).await
    }

    /// The names and keys that it claims to have: `GET /v1/config`. To be pinned by whoever trusts the
    /// way to it, once.
    ///
    /// # Errors
    ///
    /// It can't be reached, refuses, or answers something else.
    pub async fn config(&self) -> Result<Trust, Error> {
        self.fetch("/v1/config").await
    }

    /// A page of the mutations of an epoch, from the one with number `start`: `GET /v1/mutations`.
    ///
    /// # Errors
    ///
    /// It can't be reached, refuses, or answers something else.
    pub async fn mutations(
        &self,
        epoch: u64,
        start: u64,
        page_size: u32,
    ) -> Result<Mutations, Error> {
        let mut path = format!("/v1/mutations?epoch={epoch}&start={start}");
        if page_size > 0 {
            path += &format!("&page_size={page_size}");
        }
        self.fetch(&path).await
    }

    /// The checkpoint of its log, a signed note: `GET /v1/log/checkpoint`.
    ///
    /// # Errors
    ///
    /// It can't be reached, refuses, or answers something else.
    pub async fn checkpoint(&self) -> Result<String, Error> {
        let reply = self.bytes("/v1/log/checkpoint").await?;
        String::from_utf8(reply.to_vec()).map_err(|_| Error::Form {
            expected: "a checkpoint",
            fault: "it is no text".to_owned(),
        })
    }

    /// What stands at another path, as it is; `path` begins with a slash.
    ///
    /// # Errors
    ///
    /// It can't be reached, or refuses.
    pub async fn bytes(&self, path: &str) -> Result<Bytes, Error> {
        Ok(self.send(Method::GET, path, Bytes::new()).await?.body)
    }

    /// Posts JSON to another path.
    ///
    /// # Errors
    ///
    /// It can't be reached, or refuses.
    pub async fn post(&self, path: &str, body: &impl Serialize) -> Result<Bytes, Error> {
        let body = serde_json::to_vec(body).unwrap_or_default();
        Ok(self.send(Method::POST, path, body.into()).await?.body)
    }

    async fn fetch<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let reply = self.send(Method::GET, path, Bytes::new()).await?;
        read(&reply, "what a directory answers")
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Reply, Error> {
        let authorization = self.authorization.clone().filter(|_| method != Method::GET);
        let reply = self.http.ask(method, path, authorization, body).await;
        let reply = reply.map_err(Error::of_http)?;
        if reply.is_success() {
            Ok(reply)
        } else {
            Err(Error::refused(reply.status, &reply.body))
        }
    }
}

fn read<T: DeserializeOwned>(reply: &Reply, expected: &'static str) -> Result<T, Error> {
    serde_json::from_slice(&reply.body).map_err(|fault| Error::Form {
        expected,
        fault: fault.to_string(),
    })
}

/// A user's id as one segment of a path (RFC 3986).
fn segment(user: &str) -> String {
    let mut segment = String::with_capacity(user.len());
    for byte in user.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => {
                segment.push(char::from(byte));
            }
            _ => segment += &format!("%{byte:02X}"),
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_one_segment() {
        for (user, path) in [
            ("alice@example.com", "alice@example.com"),
            ("a/b?c#d", "a%2Fb%3Fc%23d"),
            ("ü%", "%C3%BC%25"),
            ("", ""),
        ] {
            assert_eq!(segment(user), path);
        }
    }
}
