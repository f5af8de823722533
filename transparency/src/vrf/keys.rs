//! Keys of the VRF.

use std::fmt;

use p256::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _,
};
use p256::{NonZeroScalar, ProjectivePoint};
use zeroize::Zeroizing;

use super::{Error, OUTPUT_LEN, Output, Proof, Suite, scheme};
use crate::map::Index;

/// The key that computes outputs and proves them. Wiped when it is dropped.
pub struct SecretKey {
    scalar: Zeroizing<NonZeroScalar>,
    public: PublicKey,
}

impl SecretKey {
    /// The key in a PEM text: SEC1 (`EC PRIVATE KEY`) or PKCS#8 (`PRIVATE KEY`).
    ///
    /// # Errors
    ///
    /// [`Error::Key`] for anything else, and for keys of other curves.
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        p256::SecretKey::from_pkcs8_pem(pem)
            .ok()
            .or_else(|| p256::SecretKey::from_sec1_pem(pem).ok())
            .map(|key| Self::from_key(&key))
            .ok_or(Error::Key {
                form: "SEC1 or PKCS#8 PEM",
            })
    }

    /// The key whose scalar has these 32 bytes, big-endian: any that are more than 0 and less than the
    /// curve's order. Random bytes are, almost always.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] if they aren't.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
        p256::SecretKey::from_slice(bytes)
            .map(|key| Self::from_key(&key))
            .map_err(|_| Error::Key {
                form: "32 bytes below its order",
            })
    }

    /// The key as PKCS#8 PEM.
    ///
    /// # Errors
    ///
    /// [`Error::Key`], never seen.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, Error> {
        p256::SecretKey::from(*self.scalar)
            .to_pkcs8_pem(p256::pkcs8::LineEnding::LF)
            .map_err(|_| Error::Key { form: "PKCS#8 PEM" })
    }

    /// The key that verifies what this one proves.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// A user's output. Proving costs about three times as much; an index needs no proof.
    ///
    /// # Errors
    ///
    /// [`Error::Hash`], practically never.
    pub fn evaluate(&self, user: impl AsRef<[u8]>) -> Result<Output, Error> {
        scheme::evaluate(&self.scalar, user.as_ref())
    }

    /// A user's output and the proof that it is the only one. The same key and user give the same proof.
    ///
    /// # Errors
    ///
    /// [`Error::Hash`], practically never.
    pub fn prove(&self, user: impl AsRef<[u8]>) -> Result<(Output, Proof), Error> {
        self.prove_as(Suite::Bound, user)
    }

    /// As [`SecretKey::prove`], with the proof of a suite.
    ///
    /// # Errors
    ///
    /// [`Error::Hash`], practically never.
    pub fn prove_as(&self, suite: Suite, user: impl AsRef<[u8]>) -> Result<(Output, Proof), Error> {
        scheme::prove(suite, &self.scalar, &self.public, user.as_ref())
    }

    fn from_key(key: &p256::SecretKey) -> Self {
        Self {
            scalar: Zeroizing::new(key.to_nonzero_scalar()),
            public: PublicKey::from_key(&key.public_key()),
        }
    }
}

/// The key that verifies outputs: what clients pin as `vrf_key`.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    pub(super) point: ProjectivePoint,
    pub(super) bytes: [u8; OUTPUT_LEN],
}

impl PublicKey {
    /// The key in a PEM text: SubjectPublicKeyInfo (`PUBLIC KEY`).
    ///
    /// # Errors
    ///
    /// [`Error::Key`] for anything else, and for keys of other curves.
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        p256::PublicKey::from_public_key_pem(pem)
            .map(|key| Self::from_key(&key))
            .map_err(|_| Error::Key { form: "SPKI PEM" })
    }

    /// The key in a DER SubjectPublicKeyInfo.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] for anything else, and for keys of other curves.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        p256::PublicKey::from_public_key_der(der)
            .map(|key| Self::from_key(&key))
            .map_err(|_| Error::Key { form: "SPKI DER" })
    }

    /// The key as SubjectPublicKeyInfo PEM.
    ///
    /// # Errors
    ///
    /// [`Error::Key`], never seen.
    pub fn to_pem(&self) -> Result<String, Error> {
        self.to_key()?
            .to_public_key_pem(p256::pkcs8::LineEnding::LF)
            .map_err(|_| Error::Key { form: "SPKI PEM" })
    }

    /// The user's index, once `proof` is seen to prove that `output` is the only one of `user`.
    ///
    /// # Errors
    ///
    /// [`Error`], by what is wrong.
    pub fn verify(
        &self,
        user: impl AsRef<[u8]>,
        output: &Output,
        proof: &Proof,
    ) -> Result<Index, Error> {
        self.verify_as(Suite::Bound, user, output, proof)
    }

    /// As [`PublicKey::verify`], for the proof of a suite.
    ///
    /// # Errors
    ///
    /// [`Error`], by what is wrong.
    pub fn verify_as(
        &self,
        suite: Suite,
        user: impl AsRef<[u8]>,
        output: &Output,
        proof: &Proof,
    ) -> Result<Index, Error> {
        scheme::verify(suite, self, user.as_ref(), output, proof)
    }

    fn from_key(key: &p256::PublicKey) -> Self {
        Self {
            point: key.to_projective(),
            bytes: scheme::uncompressed(key.as_affine()),
        }
    }

    fn to_key(&self) -> Result<p256::PublicKey, Error> {
        p256::PublicKey::from_sec1_bytes(&self.bytes).map_err(|_| Error::Point)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", hex::encode(self.bytes))
    }
}
