//! What a user says of itself: keys of applications, and who may change them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::json;

/// What opens a commitment: a nonce, and what was committed to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// The nonce, 16 bytes.
    #[serde(
        default,
        with = "json::bytes",
        skip_serializing_if = "json::is_default"
    )]
    pub key: Vec<u8>,
    /// A serialised [`Profile`], as its user wrote it: only these bytes open the commitment.
    #[serde(
        default,
        with = "json::bytes",
        skip_serializing_if = "json::is_default"
    )]
    pub data: Vec<u8>,
}

/// A user's keys, by the id of the application that uses them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile(
    /// Application id to that application's bytes.
    pub BTreeMap<String, Vec<u8>>,
);

/// The leaf of a user: a commitment to its profile, and the keys that may replace this entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The commitment to the serialised profile, 32 bytes.
    #[serde(
        default,
        with = "json::bytes",
        skip_serializing_if = "json::is_default"
    )]
    pub commitment: Vec<u8>,
    /// The keys of which one has to sign the next entry.
    #[serde(default, skip_serializing_if = "json::is_default")]
    pub authorized_keys: Vec<PublicKey>,
    /// The object hash of the leaf that this entry replaces: what `update.previous` says, here under the
    /// update's signature. Empty in entries of clients of before; 32 bytes otherwise.
    #[serde(
        default,
        with = "json::bytes",
        skip_serializing_if = "json::is_default"
    )]
    pub previous: Vec<u8>,
}

/// A key that may sign updates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PublicKey {
    /// An Ed25519 key. No signature of this kind is checked.
    #[serde(rename = "ed25519", with = "json::bytes")]
    Ed25519(Vec<u8>),
    /// An RSA key of 3072 bits. No signature of this kind is checked.
    #[serde(rename = "rsa_verifying_sha256_3072", with = "json::bytes")]
    Rsa(Vec<u8>),
    /// A P-256 key: a SubjectPublicKeyInfo in DER, 91 bytes.
    #[serde(rename = "ecdsa_verifying_p256", with = "json::bytes")]
    P256(Vec<u8>),
    /// A key of a kind that has no name yet: its serialised message.
    #[serde(skip)]
    Other(Vec<u8>),
}
