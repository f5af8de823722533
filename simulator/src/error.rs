//! Why a platform does not do what it is asked for.

use std::io;
use std::path::PathBuf;

/// What goes wrong with a simulated platform.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The quoting enclave does not take a report.
    #[error(
        "the simulated quoting enclave refuses the report: its MAC is not this platform's for the quoting enclave"
    )]
    Report,
    /// The system has no randomness to make a platform of.
    #[error("the system gives no random bytes for a simulated platform's keys")]
    Entropy,
    /// A certificate, a list or a document cannot be encoded.
    #[error("the simulated platform cannot encode {what}: {why}")]
    Encoding {
        /// Which.
        what: &'static str,
        /// Why not.
        why: String,
    },
    /// The folder with a platform's state cannot be read or written.
    #[error("the simulated platform's state, {}: {source}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no platform in the folder.
    #[error("{} holds no simulated platform", .0.display())]
    Missing(PathBuf),
    /// Others may read the file with the platform's keys, or replace it.
    #[error(
        "others may use {} (mode {mode:04o}), which holds a simulated platform's keys",
        path.display()
    )]
    Exposed {
        /// Which file, or its folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file with the platform's keys, or its folder, is somebody else's.
    #[error(
        "{} belongs to another user (user id {owner}), who has the simulated platform's keys",
        path.display()
    )]
    Foreign {
        /// Which file, or its folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// The state is not in its form.
    #[error("{} is not the state of a simulated platform: {why}", path.display())]
    State {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it. It quotes nothing of the file.
        why: String,
    },
}

/// The refusals of EGETKEY, with the names and numbers of the SDM (3D, "EGETKEY—Retrieves a Cryptographic
/// Key" and the table of error codes).
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
    /// KEYREQUEST.ISVSVN or CONFIGSVN is above the enclave's.
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

/// Why a counter is not advanced, or not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CounterError {
    /// It was asked to become something else than the next.
    #[error("the counter is at {found}, and cannot become {asked}: it goes one further at a time")]
    NotNext {
        /// Where it is.
        found: u64,
        /// What was asked for.
        asked: u64,
    },
    /// It can't be read or written.
    #[error(transparent)]
    State(#[from] Error),
}

impl CounterError {
    /// The code of the page that says more of it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotNext { .. } => "platform.failed",
            Self::State(error) => error.code(),
        }
    }
}

impl Error {
    /// The code of the page that says more of it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Report | Self::Encoding { .. } | Self::Entropy => "platform.failed",
            Self::Io { .. }
            | Self::Missing(_)
            | Self::Exposed { .. }
            | Self::Foreign { .. }
            | Self::State { .. } => "platform.state",
        }
    }

    /// What to do next, where that is not plain.
    #[must_use]
    pub const fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Exposed { .. } => Some(
                "chmod go= on it; if somebody may have used it, remove the file for a new platform with another root",
            ),
            Self::State { .. } => {
                Some("put the whole file back, or remove it for a new platform with another root")
            }
            Self::Foreign { .. } => {
                Some("run it as that user, or name another folder for a platform of this user's")
            }
            Self::Io { .. } => Some("the folder and its file have to be this user's own"),
            _ => None,
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
