//! `order`, and the journal that it reads, against a listener in the test's own process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::os::unix::fs::PermissionsExt;

use protocol::Reason;
use serde_json::{Value, json};
use support::listener::{Fake, WORKER};
use support::{User, parsed, submit};

#[test]
fn an_order_can_be_fetched_later() {
    let listener = Fake::default().start();
    let user = User::new();
    let sent = submit(&user, &listener, &["--no-wait"]);
    let id = sent.stdout.trim();
    assert_eq!((sent.status, id.len()), (0, 64), "{sent:?}");
    assert!(
        sent.stderr
            .contains(&format!("sconce order get {}", &id[..16])),
        "{sent:?}"
    );
    assert!(listener.calls_of("WorkOrderGetResult").is_empty());

    let listed = user.run(["order", "list"]);
    let row: Vec<_> = listed.stdout.split_whitespace().collect();
    assert_eq!(
        [row[0], row[4], row[5], row[6]],
        [&id[..16], "python-hello", WORKER, "accepted"]
    );

    let got = user.run(["order", "get", &id[..8]]);
    assert_eq!(
        (got.status, got.stdout.as_str()),
        (0, "Hello Mujtaba\n"),
        "{got:?}"
    );
    let listed = parsed(&user.run(["order", "list", "--json"]));
    assert_eq!(listed[0]["state"], "answered");
    assert_eq!(listed[0]["workOrderId"], id);
    let gone = user.run(["order", "get", id, "-u", "http://127.0.0.1:1"]);
    assert_eq!(gone.status, 1);
    let got = parsed(&user.run(["order", "get", id, "--json"]));
    assert_eq!(got["outputs"], json!([{ "text": "Hello Mujtaba" }]));
}

#[test]
fn the_journal_is_its_owners_alone() {
    let listener = Fake::default().start();
    let user = User::new();
    submit(&user, &listener, &[]);
    let folder = user.home().join(".local/state/sconce/orders");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1);
    assert_eq!(mode(&files[0]), 0o600);
    let text = std::fs::read_to_string(&files[0]).unwrap();
    assert!(!text.contains("Mujtaba"), "{text}");

    let entry: Value = serde_json::from_str(&text).unwrap();
    let log = submit(&user, &listener, &["-vv", "-o"]).stderr;
    assert!(!log.contains(entry["sessionKey"].as_str().unwrap()));
    assert!(!log.contains("Mujtaba"), "{log}");
}

#[test]
fn an_answered_order_stays_answered_and_others_fail_for_good_reasons_only() {
    let cases = [
        (Reason::WorkloadInput, "failed", true),
        (Reason::OrderIntegrity, "failed", true),
        (Reason::WorkerLost, "failed", true),
        (Reason::Busy, "accepted", false),
        (Reason::LimitRate, "accepted", false),
        (Reason::Internal, "accepted", false),
        (Reason::OrderUnknown, "accepted", false),
        (Reason::AccessDenied, "accepted", false),
    ];
    for (reason, state, finished) in cases {
        let honest = Fake::default().start();
        let liar = Fake {
            raw: Some(
                json!({"error": protocol::envelope::ErrorObject::for_client(reason)})
                    .to_string()
                    .into(),
            ),
            ..Fake::default()
        }
        .start();
        let user = User::new();
        let listed = || {
            let entry = parsed(&user.run(["order", "list", "--json"]))[0].take();
            (
                entry["state"].clone(),
                entry["finished"].clone(),
                entry["reason"].clone(),
            )
        };
        let id = submit(&user, &honest, &["--no-wait", "-q"]).stdout;
        let refused = user.run(["order", "get", id.trim(), "--no-wait", "-u", &liar.uri]);
        assert_eq!(refused.status, 1, "{refused:?}");
        let wanted = if finished {
            json!(reason.code())
        } else {
            Value::Null
        };
        assert_eq!(listed(), (json!(state), json!(finished), wanted));
        // The answer can be fetched still; whatever is said afterwards changes nothing.
        let got = user.run(["order", "get", id.trim()]);
        assert_eq!(got.stdout, "Hello Mujtaba\n");
        user.run(["order", "get", id.trim(), "--no-wait", "-u", &liar.uri]);
        assert_eq!(listed(), (json!("answered"), json!(true), Value::Null));
    }
}

#[test]
fn a_damaged_entry_hides_no_other_and_old_leftovers_go() {
    let listener = Fake::default().start();
    let user = User::new();
    let id = submit(&user, &listener, &["--no-wait", "-q"]).stdout;
    let folder = user.home().join(".local/state/sconce/orders");
    std::fs::write(folder.join("abcdef.json"), "{\"uri\":").unwrap();
    let old = folder.join("0a.17.new");
    std::fs::write(&old, "a session key").unwrap();
    let hours = std::time::Duration::from_secs(2 * 3600);
    let file = std::fs::File::options().write(true).open(&old).unwrap();
    file.set_modified(std::time::SystemTime::now() - hours)
        .unwrap();
    let young = folder.join("0b.18.new");
    std::fs::write(&young, "another's, who is writing").unwrap();

    let listed = user.run(["order", "list", "--json"]);
    assert_eq!(listed.status, 0);
    assert!(
        listed.stderr.contains("abcdef.json is not an entry"),
        "{listed:?}"
    );
    let listed = parsed(&listed);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["workOrderId"], id.trim());

    submit(&user, &listener, &["-q"]);
    assert!(!old.exists() && young.exists());
}

#[test]
fn an_order_that_is_not_finished_or_not_known() {
    let listener = Fake {
        pending: 1,
        ..Fake::default()
    }
    .start();
    let user = User::new();
    let id = submit(&user, &listener, &["--no-wait", "-q"]).stdout;
    let early = user.run(["order", "get", id.trim(), "--no-wait"]);
    assert_eq!(early.status, 1);
    assert!(early.stderr.contains("is not finished"), "{early:?}");
    assert_eq!(
        user.run(["order", "get", id.trim()]).stdout,
        "Hello Mujtaba\n"
    );
    let unknown = user.run(["order", "get", "ffffffff"]);
    assert_eq!(unknown.status, 1);
    assert!(unknown.stderr.contains("sconce order list"), "{unknown:?}");
}

#[test]
fn no_journal_keeps_nothing_and_a_broken_one_is_no_obstacle() {
    let listener = Fake::default().start();
    let user = User::new();
    submit(&user, &listener, &["--no-journal"]);
    assert!(!user.home().join(".local").exists());

    std::fs::write(user.home().join(".local"), "a file in the way").unwrap();
    let outcome = submit(&user, &listener, &["-o"]);
    assert_eq!(
        outcome.stdout,
        "Decryption result at client - Hello Mujtaba\n"
    );
    assert!(
        outcome.stderr.contains("not in your journal"),
        "{outcome:?}"
    );
    let outcome = submit(&user, &listener, &["--no-wait"]);
    assert_eq!(
        (outcome.status, outcome.stdout.as_str()),
        (1, ""),
        "{outcome:?}"
    );
    assert_eq!(listener.calls_of("WorkOrderSubmit").len(), 2);
}

#[test]
fn failures_are_json_too_where_results_are() {
    let user = User::new();
    // Nobody listens at a port that was just given back.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    for command in [
        &["worker", "list"][..],
        &["worker", "show", "x"],
        &["receipt", "list", "--worker", "x"],
        &["bench"],
    ] {
        let outcome = user.run(command.iter().chain(&["--json", "--uri", &uri]));
        assert_eq!(outcome.status, 1, "{outcome:?}");
        let message = &parsed(&outcome)["error"]["message"];
        assert!(message.as_str().unwrap().contains(&uri), "{outcome:?}");
    }
}
