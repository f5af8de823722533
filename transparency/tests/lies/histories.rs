//! Lies about one user over time: entries that come back, vanish, or change without their owner.

use transparency::error::Error;
use transparency::memory::Checkpoint;
use transparency::messages::{Entry, EntryUpdate, History};
use transparency::object_hash;
use transparency::signature::SigningKey;
use transparency::verifier::{Change, Coverage};

use crate::liar::Liar;
use crate::{ALICE, BOB, Client, two_users};

/// Alice changes her key twice more, with epochs between: changes in epochs 1, 3 and 5, of 6.
fn changing() -> (Liar, SigningKey) {
    let (mut liar, alice, _) = two_users();
    liar.put(ALICE, &alice, "second");
    liar.seal();
    liar.put(ALICE, &alice, "third");
    liar.seal();
    (liar, alice)
}

const CHANGES: [usize; 3] = [1, 3, 5];

/// Checks a history of one page.
fn check(
    client: &mut Client,
    liar: &Liar,
    coverage: Coverage,
    page: &History,
) -> Result<Vec<Change>, Error> {
    check_from(client, liar, coverage, None, page)
}

fn check_from(
    client: &mut Client,
    liar: &Liar,
    coverage: Coverage,
    from: Option<&Checkpoint>,
    page: &History,
) -> Result<Vec<Change>, Error> {
    let newest = client.see(ALICE, &liar.get(ALICE))?;
    let mut check = client.verifier.history(&newest, coverage, from);
    let changes = check.page(page, &client.memory)?;
    check.finish(&mut client.memory)?;
    Ok(changes)
}

fn every(liar: &Liar) -> History {
    liar.history(ALICE, 0..liar.epochs.len(), 0)
}

#[track_caller]
fn refused(outcome: Result<Vec<Change>, Error>, code: &str) {
    let fault = outcome.expect_err("a lie is believed");
    assert_eq!(fault.code(), code, "{fault}");
}

#[test]
fn an_honest_history_is_believed() {
    let (liar, alice) = changing();
    let mut client = Client::of(&liar);
    let changes = check(&mut client, &liar, Coverage::EveryEpoch, &every(&liar)).unwrap();
    let epochs: Vec<_> = changes.iter().map(|one| one.verified.epoch()).collect();
    assert_eq!(epochs, [1, 3, 5]);
    assert!(changes.iter().all(|one| one.chained));
    assert!(changes.iter().all(|one| one.signers == [alice.id()]));
    let reached = client.memory.history(ALICE).unwrap();
    assert_eq!(reached.epoch, 6);
    let page = liar.history(ALICE, CHANGES, 0);
    let changes = check(&mut client, &liar, Coverage::ChangesOnly, &page).unwrap();
    assert_eq!(changes.len(), 3);
}

#[test]
fn a_check_goes_on_where_the_last_one_ended() {
    let (mut liar, alice) = changing();
    let mut client = Client::of(&liar);
    check(&mut client, &liar, Coverage::EveryEpoch, &every(&liar)).unwrap();
    let from = client.memory.history(ALICE).cloned();
    liar.put(ALICE, &alice, "fourth");
    let page = liar.history(ALICE, [7], 0);
    for coverage in [Coverage::EveryEpoch, Coverage::ChangesOnly] {
        let changes = check_from(&mut client, &liar, coverage, from.as_ref(), &page).unwrap();
        assert_eq!(changes.len(), 1);
    }
    // What the directory seals meanwhile is left for the next time.
    let newest = client.see(ALICE, &liar.get(ALICE)).unwrap();
    liar.put(ALICE, &alice, "fifth");
    let mut check = client
        .verifier
        .history(&newest, Coverage::EveryEpoch, from.as_ref());
    let changes = check
        .page(&liar.history(ALICE, [7, 8], 0), &client.memory)
        .unwrap();
    assert_eq!((changes.len(), check.next_start()), (1, None));
    assert_eq!(check.finish(&mut client.memory).unwrap().epoch, 7);
}

#[test]
fn pages_follow_one_another() {
    let (liar, _) = changing();
    let mut client = Client::of(&liar);
    let newest = client.see(ALICE, &liar.get(ALICE)).unwrap();
    let mut check = client.verifier.history(&newest, Coverage::EveryEpoch, None);
    for (epochs, next) in [(0..3, 3), (3..6, 6), (6..7, 0)] {
        assert_eq!(check.next_start(), Some(epochs.start as u64));
        check
            .page(&liar.history(ALICE, epochs, next), &client.memory)
            .unwrap();
    }
    assert_eq!(check.next_start(), None);
    check.finish(&mut client.memory).unwrap();
}

#[test]
fn a_history_has_no_gaps() {
    let (liar, _) = changing();
    let refuse = |coverage, page: History| {
        refused(
            check(&mut Client::of(&liar), &liar, coverage, &page),
            "kt.history-gap",
        );
    };
    // An epoch skipped, twice, or out of order; nothing; an end before the newest.
    let pages: [&[usize]; 6] = [
        &[0, 1, 3, 4, 5, 6],
        &[0, 1, 1, 2, 3, 4, 5, 6],
        &[0, 1, 2, 4, 3, 5, 6],
        &[1, 2, 3, 4, 5, 6],
        &[],
        &[0, 1, 2, 3, 4, 5],
    ];
    for epochs in pages {
        let page = liar.history(ALICE, epochs.iter().copied(), 0);
        refuse(Coverage::EveryEpoch, page);
    }
    // A next page that leaves some out, or begins again.
    for next in [4, 2, 1] {
        refuse(Coverage::EveryEpoch, liar.history(ALICE, 0..3, next));
    }
    // There is no next page behind an empty one.
    refuse(Coverage::EveryEpoch, liar.history(ALICE, 0..0, 3));
    refuse(Coverage::ChangesOnly, liar.history(ALICE, 0..0, 3));
    // A change left out, at the end, between, at the beginning.
    for epochs in [vec![1, 3], vec![1, 5], vec![3, 5], vec![], vec![1, 5, 3]] {
        refuse(Coverage::ChangesOnly, liar.history(ALICE, epochs, 0));
    }
    refuse(Coverage::ChangesOnly, liar.history(ALICE, [1, 3], 2));
}

#[test]
fn a_key_swapped_without_its_owner_has_no_signature() {
    let (mut liar, _, _) = two_users();
    let mallory = SigningKey::generate().unwrap();
    let mut client = Client::of(&liar);
    client.see(ALICE, &liar.get(ALICE)).unwrap();
    client.memory.own(ALICE);
    liar.put(ALICE, &mallory, "mallory's key");
    // Whoever sees her for the first time can't know; her history tells, and she herself.
    let mut reader = Client::of(&liar);
    reader.see(ALICE, &liar.get(ALICE)).unwrap();
    let outcome = check(&mut reader, &liar, Coverage::EveryEpoch, &every(&liar));
    refused(outcome, "kt.unsigned-change");
    let changes = liar.history(ALICE, [1, 3], 0);
    let outcome = check(&mut reader, &liar, Coverage::ChangesOnly, &changes);
    refused(outcome, "kt.unsigned-change");
    client.refuses(ALICE, &liar.get(ALICE), "kt.foreign-change");
}

#[test]
fn an_update_withheld_or_of_another_is_no_signature() {
    let (liar, _) = changing();
    let mut page = every(&liar);
    page.values[3].update = None;
    let refuse = |page: &History| {
        let outcome = check(&mut Client::of(&liar), &liar, Coverage::EveryEpoch, page);
        refused(outcome, "kt.unsigned-change");
    };
    refuse(&page);
    page.values[3].update = liar.answer(ALICE, 5).update;
    refuse(&page);
    page.values[3].update = liar.answer(BOB, 2).update;
    refuse(&page);
    let mut stolen = liar.answer(ALICE, 3).update.unwrap();
    stolen.key_value.key = liar.index(BOB).as_bytes().to_vec();
    page.values[3].update = Some(stolen);
    refuse(&page);
    let mut unsigned = liar.answer(ALICE, 3).update.unwrap();
    unsigned.signatures.clear();
    page.values[3].update = Some(unsigned);
    refuse(&page);
}

#[test]
fn a_change_by_another_authorized_key_is_the_owners_to_judge() {
    let (mut liar, alice, _) = two_users();
    // Alice's next entry authorizes a key of an operator's, which then changes it.
    let operator = SigningKey::generate().unwrap();
    let update = shared(&mut liar, &alice, &operator);
    liar.apply(&update);
    liar.seal();
    liar.put(ALICE, &operator, "the operator's choice");
    let mut client = Client::of(&liar);
    check(&mut client, &liar, Coverage::EveryEpoch, &every(&liar)).unwrap();
    let newest = client.see(ALICE, &liar.get(ALICE)).unwrap();
    let mut owned = client
        .verifier
        .history(&newest, Coverage::EveryEpoch, None)
        .owned_by([alice.verifying_key().clone()]);
    let fault = owned.page(&every(&liar), &client.memory).unwrap_err();
    assert_eq!(fault.code(), "kt.foreign-change", "{fault}");
    assert!(fault.to_string().contains(&operator.id().to_string()));
}

/// An update of Alice's that authorizes another key.
fn shared(liar: &mut Liar, alice: &SigningKey, other: &SigningKey) -> EntryUpdate {
    let mut update = liar.draft(ALICE, other, "alice's key");
    let preimage = object_hash::key_value(&update.update.key_value);
    let signed = alice.sign_digitally(&preimage).unwrap();
    update.update.signatures = [(alice.id().to_string(), signed)].into();
    update
}

#[test]
fn an_old_entry_does_not_come_back_under_its_old_signature() {
    let (mut liar, _) = changing();
    let mut client = Client::of(&liar);
    for epoch in [1, 3, 5] {
        let mut answer = liar.answer(ALICE, epoch);
        answer.log_proof = Some(liar.log_proof(epoch, epoch + 1));
        client.see(ALICE, &answer).unwrap();
    }
    // The second key with its old signature, under a fresh `previous`.
    let mut old = liar.answer(ALICE, 3).update.unwrap();
    let leaf = liar.next.leaves[&liar.index(ALICE)].clone();
    old.previous = object_hash::previous(Some(&leaf)).to_vec();
    let committed = liar.answer(ALICE, 3).committed;
    liar.apply(&EntryUpdate {
        update: old,
        committed,
    });
    liar.seal();
    client.refuses(ALICE, &liar.get(ALICE), "kt.rollback");
    let outcome = check(
        &mut Client::of(&liar),
        &liar,
        Coverage::EveryEpoch,
        &every(&liar),
    );
    refused(outcome, "kt.rollback");
    let page = liar.history(ALICE, [1, 3, 5, 7], 0);
    let outcome = check(&mut Client::of(&liar), &liar, Coverage::ChangesOnly, &page);
    refused(outcome, "kt.rollback");
}

#[test]
fn an_entry_that_was_signed_for_another_place_is_a_rollback() {
    let (mut liar, alice, _) = two_users();
    // Signed for the empty place, and never applied then.
    let mut early = liar.draft_after(ALICE, None, &alice, "an early one");
    let leaf = liar.next.leaves[&liar.index(ALICE)].clone();
    early.update.previous = object_hash::previous(Some(&leaf)).to_vec();
    let mut inside = liar.clone();
    inside.apply(&early);
    inside.seal();
    let outcome = check(
        &mut Client::of(&liar),
        &inside,
        Coverage::EveryEpoch,
        &every(&inside),
    );
    refused(outcome, "kt.rollback");
    // One that doesn't say at all which entry it replaces, once the account has said so.
    let mut entry = Entry::decode(&early.update.key_value.value).unwrap();
    entry.previous.clear();
    early.update.key_value.value = entry.encode();
    let preimage = object_hash::key_value(&early.update.key_value);
    let signed = alice.sign_digitally(&preimage).unwrap();
    early.update.signatures = [(alice.id().to_string(), signed)].into();
    liar.apply(&early);
    liar.seal();
    let outcome = check(
        &mut Client::of(&liar),
        &liar,
        Coverage::EveryEpoch,
        &every(&liar),
    );
    refused(outcome, "kt.rollback");
}

#[test]
fn an_entry_does_not_vanish() {
    let (mut liar, _) = changing();
    let mut client = Client::of(&liar);
    client.see(ALICE, &liar.get(ALICE)).unwrap();
    let index = liar.index(ALICE);
    liar.next.leaves.remove(&index);
    liar.seal();
    client.refuses(ALICE, &liar.get(ALICE), "kt.vanished");
    let outcome = check(
        &mut Client::of(&liar),
        &liar,
        Coverage::EveryEpoch,
        &every(&liar),
    );
    refused(outcome, "kt.vanished");
    // Who has never seen her, and asks for changes only, sees that they lead elsewhere.
    let page = liar.history(ALICE, CHANGES, 0);
    let outcome = check(&mut Client::of(&liar), &liar, Coverage::ChangesOnly, &page);
    refused(outcome, "kt.history-gap");
}

#[test]
fn a_history_has_the_heads_that_were_seen() {
    let (liar, alice) = changing();
    let mut client = Client::of(&liar);
    let mut answer = liar.answer(ALICE, 5);
    answer.log_proof = Some(liar.log_proof(5, 6));
    client.see(ALICE, &answer).unwrap();
    // Another past that leads to the same place.
    let mut other = liar.clone();
    other.epochs.truncate(5);
    other.next.leaves.clone_from(&liar.epochs[4].leaves);
    other.next.updates.clear();
    let past = liar.epochs[4].leaves[&liar.index(ALICE)].clone();
    let update = other.draft_after(ALICE, Some(&past), &alice, "another third");
    other.apply(&update);
    other.seal();
    let mut page = every(&liar);
    page.values[5] = other.answer(ALICE, 5);
    page.values[5].log_proof = Some(other.log_proof(5, 6));
    let outcome = check(&mut client, &liar, Coverage::EveryEpoch, &page);
    refused(outcome, "kt.equivocation");
}

#[test]
fn times_in_a_history_do_not_go_back() {
    let (mut liar, ..) = two_users();
    liar.clock = -60;
    liar.seal();
    liar.clock = 60;
    liar.seal();
    let outcome = check(
        &mut Client::of(&liar),
        &liar,
        Coverage::EveryEpoch,
        &every(&liar),
    );
    refused(outcome, "kt.time");
}
