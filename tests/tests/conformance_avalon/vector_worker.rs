//! The worker whose keys `keys.json` holds.

use host::Unattested;
use protocol::WorkerId;
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::{SigningKey, VerifyingKey};
use protocol::crypto::sha256;
use protocol::record::WorkerKeys as PublicKeys;
use sconce_tests::keys;
use serde_json::{Value, json};
use worker::{Engine, WorkerKeys};

use crate::{Verdict, ensure, list, text};

/// Name and private keys.
pub(crate) struct VectorWorker {
    /// As in `vector-worker-1`.
    pub(crate) name: String,
    signing: [u8; 32],
    pkcs8: Vec<u8>,
}

impl VectorWorker {
    /// Reads `keys.json`.
    pub(crate) fn read(keys: &Value) -> Self {
        let text = |name: &str| keys[name].as_str().unwrap_or_else(|| panic!("no {name}"));
        let pkcs1 = pem_body(text("worker_encryption_private_key_pkcs1_pem"));
        Self {
            name: text("worker_name").to_owned(),
            signing: sec1_scalar(text("worker_signing_private_key_sec1_pem")),
            pkcs8: pkcs8_of(&pkcs1),
        }
    }

    /// An engine with these keys and the real table.
    pub(crate) fn engine(&self) -> Engine {
        let keys = WorkerKeys::new(&self.name, self.signing_key(), self.decryption_key());
        Engine::new(keys.unwrap(), worker::table::find)
    }

    /// The key that it shows to pools: the reference has but one.
    pub(crate) fn pool_key(&self) -> DecryptionKey {
        self.decryption_key()
    }

    /// The worker's id.
    pub(crate) fn id(&self) -> WorkerId {
        WorkerId::from_name(&self.name)
    }

    /// Verifies its answers.
    pub(crate) fn verifying_key(&self) -> VerifyingKey {
        self.signing_key().verifying_key()
    }

    /// The same keys, as a host hands them out.
    pub(crate) fn unattested(&self) -> Unattested {
        keys::unattested(&self.signing_key(), &self.decryption_key())
    }

    /// `keys.json`: ids, hashes and the reference's signature.
    pub(crate) fn check(&self, keys: &Value) -> Verdict {
        ensure!(
            self.id().as_str() == text(keys, "worker_id")?,
            "another worker id"
        );
        let encryption = text(keys, "worker_encryption_public_key_spki_pem")?;
        let verification = text(keys, "worker_verification_key_spki_pem")?;
        let own = self
            .decryption_key()
            .encryption_key()
            .map_err(|e| e.to_string())?;
        ensure!(
            same_key(own.pem(), encryption),
            "the encryption keys are no pair"
        );
        let own = self.verifying_key();
        ensure!(
            same_key(own.pem(), verification),
            "the signing keys are no pair"
        );
        let digest = hex::encode(sha256(&[encryption.as_bytes()]));
        ensure!(
            digest == text(keys, "encryption_key_hash")?,
            "another hash of the key's text"
        );

        let details = json!({ "workerTypeData": {
            "verificationKey": verification,
            "encryptionKey": encryption,
            "encryptionKeySignature": keys["encryption_key_signature_hex"],
        }});
        let read = PublicKeys::from_details(&details).map_err(|e| e.to_string())?;
        ensure!(
            read.signed,
            "the encryption key's signature was not looked at"
        );
        let requester = requester_key(keys)?;
        let public = VerifyingKey::from_pem(text(keys, "requester_verifying_key_spki_pem")?);
        let public = public.map_err(|e| e.to_string())?;
        ensure!(
            public.verifies(&[7; 32], &requester.sign(&[7; 32])),
            "requester's keys"
        );
        Ok(vec![
            "worker id, key pairs, hash and signature of the encryption key".into(),
        ])
    }

    /// `signatures.json`: the reference's signatures verify, high s included.
    pub(crate) fn check_signatures(&self, value: &Value) -> Verdict {
        let key = self.verifying_key();
        let vectors = list(value, "vectors")?;
        for vector in vectors {
            let digest = hex::decode(text(vector, "digest")?).unwrap_or_default();
            let mut digest: [u8; 32] = digest.try_into().map_err(|_| "no digest")?;
            let der = hex::decode(text(vector, "signature_der_hex")?).unwrap_or_default();
            ensure!(key.verifies(&digest, &der), "a signature does not verify");
            digest[0] ^= 1;
            ensure!(
                !key.verifies(&digest, &der),
                "it verifies another digest as well"
            );
        }
        Ok(vec![format!(
            "{} DER signatures verify, and nothing else under them",
            vectors.len()
        )])
    }

    fn signing_key(&self) -> SigningKey {
        SigningKey::from_bytes(&self.signing).unwrap()
    }

    fn decryption_key(&self) -> DecryptionKey {
        DecryptionKey::from_pkcs8(&self.pkcs8).unwrap()
    }
}

/// The requester's key of `keys.json`.
fn requester_key(keys: &Value) -> Result<SigningKey, String> {
    let scalar = sec1_scalar(text(keys, "requester_signing_private_key_sec1_pem")?);
    SigningKey::from_bytes(&scalar).map_err(|e| e.to_string())
}

/// Whether two PEM texts hold the same bytes, however they wrap.
pub(crate) fn same_key(one: &str, other: &str) -> bool {
    pem_body(one) == pem_body(other)
}

/// The bytes of a PEM text of any label.
fn pem_body(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    let digits: String = text
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    base64::engine::general_purpose::STANDARD
        .decode(digits.trim())
        .unwrap()
}

/// RFC 5915: SEQUENCE { INTEGER 1, OCTET STRING of 32 bytes, … }.
fn sec1_scalar(text: &str) -> [u8; 32] {
    let der = pem_body(text);
    assert_eq!(
        der[2..7],
        [0x02, 0x01, 0x01, 0x04, 0x20],
        "a SEC1 secp256k1 key"
    );
    der[7..39].try_into().unwrap()
}

/// RFC 5208 around an RFC 8017 private key: aws-lc reads PKCS#8 only.
fn pkcs8_of(pkcs1: &[u8]) -> Vec<u8> {
    const ALGORITHM: [u8; 15] = [
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ];
    let octets = tlv(0x04, pkcs1);
    tlv(
        0x30,
        &[&[0x02, 0x01, 0x00][..], &ALGORITHM, &octets].concat(),
    )
}

fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[tag, 0x82, length[0], length[1]][..], value].concat()
}
