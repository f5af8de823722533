//! The outside vectors, through the command: verdict, stage, status and advisories are those of the table.

use std::fs;
use std::path::Path;
use std::process::Command;

use attestation::{Fingerprint, INTEL_ROOT, Status};
use sconce_tests::platform::sconce_program;
use sconce_tests::vectors;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Case {
    name: String,
    quote: String,
    collateral: String,
    now: u64,
    root: String,
    expect: String,
    status: Option<String>,
    advisory_ids: Option<Vec<String>>,
    stage: Option<String>,
}

#[test]
fn the_command_says_what_the_vectors_expect() {
    let Some(folder) = vectors::folder("sgx/quotes") else {
        return;
    };
    let text = fs::read_to_string(folder.join("cases.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&text).unwrap();
    assert!(cases.len() >= 60);
    let advisories: Vec<&String> = cases
        .iter()
        .flat_map(|case| &case.advisory_ids)
        .flatten()
        .collect();
    let mut faults = Vec::new();
    for case in &cases {
        let policy = policy(&folder, case, &advisories);
        let (exit, said) = verify(&folder, case, &policy);
        if let Err(fault) = compare(case, exit, &said) {
            faults.push(format!("{}: {fault}: {said}", case.name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Takes any program, every status and every advisory of the table.
fn policy(folder: &Path, case: &Case, advisories: &[&String]) -> String {
    let statuses: Vec<&str> = Status::ALL
        .iter()
        .filter(|status| **status != Status::Revoked)
        .map(|status| status.name())
        .collect();
    let simulation = match fingerprint(folder, case) {
        Some(root) => format!("allow_sim = true\nsimulated_roots = [\"{root}\"]\n"),
        None => String::new(),
    };
    format!(
        "any_program = true\n{simulation}[platform]\nstatuses = {statuses:?}\nadvisories = {advisories:?}\n"
    )
}

/// Of the root, if it is not Intel's.
fn fingerprint(folder: &Path, case: &Case) -> Option<Fingerprint> {
    let root = fs::read(folder.join(&case.root)).unwrap();
    (root != INTEL_ROOT).then(|| Fingerprint::of(&root))
}

fn verify(folder: &Path, case: &Case, policy: &str) -> (Option<i32>, Value) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("policy.toml");
    fs::write(&file, policy).unwrap();
    let mut command = Command::new(sconce_program());
    command
        .args(["quote", "verify", "--json", "--now", &case.now.to_string()])
        .arg("--quote")
        .arg(folder.join(&case.quote))
        .arg("--collateral")
        .arg(folder.join(&case.collateral))
        .arg("--root")
        .arg(folder.join(&case.root))
        .arg("--policy")
        .arg(file);
    if let Some(root) = fingerprint(folder, case) {
        command.args(["--trust-root", &root.to_string()]);
    }
    let output = command.output().unwrap();
    let said = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code(), said)
}

fn compare(case: &Case, exit: Option<i32>, said: &Value) -> Result<(), String> {
    let same = |what: &str, found: Value, wanted: Value| match found == wanted {
        true => Ok(()),
        false => Err(format!("{what} is {found} and not {wanted}")),
    };
    match case.expect.as_str() {
        "accept" => {
            same("exit status", exit.into(), 0.into())?;
            let claims = &said["claims"];
            same(
                "status",
                claims["status"].clone(),
                case.status.clone().into(),
            )?;
            let advisories = case.advisory_ids.clone().unwrap_or_default();
            same(
                "advisories",
                claims["advisories"].clone(),
                advisories.into(),
            )
        }
        "reject" => {
            same("exit status", exit.into(), 1.into())?;
            same("stage", said["stage"].clone(), case.stage.clone().into())
        }
        _ => match exit {
            Some(0 | 1) => Ok(()),
            other => Err(format!("exit status {other:?}")),
        },
    }
}
