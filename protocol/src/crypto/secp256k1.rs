//! ECDSA on secp256k1 over SHA-256 digests, DER-encoded (wire facts 4.5).

use secp256k1::ecdsa::Signature;
use secp256k1::{Message, PublicKey, SecretKey};
use zeroize::Zeroizing;

use super::entropy::{Entropy, EntropyFailed};
use super::{KeyError, pem};

/// What stands in front of the 65-byte point in a SubjectPublicKeyInfo (RFC 5480: id-ecPublicKey,
/// secp256k1, uncompressed point).
const SPKI_PREFIX: [u8; 23] = [
    0x30, 0x56, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x0a, 0x03, 0x42, 0x00,
];

/// A private signing key: the worker's, or a requester's.
pub struct SigningKey(SecretKey);

impl SigningKey {
    /// A fresh key.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyFailed> {
        // One draw in 2^128 is no valid scalar.
        loop {
            let mut bytes = Zeroizing::new([0; 32]);
            entropy.fill(bytes.as_mut())?;
            if let Ok(key) = SecretKey::from_secret_bytes(*bytes) {
                return Ok(Self(key));
            }
        }
    }

    /// The key with these 32 big-endian bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes = bytes.try_into().map_err(|_| KeyError::Form(PRIVATE))?;
        let key = SecretKey::from_secret_bytes(bytes).map_err(|_| KeyError::Form(PRIVATE))?;
        Ok(Self(key))
    }

    /// The key's 32 bytes, big-endian, wiped when dropped.
    pub fn expose(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_secret_bytes())
    }

    /// The public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey::new(self.0.public_key())
    }

    /// DER signature over a 32-byte digest; deterministic (RFC 6979 with SHA-256), low s.
    pub fn sign(&self, digest: &[u8; 32]) -> Vec<u8> {
        let signature = self.0.sign_ecdsa(Message::from_digest(*digest));
        signature.serialize_der().to_vec()
    }
}

impl Drop for SigningKey {
    fn drop(&mut self) {
        // The library calls its erasure best effort; it's what there is.
        self.0.non_secure_erase();
    }
}

/// A public key, with the PEM text that names it on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    point: PublicKey,
    pem: String,
}

impl VerifyingKey {
    fn new(point: PublicKey) -> Self {
        let mut der = Vec::with_capacity(SPKI_PREFIX.len() + 65);
        der.extend_from_slice(&SPKI_PREFIX);
        der.extend_from_slice(&point.serialize_uncompressed());
        let pem = pem::encode("PUBLIC KEY", &der);
        Self { point, pem }
    }

    /// Reads a PEM SubjectPublicKeyInfo; its text is kept, since it may be hashed.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let der = pem::decode("PUBLIC KEY", text)?;
        let point = der
            .strip_prefix(SPKI_PREFIX.as_slice())
            .ok_or(KeyError::Form(PUBLIC))?;
        let point = <[u8; 65]>::try_from(point).map_err(|_| KeyError::Form(PUBLIC))?;
        let point =
            PublicKey::from_byte_array_uncompressed(point).map_err(|_| KeyError::Form(PUBLIC))?;
        Ok(Self {
            point,
            pem: text.to_owned(),
        })
    }

    /// The PEM text: as it was read, or RFC 7468 for a key of ours.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Whether it's the same key, however its text is written.
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.point == other.point
    }

    /// Whether `der` is this key's signature over `digest`. High s is accepted, because Avalon's
    /// signers emit it; anything but strict DER is not.
    pub fn verifies(&self, digest: &[u8; 32], der: &[u8]) -> bool {
        let Ok(mut signature) = Signature::from_der(der) else {
            return false;
        };
        signature.normalize_s();
        signature
            .verify(Message::from_digest(*digest), &self.point)
            .is_ok()
    }
}

const PUBLIC: &str = "secp256k1 public key";
const PRIVATE: &str = "secp256k1 private key";

#[cfg(test)]
mod tests {
    use super::super::entropy::SystemEntropy;
    use super::*;

    #[test]
    fn signs_and_verifies() {
        let key = SigningKey::generate(&SystemEntropy::new()).unwrap();
        let public = VerifyingKey::from_pem(key.verifying_key().pem()).unwrap();
        let signature = key.sign(&[1; 32]);
        assert!(public.verifies(&[1; 32], &signature));
        assert!(!public.verifies(&[2; 32], &signature));
        for length in 0..signature.len() {
            assert!(!public.verifies(&[1; 32], &signature[..length]));
        }
        let copy = SigningKey::from_bytes(key.expose().as_ref()).unwrap();
        assert_eq!(copy.sign(&[1; 32]), signature);
    }

    #[test]
    fn refuses_keys_of_other_kinds() {
        assert!(SigningKey::from_bytes(&[0; 32]).is_err());
        assert!(SigningKey::from_bytes(&[1; 31]).is_err());
        assert!(VerifyingKey::from_pem(&pem::encode("PUBLIC KEY", &[0; 88])).is_err());
        let mut der = SPKI_PREFIX.to_vec();
        der.extend_from_slice(&[4; 65]);
        assert!(VerifyingKey::from_pem(&pem::encode("PUBLIC KEY", &der)).is_err());
    }
}
