//! Why a platform gives nothing.

use std::io;

use link::report::Refusal;
use sgx::Kind;

/// Why a platform gives nothing. Names devices, never what they gave.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A device, or the socket to the simulated platform, can't be used.
    #[error("cannot {action} {device}: {source}")]
    Device {
        /// What was tried.
        action: &'static str,
        /// On what.
        device: String,
        /// What the system said.
        source: io::Error,
    },
    /// A device was in use, or used by somebody else at the same time, at every try.
    #[error("{device} was busy, or changed meanwhile, at each of {tries} tries; try again later")]
    Busy {
        /// The device.
        device: String,
        /// How often it was tried.
        tries: u32,
    },
    /// What a platform gave is not what was asked for.
    #[error("{device} gave {what}; it is not used")]
    Answer {
        /// What gave it.
        device: String,
        /// What it is.
        what: &'static str,
    },
    /// The platform refuses.
    #[error("the platform refuses: {0}")]
    Refused(#[from] Refusal),
    /// This kind of platform has no such thing.
    #[error("a {kind} platform gives no {what}")]
    Unavailable {
        /// The kind of platform.
        kind: Kind,
        /// What it has none of.
        what: &'static str,
    },
}

impl Error {
    /// Its code, with a page of that name in `docs/errors`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Device { .. } => "tee.device",
            Self::Busy { .. } => "tee.busy",
            Self::Answer { .. } => "tee.answer",
            Self::Refused(_) => "tee.refused",
            Self::Unavailable { .. } => "tee.unavailable",
        }
    }
}
