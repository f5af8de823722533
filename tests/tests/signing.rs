//! `sconify sign` and `sconify key`, as their user calls them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use sconce_tests::keys::{public_half, rsa_signature};
use sconce_tests::platform::sconce_program;
use sconce_tests::vectors;
use serde_json::Value;
use sgx::sgxs::{Parameters, Writer};
use sgx::sigstruct::{Body, Sigstruct};
use sgx::{Permissions, SecInfo, flags};
use tempfile::TempDir;

/// Every SIGSTRUCT that another tool made comes out the same, byte for byte: signed here, and signed
/// by somebody who sees nothing but the 256 bytes.
#[test]
fn options_make_the_bytes_that_another_tool_makes() {
    let Some(vectors) = vectors::folder("sgx") else {
        return;
    };
    let text = fs::read_to_string(vectors.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let key = vectors.join("sigstruct/test-signer-rsa3072.pem");
    let folder = Folder::new();
    let pem = fs::read_to_string(&key).unwrap();
    fs::write(folder.path().join("public.pem"), public_half(&pem)).unwrap();
    let mut count = 0;
    for case in expected["sigstruct"].as_array().unwrap() {
        let (Some(stream), Some("valid")) = (case["stream"].as_str(), case["expect"].as_str())
        else {
            continue;
        };
        let file = case["file"].as_str().unwrap();
        let stream = vectors.join(stream);
        let options = case["sgxs_sign_options"].as_array().unwrap();
        let options: Vec<_> = options
            .iter()
            .map(|option| option.as_str().unwrap())
            .collect();
        let sign = |rest: &[&str]| {
            let mut arguments = vec!["sign", stream.to_str().unwrap(), "--date", "2024-02-29"];
            arguments.extend(&options);
            arguments.extend(rest);
            folder.run(&arguments);
        };
        sign(&["--key", key.to_str().unwrap(), "-o", "here.sig"]);
        sign(&["--out-tbs", "tbs"]);
        let signature = rsa_signature(&pem, &folder.read("tbs"));
        fs::write(folder.path().join("rsa"), signature).unwrap();
        sign(&[
            "--signature",
            "rsa",
            "--public-key",
            "public.pem",
            "-o",
            "there.sig",
        ]);
        let wanted = fs::read(vectors.join(file)).unwrap();
        assert_eq!(folder.read("here.sig"), wanted, "{file}");
        assert_eq!(folder.read("there.sig"), wanted, "{file}, signed elsewhere");
        count += 1;
    }
    assert!(count > 0, "no SIGSTRUCT to compare with");
}

#[test]
fn a_new_key_signs_and_is_named_the_same_everywhere() {
    let folder = Folder::with_stream();
    let report = folder.run(&["--json", "key", "new", "key.pem"]);
    let named = report["mrsigner"].as_str().unwrap();
    assert_eq!(
        folder.run(&["--json", "key", "show", "key.pem"])["mrsigner"],
        named
    );
    let pem = String::from_utf8(folder.read("key.pem")).unwrap();
    fs::write(folder.path().join("public.pem"), public_half(&pem)).unwrap();
    let shown = folder.run(&["--json", "key", "show", "--public", "public.pem"]);
    assert_eq!(shown["mrsigner"], named);
    let (body, signed) = folder.sign(&["--date", "2024-02-29"]);
    assert_eq!(signed["mrsigner"], named);
    assert!(body.allows_debug(), "the usual mask is that of other tools");
    let second = folder.run(&["--json", "key", "new", "second.pem"]);
    assert_ne!(second["mrsigner"], named);
}

#[test]
fn the_date_is_that_of_the_commit_and_never_of_the_day() {
    let folder = Folder::with_stream();
    folder.run(&["key", "new", "key.pem"]);
    folder.sign(&["--date", "2024-02-29"]);
    let given = folder.read("out.sig");
    // The last second of that day.
    let output = folder
        .command(&["sign", "stream.sgxs", "--key", "key.pem", "-o", "out.sig"])
        .env("SOURCE_DATE_EPOCH", "1709251199")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(folder.read("out.sig"), given);
}

#[test]
fn a_release_shuts_debuggers_out() {
    let folder = Folder::with_stream();
    folder.run(&["key", "new", "key.pem"]);
    let (body, told) = folder.sign(&["--date", "2024-02-29", "--release", "-p", "7", "-v", "0x3"]);
    assert!(!body.allows_debug());
    assert_eq!(body.attributes_mask.flags & flags::DEBUG, flags::DEBUG);
    assert_eq!((body.product_id, body.security_version), (7, 3));
    assert_eq!(told["allows_debug"], false);
}

/// A folder to sign in.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with_stream() -> Self {
        let folder = Self::new();
        let parameters = Parameters {
            ssa_frame_size: 1,
            size: 0x2000,
        };
        let (mut writer, begin) = Writer::create(parameters).unwrap();
        let mut stream = begin.to_vec();
        let page = writer.zero_page(0, SecInfo::reg(Permissions::R)).unwrap();
        stream.extend_from_slice(page);
        fs::write(folder.path().join("stream.sgxs"), stream).unwrap();
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(sconce_program());
        command
            .arg("sconify")
            .args(arguments)
            .env_remove("SOURCE_DATE_EPOCH")
            .current_dir(self.path());
        command
    }

    /// Runs it; what it says, if that is JSON.
    fn run(&self, arguments: &[&str]) -> Value {
        let output: Output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Signs the stream; what was signed, and what was said of it.
    fn sign(&self, options: &[&str]) -> (Body, Value) {
        let mut arguments = vec!["--json", "sign", "stream.sgxs", "--key", "key.pem"];
        arguments.extend(options);
        arguments.extend(["-o", "out.sig"]);
        let told = self.run(&arguments);
        let signed = Sigstruct::parse(&self.read("out.sig")).unwrap();
        (*signed.verify().unwrap().body(), told)
    }
}
