//! Why a platform does not do what it is asked for.

use std::io;
use std::path::PathBuf;

/// What goes wrong with a simulated platform.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// EGETKEY gives no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The quoting enclave does not take a report.
    #[error(
        "the simulated quoting enclave refuses the report: its MAC is not the one that this platform makes; give it a report for the quoting enclave's own target, made on this platform"
    )]
    Report,
    /// A certificate, a list or a document cannot be encoded.
    #[error("the simulated platform cannot encode {what}: {why}")]
    Encoding {
        /// Which.
        what: &'static str,
        /// Why not.
        why: String,
    },
    /// The folder with a platform's state cannot be read or written.
    #[error("the simulated platform's state {path}: {source}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no platform in the folder.
    #[error("{0} holds no simulated platform")]
    Missing(PathBuf),
    /// Others may read the file with the platform's keys.
    #[error(
        "others may read {path} (mode {mode:o}), which holds the simulated platform's keys; make it 0600, or the folder anew"
    )]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The state is not in its form.
    #[error(
        "{path} is not the state of a simulated platform: {why}; put the whole file back, or remove its folder for a new platform with another root"
    )]
    State {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// The refusals of EGETKEY, with the names and numbers of the SDM (3D, table 38-62 and the
/// instruction's own page).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The enclave's ATTRIBUTES do not allow it that key.
    #[error("SGX_INVALID_ATTRIBUTE: the enclave's ATTRIBUTES do not allow it this key")]
    InvalidAttribute,
    /// KEYREQUEST.CPUSVN is above the processor's.
    #[error(
        "SGX_INVALID_CPUSVN: the key of a newer processor version than this one's is asked for"
    )]
    InvalidCpusvn,
    /// KEYREQUEST.ISVSVN is above the enclave's.
    #[error("SGX_INVALID_ISVSVN: the key of a newer version than the enclave's own is asked for")]
    InvalidIsvsvn,
    /// There is no such key.
    #[error("SGX_INVALID_KEYNAME: there is no key of this name")]
    InvalidKeyname,
    /// The processor would not run the instruction: a reserved bit is set, or key separation is asked
    /// for by an enclave without it.
    #[error("#GP(0): {0}")]
    GeneralProtection(&'static str),
}

impl Error {
    /// The code of the page that says more of it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Key(_) => "platform.key",
            Self::Report => "platform.report",
            Self::Encoding { .. } => "platform.encoding",
            Self::Io { .. } | Self::Missing(_) | Self::Exposed { .. } | Self::State { .. } => {
                "platform.state"
            }
        }
    }
}

impl KeyError {
    /// The error's number, as EGETKEY leaves it in RAX. A fault has none.
    #[must_use]
    pub const fn number(self) -> Option<u16> {
        match self {
            Self::InvalidAttribute => Some(2),
            Self::InvalidCpusvn => Some(32),
            Self::InvalidIsvsvn => Some(64),
            Self::InvalidKeyname => Some(256),
            Self::GeneralProtection(_) => None,
        }
    }
}
