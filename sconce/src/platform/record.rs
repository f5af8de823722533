//! `up.json`: what runs in a data folder, for `status`, `down` and scripts.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use attestation::Fingerprint;
use client::{Client, Options, Trust};
use listener::Listener;
use provision::api;
use provision::text::Text;
use serde::{Deserialize, Serialize};

use super::Plan;
use super::image::Measured;
use crate::failure::Failure;
use crate::vault::VaultRecord;

/// A running platform.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// The supervisor's process id.
    pub(crate) pid: u32,
    /// The release that runs.
    pub(crate) version: String,
    /// The listener's address, as in `http://127.0.0.1:1947`.
    pub(crate) listener: String,
    /// The file with the certificate that it shows, if it speaks TLS.
    #[serde(default)]
    pub(crate) certificate: Option<PathBuf>,
    /// Where metrics are shown; none if they are switched off.
    #[serde(default)]
    pub(crate) metrics: Option<String>,
    /// The manager's ZeroMQ endpoint for hosts.
    pub(crate) manager: String,
    pub(crate) mode: Mode,
    /// Names of the workers that it starts.
    pub(crate) workers: Vec<String>,
    /// Processes of each.
    pub(crate) processes: usize,
    /// When it was started, in seconds since 1970.
    pub(crate) started: u64,
    /// Whether every worker has taken up work since.
    pub(crate) ready: bool,
    /// How many processes of each worker take orders now, by its name; none where it is missing.
    #[serde(default)]
    pub(crate) serving: BTreeMap<String, usize>,
    /// What they run, once that has been found out.
    #[serde(default)]
    pub(crate) program: Option<Running>,
    /// The vault that has their keys, if one runs here.
    #[serde(default)]
    pub(crate) vault: Option<VaultRecord>,
    /// Where pools reach the vault.
    #[serde(default)]
    pub(crate) pool: Option<String>,
    /// Where their keys are published, as in `http://127.0.0.1:8080`.
    #[serde(default)]
    pub(crate) directory: Option<String>,
    /// The living generations of each worker's keys, the oldest first.
    #[serde(default)]
    pub(crate) generations: BTreeMap<String, Vec<Generation>>,
}

/// A generation of a worker's keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Generation {
    /// Counts from 1.
    pub(crate) generation: u64,
    /// What the keys are for, with its kind.
    pub(crate) measurement: String,
    /// When they are destroyed, if that is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retires: Option<String>,
}

impl Generation {
    /// As the vault names it.
    pub(super) fn of(generation: &api::Generation) -> Self {
        Self {
            generation: generation.generation,
            measurement: generation.measurement.0.to_string(),
            retires: generation.retires.as_ref().map(|Text(at)| at.to_string()),
        }
    }
}

/// What the workers of a platform run: an image's program, launched on a simulated platform, which
/// protects nothing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Running {
    /// Always `simulated`: no other kind is launched.
    pub(crate) kind: Kind,
    /// Its measurement, with its kind.
    pub(crate) measurement: String,
    /// Its signer, with its kind.
    pub(crate) signer: String,
    /// Whether a debugger may look into it.
    pub(crate) debug: bool,
    /// The fingerprint of the simulated platform's root: `sim:` and 64 hex digits.
    pub(crate) root: String,
}

/// On what kind of platform a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// It protects nothing.
    Simulated,
}

impl Running {
    pub(super) fn of(image: &Measured, root: Fingerprint) -> Self {
        Self {
            kind: Kind::Simulated,
            measurement: image.measurement().to_string(),
            signer: image.signer().to_string(),
            debug: image.is_debug(),
            root: root.to_string(),
        }
    }
}

impl fmt::Display for Running {
    /// In a few lines, each with what it is about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let debug = if self.debug {
            " (a debugger may look in)"
        } else {
            ""
        };
        writeln!(f, "measured   {}{debug}", self.measurement)?;
        writeln!(f, "signer     {}", self.signer)?;
        write!(
            f,
            "runs on    a simulated platform, which protects nothing; root {}",
            self.root
        )
    }
}

/// Whether submitting waits for the answer.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Submit answers "pending" at once; the answer is fetched.
    Async,
    /// Submit answers with the result if it's there within 9 s.
    Sync,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Async => "async",
            Self::Sync => "sync",
        })
    }
}

impl Record {
    /// A client of the listener. The certificate's file is this machine's own: what is in it is
    /// believed, whatever names it has and whoever signed it.
    pub(crate) fn client(&self) -> Result<Client, client::Error> {
        self.client_at(&self.listener)
    }

    /// A client of where metrics are shown.
    pub(crate) fn metrics_client(&self) -> Result<Client, Failure> {
        let Some(uri) = &self.metrics else {
            return Err(
                Failure::failed("the platform was started with metrics.enabled = false")
                    .advice("without --watch `sconce status` needs none"),
            );
        };
        self.client_at(uri)
            .map_err(|error| Failure::of_client("status", &error))
    }

    fn client_at(&self, uri: &str) -> Result<Client, client::Error> {
        let mut options = Options::default();
        if let Some(file) = &self.certificate {
            options.trust = Trust::Certificate(file.clone());
        }
        Client::connect_with(uri, options)
    }

    pub(crate) fn new(plan: &Plan, listener: &Listener, manager: &str) -> Self {
        let settings = &plan.settings;
        let certificate = settings.tls.certificate.clone();
        let scheme = if certificate.is_some() {
            "https"
        } else {
            "http"
        };
        let address = format!("{scheme}://{}", listener.address());
        let own = listener.metrics_address();
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            metrics: (settings.metrics.enabled)
                .then(|| own.map_or_else(|| address.clone(), |own| format!("http://{own}"))),
            listener: address,
            manager: manager.to_owned(),
            certificate: certificate.map(|file| file.canonicalize().unwrap_or(file)),
            mode: settings.listener.mode,
            workers: plan.workers(),
            processes: settings.workers.processes,
            started: since.map_or(0, |since| since.as_secs()),
            ready: false,
            serving: BTreeMap::new(),
            program: None,
            vault: None,
            pool: None,
            directory: None,
            generations: BTreeMap::new(),
        }
    }
}
