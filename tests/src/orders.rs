//! Orders as a requester sends them, and as an attacker would.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::WorkerId;
use protocol::crypto::aes::{Ivs, SessionKey};
use protocol::crypto::rsa::EncryptionKey;
use protocol::crypto::secp256k1::SigningKey;
use protocol::hash::{self, Ids, ItemTexts};
use protocol::requester::{Input, Order, Pending, Protection};
use serde_json::{Value, json};

use crate::entropy::FixedEntropy;
use crate::keys;

/// An order for the test worker, and what its requester keeps.
pub struct TestOrder {
    /// `params` of `WorkOrderSubmit`; change what you like.
    pub params: Value,
    /// Opens the answer.
    pub pending: Pending,
}

/// How to make a [`TestOrder`].
pub struct Recipe<'a> {
    /// The workload's name.
    pub workload: &'a str,
    /// Inputs and how they travel.
    pub inputs: &'a [(&'a str, Protection)],
    /// Share one initialisation vector.
    pub avalon_iv: bool,
    /// Sign the request.
    pub signing_key: Option<&'a SigningKey>,
}

impl<'a> Recipe<'a> {
    /// Encrypted inputs, nothing else.
    pub fn new(workload: &'a str, inputs: &'a [(&'a str, Protection)]) -> Self {
        Self {
            workload,
            inputs,
            avalon_iv: false,
            signing_key: None,
        }
    }

    /// The order; all but the RSA ciphertexts is the same each time.
    pub fn seal(&self) -> TestOrder {
        let inputs: Vec<_> = self
            .inputs
            .iter()
            .map(|(data, protection)| Input {
                data: data.as_bytes(),
                protection: *protection,
            })
            .collect();
        let key = keys::worker_decryption().encryption_key().unwrap();
        let sealed = Order {
            worker_id: &WorkerId::from_name(keys::WORKER),
            encryption_key: &key,
            workload: self.workload,
            inputs: &inputs,
            signing_key: self.signing_key,
            avalon_iv: self.avalon_iv,
            response_timeout_ms: 6000,
        }
        .seal(&FixedEntropy::new("requester"))
        .unwrap();
        TestOrder {
            params: serde_json::from_str(&sealed.params).unwrap(),
            pending: sealed.pending,
        }
    }
}

impl TestOrder {
    /// One encrypted input for `workload`.
    pub fn of(workload: &str, input: &str) -> Self {
        Recipe::new(workload, &[(input, Protection::Session)]).seal()
    }

    /// The client's request text.
    pub fn request(&self) -> String {
        let envelope = json!({
            "jsonrpc": "2.0", "method": "WorkOrderSubmit", "id": 7, "params": self.params,
        });
        envelope.to_string()
    }

    /// The manager's frame to the worker.
    pub fn frame(&self) -> Vec<u8> {
        protocol::processor::order_frame(1, &self.request())
    }

    /// Makes `encryptedRequestHash` fit the parameters again, as somebody who knows the session
    /// key can after a change.
    pub fn rehash(&mut self) {
        let digest = request_hash(&self.params);
        let ivs = match self.params["sessionKeyIv"].as_str() {
            Some(iv) => match protocol::ids::decode(iv).and_then(|iv| iv.try_into().ok()) {
                Some(iv) => Ivs::Shared(iv),
                None => self.pending.ivs,
            },
            None => Ivs::Prefixed,
        };
        let entropy = FixedEntropy::new("rehash");
        let sealed = self
            .pending
            .session_key
            .seal(ivs, &digest, &entropy)
            .unwrap();
        self.params["encryptedRequestHash"] = hex::encode(sealed).into();
    }

    /// Signs the request as it stands.
    pub fn sign(&mut self, key: &SigningKey) {
        let signature = key.sign(&request_hash(&self.params));
        self.params["requesterSignature"] = STANDARD.encode(signature).into();
        self.params["verifyingKey"] = key.verifying_key().pem().into();
    }

    /// Replaces the session key (of any length) by `key`, encrypted to the worker.
    pub fn set_session_key(&mut self, key: &[u8]) {
        let worker: EncryptionKey = keys::worker_decryption().encryption_key().unwrap();
        self.params["encryptedSessionKey"] = hex::encode(worker.seal(key).unwrap()).into();
        if let Some(key) = SessionKey::new(key) {
            self.pending.session_key = key;
        }
    }

    /// Flips the lowest bit of byte `at` of a base64 member.
    pub fn flip_base64(value: &mut Value, at: usize) {
        let mut bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
        bytes[at] ^= 1;
        *value = STANDARD.encode(bytes).into();
    }

    /// Flips the lowest bit of byte `at` of a hex member.
    pub fn flip_hex(value: &mut Value, at: usize) {
        let mut bytes = hex::decode(value.as_str().unwrap()).unwrap();
        bytes[at] ^= 1;
        *value = hex::encode(bytes).into();
    }
}

/// The request hash of `params`, computed from JSON rather than by the code that is under test.
pub fn request_hash(params: &Value) -> [u8; 32] {
    let text = |name: &str| params[name].as_str().unwrap_or_default();
    let ids = Ids {
        nonce: text("requesterNonce"),
        work_order: text("workOrderId"),
        worker: text("workerId"),
        workload: text("workloadId"),
        requester: text("requesterId"),
    };
    hash::request(ids, &items(&params["inData"]), &items(&params["outData"]))
}

fn items(value: &Value) -> Vec<ItemTexts<'_>> {
    value
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .map(|item| ItemTexts {
            index: item["index"].as_i64().unwrap_or_default(),
            data_hash: item["dataHash"].as_str().unwrap_or_default(),
            data: item["data"].as_str().unwrap_or_default(),
            key: item["encryptedDataEncryptionKey"]
                .as_str()
                .unwrap_or_default(),
            iv: item["iv"].as_str().unwrap_or_default(),
        })
        .collect()
}
