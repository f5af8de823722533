//! The vault of a platform: its process, and the way to it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use vault_client::{Error, Identity, Trust, Vault};

use super::attended::{Launch, Prepared, itself};
use super::sockets;
use crate::failure::Failure;
use crate::settings::VaultSettings;
use crate::terminal::Terminal;

/// Where a vault listens. The sockets stay open here while its host is started again.
#[derive(Debug)]
pub(super) struct Sockets {
    requests: TcpListener,
    pool: Option<TcpListener>,
}

impl Sockets {
    /// Those that the settings name.
    pub(super) fn bind(settings: &VaultSettings) -> Result<Self, Failure> {
        let bind = |address: SocketAddr, setting: &str| {
            TcpListener::bind(address).map_err(|error| {
                let why = match error.kind() {
                    io::ErrorKind::AddrInUse => "it is in use by another program".to_owned(),
                    _ => error.to_string(),
                };
                Failure::failed(format_args!("the vault cannot listen at {address}: {why}")).advice(
                    format_args!("--set {setting}=127.0.0.1:0 takes any free port"),
                )
            })
        };
        Ok(Self {
            requests: bind(settings.address, "vault.address")?,
            pool: settings
                .pool
                .map(|address| bind(address, "vault.pool"))
                .transpose()?,
        })
    }

    /// Where the vault is reached from this machine.
    pub(super) fn address(&self) -> Result<SocketAddr, Failure> {
        let mut address = self.requests.local_addr().map_err(Failure::failed)?;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        Ok(address)
    }

    /// Where pools reach it.
    pub(super) fn pool(&self) -> Option<SocketAddr> {
        self.pool.as_ref()?.local_addr().ok()
    }
}

/// The host of a vault, as it is to be started.
pub(super) struct VaultHost {
    pub(super) image: PathBuf,
    pub(super) platform: PathBuf,
    pub(super) journal: PathBuf,
    pub(super) sockets: Sockets,
}

impl Launch for VaultHost {
    fn title(&self) -> String {
        "the host of the vault".to_owned()
    }

    fn label(&self) -> &'static str {
        "vault"
    }

    fn command(&self, terminal: &Terminal) -> io::Result<Prepared> {
        let mut command = itself(terminal);
        command.args(["vault", "--sockets-from-stdin"]);
        command.arg("--image").arg(&self.image);
        command.arg("--platform").arg(&self.platform);
        command.arg("--journal").arg(&self.journal);
        let Sockets { requests, pool } = &self.sockets;
        let all: Vec<_> = [requests].into_iter().chain(pool).collect();
        Ok(Prepared {
            command,
            input: Some(sockets::handed_down(&all)?),
        })
    }

    fn longest_pause(&self) -> Duration {
        LAST_PAUSE
    }
}

/// As its host lets the program wait: no worker starts meanwhile.
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// The way to a vault, as its owner. Requests go one after the other.
#[derive(Clone)]
pub(super) struct Line {
    address: String,
    trust: Trust,
    identity: Arc<Identity>,
    vault: Arc<Mutex<Option<Vault>>>,
}

/// Between two attempts to reach a vault that is not there yet.
const BETWEEN: Duration = Duration::from_millis(20);
/// Between two lines that say so.
const LONG: Duration = Duration::from_secs(10);

impl Line {
    pub(super) fn new(address: SocketAddr, trust: Trust, identity: Identity) -> Self {
        Self {
            address: address.to_string(),
            trust,
            identity: Arc::new(identity),
            vault: Arc::default(),
        }
    }

    /// Asks it something, over a connection to a vault that has been verified.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Vault) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let line = self.clone();
        let asked = tokio::task::spawn_blocking(move || line.ask_now(question));
        // It is not cancelled; a panic of it is one of this.
        match asked.await {
            Ok(answer) => answer,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    fn ask_now<T>(
        &self,
        question: impl FnOnce(&mut Vault) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut vault = self.vault.lock().unwrap_or_else(PoisonError::into_inner);
        let there = match vault.take() {
            Some(there) => there,
            None => Vault::connect(&self.address, &self.trust, Some(&self.identity))?,
        };
        question(vault.insert(there))
    }

    /// Asks until it answers: it may be starting.
    pub(super) async fn ask_patiently<T: Send + 'static>(
        &self,
        terminal: &Terminal,
        question: impl Fn(&mut Vault) -> Result<T, Error> + Clone + Send + 'static,
    ) -> Result<T, Failure> {
        let mut next_reminder = Instant::now() + LONG;
        loop {
            match self.ask(question.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) if error.is_passing() => {
                    tracing::debug!(%error, "the vault is not there yet");
                }
                Err(error) => return Err(Failure::of_vault(&error)),
            }
            if Instant::now() >= next_reminder {
                next_reminder += LONG;
                terminal.warn(
                    "still waiting for the vault; the warnings above say why, or start again with -v",
                );
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }
}
