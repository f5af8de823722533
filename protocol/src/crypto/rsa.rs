//! RSA-OAEP with SHA-1 and MGF1-SHA-1 and an empty label, which is what Avalon's peers speak.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey, PublicEncryptingKey,
};
use zeroize::Zeroizing;

use super::aes::DoesNotOpen;
use super::{KeyError, pem};

/// A worker's private encryption key, parsed once.
pub struct DecryptionKey {
    oaep: OaepPrivateDecryptingKey,
    key: PrivateDecryptingKey,
}

impl DecryptionKey {
    /// A fresh RSA-3072 key. The library draws the randomness itself.
    pub fn generate() -> Result<Self, KeyError> {
        let key = PrivateDecryptingKey::generate(KeySize::Rsa3072).map_err(|_| KeyError::Made)?;
        Self::new(key)
    }

    /// Reads a PKCS#8 private key of 2048 to 8192 bits.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let key = PrivateDecryptingKey::from_pkcs8(der)
            .map_err(|_| KeyError::Form("PKCS#8 RSA private key of 2048 to 8192 bits"))?;
        Self::new(key)
    }

    fn new(key: PrivateDecryptingKey) -> Result<Self, KeyError> {
        let oaep = OaepPrivateDecryptingKey::new(key.clone()).map_err(|_| KeyError::Size)?;
        Ok(Self { oaep, key })
    }

    /// The key as PKCS#8, wiped when dropped.
    pub fn expose_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let der: Pkcs8V1Der<'_> = self.key.as_der().map_err(|_| KeyError::Made)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    /// The public half.
    pub fn encryption_key(&self) -> Result<EncryptionKey, KeyError> {
        EncryptionKey::new(self.key.public_key(), None)
    }

    /// Length of every ciphertext, in bytes.
    pub fn modulus_len(&self) -> usize {
        self.oaep.key_size_bytes()
    }

    /// Decrypts one OAEP text. The result is wiped when dropped.
    pub fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        let mut out = Zeroizing::new(vec![0; self.oaep.min_output_size()]);
        let length = self
            .oaep
            .decrypt(&OAEP_SHA1_MGF1SHA1, sealed, &mut out, None)
            .map_err(|_| DoesNotOpen)?
            .len();
        out.truncate(length);
        Ok(out)
    }
}

/// A worker's public encryption key, with the PEM text that names it on the wire.
pub struct EncryptionKey {
    oaep: OaepPublicEncryptingKey,
    bits: usize,
    pem: String,
    /// Every order carries it.
    pem_hex: String,
}

impl EncryptionKey {
    /// Reads a PEM SubjectPublicKeyInfo of 2048 to 8192 bits; its text is kept, since it's hashed.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let der = pem::decode("PUBLIC KEY", text)?;
        let key = PublicEncryptingKey::from_der(&der)
            .map_err(|_| KeyError::Form("RSA public key of 2048 to 8192 bits"))?;
        Self::new(key, Some(text))
    }

    fn new(key: PublicEncryptingKey, text: Option<&str>) -> Result<Self, KeyError> {
        let pem = match text {
            Some(text) => text.to_owned(),
            None => {
                let der: PublicKeyX509Der<'_> = key.as_der().map_err(|_| KeyError::Made)?;
                pem::encode("PUBLIC KEY", der.as_ref())
            }
        };
        let bits = key.key_size_bits();
        let oaep = OaepPublicEncryptingKey::new(key).map_err(|_| KeyError::Size)?;
        Ok(Self {
            oaep,
            bits,
            pem_hex: hex::encode(&pem),
            pem,
        })
    }

    /// The PEM text: as it was read, or RFC 7468 for a key of ours.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The hex of that text, as orders carry it.
    pub fn pem_hex(&self) -> &str {
        &self.pem_hex
    }

    /// Modulus size in bits.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// Encrypts at most `bits / 8 - 42` bytes.
    pub fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut out = vec![0; self.oaep.ciphertext_size()];
        let length = self
            .oaep
            .encrypt(&OAEP_SHA1_MGF1SHA1, plain, &mut out, None)
            .map_err(|_| KeyError::Size)?
            .len();
        out.truncate(length);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_survives_its_texts() {
        let key = DecryptionKey::generate().unwrap();
        let public = EncryptionKey::from_pem(key.encryption_key().unwrap().pem()).unwrap();
        assert_eq!(public.bits(), 3072);
        let copy = DecryptionKey::from_pkcs8(&key.expose_pkcs8().unwrap()).unwrap();
        let sealed = public.seal(b"a session key").unwrap();
        assert_eq!(copy.open(&sealed).unwrap().as_slice(), b"a session key");
        assert!(copy.open(&sealed[1..]).is_err());
        assert!(public.seal(&[0; 384 - 41]).is_err());
    }

    #[test]
    fn refuses_what_is_no_key() {
        assert!(DecryptionKey::from_pkcs8(b"nothing").is_err());
        assert!(EncryptionKey::from_pem("nothing").is_err());
    }
}
