//! `sconify gramine` and `sconify scone`, from the command line.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sconce_sconify::gramine::Manifest;
use sconce_sconify::scone::Session;
use tempfile::TempDir;

/// A folder with an image: the commands look at parameters, program and files, and at no page.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("image/worker", "a program");
        place.write("image/enclave/worker.sgxs", "");
        place.write(
            "image/enclave/enclave.toml",
            "name = \"worker\"\nproduct_id = 7\nsecurity_version = 3\nheap = { size = \"1 MiB\" }\n\
             threads = { count = 2, stack = \"1 MiB\" }\n",
        );
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn sconify(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_sconify"))
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .unwrap()
    }

    /// Status, standard output and standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.sconify(arguments);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }
}

fn printed(enclave: &str, product: u16, debug: bool) -> String {
    let digest = |pair: &str| pair.repeat(32);
    format!(
        "{{\"mr_signer\": \"{}\", \"mr_enclave\": \"{}\", \"isv_prod_id\": {product}, \
         \"isv_svn\": 3, \"debug_enclave\": {debug}}}\n",
        digest("cd"),
        digest(enclave)
    )
}

#[test]
fn a_manifest_pins_the_program() {
    let place = Place::new();
    let (status, said, _) =
        place.run(&["gramine", "image", "-o", "worker.manifest", "--", "--list"]);
    assert_eq!(status, 0);
    assert!(
        said.contains("gramine:mrenclave: not computed here"),
        "{said}"
    );
    let manifest = Manifest::parse(&place.read("worker.manifest")).unwrap();
    let arguments = manifest.loader.argv.clone().unwrap();
    assert_eq!(arguments, ["/worker", "--list"]);
    assert_eq!(
        (manifest.sgx.isvprodid, manifest.sgx.isvsvn),
        (Some(7), Some(3))
    );
    let pinned = |manifest: &Manifest| manifest.sgx.trusted_files[0].sha256.unwrap().to_string();
    let sum = Command::new("sha256sum")
        .arg(place.path("image/worker"))
        .output()
        .unwrap();
    assert!(
        String::from_utf8(sum.stdout)
            .unwrap()
            .starts_with(&pinned(&manifest))
    );

    place.write("image/worker", "another program");
    let (status, text, _) = place.run(&["gramine", "image"]);
    assert_eq!(status, 0);
    assert_ne!(pinned(&Manifest::parse(&text).unwrap()), pinned(&manifest));
}

#[test]
fn a_measurement_of_gramine_is_only_ever_given() {
    let place = Place::new();
    place.write("view.json", &printed("ab", 7, false));
    let (status, said, _) = place.run(&[
        "gramine",
        "image",
        "--sigstruct-view",
        "view.json",
        "-o",
        "m",
    ]);
    assert_eq!(status, 0);
    let digest = format!("gramine:mrenclave:{}", "ab".repeat(32));
    assert!(said.contains(&digest), "{said}");
    assert!(!said.contains("sim:"), "{said}");

    for (view, code, status) in [
        (printed("ab", 8, false), "gramine.measurement", 1),
        (printed("ab", 7, true), "gramine.measurement", 1),
        (printed("a", 7, false), "gramine.measurement", 2),
        (
            "Attributes:\n    mr_enclave: ab\n".to_owned(),
            "gramine.measurement",
            2,
        ),
    ] {
        place.write("view.json", &view);
        let arguments = [
            "gramine",
            "image",
            "--sigstruct-view",
            "view.json",
            "-o",
            "refused",
        ];
        let (found, _, error) = place.run(&arguments);
        assert_eq!(found, status, "{view}");
        assert!(error.starts_with(&format!("error[{code}]: ")), "{error}");
        assert!(!place.path("refused").exists());
    }
}

#[test]
fn a_release_gives_nothing_up() {
    let place = Place::new();
    place.run(&["gramine", "image", "-o", "m"]);
    let weak = place.read("m").replace("debug = false", "debug = true");
    place.write("m", &weak);
    assert_eq!(place.run(&["gramine", "--check", "m"]).0, 0);
    let (status, _, error) = place.run(&["gramine", "--check", "m", "--release"]);
    assert_eq!(status, 1);
    assert!(error.starts_with("error[gramine.release]: m "), "{error}");

    // Nobody has measured this image.
    let (status, _, warning) = place.run(&["gramine", "image", "-o", "m"]);
    assert_eq!(status, 0);
    assert!(warning.contains("not what was measured"), "{warning}");
    let (status, _, _) = place.run(&["gramine", "image", "--release", "-o", "refused"]);
    assert_eq!(status, 2);
    assert!(!place.path("refused").exists());

    let (status, _, error) = place.run(&["scone", "image", "--release", "-o", "s"]);
    assert_eq!(status, 1);
    assert!(error.starts_with("error[scone.release]: "), "{error}");
    assert!(!place.path("s").exists());
}

#[test]
fn a_session_names_what_scone_printed() {
    let place = Place::new();
    let (status, said, _) = place.run(&["scone", "image", "-o", "s"]);
    assert_eq!(status, 0);
    assert!(
        said.contains("scone:mrenclave: not computed here"),
        "{said}"
    );
    assert_eq!(Session::parse(&place.read("s")).unwrap().gaps().len(), 1);

    let digits = "ab".repeat(32);
    place.write("hash.txt", &format!("{digits}\n"));
    let arguments = [
        "scone",
        "image",
        "--scone-hash-file",
        "hash.txt",
        "--name",
        "ours/worker",
        "--env",
        "RUST_LOG=warn",
        "--release",
        "-o",
        "s",
        "--",
        "--list",
    ];
    let (status, said, _) = place.run(&arguments);
    assert_eq!(status, 0);
    assert!(
        said.contains(&format!("scone:mrenclave:{digits}")),
        "{said}"
    );
    let session = Session::parse(&place.read("s")).unwrap();
    assert_eq!(session.name, "ours/worker");
    assert_eq!(session.services[0].environment["RUST_LOG"], "warn");
    assert_eq!((session.gaps(), session.concessions()), (vec![], vec![]));

    let arguments_of = |options: &[&str]| {
        let (status, text, _) = place.run(&[&["scone", "image"], options].concat());
        assert_eq!(status, 0, "{options:?}");
        let session = Session::parse(&text).unwrap();
        let command = session.services[0].command.clone().unwrap();
        (session.name, command.0.as_slice().join(","))
    };
    assert_eq!(
        arguments_of(&["--namespace", "ours", "--command", "/worker --list"]),
        ("ours/worker".to_owned(), "/worker,--list".to_owned())
    );

    place.write("hash.txt", "SCONE_HASH is not known\n");
    let (status, _, error) = place.run(&arguments);
    assert_eq!(status, 2);
    assert!(
        error.starts_with("error[scone.measurement]: hash.txt: line 1"),
        "{error}"
    );
}

#[test]
fn what_is_wrong_is_said_in_a_line() {
    let place = Place::new();
    place.write(
        "bad.toml",
        "libos.entrypoint = \"/a\"\nfs.mounts = []\nsgx.enclave_sise = \"1G\"\n",
    );
    place.write("bad.yaml", "name: a\nservices:\n  - nam: b\n");
    place.write(
        "secret.yaml",
        "name: a\nservices: [{name: b, fspf_key: hunter2}]\n",
    );
    for (arguments, start) in [
        (
            ["gramine", "--check", "bad.toml"],
            "error[gramine.manifest]: bad.toml: line 3, column 5: ",
        ),
        (
            ["gramine", "--check", "none"],
            "error[file.io]: cannot read none: ",
        ),
        (
            ["scone", "--check", "bad.yaml"],
            "error[scone.session]: bad.yaml: line 3, column 5: ",
        ),
        (
            ["scone", "--check", "secret.yaml"],
            "error[scone.session]: secret.yaml: line 2, column ",
        ),
    ] {
        let (status, _, error) = place.run(&arguments);
        assert_eq!(status, 2, "{arguments:?}");
        assert!(error.starts_with(start), "{error}");
        assert!(
            error.lines().count() <= 2 && !error.contains("hunter2"),
            "{error}"
        );
    }
    for arguments in [
        &["gramine"][..],
        &["gramine", "image", "--check", "m"],
        &["scone", "--check", "s", "--name", "a"],
        &["scone", "image", "--env", "A"],
        &["scone", "image", "--name", "a b"],
        &["scone", "image", "--command", ""],
        &["scone", "image", "--command", "/a", "--", "b"],
    ] {
        assert_eq!(
            place.sconify(arguments).status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
    assert_eq!(fs::read_dir(Path::new(place.0.path())).unwrap().count(), 4);
}
