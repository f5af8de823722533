//! Why a worker has no keys.

use protocol::crypto::KeyError;
use provision::ServiceName;

use crate::keys::NoEvidence;

/// Why a worker has no keys. It holds nothing secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host closed the connection: it wants the program to end.
    #[error("the host closed the connection")]
    Closed,
    /// The connection to the host broke.
    #[error("the connection to the host broke")]
    Connection(#[from] std::io::Error),
    /// The host sent what no host sends to a program that is not ready.
    #[error("the host sent {0}")]
    Conduct(&'static str),
    /// The session is not one that the vault's KME writes for this worker.
    #[error(
        "the host names the service {service}, and this worker takes keys only from avalon/{worker}/gN, which nobody but a vault's KME writes"
    )]
    Service {
        /// What was named.
        service: ServiceName,
        /// The worker.
        worker: String,
    },
    /// The vault can't be reached.
    #[error("the vault cannot be reached: {message}")]
    Unreachable {
        /// The host's words.
        message: String,
    },
    /// The vault, or what it released, is not to be trusted; or the vault refuses.
    #[error(transparent)]
    Provision(#[from] provision::Error),
    /// The platform gives no evidence.
    #[error(transparent)]
    Platform(#[from] tee::Error),
    /// There is no quote over the keys.
    #[error(transparent)]
    Evidence(#[from] NoEvidence),
    /// The cryptographic library refused.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Error {
    /// Its code, with a page of that name in `docs/errors`. A connection to the host has none.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Closed | Self::Connection(_) | Self::Conduct(_) => None,
            Self::Unreachable { .. } => Some("vault.unreachable"),
            Self::Service { .. } | Self::Key(_) => Some("provision.release"),
            Self::Provision(fault) => Some(fault.code()),
            Self::Platform(fault) | Self::Evidence(NoEvidence::Platform(fault)) => {
                Some(fault.code())
            }
            Self::Evidence(_) => Some("tee.answer"),
        }
    }
}
