use std::path::PathBuf;
use std::time::Duration;

use monitor::Monitor;
use protocol::membership::{LOCAL, is_worker_name};
use protocol::token::Token;

use crate::{Error, Signups};

/// What a [`Manager`](crate::Manager) needs to know.
#[derive(Clone, Debug)]
pub struct ManagerConfig {
    /// ZeroMQ endpoint where hosts reach it; port 0 takes any free one.
    pub bind: String,
    /// A Unix socket beside that, for hosts on the same machine: orders cost less on it. It's made
    /// anew, for its owner alone, and belongs in a folder that nobody else can write to.
    pub local: Option<PathBuf>,
    /// What hosts must show.
    pub token: Token,
    /// Workers that know nothing of joining, such as Avalon's own.
    pub workers: Vec<StaticWorker>,
    /// Most worker processes at once.
    pub max_processes: usize,
    /// How often an order is handed out, at most, before it ends with `worker.lost`: whatever went
    /// wrong, but for attempts that never began.
    pub max_attempts: u32,
    /// How many processes an order may lose that it had to itself before it ends with
    /// `worker.lost`. The first that it loses it had together with others, whose fault it may have
    /// been: that one isn't counted here.
    pub max_lost_alone: u32,
    /// How long an order may wait for a worker before it ends with `order.expired`.
    pub time_to_live: Duration,
    /// How long results are kept.
    pub retention: Duration,
    /// How long the replay marks of orders for an encryption key are kept after the worker has
    /// replaced that key. Those for the present key are never dropped.
    pub mark_overlap: Duration,
    /// How long other things may take.
    pub timing: Timing,
    /// Counts what happens; it is told which workers there are.
    pub monitor: Monitor,
    /// Has what worker processes show when they join.
    pub signups: Signups,
}

/// A worker that binds a ZeroMQ `REP` socket and answers one request after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticWorker {
    /// Its name; the worker id is the SHA-256 of it.
    pub name: String,
    /// Its ZeroMQ endpoint, as in `tcp://127.0.0.1:7777`.
    pub endpoint: String,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long a lease of an order holds if it isn't extended: how long an order of a manager
    /// that died stays with it.
    pub lease: Duration,
    /// How long leases are extended, at most, while the host is alive and silent about the order,
    /// whatever patience it asks for: 6 h.
    pub longest_run: Duration,
    /// How long a claim waits for an order before it's made again. It only bounds how long a
    /// shutdown takes: waiting claims are woken.
    pub claim: Duration,
    /// A host that has said nothing for so long is gone.
    pub alive: Duration,
    /// How long the orders in flight of a host that left may still be answered: a host that ends
    /// lets its worker finish.
    pub leave: Duration,
    /// How long a worker may take to tell its keys.
    pub signup: Duration,
    /// How long a static worker may be silent about an order before it's given up.
    pub static_answer: Duration,
    /// How often an idle static worker is asked whether it's still there with the same keys, and
    /// how long after a failure it's tried again.
    pub static_check: Duration,
    /// How long a worker may be without any process before its record says that it's off-line,
    /// so that nobody sends it orders in vain. Longer than a process takes to be replaced.
    pub absence: Duration,
    /// How often expired and old orders are looked for.
    pub sweep: Duration,
    /// How long a call of the store may take at the very most. Replay marks that were made so
    /// shortly before a key was replaced stay, with those for the new key.
    pub store_delay: Duration,
    /// How long a shutdown waits for answers to orders in flight.
    pub drain: Duration,
}

impl StaticWorker {
    /// Whether name and endpoint are such as a manager takes.
    pub fn is_usable(&self) -> bool {
        is_worker_name(&self.name) && is_endpoint(&self.endpoint)
    }
}

impl ManagerConfig {
    /// The defaults: any loopback port, five attempts, two lost alone, an hour to live, a day
    /// of retention for results and for the replay marks of keys that are replaced.
    pub fn new(token: Token) -> Self {
        Self {
            bind: "tcp://127.0.0.1:0".to_owned(),
            local: None,
            token,
            workers: Vec::new(),
            max_processes: 1024,
            max_attempts: 5,
            max_lost_alone: 2,
            time_to_live: Duration::from_secs(3600),
            retention: Duration::from_secs(24 * 3600),
            mark_overlap: Duration::from_secs(24 * 3600),
            timing: Timing::default(),
            monitor: Monitor::new(),
            signups: Signups::default(),
        }
    }

    /// Where hosts on this machine reach it, as they are told: `unix:` and the path.
    pub(crate) fn local_endpoint(&self) -> Option<String> {
        Some(format!("{LOCAL}{}", self.local.as_ref()?.to_str()?))
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        for worker in &self.workers {
            if !is_worker_name(&worker.name) {
                return Err(Error::Name(worker.name.clone()));
            }
            if !is_endpoint(&worker.endpoint) {
                return Err(Error::Endpoint(worker.endpoint.clone()));
            }
        }
        Ok(())
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            longest_run: Duration::from_secs(6 * 3600),
            claim: Duration::from_millis(500),
            alive: Duration::from_secs(5),
            leave: Duration::from_secs(5),
            signup: Duration::from_secs(10),
            static_answer: Duration::from_secs(30),
            static_check: Duration::from_secs(5),
            absence: Duration::from_secs(30),
            sweep: Duration::from_secs(5),
            store_delay: Duration::from_secs(60),
            drain: Duration::from_secs(5),
        }
    }
}

/// Whether `text` is a ZeroMQ endpoint that a manager may connect to: `tcp://HOST:PORT`, with an
/// address or a name. Other transports would reach into this machine.
pub(crate) fn is_endpoint(text: &str) -> bool {
    let Some((host, port)) = text
        .strip_prefix("tcp://")
        .and_then(|rest| rest.rsplit_once(':'))
    else {
        return false;
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host_is_good = match bare {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_host_name(host),
    };
    host_is_good && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_host_name(host: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    (1..=253).contains(&host.len()) && host.bytes().all(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        for good in [
            "tcp://127.0.0.1:1",
            "tcp://[::1]:65535",
            "tcp://worker-1.example:7777",
        ] {
            assert!(is_endpoint(good), "{good}");
        }
        for bad in [
            "",
            "tcp://",
            "tcp://127.0.0.1",
            "tcp://127.0.0.1:0",
            "tcp://127.0.0.1:65536",
            "tcp://127.0.0.1:+1\0",
            "tcp://*:7777",
            "tcp://127.0.0.1:*",
            "tcp://eth0;127.0.0.1:1",
            "tcp://[x]:1",
            "ipc:///tmp/x",
            "inproc://x",
            "udp://127.0.0.1:1",
            "tcp://a b:1",
        ] {
            assert!(!is_endpoint(bad), "{bad:?}");
        }
    }
}
