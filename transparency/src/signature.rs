//! Signatures of heads and updates: ECDSA on P-256 with SHA-256, DER.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::pkcs8::{EncodePrivateKey as _, LineEnding};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, UnparsedPublicKey,
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::messages::{DigitallySigned, HashAlgorithm, SignatureAlgorithm, Signatures};

/// What stands before the point in a SubjectPublicKeyInfo of P-256. Source: RFC 5480.
const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";

/// The letters in a line of PEM.
const PEM_LINE: usize = 64;

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
    /// Overwritten when dropped.
    secret: p256::SecretKey,
    pair: EcdsaKeyPair,
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
        let point = der.strip_prefix(&SPKI).ok_or(Error::PublicKey)?;
        Self::from_point(point.try_into().map_err(|_| Error::PublicKey)?)
    }

    /// Takes an uncompressed point.
    ///
    /// # Errors
    ///
    /// [`Error::PublicKey`] if it isn't one, or isn't on the curve.
    pub fn from_point(point: [u8; 65]) -> Result<Self, Error> {
        let on_curve = point[0] == 4 && p256::PublicKey::from_sec1_bytes(&point).is_ok();
        on_curve.then_some(Self { point }).ok_or(Error::PublicKey)
    }

    /// Reads the PEM of a SubjectPublicKeyInfo.
    ///
    /// # Errors
    ///
    /// As [`from_der`](Self::from_der).
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        let text = pem.trim();
        let text = text.strip_prefix(PEM_BEGIN).ok_or(Error::PublicKey)?;
        let text = text.strip_suffix(PEM_END).ok_or(Error::PublicKey)?;
        let text: String = text.split_ascii_whitespace().collect();
        let der = STANDARD.decode(text).map_err(|_| Error::PublicKey)?;
        Self::from_der(&der)
    }

    /// The SubjectPublicKeyInfo, 91 bytes.
    pub fn to_der(&self) -> Vec<u8> {
        [SPKI.as_slice(), &self.point].concat()
    }

    /// The SubjectPublicKeyInfo in PEM.
    pub fn to_pem(&self) -> String {
        let text = STANDARD.encode(self.to_der());
        let mut pem = format!("{PEM_BEGIN}\n");
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(PEM_LINE));
            pem.push_str(line);
            pem.push('\n');
            rest = after;
        }
        pem + PEM_END + "\n"
    }

    /// The point, uncompressed.
    pub fn point(&self) -> &[u8; 65] {
        &self.point
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        KeyId(Sha256::digest(self.to_der()).into())
    }

    /// Checks a bare signature (DER) over `preimage`.
    ///
    /// # Errors
    ///
    /// [`Error::Signature`].
    pub fn verify(&self, preimage: &[u8], der: &[u8]) -> Result<(), Error> {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point)
            .verify(preimage, der)
            .map_err(|_| Error::Signature(self.id()))
    }

    /// Checks a signature and what it says of its algorithms.
    ///
    /// # Errors
    ///
    /// [`Error::Algorithm`], [`Error::Signature`].
    pub fn verify_signed(&self, preimage: &[u8], signed: &DigitallySigned) -> Result<(), Error> {
        let algorithms = (signed.hash_algorithm, signed.sig_algorithm);
        if algorithms != (HashAlgorithm::Sha256, SignatureAlgorithm::Ecdsa) {
            return Err(Error::Algorithm(self.id()));
        }
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
        let mut scalar = Zeroizing::new([0; 32]);
        loop {
            let filled = SystemRandom::new().fill(scalar.as_mut());
            filled.map_err(|_| Error::Random)?;
            // All but one in 2³² are below the order.
            if let Ok(key) = Self::from_scalar(&scalar) {
                return Ok(key);
            }
        }
    }

    /// Reads PEM: `EC PRIVATE KEY` (SEC 1) or `PRIVATE KEY` (PKCS#8).
    ///
    /// # Errors
    ///
    /// [`Error::PrivateKey`].
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        Self::of(p256::SecretKey::from_pem(pem).map_err(|_| Error::PrivateKey)?)
    }

    /// Takes the secret number, 32 bytes.
    ///
    /// # Errors
    ///
    /// [`Error::PrivateKey`] if it is 0 or not below the order.
    pub fn from_scalar(scalar: &[u8; 32]) -> Result<Self, Error> {
        Self::of(p256::SecretKey::from_slice(scalar).map_err(|_| Error::PrivateKey)?)
    }

    /// The secret number.
    pub fn to_scalar(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.secret.to_bytes().into())
    }

    /// The key in PEM of PKCS#8.
    #[expect(clippy::expect_used, reason = "32 bytes and a point always fit")]
    pub fn to_pem(&self) -> Zeroizing<String> {
        self.secret
            .to_pkcs8_pem(LineEnding::LF)
            .expect("a key of fixed size is written")
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
        let signature = self.pair.sign(&SystemRandom::new(), preimage);
        Ok(signature.map_err(|_| Error::Random)?.as_ref().to_vec())
    }

    /// Signs `preimage`, and says with what.
    ///
    /// # Errors
    ///
    /// [`Error::Random`].
    pub fn sign_digitally(&self, preimage: &[u8]) -> Result<DigitallySigned, Error> {
        Ok(DigitallySigned {
            hash_algorithm: HashAlgorithm::Sha256,
            sig_algorithm: SignatureAlgorithm::Ecdsa,
            signature: self.sign(preimage)?,
        })
    }

    fn of(secret: p256::SecretKey) -> Result<Self, Error> {
        let point = secret.public_key().to_sec1_point(false);
        let point = point.as_bytes().try_into().map_err(|_| Error::PrivateKey)?;
        let verifying = VerifyingKey { point };
        let scalar = Zeroizing::new(<[u8; 32]>::from(secret.to_bytes()));
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            scalar.as_slice(),
            &point,
            &SystemRandom::new(),
        );
        Ok(Self {
            secret,
            pair: pair.map_err(|_| Error::PrivateKey)?,
            verifying,
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    const SEC1: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIPEOAVEc375QF4bJ1eDEjX29CwX4Ni8wqYL9kQqIcYa0oAoGCCqGSM49
AwEHoUQDQgAEZJIvpsQqEJk2F9eXJJYCKWCom6Zn0av6ZOzX4uvGo1dUoTv6KmVp
aZunOQRou4xcnCdFNxuJVcp8dlrJxitrKw==
-----END EC PRIVATE KEY-----
";

    #[test]
    fn keys_are_read_as_they_are_written() {
        let key = SigningKey::from_pem(SEC1).unwrap();
        let id = "3ff01404717144d5a97973e9810c3f779a5ac43766372e7ae1a85aa2f8b1f9ec";
        assert_eq!(key.id().to_string(), id);
        let again = SigningKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(again.to_scalar(), key.to_scalar());
        let public = key.verifying_key();
        assert_eq!(VerifyingKey::from_pem(&public.to_pem()).unwrap(), *public);
        assert_eq!(VerifyingKey::from_der(&public.to_der()).unwrap(), *public);
        assert_eq!(format!("{key:?}"), format!("SigningKey({id}, …)"));
    }

    #[test]
    fn signatures_hold_for_what_was_signed_only() {
        let key = SigningKey::generate().unwrap();
        let public = key.verifying_key();
        let mut signed = key.sign_digitally(b"text").unwrap();
        public.verify_signed(b"text", &signed).unwrap();
        let wrong = Err(Error::Signature(key.id()));
        assert_eq!(public.verify_signed(b"texts", &signed), wrong);
        signed.hash_algorithm = HashAlgorithm::Sha512;
        let other = Err(Error::Algorithm(key.id()));
        assert_eq!(public.verify_signed(b"text", &signed), other);
        let missing = Err(Error::Missing(key.id()));
        assert_eq!(public.verify_among(b"text", &Signatures::new()), missing);
    }

    #[test]
    fn a_signature_is_found_by_its_whole_id() {
        let key = SigningKey::generate().unwrap();
        let signed = key.sign_digitally(b"text").unwrap();
        let id = key.id().to_string();
        let under = |id: String| Signatures::from([(id, signed.clone())]);
        let check = |signatures| key.verifying_key().verify_among(b"text", &signatures);
        check(under(id.clone())).unwrap();
        check(under(id.to_uppercase())).unwrap_err();
        check(under(id[..8].to_owned())).unwrap_err();
    }

    #[test]
    fn other_keys_are_refused() {
        let key = SigningKey::generate().unwrap();
        let mut der = key.verifying_key().to_der();
        der[90] ^= 1;
        assert_eq!(VerifyingKey::from_der(&der), Err(Error::PublicKey));
        der[90] ^= 1;
        der.push(0);
        assert_eq!(VerifyingKey::from_der(&der), Err(Error::PublicKey));
        assert!(SigningKey::from_scalar(&[0; 32]).is_err());
        assert!(SigningKey::from_scalar(&[0xff; 32]).is_err());
        assert!(SigningKey::from_pem(&key.verifying_key().to_pem()).is_err());
        assert!(VerifyingKey::from_pem(SEC1).is_err());
    }
}
