//! Public keys: points of P-256.

use core::fmt;

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, UnparsedPublicKey, VerificationAlgorithm,
};

/// The public key of ECDSA on P-256 with SHA-256 (FIPS 186-5). Whether its point is one of the curve
/// shows when a signature is checked: no signature holds if not.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; PublicKey::SIZE]);

impl PublicKey {
    /// Bytes of an uncompressed point: 04, x, y.
    pub const SIZE: usize = 65;

    /// Of both coordinates, big-endian, as quotes carry them.
    #[must_use]
    pub fn from_coordinates(coordinates: &[u8; 64]) -> Self {
        let mut point = [4; Self::SIZE];
        point[1..].copy_from_slice(coordinates);
        Self(point)
    }

    /// The uncompressed point (SEC 1, 2.3.3).
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::SIZE] {
        &self.0
    }

    /// Whether `signature` (r and s, 32 bytes each, big-endian) is one of `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.check(&ECDSA_P256_SHA256_FIXED, message, signature)
    }

    /// Whether `signature` (DER, RFC 3279 2.2.3) is one of `message`.
    pub(super) fn verifies_der(&self, message: &[u8], signature: &[u8]) -> bool {
        self.check(&ECDSA_P256_SHA256_ASN1, message, signature)
    }

    fn check(
        &self,
        algorithm: &'static dyn VerificationAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        UnparsedPublicKey::new(algorithm, &self.0)
            .verify(message, signature)
            .is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", hex::encode(self.0))
    }
}
