//! Building a program with cargo.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::process::Command;

use sconce_sconify::build::{Error, Profile, Progress, program};

/// A package without dependencies. Its build script asks to be run again whenever a variable
/// changes that cargo sets for this test, as those of some libraries do.
fn package(main: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    write(
        "Cargo.toml",
        "[workspace]\n[package]\nname = \"small\"\nversion = \"0.0.0\"\nedition = \"2024\"\n",
    );
    write(
        "Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"small\"\nversion = \"0.0.0\"\n",
    );
    write(
        "build.rs",
        "fn main() {
            println!(\"cargo::rerun-if-env-changed=CARGO_PKG_DESCRIPTION\");
            println!(\"cargo::rerun-if-env-changed=CARGO_TARGET_TMPDIR\");
            println!(\"cargo::rustc-env=SEEN={:?}\", std::env::var_os(\"CARGO_TARGET_TMPDIR\"));
        }",
    );
    write("src/main.rs", main);
    folder
}

#[test]
fn a_package_is_built_once_and_found_again() {
    let folder = package("fn main() { println!(\"hello, {}\", env!(\"SEEN\")) }");
    let mut compiled = vec![];
    let mut progress = |step: Progress<'_>| {
        if let Progress::Finished { compiled: done, .. } = step {
            compiled.push(done);
        }
    };
    let first = program(folder.path(), "small", Profile::Dev, &mut progress).unwrap();
    let second = program(folder.path(), "small", Profile::Dev, &mut progress).unwrap();
    assert_eq!(first, second);
    assert_eq!(compiled, [1, 2, 0, 0], "build script and program, once");

    let output = Command::new(&first).output().unwrap();
    assert_eq!(output.stdout, b"hello, None\n", "{}", first.display());
}

#[test]
fn a_package_that_does_not_compile_says_why() {
    let folder = package("fn main() { let x: u8 = \"text\"; }");
    let error = program(folder.path(), "small", Profile::Dev, &mut |_| ()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("building small failed: error[E0308]"),
        "{text}"
    );
    let Error::Cargo { diagnostics, .. } = error else {
        panic!("{error:?}");
    };
    assert!(diagnostics.contains("src/main.rs:1:25"), "{diagnostics}");

    let error = program(folder.path(), "other", Profile::Dev, &mut |_| ()).unwrap_err();
    assert!(error.to_string().contains("other"), "{error}");
}
