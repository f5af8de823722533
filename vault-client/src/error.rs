//! Why a vault did not do what it was asked.

use std::io;

use provision::api::Fault;

/// Why a vault did not do what it was asked, or may not have.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no connection, or it broke. Whether the vault has done what it was asked is unknown.
    #[error("the vault at {address} can't be reached: cannot {action}: {source}")]
    Unreachable {
        /// Where.
        address: String,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// TLS 1.3 fails.
    #[error("no TLS with the vault at {address}: {source}")]
    Tls {
        /// Where.
        address: String,
        /// What the library said.
        source: rustls::Error,
    },
    /// The evidence is not of a vault that is wanted.
    #[error("the vault at {address} is not trusted: {source}")]
    Evidence {
        /// Where.
        address: String,
        /// What is wrong with it.
        source: Box<provision::Error>,
    },
    /// The evidence is good, and somebody else's: the connection has another key.
    #[error(
        "the vault at {address} is not trusted: its connection has another key than the one that is quoted; somebody stands between"
    )]
    Key {
        /// Where.
        address: String,
    },
    /// A good vault, and another one.
    #[error("the vault at {address} is not trusted: it is {found}, and {wanted} is wanted")]
    Realm {
        /// Where.
        address: String,
        /// Its realm.
        found: provision::Realm,
        /// That of the vault that is wanted.
        wanted: provision::Realm,
    },
    /// The answer is none that a vault gives.
    #[error("the answer of the vault at {address} is not in its form: {what}")]
    Answer {
        /// Where.
        address: String,
        /// What is wrong with it.
        what: String,
    },
    /// The vault refuses.
    #[error("the vault refuses: {}", fault.message)]
    Refused {
        /// The status of HTTP.
        status: u16,
        /// Why, in its own words.
        fault: Fault,
    },
}

impl Error {
    /// Its code, with a page of that name in `docs/errors`. That of a refusal is the vault's own.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Unreachable { .. } => "vault.unreachable",
            Self::Tls { .. } => "vault.tls",
            Self::Evidence { source, .. } => source.code(),
            Self::Key { .. } | Self::Realm { .. } => "provision.vault-evidence",
            Self::Answer { .. } => "vault.request",
            Self::Refused { fault, .. } => &fault.code,
        }
    }

    /// What to do next, where that is not plain.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        match self {
            Self::Refused { fault, .. } => fault.advice.as_deref(),
            Self::Unreachable { .. } => Some(
                "is it running? `sconce status` says so; a vault that died is back within seconds",
            ),
            _ => None,
        }
    }

    /// Whether the same may succeed in a moment, with nothing changed.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => *status == 503,
            _ => false,
        }
    }
}
