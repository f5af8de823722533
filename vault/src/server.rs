//! TLS and HTTP, one loop for all connections.
//!
//! ```text
//! connections ─▶ loop: TLS, heads, limits ─▶ queue ─▶ threads: Handler ─▶ loop ─▶ connections
//! ```
//!
//! One thread holds every connection, and never waits for a single one: each has a deadline for what
//! it does now, and when there are too many, the one that has kept the loop waiting longest is closed, or
//! new ones wait. What clients ask is answered by other threads, which may wait for a disk; a connection has one request at
//! them at a time.
//!
//! There are two doors. Behind [`Door::Attested`] stands TLS 1.3, whose key the program has quoted, and
//! clients may show a certificate: any, since only its key counts. Behind [`Door::Plain`] stands HTTP for pools
//! of Avalon's kind, which protect what they send themselves.

mod connection;
mod http;
mod pool;
mod run;
mod tls;

use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

pub use http::{Fault, Head, Method, Progress, read_head};
pub use run::Server;
pub use tls::{Certified, TlsError};

/// What answers requests. It is called by several threads at once, and may wait.
pub trait Handler: Send + Sync + 'static {
    /// The answer to one request. A panic is answered with status 500, and nothing else ends.
    fn handle(&self, request: Request) -> Reply;
}

/// One request, whole.
#[derive(Debug)]
pub struct Request {
    /// The door that it came by.
    pub door: Door,
    /// What is to be done.
    pub method: Method,
    /// The path, which begins with `/` and has no escapes.
    pub path: String,
    /// What stands behind `?`, without it.
    pub query: Option<String>,
    /// The body, at most [`Limits::body`] bytes.
    pub body: Zeroizing<Vec<u8>>,
    /// SHA-256 of the public key (SPKI DER) of the client's certificate, if it showed one. TLS has proved
    /// that the client has the private key; who that is, the certificate itself can't say.
    pub client: Option<[u8; 32]>,
}

/// Which listening socket a request came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// TLS 1.3, with the quoted key.
    Attested,
    /// HTTP without TLS.
    Plain,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status of HTTP.
    pub status: u16,
    /// What the body is.
    pub content: Content,
    /// The body.
    pub body: Zeroizing<Vec<u8>>,
}

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Content {
    /// JSON.
    Json,
    /// JSON, a value a line.
    JsonLines,
    /// A session.
    Yaml,
}

impl Content {
    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::JsonLines => "application/x-ndjson",
            Self::Yaml => "application/yaml",
        }
    }
}

/// What a server can be asked to bear.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a request's head.
    pub head: usize,
    /// Bytes of a request's body.
    pub body: usize,
    /// Bytes of bodies that are being received or answered, of all connections together.
    pub bodies: usize,
    /// Connections of both doors together.
    pub connections: usize,
    /// For how long a connection may wait for its client before another may take its place, if there are
    /// too many.
    pub turn: Duration,
    /// Threads that answer.
    pub threads: NonZeroUsize,
    /// From accepting a connection to the end of the TLS handshake.
    pub handshake: Duration,
    /// Between an answer and the next request's first byte.
    pub idle: Duration,
    /// From the first byte of a head to its last.
    pub reading_head: Duration,
    /// From the end of a head to the end of its body.
    pub reading_body: Duration,
    /// From the first byte of an answer to its last.
    pub writing: Duration,
    /// From the last byte of the last answer to the end, if the client does not close.
    pub ending: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 8 * 1024,
            body: 1024 * 1024,
            bodies: 24 * 1024 * 1024,
            connections: 512,
            turn: Duration::from_millis(500),
            threads: const { NonZeroUsize::new(24).unwrap() },
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            reading_head: Duration::from_secs(10),
            reading_body: Duration::from_secs(30),
            writing: Duration::from_secs(30),
            ending: Duration::from_secs(1),
        }
    }
}

/// The listening sockets.
#[derive(Debug)]
pub struct Doors {
    /// The one of [`Door::Attested`], and what stands behind it.
    pub attested: (TcpListener, Arc<Certified>),
    /// The one of [`Door::Plain`], if there is one.
    pub plain: Option<TcpListener>,
}
