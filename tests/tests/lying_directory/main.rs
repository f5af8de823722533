//! `sconce keys`, `sconce kt audit` and a directory that lies over HTTP, with its lies properly signed.

#[path = "../../../transparency/tests/lies/liar.rs"]
#[allow(dead_code, reason = "more than these tests need")]
mod liar;
mod server;

use std::path::PathBuf;
use std::process::Output;

use liar::Liar;
use sconce_tests::command::sconce;
use sconce_tests::complaint::Complaint;
use serde_json::Value;
use server::Server;
use tempfile::TempDir;
use transparency::signature::SigningKey;

const ALICE: &str = "alice@example.com";

/// A user's machine, which knows a directory.
struct Machine {
    home: TempDir,
    pinned: String,
    key: PathBuf,
}

impl Machine {
    fn of(server: &Server, key: &SigningKey) -> Self {
        let home = TempDir::new().unwrap();
        let pinned = server.pinned(home.path()).to_str().unwrap().to_owned();
        let file = home.path().join("alice.pem");
        std::fs::write(&file, &*key.to_pem()).unwrap();
        Self {
            home,
            pinned,
            key: file,
        }
    }

    fn keys(&self, command: &str, user: &str, more: &[&str]) -> Output {
        let mut arguments = vec!["keys", command, user, "--directory", &self.pinned];
        arguments.extend(more);
        sconce(self.home.path(), &arguments)
    }

    #[track_caller]
    fn refuses(&self, command: &str, more: &[&str], code: &str) {
        let output = self.keys(command, ALICE, more);
        Complaint::read(&output, 1, code, true).unwrap_or_else(|fault| panic!("{fault}"));
    }

    #[track_caller]
    fn json(&self, command: &str, more: &[&str]) -> Value {
        let more = [&["--json"], more].concat();
        let output = self.keys(command, ALICE, &more);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn key(&self) -> &str {
        self.key.to_str().unwrap()
    }
}

/// A directory with Alice in it.
fn alices() -> (Server, SigningKey) {
    let mut liar = Liar::new();
    let key = SigningKey::generate().unwrap();
    liar.put(ALICE, &key, "alice's key");
    (Server::start(liar), key)
}

#[test]
fn owners_put_and_watch_their_keys() {
    let (server, key) = alices();
    let machine = Machine::of(&server, &key);
    let seen = machine.json("get", &[]);
    assert_eq!(
        (&seen["present"], &seen["epoch"]),
        (&true.into(), &1.into())
    );
    assert_eq!(seen["log"]["state"], "included");
    let file = machine.home.path().join("next");
    std::fs::write(&file, "alice's next key").unwrap();
    let file = file.to_str().unwrap();
    let app = format!("app={file}");
    let put = machine.json("put", &["--key", machine.key(), "--app", &app]);
    assert_eq!(put["chained"], true);
    let bare = machine.keys("get", ALICE, &["--app", "app"]);
    assert_eq!(bare.stdout.trim_ascii(), b"alice's next key");
    assert_eq!(
        machine.json("verify", &["--key", file])["found"]["app"],
        "app"
    );
    for more in [&[][..], &["--every-epoch"]] {
        let history = machine.json("history", more);
        assert_eq!(history["changes"].as_array().unwrap().len(), 2);
        assert_eq!(history["complete"], true);
    }
    let watched = machine.keys("monitor", ALICE, &["--once", "--key", machine.key()]);
    assert!(watched.status.success(), "{watched:?}");
    // Another's key is not the one that the directory has.
    machine.refuses("verify", &["--key", machine.key()], "directory.keys");
    let stranger = machine.home.path().join("stranger.pem");
    let stranger = stranger.to_str().unwrap();
    let more = ["--key", stranger, "--new-key", "--app", &app];
    machine.refuses("put", &more, "kt.update-signature");
}

#[test]
fn lies_in_answers_end_commands_with_their_codes() {
    let (server, key) = alices();
    let machine = Machine::of(&server, &key);
    let lie = |code, lie: fn(&mut transparency::messages::GetEntryResponse)| {
        server.lies(lie);
        machine.refuses("get", &[], code);
    };
    lie("kt.committed-missing", |answer| answer.committed = None);
    lie("kt.commitment", |answer| {
        answer.committed.as_mut().unwrap().data = b"\x0a\x07\x0a\x03app\x12\x00".to_vec();
    });
    lie("kt.inclusion", |answer| {
        answer.committed = None;
        answer.leaf_proof.as_mut().unwrap().leaf_data.clear();
    });
    lie("kt.neighbors", |answer| {
        answer.leaf_proof.as_mut().unwrap().neighbors.pop();
    });
    lie("kt.vrf", |answer| answer.vrf_proof[5] ^= 1);
    lie("kt.head-signature", |answer| {
        let head = &mut answer.smh.as_mut().unwrap().map_head;
        head.as_mut().unwrap().epoch += 1;
    });
    lie("kt.sct", |answer| answer.smh_sct.push(0));
    lie("kt.log", |answer| answer.log_proof = None);
    lie("kt.form", |answer| answer.smh = None);
    server.lies(|_| ());
    machine.json("get", &[]);
}

#[test]
fn a_second_head_and_an_old_one_are_seen_in_the_next_run() {
    let (server, key) = alices();
    let machine = Machine::of(&server, &key);
    let early = server.state.lock().unwrap().liar.clone();
    let mut other = early.clone();
    server.state.lock().unwrap().liar.put(ALICE, &key, "second");
    machine.json("get", &[]);
    let honest = server.state.lock().unwrap().liar.clone();
    // Another epoch 2, with another key of Alice's.
    other.put(ALICE, &SigningKey::generate().unwrap(), "mallory's key");
    server.state.lock().unwrap().liar = other;
    machine.refuses("get", &[], "kt.equivocation");
    server.state.lock().unwrap().liar = early;
    machine.refuses("get", &[], "kt.epoch-old");
    server.state.lock().unwrap().liar = honest;
    machine.json("get", &[]);
    // A log that was written again behind an unchanged newest state.
    let mut state = server.state.lock().unwrap();
    state.liar.epochs[0].logged = [9; 32];
    state.liar.seal();
    drop(state);
    machine.refuses("get", &[], "kt.log");
}

#[test]
fn a_swapped_key_alarms_its_owner_and_shows_in_its_history() {
    let (server, key) = alices();
    let machine = Machine::of(&server, &key);
    let monitor = ["--once", "--key", machine.key()];
    let watched = machine.keys("monitor", ALICE, &monitor);
    assert!(watched.status.success(), "{watched:?}");
    let mallory = SigningKey::generate().unwrap();
    let mut state = server.state.lock().unwrap();
    state.liar.put(ALICE, &mallory, "mallory's key");
    drop(state);
    machine.refuses("monitor", &monitor, "kt.unsigned-change");
    machine.refuses("history", &[], "kt.unsigned-change");
    // The change left out of the history.
    server.state.lock().unwrap().lie_of_history = Box::new(|page| {
        page.values.retain(|one| {
            let head = one.smh.as_ref().and_then(|smh| smh.map_head.as_ref());
            head.is_some_and(|head| head.epoch != 2)
        });
    });
    machine.refuses("history", &[], "kt.history-gap");
    machine.refuses("history", &["--every-epoch"], "kt.history-gap");
    // Gone altogether.
    let mut state = server.state.lock().unwrap();
    let index = state.liar.index(ALICE);
    state.liar.next.leaves.remove(&index);
    state.liar.seal();
    drop(state);
    machine.refuses("get", &[], "kt.vanished");
}

/// A colleague may change the entry too. That the owner looks at it, or changes it, hides nothing from the
/// owner's monitor.
#[test]
fn a_colleagues_change_alarms_an_owner_who_has_looked_since() {
    let (server, key) = alices();
    let machine = Machine::of(&server, &key);
    let monitor = ["--once", "--key", machine.key()];
    let watched = machine.keys("monitor", ALICE, &monitor);
    assert!(watched.status.success(), "{watched:?}");
    let colleague = SigningKey::generate().unwrap();
    let files = ["theirs.pem", "theirs.pub.pem", "own.pub.pem"];
    let [theirs, public, own] = files.map(|name| machine.home.path().join(name));
    std::fs::write(&theirs, &*colleague.to_pem()).unwrap();
    std::fs::write(&public, colleague.verifying_key().to_pem()).unwrap();
    std::fs::write(&own, key.verifying_key().to_pem()).unwrap();
    let [theirs, public, own] = [&theirs, &public, &own].map(|file| file.to_str().unwrap());
    let both = ["--authorize", own, "--authorize", public];
    machine.json("put", &[&["--key", machine.key()][..], &both].concat());
    let app = format!("app={own}");
    machine.json("put", &["--key", theirs, "--app", &app]);
    let app = format!("app={public}");
    machine.json("put", &["--key", machine.key(), "--app", &app]);
    machine.json("history", &[]);
    machine.refuses("monitor", &monitor, "kt.foreign-change");
}

#[test]
fn an_owner_does_not_sign_what_the_directory_has_put_into_the_entry() {
    let (server, key) = alices();
    let machine = Machine::of(&server, &key);
    let mut state = server.state.lock().unwrap();
    let mut forged = state.liar.draft(ALICE, &key, "mallory's key");
    forged.update.signatures.clear();
    state.liar.apply(&forged);
    state.liar.seal();
    drop(state);
    let file = machine.home.path().join("next");
    std::fs::write(&file, "something else").unwrap();
    let app = format!("other={}", file.display());
    let more = ["--key", machine.key(), "--app", &app];
    machine.refuses("put", &more, "kt.unsigned-change");
}

#[test]
fn an_update_counts_when_it_is_proven() {
    let (server, key) = alices();
    let machine = Machine::of(&server, &key);
    server.state.lock().unwrap().applies = false;
    let file = machine.home.path().join("next");
    std::fs::write(&file, "alice's next key").unwrap();
    let app = format!("app={}", file.display());
    let more = ["--key", machine.key(), "--app", &app, "--wait", "500ms"];
    machine.refuses("put", &more, "directory.unconfirmed");
}

#[test]
fn answers_that_were_kept_are_verified_again() {
    let (server, key) = alices();
    let machine = Machine::of(&server, &key);
    let kept = machine.home.path().join("answer.json");
    let kept = kept.to_str().unwrap();
    machine.json("get", &["--save", kept]);
    let again = machine.json("verify", &["--answer", kept]);
    assert_eq!(again["epoch"], 1);
    let trust = server.state.lock().unwrap().liar.trust();
    let file = |name: &str, text: &str| {
        let file = machine.home.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (vrf, map) = (file("vrf", &trust.vrf_key), file("map", &trust.map_key));
    let log = file("log", trust.log_key.as_deref().unwrap());
    let verify = |answer: &str, user: &str| {
        let mut arguments = vec![
            "kt",
            "verify-response",
            "--vrf-key",
            &vrf,
            "--map-key",
            &map,
        ];
        arguments.extend(["--log-key", &log, "--realm", "liar.example", "--user", user]);
        arguments.push(answer);
        sconce(machine.home.path(), &arguments)
    };
    let told = verify(kept, ALICE);
    assert!(told.status.success(), "{told:?}");
    assert!(
        told.stdout
            .starts_with(b"Verified: alice@example.com is in")
    );
    Complaint::read(&verify(kept, "bob"), 1, "kt.vrf", true).unwrap();
    // Wrapped as answers to updates are.
    let bare = std::fs::read_to_string(kept).unwrap();
    let wrapped = file("wrapped", &format!("{{\"proof\":{bare}}}"));
    assert!(verify(&wrapped, ALICE).status.success());
    let forged = bare.replace("\"committed\"", "\"comitted\"");
    let forged = file("forged", &forged);
    Complaint::read(&verify(&forged, ALICE), 1, "kt.committed-missing", true).unwrap();
    let cut = file("cut", &bare[..bare.len() / 2]);
    assert_eq!(verify(&cut, ALICE).status.code(), Some(2));
    let lie = machine.home.path().join("lie.json");
    server.lies(|answer| answer.committed = None);
    machine.refuses(
        "get",
        &["--save", lie.to_str().unwrap()],
        "kt.committed-missing",
    );
    assert!(lie.is_file(), "the lie is not kept");
}

#[test]
fn an_auditor_names_each_lie() {
    let (server, key) = alices();
    let machine = Machine::of(&server, &key);
    let home = machine.home.path();
    let audit = |state: &str, more: &[&str]| {
        let state = home.join(state);
        let line = [
            "kt",
            "audit",
            "--once",
            "--trust",
            &machine.pinned,
            "--state",
        ];
        sconce(
            home,
            &[&line[..], &[state.to_str().unwrap()], more].concat(),
        )
    };
    let finds = |state: &str, code: &str, says: &str| {
        let complaint = Complaint::read(&audit(state, &[]), 1, code, true).unwrap();
        complaint.says(Some(says)).unwrap();
    };
    let lie = |lie: fn(&mut directory::feed::Page)| {
        server.state.lock().unwrap().lie_of_feed = Box::new(lie);
    };
    let good = audit("audit", &["--json"]);
    assert!(good.status.success(), "{good:?}");
    let good: Value = serde_json::from_slice(&good.stdout).unwrap();
    assert_eq!((&good["epochs"], &good["updates"]), (&2.into(), &1.into()));
    let early = server.state.lock().unwrap().liar.clone();
    server.state.lock().unwrap().liar.put(ALICE, &key, "second");

    // An update is not shown: its hole is seen, and so is what it does to the map.
    lie(|page| page.mutations.clear());
    finds("audit", "kt.audit-feed", "the feed of epoch 2");
    lie(|page| {
        page.mutations.clear();
        page.count = 0;
    });
    finds("audit", "kt.audit-root", "the updates up to epoch 2");
    lie(|page| {
        let head = page.smh.as_mut().and_then(|smh| smh.map_head.as_mut());
        head.unwrap().root[0] ^= 1;
    });
    finds("audit", "kt.audit-head", "the head of epoch");
    lie(|_| ());
    assert!(audit("audit", &[]).status.success());
    // Another log than the one that was audited.
    server.state.lock().unwrap().liar = early;
    finds("audit", "kt.audit-log", "the log of 2 heads");
    // Mallory's key in Alice's entry, for whoever looks at it first.
    let mallory = SigningKey::generate().unwrap();
    let mut state = server.state.lock().unwrap();
    state.liar.put(ALICE, &mallory, "mallory's key");
    drop(state);
    finds(
        "another",
        "kt.audit-update",
        "update 0 of epoch 2 was applied",
    );
}
