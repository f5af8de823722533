use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use entrance::{Allowance, Connections, Rate, TlsFiles};
use monitor::Monitor;
use protocol::methods::submit::{MAX_ITEMS, MAX_OWN_KEYS};
use protocol::token::Token;

use crate::metrics::Metrics;

/// What a [`Listener`](crate::Listener) needs to know.
#[derive(Clone, Debug)]
pub struct ListenerConfig {
    /// Where to listen; port 0 takes any free one.
    pub address: SocketAddr,
    /// The certificate to show; without it the listener speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Whether submitting waits for the result.
    pub mode: Mode,
    /// How long `WorkOrderGetResult` holds a pending order before it says so.
    pub result_wait: Duration,
    /// What operators must show; without it their methods are refused to everybody.
    pub operator_token: Option<Token>,
    /// Bounds on what clients may send.
    pub limits: Limits,
    /// How long receipts are kept.
    pub receipt_retention: Duration,
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
    /// The longest wait with which Avalon's SDK gets an answer before it gives up.
    pub const LONGEST: Duration = Duration::from_secs(9);

    /// Synchronous, with an answer before Avalon's SDK gives up.
    pub const SYNC: Self = Self::Sync {
        longest: Self::LONGEST,
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
    /// Memory that bodies in arrival and in progress and answers on their way may take together, in
    /// bytes. The first 64 KiB of each don't count. A body that gets none in its time, or an answer
    /// for which there is none, is replaced by the answer `limit.rate`. A quarter is kept for
    /// answers, unless a body could then be too long.
    pub memory: usize,
    /// How much of it what comes from one address, or one /64 network of IPv6, may take, in percent;
    /// but always as much as a [`body`](Self::body).
    pub memory_share_of_address: u8,
    /// The same for each address of this machine: a proxy before the listener is one client.
    pub memory_share_of_loopback: u8,
    /// Deepest nesting of a body.
    pub depth: usize,
    /// Most items of an order in each direction; never more than
    /// [`MAX_ITEMS`](protocol::methods::submit::MAX_ITEMS).
    pub items: usize,
    /// Most of them that may have a key of their own; never more than
    /// [`MAX_OWN_KEYS`](protocol::methods::submit::MAX_OWN_KEYS).
    pub own_keys: usize,
    /// How long a body may take to arrive.
    pub body_time: Duration,
    /// Longest request line and headers together, in bytes.
    pub headers: usize,
    /// Most headers.
    pub header_count: usize,
    /// How long a connection's first request line and headers may take to arrive, and those of
    /// later requests from their first byte on.
    pub header_time: Duration,
    /// How long a connection may be idle between two requests.
    pub idle_time: Duration,
    /// How long an answer may take to be read by the client.
    pub write_time: Duration,
    /// How long a TLS handshake may take.
    pub handshake_time: Duration,
    /// Most connections at once; further ones are answered with `limit.rate` and closed.
    pub connections: usize,
    /// Most connections of one address, or of one /64 network of IPv6; further ones are answered
    /// likewise.
    pub connections_of_address: usize,
    /// The same for each address of this machine: a proxy before the listener is one client.
    pub connections_of_loopback: usize,
    /// How often one requester may submit. Nobody proves a requester id, so whoever invents one for
    /// each order escapes this: [`address_rate`](Self::address_rate) is what holds them.
    pub requester_rate: Allowance,
    /// How often requests may come from one address, or one /64 network of IPv6.
    pub address_rate: Allowance,
    /// The same for each address of this machine.
    pub loopback_rate: Allowance,
}

impl Limits {
    /// Those on connections.
    pub(crate) fn at_the_door(&self) -> Connections {
        Connections {
            headers: self.headers,
            header_count: self.header_count,
            header_time: self.header_time,
            idle_time: self.idle_time,
            write_time: self.write_time,
            handshake_time: self.handshake_time,
            together: self.connections,
            of_address: self.connections_of_address,
            of_loopback: self.connections_of_loopback,
        }
    }
}

impl Default for ListenerConfig {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 1947)),
            tls: None,
            mode: Mode::Async,
            result_wait: Duration::from_secs(1),
            operator_token: None,
            limits: Limits::default(),
            receipt_retention: receipts::RETENTION,
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
            memory_share_of_address: 50,
            memory_share_of_loopback: 100,
            depth: protocol::envelope::Limits::default().depth,
            items: MAX_ITEMS,
            own_keys: MAX_OWN_KEYS,
            body_time: Duration::from_secs(30),
            headers: 16 << 10,
            header_count: 64,
            header_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            handshake_time: Duration::from_secs(10),
            connections: 1024,
            connections_of_address: 256,
            connections_of_loopback: 1024,
            requester_rate: allowance(1000, 5000),
            address_rate: allowance(2000, 10_000),
            loopback_rate: Allowance {
                rate: None,
                ..allowance(2000, 10_000)
            },
        }
    }
}

const fn allowance(times: u32, burst: u32) -> Allowance {
    Allowance {
        rate: Some(Rate::per_second(at_least_one(times))),
        burst: at_least_one(burst),
    }
}

const fn at_least_one(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}
