//! Why an enclave is not launched.

use std::io;

use sgx::sgxs;
use sgx::sigstruct::{self, Faults, WrongLength};

use super::ProgramFault;

/// Why an enclave is not launched, with the name that the processor's instruction has for it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The stream can't be read to its end.
    #[error("cannot read the enclave's stream: {0}")]
    Read(#[source] io::Error),
    /// The stream builds no enclave.
    #[error("#GP(0) in building the enclave: {0}")]
    Stream(#[from] sgxs::Error),
    /// Bytes that are no SIGSTRUCT by their number.
    #[error("SGX_INVALID_SIG_STRUCT: {0}")]
    Length(#[from] WrongLength),
    /// A SIGSTRUCT that does not hold.
    #[error("{name}: {0}", name = .0.einit())]
    Sigstruct(#[from] Faults),
    /// ECREATE does not take these ATTRIBUTES.
    #[error("#GP(0) in ECREATE: ATTRIBUTES: {0}")]
    Create(&'static str),
    /// The signature is for another enclave, or for other attributes.
    #[error(transparent)]
    Initialise(#[from] sigstruct::Refusal),
    /// It is signed and measured, and the operating system would not run what was measured.
    #[error("the measured pages cannot be executed as they are: {0}")]
    Program(#[from] ProgramFault),
}

impl Refusal {
    /// The code of its class, stable: each has a page in `docs/errors/`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read(_) => "launch.file",
            Self::Stream(_) => "launch.stream",
            Self::Length(_) => "launch.sigstruct",
            Self::Sigstruct(faults) if faults.einit() == "SGX_INVALID_SIGNATURE" => {
                "launch.signature"
            }
            Self::Sigstruct(_) => "launch.sigstruct",
            Self::Initialise(sigstruct::Refusal::Measurement { .. }) => "launch.measurement",
            Self::Create(_) | Self::Initialise(_) => "launch.attributes",
            Self::Program(_) => "launch.program",
        }
    }
}
