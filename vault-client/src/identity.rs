//! Who a client is.

use std::fmt;

use provision::text::Hex;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData as _};
use ring::digest::{SHA256, digest};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A client's key, of P-256, and a certificate over it that nobody else has signed.
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
    who: Hex<32>,
}

/// A text that is no key of a client.
#[derive(Debug, thiserror::Error)]
#[error("not a private key of P-256 in PKCS #8 PEM (BEGIN PRIVATE KEY)")]
pub struct IdentityError;

impl Identity {
    /// A key, as PKCS #8 in PEM.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn from_pem(pem: &str) -> Result<Self, IdentityError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| IdentityError)?;
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ECDSA_P256_SHA256);
        Self::new(&key.map_err(|_| IdentityError)?)
    }

    /// A fresh key, and its PKCS #8 PEM.
    ///
    /// # Errors
    ///
    /// The system gives no randomness.
    pub fn generate() -> Result<(Self, String), IdentityError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|_| IdentityError)?;
        Ok((Self::new(&key)?, key.serialize_pem()))
    }

    fn new(key: &KeyPair) -> Result<Self, IdentityError> {
        let mut params = CertificateParams::new(Vec::new()).map_err(|_| IdentityError)?;
        params.distinguished_name.push(DnType::CommonName, "client");
        let certificate = params.self_signed(key).map_err(|_| IdentityError)?;
        let mut who = [0; 32];
        who.copy_from_slice(digest(&SHA256, &key.subject_public_key_info()).as_ref());
        Ok(Self {
            certificate: certificate.der().clone(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()),
            who: Hex(who),
        })
    }

    /// What a vault knows the client by: SHA-256 of its public key (SubjectPublicKeyInfo, DER).
    #[must_use]
    pub const fn who(&self) -> Hex<32> {
        self.who
    }

    pub(crate) fn for_tls(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = PrivateKeyDer::Pkcs8(self.key.clone_key());
        (vec![self.certificate.clone()], key)
    }
}

impl fmt::Debug for Identity {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_and_is_the_same_client() {
        let (identity, pem) = Identity::generate().unwrap();
        assert_eq!(Identity::from_pem(&pem).unwrap().who(), identity.who());
        assert!(!format!("{identity:?}").contains("PRIVATE"));
        for bad in ["", "no key", &pem.replace("PRIVATE", "PUBLIC")] {
            assert!(Identity::from_pem(bad).is_err());
        }
    }
}
