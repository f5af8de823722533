//! What a host is told.

use std::ffi::OsString;
use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use protocol::membership::LOCAL;
use provision::ServiceName;
use provision::relay::Unattested;

use crate::Error;

/// Where a host listens that needs to and isn't told.
const ANY_PORT: &str = "tcp://127.0.0.1:0";

/// A worker's name, as in `scone-worker-1`; several processes may share one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerName(String);

impl WorkerName {
    const LONGEST: usize = 64;

    /// Checks that the text is 1 to 64 letters, digits, `-`, `_` and `.`.
    ///
    /// # Errors
    ///
    /// [`Error::WorkerName`] if it isn't.
    pub fn new(name: impl Into<String>) -> Result<Self, Error> {
        let name = name.into();
        let fits = (1..=Self::LONGEST).contains(&name.len());
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if fits && name.bytes().all(plain) {
            Ok(Self(name))
        } else {
            Err(Error::WorkerName { name })
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for WorkerName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::new(name)
    }
}

/// What a host starts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Program {
    /// A file, executed as it is. Nothing is measured, there is no platform behind it that could vouch
    /// for it, and the only thing that it's kept from is what the host has open.
    Bare(PathBuf),
    /// The program in an enclave's measured pages, executed from them alone if launch control lets it,
    /// with a simulated platform behind it. It can open no file; see `docs/launch.md`.
    Measured(Enclave),
}

impl<P: Into<PathBuf>> From<P> for Program {
    fn from(path: P) -> Self {
        Self::Bare(path.into())
    }
}

impl From<Enclave> for Program {
    fn from(enclave: Enclave) -> Self {
        Self::Measured(enclave)
    }
}

/// An enclave to launch on a simulated platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enclave {
    /// The file with its stream, as `sconify` writes it: `enclave/worker.sgxs` in an image.
    pub stream: PathBuf,
    /// The file with its SIGSTRUCT: `enclave/worker.sig`.
    pub sigstruct: PathBuf,
    /// The folder of the simulated platform, made if it isn't there.
    pub platform: PathBuf,
    /// Whether a debugger may look into it. The signature must allow it, and every REPORT says so.
    pub debug: bool,
}

/// Where a program's keys come from: what the host tells it of that, and answers when it asks.
///
/// No `Debug`: it may hold keys.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Keys {
    /// It is told nothing, and whatever it asks is refused.
    #[default]
    None,
    /// A vault, to which the host carries what the program says and hears, and can read none of the
    /// keys. The program is given `--session`.
    Vault(Provision),
    /// Nobody whom it could prove anything to. The program is given `--unattested`, and gets these
    /// keys, which the host knows; without any it makes its own, for as long as its process lasts.
    Unattested(Option<Unattested>),
}

/// From which vault a program gets its keys, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provision {
    /// The vault.
    pub vault: VaultAddress,
    /// The session that the keys are in, and the program's service there: `NAMESPACE/NAME/SERVICE`.
    pub service: ServiceName,
}

/// Where a vault is reached: a name or an address, and a port, as in `127.0.0.1:8081`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VaultAddress(String);

impl VaultAddress {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VaultAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<SocketAddr> for VaultAddress {
    fn from(address: SocketAddr) -> Self {
        Self(address.to_string())
    }
}

impl FromStr for VaultAddress {
    type Err = Error;

    fn from_str(address: &str) -> Result<Self, Error> {
        let refused = || Error::VaultAddress {
            address: address.to_owned(),
        };
        let (host, port) = address.rsplit_once(':').ok_or_else(refused)?;
        // An address of version 6 stands in brackets, or its last part would be the port.
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let is_host = match bracketed {
            true => host[1..host.len() - 1].parse::<Ipv6Addr>().is_ok(),
            false => !host.is_empty() && host.len() <= 253 && host.chars().all(plain),
        };
        match port.parse::<u16>() {
            Ok(1..) if is_host => Ok(Self(address.to_owned())),
            _ => Err(refused()),
        }
    }
}

/// A key directory, whose entry of the worker the host fetches again and again for the program to verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Where it answers, by HTTP without TLS: a name or an address, and a port, as in `127.0.0.1:8080`. The
    /// program verifies the answers; nobody on the way can forge one.
    pub address: String,
    /// Between two looks: 10 s is usual.
    pub check: Duration,
}

/// What a host is told. [`Config::new`] fills in everything but the worker and its program.
///
/// No `Debug`: it holds the manager's token.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// The worker that the program is.
    pub worker: WorkerName,
    /// The enclave program.
    pub program: Program,
    /// Its arguments. The host adds those that tell it where its keys come from, and `--report-socket 3`
    /// if it is measured.
    pub program_args: Vec<OsString>,
    /// Its whole environment; nothing of the host's own is handed on.
    pub program_env: Vec<(OsString, OsString)>,
    /// Where its keys come from.
    pub keys: Keys,
    /// ZeroMQ endpoint to listen on; whoever reaches it can ask the program, without a token.
    ///
    /// Without one it's `tcp://127.0.0.1:0` (loopback, any free port), or nothing if the manager is
    /// on this machine: its orders come on its own line.
    pub bind: Option<String>,
    /// ZeroMQ endpoint of the manager's `ROUTER`, or `unix:PATH` of its socket for hosts on the same
    /// machine, which costs less an order. Without one the host registers nowhere and waits for
    /// peers that know its endpoint, such as Avalon's own manager.
    pub manager: Option<String>,
    /// The token that the manager asks of its hosts; needed with [`manager`](Self::manager).
    pub token: Option<String>,
    /// Orders that the manager may have in flight for each thread of the program: more than one
    /// hides the way between the two, many make a lost program costlier. By default 4.
    pub pipelining: u32,
    /// The key directory whose entry of the worker is carried to the program; needs a program that gets its
    /// keys from a vault. Without one the program is shown none.
    pub directory: Option<Directory>,
    /// Bounds on what is held in memory.
    pub limits: Limits,
    /// How long things may take.
    pub timing: Timing,
}

impl Config {
    /// The defaults for this worker and program. A path is that of a [`Program::Bare`].
    #[must_use]
    pub fn new(worker: WorkerName, program: impl Into<Program>) -> Self {
        Self {
            worker,
            program: program.into(),
            program_args: Vec::new(),
            program_env: Vec::new(),
            keys: Keys::None,
            bind: None,
            manager: None,
            token: None,
            pipelining: 4,
            directory: None,
            limits: Limits::default(),
            timing: Timing::default(),
        }
    }

    /// The ZeroMQ endpoint to listen on, if any.
    pub(crate) fn front(&self) -> Option<&str> {
        let is_local = |manager: &String| manager.starts_with(LOCAL);
        match &self.bind {
            Some(endpoint) => Some(endpoint),
            None if self.manager.as_ref().is_some_and(is_local) => None,
            None => Some(ANY_PORT),
        }
    }
}

/// Bounds on what a host holds in memory.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a request or reply body: 16 MiB. A longer request is answered with `limit.size`; one
    /// that is longer by more than 1 MiB costs the peer its connection.
    pub body: usize,
    /// Frames before the body that are repeated in the reply: 8, the peer's identity among them. A
    /// message with more is dropped.
    pub envelope_frames: usize,
    /// Bytes of all those frames together: 4 KiB. A message with more is dropped.
    pub envelope_bytes: usize,
    /// Requests that the program may have at once: 1024. With that many the host stops reading, and
    /// the peers' messages wait in their own queues.
    pub in_flight: usize,
    /// Bytes waiting to be written to the program before the host stops reading: 8 MiB.
    pub outgoing: usize,
    /// Messages that ZeroMQ reads ahead for each peer: 64.
    pub read_ahead: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: link::Limits::DEFAULT.body,
            envelope_frames: 8,
            envelope_bytes: 4096,
            in_flight: 1024,
            outgoing: 8 * 1024 * 1024,
            read_ahead: 64,
        }
    }
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Timing {
    /// Between two signs of life to the manager: 1 s.
    pub heartbeat: Duration,
    /// From a program's start to its `Ready`, after which it's killed: 60 s (it may have to make keys).
    pub start: Duration,
    /// How long requests wait for a program that isn't ready before they are answered with
    /// `worker.lost`: 5 s.
    pub patience: Duration,
    /// First wait before a program that died is started again; doubles each time: 100 ms.
    pub first_restart: Duration,
    /// Longest such wait: 10 s.
    pub last_restart: Duration,
    /// Longest such wait for a program that had been ready: 500 ms.
    pub ready_restart: Duration,
    /// A program that was ready this long has earned a first wait again: 10 s.
    pub settled: Duration,
    /// How long a program that has requests may say nothing at all before it's killed, beyond the
    /// longest time limit of its workloads: 10 s. It ends overrunning orders itself; this is for one
    /// that is stuck as a whole.
    pub silence: Duration,
    /// At shutdown, how long requests in flight may still be answered: 5 s.
    pub drain: Duration,
    /// How long a program may take to exit after its socket is closed, before it's killed: 2 s.
    pub grace: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(1),
            start: Duration::from_secs(60),
            patience: Duration::from_secs(5),
            first_restart: Duration::from_millis(100),
            last_restart: Duration::from_secs(10),
            ready_restart: Duration::from_millis(500),
            settled: Duration::from_secs(10),
            silence: Duration::from_secs(10),
            drain: Duration::from_secs(5),
            grace: Duration::from_secs(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worker_names() {
        for good in ["scone-worker-1", "a", "A_b.9", &"x".repeat(64)] {
            assert_eq!(WorkerName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a/b", "../x\n", "é", "a\0", &"x".repeat(65)] {
            assert!(WorkerName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn vault_addresses() {
        for good in [
            "127.0.0.1:8081",
            "vault:1",
            "[::1]:65535",
            "a-b.example:443",
        ] {
            assert_eq!(good.parse::<VaultAddress>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            ":1",
            "vault",
            "vault:",
            "vault:0",
            "vault:65536",
            "::1:443",
            "[x]:1",
            "a b:1",
            "https://vault:1",
            "vault:1/x",
        ] {
            assert!(bad.parse::<VaultAddress>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_host_listens_unless_its_manager_is_on_this_machine() {
        let mut config = Config::new(WorkerName::new("a").unwrap(), "program");
        assert_eq!(config.front(), Some("tcp://127.0.0.1:0"));
        config.manager = Some("tcp://127.0.0.1:1".to_owned());
        assert_eq!(config.front(), Some("tcp://127.0.0.1:0"));
        config.manager = Some("unix:/run/manager.sock".to_owned());
        assert_eq!(config.front(), None);
        config.bind = Some("tcp://127.0.0.1:7".to_owned());
        assert_eq!(config.front(), Some("tcp://127.0.0.1:7"));
    }
}
