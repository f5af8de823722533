//! `enclave.toml`: what makes no enclave.

use crate::case::{Case, unusable, usage};
use crate::sandbox::CONFIG;

const LINE: &str = "measure --program program --config bad.toml --out new.sgxs";

pub(crate) fn cases() -> Vec<Case> {
    let bad = |name, config: String, code| unusable(name, LINE, code).file("bad.toml", config);
    let value = |name, old, new: &str| bad(name, changed(old, new), "config.value");
    let key = |name, old, new: &str| bad(name, changed(old, new), "config.key");
    vec![
        bad("empty", String::new(), "config.key"),
        bad("no TOML", "name = \"worker".to_owned(), "config.key").says("line 1"),
        bad("a program", "\u{7f}ELF\u{2}\u{1}".to_owned(), "config.key"),
        bad(
            "a megabyte of comments",
            "# no\n".repeat(200_000),
            "config.key",
        ),
        unusable("not UTF-8", LINE, "file.io").file("bad.toml", [0xff, 0xfe, 0x00]),
        unusable("nothing there", LINE, "file.io").says("bad.toml"),
        key("an unknown key", "[heap]", "[heap]\ngrowth = \"1 MiB\"").says("growth"),
        key("an unknown table", "[heap]", "[heaps]"),
        key(
            "a key twice",
            "product_id = 1",
            "product_id = 1\nproduct_id = 2",
        ),
        key("a number as text", "product_id = 1", "product_id = \"1\""),
        key(
            "a product beyond 16 bits",
            "product_id = 1",
            "product_id = 65536",
        ),
        key(
            "a version below zero",
            "security_version = 1",
            "security_version = -1",
        ),
        key("an unknown unit", "1 MiB", "1 MB/s"),
        key("a size beyond 64 bits", "1 MiB", "99999999999999999999 GiB"),
        value("no heap", "1 MiB", "0 B").says("heap.size"),
        value("half a page of heap", "1 MiB", "2 KiB"),
        value("an exbibyte of heap", "1 MiB", "1048576 TiB"),
        value("no stack", "64 KiB", "0 KiB").says("threads.stack"),
        value("no threads", "count = 1", "count = 0"),
        value("65535 threads", "count = 1", "count = 65535"),
        value("a name that leads elsewhere", "\"worker\"", "\"../worker\"").says("name"),
        value("no frames", "[threads]", "[ssa]\nframes = 0\n[threads]"),
        value(
            "AVX-512 alone",
            "[heap]",
            "[attributes]\nfeatures = [\"avx512\"]\n[heap]",
        ),
        usage("a program and no parameters", "measure --program program"),
        usage("parameters and no program", "measure --config enclave.toml"),
        usage(
            "a stream and a program",
            "measure good.sgxs --program program --config enclave.toml",
        ),
        usage("nothing to measure", "measure"),
    ]
}

fn changed(old: &str, new: &str) -> String {
    assert!(CONFIG.contains(old), "{old}");
    CONFIG.replacen(old, new, 1)
}
