//! Everything secret of a platform, derived from one seed.

use std::fmt;

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::error::Error;
use crate::hexadecimal;

/// What all secrets of a platform follow from: its fuses, and the keys of its pretended vendor.
///
/// The same seed with the same settings makes the same platform, to the byte.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A new one, from the system's randomness.
    ///
    /// # Errors
    ///
    /// [`Error::Entropy`] if the system has none.
    pub fn random() -> Result<Self, Error> {
        let mut seed = Self([0; 32]);
        SystemRandom::new()
            .fill(&mut seed.0)
            .map_err(|_| Error::Entropy)?;
        Ok(seed)
    }

    /// These 32 bytes: for tests and rehearsals, where everybody may know them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// 32 bytes for a purpose, which tell nothing of those for another.
    pub(crate) fn derive(&self, purpose: &str, of: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        context.update(b"sconce/simulator/v1/");
        for part in [purpose.as_bytes()].iter().chain(of) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(context.sign().as_ref());
        bytes
    }

    /// 16 bytes for a purpose.
    pub(crate) fn derive_half(&self, purpose: &str) -> Zeroizing<[u8; 16]> {
        let mut half = Zeroizing::new([0; 16]);
        half.copy_from_slice(&self.derive(purpose, &[])[..16]);
        half
    }

    /// The signing key of a purpose.
    pub(crate) fn signer(&self, purpose: &str, of: &[&[u8]]) -> Signer {
        let mut attempt = 0_u8;
        loop {
            let mut of = of.to_vec();
            let number = [attempt];
            of.push(&number);
            // All but one in 2^32 strings are a scalar of the curve.
            if let Ok(key) = SigningKey::from_slice(&self.derive(purpose, &of)[..]) {
                return Signer::new(key);
            }
            attempt = attempt.wrapping_add(1);
        }
    }
}

impl fmt::Debug for Seed {
    /// That it is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

impl Serialize for Seed {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        hexadecimal::serialize(&self.0, to)
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        hexadecimal::deserialize(from).map(Self)
    }
}

/// An ECDSA key on P-256. Its nonces are those of RFC 6979: the same message has the same signature.
#[derive(Clone)]
pub(crate) struct Signer {
    key: SigningKey,
    point: Box<[u8]>,
}

impl Signer {
    fn new(key: SigningKey) -> Self {
        let point = key.verifying_key().to_sec1_point(false).to_bytes();
        Self { key, point }
    }

    /// r and s, 32 bytes each, big-endian, of the message's SHA-256.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature: Signature = self.key.sign(message);
        signature.to_bytes().into()
    }

    /// x and y of the public key, 32 bytes each, big-endian.
    pub(crate) fn public(&self) -> [u8; 64] {
        let mut public = [0; 64];
        public.copy_from_slice(&self.point[1..]);
        public
    }
}

impl rcgen::PublicKeyData for Signer {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature: Signature = self.key.sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    #[test]
    fn another_library_verifies_what_is_signed() {
        let signer = Seed::from_bytes([1; 32]).signer("test", &[]);
        let signature = signer.sign(b"message");
        assert_eq!(signature, signer.sign(b"message"));
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &signer.point);
        key.verify(b"message", &signature).expect("a signature");
        assert!(key.verify(b"massage", &signature).is_err());
    }

    #[test]
    fn purposes_have_keys_of_their_own() {
        let seed = Seed::from_bytes([1; 32]);
        let keys = [
            seed.derive("a", &[]),
            seed.derive("b", &[]),
            seed.derive("a", &[b""]),
            seed.derive("a", &[b"b"]),
            seed.derive("ab", &[]),
            Seed::from_bytes([2; 32]).derive("a", &[]),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "{at}");
        }
        assert_eq!(format!("{seed:?}"), "Seed(..)");
    }
}
