//! What a directory needs to know.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use attestation::Policy;
use attestation::policy::Program;
use entrance::{Allowance, Connections, TlsFiles};

use crate::apps::Apps;

/// What a [`Server`](crate::Server) needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes any free one.
    pub address: SocketAddr,
    /// The certificate to show; without it the server speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// The domain of the directory: the realm of its heads, and the id of its map. It can't be changed
    /// once there is an epoch.
    pub realm: String,
    /// The folder of the store.
    pub folder: PathBuf,
    /// The file of the private keys, made at the first start.
    pub keys: PathBuf,
    /// Who may write.
    pub writers: Writers,
    /// What applications demand of their data.
    pub apps: Apps,
    /// What VRF proofs are made of.
    #[cfg(feature = "plain-vrf")]
    pub suite: transparency::vrf::Suite,
    /// The time between two epochs when something has changed.
    pub epoch: Duration,
    /// The time between two epochs when nothing has.
    pub heartbeat: Duration,
    /// How long proofs of entries that did not change are kept.
    pub retention: Duration,
    /// Who has to have seen a head before it is published.
    pub witnesses: Witnesses,
    /// Whose signatures are taken beside the directory's own.
    pub auditors: Auditors,
    /// Bounds on what clients may send.
    pub limits: Limits,
    /// How long a shutdown waits for requests in progress.
    pub drain: Duration,
}

/// Who may write. Every update needs the signature of an authorised key as well.
#[derive(Clone, Debug, Default)]
pub struct Writers {
    /// The file of tokens; without it no token is good.
    pub tokens: Option<PathBuf>,
    /// Whether the header `Grpc-Metadata-Userid` is believed, as the servers of 2017 did in tests.
    pub development: bool,
}

/// Witnesses: servers that sign a log's checkpoint once they have seen that it goes on from the one
/// before (C2SP tlog-witness).
#[derive(Clone, Debug)]
pub struct Witnesses {
    /// How many of them a head must have before it is published; 0 publishes whatever they say.
    pub threshold: usize,
    /// The witnesses.
    pub list: Vec<Witness>,
    /// How long they are waited for.
    pub wait: Duration,
}

/// One witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its verifier key, as signed notes write it: `name+hash+key`.
    pub key: String,
    /// Its address, as in `http://127.0.0.1:8181`.
    pub url: String,
}

/// Auditors: those who recompute each root from the feed, and sign the heads they find good.
#[derive(Clone, Debug, Default)]
pub struct Auditors {
    /// How many signatures a client should ask for.
    pub threshold: usize,
    /// Their public keys, P-256 in PEM.
    pub keys: Vec<String>,
}

/// Bounds on what clients may send.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bounds on connections and on how long their parts may take.
    pub connections: Connections,
    /// Longest body, in bytes.
    pub body: usize,
    /// How long a body may take to arrive.
    pub body_time: Duration,
    /// Most bodies that are in memory at once; more wait for their turn within [`body_time`](Self::body_time).
    pub bodies: usize,
    /// Most updates that wait for the next epoch.
    pub queue: usize,
    /// How often one address, or one /64 network of IPv6, may ask for a user that nobody has asked for before:
    /// each costs a fresh VRF proof.
    pub unknown_rate: Allowance,
    /// The same for each address of this machine.
    pub unknown_rate_of_loopback: Allowance,
}

impl Config {
    /// The defaults, with everything that is kept in this folder.
    pub fn new(folder: &Path) -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            tls: None,
            realm: "sconce.localhost".to_owned(),
            folder: folder.join("directory"),
            keys: folder.join("directory.keys"),
            writers: Writers::default(),
            apps: Apps::new(Policy::strict(Program::Any)),
            #[cfg(feature = "plain-vrf")]
            suite: transparency::vrf::Suite::Bound,
            epoch: Duration::from_secs(1),
            heartbeat: Duration::from_secs(60),
            retention: Duration::from_secs(7 * 24 * 3600),
            witnesses: Witnesses::default(),
            auditors: Auditors::default(),
            limits: Limits::default(),
            drain: Duration::from_secs(10),
        }
    }
}

impl Default for Witnesses {
    fn default() -> Self {
        Self {
            threshold: 0,
            list: Vec::new(),
            wait: Duration::from_secs(2),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: Connections::default(),
            body: 256 << 10,
            body_time: Duration::from_secs(30),
            bodies: 128,
            queue: 20_000,
            unknown_rate: Allowance::per_second(at_least_one(50), at_least_one(200)),
            unknown_rate_of_loopback: Allowance::per_second(at_least_one(500), at_least_one(1000)),
        }
    }
}

const fn at_least_one(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}
