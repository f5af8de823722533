//! Certificates and revocation lists of this PKI, and nothing more of X.509.
//!
//! Intel's certificates for SGX and TDX have one narrow form: version 3, ECDSA on P-256 with SHA-256,
//! names of a few plain attributes, a handful of extensions. Everything else is refused, and so is
//! everything that is not the one encoding that DER has for it (ITU-T X.690): two texts of one
//! certificate would be two certificates to whoever compares bytes. Signatures are checked over the
//! bytes that were given, never over bytes that were written anew.
//!
//! Here are only the forms and signatures. Which certificate may do what is decided by
//! [`TrustAnchor`](crate::TrustAnchor) and what it hands out.

mod certificate;
mod error;
mod extensions;
mod key;
mod name;
mod pem;
mod read;
mod revocation;
mod serial;
mod time;

pub use certificate::Certificate;
pub use error::{Document, Error};
pub use key::PublicKey;
pub use pem::Chain;
pub(crate) use pem::Chains;
pub use revocation::RevocationList;
pub use serial::Serial;

pub(crate) use error::Result;
pub(crate) use read::{Fault, Read, all, inside};

/// Refuses what is longer than anything of this PKI, before anything is made of it.
fn check_size(document: Document, bytes: &[u8], most: usize) -> Result<()> {
    if bytes.len() <= most {
        return Ok(());
    }
    Err(Error::Size {
        document,
        found: bytes.len(),
        most,
    })
}
