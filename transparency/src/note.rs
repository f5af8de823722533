//! Signed notes (C2SP signed-note), checkpoints (tlog-checkpoint) and cosignatures (tlog-cosignature).
//!
//! A note is a text, an empty line, and signatures, each under a name and a key of Ed25519. A checkpoint is
//! a note that says how large a log is and what its root; a witness adds to it, after having seen that the
//! log only grew, a cosignature with the time.

mod checkpoint;
mod keys;

pub use checkpoint::Checkpoint;
pub use keys::{Kind, SignerKey, VerifierKey};

/// The longest note, in bytes.
pub const MAX_NOTE: usize = 64 * 1024;
/// The most signatures on a note.
pub const MAX_SIGNATURES: usize = 100;

/// A note and its signatures, verified or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The text, ending in a newline.
    pub text: String,
    /// The signatures, in their order.
    pub signatures: Vec<Signature>,
}

/// One signature under a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The name of the key.
    pub name: String,
    /// The id of the key: the start of a hash over its name and bytes.
    pub key_id: u32,
    /// The signature; for a cosignature, after the time as `u64` seconds.
    pub bytes: Vec<u8>,
}

/// Why a note, a key or a checkpoint is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is no signed note.
    #[error("the signed note is malformed in line {line}: {what}")]
    Form {
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// The text is no key.
    #[error("the key is malformed: {what}")]
    Key {
        /// What is wrong with it.
        what: &'static str,
    },
    /// No signature by the key, or one that doesn't hold.
    #[error("the note has no valid signature by {name}")]
    Signature {
        /// The name of the key.
        name: String,
    },
    /// The note is no checkpoint.
    #[error("the checkpoint is malformed in line {line}: {what}")]
    Checkpoint {
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        what: &'static str,
    },
}

impl Error {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        "kt.note"
    }
}

impl Note {
    /// The note of this text, without signatures.
    ///
    /// # Errors
    ///
    /// [`Error::Form`] unless the text ends in a newline and has no control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        Ok(Self {
            text: text.into(),
            signatures: Vec::new(),
        })
    }

    /// The note in `signed`: text, empty line, signatures.
    ///
    /// # Errors
    ///
    /// [`Error::Form`], with the line.
    pub fn parse(signed: &str) -> Result<Self, Error> {
        let _ = signed;
        Err(Error::Form { line: 1, what: "" })
    }

    /// Adds the signature of `key`.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] if it is a key for cosignatures.
    pub fn sign(&mut self, key: &SignerKey) -> Result<(), Error> {
        let _ = key;
        Err(Error::Key { what: "" })
    }

    /// Makes the cosignature of `key` at a time (seconds since 1970), without adding it.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] if it is not a key for cosignatures.
    pub fn cosign(&self, key: &SignerKey, timestamp: u64) -> Result<Signature, Error> {
        let _ = (key, timestamp);
        Err(Error::Key { what: "" })
    }

    /// Verifies that `key` signed the note. For a key of cosignatures, the result is the time of the
    /// newest one that holds, in seconds since 1970; for others it is 0.
    ///
    /// # Errors
    ///
    /// [`Error::Signature`].
    pub fn verify(&self, key: &VerifierKey) -> Result<u64, Error> {
        Err(Error::Signature {
            name: key.name().to_owned(),
        })
    }
}

impl std::fmt::Display for Note {
    /// The signed note: text, empty line, signatures.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Signature {
    /// The signature in one line `— name base64`, with or without its newline.
    ///
    /// # Errors
    ///
    /// [`Error::Form`].
    pub fn parse(line: &str) -> Result<Self, Error> {
        let _ = line;
        Err(Error::Form { line: 1, what: "" })
    }
}

impl std::fmt::Display for Signature {
    /// The line `— name base64`, without its newline.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}
