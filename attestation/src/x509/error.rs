//! What is wrong with a certificate, a revocation list or a chain of them.

use alloc::format;
use alloc::string::String;
use core::fmt;

use super::Serial;
use crate::{Fingerprint, Stage, Time};

/// A result of this module.
pub(crate) type Result<T> = core::result::Result<T, Error>;

/// Which document of the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Document {
    /// The root's certificate: the trust anchor.
    Root,
    /// The certificate of the CA that certifies platforms, "PCK Processor CA" or "PCK Platform CA".
    PckCa,
    /// A platform's certificate: it certifies the key that signs the quoting enclave's reports.
    Pck,
    /// The certificate of the key that signs TCB info and identities of quoting enclaves.
    TcbSigning,
    /// The list of what the root revoked.
    RootCrl,
    /// The list of the platforms' certificates that their CA revoked.
    PckCrl,
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "root certificate",
            Self::PckCa => "PCK CA certificate",
            Self::Pck => "PCK certificate",
            Self::TcbSigning => "TCB signing certificate",
            Self::RootCrl => "root CA revocation list",
            Self::PckCrl => "PCK revocation list",
        })
    }
}

/// Why a certificate, a revocation list or a chain is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Its bytes are not in the form that this PKI has.
    #[error("{document}: {what}{}", at(*.offset))]
    Form {
        /// Of what.
        document: Document,
        /// Where, in bytes from the begin of its DER, if that is known.
        offset: Option<usize>,
        /// What is wrong there.
        what: String,
    },
    /// It, or the text of its chain, is longer than any is.
    #[error("{document}: {found} bytes, and {most} at most are read")]
    Size {
        /// Which.
        document: Document,
        /// How many bytes it has.
        found: usize,
        /// How many it may have.
        most: usize,
    },
    /// The text is not a sequence of PEM certificates and nothing else (RFC 7468).
    #[error("chain of the {document}: {what} (at byte {offset} of the text)")]
    Pem {
        /// Whose chain.
        document: Document,
        /// Where, in bytes from the begin of the text.
        offset: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// A chain has too few or too many certificates.
    #[error(
        "chain of the {document}: {found} certificates instead of {wanted}, the root's as the last"
    )]
    Length {
        /// Whose chain.
        document: Document,
        /// How many it has.
        found: usize,
        /// How many it must have.
        wanted: usize,
    },
    /// The chain does not end in the trust anchor.
    #[error("chain of the {document}: its last certificate is not the trust anchor's")]
    NotTheAnchor {
        /// Whose chain.
        document: Document,
    },
    /// The certificate may not do what it is used for.
    #[error("{document}: {rule}")]
    Role {
        /// Which.
        document: Document,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// The subject's common name is another one than its role has.
    #[error("{document}: its common name is {found:?}, not {wanted:?}")]
    Name {
        /// Which.
        document: Document,
        /// What it says.
        found: String,
        /// What it should say.
        wanted: String,
    },
    /// It names another issuer than the one whose signature is needed.
    #[error("{document}: it was issued by another than the {issuer} says")]
    Issuer {
        /// Which.
        document: Document,
        /// Who should have issued it.
        issuer: Document,
    },
    /// The signature does not hold.
    #[error("{document}: its signature is not of the {issuer}'s key")]
    Signature {
        /// Which.
        document: Document,
        /// Who should have signed it.
        issuer: Document,
    },
    /// The revocation list of the collateral is of another CA than the quote's certificate.
    #[error(
        "PCK certificate: its CA, {found:?}, is not the one whose revocation list is given, {wanted:?}; fetch the collateral of this platform"
    )]
    OtherCa {
        /// The common name of the CA in the quote.
        found: String,
        /// That of the CA in the collateral.
        wanted: String,
    },
    /// It is revoked.
    #[error("{document}: number {serial} is revoked by the {list}")]
    Revoked {
        /// Which.
        document: Document,
        /// Its serial number.
        serial: Serial,
        /// Where it stands.
        list: Document,
    },
    /// It is not in force yet.
    #[error("{document}: in force from {from} on, and it is {now}")]
    NotYet {
        /// Which.
        document: Document,
        /// The first second.
        from: Time,
        /// The time of verification.
        now: Time,
    },
    /// It is in force no more.
    #[error("{document}: in force until {until}, and it is {now}")]
    Expired {
        /// Which.
        document: Document,
        /// The last second.
        until: Time,
        /// The time of verification.
        now: Time,
    },
    /// A simulated root has another fingerprint than the one that was asked for.
    #[error("root certificate: its fingerprint is {found}, not {wanted}")]
    Fingerprint {
        /// Of the certificate that was given.
        found: Fingerprint,
        /// What was asked for.
        wanted: Fingerprint,
    },
    /// Intel's root was given as a simulated one.
    #[error("root certificate: this is Intel's, and no simulated one")]
    GenuineRoot,
}

impl Error {
    /// The check that failed.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        use Document::{Pck, PckCa, PckCrl, Root, RootCrl, TcbSigning};
        match self {
            Self::Fingerprint { .. } | Self::GenuineRoot => Stage::Root,
            Self::OtherCa { .. } => Stage::Crl,
            Self::Revoked { .. } => Stage::Revoked,
            Self::NotYet { .. } | Self::Expired { .. } => Stage::Time,
            Self::Pem { document, .. } => match document {
                Pck => Stage::Chain,
                _ => Stage::Collateral,
            },
            Self::Form { document, .. }
            | Self::Size { document, .. }
            | Self::Length { document, .. }
            | Self::NotTheAnchor { document }
            | Self::Role { document, .. }
            | Self::Name { document, .. }
            | Self::Issuer { document, .. }
            | Self::Signature { document, .. } => match document {
                Root => Stage::Root,
                Pck | PckCa => Stage::Chain,
                TcbSigning => Stage::TcbInfoSigner,
                RootCrl | PckCrl => Stage::Crl,
            },
        }
    }
}

/// A place, behind a fault.
fn at(offset: Option<usize>) -> String {
    offset.map_or_else(String::new, |offset| format!(" (at byte {offset})"))
}
