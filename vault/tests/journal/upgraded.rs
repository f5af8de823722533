//! Later versions of the program and of the platform.

use sconce_vault::journal::Error;

use crate::support::{Kept, entry, events, log, open, open_as};

#[test]
fn a_later_version_goes_on_and_an_earlier_one_cannot() {
    let kept = Kept::new();
    let (journal, _) = kept.open().unwrap();
    journal.commit(&["a"], &[entry("one")]).unwrap();
    drop(journal);

    let later = kept.machine.program(2);
    let (journal, replay) = open_as(&kept.path(), &later, 2).unwrap();
    assert_eq!(events(&replay), ["a"]);
    assert!(journal.is_checkpoint_due(), "to be opened by the new key");
    journal.commit(&["b"], &[entry("two")]).unwrap();
    assert_eq!(log(&journal), ["one", "two"]);
    drop(journal);

    let refused = kept.open().unwrap_err();
    assert!(
        matches!(refused, Error::Newer { journal: 2, own: 1 }),
        "{refused}"
    );
    // Nor if it says that it is the later one: the processor knows better.
    let refused = open_as(&kept.path(), &kept.machine, 2).unwrap_err();
    assert_eq!(refused.code(), "tee.refused", "{refused}");

    let (journal, replay) = open_as(&kept.path(), &later, 2).unwrap();
    assert_eq!(events(&replay), ["a", "b"]);
    journal.checkpoint(replay.position, b"ab").unwrap();
    drop(journal);
    let refused = kept.open().unwrap_err();
    assert!(matches!(refused, Error::Newer { .. }), "{refused}");
    let (journal, replay) = open_as(&kept.path(), &later, 2).unwrap();
    assert_eq!(events(&replay), ["ab"]);
    assert_eq!(
        log(&journal),
        ["one", "two"],
        "also what the old key sealed"
    );
}

/// The copy from before the upgrade is the only one whose key an earlier version gets; and it's an old copy.
#[test]
fn the_copy_from_before_an_upgrade_is_an_older_one() {
    let kept = Kept::new();
    drop(kept.open().unwrap());
    let before = kept.bytes();
    drop(open_as(&kept.path(), &kept.machine.program(2), 2).unwrap());
    kept.put(&before);
    let refused = kept.open().unwrap_err();
    assert!(
        matches!(
            refused,
            Error::Rollback {
                journal: 1,
                counted: 2
            }
        ),
        "{refused}"
    );
}

#[test]
fn after_an_update_of_the_platform_there_is_another_key_too() {
    let kept = Kept::new();
    let (journal, _) = kept.open().unwrap();
    journal.commit(&["a"], &[entry("one")]).unwrap();
    drop(journal);
    let updated = kept.machine.updated();
    let (journal, replay) = open(&kept.path(), &updated).unwrap();
    assert_eq!(events(&replay), ["a"]);
    assert_eq!(kept.machine.counted(), 3);
    drop(journal);
    drop(open(&kept.path(), &updated).unwrap());
    assert_eq!(kept.machine.counted(), 3, "once");
    let refused = kept.open().unwrap_err();
    assert_eq!(refused.code(), "tee.refused", "{refused}");
}
