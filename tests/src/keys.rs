//! Committed test keys: see `tests/keys/README.md`.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use host::Unattested;
use protocol::SystemEntropy;
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

/// The test worker's keys, as a host hands them to a program that nobody vouches for.
pub fn worker_unattested() -> Unattested {
    unattested(&worker_signing(), &worker_decryption())
}

/// Keys that nobody else has.
pub fn fresh() -> Unattested {
    let signing = SigningKey::generate(&SystemEntropy::new()).unwrap();
    unattested(&signing, &DecryptionKey::generate().unwrap())
}

/// Keys as a host hands them to a program that nobody vouches for.
pub fn unattested(signing: &SigningKey, decryption: &DecryptionKey) -> Unattested {
    let encryption_key = decryption.expose_pkcs8().unwrap();
    Unattested {
        signing_key: signing.expose_pkcs8_pem().to_string(),
        encryption_key: pem::encode("PRIVATE KEY", &encryption_key),
    }
}

fn signing(text: &str) -> SigningKey {
    SigningKey::from_bytes(&hex::decode(text.trim()).unwrap()).unwrap()
}

/// The public half of an RSA key in a PEM text, as another one.
pub fn public_half(key: &str) -> String {
    let public: PublicKeyX509Der<'_> = rsa(key).public_key().as_der().unwrap();
    pem::encode("PUBLIC KEY", public.as_ref())
}

/// What a hardware module answers that has this RSA key and is asked to sign with PKCS #1 v1.5 and
/// SHA-256.
pub fn rsa_signature(key: &str, message: &[u8]) -> Vec<u8> {
    let key = rsa(key);
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message,
        &mut signature,
    )
    .unwrap();
    signature
}

/// `PRIVATE KEY` or `RSA PRIVATE KEY`.
fn rsa(key: &str) -> RsaKeyPair {
    match pem::decode("PRIVATE KEY", key) {
        Ok(der) => RsaKeyPair::from_pkcs8(&der).unwrap(),
        Err(_) => RsaKeyPair::from_der(&pem::decode("RSA PRIVATE KEY", key).unwrap()).unwrap(),
    }
}
