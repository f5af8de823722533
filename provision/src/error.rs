//! Why a program gets no secrets.

use attestation::{CollateralError, Refusal, Verdict};
use protocol::EntropyFailed;

/// Why a program gets no secrets, or a vault can give none. It holds nothing secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The vault's collateral is none.
    #[error("the vault's evidence: {0}")]
    VaultCollateral(#[from] CollateralError),
    /// The vault's quote is not genuine.
    #[error("the vault's evidence is not genuine: {stage}: {0}", stage = .0.stage())]
    VaultQuote(#[from] Refusal),
    /// The vault's quote is genuine, and of a program that is no vault of this program's signer, or
    /// over another key.
    #[error("the vault's evidence is of a program that this one takes no keys from: {0}")]
    VaultPolicy(Box<Verdict>),
    /// What the vault says its key is, is none.
    #[error("the vault's key is no P-256 public key")]
    VaultKey,
    /// The program's own processor has given it no quote of an enclave.
    #[error("the platform's own quote is of no enclave that a vault could be held against")]
    OwnQuote,
    /// A message is not in its form.
    #[error("the {what} is not in its form: {fault}")]
    Form {
        /// Which.
        what: &'static str,
        /// What is wrong with it.
        fault: String,
    },
    /// The vault has not signed what came.
    #[error("the release is not signed by the vault that was verified, for this very request")]
    Signature,
    /// What came was not encrypted for this request.
    #[error("the release does not open: it was made for another request")]
    DoesNotOpen,
    /// Somebody's X25519 key leads to no secret.
    #[error("the X25519 key is not usable")]
    Agreement,
    /// The vault refuses.
    #[error("the vault refuses: {code}: {message}")]
    Refused {
        /// The vault's own code.
        code: String,
        /// The vault's words.
        message: String,
    },
    /// What was given lacks something, or has it in another form.
    #[error("the vault has released no {0}")]
    Lacks(&'static str),
    /// The system gave no randomness, or the cryptographic library failed.
    #[error(transparent)]
    Entropy(#[from] EntropyFailed),
}

impl Error {
    /// Its code, with a page of that name in `docs/errors`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::VaultCollateral(_)
            | Self::VaultQuote(_)
            | Self::VaultPolicy(_)
            | Self::VaultKey
            | Self::OwnQuote => "provision.vault-evidence",
            Self::Refused { .. } => "provision.refused",
            _ => "provision.release",
        }
    }
}
