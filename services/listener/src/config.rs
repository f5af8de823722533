use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use monitor::Monitor;
use protocol::token::Token;

use crate::metrics::Metrics;

/// What a [`Listener`](crate::Listener) needs to know.
#[derive(Clone, Debug)]
pub struct ListenerConfig {
    /// Where to listen; port 0 takes any free one.
    pub address: SocketAddr,
    /// Whether submitting waits for the result.
    pub mode: Mode,
    /// How long `WorkOrderGetResult` holds a pending order before it says so.
    pub result_wait: Duration,
    /// What operators must show; without it their methods are refused to everybody.
    pub operator_token: Option<Token>,
    /// Bounds on what clients may send.
    pub limits: Limits,
    /// How long a shutdown waits for requests in progress.
    pub drain: Duration,
    /// Whether and where metrics are shown.
    pub metrics: Metrics,
    /// Counts what happens, and knows whether the platform is ready.
    pub monitor: Monitor,
}

/// How `WorkOrderSubmit` answers (wire facts 3.2 and 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// At once, with code 5; the result is fetched with `WorkOrderGetResult`.
    Async,
    /// With the result, if it's there in time; else as [`Mode::Async`].
    Sync {
        /// The longest wait, whatever the client asks for. Avalon's SDK gives up after 10 s.
        longest: Duration,
    },
}

impl Mode {
    /// Synchronous, with an answer before Avalon's SDK gives up.
    pub const SYNC: Self = Self::Sync {
        longest: Duration::from_secs(9),
    };
}

/// Bounds on what clients may send.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest body, in bytes.
    pub body: usize,
    /// How much of a body that is too long is read and thrown away, in bytes, so that a client
    /// that writes before it reads gets to see the answer.
    pub overlong: usize,
    /// Memory that bodies in arrival and in progress may take together, in bytes. The first 64 KiB
    /// of each body don't count. A body that gets none in its time is answered with `limit.rate`.
    pub memory: usize,
    /// Deepest nesting of a body.
    pub depth: usize,
    /// How long a body may take to arrive.
    pub body_time: Duration,
    /// Longest request line and headers together, in bytes.
    pub headers: usize,
    /// Most headers.
    pub header_count: usize,
    /// How long headers may take to arrive; also how long a connection may be idle.
    pub header_time: Duration,
    /// How long a client may leave what it's sent unread.
    pub write_time: Duration,
    /// Most connections at once; further ones are answered with `limit.rate` and closed.
    pub connections: usize,
    /// Most connections of one address, or of one /64 network of IPv6; further ones are answered
    /// likewise.
    pub connections_of_address: usize,
    /// The same for each address of this machine: a proxy before the listener is one client.
    pub connections_of_loopback: usize,
}

impl Default for ListenerConfig {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 1947)),
            mode: Mode::Async,
            result_wait: Duration::from_secs(1),
            operator_token: None,
            limits: Limits::default(),
            drain: Duration::from_secs(10),
            metrics: Metrics::default(),
            monitor: Monitor::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 8 << 20,
            overlong: 32 << 20,
            memory: 256 << 20,
            depth: protocol::envelope::Limits::default().depth,
            body_time: Duration::from_secs(30),
            headers: 16 << 10,
            header_count: 64,
            header_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            connections: 1024,
            connections_of_address: 256,
            connections_of_loopback: 1024,
        }
    }
}
