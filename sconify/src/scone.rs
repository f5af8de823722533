//! What SCONE's configuration and attestation service (CAS) is given to let a program in.
//!
//! A *session* says which enclaves may run as which service, what they are given (arguments, variables,
//! files, secrets), and who may change that. [`Session`] is a typed model of it, in which unknown keys
//! are refused: a key that is misspelt in a policy would otherwise be a check that nobody makes. It has
//! the keys of session language 0.3 for services, images, volumes, secrets, access and attestation, and
//! those of the older form (`digest`, `tags`); it has none for clouds of particular vendors and for
//! sessions on another CAS.
//!
//! SCONE measures its own enclave, which holds its runtime beside the program. What it measures can only
//! come from a run of the program with `SCONE_HASH=1` ([`Measurements`]); it's never computed or guessed
//! here.

mod access;
mod attestation;
mod check;
mod generate;
mod measured;
mod placeholder;
mod secret;
mod service;
mod session;
mod values;
mod volume;

pub use access::{AccessPolicy, Entity};
pub use attestation::{Advisories, Attestation, Mode, Security, Tolerance};
pub use generate::Description;
pub use measured::Measurements;
pub use placeholder::Placeholder;
pub use secret::{Endpoint, Import, KeyType, Reference, Secret, SecretKind};
pub use service::{Command, Factors, Service, Signer};
pub use session::Session;
pub use values::{FspfKey, Hex16, Hex32, OneOrMany, Sensitive, Version};
pub use volume::{Export, Image, ImageVolume, InjectionFile, UpdatePolicy, Volume, VolumeImport};

use crate::located::Located;
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
