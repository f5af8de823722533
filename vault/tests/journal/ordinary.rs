//! What a journal does for a vault that nobody disturbs.

use std::sync::atomic::Ordering;
use std::thread;

use attestation::Time;
use proptest::prelude::*;
use sconce_vault::journal::{Error, Journal};

use crate::support::{Kept, at, entry, events, log};

#[test]
fn what_was_committed_comes_back_in_its_order() {
    let kept = Kept::new();
    let (journal, replay) = kept.open().unwrap();
    assert!(replay.new && replay.events.is_empty() && replay.snapshot.is_none());
    journal.commit(&["a", "b"], &[entry("one")]).unwrap();
    journal
        .commit::<&str>(&[], &[entry("two"), entry("three")])
        .unwrap();
    journal.commit(&["c"], &[]).unwrap();
    drop(journal);

    let (journal, replay) = kept.open().unwrap();
    assert!(!replay.new);
    assert_eq!(events(&replay), ["a", "b", "c"]);
    assert_eq!(log(&journal), ["one", "two", "three"]);
    let two: Vec<_> = journal.audit(2, 1).unwrap();
    assert_eq!(
        (two.len(), two[0].sequence, &*two[0].entry.event),
        (1, 2, "two")
    );
    assert!(journal.audit(4, 10).unwrap().is_empty());
    assert!(journal.audit(u64::MAX, usize::MAX).unwrap().is_empty());
}

#[test]
fn a_checkpoint_stands_for_everything_before_it() {
    let kept = Kept::new();
    let (journal, _) = kept.open().unwrap();
    journal.commit(&["a"], &[entry("one")]).unwrap();
    let position = journal.commit(&["b"], &[entry("two")]).unwrap();
    journal.checkpoint(position, b"ab").unwrap();
    journal.commit(&["c"], &[entry("three")]).unwrap();
    assert_eq!(log(&journal), ["one", "two", "three"]);
    drop(journal);
    let (journal, replay) = kept.open().unwrap();
    assert_eq!(events(&replay), ["ab", "c"]);
    assert_eq!(log(&journal), ["one", "two", "three"]);
    journal.checkpoint(replay.position, b"abc").unwrap();
    drop(journal);
    assert_eq!(events(&kept.open().unwrap().1), ["abc"]);
}

#[test]
fn a_snapshot_that_lacks_an_event_is_refused() {
    let kept = Kept::new();
    let (journal, replay) = kept.open().unwrap();
    let position = journal.commit(&["a"], &[]).unwrap();
    let stale = journal.checkpoint(replay.position, b"").unwrap_err();
    assert!(matches!(stale, Error::Stale));
    let long = vec![0; Journal::MAX_SNAPSHOT + 1];
    assert!(matches!(
        journal.checkpoint(position, &long),
        Err(Error::Long { .. })
    ));
    journal
        .commit(&[&long[..Journal::MAX_COMMIT]], &[])
        .unwrap_err();
    journal.checkpoint(position, b"a").unwrap();
}

#[test]
fn a_checkpoint_is_due_when_there_is_much_to_read() {
    let kept = Kept::new();
    let (journal, _) = kept.open().unwrap();
    let event = vec![b'x'; 1 << 20];
    let mut commits = 0;
    let position = loop {
        let position = journal.commit(&[&event], &[]).unwrap();
        commits += 1;
        if journal.is_checkpoint_due() {
            break position;
        }
    };
    assert!((2..=8).contains(&commits), "{commits}");
    journal.checkpoint(position, b"x").unwrap();
    assert!(!journal.is_checkpoint_due());
}

#[test]
fn times_of_the_log_never_go_back() {
    let kept = Kept::new();
    let (journal, _) = kept.open().unwrap();
    for time in [1_800_000_000, 5, u64::MAX, 7] {
        journal.commit::<&str>(&[], &[at("x", time)]).unwrap();
    }
    drop(journal);
    let (journal, _) = kept.open().unwrap();
    let times: Vec<_> = journal.audit(1, 10).unwrap();
    let times: Vec<_> = times.iter().map(|line| line.entry.time.0.unix()).collect();
    assert_eq!(
        times,
        [
            1_800_000_000,
            1_800_000_000,
            253_402_300_799,
            253_402_300_799
        ]
    );
    assert_eq!(journal.floor(), Time::from_unix(253_402_300_799));
}

#[test]
fn commits_of_many_threads_share_flushes_and_keep_apart() {
    const THREADS: usize = 16;
    const COMMITS: usize = 50;
    let kept = Kept::new();
    let (journal, _) = kept.open().unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let journal = &journal;
            scope.spawn(move || {
                for commit in 0..COMMITS {
                    let name = format!("{thread}.{commit}");
                    journal.commit(&[&name], &[entry(&name)]).unwrap();
                    let last = journal.lines();
                    let found = journal.audit(last.saturating_sub(200), 1000).unwrap();
                    let mine = found.iter().any(|line| line.entry.event == name);
                    assert!(mine || journal.lines() > last + 100, "{name}");
                }
            });
        }
    });
    let flushes = kept.machine.asked.load(Ordering::Relaxed);
    assert!(flushes <= (THREADS * COMMITS) as u64 + 1);
    drop(journal);
    let (journal, replay) = kept.open().unwrap();
    let (events, lines) = (events(&replay), log(&journal));
    assert_eq!(events, lines, "both in the order of their commits");
    for thread in 0..THREADS {
        let own: Vec<_> = lines
            .iter()
            .filter_map(|line| line.strip_prefix(&format!("{thread}.")))
            .collect();
        let wanted: Vec<_> = (0..COMMITS).map(|commit| commit.to_string()).collect();
        assert_eq!(own, wanted);
    }
}

/// What can be done with a journal.
#[derive(Debug, Clone)]
enum Step {
    Commit {
        events: usize,
        lines: usize,
    },
    Checkpoint,
    /// Ends, and is opened again.
    Open,
    /// Is killed between the disk and the count, and opened again.
    Killed,
    /// Is killed so, and some bytes of what was written are lost.
    Torn(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4_usize, 0..4_usize).prop_map(|(events, lines)| Step::Commit { events, lines }),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Open),
        1 => Just(Step::Killed),
        1 => (1..200_usize).prop_map(Step::Torn),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever happens to a journal, it has what was answered and nothing else; and all that it ever was
    /// before is refused.
    #[test]
    fn it_has_what_was_answered(steps in prop::collection::vec(step(), 1..24)) {
        let kept = Kept::new();
        let (mut journal, replay) = kept.open().unwrap();
        let mut position = replay.position;
        let (mut state, mut lines) = (String::new(), Vec::new());
        let mut former = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Commit { events, lines: more } => {
                    let events = vec![format!("{number};"); events];
                    let more = vec![format!("line {number}"); more];
                    let entries: Vec<_> = more.iter().map(|line| entry(line)).collect();
                    if !events.is_empty() || !more.is_empty() {
                        former.push(kept.bytes());
                    }
                    position = journal.commit(&events, &entries).unwrap();
                    state.extend(events);
                    lines.extend(more);
                    continue;
                }
                Step::Checkpoint => {
                    former.push(kept.bytes());
                    journal.checkpoint(position, state.as_bytes()).unwrap();
                    continue;
                }
                Step::Open => drop(journal),
                Step::Killed => {
                    drop(journal);
                    kept.uncounted("lost;");
                }
                Step::Torn(bytes) => {
                    drop(journal);
                    let before = kept.bytes().len();
                    let mut after = kept.uncounted("torn;");
                    after.truncate(after.len().saturating_sub(bytes).max(before));
                    kept.put(&after);
                }
            }
            let opened = kept.open().unwrap();
            journal = opened.0;
            prop_assert_eq!(events(&opened.1).concat(), &*state);
            prop_assert_eq!(opened.1.position, position);
            prop_assert_eq!(log(&journal), &*lines);
        }
        drop(journal);
        for bytes in former {
            let refused = kept.opened_from(&bytes).unwrap_err();
            prop_assert_eq!(refused.code(), "vault.rollback");
        }
    }
}
