//! Every outside vector of SGXS streams and SIGSTRUCTs, against the crate of the formats and against
//! the command `sconify`.
//!
//! `SCONCE_VECTORS` names the folder (else `../shared/vectors`); another set of the same layout
//! works too. For each vector the program prints what was checked. It has no harness of its own
//! because that would hide what it prints.

mod command;
mod options;
mod sigstructs;
mod streams;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) use sconce_tests::ensure;
use sconce_tests::vectors;
pub(crate) use sconce_tests::verdicts::Verdict;
use sconce_tests::verdicts::Verdicts;
use serde_json::Value;

/// What is done with each vector of a kind.
type Check = fn(&Suite, &Value) -> Verdict;

fn main() -> ExitCode {
    let Some(folder) = vectors::folder("sgx") else {
        return Verdicts::skipped();
    };
    println!("\nvectors in {}", folder.display());
    let text = fs::read_to_string(folder.join("expected.json")).expect("expected.json is there");
    let expected: Value = serde_json::from_str(&text).expect("expected.json is JSON");
    let suite = Suite { folder };

    let kinds: [(&str, Check); 3] = [
        ("good", streams::good),
        ("bad", streams::bad),
        ("sigstruct", sigstructs::check),
    ];
    let mut verdicts = Verdicts::default();
    for (kind, check) in kinds {
        let vectors = expected[kind].as_array().map(Vec::as_slice);
        let vectors = vectors.unwrap_or_default();
        if vectors.is_empty() {
            let nothing = format!("it lists nothing under `{kind}`");
            verdicts.tell("expected.json", Err(nothing));
        }
        for vector in vectors {
            let name = vector["file"].as_str().unwrap_or("(no name)");
            verdicts.tell(name, check(&suite, vector));
        }
    }
    verdicts.end()
}

/// Where the vectors are.
struct Suite {
    folder: PathBuf,
}

impl Suite {
    /// Where the file is that a member of the vector names.
    fn path(&self, vector: &Value, member: &str) -> Result<PathBuf, String> {
        Ok(self.folder.join(text(vector, member)?))
    }

    /// The file that a member of the vector names.
    fn file(&self, vector: &Value, member: &str) -> Result<Vec<u8>, String> {
        let path = self.path(vector, member)?;
        fs::read(&path).map_err(|fault| format!("{}: {fault}", path.display()))
    }
}

/// A member that must be a string.
fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
    value[name]
        .as_str()
        .ok_or_else(|| format!("{name} is no text"))
}

/// A member that must be a number, up to 64 bits.
fn number(value: &Value, name: &str) -> Result<u64, String> {
    value[name]
        .as_u64()
        .ok_or_else(|| format!("{name} is no number"))
}

/// SHA-256 in hex, by another library than the one that measures.
fn sha256(bytes: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}
