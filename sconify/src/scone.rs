//! What SCONE's configuration and attestation service (CAS) is given to let a program in.
//!
//! The sessions themselves, their keys and the rules that they keep, are the crate `session`, and
//! stand here once more.
//!
//! SCONE measures its own enclave, which holds its runtime beside the program. What it measures can only
//! come from a run of the program with `SCONE_HASH=1` ([`Measurements`]); it's never computed or guessed
//! here.

mod generate;
mod measured;

pub use generate::Description;
pub use measured::Measurements;
pub use session::*;

use crate::{Exit, Fault};

/// Why a session, or what SCONE printed, is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A session breaks the rules of the session language.
    #[error("{origin}: {fault}")]
    Session {
        /// Which one: a path, or `the session`.
        origin: String,
        /// What is wrong, and where.
        fault: Located,
    },
    /// A session gives up what a release must not, or lacks what CAS asks for.
    #[error("{origin} is not fit for a release: {}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Concessions {
        /// Which one.
        origin: String,
        /// Each concession.
        faults: Vec<Located>,
    },
    /// A file does not hold what a program prints with `SCONE_HASH=1`.
    #[error("{origin}: {fault}")]
    Measurement {
        /// Which file.
        origin: String,
        /// What is wrong, and where.
        fault: Located,
    },
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Session { .. } => "scone.session",
            Self::Concessions { .. } => "scone.release",
            Self::Measurement { .. } => "scone.measurement",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Session { .. } | Self::Measurement { .. } => Exit::Unusable,
            Self::Concessions { .. } => Exit::Failed,
        }
    }

    fn advice(&self) -> Option<String> {
        match self {
            Self::Measurement { .. } => Some(
                "give what the program prints with SCONE_HASH=1: a line of 64 hex digits"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}
