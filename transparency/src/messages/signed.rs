//! Updates, and signatures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Committed;
use crate::json;

/// A request to change a user's entry: the body of a PUT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryUpdate {
    /// The signed change.
    pub update: SignedKv,
    /// What opens the new entry's commitment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<Committed>,
}

/// A change of the map, with signatures over `key_value`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedKv {
    /// What to write, and where.
    pub key_value: KeyValue,
    /// Signatures over `key_value`, by the ids of their keys.
    #[serde(
        default,
        with = "json::signatures",
        skip_serializing_if = "json::is_default"
    )]
    pub signatures: Signatures,
    /// The object hash of the leaf that is replaced. Not signed itself: see
    /// [`Entry::previous`](super::Entry::previous).
    #[serde(
        default,
        with = "json::bytes",
        skip_serializing_if = "json::is_default"
    )]
    pub previous: Vec<u8>,
}

/// A place in the map and what stands there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue {
    /// The user's index, 32 bytes.
    #[serde(
        default,
        with = "json::bytes",
        skip_serializing_if = "json::is_default"
    )]
    pub key: Vec<u8>,
    /// A serialised [`Entry`](super::Entry).
    #[serde(
        default,
        with = "json::bytes",
        skip_serializing_if = "json::is_default"
    )]
    pub value: Vec<u8>,
}

/// Signatures by the ids of their keys: lower-case hex of the SHA-256 of the SubjectPublicKeyInfo.
pub type Signatures = BTreeMap<String, DigitallySigned>;

/// A signature, in the manner of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigitallySigned {
    /// The hash of what is signed.
    #[serde(default, skip_serializing_if = "json::is_default")]
    pub hash_algorithm: HashAlgorithm,
    /// The algorithm that signs the hash.
    #[serde(default, skip_serializing_if = "json::is_default")]
    pub sig_algorithm: SignatureAlgorithm,
    /// The signature: of ECDSA, a DER SEQUENCE of r and s.
    #[serde(
        default,
        with = "json::bytes",
        skip_serializing_if = "json::is_default"
    )]
    pub signature: Vec<u8>,
}

/// How a signed text is hashed, in the numbers of TLS 1.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// Not at all.
    #[default]
    None,
    /// SHA-256: the only one in use.
    Sha256,
    /// SHA-512.
    Sha512,
    /// Another, by its number.
    Other(i32),
}

/// How a hash is signed, in the numbers of TLS 1.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// Not at all.
    #[default]
    Anonymous,
    /// ECDSA: the only one in use.
    Ecdsa,
    /// Another, by its number.
    Other(i32),
}

impl HashAlgorithm {
    /// The number that stands for it in protocol buffers and in hashes.
    pub fn number(self) -> i32 {
        match self {
            Self::None => 0,
            Self::Sha256 => 4,
            Self::Sha512 => 6,
            Self::Other(number) => number,
        }
    }

    /// The algorithm with that number.
    pub fn from_number(number: i32) -> Self {
        match number {
            0 => Self::None,
            4 => Self::Sha256,
            6 => Self::Sha512,
            other => Self::Other(other),
        }
    }
}

impl SignatureAlgorithm {
    /// The number that stands for it in protocol buffers and in hashes.
    pub fn number(self) -> i32 {
        match self {
            Self::Anonymous => 0,
            Self::Ecdsa => 1,
            Self::Other(number) => number,
        }
    }

    /// The algorithm with that number.
    pub fn from_number(number: i32) -> Self {
        match number {
            0 => Self::Anonymous,
            1 => Self::Ecdsa,
            other => Self::Other(other),
        }
    }
}
