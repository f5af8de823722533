//! Why a worker's keys are not believed, or a look-up gave nothing.

use std::path::PathBuf;

use transparency::error::Error as Untrue;

/// Why a look-up in a directory, or what it found, is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no answer.
    #[error(transparent)]
    NoAnswer(#[from] super::Error),
    /// The answer is not true.
    #[error("the directory's answer is refused: {0}")]
    NotVerified(#[from] Untrue),
    /// What was seen of the directory before can't be read or kept.
    #[error("what was seen of the directory before is kept in {}: {fault}", file.display())]
    Memory {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// The directory has nothing of the worker.
    #[error(
        "the directory {realm} publishes no keys of it (epoch {epoch}): nothing shows that everybody is \
         shown the same"
    )]
    Missing {
        /// The directory's realm.
        realm: String,
        /// The epoch that proves it.
        epoch: u64,
    },
    /// What it has can't be read.
    #[error("the worker's entry in the directory: {fault}")]
    Data {
        /// What is wrong with it.
        fault: String,
    },
    /// The keys are others than those that the directory has.
    #[error("{0}")]
    Keys(Box<Differing>),
}

/// Keys of a worker that differ from those that are published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Differing {
    /// The directory's realm.
    pub realm: String,
    /// The epoch that proves it.
    pub epoch: u64,
    /// The newest generation that is published.
    pub generation: u64,
    /// SHA-256 of the PEM of the verification and of the encryption key that were shown.
    pub shown: [String; 2],
    /// The same of those that are published as the newest generation.
    pub published: [String; 2],
    /// Whether both say that the same key may change the worker's entry: keys of the same worker, that are
    /// not published (yet), or not any more.
    pub is_same_worker: bool,
}

impl std::fmt::Display for Differing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            realm,
            epoch,
            generation,
            shown: [verification, encryption],
            published: [published_verification, published_encryption],
            is_same_worker,
        } = self;
        write!(
            f,
            "the listener shows the encryption key SHA-256 {encryption} (verification key SHA-256 \
             {verification}), and the directory {realm} publishes the encryption key SHA-256 \
             {published_encryption} (verification key SHA-256 {published_verification}, generation \
             {generation}, epoch {epoch})"
        )?;
        if *is_same_worker {
            f.write_str(": these keys of the worker are not published")
        } else {
            f.write_str(": they are another worker's keys")
        }
    }
}

impl Refusal {
    /// Its code, which has a page in `docs/errors`.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::NoAnswer(error) => error.code(),
            Self::NotVerified(error) => error.code(),
            Self::Memory { .. } => "directory.memory",
            Self::Missing { .. } => "directory.missing",
            Self::Data { .. } => "directory.data",
            Self::Keys { .. } => "directory.keys",
        }
    }

    /// Whether it may be another answer in a moment, when new keys are being published.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Missing { .. } | Self::NotVerified(Untrue::Stale { .. }) => true,
            Self::Keys(differing) => differing.is_same_worker,
            _ => false,
        }
    }
}
