//! Packages of the worker's image, seen by those who did not write them: skopeo, umoci and compose.

mod compose;
mod containers;
mod sconify_sh;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sconce_tests::image::{copy, worker};
use sconce_tests::platform::sconce_program;
use sconce_tests::skipped::skipped;
use sconify::image;
use serde_json::Value;

const NAME: &str = "sconce/worker:0.1.0-debug";

#[test]
fn a_package_is_the_same_bytes_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let first = package(&worker().folder, "-o", &path("first.tar"));
    println!("manifest {}", first["manifest"].as_str().unwrap());

    // Another place, other times, a folder's entries in another order, and what may not matter.
    copy(&worker().folder, &path("image"));
    let renamed = path("image/enclave/renamed");
    for entry in fs::read_dir(path("image/enclave")).unwrap() {
        let file = entry.unwrap().path();
        fs::rename(&file, &renamed).unwrap();
        fs::rename(&renamed, &file).unwrap();
    }
    let other = path("image/enclave/enclave.toml");
    fs::set_permissions(other, fs::Permissions::from_mode(0o600)).unwrap();
    let sconce = sconce_program().to_str().unwrap();
    let line = format!(
        "umask 077; exec {sconce} sconify --json package --from ../image --to {NAME} -o ../second.tar"
    );
    fs::create_dir(path("elsewhere")).unwrap();
    let output = Command::new("sh")
        .args(["-c", &line])
        .current_dir(path("elsewhere"))
        .envs([("TZ", "Asia/Tokyo"), ("LANG", "C"), ("HOME", "/nowhere")])
        .output()
        .unwrap();
    assert_eq!(json(&output)["manifest"], first["manifest"]);
    let read = |name: &str| fs::read(path(name)).unwrap();
    assert!(read("first.tar") == read("second.tar"), "the tars differ");

    let layout = package(&path("first.tar"), "--layout", &path("layout"));
    assert_eq!(layout["manifest"], first["manifest"]);
    let back = package(&path("layout"), "-o", &path("third.tar"));
    assert_eq!(back["layer"], first["layer"]);
    assert!(read("first.tar") == read("third.tar"), "the tars differ");
}

#[test]
fn skopeo_copies_a_package_without_a_change() {
    let Some(folder) = packaged_for("skopeo") else {
        return;
    };
    let path = |name: &str| folder.path().join(name);
    let tar = path("worker.tar").to_str().unwrap().to_owned();
    let place = |form: &str, name: &str| format!("{form}:{}", path(name).to_str().unwrap());
    let inspected = json(&run("skopeo", &["inspect", &format!("oci-archive:{tar}")]));
    let labels = &inspected["Labels"];
    let measurement = worker().measurement().to_string();
    assert_eq!(labels["sconce.measurement"], measurement);
    assert_eq!(labels["sconce.flavour"], "debug");

    let there = place("oci", "copy") + ":x";
    let from = format!("oci-archive:{tar}");
    run("skopeo", &["copy", "--preserve-digests", &from, &there]);
    let ours = image::open(&path("worker.tar")).unwrap();
    let theirs = image::open(&path("copy")).unwrap();
    let digest = |image: &image::Image| image.package().unwrap().manifest;
    assert_eq!(digest(&theirs), digest(&ours));

    // As docker reads it, and as it was saved before docker wrote image layouts.
    let saved = place("docker-archive", "saved.tar") + ":a/b:c";
    let from = format!("docker-archive:{tar}:{NAME}");
    run("skopeo", &["copy", &from, &saved]);
    let saved = image::open(&path("saved.tar")).unwrap();
    assert_eq!(saved.form(), image::Form::DockerArchive);
    let layer = |image: &image::Image| image.package().unwrap().layer;
    assert_eq!(layer(&saved), layer(&ours));

    // Registries compress; that is refused, and said.
    run(
        "skopeo",
        &["copy", &from, &(place("oci", "compressed") + ":x")],
    );
    let refused = sconify(&["inspect", path("compressed").to_str().unwrap()]);
    assert_refused(&refused, "image.layout");
}

#[test]
fn umoci_unpacks_what_was_packaged() {
    let Some(folder) = packaged_for("umoci") else {
        return;
    };
    let root = unpack(folder.path());
    let image = image::open(&worker().folder).unwrap();
    let unpacked = image::open(&root).unwrap();
    assert!(
        image
            .members()
            .map(|(name, _)| name)
            .eq(unpacked.members().map(|(name, _)| name))
    );
    for (name, _) in image.members() {
        let read = |image: &image::Image| image.read(name, u64::MAX).unwrap();
        assert!(read(&image) == read(&unpacked), "{name} differs");
    }
    let output = Command::new(root.join("worker"))
        .arg("--list")
        .env_clear()
        .output()
        .unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && listed.contains("python-hello"),
        "{listed}"
    );
}

#[test]
fn a_flipped_byte_is_refused_by_all() {
    let Some(folder) = packaged_for("skopeo") else {
        return;
    };
    let layout = folder.path().join("layout");
    package(&folder.path().join("worker.tar"), "--layout", &layout);
    let blobs = fs::read_dir(layout.join("blobs/sha256")).unwrap();
    let blobs: Vec<_> = blobs.map(|blob| blob.unwrap().path()).collect();
    assert_eq!(blobs.len(), 3);
    for blob in blobs {
        let good = fs::read(&blob).unwrap();
        let mut bad = good.clone();
        bad[good.len() / 2] ^= 1;
        fs::write(&blob, &bad).unwrap();
        let place = layout.to_str().unwrap();
        assert_refused(&sconify(&["inspect", place]), "image.digest");
        // skopeo does not compare a manifest with the index of a layout.
        if !good.starts_with(b"{\"annotations\"") {
            let to = tempfile::tempdir().unwrap();
            let to = format!("dir:{}", to.path().to_str().unwrap());
            let copy = ["copy", &format!("oci:{place}"), &to];
            let copied = Command::new("skopeo").args(copy).output().unwrap();
            assert!(!copied.status.success(), "skopeo took {blob:?}");
        }
        fs::write(&blob, &good).unwrap();
    }
    let whole = sconify(&["inspect", layout.to_str().unwrap()]);
    assert!(whole.status.success(), "{whole:?}");
}

/// A folder with the worker's package in `worker.tar`; nothing, and a word about it, where `tool` is
/// not installed.
fn packaged_for(tool: &str) -> Option<tempfile::TempDir> {
    if !is_installed(tool) {
        skipped("packages", &format!("{tool} is not installed"));
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    package(&worker().folder, "-o", &folder.path().join("worker.tar"));
    Some(folder)
}

fn is_installed(tool: &str) -> bool {
    let mut command = Command::new(tool);
    command.arg("--version").stdout(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Unpacks `worker.tar` of a folder with umoci, as whoever runs this, and says where.
fn unpack(folder: &Path) -> PathBuf {
    let layout = folder.join("layout");
    package(&folder.join("worker.tar"), "--layout", &layout);
    let bundle = folder.join("bundle");
    let image = format!("{}:0.1.0-debug", layout.to_str().unwrap());
    let unpack = ["unpack", "--rootless", "--image", &image];
    run(
        "umoci",
        &[&unpack[..], &[bundle.to_str().unwrap()]].concat(),
    );
    bundle.join("rootfs")
}

/// Packages an image under [`NAME`], and says what the command says.
fn package(from: &Path, option: &str, to: &Path) -> Value {
    let [from, to] = [from, to].map(|path| path.to_str().unwrap());
    json(&sconify(&[
        "--json", "package", "--from", from, "--to", NAME, option, to,
    ]))
}

fn sconify(arguments: &[&str]) -> Output {
    let mut command = Command::new(sconce_program());
    command.arg("sconify").args(arguments);
    command.env_remove("SOURCE_DATE_EPOCH").output().unwrap()
}

fn assert_refused(output: &Output, code: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with(&format!("error[{code}]: ")), "{said}");
}

/// Runs a tool that has to succeed.
fn run(tool: &str, arguments: &[&str]) -> Output {
    let output = Command::new(tool).args(arguments).output().unwrap();
    assert!(output.status.success(), "{tool} {arguments:?}: {output:?}");
    output
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}
