//! The receipt itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{NotVerified, ReceiptStatus, SIGNATURE_RULES};
use crate::crypto::entropy::{Entropy, EntropyFailed};
use crate::crypto::secp256k1::{SigningKey, VerifyingKey};
use crate::crypto::sha256;
use crate::ids::{HexText, RequesterId, WorkOrderId, WorkerId};

/// A receipt: the parameters of `WorkOrderReceiptCreate`, which `WorkOrderReceiptRetrieve` gives
/// back. Well-formed, and not verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The order that it's about.
    pub work_order_id: WorkOrderId,
    /// Hex text: whose service the worker is; the worker's own id by custom.
    pub worker_service_id: HexText,
    /// The order's worker.
    pub worker_id: WorkerId,
    /// The order's requester.
    pub requester_id: RequesterId,
    /// What it says at first.
    pub receipt_create_status: ReceiptStatus,
    /// Base64 of the order's 32-byte request hash.
    pub work_order_request_hash: String,
    /// Hex text.
    pub requester_generated_nonce: HexText,
    /// [`SIGNATURE_RULES`].
    #[serde(default = "signature_rules")]
    pub signature_rules: String,
    /// PEM of the key that `requester_signature` is by.
    pub receipt_verification_key: String,
    /// Base64 of a DER signature over [`Receipt::digest`].
    pub requester_signature: String,
}

pub(super) fn signature_rules() -> String {
    SIGNATURE_RULES.to_owned()
}

impl Receipt {
    /// The text that is signed. Nothing stands between its parts.
    pub fn signed_text(&self) -> String {
        [
            self.work_order_id.as_str(),
            self.worker_service_id.as_str(),
            self.worker_id.as_str(),
            self.requester_id.as_str(),
            &self.receipt_create_status.code().to_string(),
            &self.work_order_request_hash,
            self.requester_generated_nonce.as_str(),
        ]
        .concat()
    }

    /// SHA-256 of [`Receipt::signed_text`].
    pub fn digest(&self) -> [u8; 32] {
        sha256(&[self.signed_text().as_bytes()])
    }

    /// The order's request hash as the receipt has it.
    pub fn request_hash(&self) -> Option<[u8; 32]> {
        let bytes = STANDARD.decode(&self.work_order_request_hash).ok()?;
        bytes.try_into().ok()
    }

    /// Checks the signature. Whose the key is, and whether the order is such, remains to be asked.
    ///
    /// # Errors
    ///
    /// [`NotVerified::Key`] and [`NotVerified::Signature`].
    pub fn verify(self) -> Result<VerifiedReceipt, NotVerified> {
        let key = VerifyingKey::from_pem(&self.receipt_verification_key)?;
        let signature = STANDARD.decode(&self.requester_signature);
        let signature = signature.map_err(|_| NotVerified::Signature)?;
        if !key.verifies(&self.digest(), &signature) {
            return Err(NotVerified::Signature);
        }
        Ok(VerifiedReceipt { receipt: self, key })
    }
}

/// A receipt whose signature is by the key that it names: only [`Receipt::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedReceipt {
    receipt: Receipt,
    key: VerifyingKey,
}

impl VerifiedReceipt {
    /// What it says.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The creator's key.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }
}

/// What a requester is about to state.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// The order.
    pub work_order_id: &'a WorkOrderId,
    /// The order's worker; the receipt has its id as the service's too.
    pub worker_id: &'a WorkerId,
    /// The order's requester id.
    pub requester_id: &'a RequesterId,
    /// The order's request hash.
    pub request_hash: [u8; 32],
    /// What the receipt shall say.
    pub status: ReceiptStatus,
}

impl Draft<'_> {
    /// Chooses a nonce and signs.
    ///
    /// # Errors
    ///
    /// [`EntropyFailed`].
    pub fn sign(&self, key: &SigningKey, entropy: &dyn Entropy) -> Result<Receipt, EntropyFailed> {
        let nonce = entropy.bytes::<16>()?;
        let mut receipt = Receipt {
            work_order_id: self.work_order_id.clone(),
            worker_service_id: HexText::from(self.worker_id),
            worker_id: self.worker_id.clone(),
            requester_id: self.requester_id.clone(),
            receipt_create_status: self.status,
            work_order_request_hash: STANDARD.encode(self.request_hash),
            requester_generated_nonce: HexText::of_bytes(&nonce),
            signature_rules: signature_rules(),
            receipt_verification_key: key.verifying_key().pem().to_owned(),
            requester_signature: String::new(),
        };
        receipt.requester_signature = STANDARD.encode(key.sign(&receipt.digest()));
        Ok(receipt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::entropy::SystemEntropy;

    fn receipt(key: &SigningKey) -> Receipt {
        let draft = Draft {
            work_order_id: &WorkOrderId::new("0a").unwrap(),
            worker_id: &WorkerId::new("0b").unwrap(),
            requester_id: &RequesterId::new("0c").unwrap(),
            request_hash: [7; 32],
            status: ReceiptStatus::Pending,
        };
        draft.sign(key, &SystemEntropy::new()).unwrap()
    }

    #[test]
    fn every_part_is_signed() {
        let key = SigningKey::generate(&SystemEntropy::new()).unwrap();
        let receipt = receipt(&key);
        assert_eq!(receipt.request_hash(), Some([7; 32]));
        let verified = receipt.clone().verify().unwrap();
        assert_eq!(verified.key().pem(), key.verifying_key().pem());

        let changes: [fn(&mut Receipt); 7] = [
            |r| r.work_order_id = WorkOrderId::new("0d").unwrap(),
            |r| r.worker_service_id = HexText::new("0B").unwrap(),
            |r| r.worker_id = WorkerId::new("0B").unwrap(),
            |r| r.requester_id = RequesterId::new("0C").unwrap(),
            |r| r.receipt_create_status = ReceiptStatus::Completed,
            |r| r.work_order_request_hash = STANDARD.encode([8; 32]),
            |r| r.requester_generated_nonce = HexText::new("00").unwrap(),
        ];
        for (n, change) in changes.into_iter().enumerate() {
            let mut changed = receipt.clone();
            change(&mut changed);
            assert_eq!(changed.verify().unwrap_err(), NotVerified::Signature, "{n}");
        }
    }

    #[test]
    fn other_keys_and_broken_ones() {
        let key = SigningKey::generate(&SystemEntropy::new()).unwrap();
        let other = SigningKey::generate(&SystemEntropy::new()).unwrap();
        let mut changed = receipt(&key);
        changed.receipt_verification_key = other.verifying_key().pem().to_owned();
        assert_eq!(changed.verify().unwrap_err(), NotVerified::Signature);
        let mut changed = receipt(&key);
        changed.receipt_verification_key.insert(40, '!');
        assert!(matches!(changed.verify(), Err(NotVerified::Key(_))));
        let mut changed = receipt(&key);
        changed.requester_signature.push('=');
        assert_eq!(changed.verify().unwrap_err(), NotVerified::Signature);
    }

    #[test]
    fn the_json_is_that_of_the_wire() {
        let key = SigningKey::generate(&SystemEntropy::new()).unwrap();
        let value = serde_json::to_value(receipt(&key)).unwrap();
        let names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        assert_eq!(
            names,
            [
                "receiptCreateStatus",
                "receiptVerificationKey",
                "requesterGeneratedNonce",
                "requesterId",
                "requesterSignature",
                "signatureRules",
                "workOrderId",
                "workOrderRequestHash",
                "workerId",
                "workerServiceId",
            ]
        );
        assert_eq!(value["workerServiceId"], "0b");
        assert_eq!(value["receiptCreateStatus"], 0);
    }
}
