//! A system clock that is set back and forth under a running platform, and between two starts.
//!
//! Needs libfaketime (Debian's package `faketime`), and says so where it isn't installed.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sconce_tests::command::Setup;
use sconce_tests::skipped::skipped;
use serde_json::Value;
use simulator::{Platform, Settings};

use crate::load::{Load, Plan};

#[test]
fn no_order_is_stuck_when_the_clock_is_set() {
    let Some(library) = faketime() else {
        return skipped("a clock that is set", "libfaketime is not installed");
    };
    let folder = tempfile::tempdir().unwrap();
    let offset = folder.path().join("offset");
    // Written beside and moved there, so that nobody reads half of it.
    let set = |to: &str| {
        let draft = folder.path().join("draft");
        fs::write(&draft, to).unwrap();
        fs::rename(&draft, &offset).unwrap();
    };
    set("+0");
    let data = folder.path().join("data");
    make_platform(&data.join("simulated-platform"));
    let mut setup = Setup::new(&data, "async", 1);
    let variable = |name: &str, value: &Path| (name.into(), value.as_os_str().to_owned());
    setup.environment = vec![
        variable("LD_PRELOAD", &library),
        variable("FAKETIME_TIMESTAMP_FILE", &offset),
        variable("FAKETIME_CACHE_DURATION", Path::new("1")),
        // Setting a clock leaves the time since the machine was started alone.
        variable("FAKETIME_DONT_FAKE_MONOTONIC", Path::new("1")),
    ];
    let mut up = setup.start();
    let uri = up.listener().unwrap();
    setup.listener = uri.strip_prefix("http://").map(str::to_owned);
    let load = Load::start(Plan {
        uri: &uri,
        workers: &["scone-worker-1"],
        requesters: 4,
        rest: Duration::from_millis(20),
        seed: crate::seed(),
    });
    load.wait_for(20);
    for jump in ["+3d", "-3d", "+0", "-40y", "+20m"] {
        set(jump);
        // As long as libfaketime may take to notice.
        std::thread::sleep(Duration::from_millis(1200));
        load.wait_for(30);
    }
    for jump in ["-2d", "+30m"] {
        up.crash();
        set(jump);
        up = setup.start();
        load.wait_for(30);
        let behind = now() - started(&setup.folder);
        println!("started with {jump}: {behind} s behind");
        assert_eq!(jump == "-2d", behind > 100_000, "libfaketime does its work");
    }
    let (totals, broken) = load.finish();
    println!("{totals}");
    assert!(broken.is_empty(), "{broken:#?}");
}

/// A simulated platform that is a week old: its certificates are in force from its making on, and no
/// start may be before that.
fn make_platform(folder: &Path) {
    let data = folder.parent().unwrap();
    fs::DirBuilder::new().mode(0o700).create(data).unwrap();
    let week = 7 * 24 * 60 * 60;
    let made = u64::try_from(now() - week).unwrap();
    Platform::open_or_make(folder, Settings::new(made)).unwrap();
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs() as i64
}

/// When the platform was started, as it says.
fn started(data: &Path) -> i64 {
    let record = fs::read(data.join("up.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    record["started"].as_i64().unwrap()
}

/// The library for programs with threads.
fn faketime() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten();
    folders
        .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.is_file())
}
