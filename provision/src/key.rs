//! The vault's signing key: ECDSA on P-256, made at each start, and quoted.

use protocol::EntropyFailed;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use zeroize::Zeroizing;

use crate::Error;

/// What stands before the point in a SubjectPublicKeyInfo of a P-256 key (RFC 5480).
const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Bytes of an uncompressed point.
const POINT: usize = 65;

/// A vault's key: of its TLS certificate, and of the releases that it signs.
pub struct VaultKey {
    pair: EcdsaKeyPair,
    pkcs8: Zeroizing<Vec<u8>>,
    public_der: Vec<u8>,
}

impl VaultKey {
    /// A fresh key. The library draws the randomness itself.
    ///
    /// # Errors
    ///
    /// There is no randomness.
    pub fn generate() -> Result<Self, EntropyFailed> {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
            .map_err(|_| EntropyFailed)?;
        Self::from_pkcs8(pkcs8.as_ref()).map_err(|_| EntropyFailed)
    }

    /// The key that this PKCS#8 text (DER) holds, as [`expose_pkcs8`](Self::expose_pkcs8) gives it.
    ///
    /// # Errors
    ///
    /// [`Error::VaultKey`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der, &random)
            .map_err(|_| Error::VaultKey)?;
        let public_der = [&SPKI[..], pair.public_key().as_ref()].concat();
        Ok(Self {
            pair,
            pkcs8: Zeroizing::new(der.to_vec()),
            public_der,
        })
    }

    /// The private key as PKCS#8 (DER), for the TLS library.
    #[must_use]
    pub fn expose_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public key as SubjectPublicKeyInfo (DER).
    #[must_use]
    pub fn public_der(&self) -> &[u8] {
        &self.public_der
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, EntropyFailed> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        signature
            .map(|signature| signature.as_ref().to_vec())
            .map_err(|_| EntropyFailed)
    }
}

/// Whether a text (DER) is the SubjectPublicKeyInfo of a P-256 key, in its only form.
pub(crate) fn is_public_key(der: &[u8]) -> bool {
    point(der).is_some_and(|point| point.first() == Some(&4))
}

pub(crate) fn verifies(public_der: &[u8], message: &[u8], signature: &[u8]) -> bool {
    point(public_der).is_some_and(|point| {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
            .verify(message, signature)
            .is_ok()
    })
}

fn point(der: &[u8]) -> Option<&[u8]> {
    der.strip_prefix(&SPKI).filter(|point| point.len() == POINT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_key_signs_no_other_verifies() {
        let key = VaultKey::generate().unwrap();
        let other = VaultKey::generate().unwrap();
        let signature = key.sign(b"text").unwrap();
        assert!(verifies(key.public_der(), b"text", &signature));
        assert!(!verifies(key.public_der(), b"texts", &signature));
        assert!(!verifies(other.public_der(), b"text", &signature));
        let again = VaultKey::from_pkcs8(key.expose_pkcs8()).unwrap();
        assert_eq!(again.public_der(), key.public_der());
    }

    #[test]
    fn a_public_key_has_one_form() {
        let key = VaultKey::generate().unwrap();
        let der = key.public_der();
        assert!(is_public_key(der));
        assert!(!is_public_key(&der[1..]));
        assert!(!is_public_key(&[der, &[0]].concat()));
        assert!(!is_public_key(b""));
    }
}
