//! `attestation/DEPENDENCIES.md` is what cargo says, and nothing in it reaches for the outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use sconce_tests::vectors::checkout;

/// Packages by name, each with those that need it.
type Needed = BTreeMap<String, BTreeSet<String>>;

const CRATE: &str = "sconce-attestation";

#[test]
fn the_list_of_dependencies_is_complete_and_exact() {
    let text = fs::read_to_string(checkout().join("attestation/DEPENDENCIES.md")).unwrap();
    let (program, compiling) = text.split_once("## When compiling").unwrap();
    let program = table(program);
    let all: Needed = program
        .clone()
        .into_iter()
        .chain(table(compiling))
        .collect();
    assert_eq!(tree("normal"), all);
    assert_eq!(tree("normal,no-proc-macro"), program);
}

/// Runtimes, protocols and wrappers of system calls, by the beginnings of their names.
const OUTSIDE: &[&str] = &[
    "async-",
    "curl",
    "embassy",
    "futures",
    "h2",
    "http",
    "hyper",
    "isahc",
    "libloading",
    "mio",
    "native-tls",
    "net2",
    "nix",
    "openssl",
    "polling",
    "quinn",
    "reqwest",
    "rustix",
    "rustls",
    "signal-hook",
    "smol",
    "socket2",
    "tokio",
    "tower",
    "tracing",
    "ureq",
    "wasi",
    "webpki",
    "windows",
    "zmq",
];

#[test]
fn no_dependency_reaches_for_the_outside() {
    let needed = tree("normal");
    for package in needed.keys() {
        assert!(
            !OUTSIDE.iter().any(|outside| package.starts_with(outside)),
            "attestation depends on {package}"
        );
    }
    // The two that do: ring's random numbers, which only ring can ask for.
    let parents = |package: &str| needed.get(package).into_iter().flatten();
    assert!(parents("libc").all(|parent| parent == "getrandom"));
    assert!(parents("getrandom").all(|parent| parent == "ring"));
    assert!(
        sources()
            .iter()
            .all(|source| !source.contains("ring::rand"))
    );
}

/// What has no `std` has no files, sockets, clocks, threads or environment: the compiler sees to it, unless
/// somebody brings it back.
#[test]
fn the_crate_has_no_std() {
    let sources = sources();
    assert!(
        sources
            .iter()
            .any(|source| source.contains("\n#![no_std]\n"))
    );
    for source in sources {
        let behind = source.split("#[cfg(test)]\n").next().unwrap();
        for line in behind.lines() {
            let code = line.split("//").next().unwrap();
            assert!(
                !code.contains("extern crate std") && !code.contains("std::"),
                "attestation uses std: {line}"
            );
        }
    }
}

/// The sources of the crate.
fn sources() -> Vec<String> {
    let mut folders = vec![checkout().join("attestation/src")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                sources.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    assert!(sources.len() > 10);
    sources
}

/// The rows ``| `package` | needed by | … |`` of a text.
fn table(text: &str) -> Needed {
    text.lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|row| {
            let mut cells = row.split('|').map(str::trim);
            let (package, parents) = (cells.next().unwrap(), cells.next().unwrap());
            assert!(!cells.next().unwrap().is_empty(), "{package}: what for?");
            let parents = parents.split(", ").map(str::to_owned).collect();
            (package.trim_end_matches('`').to_owned(), parents)
        })
        .collect()
}

/// Everything below the crate, as cargo resolves it for this machine.
fn tree(edges: &str) -> Needed {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--no-dedupe",
            "--package",
            CRATE,
        ])
        .args(["--edges", edges, "--prefix", "depth", "--format", " {p}"])
        .current_dir(checkout())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let mut above: Vec<String> = Vec::new();
    let mut needed = Needed::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let mut words = line.split(' ');
        let depth: usize = words.next().unwrap().parse().unwrap();
        let package = words.next().unwrap().to_owned();
        above.truncate(depth);
        if let Some(parent) = above.last() {
            let parents = needed.entry(package.clone()).or_default();
            parents.insert(parent.clone());
        }
        above.push(package);
    }
    assert!(needed.len() > 5, "{needed:?}");
    needed
}
