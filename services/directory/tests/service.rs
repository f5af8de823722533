//! Users put, get and read histories; a verifier looks on.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails may panic"
)]

mod support;

use serde_json::Value;
use support::{Site, key, problem, update};
use transparency::json;
use transparency::memory::Memory;
use transparency::messages::{EntryUpdate, GetEntryResponse, History};
use transparency::note::{Note, VerifierKey};
use transparency::verifier::{Confirmation, Coverage};

#[test]
fn an_update_is_shown_by_the_next_epoch_and_verified() {
    let site = Site::start();
    let (verifier, mut memory) = (site.verifier(), Memory::default());
    let absent = site.get("alice");
    let verified = verifier
        .verify("alice", &absent, None, &mut memory)
        .unwrap();
    assert!(verified.present().is_none());
    assert_eq!(verified.epoch(), 0);

    let first = site.update("alice", &key(1), "one");
    let reply = site.put("alice", &first);
    assert_eq!(reply.status, 200, "{reply:?}");
    // The old state, at the top and inside `proof`.
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["vrf"], body["proof"]["vrf"]);
    let answer = json::read_put_answer(&reply.body).unwrap();
    let pending = verifier.confirm("alice", &answer, &first, None, &mut memory);
    assert!(matches!(pending.unwrap(), Confirmation::Pending(_)));

    assert_eq!(site.advance(), 1);
    let reply = site.put("alice", &first);
    let answer = json::read_put_answer(&reply.body).unwrap();
    let confirmed = verifier.confirm("alice", &answer, &first, None, &mut memory);
    assert!(matches!(confirmed.unwrap(), Confirmation::Confirmed(_)));
    let verified = verifier.verify("alice", &site.get("alice"), None, &mut memory);
    assert_eq!(verified.unwrap().app("notes"), Some(&b"one"[..]));
    verifier
        .verify("bob", &site.get("bob"), None, &mut memory)
        .unwrap();
}

#[test]
fn one_update_of_an_entry_an_epoch_and_the_first_wins() {
    let site = Site::start();
    let answer = site.get("alice");
    let [one, two] = ["one", "two"].map(|data| update(&answer, "alice", &key(1), data));
    assert_eq!(site.put("alice", &one).status, 200);
    assert_eq!(site.put("alice", &one).status, 200);
    let refused = site.put("alice", &two);
    assert_eq!(
        (refused.status, problem(&refused)),
        (400, (3, "directory.mutation".into()))
    );
    site.advance();
    let there = site.get("alice").leaf_proof.unwrap().leaf_data;
    assert_eq!(there, one.update.key_value.value);
    // Checked against what is published now.
    assert_eq!(site.put("alice", &two).status, 400);
    // Another key can't take over; the old one can hand over.
    let foreign = site.update("alice", &key(2), "mine");
    assert_eq!(site.put("alice", &foreign).status, 400);
    // An old value may not come back under a fresh `previous`.
    let back = EntryUpdate {
        update: transparency::messages::SignedKv {
            previous: site.update("alice", &key(1), "three").update.previous,
            ..one.update.clone()
        },
        ..one.clone()
    };
    site.put("alice", &site.update("alice", &key(1), "three"));
    site.advance();
    assert_eq!(site.put("alice", &back).status, 400);
}

#[test]
fn both_bodies_are_taken() {
    let site = Site::start();
    let body = json::write(&site.update("alice", &key(1), "one")).unwrap();
    let wrapped = [b"{\"entry_update\":", body.as_slice(), b"}"].concat();
    assert_eq!(site.client().put("/v1/user/alice", &wrapped).status, 200);
    assert_eq!(site.client().put("/v1/users/alice", &body).status, 200);
    site.advance();
    assert!(site.get("alice").committed.is_some());
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart() {
    let mut site = Site::start();
    let (trust, one) = (site.trust(), site.update("alice", &key(1), "one"));
    assert_eq!(site.put("alice", &one).status, 200);
    site.restart();
    assert_eq!(site.trust(), trust);
    assert!(site.get("alice").committed.is_none());
    let two = update(&site.get("alice"), "alice", &key(1), "two");
    assert_eq!(site.put("alice", &two).status, 400);
    assert_eq!(site.advance(), 1);
    let mut memory = Memory::default();
    let verified = site
        .verifier()
        .verify("alice", &site.get("alice"), None, &mut memory);
    assert_eq!(verified.unwrap().app("notes"), Some(&b"one"[..]));
    site.restart();
    assert_eq!(site.advance(), 2);
    site.verifier()
        .verify("alice", &site.get("alice"), None, &mut memory)
        .unwrap();
}

#[test]
fn histories_by_epoch_and_by_change() {
    let site = Site::start();
    site.put("alice", &site.update("alice", &key(1), "one"));
    for _ in 1..=3 {
        site.advance();
    }
    site.put("alice", &site.update("alice", &key(1), "two"));
    for _ in 4..=20 {
        site.advance();
    }
    let history = |query: &str| -> History {
        let path = format!("/v1/users/alice/history{query}");
        let reply = site.client().get(&path);
        assert_eq!(reply.status, 200, "{reply:?}");
        json::read(&reply.body).unwrap()
    };
    let epoch = |value: &GetEntryResponse| {
        let head = value.smh.as_ref().unwrap().map_head.as_ref();
        head.unwrap().epoch
    };
    let page = history("");
    let epochs: Vec<_> = page.values.iter().map(epoch).collect();
    assert_eq!(epochs, (0..16).collect::<Vec<_>>());
    assert_eq!(page.next_start, 16);
    let changed: Vec<_> = page
        .values
        .iter()
        .filter(|value| value.update.is_some())
        .collect();
    assert_eq!(
        changed.iter().map(|value| epoch(value)).collect::<Vec<_>>(),
        [1, 4]
    );
    assert!(page.values[0].committed.is_none() && page.values[1].committed.is_some());
    let last = history("?start=16&page_size=100");
    assert_eq!((last.values.len(), last.next_start), (5, 0));
    let some = history("?start=2&page_size=2");
    assert_eq!(
        (
            some.values.iter().map(epoch).collect::<Vec<_>>(),
            some.next_start
        ),
        (vec![2, 3], 4)
    );

    let changes = history("?changes_only=1&page_size=1");
    assert_eq!((changes.values.len(), changes.next_start), (1, 4));
    let changes = history("?changes_only=1&start=2");
    assert_eq!(changes.values.iter().map(epoch).collect::<Vec<_>>(), [4]);
    assert_eq!(
        changes.values[0].update.as_ref().unwrap().key_value.value,
        changes.values[0].leaf_proof.as_ref().unwrap().leaf_data
    );
    // Every value verifies, with its place in the log; and only the last one as the newest.
    let verifier = site.verifier();
    let mut memory = Memory::default();
    let newest = verifier.verify("alice", &last.values[4], None, &mut memory);
    let newest = newest.unwrap();
    let mut check = verifier.history(&newest, Coverage::EveryEpoch, None);
    let changes = check.page(&page, &memory).unwrap();
    assert_eq!((changes.len(), check.next_start()), (2, Some(16)));
    check.page(&last, &memory).unwrap();
    check.finish(&mut memory).unwrap();
    for value in page.values.iter().chain(&last.values[..4]) {
        let old = verifier.verify("alice", value, None, &mut Memory::default());
        assert_eq!(old.unwrap_err().code(), "kt.epoch-old");
    }
    // As the first description had it: parameters in the body of a GET.
    let body = br#"{"user_id":"alice","start":"20","page_size":3}"#;
    let reply = site.client().ask("GET", "/v1/user/alice/history", "", body);
    assert_eq!(json::read::<History>(&reply.body).unwrap().values.len(), 1);
}

#[test]
fn the_log_is_shown_in_tiles() {
    let site = Site::start();
    for _ in 0..259 {
        site.advance();
    }
    let mut client = site.client();
    let checkpoint = client.get("/v1/log/checkpoint");
    assert_eq!(checkpoint.header("cache-control"), Some("no-store"));
    let note = Note::parse(str::from_utf8(&checkpoint.body).unwrap()).unwrap();
    let key = site.trust().checkpoint_key.unwrap();
    note.verify(&VerifierKey::parse(&key).unwrap()).unwrap();
    assert!(note.text.starts_with("example.com/heads\n260\n"));
    let bytes = |path: &str| site.client().get(&format!("/v1/log/tile/{path}"));
    let whole = bytes("0/000");
    assert_eq!((whole.status, whole.body.len()), (200, 256 * 32));
    assert_eq!(bytes("0/001.p/4").body.len(), 4 * 32);
    assert_eq!(bytes("1/000.p/1").body.len(), 32);
    let entries = bytes("entries/001.p/4");
    let entries = transparency::tile::Bundle::decode(&entries.body).unwrap();
    assert_eq!(
        transparency::log::leaf_hash(entries[3])[..],
        bytes("0/001.p/4").body[96..]
    );
    for beyond in [
        "0/001",
        "0/001.p/5",
        "0/002.p/1",
        "1/000.p/2",
        "2/000.p/1",
        "entries/001",
        "7/000",
        "8/000",
        "0/000.p/0",
    ] {
        assert_eq!(bytes(beyond).status, 404, "{beyond}");
    }
}

#[test]
fn metrics_and_health() {
    let site = Site::start();
    site.put("alice", &site.update("alice", &key(1), "one"));
    site.advance();
    site.get("nobody");
    let mut client = site.client();
    assert_eq!(client.get("/healthz").status, 200);
    assert_eq!(client.get("/readyz").status, 200);
    let text = String::from_utf8(client.get("/metrics").body).unwrap();
    for line in [
        "sconce_directory_requests_total{route=\"put\",status=\"200\"} 1\n",
        "sconce_directory_applied_total 1\n",
        "sconce_directory_vrf_proofs_total 2\n",
        "sconce_directory_epoch 1\n",
        "sconce_directory_waiting 0\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}
