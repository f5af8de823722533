//! Why an operation failed.

use std::io;
use std::path::PathBuf;

/// What went wrong. Each part of the crate has an enum of its own, with codes of its own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file can't be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// A verb: `read`, `write`, `create`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// What an exit status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Status 1: the operation failed, or the answer is no.
    Failed,
    /// Status 2: the command line or an input can't be used; nothing was tried.
    Unusable,
}

impl Error {
    /// The stable code, which a page in `docs/errors` explains.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "file.io",
        }
    }

    /// The exit status.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Io { action: "read", .. } => Exit::Unusable,
            Self::Io { .. } => Exit::Failed,
        }
    }

    /// For `map_err`: a file that can't be used.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
