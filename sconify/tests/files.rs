//! `sconify files` and `sconify iexec`, from the command line, on an image with files of every kind.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use clap::Parser;
use sconce_sconify::elf::sample;
use sconce_sconify::files::Options;
use sconce_sconify::terminal::Terminal;
use serde_json::Value;
use tempfile::TempDir;

const CONFIG: &str = "name = \"sample\"\nproduct_id = 1\nsecurity_version = 1\n\
    heap = { size = \"1 MiB\" }\nthreads = { count = 2, stack = \"64 KiB\" }\n";

const IEXEC: &str = "{\n  \"app\": {\n    \"name\": \"test\",\n    \"mrenclave\": \"\"\n  }\n}\n";

/// Files as `sconify build` takes them.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    files: Options,
}

/// A folder with an image, `image`, and its key, `fs.key`.
struct Place(TempDir);

impl Place {
    fn new(encrypted: bool) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("app/run.py", "print()");
        place.write("secret/pw", "a secret");
        place.write("fs.key", &"42".repeat(32));
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(place.path("fs.key"), private).unwrap();
        place.write("program", "");
        fs::write(place.path("program"), sample::program(5000)).unwrap();
        place.write("enclave.toml", CONFIG);
        place.write("iexec.json", IEXEC);
        let mut line = vec![
            "line".to_owned(),
            format!("--fs-dir={}:/app", place.path("app").display()),
            "--host-path=/etc/resolv.conf".to_owned(),
        ];
        if encrypted {
            let secret = place.path("secret");
            line.push(format!("--dir={}:/etc/secret", secret.display()));
            line.push(format!("--fs-key={}", place.path("fs.key").display()));
        }
        let terminal = Terminal::new(false, true);
        let plan = Line::parse_from(line).files.plan(&terminal).unwrap();
        plan.write_to(&place.path("image"), &terminal).unwrap();
        let digest = plan.digest().unwrap().to_string();
        place.done(&[
            "measure",
            "--program=program",
            "--config=enclave.toml",
            &format!("--files={digest}"),
            "--out=image/enclave/sample.sgxs",
        ]);
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

    /// Status, standard output and standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_sconify"))
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let status = output.status.code().unwrap();
        (status, text(output.stdout), text(output.stderr))
    }

    fn done(&self, arguments: &[&str]) -> String {
        let (status, out, said) = self.run(arguments);
        assert_eq!(status, 0, "{said}");
        out
    }

    /// What is said in the first line of a refusal.
    fn refused(&self, arguments: &[&str], status: i32) -> String {
        let (found, _, said) = self.run(arguments);
        assert_eq!(found, status, "{said}");
        said.lines().next().unwrap().to_owned()
    }

    fn measurement(&self) -> String {
        let found = self.done(&["measure", "image/enclave/sample.sgxs", "--json"]);
        let found: Value = serde_json::from_str(&found).unwrap();
        let digest = found["mrenclave"].as_str().unwrap();
        digest.strip_prefix("sim:mrenclave:").unwrap().to_owned()
    }
}

#[test]
fn what_is_listed_is_what_was_named() {
    let place = Place::new(true);
    insta::assert_snapshot!(place.done(&["files", "list", "image"]), @r#"
    manifest digest  d2762fa765d0c2741ed15c582bd1275d5b3fbc9b31e9ed30addc6b7d828d1279

    region  authenticated            -  /app
    region  none                     -  /etc/resolv.conf: the host decides what is there
    region  encrypted                -  /etc/secret
    folder  authenticated            -  /app
    file    authenticated            7  /app/run.py
    folder  encrypted                -  /etc/secret
    file    encrypted                8  /etc/secret/pw
    "#);
    let listed = place.done(&["files", "list", "image", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["entries"][1]["path"], "/app/run.py");
    assert_eq!(listed["entries"][1]["size"], 7);
}

#[test]
fn a_changed_file_is_told_and_not_extracted() {
    let place = Place::new(true);
    insta::assert_snapshot!(place.done(&["files", "verify", "image"]), @r#"
    verified     2 (31 bytes)
    different    0
    unprotected  0
    "#);
    let extract = ["files", "extract", "image", "--to=out", "--fs-key=fs.key"];
    place.done(&extract);
    assert_eq!(place.read("out/app/run.py"), "print()");
    assert_eq!(place.read("out/etc/secret/pw"), "a secret");
    fs::remove_dir_all(place.path("out")).unwrap();

    place.write("image/files/app/run.py", "hacked!");
    let (status, out, said) = place.run(&["files", "verify", "image"]);
    assert_eq!(status, 1);
    assert!(
        out.starts_with("files/app/run.py holds something else"),
        "{out}"
    );
    assert!(
        said.starts_with("error[files.integrity]: image: `files/app/run.py`"),
        "{said}"
    );
    assert!(
        place
            .refused(&extract, 1)
            .starts_with("error[files.integrity]")
    );
    assert!(!place.path("out").exists());
}

#[test]
fn a_changed_manifest_is_refused() {
    let place = Place::new(false);
    let mut bytes = fs::read(place.path("image/enclave/manifest.bin")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(place.path("image/enclave/manifest.bin"), bytes).unwrap();
    for verb in ["list", "verify"] {
        let said = place.refused(&["files", verb, "image"], 1);
        assert!(said.ends_with("is not the one that was measured"), "{said}");
    }
}

#[test]
fn a_stream_alone_has_no_files_to_look_at() {
    let place = Place::new(false);
    for command in [&["files", "list"][..], &["files", "verify"], &["iexec"]] {
        let stream = ["image/enclave/sample.sgxs"];
        let said = place.refused(&[command, &stream].concat(), 2);
        assert!(said.contains("is a stream alone"), "{said}");
    }
}

#[test]
fn a_text_is_filled_in() {
    let place = Place::new(true);
    let said = place.refused(&["iexec", "image"], 2);
    assert!(said.contains("give --fs-key FILE"), "{said}");
    assert_eq!(place.read("iexec.json"), IEXEC);
    place.done(&["iexec", "image", "--fs-key=fs.key"]);
    let filled: Value = serde_json::from_str(&place.read("iexec.json")).unwrap();
    let value = filled["app"]["mrenclave"].as_str().unwrap();
    let parts: Vec<_> = value.split('|').collect();
    assert_eq!(
        (parts[0], parts[2]),
        ("42".repeat(32).as_str(), place.measurement().as_str())
    );
    assert_eq!(
        place.read("iexec.json"),
        IEXEC.replace("\"\"", &format!("\"{value}\""))
    );
    // The tag is what `build` and `manifest` say last.
    let manifest = place.done(&[
        "files",
        "manifest",
        "--fs-dir=app:/app",
        "--host-path=/etc/resolv.conf",
        "--dir=secret:/etc/secret",
        "--fs-key=fs.key",
    ]);
    assert!(manifest.contains(&format!("new AES-GCM tag: {}\nmanifest digest", parts[1])));
}

#[test]
fn without_encryption_the_text_is_the_measurement() {
    let place = Place::new(false);
    let (status, out, said) = place.run(&["iexec", "image"]);
    assert_eq!(status, 0);
    assert!(out.contains("sim:mrenclave:"), "{out}");
    assert!(
        said.starts_with("warning: ") && said.contains("simulated"),
        "{said}"
    );
    let value = format!("\"{}\"", place.measurement());
    assert_eq!(place.read("iexec.json"), IEXEC.replace("\"\"", &value));
    let said = place.refused(&["iexec", "image", "--fs-key=fs.key"], 2);
    assert!(said.starts_with("error[iexec.options]"), "{said}");
}

#[test]
fn an_object_is_filled_in_with_what_scone_printed() {
    let place = Place::new(false);
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(place.path("iexec.json"), private).unwrap();
    let scone = format!("--fingerprint=scone:mrenclave:{}", "ab".repeat(32));
    let new = [
        "iexec",
        "image",
        &scone,
        "--framework=scone",
        "--framework-version=v5.9",
    ];
    let (status, _, said) = place.run(&new);
    assert_eq!((status, said.as_str()), (0, ""));
    insta::assert_snapshot!(place.read("iexec.json"), @r#"
    {
      "app": {
        "name": "test",
        "mrenclave": {
          "framework": "SCONE",
          "version": "v5.9",
          "entrypoint": "/sample",
          "heapSize": 1048576,
          "fingerprint": "abababababababababababababababababababababababababababababababab"
        }
      }
    }
    "#);
    let mode = fs::metadata(place.path("iexec.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    // From now on the fingerprint alone.
    let before = place.read("iexec.json");
    place.done(&["iexec", "image", &scone.replace("ab", "cd")]);
    assert_eq!(place.read("iexec.json"), before.replace("ab", "cd"));

    let gramine = scone.replace("scone", "gramine");
    let said = place.refused(&["iexec", "image", &gramine, new[3], new[4]], 2);
    assert!(said.contains("another framework"), "{said}");
    let said = place.refused(&["iexec", "image", &gramine, "--framework=gramine"], 2);
    assert!(said.contains("--framework-version"), "{said}");

    // Ours is no measurement of theirs.
    for ours in [
        ["iexec", "image"].as_slice(),
        &["iexec", "image", new[3], new[4]],
    ] {
        let said = place.refused(ours, 2);
        assert!(said.contains("--fingerprint"), "{said}");
    }
}
