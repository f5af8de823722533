//! What the vendor says of a platform, as DCAP verifiers are given it.

use serde::{Deserialize, Serialize};

/// Collateral with Intel's member names.
///
/// TCB info and identity are texts: what is signed are their exact bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collateral {
    /// The certificate of the authority that certifies PCKs, and the root's (PEM).
    pub pck_crl_issuer_chain: String,
    /// What the root has revoked (DER).
    #[serde(with = "octets")]
    pub root_ca_crl: Vec<u8>,
    /// Which PCK certificates are revoked (DER).
    #[serde(with = "octets")]
    pub pck_crl: Vec<u8>,
    /// The certificate of the TCB info's signer, and the root's (PEM).
    pub tcb_info_issuer_chain: String,
    /// TCB info (JSON, version 3).
    pub tcb_info: String,
    /// r and s, 64 bytes, over the TCB info's bytes.
    #[serde(with = "octets")]
    pub tcb_info_signature: Vec<u8>,
    /// The certificate of the identity's signer, and the root's (PEM).
    pub qe_identity_issuer_chain: String,
    /// Which quoting enclaves are the vendor's (JSON, version 2).
    pub qe_identity: String,
    /// r and s, 64 bytes, over the identity's bytes.
    #[serde(with = "octets")]
    pub qe_identity_signature: Vec<u8>,
}

impl Collateral {
    /// As JSON, over several lines.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "texts and hex digits can always be written"
    )]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("nothing but texts");
        text.push('\n');
        text
    }
}

/// Bytes in JSON: hex digits.
mod octets {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        hex::decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}
