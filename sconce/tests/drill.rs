//! `drill`: rehearsals, with a fixed begin: the platform's seed is fixed, so every answer is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::path::{Path, PathBuf};

use sconify::sign::{SignerKey, sign};
use serde_json::Value;
use sgx::sgxs::{Parameters, Writer};
use sgx::sigstruct::{Body, Date};
use sgx::{PAGE_SIZE, Permissions, SecInfo};
use support::{Outcome, User, on_terminal, parsed};

const START: [&str; 3] = ["drill", "--start", "2026-01-01T00:00:00Z"];

fn drill(user: &User, more: &[&str]) -> Outcome {
    user.run(START.iter().chain(more))
}

/// What it printed, which has to be all.
fn printed(outcome: Outcome) -> String {
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    outcome.stdout
}

fn write(user: &User, name: &str, text: &str) -> String {
    let file = user.home().join(name);
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

const BY_SIGNER: &str = r#"
expires = "2026-01-20T12:00:00Z"

[sgx]
signers = ["sgx:mrsigner:1111111111111111111111111111111111111111111111111111111111111111"]
product = 12
minimum_svn = 4

[platform]
statuses = ["UpToDate", "ConfigurationNeeded"]
"#;

#[test]
fn the_table() {
    insta::assert_snapshot!(printed(drill(&User::new(), &["--table"])));
}

#[test]
fn the_timeline() {
    let text = printed(drill(&User::new(), &[]));
    insta::assert_snapshot!(text);
    assert!(text.is_ascii(), "nothing says that the terminal has more");
    assert!(text.lines().all(|line| line.len() <= 80));
}

#[test]
fn the_timeline_of_a_wide_terminal() {
    let user = User::new();
    let args = ["--scenario", "late-patch", "--width", "120"];
    let mut command = user.command(START.iter().chain(&args));
    command.env("LANG", "C.UTF-8");
    insta::assert_snapshot!(on_terminal(command));
}

#[test]
fn the_object() {
    let user = User::new();
    let args = [
        "--json",
        "--scenario",
        "stale-collateral",
        "--scenario",
        "old-release",
    ];
    insta::assert_snapshot!(printed(drill(&user, &args)));
}

#[test]
fn policies_from_files_have_programs_that_fit_and_their_own_expiry() {
    let user = User::new();
    let policy = write(&user, "production.toml", BY_SIGNER);
    let args = [
        "--policy",
        &policy,
        "--scenario",
        "calm",
        "--scenario",
        "stolen-key",
    ];
    let text = printed(drill(&user, &args));
    insta::assert_snapshot!(text.replace(user.home().to_str().unwrap(), "HOME"));
    let found = parsed(&drill(&user, &["--policy", &policy, "--json"]));
    assert_eq!(found["programs"][0]["source"], "policy");
    assert_eq!(found["programs"][0]["product"], 12);
    assert_eq!(
        found["policies"][0]["policy"]["expires"],
        "2026-01-20T12:00:00Z"
    );
}

#[test]
fn json_and_toml_say_the_same() {
    let user = User::new();
    let toml = write(&user, "a.toml", BY_SIGNER);
    let json = toml::from_str::<toml::Table>(BY_SIGNER).unwrap();
    let json = write(&user, "b.json", &serde_json::to_string(&json).unwrap());
    let of = |file: &str| {
        let found = parsed(&drill(&user, &["--policy", file, "--json"]));
        let words = |act: &Value| act["rows"][0]["outcome"].clone();
        let acts = found["scenarios"].as_array().unwrap();
        acts.iter().map(words).collect::<Vec<_>>()
    };
    assert_eq!(of(&toml), of(&json));
}

#[test]
fn each_policy_is_asked_about_its_own_program() {
    let user = User::new();
    let hardware = BY_SIGNER.replace("sgx:mrsigner:11", "gramine:mrsigner:22");
    std::fs::create_dir(user.home().join("other")).unwrap();
    let one = write(&user, "production.toml", BY_SIGNER);
    let other = write(&user, "other/production.toml", &hardware);
    let args = [
        "--policy",
        &one,
        "--policy",
        &other,
        "--scenario",
        "old-release",
    ];
    let table = printed(drill(&user, &[&args[..], &["--table"]].concat()));
    let lines: Vec<_> = table
        .lines()
        .filter(|line| line.contains("kept out"))
        .collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert!(!table.contains("PROGRAM"), "{table}");
    let found = parsed(&drill(&user, &[&args[..], &["--json"]].concat()));
    let rows = found["scenarios"][0]["rows"].as_array().unwrap();
    let names = rows.iter().map(|row| row["policy"].as_str().unwrap());
    assert_eq!(
        names.collect::<Vec<_>>(),
        [one, other],
        "called by their paths"
    );
}

#[test]
fn the_answer_is_the_exit_status_if_it_is_asked_for() {
    let user = User::new();
    let calm = drill(&user, &["--scenario", "calm", "--check", "--table"]);
    assert_eq!((calm.status, calm.stderr.as_str()), (0, ""));
    let falls = drill(&user, &["--scenario", "stolen-key", "--check", "--json"]);
    assert_eq!(falls.status, 1);
    assert!(falls.stderr.contains("one answer"), "{falls:?}");
    parsed(&falls);
}

#[test]
fn a_policy_that_fits_no_program_is_no_good_answer() {
    let user = User::new();
    let image = image(&user.home().join("image"), |_| ());
    let pinned = format!(
        "[sgx]\nmeasurements = [\"sgx:mrenclave:{}\"]\n",
        "7".repeat(64)
    );
    let policy = write(&user, "pinned.toml", &pinned);
    let (image, policy) = (image.to_str().unwrap(), policy.as_str());
    let args = ["--image", image, "--policy", policy, "--scenario", "calm"];
    let table = printed(drill(&user, &[&args[..], &["--table"]].concat()));
    assert!(table.contains("no fit"), "{table}");
    let checked = drill(&user, &[&args[..], &["--check"]].concat());
    assert_eq!(checked.status, 1);
    assert!(checked.stderr.contains("accepts no program"), "{checked:?}");
}

#[test]
fn without_an_answer_there_is_an_object_with_the_error() {
    let failed = User::new().run(["drill", "--policy", "nowhere", "--json"]);
    assert_eq!(failed.status, 2);
    assert_eq!(parsed(&failed)["error"]["code"], "quote.input");
}

#[test]
fn it_begins_today_if_nothing_else_is_said() {
    let found = parsed(&User::new().run(["drill", "--scenario", "calm", "--json"]));
    let start = found["start"].as_str().unwrap();
    assert!(
        start.ends_with("T00:00:00Z") && start > "2026-01-01",
        "{start}"
    );
}

/// An image of one page, signed like this.
fn image(folder: &Path, change: impl FnOnce(&mut Body)) -> PathBuf {
    let parameters = Parameters {
        ssa_frame_size: 1,
        size: 0x2000,
    };
    let (mut writer, head) = Writer::create(parameters).unwrap();
    let mut stream = head.to_vec();
    let info = SecInfo::reg(Permissions::RX);
    stream.extend(writer.page(0, info, &[7; PAGE_SIZE]).unwrap());
    let mut body = Body::strict(writer.finish(), Date::new(2026, 1, 1).unwrap());
    (body.product_id, body.security_version) = (5, 2);
    change(&mut body);
    let key = SignerKey::generate().unwrap();
    let signature = sign(&body, &key).unwrap();
    let enclave = folder.join("enclave");
    std::fs::create_dir_all(&enclave).unwrap();
    std::fs::write(enclave.join("store.sgxs"), stream).unwrap();
    std::fs::write(enclave.join("store.sig"), signature.as_bytes()).unwrap();
    folder.to_owned()
}

#[test]
fn images_are_judged_as_what_they_are_signed_for() {
    let user = User::new();
    let image = image(&user.home().join("image"), |_| ());
    let image = image.to_str().unwrap();
    let found = parsed(&drill(
        &user,
        &["--image", image, "--json", "--scenario", "calm"],
    ));
    let program = &found["programs"][0];
    assert_eq!(program["name"], "store");
    assert_eq!(
        (&program["product"], &program["svn"]),
        (&5.into(), &2.into())
    );
    let measured = user.run(["sconify", "measure", image, "--json"]);
    assert_eq!(program["measurement"], parsed(&measured)["mrenclave"]);
    let rows = found["scenarios"][0]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row["outcome"]["word"] == "holds"));

    let policy = write(&user, "production.toml", BY_SIGNER);
    let args = ["--image", image, "--policy", &policy, "--scenario", "calm"];
    let text = printed(drill(&user, &args));
    let line = "production  refused before anything happens: signer +2";
    assert!(text.contains(line), "{text}");
}

#[test]
fn images_for_debugging_say_so() {
    let user = User::new();
    let image = image(&user.home().join("image"), |body| {
        body.attributes.flags |= sgx::flags::DEBUG;
    });
    let image = image.to_str().unwrap();
    let text = printed(drill(&user, &["--image", image, "--scenario", "calm"]));
    assert!(text.contains("signed for debugging"), "{text}");
    assert!(text.contains("debuggers may look in"), "{text}");
    let policy = "[sgx]\nmeasurements = [\"MEASUREMENT\"]\n";
    let found = parsed(&drill(
        &user,
        &["--image", image, "--json", "--scenario", "calm"],
    ));
    let measurement = found["programs"][0]["measurement"].as_str().unwrap();
    let policy = policy.replace("MEASUREMENT", &measurement.replace("sim:", "sgx:"));
    let policy = write(&user, "policy.toml", &policy);
    let args = ["--image", image, "--policy", &policy, "--scenario", "calm"];
    let text = printed(drill(&user, &args));
    assert!(
        text.contains("refused before anything happens: debug"),
        "{text}"
    );
}

#[test]
fn an_image_that_no_processor_would_launch_is_not_drilled() {
    let user = User::new();
    let image = image(&user.home().join("image"), |body| {
        body.mrenclave.0[0] ^= 1;
    });
    let refused = drill(&user, &["--image", image.to_str().unwrap()]);
    assert_eq!((refused.status, refused.stdout.as_str()), (2, ""));
    assert!(
        refused.stderr.contains("SGX_INVALID_MEASUREMENT"),
        "{refused:?}"
    );
}

#[test]
fn inputs_that_cannot_be_used_end_with_2() {
    let user = User::new();
    let misspelt = write(&user, "misspelt.toml", "[sgx]\nmeasurement = []\n");
    let torn = write(&user, "torn.json", "{");
    let domain = "[tdx]\nregisters = [\"tdx:mrtd:11\"]\n".replace("11", &"11".repeat(48));
    let domain = write(&user, "domain.toml", &domain);
    let cases: [(&[&str], &str); 9] = [
        (&["--policy", "/nowhere"], "error[quote.input]: /nowhere"),
        (&["--policy", &misspelt], "error[policy.form]: "),
        (&["--policy", &torn], "error[policy.form]: "),
        (&["--policy", &domain], "trust domain"),
        (&["--image", "/nowhere"], "/nowhere"),
        (&["--scenario", "flood"], "flood"),
        (&["--days", "13"], "13"),
        (&["--fetch-every", "0"], "0"),
        (&["--start", "2026-01-01"], "is no time"),
    ];
    for (args, says) in cases {
        let refused = user.run(["drill"].iter().chain(args));
        assert_eq!(
            (refused.status, refused.stdout.as_str()),
            (2, ""),
            "{args:?}: {refused:?}"
        );
        assert!(refused.stderr.contains(says), "{args:?}: {refused:?}");
    }
}
