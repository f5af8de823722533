//! A disk that becomes full, read-only, limited or stuck under a running platform, and one that is
//! so when a platform is started.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use client::Error;
use protocol::Reason;
use sconce_tests::command::{Setup, sconce};
use sconce_tests::image;
use sconce_tests::process::mentioning;
use sconce_tests::skipped::skipped;
use tempfile::TempDir;

use crate::load::{Load, Plan};

const WORKER: &str = "scone-worker-1";

#[test]
fn a_full_disk_refuses_orders_until_there_is_room() {
    let Some(disk) = Mount::tmpfs("96m") else {
        return skipped("a full disk", "mounting a tmpfs needs root");
    };
    let filler = disk.path().join("filler");
    let fill = || {
        let mut file = File::create(&filler).unwrap();
        let chunk = vec![1; 64 * 1024];
        while file.write_all(&chunk).is_ok() {}
        // Without this the last chunk, cut short, may leave room for a page.
        while file.write_all(&[1]).is_ok() {}
    };
    orders_flow_again(&disk.path().join("data"), &|_| fill(), &|_| {
        std::fs::remove_file(&filler).unwrap();
    });
}

#[test]
fn a_file_that_cannot_be_written_any_more_refuses_orders_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("data/store.redb");
    let change = |flag: &str| run("chattr", &[flag, store.to_str().unwrap()]);
    let probe = folder.path().join("probe");
    File::create(&probe).unwrap();
    let probe = probe.to_str().unwrap();
    if !run("chattr", &["+i", probe]) || !run("chattr", &["-i", probe]) {
        return skipped(
            "a file that becomes read-only",
            "chattr +i needs root, and ext4 or the like",
        );
    }
    orders_flow_again(
        &folder.path().join("data"),
        &|_| assert!(change("+i")),
        &|_| assert!(change("-i")),
    );
}

#[test]
fn a_limit_on_file_sizes_is_not_the_end() {
    let folder = tempfile::tempdir().unwrap();
    // Everything beyond the first page is out of bounds, in a file that is much larger.
    let limit = |pid: u32, to: &str| {
        let fits = run(
            "prlimit",
            &["--pid", &pid.to_string(), &format!("--fsize={to}:")],
        );
        assert!(fits, "prlimit of util-linux");
    };
    if !run("prlimit", &["--version"]) {
        return skipped(
            "a limit on file sizes",
            "prlimit of util-linux is not installed",
        );
    }
    orders_flow_again(
        &folder.path().join("data"),
        &|pid| limit(pid, "4096"),
        &|pid| limit(pid, "unlimited"),
    );
}

#[test]
fn a_disk_that_is_stuck_delays_orders() {
    let image = tempfile::NamedTempFile::new().unwrap();
    image.as_file().set_len(64 << 20).unwrap();
    let Some(disk) = Mount::image(image.path()) else {
        return skipped(
            "a disk that is stuck",
            "mounting an image with ext4 needs root",
        );
    };
    let at = disk.path().to_str().unwrap();
    if !run("fsfreeze", &["-f", at]) || !run("fsfreeze", &["-u", at]) {
        return skipped("a disk that is stuck", "fsfreeze does not work here");
    }
    let platform = Setup::new(&disk.path().join("data"), "async", 1).start();
    let load = start_load(&platform.listener().unwrap());
    load.wait_for(20);
    for _ in 0..2 {
        assert!(run("fsfreeze", &["-f", at]));
        // Longer than leases of one second, shorter than those of a platform.
        std::thread::sleep(Duration::from_secs(3));
        assert!(run("fsfreeze", &["-u", at]));
        load.wait_for(20);
    }
    let (totals, broken) = load.finish();
    println!("{totals}");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_platform_does_not_start_where_it_cannot_write_and_says_so() {
    let Some(disk) = Mount::tmpfs("96m") else {
        return skipped("starting on a bad disk", "mounting a tmpfs needs root");
    };
    let data = disk.path().join("data");
    drop(Setup::new(&data, "async", 1).start());
    let start = || -> Output {
        let arguments = ["up", "--listener", "127.0.0.1:0", "--workers", "1"];
        let images = [image::worker(), image::vault()];
        let [worker, vault] = images.map(|image| image.folder.to_str().unwrap());
        let more = [
            "--data-dir",
            data.to_str().unwrap(),
            "--image",
            worker,
            "--vault-image",
            vault,
            "--vault",
            "127.0.0.1:0",
            "--transparency",
            "127.0.0.1:0",
        ];
        sconce(disk.path(), &[&arguments[..], &more].concat())
    };
    let refused = |words: &str| {
        let output = start();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(data.to_str().unwrap()) && said.contains(words),
            "{said}"
        );
        assert!(mentioning(&data).is_empty(), "something was left behind");
    };
    disk.remount("ro");
    refused("Read-only file system");
    disk.remount("rw");
    std::fs::write(disk.path().join("filler"), vec![1; 128 << 20]).unwrap_err();
    refused("No space left on device");
    std::fs::remove_file(disk.path().join("filler")).unwrap();

    let platform = Setup::new(&data, "async", 1).start();
    let load = start_load(&platform.listener().unwrap());
    load.wait_for(20);
    let (_, broken) = load.finish();
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Loads a platform, breaks its disk, sees orders refused, mends the disk, sees them done.
fn orders_flow_again(data: &Path, breaks: &dyn Fn(u32), mends: &dyn Fn(u32)) {
    let mut setup = Setup::new(data, "async", 1);
    // On the same disk: a platform that cannot log goes on as well.
    setup.log = Some(data.with_extension("log"));
    let platform = setup.start();
    let load = start_load(&platform.listener().unwrap());
    load.wait_for(50);
    breaks(platform.pid());
    let refused = refusals(&load);
    let alive = platform.process().is_alive();
    mends(platform.pid());
    assert!(alive, "the platform has ended");
    println!("refused while the disk was broken: {refused:?}");
    assert!(
        refused.contains(&Reason::Busy),
        "a requester was told to try later: {refused:?}"
    );
    load.wait_for(50);
    let (totals, broken) = load.finish();
    println!("{totals}");
    assert!(broken.is_empty(), "{broken:#?}");
}

fn start_load(uri: &str) -> Load {
    Load::start(Plan {
        uri,
        workers: &[WORKER],
        requesters: 8,
        rest: Duration::from_millis(4),
        seed: crate::seed(),
    })
}

/// Sends orders until some were refused; with which reasons.
fn refusals(load: &Load) -> Vec<Reason> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut refused = Vec::new();
    while refused.len() < 10 {
        assert!(
            Instant::now() < deadline,
            "orders are taken as if nothing were wrong"
        );
        match load.probe(WORKER) {
            Ok(()) => {}
            Err(Error::Rpc(error)) => refused.extend(error.reason),
            Err(error) => panic!("an order without an answer: {error}"),
        }
    }
    refused
}

/// A file system of its own; unmounted when dropped.
struct Mount(TempDir);

impl Mount {
    fn tmpfs(size: &str) -> Option<Self> {
        Self::new(&[
            "-t",
            "tmpfs",
            "-o",
            &format!("size={size},mode=0700"),
            "tmpfs",
        ])
    }

    /// Makes an ext4 in the image's file.
    fn image(image: &Path) -> Option<Self> {
        let image = image.to_str().unwrap();
        run("mkfs.ext4", &["-q", "-F", image])
            .then(|| Self::new(&["-o", "loop", image]))
            .flatten()
    }

    fn new(arguments: &[&str]) -> Option<Self> {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().to_str().unwrap().to_owned();
        run("mount", &[arguments, &[path.as_str()]].concat()).then_some(Self(at))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount(&self, how: &str) {
        let path = self.path().to_str().unwrap();
        assert!(run("mount", &["-o", &format!("remount,{how}"), path]));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let path: PathBuf = self.path().to_owned();
        // Lazily: a failed test may have left something open there.
        run("umount", &["-l", path.to_str().unwrap()]);
    }
}

/// Whether a program is there and succeeds.
fn run(program: &str, arguments: &[&str]) -> bool {
    let path = format!(
        "{}:/usr/sbin:/sbin",
        std::env::var("PATH").unwrap_or_default()
    );
    match Command::new(program)
        .args(arguments)
        .env("PATH", path)
        .output()
    {
        Ok(output) => output.status.success(),
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => panic!("{program}: {error}"),
    }
}
