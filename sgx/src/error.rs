//! Files that this crate refuses, for those who handle them alike.

use crate::sgxs;
use crate::sigstruct::{Faults, Refusal, WrongLength};

/// Why a stream or a SIGSTRUCT is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A stream that is not canonical.
    #[error(transparent)]
    Sgxs(#[from] sgxs::Error),
    /// Bytes that are no SIGSTRUCT by their number.
    #[error(transparent)]
    Length(#[from] WrongLength),
    /// A SIGSTRUCT that does not hold.
    #[error(transparent)]
    Sigstruct(#[from] Faults),
    /// An enclave that the signature is not for.
    #[error(transparent)]
    Launch(#[from] Refusal),
}

impl Error {
    /// The code of its class, stable: each has a page in `docs/errors/`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Sgxs(error) => error.code(),
            Self::Length(error) => error.code(),
            Self::Sigstruct(faults) => faults.code(),
            Self::Launch(refusal) => refusal.code(),
        }
    }
}
