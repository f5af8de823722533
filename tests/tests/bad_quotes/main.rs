//! Bad input on the command line of `sconce quote`, class by class: each case ends with the exit status
//! that is promised, says why in one line with a stable code, names the stage if the evidence is refused,
//! and leaves every file as it was.

mod case;
mod collateral;
mod forgeries;
mod good;
mod lines;
mod others;
mod policies;
mod quotes;
mod roots;
mod sample;
mod vectors;

use std::collections::BTreeSet;

use sconce_tests::vectors::checkout;

use case::Case;

/// A class of the table: what it's about, and its cases.
type Class = (&'static str, fn() -> Vec<Case>);

const CLASSES: &[Class] = &[
    ("quotes", quotes::cases),
    ("collateral", collateral::cases),
    ("forged platforms", forgeries::cases),
    ("roots", roots::cases),
    ("forms of policies", policies::forms),
    ("rules of policies", policies::rules),
    ("command lines", lines::cases),
    ("show and sample", others::cases),
];

/// Least cases of all together.
const LEAST: usize = 100;

#[test]
fn each_is_refused_in_one_line_and_changes_nothing() {
    let (mut faults, mut count) = (Vec::new(), 0);
    let (mut codes, mut stages) = (BTreeSet::new(), BTreeSet::new());
    for (class, cases) in CLASSES {
        let cases = cases();
        println!("{class}: {} cases", cases.len());
        count += cases.len();
        for case in cases {
            codes.extend(case.code());
            stages.extend(case.stage());
            if let Err(fault) = case.check() {
                faults.push(format!("{class}: {}: {fault}", case.name()));
            }
        }
    }
    let pages = checkout().join("docs/errors");
    let without = codes
        .iter()
        .filter(|code| !pages.join(format!("{code}.md")).is_file());
    faults.extend(without.map(|code| format!("{code} has no page in docs/errors")));
    let told = std::fs::read_to_string(checkout().join("docs/attestation.md")).unwrap();
    let untold = stages
        .iter()
        .filter(|stage| !told.contains(&format!("\n| `{stage}` | ")));
    faults.extend(untold.map(|stage| format!("docs/attestation.md does not tell of {stage}")));
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    assert!(count >= LEAST, "{count} cases");
    println!(
        "{count} cases, {} codes, {} stages",
        codes.len(),
        stages.len()
    );
}
