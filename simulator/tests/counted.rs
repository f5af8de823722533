//! A process that advances a counter is killed again and again: the counter never goes back.

#![allow(clippy::expect_used)]

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use sconce_simulator::{Counter, Counters, Secs};
use sgx::{Mrenclave, Mrsigner};

const FOLDER: &str = "SCONCE_TEST_FOLDER";

#[test]
fn what_a_killed_process_was_told_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let counters = Counters::of(folder.path());
    let mut told = 0;
    for round in 0..30_u64 {
        let mut counting = Command::new(env::current_exe().expect("this program"))
            .args(["--exact", "count_for_ever", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        let output = BufReader::new(counting.stdout.take().expect("its output"));
        let reader = thread::spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            // The last line may have been cut short.
            let numbers = lines.filter_map(|line| line.strip_suffix('.')?.parse::<u64>().ok());
            numbers.max().unwrap_or_default()
        });
        thread::sleep(Duration::from_micros(2_000 + round * 7_919 % 40_000));
        counting.kill().expect("killed");
        counting.wait().expect("ended");
        told = told.max(reader.join().expect("read"));
        let found = counters.read(&secs()).expect("whole");
        assert!(found.number >= told, "{found:?}, and {told} was answered");
        assert_eq!(found, at(found.number));
    }
    assert!(told > 0, "no process came to count");
}

/// Not a test, but the process that is killed.
#[test]
#[ignore = "runs until it is killed"]
fn count_for_ever() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let counters = Counters::of(&folder);
    let begin = counters.read(&secs()).expect("whole").number;
    for number in begin + 1..begin + 100_000 {
        counters.advance(&secs(), &at(number)).expect("the next");
        let line = format!("{number}.\n");
        std::io::stdout().write_all(line.as_bytes()).expect("told");
    }
}

fn secs() -> Secs {
    Secs::new(Mrenclave([1; 32]), Mrsigner([2; 32]))
}

fn at(number: u64) -> Counter {
    match number {
        0 => Counter::NONE,
        _ => Counter {
            number,
            digest: [(number % 251) as u8; 32],
        },
    }
}
