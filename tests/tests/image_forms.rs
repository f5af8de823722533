//! `sconce up --image`, with an image in each of its forms, and with what is none.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sconce_tests::command::sconce;
use sconce_tests::image;
use sconce_tests::platform::{sconce_program, worker_program};
use tempfile::TempDir;

/// A home folder, and what a test makes.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A whole platform that answers an order, with its messages.
    fn demo(&self, image: &Path) -> Output {
        let vault = image::vault().folder.to_str().unwrap();
        let image = image.to_str().unwrap();
        sconce(
            self.0.path(),
            &["demo", "--image", image, "--vault-image", vault],
        )
    }

    fn package(&self, options: &[&str]) {
        let output = Command::new(sconce_program())
            .args(["sconify", "package", "--to", "sconce/worker:test-debug"])
            .arg("--from")
            .arg(&image::worker().folder)
            .args(options)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn serves(output: &Output, said: &str) {
    assert!(output.status.success(), "{output:?}");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("Hello Mujtaba"), "{shown}");
    let told = stderr(output);
    assert!(told.contains(said), "{told}");
    assert!(told.contains("images for DEBUGGING"), "{told}");
}

#[test]
fn each_form_serves_and_its_measurement_is_said() {
    let place = Place::new();
    let measured = format!(
        "measured   {} (a debugger may look in)\nsigner     {}\nruns on    a simulated platform",
        image::worker().measurement(),
        image::worker().signer()
    );
    let (tar, layout) = (place.path("worker.tar"), place.path("layout"));
    place.package(&["-o", tar.to_str().unwrap()]);
    place.package(&["--layout", layout.to_str().unwrap()]);
    for form in [&image::worker().folder, &tar, &layout] {
        serves(&place.demo(form), &measured);
    }
}

#[test]
fn a_host_by_itself_launches_folders_alone() {
    let place = Place::new();
    let tar = place.path("worker.tar");
    place.package(&["-o", tar.to_str().unwrap()]);
    let platform = place.path("platform");
    let line = [
        "host",
        "--worker",
        "a",
        "--platform",
        platform.to_str().unwrap(),
        "--vault",
        "127.0.0.1:1",
        "--session",
        "avalon/a/g1",
    ];
    let with = |more: &[&str]| sconce(place.0.path(), &[&line, more].concat());
    let output = with(&["--image", tar.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        stderr(&output).contains("hosts launch folders"),
        "{output:?}"
    );
    for refused in [&["--program", "a"][..], &[]] {
        assert_eq!(with(refused).status.code(), Some(2));
    }
    assert!(!platform.exists(), "nothing was made");
}

#[test]
fn a_bare_program_gets_no_keys() {
    let output = Place::new().demo(worker_program());
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let told = stderr(&output);
    assert!(told.contains("a vault has no keys for it"), "{told}");
    assert!(output.stdout.is_empty(), "nothing was served");
}

#[test]
fn what_runs_is_what_was_measured_and_not_the_file_beside_it() {
    let place = Place::new();
    let copy = place.path("image");
    image::copy(&image::worker().folder, &copy);
    fs::write(copy.join("worker"), "#!/bin/sh\necho another program\n").unwrap();
    let output = place.demo(&copy);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = stderr(&output);
    assert!(told.contains("not what it says"), "{told}");
    assert!(told.contains("sconify verify"), "{told}");
    assert!(output.stdout.is_empty(), "nothing was served");
}

#[test]
fn a_changed_byte_is_another_measurement_that_nobody_signed() {
    let place = Place::new();
    let copy = place.path("image");
    image::copy(&image::worker().folder, &copy);
    let stream = copy.join("enclave/worker.sgxs");
    let mut bytes = fs::read(&stream).unwrap();
    // In the middle of the program.
    let at = bytes.len() / 4;
    bytes[at] ^= 1;
    fs::write(&stream, bytes).unwrap();
    let output = place.demo(&copy);
    assert!(matches!(output.status.code(), Some(1 | 2)), "{output:?}");
    assert!(output.stdout.is_empty(), "nothing was served");
}

#[test]
fn a_folder_that_is_no_image_is_refused() {
    let place = Place::new();
    let folder = place.path("folder");
    fs::create_dir(&folder).unwrap();
    let output = place.demo(&folder);
    assert!(stderr(&output).contains("image.form"), "{output:?}");
    assert!(!output.status.success());
}
