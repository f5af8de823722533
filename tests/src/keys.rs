//! Committed test keys: see `tests/keys/README.md`.

use protocol::crypto::pem;
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::SigningKey;
use worker::WorkerKeys;

/// The name of the worker that the keys are for.
pub const WORKER: &str = "test-worker";

/// The test worker's RSA-3072 key.
pub fn worker_decryption() -> DecryptionKey {
    let text = include_str!("../keys/worker-encryption.pem");
    DecryptionKey::from_pkcs8(&pem::decode("PRIVATE KEY", text).unwrap()).unwrap()
}

/// The test worker's secp256k1 key.
pub fn worker_signing() -> SigningKey {
    signing(include_str!("../keys/worker-signing.hex"))
}

/// A requester's secp256k1 key.
pub fn requester_signing() -> SigningKey {
    signing(include_str!("../keys/requester-signing.hex"))
}

/// Both keys of the test worker.
pub fn worker() -> WorkerKeys {
    WorkerKeys::new(WORKER, worker_signing(), worker_decryption()).unwrap()
}

/// The test worker's keys as a development key file.
pub fn worker_file() -> String {
    serde_json::json!({
        "warning": "test keys",
        "worker": WORKER,
        "signingKey": hex::encode(worker_signing().expose()),
        "encryptionKey": include_str!("../keys/worker-encryption.pem"),
    })
    .to_string()
}

fn signing(text: &str) -> SigningKey {
    SigningKey::from_bytes(&hex::decode(text.trim()).unwrap()).unwrap()
}
