//! Streams that break a rule, and what is no stream at all. Each rule has outside vectors of its own
//! (`conformance_sgx`); here it's the command line that tells them.

use crate::case::{Case, Way, unusable};
use crate::sandbox::Entry;

pub(crate) fn cases() -> Vec<Case> {
    let measure = |name, bytes: Vec<u8>, code| {
        unusable(name, "measure bad.sgxs", code).file("bad.sgxs", bytes)
    };
    let mut cases = vec![
        measure("an empty stream", vec![], "sgxs.order").says("byte 0"),
        measure("half a header", stream()[..40].to_vec(), "sgxs.truncated").says("40 of 64"),
        measure("half a chunk", stream()[..300].to_vec(), "sgxs.truncated").says("byte 128"),
        measure("nothing but blanks", vec![b' '; 512], "sgxs.record"),
        measure(
            "an unknown record",
            spoilt(128, b"EXTEND!\0"),
            "sgxs.record",
        )
        .says("byte 128"),
        measure(
            "a second ECREATE",
            [create(0x2000), create(0x2000)].concat(),
            "sgxs.order",
        ),
        measure("no ECREATE", stream()[64..].to_vec(), "sgxs.order"),
        measure("UNSIZED", spoilt(0, b"UNSIZED\0"), "sgxs.record"),
        measure(
            "a size that is no power of two",
            create(0x3000),
            "sgxs.size",
        ),
        measure(
            "the largest size that there is",
            create(u64::MAX),
            "sgxs.size",
        ),
        measure("no room for saved state", spoilt(8, &[0; 4]), "sgxs.size"),
        measure(
            "a page beyond the size",
            spoilt(64 + 8, &[0, 0x20]),
            "sgxs.page",
        ),
        measure(
            "a page that begins in between",
            spoilt(64 + 8, &[8]),
            "sgxs.page",
        ),
        measure(
            "a page at the last offset",
            spoilt(64 + 8, &[0xff; 8]),
            "sgxs.page",
        ),
        measure(
            "a page that is written and not read",
            spoilt(64 + 16, &[2]),
            "sgxs.page",
        ),
        measure("reserved bytes", spoilt(64 + 63, &[1]), "sgxs.reserved"),
        measure(
            "a page twice",
            [stream(), stream()[64..].to_vec()].concat(),
            "sgxs.order",
        ),
        measure(
            "bytes behind the last record",
            [stream(), vec![0]].concat(),
            "sgxs.truncated",
        ),
    ];
    cases.extend([
        unusable("nothing there", "measure nothing.sgxs", "file.io").says("nothing.sgxs"),
        unusable(
            "a folder called like a stream",
            "measure folder.sgxs",
            "image.form",
        )
        .entry("folder.sgxs", Entry::Folder),
        unusable("a link to itself", "measure loop.sgxs", "file.io")
            .entry("loop.sgxs", Entry::Link("loop.sgxs")),
        unusable("a link to nowhere", "measure link.sgxs", "file.io")
            .entry("link.sgxs", Entry::Link("nothing")),
        unusable(
            "a stream of somebody else",
            "measure secret.sgxs",
            "file.io",
        )
        .entry("secret.sgxs", Entry::Secret(stream()))
        .started(Way::Nobody),
        unusable("a name beyond all limits", "measure", "file.io").argument("x".repeat(5000)),
        unusable("a name that would steer a terminal", "measure", "file.io")
            .argument("\u{1b}[2J\nerror[x]: y\u{202e}.sgxs")
            .says(" [2J error[x]: y .sgxs"),
        unusable("a device", "measure /dev/null", "image.form"),
        unusable("a program", "measure program", "image.form").says("is a program"),
        unusable("a text", "measure enclave.toml", "image.archive"),
    ]);
    cases
}

/// An enclave with one measured page.
fn stream() -> Vec<u8> {
    let mut stream = create(0x2000);
    stream.extend_from_slice(&record(b"EADD\0\0\0\0", 0, 0x203));
    for chunk in 0..16 {
        stream.extend_from_slice(&record(b"EEXTEND\0", chunk * 256, 0));
        stream.extend_from_slice(&[7; 256]);
    }
    stream
}

fn create(size: u64) -> Vec<u8> {
    let mut record = b"ECREATE\0\x01\0\0\0".to_vec();
    record.extend_from_slice(&size.to_le_bytes());
    record.resize(64, 0);
    record
}

fn record(tag: &[u8; 8], offset: u64, flags: u64) -> Vec<u8> {
    let mut record = tag.to_vec();
    record.extend_from_slice(&offset.to_le_bytes());
    record.extend_from_slice(&flags.to_le_bytes());
    record.resize(64, 0);
    record
}

fn spoilt(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut stream = stream();
    stream[at..at + bytes.len()].copy_from_slice(bytes);
    stream
}
