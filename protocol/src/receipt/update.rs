//! What is added to a receipt.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::record::signature_rules;
use super::{NotVerified, ReceiptStatus};
use crate::crypto::secp256k1::{SigningKey, VerifyingKey};
use crate::crypto::sha256;
use crate::ids::{HexText, WorkOrderId};

/// An update: the parameters of `WorkOrderReceiptUpdate`, which `WorkOrderReceiptUpdateRetrieve`
/// gives back. Well-formed, and not verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Update {
    /// The receipt's order.
    pub work_order_id: WorkOrderId,
    /// Hex text: who says so. No signature covers it.
    pub updater_id: HexText,
    /// The receipt's new status.
    pub update_type: ReceiptStatus,
    /// The response hash for "completed" and "processed"; any short text otherwise.
    #[serde(default)]
    pub update_data: String,
    /// Base64 of a DER signature over [`Update::digest`].
    pub update_signature: String,
    /// [`SIGNATURE_RULES`](super::SIGNATURE_RULES).
    #[serde(default = "signature_rules")]
    pub signature_rules: String,
    /// PEM of the key that the signature is by. Absent in requests of peers that leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_verification_key: Option<String>,
}

impl Update {
    /// The text that is signed. Nothing stands between its parts.
    pub fn signed_text(&self) -> String {
        [
            self.work_order_id.as_str(),
            &self.update_type.code().to_string(),
            &self.update_data,
        ]
        .concat()
    }

    /// SHA-256 of [`Update::signed_text`].
    pub fn digest(&self) -> [u8; 32] {
        sha256(&[self.signed_text().as_bytes()])
    }

    /// Checks the signature, which must be by one of the keys in `allowed`: the creator's or the
    /// worker's. An update that names no key gets the one of these that its signature is by.
    ///
    /// # Errors
    ///
    /// [`NotVerified`].
    pub fn verify(mut self, allowed: &[&VerifyingKey]) -> Result<VerifiedUpdate, NotVerified> {
        let signature = STANDARD.decode(&self.update_signature);
        let signature = signature.map_err(|_| NotVerified::Signature)?;
        let digest = self.digest();
        let key = match &self.receipt_verification_key {
            Some(pem) => {
                let key = VerifyingKey::from_pem(pem)?;
                if !allowed.iter().any(|one| one.is_same_key(&key)) {
                    return Err(NotVerified::ForeignKey);
                }
                Some(key).filter(|key| key.verifies(&digest, &signature))
            }
            None => {
                let mut allowed = allowed.iter().copied();
                allowed
                    .find(|key| key.verifies(&digest, &signature))
                    .cloned()
            }
        };
        let key = key.ok_or(NotVerified::Signature)?;
        self.receipt_verification_key = Some(key.pem().to_owned());
        Ok(VerifiedUpdate { update: self, key })
    }
}

/// An update whose signature is by somebody who may make it: only [`Update::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedUpdate {
    update: Update,
    key: VerifyingKey,
}

impl VerifiedUpdate {
    /// What it says; `receipt_verification_key` is there.
    pub fn update(&self) -> &Update {
        &self.update
    }

    /// The updater's key.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }
}

/// What somebody is about to add.
#[derive(Clone, Copy, Debug)]
pub struct UpdateDraft<'a> {
    /// The receipt's order.
    pub work_order_id: &'a WorkOrderId,
    /// Who says so.
    pub updater_id: &'a HexText,
    /// The new status.
    pub status: ReceiptStatus,
    /// See [`Update::update_data`].
    pub data: &'a str,
}

impl UpdateDraft<'_> {
    /// Signs it, and names the key.
    pub fn sign(&self, key: &SigningKey) -> Update {
        let mut update = Update {
            work_order_id: self.work_order_id.clone(),
            updater_id: self.updater_id.clone(),
            update_type: self.status,
            update_data: self.data.to_owned(),
            update_signature: String::new(),
            signature_rules: signature_rules(),
            receipt_verification_key: Some(key.verifying_key().pem().to_owned()),
        };
        update.update_signature = STANDARD.encode(key.sign(&update.digest()));
        update
    }
}

/// Which update of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateIndex {
    /// The one at this place, counted from 1.
    At(u32),
    /// The last.
    Last,
}

impl UpdateIndex {
    /// What means "the last" on the wire: Avalon's code has the first, its comment (and the EEA
    /// specification) the second.
    const LAST: [i64; 2] = [1 << 32, (1 << 32) - 1];

    /// The index of this number; `None` unless it's positive. A number beyond 2^32 stands for a
    /// place where no update is.
    pub fn from_number(number: i64) -> Option<Self> {
        if Self::LAST.contains(&number) {
            return Some(Self::Last);
        }
        let at = u64::try_from(number).ok().filter(|at| *at > 0)?;
        Some(Self::At(u32::try_from(at).unwrap_or(u32::MAX)))
    }

    /// The number on the wire.
    pub fn number(self) -> i64 {
        match self {
            Self::At(at) => at.into(),
            Self::Last => Self::LAST[0],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::entropy::SystemEntropy;

    fn key() -> SigningKey {
        SigningKey::generate(&SystemEntropy::new()).unwrap()
    }

    fn update(key: &SigningKey) -> Update {
        let draft = UpdateDraft {
            work_order_id: &WorkOrderId::new("0a").unwrap(),
            updater_id: &HexText::new("0c").unwrap(),
            status: ReceiptStatus::Failed,
            data: "it broke",
        };
        draft.sign(key)
    }

    #[test]
    fn only_those_who_may() {
        let (creator, worker, stranger) = (key(), key(), key());
        let (a, b) = (creator.verifying_key(), worker.verifying_key());
        for signer in [&creator, &worker] {
            let named = update(signer).verify(&[&a, &b]).unwrap();
            assert!(named.key().is_same_key(&signer.verifying_key()));
            let mut unnamed = update(signer);
            unnamed.receipt_verification_key = None;
            assert_eq!(unnamed.verify(&[&a, &b]).unwrap(), named);
        }
        let foreign = update(&stranger);
        assert_eq!(
            foreign.clone().verify(&[&a, &b]).unwrap_err(),
            NotVerified::ForeignKey
        );
        let unnamed = Update {
            receipt_verification_key: None,
            ..foreign.clone()
        };
        assert_eq!(
            unnamed.verify(&[&a, &b]).unwrap_err(),
            NotVerified::Signature
        );
        let borrowed = Update {
            receipt_verification_key: Some(a.pem().to_owned()),
            ..foreign
        };
        assert_eq!(
            borrowed.verify(&[&a, &b]).unwrap_err(),
            NotVerified::Signature
        );
    }

    #[test]
    fn a_key_that_wraps_otherwise_is_the_same() {
        let key = key();
        let mut update = update(&key);
        let wrapped = key.verifying_key().pem().replace('\n', "\r\n");
        update.receipt_verification_key = Some(wrapped.clone());
        let verified = update.verify(&[&key.verifying_key()]).unwrap();
        let kept = verified.update().receipt_verification_key.as_deref();
        assert_eq!(kept, Some(wrapped.as_str()));
    }

    #[test]
    fn order_type_and_data_are_signed_and_the_updater_is_not() {
        let key = key();
        let public = key.verifying_key();
        let changes: [fn(&mut Update); 3] = [
            |u| u.work_order_id = WorkOrderId::new("0b").unwrap(),
            |u| u.update_type = ReceiptStatus::Rejected,
            |u| u.update_data.push('!'),
        ];
        for (n, change) in changes.into_iter().enumerate() {
            let mut changed = update(&key);
            change(&mut changed);
            let fault = changed.verify(&[&public]).unwrap_err();
            assert_eq!(fault, NotVerified::Signature, "{n}");
        }
        let mut changed = update(&key);
        changed.updater_id = HexText::new("0d").unwrap();
        assert!(changed.verify(&[&public]).is_ok());
    }

    #[test]
    fn indices() {
        let last = Some(UpdateIndex::Last);
        assert_eq!(UpdateIndex::from_number(4_294_967_296), last);
        assert_eq!(UpdateIndex::from_number(4_294_967_295), last);
        assert_eq!(UpdateIndex::from_number(1), Some(UpdateIndex::At(1)));
        for none in [0, -1, i64::MIN] {
            assert_eq!(UpdateIndex::from_number(none), None);
        }
        for far in [4_294_967_294, 4_294_967_297, i64::MAX] {
            assert!(matches!(
                UpdateIndex::from_number(far),
                Some(UpdateIndex::At(at)) if at > 1 << 31
            ));
        }
        assert_eq!(UpdateIndex::Last.number(), 4_294_967_296);
    }
}
