//! Places that take no file, or not all of one. What was there stays, and nothing new is there.

use crate::case::{Case, Way, failed};
use crate::sandbox::Entry;

const SIGN: &str = "sign --key key.pem --date 2024-02-29 good.sgxs -o";
const MEASURE: &str = "measure --program program --config enclave.toml --out";

pub(crate) fn cases() -> Vec<Case> {
    let bad = |name, line: &str| failed(name, line, "file.io");
    let sign = |name, to: &str| bad(name, &format!("{SIGN} {to}"));
    vec![
        sign("a folder that is not there", "nowhere/new.sig").says("nowhere/new.sig"),
        sign("a folder", "image").says("no regular file"),
        sign("a file as a folder", "key.pem/new.sig"),
        sign("a device", "/dev/null").says("no regular file"),
        sign("a full device", "/dev/full"),
        sign("a name beyond all limits", &"x".repeat(300)),
        sign("a pipe", "pipe").entry("pipe", Entry::Pipe),
        sign("a link to itself", "loop").entry("loop", Entry::Link("loop")),
        sign("a link to nowhere", "lost").entry("lost", Entry::Link("nothing")),
        sign("a place where nothing may be made", "/proc/new.sig"),
        bad(
            "a stream into no folder",
            &format!("{MEASURE} nowhere/new.sgxs"),
        ),
        // The signature has 1808 bytes, the stream some 40 000.
        sign("a signature beyond the limit on file sizes", "good.sig").started(Way::FileLimit(2)),
        bad(
            "a stream beyond the limit on file sizes",
            &format!("{MEASURE} good.sgxs"),
        )
        .started(Way::FileLimit(16)),
        bad("a key beyond the limit on file sizes", "key new new.pem").started(Way::FileLimit(1)),
        bad("a stream on a full disk", &format!("{MEASURE} new.sgxs")).started(Way::FullDisk(24)),
        bad(
            "a stream over another on a full disk",
            &format!("{MEASURE} good.sgxs"),
        )
        .started(Way::FullDisk(24)),
        bad("a full disk behind standard output", "measure good.sgxs").started(Way::FullOutput),
        bad(
            "in a folder of somebody else",
            &format!("{MEASURE} new.sgxs"),
        )
        .started(Way::Nobody),
    ]
}
