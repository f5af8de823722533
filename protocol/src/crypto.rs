//! The cryptography of the wire, one file a primitive.
//!
//! `ring` gives AES-GCM and digests, `aws-lc-rs` RSA, `secp256k1` (libsecp256k1) the signatures.
//! Nothing here says *why* an operation failed: a requester's peer must not learn it.

pub mod aes;
pub mod entropy;
pub mod pem;
pub mod rsa;
pub mod secp256k1;

use ring::digest;

/// SHA-256 of `parts`, one after the other.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// A key can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text isn't PEM with the expected label.
    #[error("not a PEM text labelled {0}")]
    Pem(&'static str),
    /// The bytes aren't a key of this kind.
    #[error("not a {0}")]
    Form(&'static str),
    /// RSA keys below 2048 bits (or over 8192) are refused.
    #[error("RSA keys must have 2048 to 8192 bits")]
    Size,
    /// The cryptographic library could not make or write the key.
    #[error("the key could not be made")]
    Made,
}
