//! Bounds on what comes through the door.

use std::num::NonZeroU32;
use std::time::Duration;

/// Bounds on connections.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
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
    /// Most connections at once.
    pub together: usize,
    /// Most connections of one address, or of one /64 network of IPv6.
    pub of_address: usize,
    /// The same for each address of this machine: a proxy before the server is one client.
    pub of_loopback: usize,
}

/// How often something may happen: now and then in a burst, on average no more than its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The average; without it there is no bound.
    pub rate: Option<Rate>,
    /// How many may come at once.
    pub burst: NonZeroU32,
}

/// So many times in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub times: NonZeroU32,
    /// In how much time.
    pub per: Duration,
}

impl Rate {
    /// So many times a second.
    pub const fn per_second(times: NonZeroU32) -> Self {
        Self {
            times,
            per: Duration::from_secs(1),
        }
    }
}

impl Allowance {
    /// So many times a second, and so many at once.
    pub const fn per_second(times: NonZeroU32, burst: NonZeroU32) -> Self {
        Self {
            rate: Some(Rate::per_second(times)),
            burst,
        }
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            headers: 16 << 10,
            header_count: 64,
            header_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            handshake_time: Duration::from_secs(10),
            together: 1024,
            of_address: 256,
            of_loopback: 1024,
        }
    }
}
