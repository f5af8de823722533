//! The checks that evidence passes through, in their order.

use core::fmt;

/// A check of evidence. The order is that of checking, and the first that fails is the one that a
/// refusal names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Stage {
    /// The bytes are a quote in its form: versions, lengths, nothing behind it.
    Parse,
    /// The header names an attestation key type and a quoting enclave's vendor that are known.
    Header,
    /// The collateral has its members, and its chains are certificates.
    Collateral,
    /// The trust anchor is the one that was asked for.
    Root,
    /// The revocation lists are there and signed by those whose certificates they revoke.
    Crl,
    /// The certificates lead to the trust anchor, and each is what it has to be.
    Chain,
    /// None of them is revoked.
    Revoked,
    /// Everything is in force at the given time.
    Time,
    /// The TCB signing certificate is one, and was issued by the root.
    TcbInfoSigner,
    /// The signature of the TCB info.
    TcbInfoSignature,
    /// The TCB info is one for this kind of TEE.
    TcbInfo,
    /// The signature of the quoting enclave's identity.
    QeIdentitySignature,
    /// The identity is one for this kind of TEE.
    QeIdentity,
    /// The quoting enclave's report is signed with the platform's certified key.
    QeReportSignature,
    /// The quoting enclave's report vouches for the attestation key.
    QeReportData,
    /// The quoting enclave is the vendor's own.
    QePolicy,
    /// The quote is signed with the attestation key.
    IsvSignature,
    /// The platform has a level in the TCB info that was made for it.
    TcbMatch,
    /// That level is not revoked.
    TcbStatus,
    /// No debugger can look in.
    PolicyDebug,
    /// The rest of the policy.
    Policy,
}

impl Stage {
    /// Its name, stable: in messages, in JSON and in the tests' tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Header => "header",
            Self::Collateral => "collateral",
            Self::Root => "root",
            Self::Crl => "crl",
            Self::Chain => "chain",
            Self::Revoked => "revoked",
            Self::Time => "time",
            Self::TcbInfoSigner => "tcb-info-signer",
            Self::TcbInfoSignature => "tcb-info-signature",
            Self::TcbInfo => "tcb-info",
            Self::QeIdentitySignature => "qe-identity-signature",
            Self::QeIdentity => "qe-identity",
            Self::QeReportSignature => "qe-report-signature",
            Self::QeReportData => "qe-report-data",
            Self::QePolicy => "qe-policy",
            Self::IsvSignature => "isv-signature",
            Self::TcbMatch => "tcb-match",
            Self::TcbStatus => "tcb-status",
            Self::PolicyDebug => "policy-debug",
            Self::Policy => "policy",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
