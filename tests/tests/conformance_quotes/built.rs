//! The simulated cases once more, built here instead of read.

use simulator::{Scenario, Seed};

use crate::{Case, Verdict, ensure};

/// The cases of the vectors' simulated platforms, with evidence of our own platform in the place of
/// theirs.
pub(crate) fn cases(cases: &[Case]) -> Result<Vec<Case>, String> {
    cases
        .iter()
        .filter_map(|case| built(case).transpose())
        .collect()
}

/// Each scenario stands for a case, and each simulated case has one.
pub(crate) fn complete(cases: &[Case]) -> Verdict {
    for scenario in Scenario::ALL {
        let name = format!("sim-{}", scenario.name());
        ensure!(
            cases.iter().any(|case| case.name == name),
            "{name} is no case of the vectors"
        );
    }
    for case in cases.iter().filter(|case| case.name.starts_with("sim-")) {
        ensure!(scenario(case).is_some(), "{} is not built", case.name);
    }
    Ok(vec![format!("{} scenarios", Scenario::ALL.len())])
}

fn built(case: &Case) -> Result<Option<Case>, String> {
    let Some(scenario) = scenario(case) else {
        return Ok(None);
    };
    let evidence = scenario
        .evidence(Seed::from_bytes([0x42; 32]), case.now)
        .map_err(|error| error.to_string())?;
    Ok(Some(Case {
        quote: evidence.quote,
        collateral: evidence.collateral.to_json().into_bytes(),
        // Where it was Intel's root that was trusted, it is again.
        root: if case.intel {
            case.root.clone()
        } else {
            evidence.root
        },
        ..case.clone()
    }))
}

fn scenario(case: &Case) -> Option<Scenario> {
    let name = case.name.strip_prefix("sim-")?;
    Scenario::named(name.strip_suffix("-under-intel-root").unwrap_or(name))
}
