//! Secrets: values that CAS keeps, makes, and hands out.

use serde::{Deserialize, Serialize};

use super::values::{Hex32, OneOrMany, Sensitive};

/// A value that CAS keeps. Without `value` and `import` CAS makes it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// Its name, in placeholders.
    pub name: String,
    /// What it is. Only imported ones may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SecretKind>,
    /// How long a text (in characters) or binary value (in bytes) is made; 20 if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// The value: text, hex for a binary one, PEM for keys and certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Sensitive>,
    /// What kind of private key is made; P-256 if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_type: Option<KeyType>,
    /// Whether a private key outlives an update of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrate: Option<bool>,
    /// The private key of a certificate: another secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<String>,
    /// The certificate that signs a certificate: another secret. It signs itself if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The common name of a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// What a certificate is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// The names of a server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<OneOrMany<String>>,
    /// How long a certificate is valid, as in `90 days`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_for: Option<String>,
    /// Sessions that may import it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<OneOrMany<Reference>>,
    /// Whether everybody may read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_public: Option<bool>,
    /// The secret of another session whose value it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<Import>,
}

/// What a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretKind {
    /// Printable text.
    Ascii,
    /// Any bytes.
    Binary,
    /// A private key.
    PrivateKey,
    /// A certificate.
    X509,
    /// A certificate that signs others.
    #[serde(rename = "x509-ca")]
    X509Ca,
}

/// Kinds of private keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, Serialize)]
pub enum KeyType {
    /// NIST P-256.
    #[default]
    #[serde(rename = "P-256", alias = "EC:prime256v1")]
    P256,
    /// NIST P-384.
    #[serde(rename = "P-384")]
    P384,
    /// secp256k1, which signs answers of workers.
    #[serde(rename = "EC:secp256k1")]
    Secp256k1,
    /// Ed25519.
    Ed25519,
    /// RSA with 2048 bits.
    #[serde(rename = "RSA-2048", alias = "RSA:2048")]
    Rsa2048,
    /// RSA with 3072 bits.
    #[serde(rename = "RSA-3072", alias = "RSA:3072")]
    Rsa3072,
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Endpoint {
    /// Servers.
    Server,
    /// Clients.
    Client,
}

/// Another session on the same CAS, or all in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reference {
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Only as it is when it has this hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_hash: Option<Hex32>,
    /// A session and all in its namespace, instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// A secret of another session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// The session.
    pub session: String,
    /// Only as it is when it has this hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_hash: Option<Hex32>,
    /// The secret's name there; the same as here if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}
