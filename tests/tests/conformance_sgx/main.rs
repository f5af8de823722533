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
use std::time::Instant;

use sconce_tests::vectors;
use serde_json::Value;

/// What was checked, or what did not hold.
type Verdict = Result<Vec<String>, String>;

/// What is done with each vector of a kind.
type Check = fn(&Suite, &Value) -> Verdict;

/// Fails the vector unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err(format!($($text)+));
        }
    };
}
pub(crate) use ensure;

fn main() -> ExitCode {
    let started = Instant::now();
    let Some(folder) = vectors::folder("sgx") else {
        println!("test result: ok. 0 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        return ExitCode::SUCCESS;
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
    let (mut passed, mut failed) = (0, 0);
    for (kind, check) in kinds {
        let vectors = expected[kind].as_array().map(Vec::as_slice);
        let vectors = vectors.unwrap_or_default();
        if vectors.is_empty() {
            failed += 1;
            println!("FAILED expected.json: it lists nothing under `{kind}`");
        }
        for vector in vectors {
            let name = vector["file"].as_str().unwrap_or("(no name)");
            match check(&suite, vector) {
                Ok(checked) => {
                    passed += 1;
                    println!("ok     {name}: {}", checked.join("; "));
                }
                Err(fault) => {
                    failed += 1;
                    println!("FAILED {name}: {fault}");
                }
            }
        }
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; \
         0 filtered out; finished in {:.2}s",
        started.elapsed().as_secs_f64()
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
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
