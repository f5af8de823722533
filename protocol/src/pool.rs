//! Pools (wire facts 7): a key management enclave (KME) owns the published keys, and the processors that run
//! orders (Avalon's worker-pool enclaves) are given the keys of one order at a time.
//!
//! ```text
//! processor                    manager                         KME
//!    │ ◀─ GenerateNonce ────────── │                             │
//!    │ ── nonce ─────────────────▶ │ ── GetUniqueVerificationKey ▶
//!    │ ◀─ VerifyUniqueIdSignature  │ ◀───── unique key, signed ── │
//!    │ ◀─ ProcessWorkerSignup ──── │                             │
//!    │ ── its key, quoted ───────▶ │ ── RegisterWorkOrderProcessor ▶  verified
//!    │                             │                             │
//!    │                             │ ── PreProcessWorkOrder ────▶ │  for each order
//!    │ ◀─ ProcessWorkOrder ─────── │ ◀───── the order's keys ──── │
//! ```
//!
//! What the KME is asked for is a work order to itself, encrypted to its published key; [`KmeMethod`] names
//! them. The keys of an order travel as [`OrderKeys`], encrypted to the processor and signed with the *unique*
//! key that the processor has had quoted: the manager between them can neither read nor exchange them.

mod order_keys;

pub use order_keys::{BadOrderKeys, DataKeys, Given, OrderKeys};

use serde::{Deserialize, Serialize};

use crate::crypto::secp256k1::{SigningKey, VerifyingKey};
use crate::crypto::sha256;
use crate::ids;

/// What a KME is asked over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KmeMethod {
    /// A unique key for a processor that wants to register. Input: its nonce.
    UniqueKey,
    /// Takes a processor in. Input: a [`Registration`].
    Register,
    /// The keys of an order, for a processor. Inputs: the client's request, the processor's key.
    PreProcess,
}

impl KmeMethod {
    const ALL: [Self; 3] = [Self::UniqueKey, Self::Register, Self::PreProcess];

    /// The method of JSON-RPC.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UniqueKey => "GetUniqueVerificationKey",
            Self::Register => "RegisterWorkOrderProcessor",
            Self::PreProcess => "PreProcessWorkOrder",
        }
    }

    /// The workload that its order names.
    #[must_use]
    pub const fn workload(self) -> &'static str {
        match self {
            Self::UniqueKey => "kme-uid",
            Self::Register => "kme-reg",
            Self::PreProcess => "kme-preprocess",
        }
    }

    /// The method with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }
}

/// How a processor asks to be taken in: JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The unique key that the KME gave for it: hex of its PEM text.
    pub unique_id: String,
    /// Its evidence, a JSON text in the form that records have it.
    pub proof_data: String,
    /// Its public RSA key: a PEM text.
    pub wpe_encryption_key: String,
    /// What it says its measurement is: 64 hex digits. Nobody has to believe it.
    pub mr_enclave: String,
}

/// What comes of a [`Registration`]; its number, as text, is the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Registered {
    /// It is taken in.
    Yes = 0,
    /// It is not, for some other reason.
    Failed = 1,
    /// The KME has given no such unique key, or it has been used.
    NoSuchKey = 2,
    /// It is another program.
    Measurement = 3,
    /// Its signer, product or version is another.
    Signer = 4,
    /// Its evidence is not genuine.
    Evidence = 5,
    /// Its quote is about another encryption key.
    EncryptionKey = 6,
    /// Its quote is about another unique key.
    UniqueKey = 7,
}

/// A unique key as it is named on the wire: hex of its PEM text.
#[must_use]
pub fn unique_id(key: &VerifyingKey) -> String {
    hex::encode(key.pem())
}

/// The key of a [`unique_id`].
#[must_use]
pub fn unique_key(id: &str) -> Option<VerifyingKey> {
    let pem = String::from_utf8(ids::decode(id)?).ok()?;
    VerifyingKey::from_pem(&pem).ok()
}

/// A unique key's signature over itself and the processor's nonce: hex of DER, in upper case as Avalon has it.
#[must_use]
pub fn sign_unique(key: &SigningKey, nonce: &str) -> String {
    let digest = unique_digest(&key.verifying_key(), nonce);
    hex::encode_upper(key.sign(&digest))
}

/// Whether that is such a signature.
#[must_use]
pub fn verifies_unique(key: &VerifyingKey, nonce: &str, signature: &str) -> bool {
    let der = ids::decode(signature).unwrap_or_default();
    key.verifies(&unique_digest(key, nonce), &der)
}

fn unique_digest(key: &VerifyingKey, nonce: &str) -> [u8; 32] {
    sha256(&[key.pem().as_bytes(), nonce.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    #[test]
    fn methods_have_their_names() {
        for method in KmeMethod::ALL {
            assert_eq!(KmeMethod::from_name(method.name()), Some(method));
        }
        assert_eq!(KmeMethod::from_name("ProcessWorkOrder"), None);
    }

    #[test]
    fn a_unique_key_signs_itself_and_the_nonce() {
        let key = SigningKey::generate(&SystemEntropy::new()).unwrap();
        let id = unique_id(&key.verifying_key());
        let public = unique_key(&id).unwrap();
        assert_eq!(public.pem(), key.verifying_key().pem());
        let signature = sign_unique(&key, "e3e1");
        assert!(verifies_unique(&public, "e3e1", &signature));
        assert!(!verifies_unique(&public, "e3e2", &signature));
        let other = SigningKey::generate(&SystemEntropy::new()).unwrap();
        assert!(!verifies_unique(&other.verifying_key(), "e3e1", &signature));
        assert!(!verifies_unique(&public, "e3e1", "no hex"));
        assert!(unique_key("00").is_none());
    }
}
