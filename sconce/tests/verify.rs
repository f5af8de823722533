//! Workers are verified before anything is sent to them, and `verify` says what was found.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::path::{Path, PathBuf};

use attestation::Policy;
use serde_json::Value;
use sgx::{Mrenclave, Mrsigner};
use simulator::{Platform, Secs, Seed, Settings};
use support::listener::evidence::{attest, policy, proof_at, secs, worker_keys};
use support::listener::{Fake, Listener, WORKER};
use support::{Outcome, User, parsed};

/// A platform that is there now: commands go by this machine's clock.
fn platform(seed: u8) -> Platform {
    let made = now() - 3_600;
    Platform::new(Seed::from_bytes([seed; 32]), Settings::new(made)).unwrap()
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// A listener whose worker quoted this.
fn offering(platform: &Platform, secs: &Secs, report_data: &[u8; 64]) -> Listener {
    let proof = proof_at(platform, secs, report_data, now());
    let fake = Fake {
        edit_record: Box::new(move |record| attest(record, proof.clone())),
        ..Fake::default()
    };
    fake.start()
}

/// Writes a policy into a folder.
fn write(policy: &Policy, file: &Path) -> PathBuf {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, toml::to_string(policy).unwrap()).unwrap();
    file.to_owned()
}

fn submit(user: &User, listener: &Listener, more: &[&str]) -> Outcome {
    let base = [
        "submit",
        "-u",
        &listener.uri,
        "-w",
        WORKER,
        "-l",
        "python-hello",
    ];
    user.run(base.iter().chain(&["-i", "Mujtaba", "-o"]).chain(more))
}

fn verify(user: &User, listener: &Listener, more: &[&str]) -> Outcome {
    user.run(["verify", WORKER, "-u", &listener.uri].iter().chain(more))
}

/// A text without what differs from run to run.
fn stable(text: &str, user: &User, platform: &Platform) -> String {
    let text = text
        .replace(&user.home().display().to_string(), "HOME")
        .replace(&platform.fingerprint(), "ROOT");
    let lines = text.lines().map(|line| {
        for digests in ["SHA-256 ", "report-data "] {
            if let Some((before, _)) = line.split_once(digests) {
                return format!("{before}{digests}DIGEST\n");
            }
        }
        without_times(line) + "\n"
    });
    lines.collect()
}

/// A line without times, which are written as in 2026-01-01T00:00:00Z.
fn without_times(line: &str) -> String {
    const LENGTH: usize = "2026-01-01T00:00:00Z".len();
    let mut rest = line;
    let mut all = String::new();
    while let Some(mark) = rest.find('Z') {
        let end = mark + 1;
        let begin = end.saturating_sub(LENGTH);
        if rest.get(begin..end).is_some_and(|time| time.contains('T')) {
            all += &rest[..begin];
            all += "TIME";
        } else {
            all += &rest[..end];
        }
        rest = &rest[end..];
    }
    all + rest
}

#[test]
fn a_worker_is_verified_by_a_policy() {
    let (user, platform) = (User::new(), platform(1));
    let listener = offering(&platform, &secs(), &worker_keys());
    let file = write(&policy(&platform), &user.home().join("policy.toml"));
    let by_file = ["--policy", file.to_str().unwrap()];
    let sent = submit(&user, &listener, &by_file);
    assert_eq!(sent.stdout, "Decryption result at client - Hello Mujtaba\n");
    assert!(
        sent.stderr.contains("simulated and protects nothing"),
        "{sent:?}"
    );

    let verdict = verify(&user, &listener, &by_file);
    assert_eq!((verdict.status, verdict.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(stable(&verdict.stdout, &user, &platform));

    let json = parsed(&submit(
        &user,
        &listener,
        &["--json", by_file[0], by_file[1]],
    ));
    let program = &json["evidence"]["claims"]["program"];
    assert_eq!(
        program["measurement"],
        format!("sim:mrenclave:{}", "11".repeat(32))
    );
    let listed = parsed(&user.run(["order", "list", "--json"]));
    assert_eq!(listed[0]["measurement"], program["measurement"]);
    let verdict = parsed(&verify(
        &user,
        &listener,
        &["--json", by_file[0], by_file[1]],
    ));
    assert_eq!(verdict["verdict"], "accepted");
    assert_eq!(verdict["evidence"]["claims"]["program"], *program);
    assert!(
        verdict["notProved"]
            .as_array()
            .is_some_and(|gaps| gaps.len() == 1)
    );
}

#[test]
fn the_policy_of_a_data_folder_is_taken_where_it_is_named() {
    let (user, platform) = (User::new(), platform(1));
    let listener = offering(&platform, &secs(), &worker_keys());
    let folder = user.home().join("data");
    let by_folder = ["--data-dir", folder.to_str().unwrap()];
    let none = submit(&user, &listener, &by_folder);
    assert_eq!(none.status, 2, "{none:?}");
    let file = write(&policy(&platform), &folder.join("requester-policy.toml"));
    assert_eq!(submit(&user, &listener, &by_folder).status, 0);
    let mut command = user.command(["verify", WORKER, "-u", &listener.uri]);
    command.env("SCONCE_DATA_DIR", &folder);
    assert_eq!(support::outcome(command).status, 0);

    // Not what anybody may have written.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(&file, open).unwrap();
    let trap = submit(&user, &listener, &by_folder);
    assert_eq!(trap.status, 2);
    assert!(trap.stderr.contains("written to by everybody"), "{trap:?}");
}

#[test]
fn a_measurement_and_a_root_do_instead_of_a_policy() {
    let (user, platform) = (User::new(), platform(1));
    let listener = offering(&platform, &secs(), &worker_keys());
    let (root, wanted) = (platform.fingerprint(), "11".repeat(32));
    let wanted = format!("sim:mrenclave:{wanted}");
    let both = ["--expect-mrenclave", &wanted, "--trust-root", &root];
    assert_eq!(submit(&user, &listener, &both).status, 0);
    assert_eq!(submit(&user, &listener, &both[..2]).status, 1);

    let other = format!("sim:mrenclave:{}", "12".repeat(32));
    let refused = submit(
        &user,
        &listener,
        &["--expect-mrenclave", &other, "--trust-root", &root],
    );
    assert_eq!((refused.status, refused.stdout.as_str()), (1, ""));
    for text in ["error[evidence.mrenclave]", &wanted, &other] {
        assert!(refused.stderr.contains(text), "{refused:?}");
    }
    // A policy stays as narrow as it is.
    let file = write(&policy(&platform), &user.home().join("policy.toml"));
    let file = file.to_str().unwrap();
    let wider = submit(
        &user,
        &listener,
        &["--policy", file, "--expect-mrenclave", &other],
    );
    assert_eq!(wider.status, 2, "{wider:?}");
    assert!(wider.stderr.contains("both have to take it"), "{wider:?}");
    let skipped = ["--insecure-skip-verify", "--policy", file];
    assert_eq!(submit(&user, &listener, &skipped).status, 2);
}

#[test]
fn without_options_the_checkouts_lock_on_hardware_is_wanted() {
    let (user, platform) = (User::new(), platform(1));
    let locked = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../worker/MRENCLAVE.lock"
    ));
    let locked: toml::Table = toml::from_str(&locked.unwrap()).unwrap();
    let digits = locked["mrenclave"].as_str().unwrap();
    let digits = hex::decode(digits.trim_start_matches("sim:mrenclave:")).unwrap();
    let measured = Mrenclave(digits.try_into().unwrap());
    let enclave = Secs::new(measured, Mrsigner([2; 32]));
    let listener = offering(&platform, &enclave, &worker_keys());
    let refused = submit(&user, &listener, &[]);
    assert_eq!(refused.status, 1);
    assert!(
        refused.stderr.contains("error[evidence.refused]"),
        "{refused:?}"
    );
    let root = platform.fingerprint();
    assert!(refused.stderr.contains(&root), "{refused:?}");
    // It is the lock's measurement that was wanted.
    assert_eq!(submit(&user, &listener, &["--trust-root", &root]).status, 0);
    let other = offering(&platform, &secs(), &worker_keys());
    let refused = submit(&user, &other, &["--trust-root", &root]);
    assert!(
        refused.stderr.contains("error[evidence.mrenclave]"),
        "{refused:?}"
    );
}

#[test]
fn refusals_say_what_to_do_next() {
    let (user, platform) = (User::new(), platform(1));
    let file = write(&policy(&platform), &user.home().join("policy.toml"));
    let by_file = ["--policy", file.to_str().unwrap()];
    let mut debug = secs();
    debug.attributes.flags |= sgx::flags::DEBUG;
    let other = Secs::new(Mrenclave([0x33; 32]), Mrsigner([2; 32]));
    let foreign = self::platform(2);
    let mut all = String::new();
    for (name, listener) in [
        ("no evidence", Fake::default().start()),
        ("other keys", offering(&platform, &secs(), &[7; 64])),
        (
            "another program",
            offering(&platform, &other, &worker_keys()),
        ),
        ("a debugger", offering(&platform, &debug, &worker_keys())),
        (
            "another platform",
            offering(&foreign, &secs(), &worker_keys()),
        ),
    ] {
        let refused = submit(&user, &listener, &by_file);
        assert_eq!(
            (refused.status, refused.stdout.as_str()),
            (1, ""),
            "{refused:?}"
        );
        let json = parsed(&submit(
            &user,
            &listener,
            &["--json", by_file[0], by_file[1]],
        ));
        let code = json["error"]["code"].as_str().unwrap();
        assert!(
            refused.stderr.starts_with(&format!("error[{code}]")),
            "{refused:?}"
        );
        assert!(listener.calls_of("WorkOrderSubmit").is_empty());
        let verdict = verify(&user, &listener, &by_file);
        assert_eq!(verdict.status, 1);
        assert!(verdict.stdout.starts_with("Refused: "), "{verdict:?}");
        // A verdict sends nothing anyway, and does not say so.
        assert_eq!(
            verdict.stderr,
            refused.stderr.replace(", and nothing was sent", "")
        );
        let text = stable(&refused.stderr, &user, &platform);
        let text = text.replace(&foreign.fingerprint(), "ROOT");
        all += &format!("# {name}\n{text}");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn bench_and_worker_show_go_by_the_same() {
    let (user, platform) = (User::new(), platform(1));
    let listener = offering(&platform, &secs(), &worker_keys());
    let file = write(&policy(&platform), &user.home().join("policy.toml"));
    let by_file = ["--policy", file.to_str().unwrap()];
    let bench = [
        "bench",
        "-u",
        &listener.uri,
        "--orders",
        "2",
        "--warm-up",
        "0s",
        "--json",
    ];
    let refused = user.run(bench);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(listener.calls_of("WorkOrderSubmit").is_empty());
    let done = user.run(bench.iter().chain(&by_file));
    assert_eq!(done.status, 0, "{done:?}");

    let show = ["worker", "show", WORKER, "-u", &listener.uri];
    let shown = user.run(show.iter().chain(&by_file));
    assert!(
        shown.stdout.contains("evidence           accepted by"),
        "{shown:?}"
    );
    let shown = user.run(show);
    assert!(
        shown.stdout.contains("evidence           refused: "),
        "{shown:?}"
    );
    assert!(!shown.stdout.contains("nothing was sent"), "{shown:?}");
    let shown = user.run(show.iter().chain(&["--insecure-skip-verify", "--json"]));
    let shown: Value = parsed(&shown);
    assert_eq!(
        (&shown["usable"], &shown["evidence"]),
        (&true.into(), &Value::Null)
    );
}
