//! The requester's half of the cryptography: build, encrypt and sign an order, open its answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::answer::{VerifiedAnswer, WorkOrderResult};
use crate::crypto::KeyError;
use crate::crypto::aes::{DoesNotOpen, Ivs, SessionKey};
use crate::crypto::entropy::{Entropy, EntropyFailed};
use crate::crypto::rsa::EncryptionKey;
use crate::crypto::secp256k1::{SigningKey, VerifyingKey};
use crate::detail;
use crate::hash::{self, Ids, ItemTexts};
use crate::ids::{NotHex, RequesterId, WorkOrderId, WorkerId, WorkloadId};

/// An order in clear.
pub struct Order<'a> {
    /// The worker that shall run it.
    pub worker_id: &'a WorkerId,
    /// That worker's key; the caller has verified it.
    pub encryption_key: &'a EncryptionKey,
    /// The workload's name, as in `python-hello`.
    pub workload: &'a str,
    /// The inputs; at least one for every workload that reads any.
    pub inputs: &'a [Input<'a>],
    /// Signs the request, if given.
    pub signing_key: Option<&'a SigningKey>,
    /// Share one initialisation vector between all ciphertexts, as Avalon's SDK must. It reuses a
    /// GCM nonce, so it's for peers that need it only.
    pub avalon_iv: bool,
    /// How long a synchronous submit may wait, in milliseconds.
    pub response_timeout_ms: i64,
}

/// One input item.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The plaintext.
    pub data: &'a [u8],
    /// How it travels.
    pub protection: Protection,
}

/// How an input item travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Encrypted under the order's session key.
    Session,
    /// Encrypted under a key of its own, which is encrypted to the worker (wire facts 4.6).
    OwnKey,
    /// In clear; it can't be empty then.
    Plain,
}

/// Why an order couldn't be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// See [`EntropyFailed`].
    #[error(transparent)]
    Entropy(#[from] EntropyFailed),
    /// The worker's key could not encrypt.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The workload's name is empty.
    #[error("a workload's name can't be empty")]
    Workload(#[from] NotHex),
    /// The protocol has no form for it.
    #[error("an empty input can't be sent in clear; send it encrypted")]
    EmptyPlain,
    /// The request hash covers the items with nothing between them: on the way, an encrypted item
    /// and the clear one behind it could be joined to one clear item.
    #[error("an input in clear can't follow an encrypted one; put it first, or encrypt it too")]
    PlainAfterSealed,
}

/// What the requester keeps to verify and open the answer. Secret: it holds the session key.
pub struct Pending {
    /// The order's id.
    pub work_order_id: WorkOrderId,
    /// The worker's id.
    pub worker_id: WorkerId,
    /// The workload's id.
    pub workload_id: WorkloadId,
    /// The requester's id.
    pub requester_id: RequesterId,
    /// Hex text.
    pub requester_nonce: String,
    /// Opens the outputs.
    pub session_key: SessionKey,
    /// How the outputs are laid out.
    pub ivs: Ivs,
}

/// An order that is ready to be posted.
pub struct SealedOrder {
    /// `params` of `WorkOrderSubmit`, as JSON.
    pub params: String,
    /// The request hash, which receipts refer to.
    pub request_hash: [u8; 32],
    /// To be kept.
    pub pending: Pending,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Params<'a> {
    work_order_id: &'a str,
    #[serde(rename = "responseTimeoutMSecs")]
    response_timeout_ms: i64,
    payload_format: &'static str,
    requester_nonce: &'a str,
    workload_id: &'a str,
    worker_id: &'a str,
    requester_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_key_iv: Option<String>,
    worker_encryption_key: &'a str,
    data_encryption_algorithm: &'static str,
    encrypted_session_key: String,
    encrypted_request_hash: String,
    requester_signature: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    verifying_key: Option<&'a str>,
    in_data: Vec<Item>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    index: i64,
    data: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    encrypted_data_encryption_key: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    iv: String,
}

impl Order<'_> {
    /// Chooses ids, nonce and session key, encrypts the inputs, and signs if there is a key.
    pub fn seal(&self, entropy: &dyn Entropy) -> Result<SealedOrder, BuildError> {
        let is_plain = |input: &Input<'_>| input.protection == Protection::Plain;
        if !self.inputs.is_sorted_by_key(|input| !is_plain(input)) {
            return Err(BuildError::PlainAfterSealed);
        }
        let pending = self.pending(entropy)?;
        let session_key = self.encryption_key.seal(pending.session_key.expose())?;
        let items = self
            .inputs
            .iter()
            .zip(0..)
            .map(|(input, index)| self.item(index, input, &pending, entropy))
            .collect::<Result<Vec<_>, _>>()?;
        let texts: Vec<_> = items.iter().map(Item::texts).collect();
        let request_hash = hash::request(pending.ids(), &texts, &[]);
        let sealed_hash = pending
            .session_key
            .seal(pending.ivs, &request_hash, entropy)?;
        let verifying_key = self.signing_key.map(SigningKey::verifying_key);
        let params = Params {
            work_order_id: pending.work_order_id.as_str(),
            response_timeout_ms: self.response_timeout_ms,
            payload_format: "JSON-RPC",
            requester_nonce: &pending.requester_nonce,
            workload_id: pending.workload_id.as_str(),
            worker_id: pending.worker_id.as_str(),
            requester_id: pending.requester_id.as_str(),
            session_key_iv: match pending.ivs {
                Ivs::Shared(iv) => Some(hex::encode_upper(iv)),
                Ivs::Prefixed => None,
            },
            worker_encryption_key: self.encryption_key.pem_hex(),
            data_encryption_algorithm: "AES-GCM-256",
            encrypted_session_key: upper_hex(&session_key),
            encrypted_request_hash: upper_hex(&sealed_hash),
            requester_signature: self
                .signing_key
                .map(|key| STANDARD.encode(key.sign(&request_hash)))
                .unwrap_or_default(),
            verifying_key: verifying_key.as_ref().map(VerifyingKey::pem),
            in_data: items,
        };
        // Made of strings and numbers: writing it can't fail.
        let params = serde_json::to_string(&params).unwrap_or_default();
        Ok(SealedOrder {
            params,
            request_hash,
            pending,
        })
    }

    fn pending(&self, entropy: &dyn Entropy) -> Result<Pending, BuildError> {
        Ok(Pending {
            work_order_id: WorkOrderId::new(hex::encode(entropy.bytes::<32>()?))?,
            worker_id: self.worker_id.clone(),
            workload_id: WorkloadId::from_name(self.workload)?,
            requester_id: RequesterId::new(hex::encode(requester_bytes(entropy)?))?,
            requester_nonce: hex::encode(entropy.bytes::<16>()?),
            session_key: SessionKey::generate(entropy)?,
            ivs: if self.avalon_iv {
                Ivs::Shared(entropy.bytes()?)
            } else {
                Ivs::Prefixed
            },
        })
    }

    fn item(
        &self,
        index: i64,
        input: &Input<'_>,
        pending: &Pending,
        entropy: &dyn Entropy,
    ) -> Result<Item, BuildError> {
        // No data hash anywhere: beside a ciphertext it would let anybody test guesses, and beside a
        // clear text somebody could move it to the front of the text without changing the request
        // hash, which covers both without anything between them.
        let mut item = Item {
            index,
            data: String::new(),
            encrypted_data_encryption_key: String::new(),
            iv: String::new(),
        };
        match input.protection {
            Protection::Plain if input.data.is_empty() => return Err(BuildError::EmptyPlain),
            Protection::Plain => {
                item.data = STANDARD.encode(input.data);
                item.encrypted_data_encryption_key = "-".to_owned();
            }
            Protection::Session => {
                let sealed = pending.session_key.seal(pending.ivs, input.data, entropy)?;
                item.data = STANDARD.encode(sealed);
            }
            Protection::OwnKey => {
                let key = SessionKey::generate(entropy)?;
                let iv = entropy.bytes()?;
                let to_worker = self.encryption_key.seal(key.expose())?;
                let wrapped = pending
                    .session_key
                    .seal(Ivs::Prefixed, &to_worker, entropy)?;
                item.data = STANDARD.encode(key.seal(Ivs::Shared(iv), input.data, entropy)?);
                item.encrypted_data_encryption_key = hex::encode(wrapped);
                item.iv = hex::encode(iv);
            }
        }
        Ok(item)
    }
}

/// As `hex::encode_upper`, which takes its time because it makes text of single characters.
fn upper_hex(bytes: &[u8]) -> String {
    let mut text = vec![0; bytes.len() * 2];
    // The length fits, and digits are ASCII.
    let _infallible = hex::encode_to_slice(bytes, &mut text);
    text.make_ascii_uppercase();
    String::from_utf8(text).unwrap_or_default()
}

/// 32 random bytes of which the first is no ASCII, as it would be in a workload id: so no start of
/// the requester's id can pass for the end of the workload's (the hash has nothing between them).
fn requester_bytes(entropy: &dyn Entropy) -> Result<[u8; 32], EntropyFailed> {
    let mut bytes = entropy.bytes::<32>()?;
    bytes[0] |= 0x80;
    Ok(bytes)
}

impl Item {
    fn texts(&self) -> ItemTexts<'_> {
        ItemTexts {
            index: self.index,
            data_hash: "",
            data: &self.data,
            key: &self.encrypted_data_encryption_key,
            iv: &self.iv,
        }
    }
}

impl Pending {
    /// The request's ids and nonce.
    pub fn ids(&self) -> Ids<'_> {
        Ids {
            nonce: &self.requester_nonce,
            work_order: self.work_order_id.as_str(),
            worker: self.worker_id.as_str(),
            workload: self.workload_id.as_str(),
            requester: self.requester_id.as_str(),
        }
    }

    /// Decrypts the outputs of an answer that has been verified, in the order of their indices.
    pub fn open(
        &self,
        answer: &VerifiedAnswer<'_>,
    ) -> Result<Vec<Zeroizing<Vec<u8>>>, DoesNotOpen> {
        let mut items: Vec<_> = answer.out_data().iter().collect();
        items.sort_by_key(|item| item.index);
        items
            .into_iter()
            .map(|item| {
                let sealed = STANDARD.decode(&item.data).map_err(|_| DoesNotOpen)?;
                match item.encrypted_data_encryption_key.as_str() {
                    "" | "null" => self.session_key.open(self.ivs, &sealed),
                    "-" => Ok(Zeroizing::new(sealed)),
                    _ => Err(DoesNotOpen),
                }
            })
            .collect()
    }

    /// Verifies an answer and decrypts its outputs.
    pub fn open_result(
        &self,
        result: &WorkOrderResult,
        key: &VerifyingKey,
    ) -> Result<Vec<Zeroizing<Vec<u8>>>, AnswerError> {
        let answer = result.verify(key, self.ids())?;
        Ok(self.open(&answer)?)
    }

    /// Decrypts `error.data.detail`: the workload's own message.
    pub fn open_detail(&self, detail: &str) -> Result<String, DoesNotOpen> {
        detail::open(&self.session_key, self.work_order_id.as_str(), detail)
    }
}

/// Why an answer wasn't opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It isn't the worker's answer to this order.
    #[error(transparent)]
    NotVerified(#[from] crate::answer::NotVerified),
    /// It's signed, and not encrypted under this order's session key.
    #[error("the answer does not open under the order's session key")]
    DoesNotOpen(#[from] DoesNotOpen),
}
