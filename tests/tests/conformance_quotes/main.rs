//! Every outside vector of quotes: our verdict and its stage, and what another verifier says.
//!
//! `SCONCE_VECTORS` names the folder (else `../shared/vectors`). For each case the program prints what
//! was checked. It has no harness of its own because that would hide what it prints.

mod built;
mod ours;
mod peer;
mod real;

use std::process::ExitCode;

pub(crate) use sconce_tests::ensure;
use sconce_tests::quotes::{self, Case, Expected};
pub(crate) use sconce_tests::verdicts::Verdict;
use sconce_tests::verdicts::Verdicts;

fn main() -> ExitCode {
    let Some(cases) = quotes::cases() else {
        return Verdicts::skipped();
    };
    println!("\n{} cases of evidence", cases.len());
    let mut verdicts = Verdicts::default();
    for case in &cases {
        verdicts.tell(&case.name, check(case));
    }
    match built::cases(&cases) {
        Ok(built) => {
            for case in &built {
                verdicts.tell(&format!("{}, built", case.name), check(case));
            }
        }
        Err(fault) => verdicts.tell("built cases", Err(fault)),
    }
    verdicts.tell("every simulated case is built too", built::complete(&cases));
    for (name, check) in real::CHECKS {
        verdicts.tell(name, check(&cases));
    }
    verdicts.end()
}

fn check(case: &Case) -> Verdict {
    let outcome = ours::judge(case)?;
    let mut checked = vec![outcome.to_string()];
    match &case.expected {
        Expected::Accept { status, advisories } => {
            let accepted = outcome.accepted()?;
            ensure!(accepted.status == *status, "not {status}: {outcome}");
            ensure!(
                accepted.advisories == *advisories,
                "not with {advisories:?}: {outcome}"
            );
        }
        Expected::Reject { stage } => {
            let refused = outcome.refused()?;
            ensure!(refused.stage == *stage, "not at {stage}: {outcome}");
        }
        Expected::Any => checked.push("left open by the format".into()),
    }
    checked.extend(ours::again(case, &outcome)?);
    checked.extend(peer::compare(case, &outcome)?);
    Ok(checked)
}
