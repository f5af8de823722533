//! `iexec.json` that can't be filled in.

use crate::case::{Case, Way, failed, unusable, usage};
use crate::sandbox::Entry;

const GOOD: &str = "{\n  \"app\": {\n    \"name\": \"worker\",\n    \"mrenclave\": \"\"\n  }\n}\n";

pub(crate) fn cases() -> Vec<Case> {
    let file =
        |name, text: &str| unusable(name, "iexec image", "iexec.file").file("iexec.json", text);
    let options = |name, options: &str, code| {
        unusable(name, &format!("iexec image {options}"), code).file("iexec.json", GOOD)
    };
    let digits = "0".repeat(64);
    vec![
        unusable("no file there", "iexec image", "file.io").says("iexec.json"),
        unusable("a file that is not UTF-8", "iexec image", "iexec.file")
            .file("iexec.json", [0xff, 0xfe]),
        file("an empty file", ""),
        file("half a file", &GOOD[..40]),
        file("a list", "[]"),
        file("no app", "{\"dataset\": {}}"),
        file("an app that is a text", "{\"app\": \"worker\"}"),
        file("two files in one", &GOOD.repeat(2)),
        file("a thousand brackets", &"[".repeat(1000)),
        options(
            "a new object without a version",
            "--form object",
            "iexec.options",
        ),
        usage(
            "a measurement of other digits",
            "iexec image --fingerprint scone:mrenclave:12",
        ),
        usage("an unknown framework", "iexec image --framework tdx"),
        options(
            "our measurement as SCONE's",
            &format!(
                "--framework scone --framework-version v5.9 --fingerprint gramine:mrenclave:{digits}"
            ),
            "iexec.options",
        ),
        unusable("no image there", "iexec nothing", "file.io").file("iexec.json", GOOD),
        unusable(
            "an image with a damaged stream",
            "iexec image",
            "sgxs.record",
        )
        .file("iexec.json", GOOD)
        .entry(
            "image/enclave/worker.sgxs",
            Entry::Changed(|bytes| bytes[64] = 0),
        ),
        failed("on a disk that is full", "iexec image", "file.io")
            .file("iexec.json", GOOD)
            .started(Way::FullDisk(0)),
        failed("beyond the limit on file sizes", "iexec image", "file.io")
            .file(
                "iexec.json",
                GOOD.replace(
                    "{\n  \"app\"",
                    &format!(
                        "{{\n  \"description\": \"{}\",\n  \"app\"",
                        "x".repeat(2000)
                    ),
                ),
            )
            .started(Way::FileLimit(2)),
    ]
}
