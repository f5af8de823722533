//! Whoever builds the worker's image gets the same bytes: from another folder, as another user, with
//! other settings, with one job, at another time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod elsewhere;
mod program;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ring::digest::{SHA256, digest};
use sconce_tests::image;
use sconce_tests::platform::sconce_program;
use sconce_tests::skipped::skipped;
use sconify::build::place;

use elsewhere::Elsewhere;

/// What is compared, and named when it's not the same.
#[derive(Debug, PartialEq, Eq)]
struct Digests(Vec<(&'static str, String)>);

impl Digests {
    fn of(folder: &Path, package: &Path) -> Self {
        let file = |name: &str| sha256(&folder.join(name));
        let measured = sconify(folder, &["measure", "--json", "."]);
        let measured: serde_json::Value = serde_json::from_slice(&measured.stdout).unwrap();
        Self(vec![
            ("program", file("worker")),
            ("stream", file("enclave/worker.sgxs")),
            ("signature", file("enclave/worker.sig")),
            ("symbols", file("enclave/symbols")),
            ("provenance", file("enclave/provenance.json")),
            ("for Gramine", file("enclave/gramine.manifest.toml")),
            ("for SCONE", file("enclave/scone.session.yaml")),
            ("package", sha256(package)),
            (
                "measurement",
                measured["mrenclave"].as_str().unwrap().to_owned(),
            ),
        ])
    }
}

#[test]
fn another_place_makes_the_same_image() {
    let here = image::worker();
    let elsewhere = Elsewhere::new(&checkout());
    let key = place(&checkout()).join("signer.pem");
    let there = elsewhere.build(&key);

    let folder = tempfile::tempdir().unwrap();
    let package = |image: &Path, name: &str| {
        let tar = folder.path().join(name);
        let image = image.to_str().unwrap();
        let to = ["-o", tar.to_str().unwrap()];
        let line = [
            &["package", "--from", image, "--to", "sconce/worker:test"],
            &to[..],
        ]
        .concat();
        sconify(folder.path(), &line);
        tar
    };
    let first = Digests::of(&here.folder, &package(&here.folder, "here.tar"));
    let second = Digests::of(&there, &package(&there, "there.tar"));
    say("built here and elsewhere", &first);
    if first != second {
        say("elsewhere", &second);
        let why = run(
            folder.path(),
            &[
                "diff",
                here.folder.to_str().unwrap(),
                there.to_str().unwrap(),
            ],
        );
        panic!(
            "another place makes another image:\n{}{}",
            String::from_utf8_lossy(&why.stdout),
            String::from_utf8_lossy(&why.stderr)
        );
    }
}

#[test]
fn measurements_are_those_of_the_lock_files() {
    image::worker();
    image::vault();
    for (package, file) in [
        ("sconce-worker", "worker/MRENCLAVE.lock"),
        ("sconce-vault", "vault/MRENCLAVE.lock"),
    ] {
        let output = run(&checkout(), &["lock", "--check", "--package", package]);
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => {}
            Some(3) => skipped(file, said.trim()),
            _ => panic!("{said}"),
        }
    }
}

#[test]
fn a_second_build_leaves_everything_as_it_is() {
    use std::os::unix::fs::MetadataExt as _;
    let image = image::worker();
    let stream = image.folder.join("enclave/worker.sgxs");
    let before = stream.metadata().unwrap();
    // Another program made it, so this one makes it again before it believes it.
    for _ in 0..2 {
        sconify(&checkout(), &["build"]);
    }
    let between = stream.metadata().unwrap();
    let output = sconify(&checkout(), &["build", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["unchanged"], true, "{report}");
    assert_eq!(stream.metadata().unwrap().ino(), between.ino());
    assert_eq!(before.len(), between.len());
}

/// The checkout that is tested.
fn checkout() -> PathBuf {
    sconce_tests::vectors::checkout().canonicalize().unwrap()
}

/// Runs `sconce sconify` and insists on success.
fn sconify(folder: &Path, arguments: &[&str]) -> Output {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    output
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(sconce_program())
        .arg("sconify")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn sha256(file: &Path) -> String {
    let bytes = std::fs::read(file).unwrap();
    format!("sha256:{}", hex::encode(digest(&SHA256, &bytes)))
}

/// Where everybody sees it: the harness keeps what passing tests print to itself.
fn say(title: &str, digests: &Digests) {
    let mut text = format!("\n{title}:\n");
    for (what, digest) in &digests.0 {
        text += &format!("  {what:<12} {digest}\n");
    }
    let _unseen = std::io::stderr().write_all(text.as_bytes());
}
