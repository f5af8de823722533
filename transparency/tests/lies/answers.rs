//! Lies in single answers.

use transparency::memory::Memory;
use transparency::messages::{Committed, Profile};
use transparency::note::VerifierKey;
use transparency::signature::SigningKey;
use transparency::trust::Trust;
use transparency::verifier::{Confirmation, Logged, Verifier};

use crate::liar::Liar;
use crate::{ALICE, BOB, Client, two_users};

#[test]
fn the_truth_is_believed() {
    let (liar, ..) = two_users();
    let mut client = Client::of(&liar);
    let alice = client.see(ALICE, &liar.get(ALICE)).unwrap();
    assert_eq!(alice.app("app"), Some(b"alice's key".as_slice()));
    assert_eq!((alice.epoch(), alice.user()), (2, ALICE));
    assert!(matches!(alice.logged(), Logged::Included(log) if log.size == 3));
    assert_eq!(alice.present().unwrap().entry.authorized_keys.len(), 1);
    let nobody = client.see("carol", &liar.get("carol")).unwrap();
    assert!(nobody.present().is_none() && nobody.app("app").is_none());
    let watched = Verifier::new(&liar.watched()).unwrap();
    let bob = watched
        .verify(BOB, &liar.get(BOB), None, &mut client.memory)
        .unwrap();
    assert_eq!((bob.witnesses(), bob.auditors()), (1, 1));
}

#[test]
fn a_swapped_key_does_not_open_the_commitment() {
    let (liar, ..) = two_users();
    let mut answer = liar.get(ALICE);
    let data = Profile([("app".to_owned(), b"mallory's key".to_vec())].into()).encode();
    answer.committed.as_mut().unwrap().data = data;
    Client::of(&liar).refuses(ALICE, &answer, "kt.commitment");
}

#[test]
fn another_users_leaf_does_not_lead_to_the_root() {
    let (liar, ..) = two_users();
    let (mut answer, bob) = (liar.get(ALICE), liar.get(BOB));
    answer.committed = bob.committed;
    answer.leaf_proof = bob.leaf_proof;
    Client::of(&liar).refuses(ALICE, &answer, "kt.inclusion");
}

#[test]
fn a_key_that_is_not_in_the_map_does_not_lead_to_the_root() {
    let (liar, ..) = two_users();
    let mut other = liar.clone();
    other.put(ALICE, &SigningKey::generate().unwrap(), "mallory's key");
    let (mut answer, forged) = (liar.get(ALICE), other.get(ALICE));
    answer.committed = forged.committed;
    answer.leaf_proof = forged.leaf_proof;
    Client::of(&liar).refuses(ALICE, &answer, "kt.inclusion");
}

#[test]
fn a_user_who_is_there_cannot_be_shown_as_absent() {
    let (liar, ..) = two_users();
    let mut client = Client::of(&liar);
    let mut answer = liar.get(ALICE);
    answer.committed = None;
    answer.leaf_proof.as_mut().unwrap().leaf_data.clear();
    client.refuses(ALICE, &answer, "kt.inclusion");
    // With the proof of absence for another place.
    answer.leaf_proof = liar.get("carol").leaf_proof;
    client.refuses(ALICE, &answer, "kt.inclusion");
}

#[test]
fn another_place_of_the_same_user_has_no_proof() {
    let (liar, ..) = two_users();
    let mut client = Client::of(&liar);
    // Carol's place, where nobody is, with either proof.
    let (carol, alice) = (liar.get("carol"), liar.get(ALICE));
    client.refuses(ALICE, &carol, "kt.vrf");
    let mut answer = carol;
    answer.vrf_proof = alice.vrf_proof;
    client.refuses(ALICE, &answer, "kt.vrf");
    // The place that another key gives her.
    let mut keys = Liar::new();
    std::sync::Arc::get_mut(&mut keys.keys).unwrap().vrf =
        transparency::vrf::SecretKey::from_bytes(&[8; 32]).unwrap();
    let other = keys.get(ALICE);
    let mut answer = liar.get(ALICE);
    (answer.vrf, answer.vrf_proof) = (other.vrf, other.vrf_proof);
    client.refuses(ALICE, &answer, "kt.vrf");
}

#[test]
fn another_suite_than_the_pinned_one_is_refused() {
    let (liar, ..) = two_users();
    let mut answer = liar.get(ALICE);
    answer.vrf_suite = "P256-SHA512-PLAIN".to_owned();
    Client::of(&liar).refuses(ALICE, &answer, "kt.vrf");
    answer.vrf_suite.clear();
    Client::of(&liar).see(ALICE, &answer).unwrap();
}

#[test]
fn what_is_committed_to_cannot_be_withheld() {
    let (liar, ..) = two_users();
    let mut answer = liar.get(ALICE);
    answer.committed = None;
    Client::of(&liar).refuses(ALICE, &answer, "kt.committed-missing");
}

#[test]
fn nothing_is_committed_to_where_nobody_is() {
    let (liar, ..) = two_users();
    let mut answer = liar.get("carol");
    answer.committed = Some(Committed {
        key: vec![1; 16],
        data: Profile::default().encode(),
    });
    Client::of(&liar).refuses("carol", &answer, "kt.committed-extra");
}

#[test]
fn neighbors_cannot_be_left_out_or_cut_off() {
    let (liar, ..) = two_users();
    let mut client = Client::of(&liar);
    let honest = liar.get(ALICE);
    let neighbors = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut answer = honest.clone();
        change(&mut answer.leaf_proof.as_mut().unwrap().neighbors);
        answer
    };
    for answer in [
        neighbors(&Vec::clear),
        neighbors(&|all| all.truncate(255)),
        neighbors(&|all| all.push(Vec::new())),
        neighbors(&|all| {
            let sibling = all.iter_mut().find(|one| !one.is_empty());
            sibling.unwrap().truncate(31);
        }),
        neighbors(&|all| all[0].push(0)),
    ] {
        client.refuses(ALICE, &answer, "kt.neighbors");
    }
    let moved = neighbors(&|all| all.rotate_left(1));
    client.refuses(ALICE, &moved, "kt.inclusion");
}

#[test]
fn members_that_every_answer_has_are_demanded() {
    let (liar, ..) = two_users();
    let mut client = Client::of(&liar);
    let mut answer = liar.get(ALICE);
    answer.leaf_proof = None;
    client.refuses(ALICE, &answer, "kt.form");
    let mut answer = liar.get(ALICE);
    answer.smh.as_mut().unwrap().map_head = None;
    client.refuses(ALICE, &answer, "kt.form");
    answer.smh = None;
    client.refuses(ALICE, &answer, "kt.form");
}

#[test]
fn a_put_is_confirmed_by_proof_alone() {
    let (mut liar, alice, _) = two_users();
    let mut client = Client::of(&liar);
    client.see(ALICE, &liar.get(ALICE)).unwrap();
    let update = liar.draft(ALICE, &alice, "alice's next key");
    let leaf = update.update.key_value.value.clone();
    client.memory.announce(ALICE, &leaf);
    let verifier = client.verifier.clone();
    let confirm = |liar: &Liar, memory: &mut Memory| {
        verifier.confirm(ALICE, &liar.get(ALICE), &update, None, memory)
    };
    // What was there before is shown until the next epoch.
    let pending = confirm(&liar, &mut client.memory).unwrap();
    assert!(matches!(pending, Confirmation::Pending(_)));
    // The update in the old state's proof.
    let mut lenient = liar.get(ALICE);
    lenient.committed.clone_from(&update.committed);
    lenient.leaf_proof.as_mut().unwrap().leaf_data = leaf;
    client.refuses(ALICE, &lenient, "kt.inclusion");
    liar.apply(&update);
    liar.seal();
    let shown = confirm(&liar, &mut client.memory).unwrap();
    assert!(matches!(shown, Confirmation::Confirmed(_)));
}

#[test]
fn pins_that_cannot_be_used_are_refused() {
    let (liar, ..) = two_users();
    let refuses = |change: &dyn Fn(&mut Trust), member: &str| {
        let mut trust = liar.watched();
        change(&mut trust);
        let fault = Verifier::new(&trust).unwrap_err();
        assert_eq!(
            (fault.member, fault.code()),
            (member, "kt.trust"),
            "{fault}"
        );
    };
    refuses(&|trust| trust.realm.clear(), "realm");
    refuses(&|trust| trust.vrf_suite = "other".into(), "vrf_suite");
    refuses(&|trust| trust.vrf_key.clear(), "vrf_key");
    refuses(&|trust| trust.map_key = "key".into(), "map_key");
    refuses(&|trust| trust.log_key = Some(String::new()), "log_key");
    refuses(
        &|trust| trust.checkpoint_key = Some(trust.witnesses.keys[0].clone()),
        "checkpoint_key",
    );
    refuses(&|trust| trust.checkpoint_key = None, "witnesses");
    refuses(&|trust| trust.witnesses.threshold = 2, "witnesses");
    refuses(
        &|trust| trust.auditors.keys.push(trust.auditors.keys[0].clone()),
        "auditors",
    );
    refuses(
        &|trust| {
            let known = VerifierKey::parse(&trust.witnesses.keys[0]).unwrap();
            let named = VerifierKey::new("other.example", known.kind(), *known.key());
            trust.witnesses.keys.push(named.unwrap().to_string());
        },
        "witnesses",
    );
    let mut text = serde_json::to_value(liar.watched()).unwrap();
    let same = Trust::from_json(text.to_string().as_bytes()).unwrap();
    assert_eq!(same, liar.watched());
    text["witneses"] = 1.into();
    assert!(Trust::from_json(text.to_string().as_bytes()).is_err());
}
