//! Key directories: where a worker's keys are published, and the key that its entries there are signed with.
//!
//! Each worker has one such key, made here and never given to anybody: whoever holds it decides what everybody
//! takes for the worker's keys. Programs are told its public half, and have it quoted beside their other keys.

use ::session::Sensitive;
use provision::MAX_TRUST;
use provision::text::Base64;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use transparency::signature::{self, SigningKey};
use transparency::trust::Trust;
use transparency::verifier::Verifier;

use super::Error;

/// The key that a worker's entries are signed with: ECDSA on P-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryKey {
    /// PKCS#8 in PEM.
    secret: Sensitive,
    /// SubjectPublicKeyInfo, DER.
    public: Base64,
}

impl DirectoryKey {
    /// A fresh one. The library draws the randomness itself.
    ///
    /// # Errors
    ///
    /// [`Error::NoKeys`]: there is no randomness.
    pub fn generate() -> Result<Self, Error> {
        let key = SigningKey::generate().map_err(|_| Error::NoKeys)?;
        Ok(Self {
            secret: key.to_pem().as_str().to_owned().into(),
            public: Base64(key.verifying_key().to_der()),
        })
    }

    /// The public key (SubjectPublicKeyInfo, DER).
    #[must_use]
    pub fn public_der(&self) -> &[u8] {
        &self.public.0
    }

    /// The key, to sign an entry with.
    pub(super) fn signing(&self) -> Result<SigningKey, signature::Error> {
        SigningKey::from_pem(self.secret.expose())
    }
}

/// What an owner says of a directory, in the one form that is kept and that programs are told.
///
/// # Errors
///
/// [`Error::Directory`] if no program could verify anything by it.
pub(super) fn trust(text: &RawValue) -> Result<String, Error> {
    let refuse = |what: String| Error::Directory { what };
    if text.get().len() > MAX_TRUST {
        return Err(refuse(format!("it is longer than {MAX_TRUST} bytes")));
    }
    let trust = Trust::from_json(text.get().as_bytes());
    let mut trust = trust.map_err(|fault| refuse(fault.to_string()))?;
    // Programs ask nobody, and where to ask may change with each start.
    trust.address = None;
    Verifier::new(&trust).map_err(|fault| refuse(fault.to_string()))?;
    let text = serde_json::to_string(&trust).map_err(|fault| refuse(fault.to_string()))?;
    // It stands in a session, where such a mark would be replaced by a secret.
    if text.contains("$$") {
        return Err(refuse("it has $$ in it".to_owned()));
    }
    Ok(text)
}
