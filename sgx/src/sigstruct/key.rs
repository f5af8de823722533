//! The public half of a signer's key.

use ring::digest::{SHA256, digest};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

use super::body::TO_BE_SIGNED_SIZE;
use crate::digest::Mrsigner;

/// Bytes of an RSA-3072 modulus, and of a signature made with it.
pub const KEY_SIZE: usize = 384;

/// SIGSTRUCT.EXPONENT.
pub(super) const EXPONENT: u32 = 3;

/// An RSA-3072 public key with exponent 3, the only kind that SGX takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    /// Big-endian.
    modulus: [u8; KEY_SIZE],
}

/// A key that no enclave can be signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The modulus has another length.
    #[error("the key's modulus has {bits} bits, and SGX signs with RSA-3072 only")]
    Bits {
        /// Of the modulus.
        bits: usize,
    },
    /// The modulus is no product of two odd primes.
    #[error("the key's modulus is an even number: it is no RSA key")]
    Even,
    /// The exponent is another.
    #[error("the key's public exponent is not 3, which is the only one that SGX takes")]
    Exponent,
}

impl PublicKey {
    /// From modulus and exponent, big-endian; leading zeros do not count.
    ///
    /// # Errors
    ///
    /// If it is not RSA-3072 with exponent 3.
    pub fn from_components(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        if without_zeros(exponent) != [EXPONENT as u8] {
            return Err(KeyError::Exponent);
        }
        let modulus = without_zeros(modulus);
        let bits = modulus.first().map_or(0, |first| {
            modulus.len() * 8 - first.leading_zeros() as usize
        });
        let refusal = KeyError::Bits { bits };
        if bits != KEY_SIZE * 8 {
            return Err(refusal);
        }
        let modulus: [u8; KEY_SIZE] = modulus.try_into().map_err(|_| refusal)?;
        if modulus[KEY_SIZE - 1] & 1 == 0 {
            return Err(KeyError::Even);
        }
        Ok(Self { modulus })
    }

    /// From the little-endian bytes of SIGSTRUCT.MODULUS.
    pub(super) fn from_le_bytes(modulus: [u8; KEY_SIZE]) -> Result<Self, KeyError> {
        let mut modulus = modulus;
        modulus.reverse();
        Self::from_components(&modulus, &[EXPONENT as u8])
    }

    /// The modulus, big-endian.
    #[must_use]
    pub const fn modulus(&self) -> &[u8; KEY_SIZE] {
        &self.modulus
    }

    /// The modulus as it stands in a SIGSTRUCT: little-endian.
    #[must_use]
    pub fn modulus_le(&self) -> [u8; KEY_SIZE] {
        let mut modulus = self.modulus;
        modulus.reverse();
        modulus
    }

    /// The signer's identity.
    #[must_use]
    pub fn mrsigner(&self) -> Mrsigner {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, &self.modulus_le()).as_ref());
        Mrsigner(bytes)
    }

    /// Whether `signature`, big-endian, is one of PKCS #1 v1.5 with SHA-256 over `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8; TO_BE_SIGNED_SIZE], signature: &[u8; KEY_SIZE]) -> bool {
        let key = RsaPublicKeyComponents {
            n: &self.modulus[..],
            e: &[EXPONENT as u8][..],
        };
        let verdict = key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature);
        verdict.is_ok()
    }
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}
