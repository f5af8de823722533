//! A process that keeps a platform is killed again and again: what is kept stays whole.

#![allow(clippy::expect_used)]

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sconce_simulator::{Change, Platform, Seed, Settings};

const MADE: u64 = 1_748_736_000;
const FOLDER: &str = "SCONCE_TEST_FOLDER";
/// Events of the longer of the two states that are kept in turn. They make the file span several pages.
const EVENTS: usize = 200;

#[test]
fn a_killed_writer_leaves_one_state_or_the_other() {
    let folder = tempfile::tempdir().expect("a folder");
    platform(0).save(folder.path()).expect("kept");
    let mut seen = [false; 2];
    let mut round = 0;
    let until = Instant::now() + Duration::from_secs(60);
    while round < 40 || seen != [true, true] {
        assert!(Instant::now() < until, "no writer came to write");
        let mut writer = Command::new(env::current_exe().expect("this program"))
            .args(["--exact", "write_for_ever", "--ignored"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a writer");
        // From before its first writing to far beyond it.
        thread::sleep(Duration::from_micros(1_000 + 700 * round));
        round += 1;
        writer.kill().expect("killed");
        writer.wait().expect("ended");
        let events = Platform::open(folder.path())
            .expect("a whole state")
            .events()
            .len();
        assert!(events == 0 || events == EVENTS, "{events} events");
        seen[usize::from(events == EVENTS)] = true;
    }
    platform(0).save(folder.path()).expect("kept");
    let files = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(files, 1, "what killed writers left behind");
}

/// Not a test, but the process that is killed.
#[test]
#[ignore = "runs until it is killed"]
fn write_for_ever() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let platforms = [platform(EVENTS), platform(0)];
    let until = Instant::now() + Duration::from_secs(60);
    while Instant::now() < until {
        for platform in &platforms {
            platform.save(&folder).expect("kept");
        }
    }
}

fn platform(events: usize) -> Platform {
    let mut platform =
        Platform::new(Seed::from_bytes([1; 32]), Settings::new(MADE)).expect("a platform");
    for at in 0..events {
        platform.happens(MADE + at as u64, Change::RevokePck);
    }
    platform
}
