//! Why a witness does not cosign.

use std::path::PathBuf;

/// What a witness answers instead of a cosignature.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The body is none of the protocol's.
    #[error("the request cannot be read: {0}")]
    Form(&'static str),
    /// Nobody has told this witness of the log.
    #[error("this witness does not know a log {origin:?}")]
    Unknown {
        /// The checkpoint's first line.
        origin: String,
    },
    /// None of the checkpoint's signatures is by a key that this witness knows for the log.
    #[error("no signature of the checkpoint is by a key of {origin:?}")]
    Signature {
        /// The log.
        origin: String,
    },
    /// The request begins at another size than this witness has seen.
    #[error("the latest checkpoint here has {size} leaves, not {old}")]
    Conflict {
        /// Leaves of the latest checkpoint that was cosigned; 0 if there is none.
        size: u64,
        /// Where the request's proof begins.
        old: u64,
    },
    /// There are two roots for one size: the log shows different people different things.
    #[error("a checkpoint of {size} leaves with another root was cosigned before")]
    Split {
        /// Leaves of both.
        size: u64,
    },
    /// The checkpoint is not shown to go on from the latest.
    #[error("the proof from {old} leaves to {new} does not hold")]
    Proof {
        /// Leaves of the latest checkpoint.
        old: u64,
        /// Leaves of the new one.
        new: u64,
    },
    /// What the witness has seen can't be read or kept. Without that it cosigns nothing.
    #[error("cannot keep what was seen in {path}: {fault}")]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
}

impl Error {
    /// The stable code of its kind.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Form(_) => "kt.witness-form",
            Self::Unknown { .. } | Self::Signature { .. } => "kt.witness-unknown",
            Self::Conflict { .. } => "kt.witness-conflict",
            Self::Split { .. } | Self::Proof { .. } => "kt.witness-proof",
            Self::State { .. } => "kt.witness-state",
        }
    }

    /// The status of the answer (C2SP tlog-witness, `add-checkpoint`).
    pub fn status(&self) -> u16 {
        match self {
            Self::Form(_) => 400,
            Self::Signature { .. } => 403,
            Self::Unknown { .. } => 404,
            Self::Conflict { .. } | Self::Split { .. } => 409,
            Self::Proof { .. } => 422,
            Self::State { .. } => 500,
        }
    }
}
