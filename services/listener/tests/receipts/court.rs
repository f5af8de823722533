//! A listener, a worker and a requester; what is signed is put together here by hand.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::SystemEntropy;
use protocol::crypto::secp256k1::SigningKey;
use protocol::crypto::sha256;
use serde_json::{Value, json};
use store::{Completion, Orders as _};

use crate::support::{Door, call, config, record, submit, worker_id};

/// The request hash of what `support::submit` makes.
pub(crate) fn request_hash(order: &str) -> [u8; 32] {
    let worker = worker_id();
    let ids = [&format!("{order}00"), order, worker.as_str(), "0c", "0d"].concat();
    sha256(&[&sha256(&[ids.as_bytes()]), &sha256(&[b"AAAA"])])
}

pub(crate) fn key() -> SigningKey {
    SigningKey::generate(&SystemEntropy::new()).unwrap()
}

pub(crate) fn sign(key: &SigningKey, text: &str) -> String {
    STANDARD.encode(key.sign(&sha256(&[text.as_bytes()])))
}

/// A listener, a worker whose key is known, and a requester.
pub(crate) struct Court {
    pub(crate) door: Door,
    pub(crate) creator: SigningKey,
    pub(crate) worker: SigningKey,
}

impl Court {
    pub(crate) async fn open() -> Self {
        let door = Door::open(config()).await;
        let worker = key();
        let mut details = record().details;
        let keys = &mut details["workerTypeData"];
        let encryption = keys["encryptionKey"].as_str().unwrap().to_owned();
        keys["verificationKey"] = worker.verifying_key().pem().into();
        let signature = worker.sign(&sha256(&[encryption.as_bytes()]));
        keys["encryptionKeySignature"] = hex::encode(signature).into();
        let registry = &door.store.registry;
        registry.update(&worker_id(), &details).await.unwrap();
        Self {
            door,
            creator: key(),
            worker,
        }
    }

    /// The same with an order of this id.
    pub(crate) async fn with_order(order: &str) -> Self {
        let court = Self::open().await;
        court.submit(order);
        court
    }

    pub(crate) fn submit(&self, order: &str) {
        assert_eq!(self.door.post(&submit(order)).error().0, 5);
    }

    /// Lets the only order that waits end so.
    pub(crate) async fn finish(&self, ended: &str) {
        let engine = &self.door.store.engine;
        let (lease, now) = (Duration::from_secs(5), Duration::ZERO);
        let partition = worker_id().as_str().into();
        let leases = engine.claim(&partition, 1, lease, now);
        let lease = leases.await.unwrap().remove(0);
        let completion = Completion {
            order: lease.order,
            token: lease.token,
            result: ended.into(),
            appends: Vec::new(),
        };
        engine.complete(completion).await.unwrap();
    }

    /// Parameters of a good receipt.
    pub(crate) fn receipt(&self, order: &str) -> Value {
        self.receipt_with(order, |_| ())
    }

    /// The same, signed after a change.
    pub(crate) fn receipt_with(&self, order: &str, change: impl FnOnce(&mut Value)) -> Value {
        let mut receipt = json!({
            "workOrderId": order, "workerServiceId": "5e", "workerId": worker_id(),
            "requesterId": "0d", "receiptCreateStatus": 0,
            "workOrderRequestHash": STANDARD.encode(request_hash(order)),
            "requesterGeneratedNonce": "77", "signatureRules": "SHA-256/SECP256K1",
            "receiptVerificationKey": self.creator.verifying_key().pem(),
        });
        change(&mut receipt);
        let text = [
            "workOrderId",
            "workerServiceId",
            "workerId",
            "requesterId",
            "receiptCreateStatus",
            "workOrderRequestHash",
            "requesterGeneratedNonce",
        ]
        .map(|name| match &receipt[name] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .concat();
        receipt["requesterSignature"] = sign(&self.creator, &text).into();
        receipt
    }

    pub(crate) fn create(&self, receipt: Value) -> (i64, String) {
        self.door
            .post(&call("WorkOrderReceiptCreate", receipt))
            .error()
    }

    pub(crate) fn update(&self, order: &str, kind: i64, data: &str, key: &SigningKey) -> Value {
        json!({
            "workOrderId": order, "updaterId": "0d", "updateType": kind, "updateData": data,
            "updateSignature": sign(key, &format!("{order}{kind}{data}")),
            "signatureRules": "SHA-256/SECP256K1",
            "receiptVerificationKey": key.verifying_key().pem(),
        })
    }

    pub(crate) fn send_update(&self, update: Value) -> (i64, String) {
        self.door
            .post(&call("WorkOrderReceiptUpdate", update))
            .error()
    }

    pub(crate) fn ask(&self, method: &str, params: Value) -> Value {
        self.door.post(&call(method, params)).json()
    }

    /// The receipt's current status.
    pub(crate) fn status(&self, order: &str) -> Value {
        let found = self.ask("WorkOrderReceiptRetrieve", json!({"workOrderId": order}));
        found["result"]["receiptCurrentStatus"].clone()
    }
}

pub(crate) fn done() -> (i64, String) {
    (0, String::new())
}

pub(crate) fn refused(code: i64, reason: &str) -> (i64, String) {
    (code, reason.to_owned())
}

/// The hash of a response, laid out by hand.
pub(crate) fn response_hash(id: &str, order: &str) -> String {
    let text = format!(
        "{{\n    \"jsonrpc\": \"2.0\",\n    \"id\": {id},\n    \"result\": {{\n        \
         \"workOrderId\": \"{order}\",\n        \"outData\": []\n    }}\n}}"
    );
    hex::encode_upper(sha256(&[text.as_bytes()]))
}

pub(crate) fn ended_well(order: &str) -> String {
    format!(r#"{{"result":{{"workOrderId":"{order}","outData":[]}}}}"#)
}
