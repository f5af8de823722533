//! `sconce status --watch` and `sconce bench` against a running platform.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

use sconce_tests::platform::sconce_program;
use sconce_tests::process::{Process, Signal};
use serde_json::Value;

use crate::platform::Watched;

fn sconce(args: &[&str]) -> Command {
    let mut command = Command::new(sconce_program());
    command.args(args).stdin(Stdio::null());
    command
}

fn output(args: &[&str]) -> Output {
    sconce(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The first lines of a command that goes on, and its exit status after Ctrl-C.
fn watch(platform: &Watched, args: &[&str], lines: usize) -> (Vec<String>, Option<i32>) {
    let data = platform.data();
    let all = [
        &["status", "--watch", "--data-dir", data.to_str().unwrap()],
        args,
    ]
    .concat();
    let mut child: Child = sconce(&all).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let seen = stdout.lines().take(lines).map(Result::unwrap).collect();
    Process::of(child.id()).unwrap().signal(Signal::INT);
    (seen, child.wait().unwrap().code())
}

#[test]
fn a_live_view_is_lines_for_programs_and_ends_with_ctrl_c() {
    let platform = Watched::start("warn", &[], &[]);
    for _ in 0..5 {
        platform.run("python-hello", "you").unwrap();
    }
    let (lines, status) = watch(&platform, &[], 2);
    assert_eq!(status, Some(0));
    for line in &lines {
        assert!(
            line.starts_with("accepted ") && line.contains("processes 1"),
            "{line}"
        );
    }
    let (lines, status) = watch(&platform, &["--json"], 2);
    assert_eq!((lines.len(), status), (2, Some(0)));
    for line in lines {
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["finished"], 5.0);
        assert_eq!(value["workers"][crate::platform::WORKER]["processes"], 1.0);
        assert!(value["storeBytes"].as_f64().unwrap() > 0.0, "{line}");
    }
}

#[test]
fn a_live_view_ends_with_its_platform() {
    let platform = Watched::start("warn", &[], &[]);
    let data = platform.data();
    let mut child = sconce(&["status", "--watch", "--data-dir", data.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    drop(platform);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot reach the listener"));
}

/// A load on workers as they are: nothing measures the program that they run here.
fn bench(platform: &Watched, args: &[&str]) -> Output {
    let fixed = ["bench", "--uri", platform.uri(), "--warm-up", "0s"];
    output(&[&fixed, UNVERIFIED, args].concat())
}

const UNVERIFIED: &[&str] = &["--insecure-skip-verify"];

#[test]
fn a_load_of_so_many_orders() {
    let platform = Watched::start("warn", &[], &["--mode", "sync"]);
    let output = bench(&platform, &["--orders", "60", "--clients", "4", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["orders"], &report["failed"]),
        (&60.into(), &0.into())
    );
    assert_eq!(report["mode"], "sync");
    let rows = report["histogram"].as_array().unwrap();
    let counted: u64 = rows.iter().map(|row| row["count"].as_u64().unwrap()).sum();
    assert_eq!(counted, 60);
    let latency = |name: &str| report["latencyMs"][name].as_f64().unwrap();
    assert!(0.0 < latency("min") && latency("p50") <= latency("p99.9"));
    assert!(latency("p99.9") <= latency("max"));

    let output = bench(&platform, &["--orders", "10"]);
    let shown = text(&output.stdout);
    assert!(shown.contains("10 answered and verified"), "{shown}");
    assert!(
        shown.contains("p50") && shown.contains("orders/s"),
        "{shown}"
    );
    // This one was told of no locale that has more.
    let mut ascii = sconce(&[
        "bench",
        "--uri",
        platform.uri(),
        "--warm-up",
        "0s",
        "--orders",
        "5",
    ]);
    ascii.args(UNVERIFIED);
    let shown = ascii.env("NO_COLOR", "1").output().unwrap().stdout;
    assert!(
        shown.is_ascii() && text(&shown).contains('#'),
        "{}",
        text(&shown)
    );
}

#[test]
fn a_load_at_a_rate_and_in_the_other_mode() {
    let platform = Watched::start("warn", &[], &["--mode", "sync"]);
    let args = [
        "--rate",
        "50",
        "--duration",
        "1s",
        "--mode",
        "async",
        "--json",
    ];
    let output = bench(&platform, &args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["orders"], &report["mode"]),
        (&50.into(), &"async".into())
    );
}

#[test]
fn a_load_of_orders_that_fail_fails() {
    let platform = Watched::start("warn", &[], &[]);
    let output = bench(&platform, &["-l", "python-fib", "-i", "x"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("workload.input"));
    // The first one goes well, and so do all that come before the platform ends.
    let platform_uri = platform.uri().to_owned();
    let load = sconce(&[
        "bench",
        "--uri",
        &platform_uri,
        "--duration",
        "4s",
        "--json",
    ])
    .args(UNVERIFIED)
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    drop(platform);
    let output = load.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        report["errors"]["connection"].as_u64() > Some(0),
        "{report}"
    );
}

#[test]
fn without_a_listener_there_is_advice() {
    let output = output(&["bench", "--uri", "http://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("sconce up"));
}
