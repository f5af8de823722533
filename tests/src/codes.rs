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
    let codes = of_sources(&[
        "attestation/src",
        "host/src",
        "sconce/src",
        "simulator/src",
        "tee/src",
    ]);
    codes
        .into_iter()
        .filter(|code| !is_of_vault(code) && !is_of_kt(code))
        .collect()
}

/// Every code about keys and the vaults that give them, and about a requester who asks for them.
pub fn of_vault() -> BTreeSet<String> {
    let codes = of_sources(&[
        "client/src",
        "host/src",
        "provision/src",
        "sconce/src",
        "vault-client/src",
        "vault/src",
        "worker/src",
    ]);
    codes.into_iter().filter(|code| is_of_vault(code)).collect()
}

/// Every code about key transparency: of formats and verifier, of the directory, and of whoever asks it.
pub fn of_kt() -> BTreeSet<String> {
    let codes = of_sources(&[
        "client/src",
        "host/src",
        "sconce/src",
        "services/directory/src",
        "transparency/src",
        "vault/src",
        "worker/src",
    ]);
    codes.into_iter().filter(|code| is_of_kt(code)).collect()
}

/// Whether a code is about key transparency, by its first word.
fn is_of_kt(code: &str) -> bool {
    ["directory.", "kt."]
        .iter()
        .any(|word| code.starts_with(word))
}

/// Whether a code is about keys and vaults, by its first word.
fn is_of_vault(code: &str) -> bool {
    ["cas.", "evidence.", "kme.", "provision.", "vault."]
        .iter()
        .any(|word| code.starts_with(word))
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

/// Words of small letters with dots between them, and hyphens in them.
fn is_code(text: &str) -> bool {
    let small = |c: char| c.is_ascii_lowercase() || c == '-';
    let is_word = |word: &str| !word.is_empty() && word.chars().all(small);
    text.contains('.') && text.split('.').all(is_word)
}
