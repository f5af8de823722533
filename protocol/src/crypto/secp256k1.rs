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

/// What stands in front of the scalar in a SEC1 private key (RFC 5915) with its curve and its point, and
/// what stands between the two.
const SEC1: Template = Template {
    label: "EC PRIVATE KEY",
    head: &[0x30, 0x74, 0x02, 0x01, 0x01, 0x04, 0x20],
    between: &[
        0xa0, 0x07, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a, 0xa1, 0x44, 0x03, 0x42, 0x00,
    ],
};

/// The same in PKCS#8 (RFC 5958), which names the curve itself.
const PKCS8: Template = Template {
    label: "PRIVATE KEY",
    head: &[
        0x30, 0x81, 0x84, 0x02, 0x01, 0x00, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
        0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01,
        0x01, 0x04, 0x20,
    ],
    between: &[0xa1, 0x44, 0x03, 0x42, 0x00],
};

/// One way to write a private key: `head`, the scalar, `between`, the uncompressed point.
struct Template {
    label: &'static str,
    head: &'static [u8],
    between: &'static [u8],
}

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

    /// Reads a key in PEM: SEC1 (`EC PRIVATE KEY`) or PKCS#8 (`PRIVATE KEY`), either with its public
    /// half, as OpenSSL and Avalon's libraries write them.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if it is anything else, or if the public half is another key's.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let (template, der) = match pem::decode(SEC1.label, text) {
            Ok(der) => (&SEC1, Zeroizing::new(der)),
            Err(_) => (&PKCS8, Zeroizing::new(pem::decode(PKCS8.label, text)?)),
        };
        let scalar = der
            .strip_prefix(template.head)
            .and_then(|rest| rest.get(..32));
        let key = Self::from_bytes(scalar.ok_or(KeyError::Form(PRIVATE))?)?;
        if *key.der(template) == *der {
            Ok(key)
        } else {
            Err(KeyError::Form(PRIVATE))
        }
    }

    /// The key in PEM as SEC1 has it (RFC 5915), wiped when dropped.
    pub fn expose_sec1_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(pem::encode(SEC1.label, &self.der(&SEC1)))
    }

    /// The key in PEM as PKCS#8 has it (RFC 5958), wiped when dropped.
    pub fn expose_pkcs8_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(pem::encode(PKCS8.label, &self.der(&PKCS8)))
    }

    fn der(&self, template: &Template) -> Zeroizing<Vec<u8>> {
        let point = self.0.public_key().serialize_uncompressed();
        let scalar = self.expose();
        Zeroizing::new([template.head, scalar.as_ref(), template.between, &point].concat())
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
    fn private_keys_are_read_as_they_are_written() {
        let key = SigningKey::from_bytes(&[7; 32]).unwrap();
        let texts = [key.expose_sec1_pem(), key.expose_pkcs8_pem()];
        for text in &texts {
            let read = SigningKey::from_pem(text).unwrap();
            assert_eq!(*read.expose(), [7; 32]);
            let unwrapped = text.replace("\n", " ");
            assert!(SigningKey::from_pem(&unwrapped).is_ok(), "any wrapping");
        }
        assert!(texts[0].starts_with("-----BEGIN EC PRIVATE KEY-----\n"));
        assert!(texts[1].starts_with("-----BEGIN PRIVATE KEY-----\n"));

        for template in [&SEC1, &PKCS8] {
            let der = key.der(template);
            for at in 0..der.len() {
                let mut other = der.to_vec();
                other[at] ^= 1;
                let text = pem::encode(template.label, &other);
                assert!(SigningKey::from_pem(&text).is_err(), "byte {at}");
                let text = pem::encode(template.label, &der[..at]);
                assert!(SigningKey::from_pem(&text).is_err(), "{at} bytes");
            }
        }
    }

    #[test]
    fn private_keys_are_those_that_openssl_writes() {
        // `openssl ecparam -name secp256k1 -genkey -noout`, and the same through `openssl pkcs8 -topk8 -nocrypt`.
        let sec1 = "-----BEGIN EC PRIVATE KEY-----
MHQCAQEEIByHie2tCFoJekjiOB4VOC+sErEOgIXB1UA7NFAPpeAMoAcGBSuBBAAK
oUQDQgAERvaV+62ide+3uLdoBulZTRnMgEMYbGMPq2mtrHXq7jqKLQtWYp6WzenC
LQHa9n2fT9mr2nYRFeIog6OB2az8XQ==
-----END EC PRIVATE KEY-----
";
        let pkcs8 = "-----BEGIN PRIVATE KEY-----
MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQgHIeJ7a0IWgl6SOI4HhU4
L6wSsQ6AhcHVQDs0UA+l4AyhRANCAARG9pX7raJ177e4t2gG6VlNGcyAQxhsYw+r
aa2sderuOootC1ZinpbN6cItAdr2fZ9P2avadhEV4iiDo4HZrPxd
-----END PRIVATE KEY-----
";
        let key = SigningKey::from_pem(sec1).unwrap();
        assert_eq!(*key.expose_pkcs8_pem(), pkcs8);
        assert_eq!(
            *SigningKey::from_pem(pkcs8).unwrap().expose_sec1_pem(),
            sec1
        );
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
