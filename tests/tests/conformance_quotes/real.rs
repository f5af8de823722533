//! Intel's own evidence, under the root that is compiled in.

use attestation::Stage;
use sgx::quote::{Body, Quote, Version};

use crate::{Case, Expected, Verdict, ensure, ours};

/// What is checked of all cases together.
type Check = fn(&[Case]) -> Verdict;

/// The checks, with their names.
pub(crate) const CHECKS: [(&str, Check); 3] = [
    ("real quotes at their time and a year later", times),
    ("real quotes are read and written again", forms),
    ("no case is accepted under the other kind of root", roots),
];

const YEAR: u64 = 365 * 86_400;

/// The untouched samples.
fn real(cases: &[Case]) -> impl Iterator<Item = &Case> {
    const NAMES: [&str; 3] = ["r01-sgx-real", "r02-tdx-real", "r03-tdx-outdated"];
    cases
        .iter()
        .filter(|case| NAMES.contains(&case.name.as_str()))
}

/// Those that hold do so at their time, and are refused for the time's sake a year later.
fn times(cases: &[Case]) -> Verdict {
    let mut checked = Vec::new();
    for case in real(cases).filter(|case| matches!(case.expected, Expected::Accept { .. })) {
        let at = |now| ours::verify_at(case, now).map_err(|refusal| refusal.stage());
        ensure!(at(case.now).is_ok(), "{} is refused", case.name);
        let claims = at(case.now).map(attestation::VerifiedQuote::into_claims);
        let until = claims.map(|claims| claims.expires.unix()).unwrap_or(0);
        ensure!(at(until).is_ok(), "{} ends before it says", case.name);
        for late in [until + 1, case.now + YEAR] {
            let stage = at(late).err();
            ensure!(
                stage == Some(Stage::Time),
                "{} at {late}: {stage:?}",
                case.name
            );
        }
        checked.push(format!("{} until {until}", case.name));
    }
    ensure!(checked.len() == 2, "two such cases are known");
    Ok(checked)
}

/// What the reader takes of them is all of them.
fn forms(cases: &[Case]) -> Verdict {
    let mut checked = Vec::new();
    for case in real(cases) {
        let quote = Quote::parse(&case.quote).map_err(|error| error.to_string())?;
        let again = sgx::quote::encode(quote.header(), quote.body(), quote.signature())
            .map_err(|error| error.to_string())?;
        let rest = case.quote.strip_prefix(&again[..]);
        let rest = rest.ok_or_else(|| format!("{} is written otherwise", case.name))?;
        let body = match quote.body() {
            Body::Sgx(_) => "SGX",
            Body::Tdx(report) if report.tdx15.is_some() => "TDX 1.5",
            Body::Tdx(_) => "TDX 1.0",
        };
        let version = quote.header().version;
        ensure!(
            rest.is_empty() || version == Version::V4,
            "bytes behind {}",
            case.name
        );
        checked.push(format!(
            "{}: version {}, {body}, {} zeros behind it",
            case.name,
            version.number(),
            rest.len()
        ));
    }
    ensure!(checked.len() == 3, "three such cases are known");
    Ok(checked)
}

/// A simulated root for Intel's, and Intel's for a simulated one: for what holds under its own.
fn roots(cases: &[Case]) -> Verdict {
    let accepted = |intel| {
        cases.iter().filter(move |case| {
            case.intel == intel && matches!(case.expected, Expected::Accept { .. })
        })
    };
    let mut pairs = 0;
    for (mine, theirs) in [(true, false), (false, true)] {
        for case in accepted(mine) {
            for other in accepted(theirs) {
                let case = Case {
                    root: other.root.clone(),
                    intel: other.intel,
                    ..case.clone()
                };
                let outcome = ours::judge(&case)?;
                let stage = outcome.refused()?.stage;
                ensure!(stage == "crl", "{} at {stage}", case.name);
                pairs += 1;
            }
        }
    }
    ensure!(pairs > 0, "no accepted case of each kind");
    Ok(vec![format!("{pairs} refused")])
}
