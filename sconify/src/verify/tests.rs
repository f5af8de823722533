//! Images made by hand, damaged one by one.

use std::fs;
use std::path::PathBuf;

use sgx::sigstruct::{Date, Sigstruct};
use sgx::{Mrenclave, Mrsigner};
use tempfile::TempDir;

use super::*;
use crate::config::Config;
use crate::diff::sample::{Sample, key};
use crate::layout::Layout;
use crate::manifest::Manifest;
use crate::sign::{self, Flavour};
use crate::{Fault as _, image, package, stream};

struct Image {
    folder: TempDir,
}

impl Image {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Sample::new().write(folder.path(), Some(key()));
        Self { folder }
    }

    fn member(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sigstruct(&self) -> Sigstruct {
        Sigstruct::parse(&fs::read(self.member(&image::signature("sample"))).unwrap()).unwrap()
    }

    /// Signs it again, with another body.
    fn sign(&self, edit: impl FnOnce(&mut sgx::sigstruct::Body)) {
        let mut body = self.sigstruct().body();
        edit(&mut body);
        let signed = sign::sign(&body, key()).unwrap();
        fs::write(self.member(&image::signature("sample")), signed.as_bytes()).unwrap();
    }

    fn flip(&self, member: &str, at: usize) {
        let path = self.member(member);
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    }

    fn verify(&self, expected: &Expected) -> Verification {
        verify(self.folder.path(), expected, &Terminal::new(false, true)).unwrap()
    }

    fn failed(&self, expected: &Expected) -> Vec<&'static str> {
        match self.verify(expected).answer() {
            Ok(()) => Vec::new(),
            Err(Unverified(names)) => names,
        }
    }
}

#[test]
fn an_image_that_is_what_it_says() {
    let image = Image::new();
    let verification = image.verify(&Expected::default());
    assert_eq!(verification.answer(), Ok(()));
    let signer = crate::inspect::mrsigner(&image.sigstruct());
    let text = verification
        .to_string()
        .replace(&*image.folder.path().display().to_string(), "sample")
        .replace(&signer.to_string(), "sim:mrsigner:[signer]");
    insta::assert_snapshot!(text);
}

#[test]
fn expectations_are_compared() {
    let image = Image::new();
    let found = image.sigstruct().body().mrenclave;
    let signer = image.sigstruct().verify().unwrap().mrsigner();
    let expect = |mrenclave, mrsigner, release| Expected {
        mrenclave,
        mrsigner,
        release,
    };
    assert_eq!(
        image.failed(&expect(Some(found), Some(signer), true)),
        [""; 0]
    );
    assert_eq!(
        image.failed(&expect(
            Some(Mrenclave([7; 32])),
            Some(Mrsigner([7; 32])),
            true
        )),
        ["measurement", "signer"]
    );
}

#[test]
fn what_is_not_for_release_is_told() {
    let release = Expected {
        release: true,
        ..Expected::default()
    };
    let image = Image::new();
    image.sign(|body| body.date = Date::EPOCH);
    assert_eq!(image.failed(&release), ["release"]);
    let config = Config::parse(&Sample::new().config).unwrap();
    let mrenclave = image.sigstruct().body().mrenclave;
    let date = Date::new(2024, 2, 29).unwrap();
    image.sign(|body| *body = sign::body_of(&config, mrenclave, Flavour::Debug, date));
    assert_eq!(image.failed(&release), ["release"]);
    assert_eq!(image.failed(&Expected::default()), [""; 0]);
}

#[test]
fn a_stream_alone_has_no_signer_and_is_no_release() {
    let image = Image::new();
    let stream = image.member(&image::stream("sample"));
    let expected = Expected {
        mrsigner: Some(image.sigstruct().verify().unwrap().mrsigner()),
        release: true,
        ..Expected::default()
    };
    let verification = verify(&stream, &expected, &Terminal::new(false, true)).unwrap();
    assert_eq!(
        verification.answer(),
        Err(Unverified(vec!["signer", "release"]))
    );
}

#[test]
fn members_that_nothing_measures_are_told() {
    let image = Image::new();
    fs::write(image.member("beside"), "anything").unwrap();
    let verification = image.verify(&Expected::default());
    assert_eq!(verification.answer(), Ok(()));
    let told = "anything of beside: no part of the enclave".to_owned();
    assert!(verification.not_proved.contains(&told), "{verification}");
}

#[test]
fn each_damage_fails_its_check() {
    type Damage = fn(&Image);
    let cases: [(Damage, &[&str]); 9] = [
        (|image| image.flip("sample", 0x1000), &["program"]),
        (
            |image| fs::remove_file(image.member("sample")).unwrap(),
            &["program"],
        ),
        (
            |image| image.flip("enclave/sample.sig", 600),
            &["signature"],
        ),
        (
            |image| fs::remove_file(image.member("enclave/sample.sig")).unwrap(),
            &["signature"],
        ),
        (
            |image| image.sign(|body| body.mrenclave = Mrenclave([7; 32])),
            &["signature"],
        ),
        (
            |image| image.sign(|body| body.security_version += 1),
            &["attributes"],
        ),
        (
            |image| {
                let config = Sample::new().config.replace("64 KiB", "128 KiB");
                fs::write(image.member(image::CONFIG), config).unwrap();
            },
            &["parameters"],
        ),
        (
            |image| fs::write(image.member(image::PROVENANCE), "{}").unwrap(),
            &["members"],
        ),
        (
            |image| {
                fs::create_dir_all(image.member("files")).unwrap();
                fs::write(image.member("files/data"), "unmeasured").unwrap();
            },
            &["files"],
        ),
    ];
    for (number, (damage, failed)) in cases.into_iter().enumerate() {
        let image = Image::new();
        damage(&image);
        assert_eq!(image.failed(&Expected::default()), failed, "case {number}");
    }
}

#[test]
fn files_are_compared_with_what_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample {
        files: vec![("model", "weights")],
        ..Sample::new()
    };
    sample.write(folder.path(), Some(key()));
    let image = Image { folder };
    assert_eq!(image.failed(&Expected::default()), [""; 0]);
    image.flip("files/data/model", 0);
    assert_eq!(image.failed(&Expected::default()), ["files"]);
    image.flip("files/data/model", 0);
    image.flip(image::MANIFEST, 20);
    assert_eq!(image.failed(&Expected::default()), ["files"]);
}

/// Whoever makes an image can have its manifest say anything, and measure and sign that.
#[test]
fn a_manifest_that_says_what_is_not_so_is_told() {
    type Lie = fn(&mut Manifest);
    let lies: [Lie; 3] = [
        |manifest| manifest.entry += 1,
        |manifest| manifest.areas[0].length += 0x1000,
        |manifest| drop(manifest.areas.pop()),
    ];
    for lie in lies {
        let image = Image::new();
        let reading = Reading::open(image.folder.path()).unwrap();
        let (program, mut manifest) = (reading.program.unwrap(), reading.manifest.unwrap());
        lie(&mut manifest);
        let layout = Layout::again(&manifest, &program).unwrap();
        let mut sgxs = Vec::new();
        let measured = stream::write(&layout, &program, |piece| {
            sgxs.extend_from_slice(piece);
            Ok(())
        });
        let measured = measured.unwrap().mrenclave;
        fs::write(image.member(&image::stream("sample")), sgxs).unwrap();
        image.sign(|body| body.mrenclave = measured);
        assert_eq!(image.failed(&Expected::default()), ["layout"]);
    }
}

/// To measure a quarter of a tebibyte of zeros would take many minutes.
#[test]
fn a_manifest_that_asks_for_more_than_there_is_costs_nothing() {
    let image = Image::new();
    let reading = Reading::open(image.folder.path()).unwrap();
    let (program, mut manifest) = (reading.program.unwrap(), reading.manifest.unwrap());
    manifest.parameters.heap.size = 1 << 38;
    manifest.parameters.heap.measured = true;
    let layout = Layout::again(&manifest, &program).unwrap();
    let lie = areas_of(&mut manifest, &layout).to_pages();
    let path = image.member(&image::stream("sample"));
    let mut stream = fs::read(&path).unwrap();
    for (offset, chunk) in (program.end()..).step_by(256).zip(lie.chunks(256)) {
        let mut header = [&b"EEXTEND\0"[..], &offset.to_le_bytes()].concat();
        header.resize(64, 0);
        let at = stream.windows(64).position(|part| part == header).unwrap() + 64;
        stream[at..at + 256].copy_from_slice(chunk);
    }
    fs::write(path, stream).unwrap();
    let verification = image.verify(&Expected::default());
    let layout = verification
        .checks
        .iter()
        .find(|check| check.name == "layout");
    assert!(
        layout.unwrap().found.contains("and it has"),
        "{verification}"
    );
}

/// Has a manifest say of its areas what is so.
fn areas_of<'a>(manifest: &'a mut Manifest, layout: &Layout) -> &'a Manifest {
    let of = |kind: &str| layout.areas().iter().find(|area| area.kind.word() == kind);
    for record in &mut manifest.areas {
        match record.kind.as_str() {
            "thread" => record.offset = of("guard").unwrap().offset,
            "heap" => record.length = of("heap").unwrap().length,
            _ => {}
        }
    }
    manifest
}

/// It has the same measurement, since the bytes are not measured.
#[test]
fn bytes_that_are_loaded_and_not_measured_are_told() {
    let image = Image::new();
    let path = image.member(&image::stream("sample"));
    let mut stream = fs::read(&path).unwrap();
    // The last page is one of saved state, which is added and nothing more.
    let offset = stream[stream.len() - 56..][..8].to_vec();
    stream.extend_from_slice(b"UNMEASRD");
    stream.extend(offset);
    stream.extend([0; 48]);
    stream.extend([0x90; 256]);
    fs::write(path, stream).unwrap();
    assert_eq!(image.failed(&Expected::default()), ["layout"]);
}

#[test]
fn what_a_container_starts_instead_is_told() {
    let image = Image::new();
    let out = tempfile::tempdir().unwrap();
    let tar = out.path().join("tar");
    let mut plan = package::Plan::new(
        Some(image::open(image.folder.path()).unwrap()),
        None,
        "a:1".parse().unwrap(),
    );
    let told = |plan: &package::Plan| {
        package::write(plan, package::Destination::Archive(&tar), &mut |_| ()).unwrap();
        let verification = verify(&tar, &Expected::default(), &Terminal::new(false, true));
        let not_proved = verification.unwrap().not_proved;
        let mut starts = not_proved
            .into_iter()
            .filter(|one| one.contains("it starts"));
        starts.next()
    };
    assert_eq!(told(&plan), None);
    let program = out.path().join("other");
    fs::write(&program, Sample::new().program().0).unwrap();
    plan.program = Some(program);
    let started = told(&plan).unwrap();
    assert!(started.ends_with("it starts /other"), "{started}");
}

/// A byte of the stream that changes what is measured, and leaves the stream canonical.
#[test]
fn a_changed_stream_fails_several_checks() {
    let image = Image::new();
    let stream = image::stream("sample");
    // ECREATE and EADD, the header of EEXTEND, then the last page of the code's padding.
    let in_first_page = 64 + 64 + 64 + 0x90;
    image.flip(&stream, in_first_page);
    let failed = image.failed(&Expected::default());
    assert!(failed.contains(&"signature"), "{failed:?}");
    let verification = image.verify(&Expected::default());
    let text = verification.to_string();
    assert_eq!(text.matches("FAILED").count(), failed.len(), "{text}");
}

#[test]
fn pages_that_the_manifest_does_not_ask_for_are_told() {
    let image = Image::new();
    let path = image.member(&image::stream("sample"));
    let mut stream = fs::read(&path).unwrap();
    // One page more, readable and unmeasured, behind all others.
    let mut page = vec![0; 64];
    page[..4].copy_from_slice(b"EADD");
    page[8..16].copy_from_slice(&0x7_f000_u64.to_le_bytes());
    page[16..18].copy_from_slice(&[1, 2]);
    stream.extend(page);
    fs::write(path, stream).unwrap();
    let failed = image.failed(&Expected::default());
    assert_eq!(failed, ["layout", "signature"]);
}

#[test]
fn a_stream_that_is_not_canonical_is_no_image() {
    let image = Image::new();
    image.flip(&image::stream("sample"), 0);
    let terminal = Terminal::new(false, true);
    let error = verify(image.folder.path(), &Expected::default(), &terminal).unwrap_err();
    assert_eq!(
        (error.code(), error.exit()),
        ("sgxs.record", Exit::Unusable)
    );
}
