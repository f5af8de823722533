//! What `sconce up` can be told: each setting with its name, its kind, its bounds and its meaning.
//!
//! Values come in layers, later ones over earlier ones: defaults, `sconce.toml`, the environment,
//! the command line. [`Settings::visit`] is the one list of all settings: reading, showing, the
//! example file and the table in `docs/configuration.md` all go along it.

mod example;
mod fault;
mod file;
mod find;
mod layers;
mod list;
mod parts;
pub(crate) mod units;
mod value;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use directory::Witness;
use listener::{Limits, ListenerConfig, Metrics};
use manager::{ManagerConfig, StaticWorker, Timing};
use protocol::token::Token;
use store::redb::Options;

pub(crate) use self::example::example;
pub(crate) use self::fault::Fault;
pub(crate) use self::file::File;
pub(crate) use self::find::find;
pub(crate) use self::layers::{Effective, Flag, Layers, Shown};

use self::value::Value;
use crate::logging::{Format, Level};
use crate::platform::Mode;

/// Every setting's value; the default ones are those of the parts that they are for.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) listener: ListenerSettings,
    pub(crate) tls: TlsSettings,
    pub(crate) limits: Limits,
    pub(crate) orders: OrdersSettings,
    pub(crate) leases: Timing,
    pub(crate) manager: ManagerSettings,
    pub(crate) workers: WorkersSettings,
    pub(crate) vault: VaultSettings,
    pub(crate) directory: DirectorySettings,
    pub(crate) store: Options,
    pub(crate) log: LogSettings,
    pub(crate) metrics: Metrics,
}

#[derive(Clone, Debug)]
pub(crate) struct ListenerSettings {
    pub(crate) address: SocketAddr,
    pub(crate) mode: Mode,
    pub(crate) sync_wait: Duration,
    pub(crate) result_wait: Duration,
    pub(crate) operator_token_file: Option<PathBuf>,
    pub(crate) threads: Option<NonZeroUsize>,
    pub(crate) drain: Duration,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct TlsSettings {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

#[derive(Clone, Debug)]
pub(crate) struct OrdersSettings {
    pub(crate) time_to_live: Duration,
    pub(crate) retention: Duration,
    pub(crate) mark_overlap: Duration,
    pub(crate) receipts: Duration,
    pub(crate) attempts: u32,
    pub(crate) lost_alone: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct ManagerSettings {
    pub(crate) endpoint: Option<String>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) processes: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct WorkersSettings {
    pub(crate) count: u16,
    pub(crate) names: Vec<String>,
    pub(crate) processes: usize,
    pub(crate) threads: Option<NonZeroUsize>,
    pub(crate) image: Option<PathBuf>,
    pub(crate) elsewhere: Vec<StaticWorker>,
}

#[derive(Clone, Debug)]
pub(crate) struct VaultSettings {
    pub(crate) address: SocketAddr,
    pub(crate) pool: Option<SocketAddr>,
    pub(crate) image: Option<PathBuf>,
}

/// The key directory. What is settled here is `directory::Config`'s; the rest stands in the data folder.
#[derive(Clone, Debug)]
pub(crate) struct DirectorySettings {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) realm: String,
    pub(crate) epoch: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) retention: Duration,
    pub(crate) check: Duration,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) witnesses: Vec<Witness>,
    pub(crate) witness_threshold: usize,
    pub(crate) auditors: Option<PathBuf>,
    pub(crate) auditor_threshold: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct LogSettings {
    pub(crate) level: Level,
    pub(crate) format: Format,
}

/// Goes along all settings.
pub(crate) trait Visitor {
    /// The settings that follow are of this section.
    fn section(&mut self, name: &'static str, about: &'static str);

    /// One of its settings; `about` says what it's for, and where it has one `flag` is its own.
    fn setting(
        &mut self,
        name: &'static str,
        flag: Option<&'static str>,
        about: &'static str,
        value: &mut dyn Value,
    );
}

impl Default for Settings {
    fn default() -> Self {
        let listener = ListenerConfig::default();
        #[expect(clippy::expect_used, reason = "the text is a token's")]
        let nobodys = Token::new("what-nobody-shows").expect("visible characters");
        let manager = ManagerConfig::new(nobodys);
        let directory = directory::Config::new(Path::new(""));
        Self {
            listener: ListenerSettings {
                address: listener.address,
                mode: Mode::Async,
                sync_wait: listener::Mode::LONGEST,
                result_wait: listener.result_wait,
                operator_token_file: None,
                threads: None,
                drain: listener.drain,
            },
            tls: TlsSettings::default(),
            limits: listener.limits,
            orders: OrdersSettings {
                time_to_live: manager.time_to_live,
                retention: manager.retention,
                mark_overlap: manager.mark_overlap,
                receipts: listener.receipt_retention,
                attempts: manager.max_attempts,
                lost_alone: manager.max_lost_alone,
            },
            leases: manager.timing,
            manager: ManagerSettings {
                endpoint: None,
                token_file: None,
                processes: manager.max_processes,
            },
            workers: WorkersSettings {
                count: 5,
                names: Vec::new(),
                processes: 1,
                threads: None,
                image: None,
                elsewhere: Vec::new(),
            },
            vault: VaultSettings {
                address: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)),
                pool: None,
                image: None,
            },
            directory: DirectorySettings {
                address: Some(directory.address),
                realm: directory.realm,
                epoch: directory.epoch,
                heartbeat: directory.heartbeat,
                retention: directory.retention,
                check: Duration::from_secs(10),
                token_file: None,
                witnesses: directory.witnesses.list,
                witness_threshold: directory.witnesses.threshold,
                auditors: None,
                auditor_threshold: directory.auditors.threshold,
            },
            store: Options::default(),
            log: LogSettings {
                level: Level::Warn,
                format: Format::Text,
            },
            metrics: listener.metrics,
        }
    }
}
