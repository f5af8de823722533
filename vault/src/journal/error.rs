//! Why a journal does not open, or takes no more.

use std::io;
use std::sync::Arc;

/// Why a journal does not open, or takes no more. Of what is sealed it shows nothing.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The platform has counted more commits than the file has: an older copy was put back, or none.
    #[error(
        "the journal is older than its platform knows it: it ends with commit {journal}, and {counted} were counted"
    )]
    Rollback {
        /// Commits in the file.
        journal: u64,
        /// Commits that the platform has counted.
        counted: u64,
    },
    /// The file has as many commits as were counted, but not those.
    #[error(
        "the journal is not the one that its platform knows: its commit {journal} is another than the one that was counted as {counted}"
    )]
    Forked {
        /// The commit that is another.
        journal: u64,
        /// Commits that the platform has counted.
        counted: u64,
    },
    /// A record is not as it was written.
    #[error("the journal is damaged: the record at byte {offset} {what}")]
    Damaged {
        /// Where the record begins.
        offset: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The file is no journal, or one of another platform.
    #[error("the file is no journal of this platform: {0}")]
    Foreign(&'static str),
    /// Another process has it open.
    #[error("another process has the journal open")]
    Locked,
    /// A later version of the program has used it.
    #[error(
        "the journal belongs to security version {journal} of the program, and this is version {own}"
    )]
    Newer {
        /// Of the program that used it last.
        journal: u16,
        /// This program's.
        own: u16,
    },
    /// More than a record takes.
    #[error("{bytes} bytes are more than a record of the journal takes, {limit}")]
    Long {
        /// How many.
        bytes: usize,
        /// At most.
        limit: usize,
    },
    /// A snapshot of a state that the journal has gone beyond.
    #[error("events were committed after the snapshot was taken")]
    Stale,
    /// The file can't be read or written.
    #[error("cannot {action} the journal: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The platform gives no key, or does not count.
    #[error(transparent)]
    Platform(Arc<tee::Error>),
    /// The system has no randomness.
    #[error("the system gives no random bytes to seal the journal with")]
    Entropy,
}

impl Error {
    /// Its code, with a page of that name in `docs/errors`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rollback { .. } | Self::Forked { .. } => "vault.rollback",
            Self::Platform(error) => error.code(),
            _ => "vault.journal",
        }
    }

    /// What to do next, where that is not plain.
    #[must_use]
    pub const fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Rollback { .. } | Self::Forked { .. } => Some(
                "put back the journal that this platform wrote last; if it is lost, so are its keys: start a new vault with a new data folder",
            ),
            Self::Damaged { .. } => Some(
                "if the disk did it, put back the whole file of the same moment: a copy of any other moment is refused",
            ),
            Self::Foreign(_) => Some(
                "start the vault with the journal and the platform of the same data folder, or remove both for a new vault",
            ),
            Self::Locked => Some("one vault at a time: stop the other one"),
            Self::Newer { .. } => {
                Some("start the later version of the vault; there is no way back")
            }
            _ => None,
        }
    }

    pub(super) fn file(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            action,
            source: Arc::new(source),
        }
    }
}

impl From<tee::Error> for Error {
    fn from(error: tee::Error) -> Self {
        Self::Platform(Arc::new(error))
    }
}
