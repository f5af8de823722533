//! From nothing to serving: how a worker comes by its keys.
//!
//! ```text
//! Unattested ──attest──▶ Attested ──provision──▶ Provisioned ──serving──▶ Serving
//!     │   the vault's evidence   │   keys for this worker's    │   an engine with
//!     │   verified, this         │   session, and a quote      │   keys of its own
//!     │   program's own made     │   over their public halves  │
//!     └───────────────── unvouched: no platform ───────────────┘
//! ```
//!
//! Each state is a type, made only from the one before it: a worker without keys serves nobody, and keys
//! come only out of a release by a vault whose evidence held.
//!
//! # What can go wrong, and what is done about it
//!
//! - *The host stands in for the vault.* Keys that a host knows would be the end of everything. Only a
//!   vault of this program's own signer is taken, on a platform that this program's own processor vouches
//!   for, and its signature has to be on what it releases.
//! - *The host names another session*, one that it wrote itself in a vault of the right signer, with keys
//!   that it knows. Only the vault's own KME writes in its namespace, so only `avalon/WORKER/gN` is asked
//!   for, and the worker and generation in it have to be this one's.
//! - *The host keeps an older release and plays it again.* It was made for another X25519 key.
//! - *The host lies about the time.* A vault's platform whose certificates have expired may then be taken.
//!   A program has no clock that the host couldn't set; the vault keeps its own that never goes back.

mod error;
mod granted;
mod line;

pub use error::Error;
pub use line::{Host, Line};

use attestation::Time;
use protocol::SystemEntropy;
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::SigningKey;
use provision::relay::{Told, Unattested as Given};
use provision::{
    Attempt, Challenge, Evidence, KME_NAMESPACE, Release, ReleaseRequest, ServiceName, Vault,
    VaultEvidence, VaultPolicy, path, text,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tee::Tee;

use crate::directory::Watch;
use crate::engine::{Engine, Find};
use crate::keys::WorkerKeys;

/// A worker that nobody has been shown anything of.
pub struct Unattested<'a> {
    worker: &'a str,
    line: &'a mut dyn Line,
}

/// A worker that has verified a vault, and has evidence for it over a key that it has just made.
///
/// ```compile_fail,E0599
/// # use sconce_worker::boot::{Attested, Provisioned};
/// fn skip(attested: Attested<'_>) {
///     attested.serving(|_| None);
/// }
/// ```
pub struct Attested<'a> {
    worker: &'a str,
    line: &'a mut dyn Line,
    platform: &'a dyn Tee,
    generation: u64,
    vault: Vault,
    attempt: Attempt,
    request: ReleaseRequest,
}

/// A worker that has its keys.
///
/// ```compile_fail,E0451
/// # use sconce_worker::{WorkerKeys, boot::Provisioned};
/// fn skip(keys: WorkerKeys) -> Provisioned {
///     Provisioned { keys, kind: "vault", watch: None }
/// }
/// ```
pub struct Provisioned {
    keys: WorkerKeys,
    kind: &'static str,
    watch: Option<Watch>,
}

/// A worker that can answer requests; [`serve`](crate::serve::serve) takes nothing else.
///
/// ```compile_fail,E0451
/// # use sconce_worker::{Engine, boot::Serving};
/// fn skip(engine: Engine) -> Serving {
///     Serving { engine, kind: "vault", watch: None }
/// }
/// ```
pub struct Serving {
    engine: Engine,
    kind: &'static str,
    watch: Option<Watch>,
}

impl<'a> Unattested<'a> {
    /// The worker called `worker`, whose host is at the other end of `line`.
    pub fn new(worker: &'a str, line: &'a mut dyn Line) -> Self {
        Self { worker, line }
    }

    /// Verifies the vault behind the host, and makes evidence for it that asks for the keys of `service`.
    ///
    /// # Errors
    ///
    /// [`Error`], before the vault is told anything, if it isn't one to take keys from.
    pub fn attest(
        self,
        platform: &'a dyn Tee,
        service: ServiceName,
        now: Time,
    ) -> Result<Attested<'a>, Error> {
        let generation = generation(self.worker, &service)?;
        let shown: VaultEvidence = ask(self.line, path::EVIDENCE, &())?;
        let challenge: Challenge = ask(self.line, path::CHALLENGE, &Empty {})?;
        let attempt =
            Attempt::new(service, challenge.nonce.0).map_err(provision::Error::Entropy)?;
        let quote = platform.evidence(&attempt.report_data())?;
        let policy = VaultPolicy::of_own(&quote, platform.kind())?;
        let vault = shown.verify(&policy, now)?;
        let evidence = Evidence::new(quote, &platform.collateral()?)?;
        Ok(Attested {
            worker: self.worker,
            line: self.line,
            platform,
            generation,
            vault,
            request: attempt.request(evidence),
            attempt,
        })
    }

    /// A worker that no platform vouches for, with keys that its host has for it, or else with new ones,
    /// that end with this process. Nothing proves them, and its record says so.
    ///
    /// # Errors
    ///
    /// [`Error`], among others if the host's keys are none.
    pub fn unvouched(self) -> Result<Provisioned, Error> {
        let told = self.line.ask(path::UNATTESTED, b"null")?;
        let keys = if told.status == NOT_FOUND {
            let signing =
                SigningKey::generate(&SystemEntropy::new()).map_err(provision::Error::Entropy)?;
            WorkerKeys::new(self.worker, signing, DecryptionKey::generate()?)?
        } else {
            let given: Given = read(path::UNATTESTED, &told)?;
            granted::keys(self.worker, &given.signing_key, &given.encryption_key)?
        };
        Ok(Provisioned {
            keys,
            kind: "unattested",
            watch: None,
        })
    }
}

impl Attested<'_> {
    /// The vault that has been verified.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Gets the keys from the vault, and has their public halves quoted.
    ///
    /// # Errors
    ///
    /// [`Error`] if the vault refuses, or what came is not its release for this very attempt.
    pub fn provision(self) -> Result<Provisioned, Error> {
        let release: Release = ask(self.line, path::RELEASE, &self.request)?;
        let grant = self.attempt.open(&release, self.vault.key_der())?;
        let keys = granted::read(self.worker, self.generation, &grant)?;
        let keys = keys.attested(self.platform, self.generation)?;
        let directory = granted::directory(&grant)?;
        let watch = directory.map(|trust| Watch::new(self.worker, &keys, &trust));
        Ok(Provisioned {
            watch: watch.transpose().map_err(|_| granted::USELESS)?,
            keys,
            kind: "vault",
        })
    }
}

impl Provisioned {
    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &WorkerKeys {
        &self.keys
    }

    /// The worker that runs what `find` knows with these keys.
    #[must_use]
    pub fn serving(self, find: Find) -> Serving {
        Serving {
            engine: Engine::new(self.keys, find),
            kind: self.kind,
            watch: self.watch,
        }
    }
}

impl Serving {
    /// The same on a platform that it may ask for more quotes: those that pools ask for.
    #[must_use]
    pub fn vouched(mut self, platform: Box<dyn Tee>) -> Self {
        self.engine = self.engine.vouched(platform);
        self
    }

    /// The engine, in one word for operators where its keys come from, and what looks after them in a key
    /// directory.
    pub(crate) fn into_parts(self) -> (Engine, &'static str, Option<Watch>) {
        (self.engine, self.kind, self.watch)
    }
}

/// HTTP's status.
const NOT_FOUND: u16 = 404;

#[derive(Serialize)]
struct Empty {}

/// The generation of a worker's keys that a service gives out, which is `avalon/WORKER/gN`.
fn generation(worker: &str, service: &ServiceName) -> Result<u64, Error> {
    let session = service.session();
    let own = session.namespace() == KME_NAMESPACE && session.name() == worker;
    let number = service.service().strip_prefix('g').filter(|_| own);
    number
        .filter(|digits| !digits.starts_with(['0', '+']))
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| Error::Service {
            service: service.clone(),
            worker: worker.to_owned(),
        })
}

/// Asks for what is a JSON object.
fn ask<T: DeserializeOwned>(
    line: &mut dyn Line,
    path: &'static str,
    body: &impl Serialize,
) -> Result<T, Error> {
    // Made of texts and numbers: writing it can't fail.
    let body = serde_json::to_vec(body).unwrap_or_default();
    read(path, &line.ask(path, &body)?)
}

/// Reads an answer, if it is no refusal.
fn read<T: DeserializeOwned>(path: &'static str, told: &Told) -> Result<T, Error> {
    let body = told.body.get().as_bytes();
    if told.status == 200 {
        return Ok(text::read(path, body)?);
    }
    let fault = text::read::<provision::api::Failure>(path, body)?.error;
    Err(match told.status {
        0 => Error::Unreachable {
            message: fault.message,
        },
        _ => Error::Provision(provision::Error::Refused {
            code: fault.code,
            message: fault.message,
        }),
    })
}

#[cfg(test)]
mod tests;
