//! Why nothing is signed.

use std::path::PathBuf;

use sgx::sigstruct::KeyError;

use super::key::PUBLIC_KEY;
use crate::{Exit, Fault};

/// Why nothing is signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no usable key in a file.
    #[error("{}: {fault}", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        fault: KeyFault,
    },
    /// No key comes out of the library.
    #[error("the system gives no random numbers, so no key can be made")]
    Generation,
    /// Nothing says which date to sign.
    #[error("no date is given, and today's would make another signature each day")]
    NoDate,
    /// SOURCE_DATE_EPOCH is no time.
    #[error("SOURCE_DATE_EPOCH is `{0}`: it takes seconds of Unix time up to the year 9999")]
    Epoch(String),
    /// A signature that launches debug enclaves was to be released.
    #[error("not fit for release: {why}")]
    Release {
        /// Which rule it breaks.
        why: &'static str,
    },
    /// A signature from elsewhere is no RSA-3072 signature.
    #[error("the signature has {length} bytes, and one of RSA-3072 has 384")]
    SignatureLength {
        /// In bytes.
        length: usize,
    },
    /// EINIT would refuse the outcome.
    #[error("the signature is not one of this key over these fields: EINIT would say {einit}")]
    Unsound {
        /// EINIT's error.
        einit: &'static str,
    },
}

/// What is wrong with a key. Says nothing of what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// It's not in PEM form, or has nothing of what is wanted.
    #[error("there is no `{wanted}` in PEM form in it")]
    Missing {
        /// What stands in the line that begins it.
        wanted: &'static str,
    },
    /// It's encrypted.
    #[error("the key in it is encrypted, and nobody can be asked for its password here")]
    Encrypted,
    /// It's of another kind.
    #[error("the key in it is no RSA key")]
    NotRsa,
    /// SGX does not take it.
    #[error(transparent)]
    Unfit(#[from] KeyError),
    /// Its numbers do not belong together.
    #[error("the RSA key in it is damaged: its numbers do not belong together")]
    Broken,
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Key { .. } | Self::Generation => "sign.key",
            Self::NoDate | Self::Epoch(_) => "sign.date",
            Self::Release { .. } => "sign.release",
            Self::SignatureLength { .. } | Self::Unsound { .. } => "sign.signature",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Generation => Exit::Failed,
            _ => Exit::Unusable,
        }
    }

    fn advice(&self) -> Option<String> {
        let advice = match self {
            Self::Key {
                fault: KeyFault::Encrypted,
                ..
            } => "decrypt it into a file of mode 0600: openssl pkey -in KEY -out PLAIN",
            Self::Key {
                fault: KeyFault::Unfit(_) | KeyFault::NotRsa,
                ..
            } => "make one that SGX takes: sconify key new FILE",
            Self::Key {
                fault: KeyFault::Missing { wanted },
                ..
            } if *wanted == PUBLIC_KEY => {
                "make it of the private key: openssl pkey -in KEY -pubout -out PUBLIC"
            }
            Self::Key {
                fault: KeyFault::Missing { .. },
                ..
            } => {
                "name a private key; of a public one `sconify key show --public FILE` says whose it is"
            }
            Self::NoDate => {
                "--date YYYY-MM-DD, or SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) in the environment"
            }
            Self::Release { .. } => "leave --attributes and --debug out, or sign without --release",
            Self::Unsound { .. } => {
                "sign the bytes of --out-tbs made with the same options: RSA, PKCS #1 v1.5, SHA-256"
            }
            _ => return None,
        };
        Some(advice.to_owned())
    }
}
