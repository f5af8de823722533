//! What is good: samples, what the command prints of them, and the command that it prints itself.

use std::path::Path;
use std::process::{Command, Output};

use sconce_tests::platform::sconce_program;
use serde_json::Value;

use crate::case::Case;
use crate::sample::{MEASUREMENT, SIGNER};

fn sconce(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(sconce_program())
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

#[test]
fn what_is_good_is_accepted() {
    let case = Case::verify("the sample", "accepted");
    let output = case.output(true);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["verdict"], "accepted");
    assert_eq!(value["stage"], Value::Null);
    assert_eq!(value["claims"]["simulated"], true);
    assert_eq!(value["claims"]["program"]["measurement"], MEASUREMENT);
    assert_eq!(value["claims"]["program"]["signer"], SIGNER);
    let rules = value["rules"].as_array().unwrap();
    assert!(rules.len() > 12 && rules.iter().all(|rule| rule["outcome"] != "broken"));

    let text = case.output(false);
    assert_eq!(text.status.code(), Some(0));
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.starts_with("Accepted: "), "{text}");
    assert!(text.contains("simulated, which protects nothing"), "{text}");
}

#[test]
fn a_sample_is_accepted_by_the_command_that_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let made = sconce(folder.path(), &["quote", "sample", "--out", "a sample"]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let command = String::from_utf8(made.stdout).unwrap();
    let script = command.replacen("sconce", "\"$0\"", 1);
    let verified = Command::new("sh")
        .args(["-c", &script])
        .arg(sconce_program())
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(verified.status.code(), Some(0), "{command}: {verified:?}");
    // Asked for once, it is refused: under the root alone, and by the policy alone.
    for left_out in [" --policy 'a sample/policy.toml'", " --trust-root sim:"] {
        let (before, after) = script.split_once(left_out).unwrap();
        let rest = after.split_once(' ').map_or("", |(_, rest)| rest);
        let rest = if left_out.ends_with(':') { rest } else { after };
        let refused = Command::new("sh")
            .args(["-c", &format!("{before} {rest}")])
            .arg(sconce_program())
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(refused.status.code(), Some(1), "{left_out}: {refused:?}");
    }
}

#[test]
fn what_is_shown_is_called_unverified() {
    let case = Case::unusable("the sample", "").words("show quote");
    let text = case.output(false);
    assert_eq!(text.status.code(), Some(0), "{text:?}");
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.starts_with("Unverified: "), "{text}");
    let digest = MEASUREMENT.replace("sim:", "unverified:");
    assert!(text.contains(&digest), "{text}");
    assert!(!text.contains("sim:mrenclave") && !text.contains("sgx:"));

    let output = case.output(true);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["verified"], false);
    assert_eq!(value["program"]["measurement"], digest);
    assert_eq!(value["certification"]["fmspc"], "53494D300000");
}
