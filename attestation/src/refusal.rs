//! Why evidence is refused.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use sgx::quote::{CertificationKind, Error as QuoteError};

use crate::{Stage, Time, qe_identity, tcb_info, x509};

/// Why a quote is not taken for genuine, or collateral not for the vendor's. It says nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The quote is not in its form, or names what is not known.
    #[error("{0}")]
    Quote(#[from] QuoteError),
    /// The quote does not bring the platform's certificates.
    #[error(
        "the quote brings certification data of type {}, and only 5, the chain of the PCK certificate, leads to a root: have the platform's quoting service fetch its certificate",
        kind.number()
    )]
    Certification {
        /// What it brings.
        kind: CertificationKind,
    },
    /// A certificate or a revocation list.
    #[error("{0}")]
    X509(#[from] x509::Error),
    /// A document's signature is not of the TCB signing key.
    #[error(
        "{0}: its signature is not of the TCB signing certificate's key, over the very text that is given"
    )]
    Signature(Signed),
    /// A document is not in force yet.
    #[error("{document}: issued at {from}, and it is {now}")]
    NotYet {
        /// Which.
        document: Signed,
        /// The first second.
        from: Time,
        /// The time of verification.
        now: Time,
    },
    /// A document is in force no more.
    #[error("{document}: to be replaced by {until}, and it is {now}: fetch the next")]
    Expired {
        /// Which.
        document: Signed,
        /// The last second.
        until: Time,
        /// The time of verification.
        now: Time,
    },
    /// The TCB info, or what it says of the platform.
    #[error("{0}")]
    TcbInfo(#[from] tcb_info::Error),
    /// The quoting enclave's identity, or how the quoting enclave differs.
    #[error("{0}")]
    QeIdentity(#[from] qe_identity::Error),
    /// The quoting enclave's report is not signed by the platform's certified key.
    #[error("the signature of the quoting enclave's report is not of the PCK certificate's key")]
    QeReportSignature,
    /// The quoting enclave's report does not name the attestation key.
    #[error(
        "the quoting enclave's report data is not the digest of attestation key and authentication data: it vouches for another key"
    )]
    QeReportData,
    /// The quoting enclave's report has something in its reserved bytes.
    #[error("the quoting enclave's report: {0}")]
    QeReport(sgx::Reserved),
    /// The quote is not signed by the attestation key.
    #[error("the quote's signature is not of its attestation key")]
    IsvSignature,
    /// The vendor has given up what the program runs on.
    #[error("the {part}'s TCB level is revoked{}", Because(advisories))]
    Revoked {
        /// What has that level.
        part: &'static str,
        /// When the level was published.
        date: Time,
        /// The advisories that concern it.
        advisories: Vec<String>,
    },
}

/// A document that the vendor has signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signed {
    /// Levels of platforms.
    TcbInfo,
    /// The quoting enclave's identity.
    QeIdentity,
}

impl Refusal {
    /// The check that has failed first.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Quote(error) if error.is_header() => Stage::Header,
            Self::Quote(_) => Stage::Parse,
            Self::Certification { .. } => Stage::Chain,
            Self::X509(error) => error.stage(),
            Self::Signature(Signed::TcbInfo) => Stage::TcbInfoSignature,
            Self::Signature(Signed::QeIdentity) => Stage::QeIdentitySignature,
            Self::NotYet { .. } | Self::Expired { .. } => Stage::Time,
            Self::TcbInfo(error) => error.stage(),
            Self::QeIdentity(error) => error.stage(),
            Self::QeReportSignature => Stage::QeReportSignature,
            Self::QeReportData => Stage::QeReportData,
            Self::QeReport(_) => Stage::QePolicy,
            Self::IsvSignature => Stage::IsvSignature,
            Self::Revoked { .. } => Stage::TcbStatus,
        }
    }
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TcbInfo => "TCB info",
            Self::QeIdentity => "QE identity",
        })
    }
}

/// Advisories, where there are any.
struct Because<'a>(&'a [String]);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = ": ";
        for advisory in self.0 {
            write!(f, "{between}{advisory}")?;
            between = ", ";
        }
        Ok(())
    }
}
