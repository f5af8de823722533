//! Bad input on the command line of `sconify`, class by class: each case ends with the exit status that
//! is promised, says why in one line with a stable code, and leaves every file as it was.

mod building;
mod case;
mod configs;
mod elf;
mod files;
mod iexec;
mod images;
mod keys;
mod outputs;
mod packages;
mod platforms;
mod programs;
mod sandbox;
mod signing;
mod stopped;
mod streams;

use std::collections::BTreeSet;

use sconce_tests::vectors::checkout;

use case::Case;
use sandbox::Fixtures;

/// A class of the table: what it's about, and its cases.
type Class = (&'static str, fn() -> Vec<Case>);

const CLASSES: &[Class] = &[
    ("streams", streams::cases),
    ("programs", programs::cases),
    ("enclave.toml", configs::cases),
    ("keys and signatures", signing::cases),
    ("outputs", outputs::cases),
    ("images", images::cases),
    ("files", files::cases),
    ("packages", packages::cases),
    ("Gramine and SCONE", platforms::cases),
    ("iExec", iexec::cases),
    ("builds and locks", building::cases),
];

/// Least cases of all together.
const LEAST: usize = 350;

#[test]
fn each_is_refused_in_one_line_and_changes_nothing() {
    let fixtures = Fixtures::make();
    let (mut faults, mut count, mut codes) = (Vec::new(), 0, BTreeSet::new());
    for (class, cases) in CLASSES {
        let cases = cases();
        println!("{class}: {} cases", cases.len());
        count += cases.len();
        for case in cases {
            codes.extend(case.code());
            if let Err(fault) = case.check(&fixtures) {
                faults.push(format!("{class}: {}: {fault}", case.name()));
            }
        }
    }
    let pages = checkout().join("docs/errors");
    let without = codes
        .iter()
        .filter(|code| !pages.join(format!("{code}.md")).is_file());
    faults.extend(without.map(|code| format!("{code} has no page in docs/errors")));
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    assert!(count >= LEAST, "{count} cases");
    println!("{count} cases, {} codes", codes.len());
}
