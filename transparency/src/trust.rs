//! What a client pins of a directory.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The keys and the policy with which a directory's answers are verified, pinned by whoever relies on them.
///
/// As JSON it is the answer of `GET /v1/config`, to which a client adds its own policy, and the file
/// `directory.json`. What a directory says of itself is only worth pinning if it came a trusted way. Unknown
/// members are refused: a misspelt policy would be a check that nobody makes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// The domain of the directory, which is the id of its map too.
    pub realm: String,
    /// The suite of its VRF: [`BOUND`](Self::BOUND).
    pub vrf_suite: String,
    /// The P-256 key of its VRF: a SubjectPublicKeyInfo in PEM.
    pub vrf_key: String,
    /// The P-256 key that signs heads of the map: a SubjectPublicKeyInfo in PEM.
    pub map_key: String,
    /// The P-256 key of the log that promises to have the heads, in PEM. Without it those promises
    /// (`smh_sct`) are not checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_key: Option<String>,
    /// The Ed25519 key of the log's checkpoints, as signed notes name keys: `name+hash+base64`. With it every
    /// answer has to show that its head *is* in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_key: Option<String>,
    /// Witnesses that see to it that everybody is shown the same log: keys as `name+hash+base64`.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub witnesses: Policy,
    /// Auditors that check every change of the map: P-256 keys in PEM.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub auditors: Policy,
    /// Seconds after which the newest head is too old to be believed. Not checked if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u64>,
    /// Where the directory answers, as in `http://127.0.0.1:8080`. For whoever asks it; verifying needs
    /// no address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// How many of whom have to have signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// How many have to.
    #[serde(default)]
    pub threshold: usize,
    /// The keys that count.
    #[serde(default)]
    pub keys: Vec<String>,
}

impl Policy {
    /// Whether nothing is demanded of nobody.
    pub fn is_empty(&self) -> bool {
        self.threshold == 0 && self.keys.is_empty()
    }
}

impl Trust {
    /// The suite whose proofs show that a user has one index only.
    pub const BOUND: &str = "P256-SHA512-BOUND";

    /// Reads it from JSON.
    ///
    /// # Errors
    ///
    /// [`TrustError`] if the text is not such JSON. Keys are read by
    /// [`Verifier::new`](crate::verifier::Verifier::new).
    pub fn from_json(text: &[u8]) -> Result<Self, TrustError> {
        serde_json::from_slice(text).map_err(|fault| TrustError {
            member: "directory",
            what: fault.to_string(),
        })
    }
}

/// What was pinned of a directory can't be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{member}: {what}")]
pub struct TrustError {
    /// The member of [`Trust`].
    pub member: &'static str,
    /// What is wrong with it.
    pub what: String,
}

impl TrustError {
    /// The stable code, as in `docs/errors`.
    pub fn code(&self) -> &'static str {
        "kt.trust"
    }
}
