//! How a vault gives a program its secrets: both ends of the release, and the vault's wire.
//!
//! ```text
//! program                                       vault
//!    │ ◀──────────── VaultEvidence ─────────────── │  its key and realm, quoted
//!    │   verified: Vault                           │
//!    │ ◀──────────── Challenge ─────────────────── │  a nonce
//!    │   Attempt: an X25519 key for this once      │
//!    │   quote over nonce, session and key         │
//!    │ ── ReleaseRequest ────────────────────────▶ │  verified, and held against the session
//!    │ ◀──────────── Release ───────────────────── │  encrypted to the key, signed by the vault's
//!    │   opened: Grant                             │
//! ```
//!
//! Between the two stands a host that both take for hostile: it may drop, repeat, exchange and forge
//! every one of these messages. What a [`Release`] holds opens only for the [`Attempt`] that asked, and
//! only if the vault whose evidence was verified has signed it over everything that was said.
//!
//! Nothing here does input or output.
//!
//! | module | subject |
//! |---|---|
//! | [`name`] | sessions and services, as they are called |
//! | [`evidence`] | quotes with their collateral, and whether a vault's are good |
//! | [`release`] | asking for secrets, and giving them |
//! | [`grant`] | what a program is given |
//! | [`key`] | the vault's signing key |
//! | [`api`] | the other requests of a vault, and their answers |
//! | [`audit`] | lines of the audit log, chained |
//! | [`relay`] | what a program has its host carry to the vault and back |
//! | [`text`] | values that are texts in JSON |

pub mod api;
pub mod audit;
mod error;
pub mod evidence;
pub mod grant;
pub mod key;
pub mod name;
pub mod relay;
pub mod release;
pub mod text;

pub use error::Error;
pub use evidence::{Evidence, Realm, Vault, VaultEvidence, VaultPolicy};
pub use grant::{File, Grant};
pub use key::VaultKey;
pub use name::{ServiceName, SessionName};
pub use release::{Attempt, Challenge, Release, ReleaseRequest, seal};

/// ISVPRODID of the vault program.
pub const VAULT_PRODUCT: u16 = 2;
/// ISVPRODID of the worker program.
pub const WORKER_PRODUCT: u16 = 1;
/// The smallest ISVSVN of a vault that programs of this version take secrets from.
pub const MINIMUM_VAULT_SVN: u16 = 1;

/// Seconds for which a nonce may be used.
pub const NONCE_LIFETIME: u64 = 60;
/// Longest JSON text of a [`ReleaseRequest`], in bytes: a quote has at most 16 KiB, its collateral
/// 64 KiB.
pub const MAX_RELEASE_REQUEST: usize = 128 * 1024;
/// Longest JSON text of a [`Grant`], in bytes.
pub const MAX_GRANT: usize = 1024 * 1024;
/// Longest JSON text of an answer of the vault, in bytes.
pub const MAX_ANSWER: usize = 2 * 1024 * 1024;
/// Longest text of a session, in bytes.
pub const MAX_SESSION: usize = 256 * 1024;
/// Longest collateral, in bytes.
pub const MAX_COLLATERAL: usize = 64 * 1024;

/// The namespace that only the vault's KME writes in.
pub const KME_NAMESPACE: &str = "avalon";
/// Environment of a worker: PEM of its secp256k1 signing key.
pub const SIGNING_KEY: &str = "SCONCE_SIGNING_KEY";
/// Environment of a worker: PKCS#8 PEM of its RSA key.
pub const ENCRYPTION_KEY: &str = "SCONCE_ENCRYPTION_KEY";
/// Environment of a worker: the number of its keys' generation, in decimal digits.
pub const GENERATION: &str = "SCONCE_GENERATION";

/// Environment of a worker: the public key that signs its entry in a key directory, SubjectPublicKeyInfo
/// (DER) in base64.
pub const DIRECTORY_KEY: &str = "SCONCE_DIRECTORY_KEY";
/// Environment of a worker, if its owner has named one: the key directory that its keys are published in, the
/// JSON of a `transparency::Trust`.
pub const DIRECTORY: &str = "SCONCE_DIRECTORY";
/// Longest JSON text of the trust in a key directory, in bytes.
pub const MAX_TRUST: usize = 16 * 1024;

/// Paths of the vault's HTTPS interface.
pub mod path {
    /// GET: [`VaultEvidence`](crate::VaultEvidence).
    pub const EVIDENCE: &str = "/v1/evidence";
    /// POST `{}`: [`Challenge`](crate::Challenge).
    pub const CHALLENGE: &str = "/v1/challenge";
    /// POST [`ReleaseRequest`](crate::ReleaseRequest): [`Release`](crate::Release).
    pub const RELEASE: &str = "/v1/release";
    /// GET: [`SessionEntry`](crate::api::SessionEntry)s. With `/NAMESPACE/NAME` behind it, GET and PUT
    /// of a session's YAML text; PUT answers [`SessionWritten`](crate::api::SessionWritten).
    pub const SESSIONS: &str = "/v1/sessions";
    /// GET with `?from=N&limit=M`: [`AuditLine`](crate::audit::AuditLine)s.
    pub const AUDIT: &str = "/v1/audit";
    /// POST `{}`: [`Owner`](crate::api::Owner).
    pub const OWNER: &str = "/v1/owner";
    /// GET: [`Worker`](crate::api::Worker)s. With `/NAME` behind it, PUT of a
    /// [`NewWorker`](crate::api::NewWorker); with `/NAME/entry` POST of a [`NewEntry`](crate::api::NewEntry),
    /// answered by [`SignedEntry`](crate::api::SignedEntry); with `/NAME/generations` POST of a
    /// [`NewGeneration`](crate::api::NewGeneration), both answered by
    /// [`WorkerSession`](crate::api::WorkerSession); with `/NAME/generations/N` DELETE, answered `{}`.
    pub const WORKERS: &str = "/v1/workers";
    /// PUT of a [`NewPool`](crate::api::NewPool) and DELETE, both answered `{}`; GET:
    /// [`Pool`](crate::api::Pool), for everybody.
    pub const POOL: &str = "/v1/pool";
    /// Asked of a host by a program that no platform vouches for; no vault has it:
    /// [`Unattested`](crate::relay::Unattested).
    pub const UNATTESTED: &str = "/unattested";
}
