//! What a verified quote says.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use sgx::quote::{Body, Tee, Version};

use crate::tcb::{Level, Status};
use crate::{Fingerprint, Time, TrustAnchor, pck};

/// A genuine quote: [`verify`](crate::verify()) has checked everything but whether it is the program
/// that somebody wants, which is for [`Policy::appraise`](crate::Policy::appraise).
///
/// It hands out what it says, and only verification makes one:
///
/// ```
/// # use sconce_attestation::{Claims, VerifiedQuote};
/// fn read(quote: VerifiedQuote) -> Claims {
///     quote.into_claims()
/// }
/// ```
/// ```compile_fail,E0451
/// # use sconce_attestation::{Claims, VerifiedQuote};
/// fn forge(claims: Claims) -> VerifiedQuote {
///     VerifiedQuote { claims }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedQuote {
    claims: Claims,
}

/// What a quote and its collateral say of a program and of the platform under it.
///
/// By itself this is no evidence: whoever can read a quote can write claims. [`VerifiedQuote`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claims {
    /// Whose root vouches for the platform.
    pub origin: Origin,
    /// The version of the quote's format.
    pub quote_version: Version,
    /// What the platform reports of the program.
    pub body: Body,
    /// The worst of the levels below, as one status: see [`Status::and`].
    pub status: Status,
    /// Advisories of all levels below, each once, sorted.
    pub advisories: Vec<String>,
    /// The platform's level.
    pub platform: Level,
    /// The level of the quoting enclave.
    pub qe: Level,
    /// TDX: the level of the module under the trust domain, if its version has levels of its own.
    pub tdx_module: Option<Level>,
    /// TDX 1.5: what has become of platform and module since the trust domain was launched.
    pub current: Option<CurrentTcb>,
    /// Evaluation data numbers of the collateral.
    pub evaluation: Evaluation,
    /// The platform's certificate.
    pub pck: Platform,
    /// When the quote was judged.
    pub verified: Time,
    /// The last second for which that judgement holds: when the first of the certificates, lists and
    /// documents that it rests on has to be replaced.
    pub expires: Time,
}

/// Whose root vouches for a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Intel's: it is hardware.
    Intel,
    /// That of a simulated platform, which protects nothing.
    Simulated(Fingerprint),
}

/// Levels of a platform on which a trust domain has been running since before an update.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CurrentTcb {
    /// The platform's level today.
    pub platform: Level,
    /// The module's level today, if its version has levels of its own.
    pub tdx_module: Option<Level>,
}

/// The vendor's counts of TCB recoveries (`tcbEvaluationDataNumber`) that the collateral takes into
/// account: whoever wants to see the latest asks for the latest number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Evaluation {
    /// Of the TCB info.
    pub tcb_info: u32,
    /// Of the quoting enclave's identity.
    pub qe_identity: u32,
}

/// What the vendor certified of the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Platform {
    /// The extension of its certificate.
    pub extension: pck::Extension,
    /// The common name of the CA that certified it.
    pub ca: String,
}

impl VerifiedQuote {
    pub(crate) const fn new(claims: Claims) -> Self {
        Self { claims }
    }

    /// What it says.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// What it says, as plain data: no evidence any more.
    #[must_use]
    pub fn into_claims(self) -> Claims {
        self.claims
    }
}

impl Origin {
    pub(crate) fn of(anchor: &TrustAnchor) -> Self {
        anchor
            .simulated_fingerprint()
            .map_or(Self::Intel, Self::Simulated)
    }
}

impl fmt::Display for Origin {
    /// `Intel`, or the fingerprint of the simulated root.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intel => f.write_str("Intel"),
            Self::Simulated(fingerprint) => fingerprint.fmt(f),
        }
    }
}

impl Claims {
    /// The TEE that the program runs in.
    #[must_use]
    pub const fn tee(&self) -> Tee {
        self.body.tee()
    }

    /// What the program says: 64 bytes whose meaning its protocol defines.
    #[must_use]
    pub const fn report_data(&self) -> &[u8; 64] {
        self.body.report_data()
    }

    /// Whether a debugger may look in.
    #[must_use]
    pub const fn is_debug(&self) -> bool {
        match &self.body {
            Body::Sgx(body) => body.attributes.is_debug(),
            Body::Tdx(body) => body.is_debug(),
        }
    }

    /// Whether the platform is a simulated one, which protects nothing.
    #[must_use]
    pub const fn is_simulated(&self) -> bool {
        matches!(self.origin, Origin::Simulated(_))
    }

    /// Every level that has a part in the status, with a name for it.
    #[must_use]
    pub fn levels(&self) -> Vec<(&'static str, &Level)> {
        let current = self.current.as_ref();
        [
            ("platform", Some(&self.platform)),
            ("TDX module", self.tdx_module.as_ref()),
            ("platform today", current.map(|current| &current.platform)),
            (
                "TDX module today",
                current.and_then(|current| current.tdx_module.as_ref()),
            ),
            ("quoting enclave", Some(&self.qe)),
        ]
        .into_iter()
        .filter_map(|(name, level)| Some((name, level?)))
        .collect()
    }
}
