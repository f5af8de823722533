//! What a program asks before it's ready: its host carries it to a vault, and nothing else.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use sconce_host::{Config, Handle, Keys, Provision, Unattested, VaultAddress, start};
use serde_json::{Value, json};

use crate::support::vault::{FakeVault, Request};
use crate::support::{PATIENCE, Peer, QUIET, config, eventually};

const FAILURE: &str = r#"{"error":{"code":"cas.measurement","message":"another"}}"#;

/// A host whose program asks for these paths.
fn asking(paths: &str, keys: Keys) -> Config {
    let mut config = config(&format!("asks {paths}"));
    // What the host adds is for the enclave program, and not for the test binary that it is.
    config.program_args.push("--".into());
    config.keys = keys;
    config
}

fn vault(address: impl Into<VaultAddress>) -> Keys {
    Keys::Vault(Provision {
        vault: address.into(),
        service: "avalon/scone-worker-1/g1".parse().unwrap(),
    })
}

/// What the program of this host was told.
fn told(host: &Handle) -> Vec<Value> {
    let told = Peer::req(host.endpoint().unwrap()).ask("told");
    let lines = told.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

#[expect(clippy::unnecessary_wraps, reason = "as answers are given")]
fn good(request: &Request) -> Option<(u16, &'static str)> {
    Some(match &*request.line {
        "GET /v1/evidence" => (200, r#"{"key":"k"}"#),
        "POST /v1/challenge" => (200, r#"{"nonce":"n","lifetimeSeconds":60}"#),
        _ => (403, FAILURE),
    })
}

#[test]
fn three_questions_are_carried_and_answered_as_the_vault_answers() {
    let fake = FakeVault::start(good);
    let keys = vault(fake.address);
    let host = start(asking("/v1/evidence /v1/challenge /v1/release", keys)).unwrap();
    let failure: Value = serde_json::from_str(FAILURE).unwrap();
    assert_eq!(
        told(&host),
        [
            json!({"status": 200, "body": {"key": "k"}}),
            json!({"status": 200, "body": {"nonce": "n", "lifetimeSeconds": 60}}),
            json!({"status": 403, "body": failure}),
        ]
    );
    let heard = fake.heard();
    let heard: Vec<(&str, &str)> = heard.iter().map(|(l, b)| (&**l, &**b)).collect();
    assert_eq!(
        heard,
        [
            ("GET /v1/evidence", ""),
            ("POST /v1/challenge", "{}"),
            ("POST /v1/release", r#"{"nonce":"n"}"#),
        ]
    );
}

#[test]
fn a_vault_that_is_away_is_waited_for() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let host = start(asking("/v1/evidence", vault(address))).unwrap();
    std::thread::sleep(QUIET);
    let fake = FakeVault::behind(TcpListener::bind(address).unwrap(), good);
    assert_eq!(told(&host), [json!({"status": 200, "body": {"key": "k"}})]);
    assert_eq!(fake.heard().len(), 1);
}

/// The first request of all is left without an answer.
fn lost_once(request: &Request) -> Option<(u16, &'static str)> {
    (request.earlier > 0).then_some((200, "{}"))
}

#[test]
fn what_does_no_harm_twice_is_asked_again() {
    let fake = FakeVault::start(lost_once);
    let host = start(asking("/v1/challenge", vault(fake.address))).unwrap();
    assert_eq!(told(&host), [json!({"status": 200, "body": {}})]);
    assert_eq!(fake.heard().len(), 2);
}

/// Its nonce may have been used: whether to begin anew is the program's to say.
#[test]
fn a_release_is_asked_for_once() {
    let fake = FakeVault::start(lost_once);
    let host = start(asking("/v1/release", vault(fake.address))).unwrap();
    let told = told(&host);
    assert_eq!(told[0]["status"], 0);
    assert_eq!(told[0]["body"]["error"]["code"], "vault.unreachable");
    assert_eq!(fake.heard().len(), 1);
}

#[test]
fn an_answer_that_is_none_of_a_vault_is_not_handed_on() {
    let fake = FakeVault::start(|_| Some((200, "<html>")));
    let host = start(asking("/v1/evidence", vault(fake.address))).unwrap();
    assert_eq!(told(&host)[0]["status"], 0);
}

/// The host goes on meanwhile, and ends when it's asked to.
#[test]
fn a_silent_vault_holds_up_nobody() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let keys = vault(silent.local_addr().unwrap());
    let host = start(asking("/v1/evidence", keys)).unwrap();
    std::thread::sleep(QUIET);
    let pid = host.pid().unwrap();
    let begin = Instant::now();
    host.stop().unwrap();
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn unattested_programs_get_the_keys_that_their_host_has() {
    let keys = Unattested {
        signing_key: "S".to_owned(),
        encryption_key: "E".to_owned(),
    };
    let paths = "/unattested /v1/release";
    let host = start(asking(paths, Keys::Unattested(Some(keys)))).unwrap();
    let told = told(&host);
    let expected = json!({"status": 200, "body": {"signingKey": "S", "encryptionKey": "E"}});
    assert_eq!(told[0], expected);
    assert_eq!(told[1]["status"], 404);
}

#[test]
fn who_has_nothing_says_so() {
    for (paths, keys) in [
        ("/unattested", Keys::Unattested(None)),
        ("/unattested /v1/evidence", Keys::None),
        (
            "/unattested",
            vault("127.0.0.1:1".parse::<VaultAddress>().unwrap()),
        ),
    ] {
        let host = start(asking(paths, keys)).unwrap();
        for told in told(&host) {
            assert_eq!(told["status"], 404);
            assert_eq!(told["body"]["error"]["code"], "provision.refused");
        }
    }
}

/// Each of these is started again and again, and never serves.
#[test]
fn other_questions_end_the_program() {
    let fake = FakeVault::start(good);
    for manner in ["asks twice at once", "asks for more"] {
        let mut config = config(manner);
        config.program_args.push("--".into());
        config.keys = vault(fake.address);
        let host = start(config).unwrap();
        let first = host.pid();
        eventually("it is started again", || {
            host.pid().is_some() && host.pid() != first
        });
    }
    assert!(fake.heard().iter().all(|(line, _)| !line.contains("audit")));
}

#[test]
fn who_is_ready_asks_no_more() {
    let fake = FakeVault::start(good);
    let host = start(asking("/v1/evidence", vault(fake.address))).unwrap();
    let peer = Peer::req(host.endpoint().unwrap());
    assert!(peer.ask("misbehave question").contains("worker.lost"));
    // The next one asks too, before it is ready.
    assert_eq!(told(&host).len(), 1);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(fake.heard().len(), 2);
}
