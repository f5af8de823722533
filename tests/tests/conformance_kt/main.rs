//! Every case of the outside vectors of key transparency.
//!
//! `SCONCE_VECTORS` names the folder (else `../shared/vectors`); another set of the same layout works too. A
//! file that is not there is skipped, and said to be; one without cases fails. For each case the program
//! prints what was checked. It has no harness of its own because that would hide what it prints.

mod commitments;
mod http;
mod logged_heads;
mod maps;
mod mutations;
mod object_hashes;
mod responses;
mod seed;
mod signed_heads;
mod vrf;
mod wire;

use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
pub(crate) use sconce_tests::ensure;
use sconce_tests::vectors;
pub(crate) use sconce_tests::verdicts::Verdict;
use sconce_tests::verdicts::Verdicts;
use serde_json::Value;

/// Tells what became of each case in a file.
type Check = fn(&Value, &mut Cases<'_>);

/// Every file, and what checks it.
const FILES: &[(&str, Check)] = &[
    ("commitments.json", commitments::check),
    ("ct_inclusion.json", logged_heads::inclusion),
    ("http.json", http::check),
    ("mutations.json", mutations::check),
    ("objecthash.json", object_hashes::check),
    ("responses.json", responses::check),
    ("responses_bound.json", responses::check),
    ("seed_example.json", seed::check),
    ("sct.json", logged_heads::timestamp),
    ("smh.json", signed_heads::check),
    ("smt.json", maps::check),
    ("vrf.json", vrf::plain),
    ("vrf_bound.json", vrf::bound),
    ("vrf_not_unique.json", vrf::not_unique),
];

fn main() -> ExitCode {
    let Some(folder) = vectors::folder("kt") else {
        return Verdicts::skipped();
    };
    println!("\nvectors in {}", folder.display());
    let files = vectors::json_files(&folder);
    let mut verdicts = Verdicts::default();
    for (name, check) in FILES {
        let Some((_, value)) = files.iter().find(|(file, _)| file == name) else {
            println!("\n*** SKIPPED: {name} is not among these vectors. ***\n");
            continue;
        };
        let mut cases = Cases::of(name, &mut verdicts);
        check(value, &mut cases);
        if cases.told == 0 {
            verdicts.tell(name, Err("there is no case in it".to_owned()));
        }
    }
    for (name, value) in &files {
        match name.as_str() {
            "responses.json" | "responses_bound.json" => {
                verdicts.tell(&format!("{name}: wire"), wire::responses(value));
            }
            "http.json" => verdicts.tell("http.json: wire", wire::session(value)),
            _ => {}
        }
        if !FILES.iter().any(|(known, _)| known == name) {
            verdicts.tell(name, Err("nothing here knows how to check it".to_owned()));
        }
    }
    verdicts.end()
}

/// The cases of one file.
struct Cases<'a> {
    file: &'a str,
    verdicts: &'a mut Verdicts,
    told: usize,
}

impl<'a> Cases<'a> {
    fn of(file: &'a str, verdicts: &'a mut Verdicts) -> Self {
        Self {
            file,
            verdicts,
            told: 0,
        }
    }

    /// Tells what became of a case.
    fn tell(&mut self, case: &str, verdict: Verdict) {
        self.told += 1;
        self.verdicts
            .tell(&format!("{}: {case}", self.file), verdict);
    }

    /// Tells what became of each case in the list `member`, by its `name` or else its number. A list that
    /// is not there has none.
    fn each(&mut self, file: &Value, member: &str, check: impl Fn(&Value) -> Verdict) {
        let cases = file[member].as_array().map(Vec::as_slice);
        for (number, case) in cases.unwrap_or_default().iter().enumerate() {
            let name = match case["name"].as_str() {
                Some(name) => format!("{member}: {name}"),
                None => format!("{member}: case {number}"),
            };
            self.tell(&name, check(case));
        }
    }
}

/// A member that must be a string.
fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
    value[name]
        .as_str()
        .ok_or_else(|| format!("{name} is no text"))
}

/// A member that must be bytes in base64.
fn bytes(value: &Value, name: &str) -> Result<Vec<u8>, String> {
    let bytes = STANDARD.decode(text(value, name)?);
    bytes.map_err(|fault| format!("{name}: {fault}"))
}

/// A member that must be bytes in hex.
fn hex_bytes(value: &Value, name: &str) -> Result<Vec<u8>, String> {
    hex::decode(text(value, name)?).map_err(|fault| format!("{name}: {fault}"))
}

/// A member that must be a message in the JSON of the interface.
fn message<T: serde::de::DeserializeOwned>(value: &Value, name: &str) -> Result<T, String> {
    let text = value[name].to_string();
    transparency::json::read(text.as_bytes()).map_err(|fault| format!("{name}: {fault}"))
}
