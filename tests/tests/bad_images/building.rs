//! Builds that must not begin, and locks that can't be compared.

use crate::case::{Case, unusable, usage};
use crate::sandbox::Entry;

pub(crate) fn cases() -> Vec<Case> {
    let here = |name, line: &str, code| {
        unusable(name, line, code)
            .file("Cargo.toml", "[workspace]\nmembers = []\n")
            .file("workloads.json", "[]")
            .file("worker/enclave.toml", crate::sandbox::CONFIG)
            .file("worker/symbols.toml", "")
            // Builds of a checkout wait for each other here.
            .file("target/sconify/lock", "")
            .chatty()
    };
    let release = "build --release --date 2024-02-29 --key";
    vec![
        unusable("no checkout", "build", "build.checkout"),
        unusable("no checkout to lock", "lock --check", "build.checkout"),
        here("no lock to compare with", "lock --check", "lock.file").says("MRENCLAVE.lock"),
        here("a lock that is none", "lock --check", "lock.file").file("worker/MRENCLAVE.lock", "x"),
        here("a lock of another form", "lock --check", "lock.file")
            .file("worker/MRENCLAVE.lock", "version = 99\n"),
        here("a lock that is not UTF-8", "lock --check", "file.io")
            .file("worker/MRENCLAVE.lock", [0xff]),
        here("no key there", &format!("{release} no.pem"), "file.io"),
        here(
            "a key that is none",
            &format!("{release} enclave.toml"),
            "sign.key",
        ),
        here(
            "a date that is no time",
            "build --release --key key.pem",
            "sign.date",
        )
        .variable("SOURCE_DATE_EPOCH", "yesterday"),
        here(
            "no date in a release",
            "build --release --key key.pem",
            "sign.date",
        )
        .variable("GIT_CEILING_DIRECTORIES", "/"),
        here(
            "parameters that are none",
            "build --config good.sig",
            "file.io",
        ),
        here(
            "parameters with a mistake",
            "build --config bad.toml",
            "config.key",
        )
        .file("bad.toml", "heaps = 1"),
        here("no parameters there", "build --config no.toml", "file.io"),
        here(
            "files that are not there",
            "build --fs-dir no:/data",
            "file.io",
        ),
        here(
            "files with a pipe among them",
            "build --fs-dir tree:/data",
            "files.tree",
        )
        .entry("tree/pipe", Entry::Pipe),
        here(
            "a release without a key",
            "build --release --date 2024-02-29",
            "build.release",
        ),
        usage("a date that is none", "build --date yesterday"),
    ]
}
