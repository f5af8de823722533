//! Lies about the state of the whole map: heads, the log, those who watch, and time.

use transparency::object_hash;
use transparency::sct::Sct;
use transparency::signature::SigningKey;
use transparency::verifier::{Logged, Verifier};

use crate::liar::{BEGAN, Liar};
use crate::{ALICE, BOB, Client, at, two_users};

#[test]
fn one_epoch_has_one_head() {
    let (mut liar, ..) = two_users();
    let mut other = liar.clone();
    let mallory = SigningKey::generate().unwrap();
    liar.put("carol", &SigningKey::generate().unwrap(), "carol's key");
    other.put(ALICE, &mallory, "mallory's key");
    // Each of the two is signed, logged and proven.
    let mut client = Client::of(&liar);
    client.see("carol", &liar.get("carol")).unwrap();
    Client::of(&liar).see(ALICE, &other.get(ALICE)).unwrap();
    client.refuses(ALICE, &other.get(ALICE), "kt.equivocation");
    // The epochs after it don't make up for it.
    other.seal();
    liar.seal();
    client.see("carol", &liar.get("carol")).unwrap();
    let late = other.answer(ALICE, 3);
    client.refuses(ALICE, &late, "kt.equivocation");
}

#[test]
fn one_epoch_has_one_time() {
    let (liar, ..) = two_users();
    let mut other = liar.clone();
    other.epochs.pop();
    other.clock = 5;
    other.seal();
    other.epochs[2].leaves.clone_from(&liar.epochs[2].leaves);
    let mut client = Client::of(&liar);
    client.see(ALICE, &liar.get(ALICE)).unwrap();
    client.refuses(ALICE, &other.get(ALICE), "kt.equivocation");
}

#[test]
fn an_old_epoch_is_refused() {
    let (liar, ..) = two_users();
    let mut client = Client::of(&liar);
    client.see(BOB, &liar.answer(BOB, 2)).unwrap();
    client.refuses(ALICE, &liar.answer(ALICE, 1), "kt.epoch-old");
    // A user who came with the newest epoch can't be hidden with the one before it.
    client.refuses(BOB, &liar.answer(BOB, 1), "kt.epoch-old");
}

#[test]
fn an_old_epoch_is_refused_beside_a_newer_log() {
    let (mut liar, ..) = two_users();
    // Nobody has seen anything yet: the log itself says that there are newer heads.
    let late = liar.answer(BOB, 1);
    let fault = Client::of(&liar).refuses(BOB, &late, "kt.epoch-old");
    assert!(fault.to_string().contains("epoch 1, and 2"), "{fault}");
    let mut client = Client::of(&liar);
    client.see(ALICE, &liar.get(ALICE)).unwrap();
    liar.seal();
    liar.seal();
    client.refuses(ALICE, &liar.answer(ALICE, 3), "kt.epoch-old");
    client.see(ALICE, &liar.get(ALICE)).unwrap();
}

#[test]
fn what_is_put_beside_a_head_is_not_remembered() {
    let (liar, ..) = two_users();
    let mut client = Client::of(&liar);
    let mut answer = liar.get(ALICE);
    let head = answer.smh.as_mut().unwrap();
    let signed = head.auditor_signatures.values().next().unwrap().clone();
    let strangers = (0..1000).map(|number| (number.to_string(), signed.clone()));
    head.auditor_signatures.extend(strangers);
    client.see(ALICE, &answer).unwrap();
    let text = serde_json::to_string(&client.memory).unwrap();
    assert!(text.len() < 2000, "{} bytes", text.len());
    let id = liar.keys.map.id().to_string();
    assert!(text.contains(&id), "the proof of what was signed: {text}");
}

#[test]
fn an_old_log_is_refused() {
    let (mut liar, ..) = two_users();
    liar.seal();
    let mut client = Client::of(&liar);
    client.see(ALICE, &liar.get(ALICE)).unwrap();
    liar.seal();
    let mut answer = liar.get(ALICE);
    client.see(ALICE, &answer).unwrap();
    answer.log_proof = Some(liar.log_proof(4, 5));
    client.see(ALICE, &answer).unwrap();
    let mut answer = liar.answer(ALICE, 3);
    answer.log_proof = Some(liar.log_proof(3, 4));
    client.refuses(ALICE, &answer, "kt.epoch-old");
}

#[test]
fn heads_are_signed_by_the_pinned_key() {
    let (liar, ..) = two_users();
    let mut client = Client::of(&liar);
    let mallory = SigningKey::generate().unwrap();
    let mut answer = liar.get(ALICE);
    let smh = answer.smh.as_mut().unwrap();
    let preimage = object_hash::map_head(smh.map_head.as_ref().unwrap());
    let forged = mallory.sign_digitally(&preimage).unwrap();
    let pinned = liar.keys.map.id().to_string();
    smh.signatures = [(mallory.id().to_string(), forged.clone())].into();
    client.refuses(ALICE, &answer, "kt.head-signature");
    // Under the pinned key's name.
    answer.smh.as_mut().unwrap().signatures = [(pinned, forged)].into();
    client.refuses(ALICE, &answer, "kt.head-signature");
    // An auditor's signature is no substitute.
    let smh = answer.smh.as_mut().unwrap();
    smh.signatures.clear();
    client.refuses(ALICE, &answer, "kt.head-signature");
}

#[test]
fn a_head_of_another_realm_is_refused() {
    let mut liar = Liar::new();
    let pinned = liar.trust();
    liar.realm = "other.example".to_owned();
    liar.seal();
    let mut client = Client::of(&liar);
    client.verifier = Verifier::new(&pinned).unwrap();
    client.refuses(ALICE, &liar.get(ALICE), "kt.realm");
}

#[test]
fn a_memory_of_another_realm_is_refused() {
    let (liar, ..) = two_users();
    let mut client = Client::of(&liar);
    client.see(ALICE, &liar.get(ALICE)).unwrap();
    let mut trust = liar.trust();
    trust.realm = "other.example".to_owned();
    trust.checkpoint_key = None;
    let mut other = Liar::new();
    other.keys = liar.keys.clone();
    let memory = serde_json::to_string(&client.memory).unwrap();
    let memory = memory.replace(
        "\"realm\":\"liar.example\",\"head\"",
        "\"realm\":\"x\",\"head\"",
    );
    client.memory = serde_json::from_str(&memory).unwrap();
    client.refuses(ALICE, &liar.get(ALICE), "kt.memory");
}

#[test]
fn a_head_that_was_not_logged_is_refused() {
    let (mut liar, ..) = two_users();
    liar.seal();
    let mut client = Client::of(&liar);
    let mut answer = liar.get(ALICE);
    answer.log_proof = None;
    client.refuses(ALICE, &answer, "kt.log");
    // The place of another head.
    answer.log_proof = Some(liar.log_proof(2, 4));
    client.refuses(ALICE, &answer, "kt.log");
    answer.log_proof.as_mut().unwrap().leaf_index = 3;
    client.refuses(ALICE, &answer, "kt.log");
    // A log that has another head in this place.
    let mut other = liar.clone();
    other.epochs.pop();
    other.clock = 9;
    other.seal();
    answer.log_proof = Some(other.log_proof(3, 4));
    client.refuses(ALICE, &answer, "kt.log");
    // A checkpoint that the log didn't sign.
    let mut unsigned = liar.log_proof(3, 4);
    unsigned.checkpoint = unsigned
        .checkpoint
        .replace("— liar.example/heads", "— other");
    answer.log_proof = Some(unsigned);
    client.refuses(ALICE, &answer, "kt.log");
    let mut short = liar.log_proof(3, 4);
    short.audit_path.pop();
    answer.log_proof = Some(short);
    client.refuses(ALICE, &answer, "kt.log");
    let mut resized = liar.log_proof(3, 4);
    resized.tree_size = 5;
    answer.log_proof = Some(resized);
    client.refuses(ALICE, &answer, "kt.log");
}

#[test]
fn a_promise_of_another_head_or_log_is_refused() {
    let (liar, ..) = two_users();
    let mut client = Client::of(&liar);
    let mut answer = liar.get(ALICE);
    answer.smh_sct = liar.epochs[1].sct.clone();
    client.refuses(ALICE, &answer, "kt.sct");
    let mallory = SigningKey::generate().unwrap();
    let forged = Sct::sign(&mallory, BEGAN as u64 * 1000, answer.smh.as_ref().unwrap());
    answer.smh_sct = forged.unwrap().encode().unwrap();
    client.refuses(ALICE, &answer, "kt.sct");
    answer.smh_sct = liar.epochs[2].sct.clone();
    answer.smh_sct.push(0);
    client.refuses(ALICE, &answer, "kt.sct");
    answer.smh_sct.clear();
    client.refuses(ALICE, &answer, "kt.sct");
}

#[test]
fn without_a_pinned_log_nothing_is_said_of_it() {
    let (liar, ..) = two_users();
    let mut client = Client::of(&liar);
    let mut trust = liar.trust();
    trust.checkpoint_key = None;
    client.verifier = Verifier::new(&trust).unwrap();
    let promised = client.see(ALICE, &liar.get(ALICE)).unwrap();
    assert_eq!(promised.logged(), Logged::Promised);
    trust.log_key = None;
    client.verifier = Verifier::new(&trust).unwrap();
    let unchecked = client.see(ALICE, &liar.get(ALICE)).unwrap();
    assert_eq!(unchecked.logged(), Logged::Unchecked);
}

#[test]
fn one_size_of_the_log_has_one_root() {
    let (mut liar, ..) = two_users();
    let mut other = liar.clone();
    // The same head of epoch 3 in both, and another epoch before it in the second one's log.
    liar.seal();
    other.epochs[1].logged = [9; 32];
    other.seal();
    let mut client = Client::of(&liar);
    client.see(ALICE, &liar.get(ALICE)).unwrap();
    let mut answer = liar.get(ALICE);
    answer.log_proof = Some(other.log_proof(3, 4));
    answer.smh_sct = other.epochs[3].sct.clone();
    answer.smh.clone_from(&Some(other.epochs[3].smh.clone()));
    client.refuses(ALICE, &answer, "kt.equivocation");
}

#[test]
fn a_log_that_was_written_again_has_no_proof_of_consistency() {
    let (mut liar, ..) = two_users();
    let mut client = Client::of(&liar);
    client.see(ALICE, &liar.get(ALICE)).unwrap();
    let mut other = liar.clone();
    liar.seal();
    other.epochs[1].logged = [9; 32];
    other.seal();
    // The new log is taken for now, and known not to be linked to the first.
    client.see(ALICE, &other.get(ALICE)).unwrap();
    assert_eq!(client.memory.newer_log().unwrap().size, 4);
    let verifier = client.verifier.clone();
    for proof in [other.consistency(3, 4), liar.consistency(3, 4), Vec::new()] {
        let fault = verifier.link(&proof, &mut client.memory).unwrap_err();
        assert_eq!(fault.code(), "kt.log");
        assert_eq!(client.memory.log().unwrap().size, 3);
    }
    let mut honest = Client::of(&liar);
    let mut first = liar.answer(ALICE, 2);
    first.log_proof = Some(liar.log_proof(2, 3));
    honest.see(ALICE, &first).unwrap();
    honest.see(ALICE, &liar.get(ALICE)).unwrap();
    verifier
        .link(&liar.consistency(3, 4), &mut honest.memory)
        .unwrap();
    assert_eq!(honest.memory.log().unwrap().size, 4);
    assert!(honest.memory.newer_log().is_none());
}

#[test]
fn witnesses_and_auditors_are_counted() {
    let (liar, ..) = two_users();
    let watched = Verifier::new(&liar.watched()).unwrap();
    let mut client = Client::of(&liar);
    client.verifier = watched;
    client.see(ALICE, &liar.get(ALICE)).unwrap();
    // Without the witness's line, or with another name's.
    let mut answer = liar.get(ALICE);
    let proof = answer.log_proof.as_mut().unwrap();
    let cosigned = proof.checkpoint.clone();
    let lines: Vec<_> = cosigned.lines().collect();
    proof.checkpoint = lines[..lines.len() - 1].join("\n") + "\n";
    client.refuses(ALICE, &answer, "kt.witnesses");
    let proof = answer.log_proof.as_mut().unwrap();
    proof.checkpoint = cosigned.replace("witness.example", "witness.other");
    client.refuses(ALICE, &answer, "kt.witnesses");
    // The cosignature of another checkpoint.
    let other = liar.checkpoint(2);
    let proof = answer.log_proof.as_mut().unwrap();
    proof.checkpoint =
        lines[..lines.len() - 1].join("\n") + "\n" + other.lines().last().unwrap() + "\n";
    client.refuses(ALICE, &answer, "kt.witnesses");
    let mut answer = liar.get(ALICE);
    answer.smh.as_mut().unwrap().auditor_signatures.clear();
    client.refuses(ALICE, &answer, "kt.auditors");
    let older = liar.epochs[1].smh.auditor_signatures.clone();
    answer.smh.as_mut().unwrap().auditor_signatures = older;
    client.refuses(ALICE, &answer, "kt.auditors");
}

#[test]
fn time_does_not_go_back_or_ahead() {
    let (mut liar, ..) = two_users();
    let mut client = Client::of(&liar);
    client.see_at(ALICE, &liar.get(ALICE), at(3)).unwrap();
    let mut late = liar.clone();
    liar.clock = -60;
    liar.seal();
    client.refuses(ALICE, &liar.get(ALICE), "kt.time");
    late.clock = 3600;
    late.seal();
    let ahead = client.see_at(ALICE, &late.get(ALICE), at(3));
    assert_eq!(ahead.unwrap_err().code(), "kt.time");
    // Without a clock nobody can tell.
    client.see(ALICE, &late.get(ALICE)).unwrap();
}

#[test]
fn a_stale_head_is_refused_where_the_policy_says_so() {
    let (liar, ..) = two_users();
    let mut client = Client::of(&liar);
    client
        .see_at(ALICE, &liar.get(ALICE), at(1_000_000))
        .unwrap();
    let mut trust = liar.trust();
    trust.max_age = Some(120);
    client.verifier = Verifier::new(&trust).unwrap();
    client.see_at(ALICE, &liar.get(ALICE), at(122)).unwrap();
    let stale = client.see_at(ALICE, &liar.get(ALICE), at(123));
    assert_eq!(stale.unwrap_err().code(), "kt.stale");
}
