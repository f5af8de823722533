//! What stands at the end of verification: evidence that a policy has accepted.

use super::Verdict;
use crate::{Claims, Time, VerifiedQuote};

/// Evidence that is genuine and that a policy accepts. Only [`Policy::appraise`] makes it.
///
/// It holds at the time that it was judged at, and until [`expires`](Self::expires): whoever keeps it
/// for longer has to ask again.
///
/// ```compile_fail,E0451
/// # use sconce_attestation::{Time, Verdict, VerifiedEvidence, VerifiedQuote};
/// fn forge(quote: VerifiedQuote, verdict: Verdict, expires: Time) -> VerifiedEvidence {
///     VerifiedEvidence { quote, verdict, expires }
/// }
/// ```
///
/// [`Policy::appraise`]: super::Policy::appraise
#[derive(Debug, Clone)]
#[must_use]
pub struct VerifiedEvidence {
    quote: VerifiedQuote,
    verdict: Verdict,
    expires: Time,
}

impl VerifiedEvidence {
    /// From a verdict that accepts the quote.
    pub(super) fn new(
        quote: VerifiedQuote,
        verdict: Verdict,
        policy_expires: Option<Time>,
    ) -> Result<Self, Verdict> {
        if !verdict.accepts() {
            return Err(verdict);
        }
        let collateral = quote.claims().expires;
        // A policy names the first second at which it does not hold any more.
        let policy = policy_expires.map(|end| Time::from_unix(end.unix().saturating_sub(1)));
        Ok(Self {
            expires: policy.map_or(collateral, |last| last.min(collateral)),
            quote,
            verdict,
        })
    }

    /// What it says of the program and of its platform.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        self.quote.claims()
    }

    /// Every rule of the policy, with what it was held against.
    #[must_use]
    pub const fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The last second at which it holds: the collateral is in force, and so is the policy.
    #[must_use]
    pub const fn expires(&self) -> Time {
        self.expires
    }
}
