//! Why sessions are not written, and secrets not released.

use protocol::EntropyFailed;
use session::Hex32;

/// Why a request about sessions is refused. It holds no value of a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text is no session, or one that this vault can't serve.
    #[error("{0}")]
    Form(String),
    /// Whoever asks may not.
    #[error("{who} may not {what}")]
    Access {
        /// Who asked.
        who: String,
        /// What was wanted.
        what: String,
    },
    /// There is no such session.
    #[error("there is no session `{0}`")]
    Session(String),
    /// The session has no such service.
    #[error("the session `{session}` has no service `{service}`")]
    Service {
        /// The session.
        session: String,
        /// The service that was asked for.
        service: String,
    },
    /// An update is of another version than the present one.
    #[error("the session is {}, and its predecessor is given as {}", Version(.present), Version(.given))]
    Predecessor {
        /// The hash of the present version.
        present: Option<Hex32>,
        /// What the new one names.
        given: Option<Hex32>,
    },
    /// A session that would give secrets to programs that nobody attests.
    #[error(
        "security.attestation.mode is `{0}`: this vault gives secrets to attested programs only"
    )]
    Unattested(&'static str),
    /// The evidence is of a simulated platform that the session does not take.
    #[error("the evidence is of a platform under the root {root}, and the session takes {wanted}")]
    Simulated {
        /// The root that it stands under.
        root: String,
        /// Those that the session takes.
        wanted: String,
    },
    /// The enclave can be debugged.
    #[error("the enclave can be debugged, and the session `{session}` does not tolerate that")]
    Debug {
        /// The session.
        session: String,
    },
    /// The enclave can't be debugged, and keys that a debugger may have seen are given to no other.
    #[error(
        "the enclave cannot be debugged, and the keys in `{session}` are for enclaves that can: no other may vouch for them"
    )]
    NoDebug {
        /// The session.
        session: String,
    },
    /// Another program.
    #[error("the program is {found}, and the service is for {wanted}")]
    Measurement {
        /// What was measured.
        found: String,
        /// What the service is for.
        wanted: String,
    },
    /// Signed by another.
    #[error("the program is signed by {found}, and the service is for {wanted}")]
    Signer {
        /// Who signed it.
        found: String,
        /// Who should have.
        wanted: String,
    },
    /// Another product of the signer.
    #[error("the program is product {found} of its signer, and the service is for {wanted}")]
    Product {
        /// ISVPRODID.
        found: String,
        /// What the service is for.
        wanted: String,
    },
    /// Another security version.
    #[error("the program has security version {found}, and the service is for {wanted}")]
    Svn {
        /// ISVSVN.
        found: String,
        /// What the service is for.
        wanted: String,
    },
    /// The quote is about something else.
    #[error("the quote's REPORTDATA is not that of this session, service, nonce and key")]
    ReportData,
    /// The nonce is too old, or of another vault or start of it.
    #[error("the nonce was not made by this vault within the last {0} s since it started")]
    NonceStale(u64),
    /// The nonce has been used.
    #[error("the nonce has been used")]
    NonceUsed,
    /// Quote or collateral is not genuine, or not in force.
    #[error("the evidence is not genuine, or not in force: {stage}: {what}")]
    Evidence {
        /// The check that failed.
        stage: &'static str,
        /// What is wrong.
        what: String,
    },
    /// The platform is not good enough, or the collateral is that of another.
    #[error("the platform: {0}")]
    Platform(String),
    /// A secret is not there, or can't be made or given as is asked.
    #[error("secret `{name}`: {what}")]
    Secret {
        /// Its name.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// A secret of another session is not exported to this one.
    #[error("secret `{name}`: {what}")]
    Import {
        /// Its name here.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// The system gave no randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyFailed),
}

impl Error {
    /// Its code, with a page of that name in `docs/errors`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Form(_) => "cas.form",
            Self::Access { .. } => "cas.access",
            Self::Session(_) => "cas.session",
            Self::Service { .. } => "cas.service",
            Self::Predecessor { .. } => "cas.predecessor",
            Self::Unattested(_) => "cas.unattested",
            Self::Simulated { .. } => "cas.simulated",
            Self::Debug { .. } | Self::NoDebug { .. } => "cas.debug",
            Self::Measurement { .. } => "cas.measurement",
            Self::Signer { .. } => "cas.signer",
            Self::Product { .. } => "cas.product",
            Self::Svn { .. } => "cas.svn",
            Self::ReportData => "cas.report-data",
            Self::NonceStale(_) => "cas.nonce-stale",
            Self::NonceUsed => "cas.nonce-used",
            Self::Evidence { .. } => "cas.evidence",
            Self::Platform(_) => "cas.platform",
            Self::Secret { .. } | Self::Entropy(_) => "cas.secret",
            Self::Import { .. } => "cas.import",
        }
    }

    /// The status of HTTP that it is answered with.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Form(_) | Self::Unattested(_) => 400,
            Self::Session(_) | Self::Service { .. } => 404,
            Self::Predecessor { .. } => 409,
            Self::Entropy(_) => 500,
            _ => 403,
        }
    }

    /// What to do next, where that is not plain.
    #[must_use]
    pub const fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Access { .. } => {
                "use the key that made the session, or have its access_policy name yours"
            }
            Self::Predecessor { .. } => {
                "read the session, apply the change to what it is now, and give its hash as predecessor"
            }
            Self::Unattested(_) => {
                "use mode hardware, or for tests mode simulated with the roots in simulated_roots"
            }
            Self::Simulated { .. } => {
                "on hardware nothing is to do; for tests the session needs mode simulated and this root in simulated_roots"
            }
            Self::Debug { .. } => {
                "sign a release image, or for tests put debug-mode into security.attestation.tolerate"
            }
            Self::NoDebug { .. } => {
                "make new keys for the release image: `sconce upgrade`, without an overlap"
            }
            Self::Measurement { .. } => {
                "compare the two images with `sconify diff OLD NEW`; if the new one is meant, give it to the workers with `sconce upgrade`"
            }
            Self::ReportData => {
                "ask for a nonce, then quote it with this very session, service and key"
            }
            Self::NonceStale(_) | Self::NonceUsed => "ask for a fresh nonce, and quote again",
            Self::Evidence { .. } => "fetch the platform's collateral anew, and quote again",
            Self::Import { .. } => "have the other session's secret export itself to this one",
            _ => return None,
        })
    }
}

struct Version<'a>(&'a Option<Hex32>);

impl std::fmt::Display for Version<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(hash) => hash.fmt(f),
            None => f.write_str("none"),
        }
    }
}
