//! What can go wrong, told by whether anything may have happened.

use std::path::PathBuf;

/// Why a call to a store brought no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing happened, and the same call will be refused again.
    #[error(transparent)]
    Refused(#[from] Reason),
    /// Nothing happened; the same call may succeed later. The text says what stands in the way.
    #[error("the store is unavailable, try again later: {0}")]
    Unavailable(String),
    /// The call may or may not have been performed. Repeating it with the same arguments is safe.
    #[error("the store may or may not have done it, repeat the call: {0}")]
    Unknown(String),
}

/// Why a call was refused. [`Reason::code`] is stable; the text is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// A body, result or record is larger than the [capabilities](crate::Capabilities) allow.
    #[error("{what} of {size} bytes is too large, send at most {limit} bytes")]
    TooLarge {
        /// Which part of the call.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The largest size taken, in bytes.
        limit: usize,
    },
    /// An id or key is longer than the [capabilities](crate::Capabilities) allow.
    #[error("{what} of {size} bytes is too long, use at most {limit} bytes")]
    KeyTooLong {
        /// Which part of the call.
        what: &'static str,
        /// Its length in bytes.
        size: usize,
        /// The greatest length taken, in bytes.
        limit: usize,
    },
    /// More writes in one batch than the [capabilities](crate::Capabilities) allow, or more replay
    /// keys than an order may have.
    #[error("{size} writes or keys in one call are too many, give at most {limit}")]
    BatchTooLarge {
        /// Writes or keys in the call.
        size: usize,
        /// The most taken in one call.
        limit: usize,
    },
    /// One batch names the same key twice.
    #[error("a batch names the same key twice, write each key once")]
    KeyTwice,
    /// Another process, or another engine of this process, has the file open.
    #[error("{} is in use by another process, stop it or choose another data folder", .0.display())]
    InUse(PathBuf),
    /// The file was written by a later release.
    #[error(
        "{} has schema version {found} but this release knows versions up to {known}, use a newer release", path.display()
    )]
    SchemaNewer {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u64,
        /// The newest version that this release knows.
        known: u64,
    },
    /// The file is something else, or damaged.
    #[error("{} is not a readable store ({detail}), restore it from a backup or choose another data folder", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
}

impl Reason {
    /// A code that stays the same over releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too-large",
            Self::KeyTooLong { .. } => "key-too-long",
            Self::BatchTooLarge { .. } => "batch-too-large",
            Self::KeyTwice => "key-twice",
            Self::InUse(_) => "in-use",
            Self::SchemaNewer { .. } => "schema-newer",
            Self::NotAStore { .. } => "not-a-store",
        }
    }
}
