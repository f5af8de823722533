//! Manifests for Gramine, sessions for SCONE, and what their tools print.

use crate::case::{Case, failed, unusable, usage};
use crate::sandbox::Entry;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = gramine();
    cases.extend(scone());
    cases
}

fn gramine() -> Vec<Case> {
    let manifest = |name, text: &str| {
        unusable(name, "gramine --check bad.toml", "gramine.manifest").file("bad.toml", text)
    };
    let view = |name, text: &str| {
        let line = "gramine image -o new.toml --sigstruct-view bad.json";
        unusable(name, line, "gramine.measurement").file("bad.json", text)
    };
    vec![
        manifest("an empty manifest", ""),
        manifest("no TOML", "loader = "),
        manifest(
            "an unknown key",
            "loader.entrypoint.uri = \"file:a\"\nloader.entrypint = 1\n",
        ),
        manifest("a number as text", "sgx.max_threads = \"four\"\n"),
        unusable(
            "a manifest that is not UTF-8",
            "gramine --check bad.toml",
            "file.io",
        )
        .file("bad.toml", [0xff, 0xfe]),
        unusable("no manifest there", "gramine --check bad.toml", "file.io"),
        unusable("no image there", "gramine nothing -o new.toml", "file.io"),
        unusable(
            "an image without a program",
            "gramine image -o new.toml",
            "image.form",
        )
        .entry("image/worker", Entry::Absent),
        view("an empty view", ""),
        view("a view of something else", "[]"),
        view("a measurement of other digits", "{\"mr_enclave\": \"12\"}"),
        failed("into no folder", "gramine image -o no/new.toml", "file.io"),
        failed("into a device", "gramine image -o /dev/full", "file.io"),
        usage(
            "an image and a manifest",
            "gramine image --check enclave.toml",
        ),
        usage("nothing at all", "gramine"),
    ]
}

fn scone() -> Vec<Case> {
    let session = |name, text: &str| {
        unusable(name, "scone --check bad.yaml", "scone.session").file("bad.yaml", text)
    };
    let hash = |name, text: &str| {
        let line = "scone image -o new.yaml --scone-hash-file bad.txt";
        unusable(name, line, "scone.measurement").file("bad.txt", text)
    };
    vec![
        session("an empty session", ""),
        session("no YAML", "name: [a\n"),
        session("an unknown key", "name: a\nversion: \"0.3\"\nservics: []\n"),
        session(
            "a version of its own",
            "name: a\nversion: \"9\"\nservices: []\n",
        ),
        session("a key twice", "name: a\nname: b\nversion: \"0.3\"\n"),
        session("a thousand brackets", &"[".repeat(1000)),
        unusable("no session there", "scone --check bad.yaml", "file.io"),
        unusable("no image there", "scone nothing -o new.yaml", "file.io"),
        hash("an empty hash", ""),
        hash("half a hash", &"0".repeat(32)),
        hash(
            "a simulated measurement",
            &format!("sim:mrenclave:{}", "0".repeat(64)),
        ),
        failed(
            "a release that lets nobody in",
            "scone image --release -o new.yaml",
            "scone.release",
        ),
        failed("into no folder", "scone image -o no/new.yaml", "file.io"),
        failed("into a device", "scone image -o /dev/full", "file.io"),
        usage("an image and a session", "scone image --check enclave.toml"),
    ]
}
