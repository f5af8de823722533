//! Values of secrets, and the forms in which they are given.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::crypto::pem;
use serde::{Deserialize, Serialize};
use session::{KeyType, Secret, SecretKind, Sensitive};
use zeroize::Zeroizing;

/// Names of PEM blocks that hold a private key: as PKCS#8, SEC1 and PKCS#1 have it.
const PRIVATE_KEYS: [&str; 3] = [PKCS8, "EC PRIVATE KEY", "RSA PRIVATE KEY"];
const PKCS8: &str = "PRIVATE KEY";
const CERTIFICATE: &str = "CERTIFICATE";
const END_OF_CERTIFICATE: &str = "-----END CERTIFICATE-----";

/// The value of a secret, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Material {
    pub(super) value: Value,
    /// Whether somebody gave it. If not, it was made here.
    pub(super) given: bool,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Value {
    Ascii(Sensitive),
    /// In hex.
    Binary(Sensitive),
    PrivateKey {
        pem: Sensitive,
        /// Unset for those that were given.
        key_type: Option<KeyType>,
    },
    Certificate {
        /// PEM, its own first, then those of its issuers.
        chain: Vec<String>,
        /// The secret that is its private key.
        private_key: Option<String>,
    },
}

impl Material {
    /// What somebody gave, if it is what it has to be.
    pub(super) fn given(secret: &Secret, text: &Sensitive) -> Result<Self, &'static str> {
        let value = match secret.kind {
            None | Some(SecretKind::Ascii) => Value::Ascii(text.clone()),
            Some(SecretKind::Binary) => Value::Binary(text.clone()),
            Some(SecretKind::PrivateKey) => {
                private_key(text.expose()).ok_or("it is no private key in PEM")?;
                Value::PrivateKey {
                    pem: text.clone(),
                    key_type: None,
                }
            }
            Some(SecretKind::X509 | SecretKind::X509Ca) => Value::Certificate {
                chain: certificates(text.expose())
                    .ok_or("it is no chain of certificates in PEM")?,
                private_key: secret.private_key.clone(),
            },
        };
        Ok(Self { value, given: true })
    }

    pub(super) const fn made(value: Value) -> Self {
        Self {
            value,
            given: false,
        }
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        match &self.value {
            Value::Ascii(text) | Value::PrivateKey { pem: text, .. } => text.expose().len(),
            Value::Binary(digits) => digits.expose().len() / 2,
            Value::Certificate { chain, .. } => chain.iter().map(String::len).sum(),
        }
    }

    /// Whether a new version of the session, which says this of the secret, keeps it.
    ///
    /// What was given stays until another is given. What was made is made anew, but for private keys that
    /// migrate.
    pub(super) fn outlives(&self, secret: &Secret) -> bool {
        let same_kind = match &self.value {
            Value::Ascii(_) => secret.kind == Some(SecretKind::Ascii),
            Value::Binary(_) => secret.kind == Some(SecretKind::Binary),
            Value::PrivateKey { key_type, .. } => {
                secret.kind == Some(SecretKind::PrivateKey)
                    && key_type.is_none_or(|made| made == secret.key_type.unwrap_or_default())
            }
            Value::Certificate { private_key, .. } => {
                matches!(secret.kind, Some(SecretKind::X509 | SecretKind::X509Ca))
                    && *private_key == secret.private_key
            }
        };
        same_kind && (self.given || secret.migrate == Some(true))
    }

    /// The value in a form; `key` knows the private keys of certificates.
    pub(super) fn form<'a>(
        &'a self,
        format: Option<&str>,
        key: impl FnOnce(&str) -> Option<&'a Self>,
    ) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        let format = format.unwrap_or_default();
        match &self.value {
            Value::Ascii(text) if format.is_empty() => Ok(bytes(text.expose())),
            Value::Binary(digits) => binary(digits.expose(), format),
            Value::PrivateKey { pem, .. } => private_key_form(pem.expose(), format),
            Value::Certificate { chain, private_key } => {
                if let Some(format) = key_format(format) {
                    let key = private_key.as_deref().and_then(key);
                    let Some(Value::PrivateKey { pem, .. }) = key.map(|key| &key.value) else {
                        return Err("the certificate's private key is not here");
                    };
                    return private_key_form(pem.expose(), format);
                }
                certificate_form(chain, format)
            }
            Value::Ascii(_) => Err(NO_SUCH_FORM),
        }
    }
}

const NO_SUCH_FORM: &str = "it has no such form";

/// The form of the key that a form of a certificate asks for.
fn key_format(format: &str) -> Option<&str> {
    match format {
        "key" | "privatekey" => Some("pem"),
        _ => format.strip_prefix("privatekey:"),
    }
}

fn binary(digits: &str, format: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    if format == "hex" {
        return Ok(bytes(digits));
    }
    let decoded = hex::decode(digits).map_err(|_| "its value is no hex")?;
    let decoded = Zeroizing::new(decoded);
    match format {
        "" | "bin" => Ok(decoded),
        "base64" => Ok(Zeroizing::new(STANDARD.encode(&decoded).into_bytes())),
        _ => Err(NO_SUCH_FORM),
    }
}

fn private_key_form(text: &str, format: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let (label, der) = private_key(text).ok_or("its value is no private key in PEM")?;
    let pkcs8 = match format {
        "" | "pem" | "der" => true,
        "pkcs8:pem" | "pkcs8:der" => label == PKCS8,
        _ => return Err(NO_SUCH_FORM),
    };
    if !pkcs8 {
        return Err("it was not given as PKCS#8");
    }
    Ok(if format.ends_with("der") {
        der
    } else {
        bytes(text)
    })
}

fn certificate_form(chain: &[String], format: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let own = chain.first().ok_or("its value is no certificate")?;
    match format {
        "" | "crt" | "crt:pem" => Ok(bytes(own)),
        "crt:der" => pem::decode(CERTIFICATE, own)
            .map(Zeroizing::new)
            .map_err(|_| "its value is no certificate"),
        "chain" => Ok(bytes(&chain.concat())),
        _ => Err(NO_SUCH_FORM),
    }
}

fn bytes(text: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.as_bytes().to_vec())
}

/// The name of the block, and what is in it.
pub(super) fn private_key(text: &str) -> Option<(&'static str, Zeroizing<Vec<u8>>)> {
    PRIVATE_KEYS.into_iter().find_map(|label| {
        let der = pem::decode(label, text).ok()?;
        (!der.is_empty()).then(|| (label, Zeroizing::new(der)))
    })
}

/// Each certificate of a text as it is written here.
pub(super) fn certificates(text: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(END_OF_CERTIFICATE)? + END_OF_CERTIFICATE.len();
        let der = pem::decode(CERTIFICATE, &rest[..end]).ok()?;
        if der.is_empty() {
            return None;
        }
        found.push(pem::encode(CERTIFICATE, &der));
        rest = rest[end..].trim_start();
    }
    (!found.is_empty()).then_some(found)
}
