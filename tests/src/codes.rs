//! The codes of the errors that commands print, as their sources have them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::vectors::checkout;

/// Every code in every function `code` of the crates `sgx` and `sconify`.
pub fn of_sconify() -> BTreeSet<String> {
    of_sources(&["sgx/src", "sconify/src"])
}

/// Every code about evidence, launching and platforms.
pub fn of_evidence() -> BTreeSet<String> {
    of_sources(&[
        "attestation/src",
        "host/src",
        "sconce/src",
        "simulator/src",
        "tee/src",
    ])
}

fn of_sources(sources: &[&str]) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for source in sources {
        of_folder(&checkout().join(source), &mut codes);
    }
    codes
}

fn of_folder(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            of_folder(&path, codes);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            of_source(&fs::read_to_string(&path).unwrap(), codes);
        }
    }
}

fn of_source(text: &str, codes: &mut BTreeSet<String>) {
    for function in text.split("fn code(").skip(1) {
        // rustfmt ends a method with such a line.
        let body = function.split("\n    }\n").next().unwrap_or_default();
        let literals = body.split('"').skip(1).step_by(2);
        codes.extend(literals.filter(|text| is_code(text)).map(str::to_owned));
    }
}

/// Words of small letters with dots between them.
fn is_code(text: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase());
    text.contains('.') && text.split('.').all(is_word)
}
