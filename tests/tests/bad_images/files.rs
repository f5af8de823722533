//! Files that can't be measured, or are not those that were.

use crate::case::{Case, Way, failed, no, unusable, usage};
use crate::sandbox::Entry;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = measured();
    cases.extend(read_back());
    cases
}

fn measured() -> Vec<Case> {
    let tree = |name, code| unusable(name, "files manifest --fs-dir tree:/data -o new.bin", code);
    let place = |name, place: &str, code| {
        unusable(name, "files manifest", code).argument(format!("--fs-dir=tree:{place}"))
    };
    let sealed = |name, key: &str| {
        let line = "files manifest --dir tree:/data --fs-key bad.key";
        unusable(name, line, "files.key").entry("bad.key", Entry::Secret(key.into()))
    };
    let digits = "0".repeat(63);
    vec![
        unusable("no files", "files manifest", "files.region").says("no file is named"),
        unusable(
            "nothing there",
            "files manifest --fs-dir nothing:/data",
            "file.io",
        ),
        tree("a pipe among them", "files.tree").entry("tree/pipe", Entry::Pipe),
        tree("a link that leads out", "files.region")
            .entry("tree/link", Entry::Link("/etc/passwd")),
        tree("a link that leads out by its parents", "files.region")
            .entry("tree/link", Entry::Link("../../key.pem")),
        tree("a name that is no UTF-8", "files.path").file(bytes(b"tree/\xff"), "x"),
        tree("a name that is not composed", "files.path").file("tree/u\u{308}", "x"),
        tree("a file of somebody else", "file.io")
            .entry("tree/secret", Entry::Secret(b"x".to_vec()))
            .started(Way::Nobody),
        place("a path that is relative", "data", "files.path"),
        place("a path that climbs", "/data/../etc", "files.path"),
        place("a path with a dot", "/data/./a", "files.path"),
        place("a path with two slashes", "/data//a", "files.path"),
        unusable(
            "a path twice",
            "files manifest --fs-dir tree:/data --plain tree:/data",
            "files.region",
        ),
        sealed("an empty key", ""),
        sealed("a key with a digit less", &digits),
        sealed("a key that is none", &"x".repeat(64)),
        sealed("a key with something behind it", &format!("{digits}0\n0")),
        unusable(
            "no key there",
            "files manifest --dir tree:/data --fs-key no.key",
            "file.io",
        ),
        failed("a key over a file", "files key key.pem", "file.io").says("not overwritten"),
        failed(
            "a manifest into no folder",
            "files manifest --fs-dir tree:/data -o no/new.bin",
            "file.io",
        ),
        usage("an unknown verb", "files burn image"),
    ]
}

fn read_back() -> Vec<Case> {
    let filed = |name, file, change| {
        no(name, "files verify filed", "files.integrity").entry(file, Entry::Changed(change))
    };
    let manifest = |name, change| {
        failed(name, "files list filed", "files.integrity")
            .entry("filed/enclave/manifest.bin", Entry::Changed(change))
            .says("not the one that was measured")
    };
    let extract = |name, line: &str, code| unusable(name, &format!("files extract {line}"), code);
    vec![
        filed("another byte", "filed/files/data/a.txt", |bytes| {
            bytes[0] ^= 1
        }),
        filed("a byte more", "filed/files/data/a.txt", |bytes| {
            bytes.push(0)
        }),
        filed("an empty file", "filed/files/data/a.txt", Vec::clear),
        no("a file less", "files verify filed", "files.integrity")
            .entry("filed/files/data/a.txt", Entry::Absent),
        no("a file more", "files verify filed", "files.integrity")
            .file("filed/files/data/b.txt", "x"),
        manifest("an empty manifest", Vec::clear),
        manifest("half a manifest", |bytes| bytes.truncate(bytes.len() / 2)),
        manifest("a manifest and a byte", |bytes| bytes.push(0)),
        manifest("a manifest of another version", |bytes| bytes[0] ^= 1),
        extract(
            "a path that is not listed",
            "filed --to new /data/no.txt",
            "files.path",
        ),
        extract(
            "a path that climbs",
            "filed --to new /data/../../key.pem",
            "files.path",
        ),
        failed(
            "over a folder with files",
            "files extract filed --to tree",
            "file.io",
        ),
        failed("over a file", "files extract filed --to key.pem", "file.io"),
        failed(
            "into no folder",
            "files extract filed --to no/new",
            "file.io",
        ),
        failed(
            "a file that was changed",
            "files extract filed --to new",
            "files.integrity",
        )
        .file("filed/files/data/sub/b", "other"),
        failed("on a full disk", "files extract large --to new", "file.io")
            .started(Way::FullDisk(24)),
        failed(
            "beyond the limit on file sizes",
            "files extract large --to new",
            "file.io",
        )
        .started(Way::FileLimit(64)),
        usage("to nowhere", "files extract filed"),
    ]
}

fn bytes(name: &[u8]) -> std::ffi::OsString {
    use std::os::unix::ffi::OsStringExt as _;
    std::ffi::OsString::from_vec(name.to_vec())
}
