//! The key directory of a platform: its server, and what stands of it in the data folder.

use std::path::Path;
use std::sync::{Arc, RwLock};

use attestation::{Policy, Time};
use directory::apps::{AVALON_WORKER, AppError, Validator, Workers};
use directory::{Directory, Error, Server};
use protocol::crypto::sha256;
use sconify::terminal::harmless;
use transparency::messages::Entry;
use transparency::trust::Trust;

use super::folder::DataFolder;
use crate::failure::Failure;
use crate::settings::Settings;

/// A running directory. Dropping it is a shutdown that nobody waits for.
pub(super) struct KeyDirectory {
    server: Server,
    workers: Checks,
    trust: Trust,
}

/// After so many heartbeats without a new head requesters believe no head any more.
const HEARTBEATS: u64 = 3;
/// Seconds beside that for a machine that is busy, or asleep for a moment.
const LENIENCY: u64 = 60;

impl KeyDirectory {
    /// Starts it, if the settings want one. What requesters pin of it is then in the data folder.
    pub(super) async fn start(
        settings: &Settings,
        folder: &DataFolder,
    ) -> Result<Option<Self>, Failure> {
        let Some(mut config) = settings.for_directory(folder.path()) else {
            return Ok(None);
        };
        let own = &settings.directory;
        config.writers.tokens = Some(match &own.token_file {
            Some(file) => file.clone(),
            None => {
                let token = folder.directory_token()?;
                let digest = hex::encode(sha256(&[token.expose().as_bytes()]));
                folder.write_directory_tokens(&digest)?
            }
        });
        if let Some(file) = &own.auditors {
            config.auditors.keys = read_keys(file)?;
        }
        let workers = Checks::default();
        config.apps = config.apps.with(AVALON_WORKER, workers.clone());
        let server = Server::start(config)
            .await
            .map_err(|error| failed(&error))?;
        let address = format!("http://{}", server.address());
        let heartbeat = own.heartbeat.as_secs();
        let trust = server.directory().config().clone();
        let pinned = Trust {
            address: Some(address),
            max_age: Some(
                heartbeat
                    .saturating_mul(HEARTBEATS)
                    .saturating_add(LENIENCY),
            ),
            ..trust.clone()
        };
        folder.write_directory_record(&pinned)?;
        // The newest head may be from yesterday, and requesters believe no old ones.
        let directory = Arc::clone(server.directory());
        tokio::spawn(async move { directory.advance().await });
        Ok(Some(Self {
            server,
            workers,
            trust,
        }))
    }

    /// Where it is reached on this machine.
    pub(super) fn address(&self) -> std::net::SocketAddr {
        let mut address = self.server.address();
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        address
    }

    /// What it is believed by: its keys, without an address.
    pub(super) const fn trust(&self) -> &Trust {
        &self.trust
    }

    /// What answers.
    pub(super) fn directory(&self) -> Arc<Directory> {
        Arc::clone(self.server.directory())
    }

    /// What workers' evidence is judged by.
    pub(super) fn checks(&self) -> Checks {
        self.workers.clone()
    }

    /// Answers what is in progress, and closes its store.
    pub(super) async fn stop(self) {
        self.server.shutdown().await;
    }
}

/// Checks workers' entries by a policy that follows the images that live. Before there is one, it takes
/// none.
#[derive(Clone, Default)]
pub(super) struct Checks(Arc<RwLock<Option<Workers>>>);

impl Checks {
    /// From now on by this policy.
    pub(super) fn judge_by(&self, policy: Policy) {
        let mut workers = self.0.write().unwrap_or_else(|broken| broken.into_inner());
        *workers = Some(Workers::new(policy));
    }
}

impl Validator for Checks {
    fn validate(&self, user: &str, data: &[u8], entry: &Entry, now: Time) -> Result<(), AppError> {
        let workers = self.0.read().unwrap_or_else(|broken| broken.into_inner());
        let workers = workers.clone().ok_or_else(|| AppError {
            app: AVALON_WORKER.to_owned(),
            fault: "the platform is starting, and does not know yet which programs its workers are"
                .to_owned(),
        })?;
        workers.validate(user, data, entry, now)
    }
}

/// The public keys in a file, each in PEM.
fn read_keys(file: &Path) -> Result<Vec<String>, Failure> {
    const END: &str = "-----END PUBLIC KEY-----";
    let unusable = |fault: &dyn std::fmt::Display| {
        Failure::unusable(format_args!("{}: {fault}", file.display()))
            .advice("directory.auditors names a file with public keys in PEM")
    };
    let text = std::fs::read_to_string(file).map_err(|error| unusable(&error))?;
    let keys: Vec<_> = text
        .split_inclusive(END)
        .filter(|part| part.ends_with(END))
        .map(|part| format!("{}\n", part.trim_start()))
        .collect();
    if keys.is_empty() {
        return Err(unusable(&"there is no BEGIN PUBLIC KEY in it"));
    }
    Ok(keys)
}

fn failed(error: &Error) -> Failure {
    let failure = Failure::failed(format_args!(
        "the key directory: {}",
        harmless(&error.to_string())
    ));
    let failure = failure.coded(error.code());
    match error {
        Error::InUse(_) | Error::Bind { .. } => failure.advised(
            "--transparency 127.0.0.1:0 takes any free port; with --transparency \"\" nothing is published",
        ),
        _ => failure.advised(format_args!("see docs/errors/{}.md", error.code())),
    }
}
