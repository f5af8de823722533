//! Collateral: what the vendor of a platform says of it, as data that is given.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::json::{Object, fault};
use crate::{Stage, TrustAnchor};

/// The vendor's documents that quotes are judged by, as they come: nothing of it is verified.
///
/// It has the members of Intel's `sgx_ql_qve_collateral_t`, in JSON: certificate chains as PEM texts,
/// the documents as the texts that are signed, revocation lists (DER) and signatures (r ‖ s) as hex.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collateral {
    /// Certificates of the PCK CA and of the root, PEM.
    pub pck_crl_issuer_chain: String,
    /// What the root revoked, DER.
    pub root_ca_crl: Vec<u8>,
    /// What the PCK CA revoked, DER.
    pub pck_crl: Vec<u8>,
    /// Certificates of the TCB info's signer and of the root, PEM.
    pub tcb_info_issuer_chain: String,
    /// The TCB info, the very text that is signed.
    pub tcb_info: String,
    /// Its signature, r ‖ s, big-endian.
    pub tcb_info_signature: [u8; 64],
    /// Certificates of the identity's signer and of the root, PEM.
    pub qe_identity_issuer_chain: String,
    /// The quoting enclave's identity, the very text that is signed.
    pub qe_identity: String,
    /// Its signature, r ‖ s, big-endian.
    pub qe_identity_signature: [u8; 64],
}

/// A text that is no collateral.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("collateral: {what}")]
pub struct Error {
    what: String,
}

/// What collateral of its form is known by: a digest of all of it, and of the trust anchor it is to
/// be verified under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key([u8; 32]);

impl Collateral {
    /// Bytes that no JSON text of collateral exceeds: two of the longest revocation lists, and what is
    /// beside them. Real ones have some ten thousand.
    pub const MAX_SIZE: usize = 20 << 20;

    /// Reads collateral from its JSON text.
    ///
    /// # Errors
    ///
    /// The text is too long, or no JSON object of exactly these members, each once, or one of them is no hex, or
    /// a signature has not 64 bytes.
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        if text.len() > Self::MAX_SIZE {
            return Err(Error {
                what: format!(
                    "{} bytes, and no collateral has more than {}",
                    text.len(),
                    Self::MAX_SIZE
                ),
            });
        }
        let Object(members) =
            serde_json::from_slice::<Object<Members>>(text).map_err(|error| Error {
                what: fault(&error),
            })?;
        Ok(Self {
            root_ca_crl: bytes("root_ca_crl", &members.root_ca_crl)?,
            pck_crl: bytes("pck_crl", &members.pck_crl)?,
            tcb_info_signature: signature("tcb_info_signature", &members.tcb_info_signature)?,
            qe_identity_signature: signature(
                "qe_identity_signature",
                &members.qe_identity_signature,
            )?,
            pck_crl_issuer_chain: members.pck_crl_issuer_chain,
            tcb_info_issuer_chain: members.tcb_info_issuer_chain,
            tcb_info: members.tcb_info,
            qe_identity_issuer_chain: members.qe_identity_issuer_chain,
            qe_identity: members.qe_identity,
        })
    }

    /// Its JSON text, indented, with a final newline.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "a structure of texts has nothing that JSON can't say"
    )]
    pub fn to_json(&self) -> String {
        let members = Members {
            pck_crl_issuer_chain: self.pck_crl_issuer_chain.clone(),
            root_ca_crl: hex::encode(&self.root_ca_crl),
            pck_crl: hex::encode(&self.pck_crl),
            tcb_info_issuer_chain: self.tcb_info_issuer_chain.clone(),
            tcb_info: self.tcb_info.clone(),
            tcb_info_signature: hex::encode(self.tcb_info_signature),
            qe_identity_issuer_chain: self.qe_identity_issuer_chain.clone(),
            qe_identity: self.qe_identity.clone(),
            qe_identity_signature: hex::encode(self.qe_identity_signature),
        };
        let mut text = serde_json::to_string_pretty(&members).expect("texts are JSON");
        text.push('\n');
        text
    }

    /// What it is known by, under a trust anchor.
    pub(crate) fn key(&self, anchor: &TrustAnchor) -> Key {
        let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
        let parts: [&[u8]; 10] = [
            anchor.root_der(),
            self.pck_crl_issuer_chain.as_bytes(),
            &self.root_ca_crl,
            &self.pck_crl,
            self.tcb_info_issuer_chain.as_bytes(),
            self.tcb_info.as_bytes(),
            &self.tcb_info_signature,
            self.qe_identity_issuer_chain.as_bytes(),
            self.qe_identity.as_bytes(),
            &self.qe_identity_signature,
        ];
        for part in parts {
            // Lengths first: no two collaterals are written alike.
            digest.update(&(part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut key = [0; 32];
        key.copy_from_slice(digest.finish().as_ref());
        Key(key)
    }
}

impl Error {
    /// The check that has failed: the collateral is not in its form.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        Stage::Collateral
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    pck_crl_issuer_chain: String,
    root_ca_crl: String,
    pck_crl: String,
    tcb_info_issuer_chain: String,
    tcb_info: String,
    tcb_info_signature: String,
    qe_identity_issuer_chain: String,
    qe_identity: String,
    qe_identity_signature: String,
}

fn bytes(member: &str, text: &str) -> Result<Vec<u8>, Error> {
    hex::decode(text).map_err(|error| Error {
        what: format!("`{member}` is no hex: {}", error.to_string().to_lowercase()),
    })
}

fn signature(member: &str, text: &str) -> Result<[u8; 64], Error> {
    let mut signature = [0; 64];
    hex::decode_to_slice(text, &mut signature).map_err(|_| Error {
        what: format!(
            "`{member}` has {} characters instead of 128 hex digits (r and s)",
            text.chars().count()
        ),
    })?;
    Ok(signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Collateral {
        Collateral {
            pck_crl_issuer_chain: "chain of the CA\n".into(),
            root_ca_crl: alloc::vec![1, 2],
            pck_crl: alloc::vec![3],
            tcb_info_issuer_chain: "chain of the signer\n".into(),
            tcb_info: r#"{"a":"\u0062"}"#.into(),
            tcb_info_signature: [4; 64],
            qe_identity_issuer_chain: "another".into(),
            qe_identity: "{}".into(),
            qe_identity_signature: [5; 64],
        }
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let text = sample().to_json();
        assert_eq!(Collateral::from_json(text.as_bytes()), Ok(sample()));
        assert!(text.ends_with("}\n"));
    }

    #[test]
    fn other_forms_are_refused() {
        let good = sample().to_json();
        let four = "04".repeat(64);
        for (from, to) in [
            ("{\n", "[\n"),
            ("\"pck_crl\"", "\"pck_Crl\""),
            ("\"pck_crl\"", "\"more\": \"\", \"pck_crl\""),
            ("\"pck_crl\"", "\"pck_crl\": \"\", \"pck_crl\""),
            ("\"0102\"", "\"010\""),
            ("\"0102\"", "\"0x02\""),
            ("\"0102\"", "[1, 2]"),
            ("\"0102\"", "null"),
            (four.as_str(), &four[2..]),
            (four.as_str(), &"0g".repeat(64)),
            ("}\n", "} {}\n"),
        ] {
            assert!(good.contains(from), "{from}");
            let text = good.replacen(from, to, 1);
            let refused = Collateral::from_json(text.as_bytes()).unwrap_err();
            assert_eq!(refused.to_string().lines().count(), 1, "{refused}");
        }
        assert!(Collateral::from_json(b"\xff").is_err());
        let padded =
            |size: usize| [good.as_bytes(), &alloc::vec![b' '; size - good.len()]].concat();
        assert!(Collateral::from_json(&padded(Collateral::MAX_SIZE)).is_ok());
        assert!(Collateral::from_json(&padded(Collateral::MAX_SIZE + 1)).is_err());
        // An empty list is read: that it is none is for verification to say.
        let text = good.replacen("\"0102\"", "\"\"", 1);
        assert!(Collateral::from_json(text.as_bytes()).is_ok());
    }

    #[test]
    fn every_byte_is_part_of_the_key() {
        let anchor = TrustAnchor::intel();
        let mut keys = alloc::vec![sample().key(&anchor)];
        let changes: [fn(&mut Collateral); 10] = [
            |c| c.pck_crl_issuer_chain.push(' '),
            |c| c.root_ca_crl[1] ^= 1,
            |c| c.pck_crl.clear(),
            |c| c.tcb_info_issuer_chain.push('\n'),
            |c| c.tcb_info.push(' '),
            |c| c.tcb_info_signature[63] ^= 0x80,
            |c| c.qe_identity_issuer_chain.clear(),
            |c| c.qe_identity.push(' '),
            |c| c.qe_identity_signature[0] ^= 1,
            // The same bytes, parted elsewhere.
            |c| c.pck_crl.insert(0, c.root_ca_crl.pop().unwrap_or_default()),
        ];
        for change in changes {
            let mut other = sample();
            change(&mut other);
            keys.push(other.key(&anchor));
        }
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 11);
    }
}
