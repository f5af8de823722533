//! What an auditor finds.

use std::path::PathBuf;

use transparency::mutation;
use transparency::trust::TrustError;

use crate::fetch::FetchError;

/// Why an auditor does not sign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A head is not there, is there twice, or is not the directory's.
    #[error("the head of epoch {epoch}: {fault}")]
    Head {
        /// The epoch.
        epoch: u64,
        /// What is wrong.
        fault: String,
    },
    /// The feed leaves something out.
    #[error("the feed of epoch {epoch}: {fault}")]
    Feed {
        /// The epoch.
        epoch: u64,
        /// What is missing.
        fault: String,
    },
    /// An update was applied that no directory may apply.
    #[error("update {number} of epoch {epoch} was applied, and must not be: {fault}")]
    Update {
        /// The epoch.
        epoch: u64,
        /// Its number, from 0.
        number: u64,
        /// Which rule it breaks.
        fault: mutation::Error,
    },
    /// The updates make another map than the head says.
    #[error("the updates up to epoch {epoch} make the root {computed}, its head says {said}")]
    Root {
        /// The epoch.
        epoch: u64,
        /// The root that was computed, in hexadecimal.
        computed: String,
        /// The root that was signed, in hexadecimal.
        said: String,
    },
    /// The log is not that of the heads, or has shown different things.
    #[error("the log of {size} heads: {fault}")]
    Log {
        /// How many heads the checkpoint says there are.
        size: u64,
        /// What is wrong.
        fault: String,
    },
    /// What is public of an entry is not what it has to be.
    #[error("update {number} of epoch {epoch}, of {user}: {fault}")]
    Evidence {
        /// The epoch.
        epoch: u64,
        /// Its number, from 0.
        number: u64,
        /// Whose entry.
        user: String,
        /// What is wrong.
        fault: String,
    },
    /// Not enough witnesses have signed.
    #[error("{count} of the witnesses have signed the log of {size} heads, {threshold} must have")]
    Witnesses {
        /// How many heads.
        size: u64,
        /// How many have.
        count: usize,
        /// How many must.
        threshold: usize,
    },
    /// What the auditor remembers can't be used.
    #[error("what was audited before is kept in {path}: {fault}")]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
    /// What was pinned of the directory can't be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The directory does not answer.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The directory answers with something else.
    #[error("{url} answers {status}: {text}")]
    Answer {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of what it says.
        text: String,
    },
}

impl Error {
    /// The stable code of its kind.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Head { .. } => "kt.audit-head",
            Self::Feed { .. } => "kt.audit-feed",
            Self::Update { .. } => "kt.audit-update",
            Self::Root { .. } => "kt.audit-root",
            Self::Log { .. } => "kt.audit-log",
            Self::Evidence { .. } => "kt.audit-evidence",
            Self::Witnesses { .. } => "kt.witnesses",
            Self::State { .. } => "kt.audit-state",
            Self::Trust(fault) => fault.code(),
            Self::Fetch(_) | Self::Answer { .. } => "kt.audit-unreachable",
        }
    }

    /// Whether it says that the directory lied, or broke a rule: everything but what is wrong on this side,
    /// or between.
    pub fn is_finding(&self) -> bool {
        !matches!(
            self,
            Self::State { .. } | Self::Trust(_) | Self::Fetch(_) | Self::Answer { .. }
        )
    }
}
