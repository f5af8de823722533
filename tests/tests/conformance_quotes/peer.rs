//! What dcap-qvl says of the same evidence: it shares no code with ours but the arithmetic.

use dcap_qvl::QuoteCollateralV3;
use dcap_qvl::verify::QuoteVerifier;

use crate::ours::Outcome;
use crate::{Case, Verdict, ensure};

/// Where the two differ on purpose: our verdict, and why. Where either is right by the format, we have none.
const DIFFERENCES: &[(&str, Option<bool>, &str)] = &[
    (
        "sim-pceid-mismatch",
        Some(false),
        "it does not compare the PCE's id",
    ),
    (
        "r31-trailing-byte",
        Some(false),
        "it ignores what follows a quote",
    ),
    (
        "sim-qe-auth-64",
        None,
        "it wants 32 bytes of authentication data",
    ),
    (
        "sim-qe-auth-empty",
        None,
        "it wants 32 bytes of authentication data",
    ),
];

/// The same verdict, status and advisories, or a difference that is listed.
pub(crate) fn compare(case: &Case, outcome: &Outcome) -> Verdict {
    let collateral: QuoteCollateralV3 =
        serde_json::from_slice(&case.collateral).map_err(|fault| fault.to_string())?;
    let theirs = QuoteVerifier::new(case.root.clone()).verify(&case.quote, &collateral, case.now);
    ensure!(
        theirs.is_ok() == case.peer_accepts,
        "dcap-qvl says something else than it said: {theirs:?}"
    );
    let ours = outcome.accepted().is_ok();
    if let Some((_, expected, why)) = DIFFERENCES.iter().find(|one| one.0 == case.name) {
        ensure!(expected.is_none_or(|one| one == ours), "listed otherwise");
        ensure!(
            theirs.is_ok() != ours,
            "it is listed that dcap-qvl differs, and it does not"
        );
        return Ok(vec![format!("dcap-qvl differs: {why}")]);
    }
    match (theirs, outcome) {
        (Ok(theirs), Outcome::Accepted(ours)) => {
            ensure!(theirs.status == ours.status, "dcap-qvl: {}", theirs.status);
            let mut advisories = theirs.advisory_ids;
            advisories.sort();
            ensure!(advisories == ours.advisories, "dcap-qvl: {advisories:?}");
            let ppid = ours.claims.pck.extension.ppid;
            ensure!(theirs.ppid == ppid, "another platform for dcap-qvl");
            Ok(vec!["dcap-qvl says the same".into()])
        }
        (Err(_), Outcome::Refused(_)) => Ok(vec!["dcap-qvl refuses it too".into()]),
        (Ok(theirs), Outcome::Refused(_)) => Err(format!("dcap-qvl accepts it: {}", theirs.status)),
        (Err(fault), Outcome::Accepted(_)) => Err(format!("dcap-qvl refuses it: {fault:#}")),
    }
}
