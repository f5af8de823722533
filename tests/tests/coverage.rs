//! What the worker's measurement covers, shown on its real image: every byte of every workload, and of
//! every class of pages that is called measured; and nothing that is called not measured.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;

use sconce_tests::image;
use sconify::diff::diff;
use sconify::inspect::{Class, Inspection, Measured, Purpose, inspect};
use sconify::reading::{Reading, Workload};
use sconify::symbols::Symbol;
use sgx::Mrenclave;

const PAGE: u64 = 4096;
const HEADER: usize = 64;
const CHUNK: usize = 256;

/// The worker's stream, and what is in it.
struct Stream {
    bytes: Vec<u8>,
    mrenclave: Mrenclave,
}

impl Stream {
    fn of_worker() -> Self {
        let built = image::worker();
        let bytes = fs::read(built.folder.join("enclave/worker.sgxs")).unwrap();
        let reading = read(&bytes);
        assert_eq!(reading.digest(), built.measurement());
        let mrenclave = reading.summary.mrenclave;
        Self { bytes, mrenclave }
    }

    /// Where the record of a page begins.
    fn page(&self, offset: u64) -> usize {
        let wanted = offset / PAGE * PAGE;
        let (at, _) = records(&self.bytes)
            .find(|(_, record)| record.starts_with(b"EADD") && offset_of(record) == wanted)
            .unwrap_or_else(|| panic!("no page at 0x{offset:x}"));
        at
    }

    /// Where a measured byte of the enclave stands.
    fn byte(&self, offset: u64) -> usize {
        let wanted = offset / CHUNK as u64 * CHUNK as u64;
        let (at, _) = records(&self.bytes)
            .find(|(_, record)| record.starts_with(b"EEXTEND") && offset_of(record) == wanted)
            .unwrap_or_else(|| panic!("no measured chunk at 0x{offset:x}"));
        at + HEADER + (offset - wanted) as usize
    }

    /// The stream with another byte there.
    fn flipped(&self, at: usize) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[at] ^= 0x10;
        bytes
    }

    fn assert_measured(&self, changed: &[u8], what: &str) {
        let found = read(changed).summary.mrenclave;
        assert_ne!(found, self.mrenclave, "{what} is not measured");
    }
}

fn read(stream: &[u8]) -> Reading {
    Reading::new("stream".to_owned(), stream, None).unwrap()
}

/// Where each record begins, and its bytes to the stream's end.
fn records(stream: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let record = stream.get(at..).filter(|rest| !rest.is_empty())?;
        let here = at;
        let has_data = record.starts_with(b"EEXTEND") || record.starts_with(b"UNMEASRD");
        at += HEADER + if has_data { CHUNK } else { 0 };
        Some((here, record))
    })
}

fn offset_of(record: &[u8]) -> u64 {
    u64::from_le_bytes(record[8..16].try_into().unwrap())
}

/// The worker's symbol that is this workload's function.
fn function<'a>(reading: &'a Reading, workload: &Workload) -> &'a Symbol {
    let (_, module) = workload.module.split_once("::").unwrap();
    let name = format!("{module}::{}", workload.function);
    let symbols = &reading.beside.as_ref().unwrap().symbols;
    let mut found = symbols.all().iter().filter(|symbol| {
        symbol
            .name
            .strip_suffix(&name)
            .is_some_and(|rest| rest.ends_with("::"))
    });
    let symbol = found.next();
    symbol.unwrap_or_else(|| panic!("no symbol is {name}: was it inlined away?"))
}

/// Writes the worker's image with another stream into a folder.
fn image_with(stream: &[u8], folder: &Path) {
    image::copy(&image::worker().folder, folder);
    fs::write(folder.join("enclave/worker.sgxs"), stream).unwrap();
}

#[test]
fn every_workload_is_measured_and_its_change_is_named() {
    let stream = Stream::of_worker();
    let built = image::worker();
    let reading = Reading::open(&built.folder).unwrap();
    let workloads = reading.workloads.clone().unwrap();
    assert!(workloads.len() >= 3);
    for workload in &workloads {
        let symbol = function(&reading, workload);
        for offset in [
            symbol.offset,
            symbol.offset + symbol.size / 2,
            symbol.end() - 1,
        ] {
            let changed = stream.flipped(stream.byte(offset));
            stream.assert_measured(&changed, &workload.id);
        }
        let folder = tempfile::tempdir().unwrap();
        let changed = stream.flipped(stream.byte(symbol.offset + symbol.size / 2));
        image_with(&changed, folder.path());
        let comparison = diff(&built.folder, folder.path()).unwrap();
        let symbols = comparison.symbols.as_ref().unwrap();
        let names: Vec<_> = symbols.changed.iter().map(|one| &one.name).collect();
        assert_eq!(names, [&symbol.name], "{comparison}");
        let told = format!("{} [workload {}]", symbol.name, workload.id);
        assert!(comparison.to_string().contains(&told), "{comparison}");
    }
}

#[test]
fn the_table_of_workloads_is_measured() {
    let stream = Stream::of_worker();
    let table = read(&stream.bytes).manifest.unwrap().table.unwrap();
    for offset in [table.offset, table.offset + table.length - 1] {
        let changed = stream.flipped(stream.byte(offset));
        stream.assert_measured(&changed, "the table");
        let inspection = Inspection::of(&read(&changed));
        assert!(inspection.workloads.is_none() && inspection.notes.len() == 1);
    }
}

#[test]
fn every_measured_class_is_measured() {
    let stream = Stream::of_worker();
    let inspection = Inspection::of(&read(&stream.bytes));
    let of = |measured| {
        let classes = inspection.classes.iter();
        classes.filter(move |class: &&Class| class.measured == measured)
    };
    let purposes = [
        Purpose::Program,
        Purpose::Manifest,
        Purpose::Tls,
        Purpose::Tcs,
    ];
    for purpose in purposes {
        assert!(
            of(Measured::Bytes).any(|class| class.purpose == purpose),
            "{purpose:?}"
        );
    }
    for class in of(Measured::Bytes) {
        let what = format!(
            "a byte of {} at 0x{:x}",
            class.purpose.words(),
            class.offset
        );
        for offset in [class.offset, class.offset + PAGE - 1] {
            let changed = stream.flipped(stream.byte(offset));
            stream.assert_measured(&changed, &what);
        }
    }
    // Of the rest, where it is and what it permits: bit 2 of the flags is execution.
    let purposes = [Purpose::Heap, Purpose::Stack, Purpose::Ssa];
    for purpose in purposes {
        assert!(
            of(Measured::Place).any(|class| class.purpose == purpose),
            "{purpose:?}"
        );
    }
    for class in of(Measured::Place).chain(of(Measured::Bytes)) {
        let what = format!("{} at 0x{:x}", class.purpose.words(), class.offset);
        let at = stream.page(class.offset);
        if class.purpose != Purpose::Tcs {
            let mut changed = stream.bytes.clone();
            changed[at + 16] ^= 4;
            stream.assert_measured(&changed, &format!("permissions of {what}"));
        }
        if class.measured == Measured::Place {
            let mut changed = stream.bytes.clone();
            changed.drain(at..at + HEADER);
            stream.assert_measured(&changed, &format!("the presence of {what}"));
        }
    }
}

#[test]
fn the_parameters_of_the_enclave_are_measured() {
    let stream = Stream::of_worker();
    // ECREATE: SSAFRAMESIZE at 8, SIZE at 12.
    let mut changed = stream.bytes.clone();
    changed[8] += 1;
    stream.assert_measured(&changed, "SSAFRAMESIZE");
    let mut changed = stream.bytes.clone();
    let size = u64::from_le_bytes(changed[12..20].try_into().unwrap());
    changed[12..20].copy_from_slice(&(size * 2).to_le_bytes());
    stream.assert_measured(&changed, "SIZE");
}

#[test]
fn every_unmeasured_class_is_not_measured_and_is_told() {
    let stream = Stream::of_worker();
    let inspection = Inspection::of(&read(&stream.bytes));
    let text = inspection.to_string();
    let (_, unmeasured) = text
        .split_once("The host chooses what these pages hold")
        .unwrap();
    for class in &inspection.classes {
        if class.measured != Measured::Place {
            continue;
        }
        // What the host loads into the page, as a stream says it.
        let mut load = vec![0; HEADER];
        load[..8].copy_from_slice(b"UNMEASRD");
        load[8..16].copy_from_slice(&class.offset.to_le_bytes());
        load.extend([0xbd; CHUNK]);
        let at = stream.page(class.offset) + HEADER;
        let mut changed = stream.bytes.clone();
        changed.splice(at..at, load);
        let reading = read(&changed);
        let what = class.purpose.words();
        assert_eq!(reading.summary.mrenclave, stream.mrenclave, "{what}");
        assert!(unmeasured.contains(what), "{what} is not told:\n{text}");
    }
}

#[test]
fn what_stands_beside_the_stream_is_not_measured_and_is_told() {
    let built = image::worker();
    let original = inspect(&built.folder).unwrap();
    let text = original.to_string();
    let (_, unmeasured) = text.split_once("\nNot measured").unwrap();
    let unmeasured = unmeasured.replace("\n    ", " ");
    for member in [
        "symbols",
        "provenance.json",
        "gramine.manifest.toml",
        "scone.session.yaml",
    ] {
        let member = format!("enclave/{member}");
        let folder = tempfile::tempdir().unwrap();
        image::copy(&built.folder, folder.path());
        fs::write(folder.path().join(&member), "another").unwrap();
        let changed = inspect(folder.path()).unwrap();
        assert_eq!(changed.mrenclave, original.mrenclave, "{member}");
        assert!(
            unmeasured.contains(&member),
            "{member} is not told:\n{text}"
        );
    }
    // The signature, and with it DEBUG.
    let folder = tempfile::tempdir().unwrap();
    image::copy(&built.folder, folder.path());
    fs::remove_file(folder.path().join("enclave/worker.sig")).unwrap();
    let unsigned = inspect(folder.path()).unwrap();
    assert_eq!(unsigned.mrenclave, original.mrenclave);
    assert!(unmeasured.contains("ATTRIBUTES (DEBUG too)"), "{text}");
}
