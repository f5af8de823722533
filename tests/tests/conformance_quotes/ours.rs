//! Our verdicts.

use std::fmt;

use attestation::policy::{PlatformRules, Program};
use attestation::{
    Claims, Collateral, Fingerprint, Policy, Refusal, Stage, Time, TrustAnchor, VerifiedQuote,
    verify,
};

use crate::{Case, Verdict, ensure};

/// What becomes of a case.
pub(crate) enum Outcome {
    /// It is genuine, and no debugger can look in.
    Accepted(Accepted),
    /// It is not.
    Refused(Refused),
}

/// What genuine evidence says.
pub(crate) struct Accepted {
    pub(crate) status: String,
    pub(crate) advisories: Vec<String>,
    pub(crate) claims: Box<Claims>,
}

/// Why evidence is refused.
pub(crate) struct Refused {
    pub(crate) stage: &'static str,
    why: String,
}

/// Verifies a case under its root, and judges it by the widest policy that is no debugger's.
pub(crate) fn judge(case: &Case) -> Result<Outcome, String> {
    let quote = match genuine(case) {
        Ok(quote) => quote,
        Err((stage, why)) => return Ok(Outcome::refused_at(stage, why)),
    };
    let claims = quote.claims().clone();
    let now = Time::from_unix(case.now);
    let accepted = match policy(case, &claims).appraise(quote, now, None) {
        Ok(evidence) => evidence,
        Err(verdict) => return Ok(Outcome::refused_at(verdict.stage(), verdict.to_string())),
    };
    ensure!(
        *accepted.claims() == claims,
        "the policy changes what is said"
    );
    Ok(Outcome::Accepted(Accepted {
        status: claims.status.to_string(),
        advisories: claims.advisories.clone(),
        claims: Box::new(claims),
    }))
}

/// The same in other ways: with collateral that was verified before, and under the strictest policy.
pub(crate) fn again(case: &Case, outcome: &Outcome) -> Verdict {
    let now = Time::from_unix(case.now);
    let mut checked = Vec::new();
    let anchor = anchor(case)?;
    if let Ok(collateral) = Collateral::from_json(&case.collateral)
        && let Ok(verified) = collateral.verify(&anchor, now)
    {
        let at_once = verify(&case.quote, &collateral, &anchor, now);
        let in_two = verified.verify(&case.quote, now);
        match (at_once, in_two) {
            (Ok(one), Ok(two)) => ensure!(one == two, "in two steps it says something else"),
            (Err(one), Err(two)) => {
                // The collateral is whole: what is wrong is the quote.
                ensure!(one == two, "in two steps {two}, at once {one}");
            }
            (Ok(_), Err(fault)) => return Err(format!("in two steps refused: {fault}")),
            (Err(fault), Ok(_)) => return Err(format!("in two steps accepted: {fault}")),
        }
        checked.push("the same in two steps".into());
    }
    if let Outcome::Accepted(accepted) = outcome {
        let fit = case.intel && accepted.status == "UpToDate" && accepted.advisories.is_empty();
        let strict = Policy::strict(Program::Any).judge(&accepted.claims, now, None);
        ensure!(
            strict.accepts() == fit,
            "by the strictest policy, with platforms of its kind: {strict}"
        );
        let word = if fit { "takes" } else { "refuses" };
        checked.push(format!("the strictest policy {word} it"));
    }
    Ok(checked)
}

/// Whether it is genuine, at another time than the case's if so asked.
pub(crate) fn verify_at(case: &Case, now: u64) -> Result<VerifiedQuote, Refusal> {
    let collateral = Collateral::from_json(&case.collateral).map_err(|_| Refusal::IsvSignature)?;
    verify(
        &case.quote,
        &collateral,
        &TrustAnchor::intel(),
        Time::from_unix(now),
    )
}

/// A case's trust anchor.
pub(crate) fn anchor(case: &Case) -> Result<TrustAnchor, String> {
    if case.intel {
        let anchor = TrustAnchor::intel();
        ensure!(
            anchor.root_der() == case.root,
            "the compiled-in root is another"
        );
        return Ok(anchor);
    }
    TrustAnchor::simulated(&case.root, Fingerprint::of(&case.root)).map_err(|e| e.to_string())
}

fn genuine(case: &Case) -> Result<VerifiedQuote, (Stage, String)> {
    let collateral = Collateral::from_json(&case.collateral)
        .map_err(|error| (error.stage(), error.to_string()))?;
    let anchor = anchor(case).map_err(|why| (Stage::Root, why))?;
    let now = Time::from_unix(case.now);
    verify(&case.quote, &collateral, &anchor, now)
        .map_err(|refusal| (refusal.stage(), refusal.to_string()))
}

/// Any program on a platform in any state that can be had, but not under a debugger.
fn policy(case: &Case, claims: &Claims) -> Policy {
    Policy {
        platform: PlatformRules {
            statuses: vec![claims.status],
            advisories: claims.advisories.clone(),
            ..PlatformRules::default()
        },
        allow_sim: !case.intel,
        simulated_roots: vec![Fingerprint::of(&case.root)],
        ..Policy::strict(Program::Any)
    }
}

impl Outcome {
    fn refused_at(stage: Stage, why: String) -> Self {
        let stage = stage.name();
        Self::Refused(Refused { stage, why })
    }

    pub(crate) fn accepted(&self) -> Result<&Accepted, String> {
        match self {
            Self::Accepted(accepted) => Ok(accepted),
            Self::Refused(_) => Err(self.to_string()),
        }
    }

    pub(crate) fn refused(&self) -> Result<&Refused, String> {
        match self {
            Self::Refused(refused) => Ok(refused),
            Self::Accepted(_) => Err(self.to_string()),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted(accepted) => {
                write!(f, "accepted, {} {:?}", accepted.status, accepted.advisories)
            }
            Self::Refused(refused) => write!(f, "refused at {}: {}", refused.stage, refused.why),
        }
    }
}
