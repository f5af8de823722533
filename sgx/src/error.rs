//! Everything that this crate refuses, for those who handle all of it alike.

use crate::digest::NotADigest;
use crate::sgxs;
use crate::sigstruct::{Faults, KeyError, NotADate, Refusal, WrongLength};
use crate::tcs::TcsError;

/// Why bytes or a text are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A stream that is not canonical.
    #[error(transparent)]
    Sgxs(#[from] sgxs::Error),
    /// A thread control structure that is none.
    #[error(transparent)]
    Tcs(#[from] TcsError),
    /// Bytes that are no SIGSTRUCT by their number.
    #[error(transparent)]
    Length(#[from] WrongLength),
    /// A SIGSTRUCT that does not hold.
    #[error(transparent)]
    Sigstruct(#[from] Faults),
    /// A key that signs no enclaves.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A date that is none.
    #[error(transparent)]
    Date(#[from] NotADate),
    /// An enclave that the signature is not for.
    #[error(transparent)]
    Launch(#[from] Refusal),
    /// A digest that is none.
    #[error(transparent)]
    Digest(#[from] NotADigest),
}

impl Error {
    /// Every code that there is.
    pub const CODES: &'static [&'static str] = &[
        "sgxs.truncated",
        "sgxs.record",
        "sgxs.size",
        "sgxs.reserved",
        "sgxs.page",
        "sgxs.order",
        "sgx.tcs",
        "sgx.digest",
        "sigstruct.form",
        "sigstruct.signature",
        "sigstruct.launch",
        "sigstruct.key",
        "sigstruct.date",
    ];

    /// The code of its class, stable: each has a page in `docs/errors/`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Sgxs(error) => error.code(),
            Self::Tcs(error) => error.code(),
            Self::Length(error) => error.code(),
            Self::Sigstruct(faults) => faults.code(),
            Self::Key(error) => error.code(),
            Self::Date(error) => error.code(),
            Self::Launch(refusal) => refusal.code(),
            Self::Digest(error) => error.code(),
        }
    }
}
