//! What a worker returns for an order (wire facts 3.4 and 4.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::crypto::aes::{Ivs, SessionKey};
use crate::crypto::secp256k1::{SigningKey, VerifyingKey};
use crate::crypto::sha256;
use crate::hash::{self, Ids, ItemTexts};
use crate::{Entropy, EntropyFailed};

/// The `result` object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkOrderResult {
    /// As in the request.
    pub workload_id: String,
    /// As in the request.
    pub work_order_id: String,
    /// As in the request.
    pub worker_id: String,
    /// As in the request.
    pub requester_id: String,
    /// Base64 of 16 random characters.
    pub worker_nonce: String,
    /// The outputs.
    pub out_data: Vec<OutItem>,
    /// Base64 of the DER signature over [`WorkOrderResult::hash`].
    pub worker_signature: String,
    /// Pool mode: the one-time key that made `worker_signature`, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ext_verification_key: Option<String>,
    /// Pool mode: base64 DER signature of that key by the worker's published key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ext_verification_key_signature: Option<String>,
}

/// One output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutItem {
    /// Base64 of the ciphertext.
    pub data: String,
    /// Position.
    pub index: i64,
    /// `null` (the text): under the session key.
    #[serde(default)]
    pub encrypted_data_encryption_key: String,
    /// Always empty here.
    #[serde(default)]
    pub iv: String,
    /// Hex SHA-256 of the plaintext; C++ workers alone give it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data_hash: String,
}

impl OutItem {
    /// Output `index` whose ciphertext is `sealed`, marked as Avalon's Python worker does.
    pub fn new(index: i64, sealed: &[u8]) -> Self {
        Self {
            data: STANDARD.encode(sealed),
            index,
            encrypted_data_encryption_key: "null".to_owned(),
            iv: String::new(),
            data_hash: String::new(),
        }
    }

    fn texts(&self) -> ItemTexts<'_> {
        ItemTexts {
            index: self.index,
            data_hash: &self.data_hash,
            data: &self.data,
            key: &self.encrypted_data_encryption_key,
            iv: &self.iv,
        }
    }
}

/// An order that is about to be answered: whom the answer is for, and how it's encrypted.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// `workOrderId`
    pub work_order: &'a str,
    /// `workerId`
    pub worker: &'a str,
    /// `workloadId`
    pub workload: &'a str,
    /// `requesterId`
    pub requester: &'a str,
    /// Encrypts the output.
    pub session_key: &'a SessionKey,
    /// The layout of its ciphertext.
    pub ivs: Ivs,
}

/// Who signs an answer.
#[derive(Clone, Copy)]
pub enum Signer<'a> {
    /// The worker's published key.
    Published(&'a SigningKey),
    /// Pool mode: a key for this answer alone, which the published key vouches for.
    OneTime(&'a OneTimeKey),
}

/// A key that signs one answer (wire facts 4.5 and 7).
pub struct OneTimeKey {
    /// Signs the answer.
    pub signing: SigningKey,
    /// Its public half, in PEM.
    pub verification: String,
    /// The published key's signature over SHA-256 of that text and the request's nonce: base64 of DER.
    pub voucher: String,
}

impl Asked<'_> {
    /// The result whose one output this is.
    ///
    /// # Errors
    ///
    /// [`EntropyFailed`] without randomness.
    pub fn answer(
        &self,
        output: &[u8],
        signer: Signer<'_>,
        entropy: &dyn Entropy,
    ) -> Result<WorkOrderResult, EntropyFailed> {
        let sealed = self.session_key.seal(self.ivs, output, entropy)?;
        let (key, one_time) = match signer {
            Signer::Published(key) => (key, None),
            Signer::OneTime(one_time) => (&one_time.signing, Some(one_time)),
        };
        let mut result = WorkOrderResult {
            workload_id: self.workload.to_owned(),
            work_order_id: self.work_order.to_owned(),
            worker_id: self.worker.to_owned(),
            requester_id: self.requester.to_owned(),
            worker_nonce: STANDARD.encode(nonce(entropy)?),
            out_data: vec![OutItem::new(0, &sealed)],
            worker_signature: String::new(),
            ext_verification_key: one_time.map(|key| key.verification.clone()),
            ext_verification_key_signature: one_time.map(|key| key.voucher.clone()),
        };
        result.worker_signature = STANDARD.encode(key.sign(&result.hash()));
        Ok(result)
    }
}

/// The answer isn't the worker's answer to this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotVerified {
    /// An id differs from the request's.
    #[error("the answer is for another order: its {0} differs")]
    OtherOrder(&'static str),
    /// There is no output, and so nothing that is signed.
    #[error("the answer has no output")]
    Empty,
    /// A signature doesn't verify.
    #[error("the answer's {0} does not verify under the worker's key")]
    Signature(&'static str),
}

/// An answer whose ids and signatures have been checked: only [`WorkOrderResult::verify`] makes
/// one.
#[derive(Debug)]
pub struct VerifiedAnswer<'a>(&'a WorkOrderResult);

impl VerifiedAnswer<'_> {
    /// The outputs, still encrypted.
    pub fn out_data(&self) -> &[OutItem] {
        &self.0.out_data
    }
}

impl WorkOrderResult {
    /// What the worker signs.
    pub fn hash(&self) -> [u8; 32] {
        let ids = Ids {
            nonce: &self.worker_nonce,
            work_order: &self.work_order_id,
            worker: &self.worker_id,
            workload: &self.workload_id,
            requester: &self.requester_id,
        };
        let items: Vec<_> = self.out_data.iter().map(OutItem::texts).collect();
        hash::response(ids, &items)
    }

    /// Checks that this is the answer of the worker with `key` to the order with `asked`'s ids
    /// (whose nonce is the request's).
    pub fn verify(
        &self,
        key: &VerifyingKey,
        asked: Ids<'_>,
    ) -> Result<VerifiedAnswer<'_>, NotVerified> {
        let pairs = [
            ("workOrderId", self.work_order_id.as_str(), asked.work_order),
            ("workerId", &self.worker_id, asked.worker),
            ("workloadId", &self.workload_id, asked.workload),
            ("requesterId", &self.requester_id, asked.requester),
        ];
        for (name, found, wanted) in pairs {
            if found != wanted {
                return Err(NotVerified::OtherOrder(name));
            }
        }
        if self.out_data.is_empty() {
            return Err(NotVerified::Empty);
        }
        let signature = STANDARD.decode(&self.worker_signature).unwrap_or_default();
        if !self
            .signer(key, asked.nonce)?
            .verifies(&self.hash(), &signature)
        {
            return Err(NotVerified::Signature("workerSignature"));
        }
        Ok(VerifiedAnswer(self))
    }

    /// The key that must have signed: the worker's own, or in pool mode the one-time key that the
    /// published key vouches for (wire facts 4.5).
    fn signer(&self, key: &VerifyingKey, nonce: &str) -> Result<VerifyingKey, NotVerified> {
        let Some(pem) = self
            .ext_verification_key
            .as_deref()
            .filter(|pem| !pem.is_empty())
        else {
            return Ok(key.clone());
        };
        let fault = NotVerified::Signature("extVerificationKeySignature");
        let signature = self
            .ext_verification_key_signature
            .as_deref()
            .unwrap_or_default();
        let signature = STANDARD.decode(signature).map_err(|_| fault)?;
        let digest = sha256(&[pem.as_bytes(), nonce.as_bytes()]);
        if !key.verifies(&digest, &signature) {
            return Err(fault);
        }
        VerifyingKey::from_pem(pem).map_err(|_| fault)
    }
}

/// 16 characters of A–Z and 0–9, as Avalon's worker has them.
fn nonce(entropy: &dyn Entropy) -> Result<[u8; 16], EntropyFailed> {
    const LETTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let mut out = [0; 16];
    let mut filled = 0;
    while filled < out.len() {
        for byte in entropy.bytes::<32>()? {
            // 252 is the largest multiple of 36 in a byte: more would favour some letters.
            if byte < 252 && filled < out.len() {
                out[filled] = LETTERS[usize::from(byte % 36)];
                filled += 1;
            }
        }
    }
    Ok(out)
}
