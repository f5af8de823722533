//! `sconify.sh` and `deploy/images.sh`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use sconce_tests::image::worker;
use sconce_tests::platform::sconce_program;
use sconce_tests::skipped::skipped;
use sconce_tests::vectors::checkout;
use sconify::image;

use crate::is_installed;

#[test]
fn shellcheck_has_nothing_to_say() {
    if !is_installed("shellcheck") {
        return skipped("scripts", "shellcheck is not installed");
    }
    for script in ["sconify.sh", "deploy/images.sh"] {
        let path = checkout().join(script);
        let output = Command::new("shellcheck").arg(path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
    }
}

#[test]
fn names_follow_the_variables_of_the_seed() {
    let folder = tempfile::tempdir().unwrap();
    let default = format!("sconce/worker:{}-debug", env!("CARGO_PKG_VERSION"));
    let mine = format!("mine:{}-debug", env!("CARGO_PKG_VERSION"));
    for (variables, reference) in [
        (vec![], default.as_str()),
        // What is empty is not set.
        (vec![("IMG_NAME", ""), ("IMG_TO", "")], &default),
        (vec![("IMG_NAME", "mine")], &mine),
        (
            vec![("IMG_NAME", "mine"), ("IMG_TO", "a/b:c-debug")],
            "a/b:c-debug",
        ),
    ] {
        let tar = folder.path().join("out/worker.tar");
        let mut all = variables.clone();
        all.push(("IMG_OUT", tar.to_str().unwrap()));
        let output = run(folder.path(), &all, &["--env", "GREETING=hello there"]);
        assert!(output.status.success(), "{output:?}");
        let image = image::open(&tar).unwrap();
        let package = image.package().unwrap();
        assert!(
            package
                .references
                .iter()
                .any(|one| one.ends_with(reference)),
            "{package:?}"
        );
    }
}

#[test]
fn a_release_wants_what_a_release_needs() {
    let folder = tempfile::tempdir().unwrap();
    let release = ("IMG_FLAVOUR", "release");
    let output = run(folder.path(), &[release], &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error[package.debug]"), "{said}");

    let output = run(folder.path(), &[release, ("IMG_FROM", "")], &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("IMG_KEY"), "{said}");

    let output = run(folder.path(), &[("IMG_FLAVOUR", "other")], &[]);
    assert_eq!(output.status.code(), Some(2));
}

/// Runs the script on the worker's image, from another folder, with the command of this build.
fn run(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let command = folder.join("sconify");
    let line = format!(
        "#!/bin/sh\nexec {} sconify \"$@\"\n",
        sconce_program().display()
    );
    fs::write(&command, line).unwrap();
    fs::set_permissions(&command, fs::Permissions::from_mode(0o755)).unwrap();
    let mut script = Command::new(checkout().join("sconify.sh").canonicalize().unwrap());
    for name in [
        "IMG_NAME",
        "IMG_TO",
        "IMG_FLAVOUR",
        "IMG_KEY",
        "IMG_DATE",
        "IMG_OUT",
    ] {
        script.env_remove(name);
    }
    script.env_remove("SOURCE_DATE_EPOCH");
    script
        .args(arguments)
        .env("SCONIFY", command)
        .env("IMG_FROM", &worker().folder)
        .env("IMG_OUT", folder.join("default.tar"))
        .envs(variables.iter().copied())
        .current_dir(folder)
        .output()
        .unwrap()
}
