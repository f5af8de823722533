//! Why a measured program is not started.

use std::io;
use std::path::{Path, PathBuf};

use simulator::launch::Refusal;

/// Why a measured program is not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the image can't be read.
    #[error("cannot read {}: {source}; give an image as `sconify build` makes it", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Launch control refuses it.
    #[error("{} is not launched: {source}", stream.display())]
    Refused {
        /// The enclave's stream.
        stream: PathBuf,
        /// Why.
        source: Refusal,
    },
    /// There is no platform to launch it on.
    #[error(transparent)]
    Platform(#[from] simulator::Error),
    /// The kernel does not take the sandbox.
    #[error(
        "the kernel refuses the program's sandbox ({part}): {why}; a kernel with seccomp filters is needed, also within a container"
    )]
    Sandbox {
        /// `seccomp`, `Landlock` or `capabilities`.
        part: &'static str,
        /// What it says.
        why: String,
    },
    /// The operating system refuses what starting takes.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// The thread that starts programs panicked.
    #[error("the launching thread panicked; this is a defect, please report it")]
    Panicked,
}

impl Error {
    /// The code of its class, stable: each has a page in `docs/errors/`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "launch.file",
            Self::Refused { source, .. } => source.code(),
            Self::Platform(error) => error.code(),
            Self::Sandbox { .. } => "launch.sandbox",
            Self::System { .. } | Self::Panicked => "launch.system",
        }
    }

    /// Names what was tried when the operating system said no.
    pub(super) fn system(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { action, source }
    }

    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }
}
