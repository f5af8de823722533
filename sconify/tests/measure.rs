//! `sconify measure`, from the command line.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use sconce_sconify::elf::sample;
use serde_json::Value;
use tempfile::TempDir;

const CONFIG: &str = "name = \"sample\"\nproduct_id = 1\nsecurity_version = 1\n\
    heap = { size = \"1 MiB\" }\nthreads = { count = 2, stack = \"64 KiB\" }\n";

/// A folder with a program and its parameters.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.path("program"), sample::program(5000)).unwrap();
        fs::write(place.path("enclave.toml"), CONFIG).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn sconify(&self, arguments: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_sconify"), arguments)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Output {
        Command::new(program)
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .unwrap()
    }

    /// The measurement of the program, and what else is asked for.
    fn measure(&self, more: &[&str]) -> String {
        let program = [
            "measure",
            "--program",
            "program",
            "--config",
            "enclave.toml",
        ];
        text(&self.sconify(&[&program[..], more].concat()))
    }
}

/// What a command that succeeds prints.
fn text(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_program_is_measured() {
    let place = Place::new();
    insta::assert_snapshot!(place.measure(&["--page-map"]));
}

#[test]
fn its_stream_and_its_image_measure_the_same() {
    let place = Place::new();
    let found = place.measure(&["--out", "sample.sgxs"]);
    assert!(found.starts_with("sim:mrenclave:"), "{found}");
    assert_eq!(text(&place.sconify(&["measure", "sample.sgxs"])), found);
    fs::create_dir_all(place.path("image/enclave")).unwrap();
    fs::rename(
        place.path("sample.sgxs"),
        place.path("image/enclave/sample.sgxs"),
    )
    .unwrap();
    assert_eq!(text(&place.sconify(&["measure", "image"])), found);
}

#[test]
fn the_page_map_of_a_stream_has_the_same_pages() {
    let place = Place::new();
    place.measure(&["--out", "sample.sgxs"]);
    let ranges = |arguments: &[&str]| -> Vec<[Value; 5]> {
        let report = json(&place.sconify(arguments));
        let ranges = report["page_map"].as_array().unwrap().iter();
        let fields = ["offset", "length", "type", "permissions", "measured_chunks"];
        ranges
            .map(|range| fields.map(|field| range[field].clone()))
            .filter(|range| range[2] != "none")
            .collect()
    };
    let planned = ranges(&[
        "measure",
        "--program",
        "program",
        "--config",
        "enclave.toml",
        "--page-map",
        "--json",
    ]);
    assert_eq!(
        ranges(&["measure", "sample.sgxs", "--page-map", "--json"]),
        planned
    );
}

#[test]
fn what_is_rebuilt_runs() {
    let place = Place::new();
    place.measure(&["--rebuilt", "rebuilt"]);
    let ended = place.command("./rebuilt", &[]);
    assert!(ended.status.success(), "{ended:?}");
}

#[test]
fn numbers_are_numbers_for_programs() {
    let place = Place::new();
    let output = place.sconify(&[
        "measure",
        "--program",
        "program",
        "--config",
        "enclave.toml",
        "--json",
    ]);
    insta::assert_json_snapshot!(json(&output));
}

#[test]
fn a_stream_that_breaks_a_rule_is_refused_with_rule_and_offset() {
    let place = Place::new();
    place.measure(&["--out", "sample.sgxs"]);
    let mut stream = fs::read(place.path("sample.sgxs")).unwrap();
    stream.truncate(stream.len() - 1);
    fs::write(place.path("cut.sgxs"), &stream).unwrap();
    let output = place.sconify(&["measure", "cut.sgxs"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    let at = stream.len() / 64 * 64;
    assert!(
        said.starts_with("error[sgxs.truncated]: cut.sgxs: "),
        "{said}"
    );
    assert!(said.contains(&format!("byte {at} ")), "{said}");
    assert_eq!(output.stdout, b"");
}

#[test]
fn what_is_refused_leaves_no_output() {
    let place = Place::new();
    fs::write(place.path("program"), &sample::program(5000)[..300]).unwrap();
    fs::write(place.path("old.sgxs"), "old").unwrap();
    let output = place.sconify(&[
        "measure",
        "--program",
        "program",
        "--config",
        "enclave.toml",
        "--out",
        "old.sgxs",
        "--rebuilt",
        "rebuilt",
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read_to_string(place.path("old.sgxs")).unwrap(), "old");
    assert!(!place.path("rebuilt").exists());
}

/// 64 MB are enough for any heap: here for one of 4 GiB, as a stream of 67 MB.
#[test]
fn memory_does_not_grow_with_the_enclave() {
    let place = Place::new();
    let large = CONFIG.replace("1 MiB", "4 GiB");
    fs::write(place.path("enclave.toml"), large).unwrap();
    let limited = |arguments: &[&str]| {
        let limit = "ulimit -d 62500; exec \"$0\" \"$@\"";
        let begin = ["-c", limit, env!("CARGO_BIN_EXE_sconify"), "measure"];
        text(&place.command("sh", &[&begin[..], arguments].concat()))
    };
    let written = limited(&[
        "--program",
        "program",
        "--config",
        "enclave.toml",
        "--out",
        "large.sgxs",
    ]);
    assert_eq!(
        limited(&["large.sgxs", "--page-map"]).split("\n\n").next(),
        Some(written.trim_end())
    );
}
