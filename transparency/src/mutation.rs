//! Whether an update may replace an entry: what a directory checks when it takes one and again when it
//! applies it, and what auditors and owners check afterwards.

use crate::messages::SignedKv;
use crate::protobuf;

/// The most bytes of a serialised update.
pub const MAX: usize = 16 * 1024;

/// What an acceptable update does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It writes its value.
    Apply,
    /// It is the update that wrote the present value, come again. It does nothing.
    Replay,
}

/// An update that may not be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is too long.
    #[error("the update has {size} bytes; at most {MAX} are taken")]
    Size {
        /// Its serialised bytes.
        size: usize,
    },
    /// It doesn't replace the present entry.
    #[error("`previous` isn't the hash of the present entry: read the entry again, and sign anew")]
    Previous,
    /// Its value is no entry.
    #[error("the value is no Entry: {0}")]
    Entry(protobuf::Error),
    /// The present leaf is no entry.
    #[error("the present leaf is no Entry: {0}")]
    Leaf(protobuf::Error),
    /// Nobody could ever replace it.
    #[error("the new entry authorizes no key that could sign the next update (P-256)")]
    NoKey,
    /// The `previous` inside the entry is another than beside it.
    #[error("`previous` inside the entry isn't the update's `previous`")]
    PreviousInside,
    /// Entries of this user say `previous` inside, and this one doesn't.
    #[error(
        "the entry says no `previous` inside, as the present one does: an old value may not come back"
    )]
    PreviousDropped,
    /// No authorized key signed it.
    #[error("no key that may change the entry signed the update")]
    Signature,
}

impl Error {
    /// The stable code of this failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Size { .. } => "kt.update-size",
            Self::Entry(_) | Self::Leaf(_) => "kt.form",
            Self::Previous => "kt.update-previous",
            Self::PreviousInside | Self::PreviousDropped => "kt.update-rollback",
            Self::NoKey => "kt.update-keys",
            Self::Signature => "kt.update-signature",
        }
    }
}

/// Checks an update against the present leaf (a serialised entry, as it stands in the map), if there is one.
/// The caller has checked that `key` is the user's index, and that the commitment opens.
///
/// # Errors
///
/// The first rule that the update breaks, in the order of the rules.
pub fn check(update: &SignedKv, leaf: Option<&[u8]>) -> Result<Verdict, Error> {
    let _ = (update, leaf);
    Err(Error::Signature)
}
