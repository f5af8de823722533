//! Why an operation failed.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// What went wrong. Each part of the crate has an enum of its own, with codes of its own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program or an image can't be built.
    #[error(transparent)]
    Build(#[from] crate::build::Error),
    /// An `enclave.toml` can't be used.
    #[error(transparent)]
    Config(#[from] crate::config::Error),
    /// Two images differ.
    #[error(transparent)]
    Diff(#[from] crate::diff::Differ),
    /// A program can't be used.
    #[error(transparent)]
    Elf(#[from] crate::elf::Error),
    /// A file can't be used, because of what is in it.
    #[error("{}: {error}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: Box<Error>,
    },
    /// Files can't be put into an image, or are not those that were.
    #[error(transparent)]
    Files(#[from] crate::files::Error),
    /// A stream, a SIGSTRUCT or a part of them breaks a rule.
    #[error(transparent)]
    Format(#[from] sgx::Error),
    /// A manifest for Gramine, or what its tools print, can't be used.
    #[error(transparent)]
    Gramine(#[from] crate::gramine::Error),
    /// An `iexec.json` can't be filled in.
    #[error(transparent)]
    Iexec(#[from] crate::iexec::Error),
    /// An image can't be read.
    #[error(transparent)]
    Image(#[from] crate::image::Error),
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
    /// What is asked for makes no enclave.
    #[error(transparent)]
    Layout(#[from] crate::layout::Error),
    /// A measurement is not that of its lock file.
    #[error(transparent)]
    Lock(#[from] crate::lock::Error),
    /// An image can't be packaged.
    #[error(transparent)]
    Package(#[from] crate::package::Error),
    /// A stream can't be read.
    #[error(transparent)]
    Reading(#[from] crate::reading::Error),
    /// A session for SCONE, or what SCONE printed, can't be used.
    #[error(transparent)]
    Scone(#[from] crate::scone::Error),
    /// Nothing is signed.
    #[error(transparent)]
    Sign(#[from] crate::sign::Error),
    /// An image isn't what it says.
    #[error(transparent)]
    Verify(#[from] crate::verify::Unverified),
}

/// What every error of a part says beside its one line.
pub trait Fault: std::error::Error {
    /// The stable code, which a page in `docs/errors` explains.
    fn code(&self) -> &'static str;

    /// The exit status.
    fn exit(&self) -> Exit;

    /// What to do next, in one line, where the message does not say it.
    fn advice(&self) -> Option<String> {
        None
    }
}

/// What an exit status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Status 1: the operation failed, or the answer is no.
    Failed,
    /// Status 2: the command line or an input can't be used; nothing was tried.
    Unusable,
    /// Status 3: there is no answer, because what was to be compared was made by other tools.
    Incomparable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Failed => 1,
            Exit::Unusable => 2,
            Exit::Incomparable => 3,
        })
    }
}

impl Error {
    /// The error of the part where it arose; `None` if it belongs to none.
    fn part(&self) -> Option<&dyn Fault> {
        match self {
            Self::Build(error) => Some(error),
            Self::Config(error) => Some(error),
            Self::Diff(error) => Some(error),
            Self::Elf(error) => Some(error),
            Self::File { error, .. } => error.part(),
            Self::Files(error) => Some(error),
            Self::Format(error) => Some(error),
            Self::Gramine(error) => Some(error),
            Self::Iexec(error) => Some(error),
            Self::Image(error) => Some(error),
            Self::Io { .. } => None,
            Self::Layout(error) => Some(error),
            Self::Lock(error) => Some(error),
            Self::Package(error) => Some(error),
            Self::Reading(error) => Some(error),
            Self::Scone(error) => Some(error),
            Self::Sign(error) => Some(error),
            Self::Verify(error) => Some(error),
        }
    }

    /// For `map_err`: the file in which something is wrong.
    pub fn of_file<E: Into<Self>>(path: impl Into<PathBuf>) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |error| Self::File {
            path,
            error: Box::new(error.into()),
        }
    }

    /// For `map_err`: a file that can't be read or written.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

impl From<sgx::sgxs::Error> for Error {
    fn from(error: sgx::sgxs::Error) -> Self {
        Self::Format(error.into())
    }
}

impl Fault for sgx::Error {
    fn code(&self) -> &'static str {
        self.code()
    }

    fn exit(&self) -> Exit {
        Exit::Unusable
    }
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        self.part().map_or("file.io", Fault::code)
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Io { action: "read", .. } => Exit::Unusable,
            Self::File { error, .. } => error.exit(),
            _ => self.part().map_or(Exit::Failed, Fault::exit),
        }
    }

    fn advice(&self) -> Option<String> {
        self.part().and_then(Fault::advice)
    }
}
