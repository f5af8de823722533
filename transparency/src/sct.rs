//! The signed certificate timestamp that an answer carries as `smh_sct`: the log's promise over one signed
//! head, in the form of RFC 6962 with the experimental JSON entry (specification, section 8).

mod text;

use crate::log::{self, Hash};
use crate::messages::SignedMapHead;
use crate::signature::{SigningKey, VerifyingKey};

pub use text::entry_text;

/// The longest text of an entry, in bytes: what a `u24` counts.
pub const MAX_TEXT: usize = (1 << 24) - 1;

/// Version 1, the only one.
const VERSION: u8 = 0;
/// That what is signed is a certificate's timestamp.
const CERTIFICATE_TIMESTAMP: u8 = 0;
/// That the leaf of the log is a timestamped entry.
const TIMESTAMPED_ENTRY: u8 = 0;
/// The entry that is JSON: of the range for experiments, and in no document.
const JSON_ENTRY: u16 = 0x8000;
/// SHA-256 and ECDSA, in the numbers of TLS 1.2.
const ALGORITHMS: [u8; 2] = [4, 3];

/// A signed timestamp of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sct {
    /// The id of the log's key: SHA-256 of its SubjectPublicKeyInfo.
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
    /// There was nothing random to sign with.
    #[error("the system gives no random bytes to sign with")]
    Random,
}

impl Error {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Random => "kt.random",
            _ => "kt.sct",
        }
    }
}

impl Sct {
    /// The log's promise that `head`, with the signatures that it has now, will be in it.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`] and [`Error::Random`].
    pub fn sign(key: &SigningKey, timestamp_ms: u64, head: &SignedMapHead) -> Result<Self, Error> {
        let input = signature_input(timestamp_ms, &entry_text(head))?;
        Ok(Self {
            log_id: *key.id().as_bytes(),
            timestamp_ms,
            signature: key.sign(&input).map_err(|_| Error::Random)?,
        })
    }

    /// Verifies that it is the promise, by the log with `key`, for `head` and its signatures.
    ///
    /// # Errors
    ///
    /// [`Error::Log`], [`Error::Signature`] and [`Error::TooLong`].
    pub fn verify(&self, head: &SignedMapHead, key: &VerifyingKey) -> Result<(), Error> {
        if self.log_id != *key.id().as_bytes() {
            return Err(Error::Log);
        }
        let input = signature_input(self.timestamp_ms, &entry_text(head))?;
        key.verify(&input, &self.signature)
            .map_err(|_| Error::Signature)
    }

    /// The timestamp in `bytes`, which must hold nothing else, and no extensions: there are none.
    ///
    /// # Errors
    ///
    /// [`Error::Form`], with the offset.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut rest = Reader { bytes, at: 0 };
        if rest.take()? != [VERSION] {
            return Err(rest.fault("the version is not 1"));
        }
        let log_id = rest.take()?;
        let timestamp_ms = u64::from_be_bytes(rest.take()?);
        if rest.take()? != [0, 0] {
            return Err(rest.fault("there are extensions"));
        }
        if rest.take()? != ALGORITHMS {
            return Err(rest.fault("the algorithms are not SHA-256 and ECDSA"));
        }
        let len = usize::from(u16::from_be_bytes(rest.take()?));
        let signature = bytes.get(rest.at..).unwrap_or_default().to_vec();
        if signature.len() != len {
            return Err(rest.fault("the signature has another length than it says"));
        }
        Ok(Self {
            log_id,
            timestamp_ms,
            signature,
        })
    }

    /// Its bytes, as in `smh_sct`.
    ///
    /// # Errors
    ///
    /// [`Error::Form`] if the signature has more than 65 535 bytes.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let len = u16::try_from(self.signature.len()).map_err(|_| Error::Form {
            at: 45,
            what: "the signature is too long",
        })?;
        let mut bytes = vec![VERSION];
        bytes.extend(self.log_id);
        bytes.extend(self.timestamp_ms.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(ALGORITHMS);
        bytes.extend(len.to_be_bytes());
        bytes.extend(&self.signature);
        Ok(bytes)
    }
}

/// What the log signs for an entry: a head's text (see [`entry_text`]) at a time.
///
/// # Errors
///
/// [`Error::TooLong`].
pub fn signature_input(timestamp_ms: u64, text: &str) -> Result<Vec<u8>, Error> {
    entry([VERSION, CERTIFICATE_TIMESTAMP], timestamp_ms, text)
}

/// The bytes of the log's leaf for an entry, which [`log::leaf_hash`] hashes.
///
/// # Errors
///
/// [`Error::TooLong`].
pub fn merkle_leaf(timestamp_ms: u64, text: &str) -> Result<Vec<u8>, Error> {
    entry([VERSION, TIMESTAMPED_ENTRY], timestamp_ms, text)
}

/// The hash of the log's leaf for an entry.
///
/// # Errors
///
/// [`Error::TooLong`].
pub fn leaf_hash(timestamp_ms: u64, text: &str) -> Result<Hash, Error> {
    Ok(log::leaf_hash(&merkle_leaf(timestamp_ms, text)?))
}

fn entry(kind: [u8; 2], timestamp_ms: u64, text: &str) -> Result<Vec<u8>, Error> {
    let len = u32::try_from(text.len())
        .ok()
        .filter(|_| text.len() <= MAX_TEXT)
        .ok_or(Error::TooLong { len: text.len() })?;
    let [_, len @ ..] = len.to_be_bytes();
    let mut bytes = Vec::with_capacity(text.len() + 17);
    bytes.extend(kind);
    bytes.extend(timestamp_ms.to_be_bytes());
    bytes.extend(JSON_ENTRY.to_be_bytes());
    bytes.extend(len);
    bytes.extend(text.as_bytes());
    // No extensions.
    bytes.extend([0, 0]);
    Ok(bytes)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let taken = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<N>);
        let taken = taken.ok_or_else(|| self.fault("it ends here"))?;
        self.at += N;
        Ok(*taken)
    }

    fn fault(&self, what: &'static str) -> Error {
        Error::Form { at: self.at, what }
    }
}

#[cfg(test)]
mod tests;
