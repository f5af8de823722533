//! Why the store could not answer, or do what was asked.

use transparency::{log, map::Index};

use crate::engine::EngineError;

/// Why the store could not answer, or do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The engine, or the disk under it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The store holds what no sound store does.
    #[error("the store is damaged: {0}; restore a copy of its folder")]
    Damaged(String),
    /// The folder holds the store of another map, or of another version of this program.
    #[error("the store is of {found}, not of {wanted}")]
    Foreign {
        /// What the folder is of.
        found: String,
        /// What it was opened as.
        wanted: String,
    },
    /// A version of the map that is no longer kept.
    #[error("epoch {epoch} is no longer kept; the oldest is {oldest}")]
    Gone {
        /// The epoch that was asked for.
        epoch: u64,
        /// The oldest epoch that every entry can still be proven in.
        oldest: u64,
    },
    /// An epoch that has not been.
    #[error("there is no epoch {0} yet")]
    NotYet(u64),
    /// An update that is not in the feed.
    #[error("epoch {epoch} has no update {number}")]
    NoUpdate {
        /// The epoch.
        epoch: u64,
        /// The number in its feed.
        number: u32,
    },
    /// A part of the log that is not there.
    #[error(transparent)]
    Log(#[from] log::Error),
    /// Two updates of one entry in one epoch: the second belongs into the next.
    #[error("an epoch takes one update of an entry, but has two of {0}")]
    Twice(Index),
    /// A signed update that has not the index or the entry that it came with.
    #[error("the signed update of {0} is of another index, or of another entry")]
    Mismatch(Index),
    /// An import into a directory that has entries.
    #[error(
        "the directory has entries, and users are loaded only before its first; put them one by one"
    )]
    NotEmpty,
    /// What was to be imported could not be read or prepared; nothing of it is left.
    #[error("the import failed, and nothing of it is left: {0}")]
    Import(#[source] super::SignerError),
    /// The signer did not sign; nothing was stored.
    #[error("the head could not be signed: {0}")]
    Unsigned(#[source] super::SignerError),
    /// A batch failed before, and nobody knows whether it is on disk: only opening the store again tells.
    #[error("the store failed before, and must be opened again")]
    Broken,
}

impl Error {
    /// The stable code of this kind of failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Engine(_)
            | Self::Damaged(_)
            | Self::Foreign { .. }
            | Self::Unsigned(_)
            | Self::Broken => "directory.store",
            Self::Gone { .. } | Self::NotYet(_) | Self::NoUpdate { .. } | Self::Log(_) => {
                "directory.range"
            }
            Self::Twice(_) | Self::Mismatch(_) | Self::NotEmpty | Self::Import(_) => {
                "directory.import"
            }
        }
    }
}
