//! The registry in real builds: copies of this tree that are broken or added to, and the worker
//! program's own list of what it runs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sconify::build::{self, Profile};
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn a_disagreement_stops_the_build() {
    let copy = copy("disagreement");
    let list = copy.path().join("workloads.json");
    replace(&list, "\"python-hello\"", "\"python-hi\"");

    let (built, text) = cargo(copy.path(), &["build", "--package", "sconce-worker"]);
    assert!(!built, "{text}");
    assert!(!text.contains("panicked"), "{text}");
    let (_, message) = text
        .split_once("--- stderr\n")
        .unwrap_or_else(|| panic!("{text}"));
    let message: Vec<_> = message
        .lines()
        .map(|line| line.trim_start())
        .take(4)
        .collect();
    insta::assert_snapshot!(message.join("\n"));
}

#[test]
fn a_new_workload_builds_and_passes_its_test() {
    let copy = copy("addition");
    let files = registry::new_workload(copy.path(), "count-words").unwrap();
    assert_eq!(files.len(), 3);

    let (passed, text) = cargo(
        copy.path(),
        &["test", "--package", "sconce-workloads", "count_words"],
    );
    assert!(passed, "{text}");
    assert!(text.contains("test count_words::tests::"), "{text}");
    // The library alone: its program would take the place of this tree's own.
    let (built, text) = cargo(
        copy.path(),
        &["build", "--lib", "--package", "sconce-worker"],
    );
    assert!(built, "{text}");
    assert!(!text.contains("warning"), "{text}");
}

#[test]
fn the_program_lists_what_it_runs() {
    let program = build::program(checkout(), "sconce-worker", Profile::current(), &mut |_| {});
    let program = fs::read(program.unwrap()).unwrap();
    let (flags, listing) = section(&program, registry::SECTION.as_bytes()).unwrap();
    assert_eq!(
        flags & 0b111,
        0b010,
        "loaded, but neither written nor executed"
    );

    let listing: Vec<Value> = serde_json::from_slice(listing).unwrap();
    let workloads = registry::list(checkout()).unwrap();
    assert_eq!(listing.len(), workloads.len());
    for (listed, workload) in listing.iter().zip(&workloads) {
        assert_eq!(listed["id"], workload.id);
        assert_eq!(listed["module"], workload.module);
        assert_eq!(listed["function"], workload.function);
        let names: Vec<_> = listed["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|input| &input["name"])
            .collect();
        let expected: Vec<_> = workload.inputs.iter().map(|input| &input.name).collect();
        assert_eq!(names, expected);
    }
}

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A copy of this tree under a version of its own, so that its crates have files of their own in
/// the build folder that it shares with this one.
fn copy(name: &str) -> TempDir {
    let copy = TempDir::new().unwrap();
    copy_sources(checkout(), copy.path());
    let own = concat!("\nversion = \"", env!("CARGO_PKG_VERSION"), "\"\n");
    let other = own.replace("\"\n", &format!("-{name}\"\n"));
    replace(&copy.path().join("Cargo.toml"), own, &other);
    let lock = copy.path().join("Cargo.lock");
    let packages: Vec<_> = fs::read_to_string(&lock)
        .unwrap()
        .split("[[package]]")
        .map(|package| match package.contains("\nsource = ") {
            true => package.to_owned(),
            false => package.replace(own, &other),
        })
        .collect();
    fs::write(lock, packages.join("[[package]]")).unwrap();
    copy
}

/// Copies what a build reads: no hidden folders and no built files.
fn copy_sources(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        let copy = to.join(name);
        if name == "target" || name.as_encoded_bytes().starts_with(b".") {
            continue;
        } else if path.is_dir() {
            copy_sources(&path, &copy);
        } else {
            fs::copy(&path, &copy).unwrap();
        }
    }
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert_eq!(
        text.matches(from).count(),
        1,
        "{from:?} in {}",
        file.display()
    );
    fs::write(file, text.replace(from, to)).unwrap();
}

/// Runs cargo in a copy and returns whether it succeeded, and what it said.
fn cargo(root: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("cargo");
    // Cargo's variables for this test would have its own build scripts run again.
    for (name, _) in std::env::vars() {
        if [
            "CARGO_MANIFEST_",
            "CARGO_PKG_",
            "CARGO_BIN_",
            "CARGO_MAKEFLAGS",
        ]
        .iter()
        .any(|start| name.starts_with(start))
        {
            command.env_remove(name);
        }
    }
    let output: Output = command
        .args(arguments)
        .args(["--locked", "--offline"])
        .env("CARGO_TARGET_DIR", build_folder())
        .env("CARGO_TERM_COLOR", "never")
        .current_dir(root)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// The build folder of this tree: what the copies have in common with it is not built again.
fn build_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Flags and bytes of a section of a 64-bit little-endian ELF file (System V ABI, chapter 4).
fn section<'a>(file: &'a [u8], name: &[u8]) -> Option<(u64, &'a [u8])> {
    let number = |at: usize, size: usize| {
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(&file[at..at + size]);
        u64::from_le_bytes(bytes)
    };
    let place = |at: usize, size: usize| usize::try_from(number(at, size)).unwrap();
    let (headers, size) = (place(0x28, 8), place(0x3a, 2));
    let (count, names) = (place(0x3c, 2), place(0x3e, 2));
    let header = |index: usize| headers + index * size;
    let bytes = |index: usize| {
        let start = place(header(index) + 0x18, 8);
        &file[start..start + place(header(index) + 0x20, 8)]
    };
    (0..count)
        .find(|index| {
            let start = place(header(*index), 4);
            bytes(names)[start..].split(|byte| *byte == 0).next() == Some(name)
        })
        .map(|index| (number(header(index) + 8, 8), bytes(index)))
}
