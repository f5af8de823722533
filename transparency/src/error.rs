//! What is wrong with a directory's answer.

use thiserror::Error;

/// Why an answer is refused. Each failure has its own [code](Error::code), with a page in `docs/errors`.
///
/// All but [`Form`](Error::Form) are things that no honest directory answers: who holds the answer, and what
/// it remembered, holds the proof.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A member of the answer is missing, or isn't in its form.
    #[error("{member}: {what}")]
    Form {
        /// The member, as a path: `smh.map_head`.
        member: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// The proof doesn't show that the index is this user's.
    #[error("{0}")]
    Vrf(String),
    /// No valid signature of the pinned map key over the head.
    #[error("the head of epoch {epoch} has no valid signature of the pinned map key: {what}")]
    HeadSignature {
        /// The epoch that the head claims.
        epoch: u64,
        /// What stands where the signature should be.
        what: String,
    },
    /// The head is of another directory, signed by the same key.
    #[error("the head is of realm {found:?}, and {pinned:?} is pinned")]
    Realm {
        /// The head's realm.
        found: String,
        /// The realm that was pinned.
        pinned: String,
    },
    /// The neighbors are not 256 of 0 or 32 bytes.
    #[error("leaf_proof.neighbors: {0}")]
    Neighbors(String),
    /// The proof leads from the leaf, or from there being none, to another root than the head's.
    #[error(
        "the proof leads to another root than that of epoch {epoch}: the {what} is not what the signed map has"
    )]
    Inclusion {
        /// The head's epoch.
        epoch: u64,
        /// `leaf`, or `absence of a leaf`.
        what: &'static str,
    },
    /// What the directory opens the commitment with is not what the user committed to.
    #[error(
        "committed: neither form of the commitment in the proven leaf opens with this nonce and data for {user:?}"
    )]
    Commitment {
        /// The user that was asked for.
        user: String,
    },
    /// A leaf is proven, and what opens its commitment is withheld.
    #[error(
        "committed: withheld, although a leaf is proven: the directory hides the keys of a user that it has"
    )]
    CommittedMissing,
    /// No leaf is proven, and there are keys all the same.
    #[error("committed: there, although the proof says that there is no leaf")]
    CommittedExtra,
    /// The log's promise to have the head is not its promise.
    #[error("{0}")]
    Sct(String),
    /// The log of heads doesn't have the head, or is none.
    #[error("log_proof: {0}")]
    Log(String),
    /// The head, or the log, is older than one that was seen.
    #[error("{what} {found}, and {seen} has been seen: the directory shows an old state")]
    EpochOld {
        /// `epoch`, or `log of size`.
        what: &'static str,
        /// What the answer has.
        found: u64,
        /// What was seen before.
        seen: u64,
    },
    /// Two states of one number.
    #[error(
        "{what} {number} is not the one that was seen before: the directory shows different things to different people"
    )]
    Equivocation {
        /// `epoch`, or `log of size`.
        what: &'static str,
        /// Its number.
        number: u64,
    },
    /// Heads' times go back, or are of the future.
    #[error("smh.map_head.issue_time: {0}")]
    Time(String),
    /// The newest head that the directory shows is too old.
    #[error(
        "the newest head is {age} seconds old, and {limit} is the limit: updates may be kept back"
    )]
    Stale {
        /// Seconds since the head was made.
        age: u64,
        /// Seconds that it may have.
        limit: u64,
    },
    /// An entry that was replaced is there again.
    #[error("epoch {epoch}: {what}: an old entry was put back")]
    Rollback {
        /// The epoch in which it is there again.
        epoch: u64,
        /// How that shows.
        what: String,
    },
    /// An entry that was there is gone: entries can't be deleted.
    #[error(
        "{user:?} has no entry in epoch {epoch}, and had one in epoch {seen}: entries can't be deleted"
    )]
    Vanished {
        /// The user.
        user: String,
        /// The epoch without the entry.
        epoch: u64,
        /// The epoch in which it was seen.
        seen: u64,
    },
    /// An entry changed, and nobody who may change it has signed that.
    #[error(
        "the entry changed in epoch {epoch}, and no key that may change it has signed that: {what}"
    )]
    UnsignedChange {
        /// The epoch of the change.
        epoch: u64,
        /// What is wrong with the update that should show it.
        what: String,
    },
    /// An entry changed by somebody else than its owner.
    #[error("the entry changed in epoch {epoch}, and not by its owner: {what}")]
    ForeignChange {
        /// The epoch in which the change was seen.
        epoch: u64,
        /// How that shows.
        what: String,
    },
    /// A history leaves something out.
    #[error("the history has a gap: {0}")]
    HistoryGap(String),
    /// Too few witnesses have signed the log.
    #[error("{have} of the pinned witnesses have signed the log, and {want} are demanded")]
    Witnesses {
        /// Valid cosignatures of pinned witnesses.
        have: usize,
        /// How many the policy demands.
        want: usize,
    },
    /// Too few auditors have signed the head.
    #[error("{have} of the pinned auditors have signed the head, and {want} are demanded")]
    Auditors {
        /// Valid signatures of pinned auditors.
        have: usize,
        /// How many the policy demands.
        want: usize,
    },
    /// What was remembered is of another directory, or damaged.
    #[error("what is remembered of the directory can't be used: {0}")]
    Memory(String),
}

impl Error {
    /// The stable code, as in `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Form { .. } => "kt.form",
            Self::Vrf(_) => "kt.vrf",
            Self::HeadSignature { .. } => "kt.head-signature",
            Self::Realm { .. } => "kt.realm",
            Self::Neighbors(_) => "kt.neighbors",
            Self::Inclusion { .. } => "kt.inclusion",
            Self::Commitment { .. } => "kt.commitment",
            Self::CommittedMissing => "kt.committed-missing",
            Self::CommittedExtra => "kt.committed-extra",
            Self::Sct(_) => "kt.sct",
            Self::Log(_) => "kt.log",
            Self::EpochOld { .. } => "kt.epoch-old",
            Self::Equivocation { .. } => "kt.equivocation",
            Self::Time(_) => "kt.time",
            Self::Stale { .. } => "kt.stale",
            Self::Rollback { .. } => "kt.rollback",
            Self::Vanished { .. } => "kt.vanished",
            Self::UnsignedChange { .. } => "kt.unsigned-change",
            Self::ForeignChange { .. } => "kt.foreign-change",
            Self::HistoryGap(_) => "kt.history-gap",
            Self::Witnesses { .. } => "kt.witnesses",
            Self::Auditors { .. } => "kt.auditors",
            Self::Memory(_) => "kt.memory",
        }
    }
}
