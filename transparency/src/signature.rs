//! Signatures of heads and updates: ECDSA on P-256 with SHA-256, DER.

use std::fmt;

use crate::messages::{DigitallySigned, Signatures};

/// The id of a key: SHA-256 over its SubjectPublicKeyInfo. As text lower-case hex, compared exactly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 32]);

/// A P-256 key that verifies.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    point: [u8; 65],
}

/// A P-256 key that signs. It shows nothing of itself in `Debug`.
pub struct SigningKey {
    verifying: VerifyingKey,
}

/// A key that can't be read, or a signature that doesn't hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no SubjectPublicKeyInfo of P-256 with an uncompressed point.
    #[error("no P-256 public key: a SubjectPublicKeyInfo of 91 bytes, with an uncompressed point")]
    PublicKey,
    /// The text is no PEM of a P-256 private key.
    #[error("no P-256 private key in PEM (EC PRIVATE KEY, or PRIVATE KEY of PKCS#8)")]
    PrivateKey,
    /// There is no signature under the key's id.
    #[error("there is no signature by the key {0}")]
    Missing(KeyId),
    /// The signature names other algorithms.
    #[error("the signature by the key {0} isn't ECDSA with SHA-256")]
    Algorithm(KeyId),
    /// The signature isn't the key's.
    #[error("the signature by the key {0} doesn't hold")]
    Signature(KeyId),
    /// There is no randomness.
    #[error("the system gives no randomness")]
    Random,
}

impl Error {
    /// The stable code of this failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PublicKey | Self::PrivateKey => "kt.key",
            Self::Random => "kt.random",
            Self::Missing(_) | Self::Algorithm(_) | Self::Signature(_) => "kt.signature",
        }
    }
}

impl VerifyingKey {
    /// Reads a SubjectPublicKeyInfo.
    ///
    /// # Errors
    ///
    /// If it is another than of a P-256 key with an uncompressed point on the curve.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let _ = der;
        Err(Error::PublicKey)
    }

    /// Reads the PEM of a SubjectPublicKeyInfo.
    ///
    /// # Errors
    ///
    /// As [`from_der`](Self::from_der).
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        let _ = pem;
        Err(Error::PublicKey)
    }

    /// The SubjectPublicKeyInfo, 91 bytes.
    pub fn to_der(&self) -> Vec<u8> {
        Vec::new()
    }

    /// The SubjectPublicKeyInfo in PEM.
    pub fn to_pem(&self) -> String {
        String::new()
    }

    /// The point, uncompressed.
    pub fn point(&self) -> &[u8; 65] {
        &self.point
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        KeyId([0; 32])
    }

    /// Checks a bare signature (DER) over `preimage`.
    ///
    /// # Errors
    ///
    /// [`Error::Signature`].
    pub fn verify(&self, preimage: &[u8], der: &[u8]) -> Result<(), Error> {
        let _ = (preimage, der);
        Err(Error::Signature(self.id()))
    }

    /// Checks a signature and what it says of its algorithms.
    ///
    /// # Errors
    ///
    /// [`Error::Algorithm`], [`Error::Signature`].
    pub fn verify_signed(&self, preimage: &[u8], signed: &DigitallySigned) -> Result<(), Error> {
        self.verify(preimage, &signed.signature)
    }

    /// Checks this key's signature among `signatures`.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] if there is none under its id, and as [`verify_signed`](Self::verify_signed).
    pub fn verify_among(&self, preimage: &[u8], signatures: &Signatures) -> Result<(), Error> {
        let id = self.id();
        let signed = signatures.get(&id.to_string()).ok_or(Error::Missing(id))?;
        self.verify_signed(preimage, signed)
    }
}

impl SigningKey {
    /// Makes a key.
    ///
    /// # Errors
    ///
    /// [`Error::Random`].
    pub fn generate() -> Result<Self, Error> {
        Err(Error::Random)
    }

    /// Reads PEM: `EC PRIVATE KEY` (SEC 1) or `PRIVATE KEY` (PKCS#8).
    ///
    /// # Errors
    ///
    /// [`Error::PrivateKey`].
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        let _ = pem;
        Err(Error::PrivateKey)
    }

    /// Reads the secret number, 32 bytes.
    ///
    /// # Errors
    ///
    /// [`Error::PrivateKey`] if it is 0 or not below the order.
    pub fn from_scalar(scalar: &[u8; 32]) -> Result<Self, Error> {
        let _ = scalar;
        Err(Error::PrivateKey)
    }

    /// The secret number.
    pub fn to_scalar(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new([0; 32])
    }

    /// The key in PEM of PKCS#8.
    pub fn to_pem(&self) -> zeroize::Zeroizing<String> {
        zeroize::Zeroizing::default()
    }

    /// The key that verifies.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        self.verifying.id()
    }

    /// Signs `preimage`: a bare signature (DER).
    ///
    /// # Errors
    ///
    /// [`Error::Random`].
    pub fn sign(&self, preimage: &[u8]) -> Result<Vec<u8>, Error> {
        let _ = preimage;
        Err(Error::Random)
    }

    /// Signs `preimage`, and says with what.
    ///
    /// # Errors
    ///
    /// [`Error::Random`].
    pub fn sign_digitally(&self, preimage: &[u8]) -> Result<DigitallySigned, Error> {
        let _ = preimage;
        Err(Error::Random)
    }
}

impl KeyId {
    /// The bytes of the id.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.id())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, …)", self.id())
    }
}
