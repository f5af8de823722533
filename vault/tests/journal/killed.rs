//! A process that commits is killed again and again: what was answered is there.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::machine::Machine;
use crate::support::{entry, events, log, open};

const FOLDER: &str = "SCONCE_TEST_FOLDER";
const THREADS: usize = 4;

#[test]
fn what_a_killed_process_was_answered_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault.journal");
    let mut answered = Vec::new();
    for round in 0..30_u64 {
        let mut writer = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "killed::commit_for_ever",
                "--ignored",
                "--nocapture",
            ])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(writer.stdout.take().unwrap());
        let reader = thread::spawn(move || -> Vec<String> {
            let lines = output.lines().map_while(Result::ok);
            let done = |line: String| line.strip_prefix("done ").map(str::to_owned);
            lines.filter_map(done).collect()
        });
        // From before it opens to far beyond; another moment each time.
        thread::sleep(Duration::from_micros(3_000 + round * 7_919 % 60_000));
        writer.kill().unwrap();
        writer.wait().unwrap();
        // A last name may have been cut short.
        answered.extend(
            reader
                .join()
                .unwrap()
                .into_iter()
                .filter(|name| name.ends_with('.')),
        );

        let (journal, replay) = open(&path, &Machine::kept(folder.path())).unwrap();
        let (found, lines) = (events(&replay).concat(), log(&journal));
        assert_eq!(found, lines.concat());
        for name in &answered {
            assert_eq!(
                lines.iter().filter(|line| *line == name).count(),
                1,
                "{name}"
            );
        }
    }
    assert!(!answered.is_empty(), "no writer came to commit");
    let kept = fs::metadata(&path).unwrap().len();
    assert!(kept > 4096);
}

/// Not a test, but the process that is killed.
#[test]
#[ignore = "runs until it is killed"]
fn commit_for_ever() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let path = folder.join("vault.journal");
    let (journal, replay) = open(&path, &Machine::kept(&folder)).unwrap();
    let mut state = events(&replay).concat();
    let begin = journal.lines();
    for round in 0..20_000 {
        let names: Vec<_> = (0..THREADS)
            .map(|thread| format!("{begin}:{round}:{thread}."))
            .collect();
        thread::scope(|scope| {
            for name in &names {
                let journal = &journal;
                scope.spawn(move || {
                    journal.commit(&[name], &[entry(name)]).unwrap();
                    let line = format!("done {name}\n");
                    std::io::stdout().write_all(line.as_bytes()).unwrap();
                });
            }
        });
        if round % 5 == 4 {
            let lines = log(&journal);
            state.clear();
            state.extend(lines);
            let position = journal.commit::<&str>(&[], &[]).unwrap();
            journal.checkpoint(position, state.as_bytes()).unwrap();
        }
    }
}
