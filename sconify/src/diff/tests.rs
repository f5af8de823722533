//! Comparisons of images made by hand.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::sample::Part::{Bytes, Call};
use super::sample::Sample;
use super::*;
use crate::image;

struct Images(TempDir);

impl Images {
    /// Two images that differ by what `edit` does to the second.
    fn new(edit: impl FnOnce(&mut Sample)) -> Self {
        let images = Self(tempfile::tempdir().unwrap());
        let mut sample = Sample::new();
        sample.write(&images.first(), None);
        edit(&mut sample);
        sample.write(&images.second(), None);
        images
    }

    fn first(&self) -> PathBuf {
        self.0.path().join("first")
    }

    fn second(&self) -> PathBuf {
        self.0.path().join("second")
    }

    fn compare(&self) -> Comparison {
        diff(&self.first(), &self.second()).unwrap()
    }

    /// The text, without the folder's name, which is another one each time.
    fn text(&self) -> String {
        self.compare()
            .to_string()
            .replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn causes(comparison: &Comparison) -> Vec<CauseSort> {
    comparison.causes.iter().map(|cause| cause.sort).collect()
}

fn change_bytes(path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    edit(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn nothing_differs() {
    let images = Images::new(|_| ());
    assert_eq!(images.compare().answer(), Ok(()));
    insta::assert_snapshot!(images.text());
}

#[test]
fn a_function_grew() {
    let images = Images::new(|sample| {
        sample.functions[1].1.push(Bytes(&[0x90; 40]));
        let files = sample.provenance.as_mut().map(|one| &mut one.sources.files);
        files
            .unwrap()
            .insert("sample/src/main.rs".into(), "5e5e".into());
    });
    assert!(images.compare().answer().is_err());
    insta::assert_snapshot!(images.text());
}

#[test]
fn a_constant_changed_and_a_function_is_new() {
    let images = Images::new(|sample| {
        sample.functions[1].1 = vec![Bytes(b"\xb8\x07\0\0\0\xc3")];
        sample
            .functions
            .push(("sample::new", vec![Call(0), Bytes(b"\xc3")]));
        sample.provenance = None;
    });
    insta::assert_snapshot!(images.text());
}

#[test]
fn other_parameters() {
    let images = Images::new(|sample| {
        sample.config = sample
            .config
            .replace("64 KiB", "1 MiB")
            .replace("count = 2", "count = 3");
    });
    assert_eq!(causes(&images.compare()), [CauseSort::Parameters]);
    insta::assert_snapshot!(images.text());
}

#[test]
fn other_tools_and_packages() {
    let images = Images::new(|sample| {
        sample.functions[3].1.push(Bytes(&[0x90; 3]));
        let provenance = sample.provenance.as_mut().unwrap();
        provenance.toolchain.rustc = "1.96.0".into();
        provenance
            .toolchain
            .parts
            .insert("libc.a".into(), "1d1d".into());
        provenance.packages[0].version = "0.17.15".into();
        provenance.packages[1].features.clear();
        provenance.flags.push("rustc -C opt-level=2".into());
        provenance.program.sha256 = "6b6b".into();
    });
    let sorts = [
        CauseSort::Toolchain,
        CauseSort::Dependency,
        CauseSort::Flags,
    ];
    assert_eq!(causes(&images.compare()), sorts);
    insta::assert_snapshot!(images.text());
}

#[test]
fn the_place_and_the_time_of_the_build() {
    let first = Sample {
        text: "all is well\0/home/ann/code/sample/src/main.rs\0built 2026-11-20 13:36:02\0",
        ..Sample::new()
    };
    let second = Sample {
        text: "all is well\0/build/sample/src/main.rs\0built 2026-11-21 08:00:59\0",
        ..Sample::new()
    };
    let images = Images(tempfile::tempdir().unwrap());
    first.write(&images.first(), None);
    second.write(&images.second(), None);
    let sorts = [CauseSort::BuildPath, CauseSort::BuildTime];
    assert_eq!(causes(&images.compare()), sorts);
    insta::assert_snapshot!(images.text());
}

#[test]
fn a_program_that_was_changed_after_its_build() {
    let images = Images::new(|sample| sample.functions[3].1 = vec![Bytes(b"\x31\xdb\xc3")]);
    assert_eq!(causes(&images.compare()), [CauseSort::Tampering]);
}

#[test]
fn a_build_that_is_not_reproducible() {
    let images = Images::new(|sample| {
        sample.functions[3].1 = vec![Bytes(b"\x31\xdb\xc3")];
        sample.provenance.as_mut().unwrap().program.sha256 = "6b6b".into();
    });
    assert_eq!(causes(&images.compare()), [CauseSort::Unknown]);
}

#[test]
fn what_is_not_measured_differs() {
    let images = Images::new(|_| ());
    change_bytes(&images.second().join(image::SYMBOLS), |bytes| {
        bytes.truncate(0)
    });
    change_bytes(&images.second().join("sample"), |bytes| bytes[0x1000] ^= 1);
    fs::write(images.second().join(image::SCONE), "name: sample\n").unwrap();
    let comparison = images.compare();
    assert!(comparison.same_measurement && !comparison.identical);
    insta::assert_snapshot!(images.text());
}

#[test]
fn other_files() {
    let first = Sample {
        files: vec![("model", "weights"), ("old", "goes")],
        ..Sample::new()
    };
    let second = Sample {
        files: vec![("model", "weighty"), ("new", "comes")],
        ..Sample::new()
    };
    let images = Images(tempfile::tempdir().unwrap());
    first.write(&images.first(), None);
    second.write(&images.second(), None);
    assert_eq!(causes(&images.compare()), [CauseSort::Files]);
    insta::assert_snapshot!(images.text());
}

#[test]
fn streams_alone_are_compared() {
    let images = Images::new(|sample| sample.functions[1].1 = vec![Bytes(b"\xb8\x07\0\0\0\xc3")]);
    let stream = |folder: PathBuf| folder.join(image::stream("sample"));
    let comparison = diff(&stream(images.first()), &stream(images.second())).unwrap();
    let text = comparison.to_string();
    let text = text.replace(&format!("{}/", images.0.path().display()), "");
    insta::assert_snapshot!(text);
}

#[test]
fn the_json_has_everything() {
    let images = Images::new(|sample| sample.functions[1].1.push(Bytes(&[0x90; 40])));
    let value = serde_json::to_value(images.compare()).unwrap();
    assert_eq!(value["same_measurement"], false);
    assert_eq!(value["symbols"]["resized"][0]["name"], "sample::none");
    assert_eq!(value["pages"][0]["purpose"], "program");
    assert_eq!(value["pages"][0]["way"]["way"], "content");
}
