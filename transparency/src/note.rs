//! Signed notes (C2SP signed-note), checkpoints (tlog-checkpoint) and cosignatures (tlog-cosignature).
//!
//! A note is a text, an empty line, and signatures, each under a name and a key of Ed25519. A checkpoint is
//! a note that says how large a log is and what its root; a witness adds to it, after having seen that the
//! log only grew, a cosignature with the time.

mod checkpoint;
mod keys;
mod signature;

use std::fmt;

pub use checkpoint::Checkpoint;
pub use keys::{Kind, SignerKey, VerifierKey};
pub use signature::Signature;

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
    #[error("the key of notes is malformed: {what}")]
    Key {
        /// What is wrong with it.
        what: &'static str,
    },
    /// There is no signature by the key, or one that does not hold.
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
    /// There was nothing random to make a key of.
    #[error("the system gives no random bytes to make a key of")]
    Random,
}

impl Error {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Random => "kt.random",
            Self::Key { .. } => "kt.key",
            _ => "kt.note",
        }
    }
}

impl Note {
    /// The note of this text, without signatures.
    ///
    /// # Errors
    ///
    /// [`Error::Form`] if the text does not end in a newline, has other control characters, or is too long.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        if text.len() > MAX_NOTE {
            return Err(Error::Form {
                line: 1,
                what: "the note is longer than 64 KiB",
            });
        }
        for (line, content) in (1..).zip(text.split('\n')) {
            if content.contains(|character: char| character.is_ascii_control()) {
                return Err(Error::Form {
                    line,
                    what: "there is a control character",
                });
            }
        }
        if !text.ends_with('\n') {
            return Err(Error::Form {
                line: text.split('\n').count(),
                what: "the text does not end in a newline",
            });
        }
        Ok(Self {
            text,
            signatures: Vec::new(),
        })
    }

    /// The note in `signed`: a text, an empty line, and at least one signature.
    ///
    /// # Errors
    ///
    /// [`Error::Form`], with the line.
    pub fn parse(signed: &str) -> Result<Self, Error> {
        if signed.len() > MAX_NOTE {
            return Err(Error::Form {
                line: 1,
                what: "the note is longer than 64 KiB",
            });
        }
        // Signatures have no empty lines: the last one is before them.
        let (text, signatures) = signed.rsplit_once("\n\n").ok_or(Error::Form {
            line: 1,
            what: "there is no empty line before signatures",
        })?;
        let mut note = Self::new(format!("{text}\n"))?;
        let first = text.split('\n').count() + 2;
        let fault = |what| Error::Form { line: first, what };
        let signatures = signatures
            .strip_suffix('\n')
            .ok_or(fault("the signatures do not end in a newline"))?;
        for (at, line) in signatures.split('\n').enumerate() {
            if at >= MAX_SIGNATURES {
                return Err(fault("there are more than 100 signatures"));
            }
            let signature = signature::parse(line, first + at)?;
            note.signatures.push(signature);
        }
        Ok(note)
    }

    /// Adds the signature of `key`.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] if it is a key for cosignatures.
    pub fn sign(&mut self, key: &SignerKey) -> Result<(), Error> {
        if key.verifier().kind() != Kind::Ed25519 {
            return Err(Error::Key {
                what: "it is for cosignatures, not for notes",
            });
        }
        self.signatures.push(Signature {
            name: key.verifier().name().to_owned(),
            key_id: key.verifier().id(),
            bytes: key.sign(self.text.as_bytes())?.to_vec(),
        });
        Ok(())
    }

    /// Makes the cosignature of `key` at a time (seconds since 1970), without adding it.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] if it is not a key for cosignatures.
    pub fn cosign(&self, key: &SignerKey, timestamp: u64) -> Result<Signature, Error> {
        if key.verifier().kind() != Kind::Cosignature {
            return Err(Error::Key {
                what: "it is for notes, not for cosignatures",
            });
        }
        let signed = key.sign(cosigned(timestamp, &self.text).as_bytes())?;
        Ok(Signature {
            name: key.verifier().name().to_owned(),
            key_id: key.verifier().id(),
            bytes: [&timestamp.to_be_bytes(), &signed[..]].concat(),
        })
    }

    /// Verifies that `key` signed the note: that there are signatures under its name and id, and that all
    /// of them hold. For a key of cosignatures, the result is the latest of their times, in seconds since
    /// 1970; for others it is 0.
    ///
    /// # Errors
    ///
    /// [`Error::Signature`].
    pub fn verify(&self, key: &VerifierKey) -> Result<u64, Error> {
        let mut latest = None;
        for signature in &self.signatures {
            if signature.name != key.name() || signature.key_id != key.id() {
                continue;
            }
            let time = self.time_of(key, signature);
            latest = latest.max(Some(time.ok_or_else(|| refused(key))?));
        }
        latest.ok_or_else(|| refused(key))
    }

    /// The time of a signature that holds.
    fn time_of(&self, key: &VerifierKey, signature: &Signature) -> Option<u64> {
        match key.kind() {
            Kind::Ed25519 => key
                .holds(self.text.as_bytes(), &signature.bytes)
                .then_some(0),
            Kind::Cosignature => {
                let (time, bytes) = signature.bytes.split_first_chunk()?;
                let time = u64::from_be_bytes(*time);
                key.holds(cosigned(time, &self.text).as_bytes(), bytes)
                    .then_some(time)
            }
        }
    }
}

impl fmt::Display for Note {
    /// The signed note: text, empty line, signatures.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for signature in &self.signatures {
            writeln!(f, "{signature}")?;
        }
        Ok(())
    }
}

/// What a cosignature signs.
fn cosigned(timestamp: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {timestamp}\n{text}")
}

fn refused(key: &VerifierKey) -> Error {
    Error::Signature {
        name: key.name().to_owned(),
    }
}

#[cfg(test)]
mod tests;
