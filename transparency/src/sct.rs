//! The signed certificate timestamp that an answer carries as `smh_sct`: the log's promise, over one signed
//! head, in the form of RFC 6962 with the experimental JSON entry (specification, section 8).

use crate::log::{self, Hash};

/// The longest text of an entry, in bytes: what a `u24` counts.
pub const MAX_TEXT: usize = (1 << 24) - 1;

/// A signed timestamp of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sct {
    /// SHA-256 of the log key's SubjectPublicKeyInfo.
    pub log_id: [u8; 32],
    /// Milliseconds since 1970.
    pub timestamp_ms: u64,
    /// ECDSA P-256 with SHA-256, DER.
    pub signature: Vec<u8>,
}

/// Why a timestamp is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no timestamp.
    #[error("smh_sct is malformed at byte {at}: {what}")]
    Form {
        /// Where.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// It is of another log.
    #[error("smh_sct is of another log than the pinned one")]
    Log,
    /// The signature does not hold.
    #[error("the signature of smh_sct does not hold for this head under the pinned log key")]
    Signature,
    /// The head's text is longer than an entry may be.
    #[error("the head's text has {len} bytes; an entry of the log has at most {MAX_TEXT}")]
    TooLong {
        /// How many bytes it has.
        len: usize,
    },
}

impl Error {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        "kt.sct"
    }
}

impl Sct {
    /// The timestamp in `bytes`, which must hold nothing else.
    ///
    /// # Errors
    ///
    /// [`Error::Form`], with the offset.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let _ = bytes;
        Err(Error::Form { at: 0, what: "" })
    }

    /// Its bytes, as in `smh_sct`.
    ///
    /// # Errors
    ///
    /// [`Error::Form`] if the signature has more than 65 535 bytes.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        Err(Error::Form { at: 0, what: "" })
    }
}

/// What the log signs for an entry: the head's text (see [`entry_text`]) at a time.
///
/// # Errors
///
/// [`Error::TooLong`].
pub fn signature_input(timestamp_ms: u64, text: &str) -> Result<Vec<u8>, Error> {
    let _ = timestamp_ms;
    Err(Error::TooLong { len: text.len() })
}

/// The bytes of the log's leaf for an entry; [`log::leaf_hash`] hashes them.
///
/// # Errors
///
/// [`Error::TooLong`].
pub fn merkle_leaf(timestamp_ms: u64, text: &str) -> Result<Vec<u8>, Error> {
    let _ = timestamp_ms;
    Err(Error::TooLong { len: text.len() })
}

/// The hash of the log's leaf for an entry.
///
/// # Errors
///
/// [`Error::TooLong`].
pub fn leaf_hash(timestamp_ms: u64, text: &str) -> Result<Hash, Error> {
    Ok(log::leaf_hash(&merkle_leaf(timestamp_ms, text)?))
}
