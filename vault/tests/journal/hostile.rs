//! What a host does that wants older state to be taken for the present one.

use std::fs;
use std::sync::Arc;

use protocol::SystemEntropy;
use sconce_vault::journal::{Error, Journal, Replay};

use crate::support::{Kept, entry, events, file, log, open};

/// A journal with commits, a checkpoint and more commits; what the file was after each.
fn filled(kept: &Kept) -> Vec<Vec<u8>> {
    let (journal, _) = kept.open().unwrap();
    let mut copies = vec![kept.bytes()];
    journal.commit(&["a"], &[entry("one")]).unwrap();
    copies.push(kept.bytes());
    let position = journal.commit(&["b"], &[entry("two")]).unwrap();
    copies.push(kept.bytes());
    journal.checkpoint(position, b"ab").unwrap();
    copies.push(kept.bytes());
    journal.commit(&["c"], &[entry("three")]).unwrap();
    copies.push(kept.bytes());
    copies
}

fn is_filled(replay: &Replay) {
    assert_eq!(events(replay), ["ab", "c"]);
}

#[test]
fn every_earlier_copy_is_named_with_both_numbers() {
    let kept = Kept::new();
    let mut copies = filled(&kept);
    is_filled(&kept.opened_from(&copies.pop().unwrap()).unwrap().1);
    assert_eq!(kept.machine.counted(), 5);
    for (number, copy) in (1..).zip(&copies) {
        match kept.opened_from(copy).unwrap_err() {
            Error::Rollback { journal, counted } => assert_eq!((journal, counted), (number, 5)),
            other => panic!("{other}"),
        }
    }
    let error = kept.opened_from(b"").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the journal is older than its platform knows it: it ends with commit 0, and 5 were counted"
    );
    assert!(error.advice().is_some());
}

#[test]
fn at_every_byte_that_it_is_cut_it_is_an_older_one() {
    let kept = Kept::new();
    let whole = filled(&kept).pop().unwrap();
    // Of the zeros before the first record a few lengths will do.
    let cuts = (0..64).chain(500..530).chain(4000..whole.len());
    for cut in cuts {
        let refused = kept.opened_from(&whole[..cut]).unwrap_err();
        assert!(
            matches!(refused, Error::Rollback { .. }),
            "{cut}: {refused}"
        );
    }
}

#[test]
fn what_was_never_answered_is_cut_off_at_whatever_byte_it_ends() {
    let kept = Kept::new();
    let before = filled(&kept).pop().unwrap();
    let after = kept.uncounted("lost");
    assert!(after.len() > before.len());
    for cut in before.len()..=after.len() {
        let (journal, replay) = kept.opened_from(&after[..cut]).unwrap();
        is_filled(&replay);
        assert_eq!(log(&journal), ["one", "two", "three"]);
        let path = kept.folder.path().join("copy");
        assert_eq!(fs::read(path).unwrap(), before);
    }
    let garbage = [&before[..], &[0xFF; 300]].concat();
    is_filled(&kept.opened_from(&garbage).unwrap().1);
}

#[test]
fn a_first_opening_that_was_cut_short_is_begun_again() {
    let kept = Kept::new();
    let (journal, _) = kept.open().unwrap();
    drop(journal);
    kept.machine.forget();
    let first = kept.bytes();
    for cut in (0..64).chain(4000..=first.len()) {
        let (_, replay) = kept.opened_from(&first[..cut]).unwrap();
        assert!(replay.new, "{cut}");
    }
}

#[test]
fn a_file_that_is_no_journal_of_this_platform_stays_as_it_is() {
    let kept = Kept::new();
    let whole = filled(&kept).pop().unwrap();
    kept.machine.forget();
    for bytes in [&whole[..], b"something else", &[7; 5000]] {
        kept.put(bytes);
        let refused = kept.open().unwrap_err();
        assert!(matches!(refused, Error::Foreign(_)), "{refused}");
        assert_eq!(kept.bytes(), bytes);
    }

    let kept = Kept::new();
    let whole = filled(&kept).pop().unwrap();
    let refused = open(&kept.path(), &kept.machine.other()).unwrap_err();
    assert!(matches!(refused, Error::Foreign(_)), "{refused}");
    assert_eq!(kept.bytes(), whole);
}

/// A commit is written, and the program killed. The host puts the file back; another commit is answered. Then
/// it shows the first one again.
#[test]
fn a_commit_that_was_not_the_one_that_was_counted_is_refused() {
    let kept = Kept::new();
    filled(&kept);
    let fork = kept.uncounted("never answered");
    let (journal, _) = kept.open().unwrap();
    journal.commit(&["answered"], &[]).unwrap();
    drop(journal);
    match kept.opened_from(&fork).unwrap_err() {
        error @ Error::Forked { .. } => assert_eq!(error.code(), "vault.rollback"),
        other => panic!("{other}"),
    }
    let (_, replay) = kept.open().unwrap();
    assert_eq!(events(&replay), ["ab", "c", "answered"]);
}

#[test]
fn of_two_that_run_on_copies_one_is_answered() {
    let kept = Kept::new();
    let copy = kept.folder.path().join("copy");
    fs::write(&copy, filled(&kept).pop().unwrap()).unwrap();
    let (first, _) = kept.open().unwrap();
    let (second, _) = open(&copy, &kept.machine).unwrap();
    first.commit(&["first"], &[]).unwrap();
    for _ in 0..2 {
        let refused = second.commit(&["second"], &[]).unwrap_err();
        assert!(matches!(refused, Error::Forked { .. }), "{refused}");
    }
    drop((first, second));
    let refused = open(&copy, &kept.machine).unwrap_err();
    assert_eq!(refused.code(), "vault.rollback", "{refused}");
    assert_eq!(events(&kept.open().unwrap().1), ["ab", "c", "first"]);
}

#[test]
fn one_at_a_time_has_the_file() {
    let kept = Kept::new();
    let (journal, _) = kept.open().unwrap();
    let entropy = Arc::new(SystemEntropy::new());
    let machine = Arc::clone(&kept.machine);
    let second = Journal::open(file(&kept.path()), machine, 1, entropy);
    assert!(matches!(second, Err(Error::Locked)));
    drop(journal);
    kept.open().unwrap();
}

#[test]
fn no_changed_byte_is_taken_for_what_was_written() {
    let kept = Kept::new();
    let whole = filled(&kept).pop().unwrap();
    let mut harmless = 0;
    for place in (0..40).chain(512..1160).chain(4096..whole.len()) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        match kept.opened_from(&bytes) {
            // Hints, and what is before the checkpoint.
            Ok((_, replay)) => {
                is_filled(&replay);
                harmless += 1;
            }
            Err(error) => {
                // The processor knows the versions of a data key, if they are changed.
                let codes = ["vault.journal", "vault.rollback", "tee.refused"];
                assert!(codes.contains(&error.code()), "{place}: {error}");
            }
        }
    }
    assert!(harmless > 0);
}

#[test]
fn hints_lead_nowhere_else() {
    let kept = Kept::new();
    let copies = filled(&kept);
    let (journal, replay) = kept.open().unwrap();
    journal.checkpoint(replay.position, b"abc").unwrap();
    drop(journal);
    let whole = kept.bytes();
    let read = |bytes: &[u8]| events(&kept.opened_from(bytes).unwrap().1);
    assert_eq!(read(&whole), ["abc"]);
    // Those of an older copy, and none.
    for older in [&copies[4][..], &[0; 4096]] {
        let mut bytes = whole.clone();
        bytes[512..1536].copy_from_slice(&older[512..1536]);
        assert_eq!(read(&bytes), ["abc"]);
    }
    let mut swapped = whole.clone();
    swapped[512..640].copy_from_slice(&whole[1024..1152]);
    swapped[1024..1152].copy_from_slice(&whole[512..640]);
    assert_eq!(read(&swapped), ["abc"]);
}

/// Opening does not look at the log before the checkpoint; whoever reads it does.
#[test]
fn a_line_that_was_replaced_is_found_out_when_it_is_read() {
    let kept = Kept::new();
    drop(kept.open().unwrap());
    let fork = kept.uncounted("one");
    let (journal, _) = kept.open().unwrap();
    journal.commit(&["two"], &[entry("two")]).unwrap();
    let (begin, end) = (4096 + 45 + 66, kept.bytes().len());
    assert_eq!(end, fork.len(), "as long as the one that takes its place");
    let position = journal.commit(&["three"], &[entry("three")]).unwrap();
    journal.checkpoint(position, b"two three").unwrap();
    assert_eq!(log(&journal), ["two", "three"]);
    drop(journal);

    let mut bytes = kept.bytes();
    bytes[begin..end].copy_from_slice(&fork[begin..end]);
    let (journal, replay) = kept.opened_from(&bytes).unwrap();
    assert_eq!(events(&replay), ["two three"]);
    let refused = journal.audit(1, 10).unwrap_err();
    assert!(matches!(refused, Error::Damaged { .. }), "{refused}");
    let refused = journal.audit(1, 1).unwrap_err();
    assert!(matches!(refused, Error::Damaged { .. }), "{refused}");
    journal.commit(&["four"], &[entry("four")]).unwrap();
    assert_eq!(journal.audit(3, 1).unwrap()[0].entry.event, "four");
}

#[test]
fn what_is_kept_is_not_to_be_read() {
    let kept = Kept::new();
    let (journal, _) = kept.open().unwrap();
    let secret = "a secret of some length that nobody else has";
    let position = journal.commit(&[secret], &[entry(secret)]).unwrap();
    journal.checkpoint(position, secret.as_bytes()).unwrap();
    let bytes = kept.bytes();
    let mut windows = bytes.windows(8);
    assert!(!windows.any(|part| part == &secret.as_bytes()[..8]));
    let shown = format!("{journal:?}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn what_cannot_be_written_stops_the_journal() {
    let kept = Kept::new();
    drop(kept.open().unwrap());
    let read_only = fs::File::open(kept.path()).unwrap();
    let machine = Arc::clone(&kept.machine);
    let entropy = Arc::new(SystemEntropy::new());
    // Opening has nothing to write but the length.
    let refused = Journal::open(read_only, machine, 1, entropy);
    assert_eq!(refused.unwrap_err().code(), "vault.journal");
}
