//! Images that are none, or not what they say.

use crate::case::{Case, Way, no, unusable, usage};
use crate::sandbox::Entry;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = forms();
    cases.extend(archives());
    cases.extend(unverified());
    cases.extend(different());
    cases
}

/// What is no image at all.
fn forms() -> Vec<Case> {
    vec![
        unusable("nothing there", "inspect nothing", "file.io").says("nothing"),
        unusable("a folder without an enclave", "inspect tree", "image.form"),
        unusable("an image without a stream", "verify image", "image.form")
            .entry("image/enclave/worker.sgxs", Entry::Absent),
        unusable("an image with two streams", "inspect image", "image.form")
            .file("image/enclave/other.sgxs", "x")
            .says("several"),
        unusable("a program", "verify program", "image.form").says("is a program"),
        unusable("a device", "inspect /dev/null", "image.form"),
        unusable("a pipe", "inspect pipe", "image.form").entry("pipe", Entry::Pipe),
        unusable(
            "an image with a pipe in it",
            "inspect image",
            "image.member",
        )
        .entry("image/enclave/pipe", Entry::Pipe),
        unusable(
            "an image with a link in it",
            "inspect image",
            "image.member",
        )
        .entry("image/enclave/link", Entry::Link("/etc/passwd")),
        unusable(
            "an image with a link to a folder",
            "verify image",
            "image.member",
        )
        .entry("image/lib", Entry::Link("/")),
        unusable(
            "an image whose stream is damaged",
            "inspect image",
            "sgxs.record",
        )
        .entry(
            "image/enclave/worker.sgxs",
            Entry::Changed(|bytes| bytes[64] = 0),
        ),
        unusable(
            "an image whose stream ends early",
            "verify image",
            "sgxs.truncated",
        )
        .entry(
            "image/enclave/worker.sgxs",
            Entry::Changed(|bytes| bytes.truncate(1000)),
        ),
        unusable("an image of somebody else", "verify image", "file.io")
            .entry("image/enclave/worker.sgxs", Entry::Secret(Vec::new()))
            .started(Way::Nobody),
    ]
}

/// Tars and image layouts that can't be read.
fn archives() -> Vec<Case> {
    let tar = |name, change| {
        unusable(name, "inspect package.tar", "image.archive")
            .entry("package.tar", Entry::Changed(change))
    };
    let layout = |name, code, change| {
        unusable(name, "inspect layout", code).entry("layout/index.json", Entry::Changed(change))
    };
    vec![
        unusable("an empty file", "inspect empty.tar", "image.form").file("empty.tar", ""),
        unusable("a text", "verify enclave.toml", "image.archive"),
        tar("half a tar", |bytes| bytes.truncate(bytes.len() / 2 + 100)),
        tar("a tar with a damaged header", |bytes| bytes[20] ^= 1),
        tar("a tar with an absurd size", |bytes| {
            bytes[124..136].fill(b'7')
        }),
        unusable("a tar of zeros", "inspect package.tar", "image.form")
            .entry("package.tar", Entry::Changed(|bytes| bytes.fill(0))),
        unusable(
            "a tar with a flipped byte",
            "inspect package.tar",
            "image.digest",
        )
        .entry("package.tar", Entry::Changed(|bytes| flip_in_blob(bytes))),
        layout("an index that is no JSON", "image.layout", |bytes| {
            bytes.truncate(20)
        }),
        layout("an index of nothing", "image.layout", |bytes| {
            *bytes = b"{}".to_vec()
        }),
        layout(
            "an index of a blob that is elsewhere",
            "image.layout",
            |bytes| {
                replace(bytes, b"sha256:", b"sha256:../../../");
            },
        ),
        layout(
            "an index of a blob that is not there",
            "image.form",
            |bytes| {
                let at = find(bytes, b"sha256:") + 7;
                bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            },
        ),
    ]
}

/// Images that are read, and found to be wrong.
fn unverified() -> Vec<Case> {
    let zeros = "0".repeat(64);
    let image = |name, file, change| {
        no(name, "verify image", "image.unverified").entry(file, Entry::Changed(change))
    };
    let not =
        |name, options: &str| no(name, &format!("verify image {options}"), "image.unverified");
    vec![
        not("another measurement", &format!("--expect {zeros}")).says("measurement"),
        not(
            "another measurement by its kind",
            &format!("--expect sim:mrenclave:{zeros}"),
        ),
        not("another signer", &format!("--signer {zeros}")).says("signer"),
        image("another program", "image/worker", |bytes| {
            bytes[0x1004] ^= 1
        })
        .says("program"),
        image(
            "a program with something behind it",
            "image/worker",
            |bytes| bytes.push(0),
        ),
        image(
            "another byte of code",
            "image/enclave/worker.sgxs",
            |bytes| {
                let at = find(bytes, &[0xc3; 64]);
                bytes[at] = 0x90;
            },
        ),
        image("other parameters", "image/enclave/enclave.toml", |bytes| {
            replace(bytes, b"1 MiB", b"2 MiB");
        }),
        image(
            "parameters that are none",
            "image/enclave/enclave.toml",
            |bytes| bytes.clear(),
        ),
        image("half a signature", "image/enclave/worker.sig", |bytes| {
            bytes.truncate(900)
        }),
        image("another signature", "image/enclave/worker.sig", |bytes| {
            bytes[600] ^= 1
        }),
        image("another signed date", "image/enclave/worker.sig", |bytes| {
            bytes[20] ^= 1
        }),
        image(
            "reserved bytes of the signature",
            "image/enclave/worker.sig",
            |bytes| bytes[1028] = 1,
        ),
        no("no signature", "verify image --release", "image.unverified")
            .entry("image/enclave/worker.sig", Entry::Absent),
        no(
            "a signature for debugging in a release",
            "verify debug --release",
            "image.unverified",
        ),
        no("no program", "verify image", "image.unverified").entry("image/worker", Entry::Absent),
        no("another file", "verify filed", "image.unverified")
            .file("filed/files/data/a.txt", "other"),
        no(
            "a file that is not listed",
            "verify filed",
            "image.unverified",
        )
        .file("filed/files/data/new.txt", "new"),
        no("a file less", "verify filed", "image.unverified")
            .entry("filed/files/data/a.txt", Entry::Absent),
        no(
            "no manifest of the files",
            "verify filed",
            "image.unverified",
        )
        .entry("filed/enclave/manifest.bin", Entry::Absent),
        usage("a measurement of other digits", "verify image --expect 12"),
        usage(
            "a measurement of Gramine's enclave as a signer",
            "verify image --signer gramine:x",
        ),
    ]
}

/// What differs.
fn different() -> Vec<Case> {
    vec![
        no(
            "another program beside it",
            "diff image other",
            "image.differs",
        ),
        no("other files", "diff image filed", "image.differs"),
        no(
            "an image and its stream alone",
            "diff image good.sgxs",
            "image.differs",
        ),
        unusable("nothing to compare with", "diff image nothing", "file.io").says("nothing"),
        unusable(
            "a program to compare with",
            "diff image program",
            "image.form",
        ),
        unusable(
            "a tar to compare with, damaged",
            "diff image package.tar",
            "image.archive",
        )
        .entry("package.tar", Entry::Changed(|bytes| bytes.truncate(700))),
        usage("one image alone", "diff image"),
    ]
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    let mut windows = bytes.windows(part.len());
    windows.position(|window| window == part).unwrap()
}

fn replace(bytes: &mut Vec<u8>, old: &[u8], new: &[u8]) {
    let at = find(bytes, old);
    bytes.splice(at..at + old.len(), new.iter().copied());
}

/// A byte of the program, deep in the layer.
fn flip_in_blob(bytes: &mut [u8]) {
    let at = find(bytes, &[0xc3; 64]);
    bytes[at] ^= 1;
}
