//! `receipt`, against a listener in the test's own process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::path::PathBuf;

use serde_json::json;
use support::listener::{Fake, Listener, WORKER};
use support::{User, parsed, submit};

const KEY: &str = "0101010101010101010101010101010101010101010101010101010101010101";

/// A user with a key file.
fn user() -> (User, PathBuf) {
    let user = User::new();
    let file = user.home().join("requester.key");
    std::fs::write(&file, KEY).unwrap();
    (user, file)
}

/// The id of a new order.
fn order(user: &User, listener: &Listener) -> String {
    let sent = submit(user, listener, &["--no-wait", "-q"]);
    sent.stdout.trim().to_owned()
}

#[test]
fn the_journal_knows_all_that_a_receipt_needs() {
    let listener = Fake::default().start();
    let user = User::new();
    let id = order(&user, &listener);
    let created = user.run(["receipt", "create", &id[..8]]);
    let line = format!("Receipt of order {id}: created, pending\n");
    assert_eq!((created.status, created.stdout), (0, line));
    assert!(created.stderr.contains("thrown away"), "{}", created.stderr);

    let sent = &listener.calls_of("WorkOrderReceiptCreate")[0];
    let submitted = &listener.calls_of("WorkOrderSubmit")[0];
    for name in ["workOrderId", "workerId", "requesterId"] {
        assert_eq!(sent[name], submitted[name], "{name}");
    }
    let shown = parsed(&user.run(["receipt", "show", &id[..8], "--json"]));
    assert_eq!(shown["status"], "pending");
    assert_eq!(shown["fitsYourOrder"], true);
    assert_eq!(shown["createdByYou"], true);
    assert_eq!(shown["receipt"], *sent);
    assert_eq!(shown["updates"], json!([]));

    let again = user.run(["receipt", "create", &id]);
    assert_eq!(again.status, 1);
    let advice = format!("sconce receipt show {}", &id[..16]);
    assert!(
        again.stderr.contains("receipt.taken") && again.stderr.contains(&advice),
        "{again:?}"
    );
    // Its key is gone.
    let update = user.run(["receipt", "update", &id, "--status", "failed"]);
    assert_eq!(update.status, 2);
    assert!(update.stderr.contains("--key-file"), "{update:?}");
}

#[test]
fn with_a_key_file_it_can_be_updated() {
    let listener = Fake::default().start();
    let (user, file) = user();
    let file = file.to_str().unwrap();
    let id = order(&user, &listener);
    let key = ["--key-file", file];
    let run = |args: &[&str]| user.run(args.iter().chain(&key));
    assert_eq!(run(&["receipt", "create", &id, "-q"]).status, 0);

    let failed = [
        "receipt", "update", &id, "--status", "failed", "--data", "late",
    ];
    let updated = run(&failed);
    let line = format!("Receipt of order {id}: now failed\n");
    assert_eq!(
        (updated.status, updated.stdout),
        (0, line),
        "{}",
        updated.stderr
    );
    let completed = run(&["receipt", "update", &id, "--status", "completed", "--json"]);
    let completed = parsed(&completed);
    assert_eq!(completed["data"].as_str().unwrap().len(), 64);
    assert_eq!(
        listener.calls_of("WorkOrderGetResult").len(),
        1,
        "fetched and verified"
    );

    let shown = user.run(["receipt", "show", &id]);
    assert_eq!((shown.status, shown.stderr.as_str()), (0, ""));
    assert!(
        shown.stdout.contains("status             completed\n"),
        "{shown:?}"
    );
    assert!(
        shown
            .stdout
            .contains("update 1           failed, by its creator: late\n"),
        "{shown:?}"
    );
    assert!(shown.stdout.contains("fits your order    yes"), "{shown:?}");

    let text = run(&[
        "receipt",
        "update",
        &id,
        "--status",
        "processed",
        "--data",
        "x",
    ]);
    assert_eq!(text.status, 2, "{text:?}");
    std::fs::write(user.home().join("other.key"), KEY.replace('1', "2")).unwrap();
    let other = user.home().join("other.key");
    let other = ["--key-file", other.to_str().unwrap()];
    let foreign = ["receipt", "update", &id, "--status", "pending"];
    let foreign = user.run(foreign.iter().chain(&other));
    assert_eq!(foreign.status, 2);
    assert!(foreign.stderr.contains("another key"), "{foreign:?}");
}

#[test]
fn the_key_of_the_order_is_the_key_of_its_receipt() {
    let listener = Fake::default().start();
    let (user, file) = user();
    let file = file.to_str().unwrap();
    let signed = ["--no-wait", "-q", "-rs", "--key-file", file];
    let id = submit(&user, &listener, &signed).stdout.trim().to_owned();
    let created = parsed(&user.run(["receipt", "create", &id, "--json"]));
    assert_eq!(
        (&created["keyKept"], &created["status"]),
        (&json!(true), &json!("pending"))
    );
    let order = &listener.calls_of("WorkOrderSubmit")[0];
    assert_eq!(created["receiptVerificationKey"], order["verifyingKey"]);
    let updated = user.run(["receipt", "update", &id, "--status", "rejected"]);
    assert_eq!(updated.status, 0, "{updated:?}");

    // Only where the key is, is kept.
    let entry = user
        .home()
        .join(format!(".local/state/sconce/orders/{id}.json"));
    let entry = std::fs::read_to_string(entry).unwrap();
    assert!(
        entry.contains("requester.key") && !entry.contains(KEY),
        "{entry}"
    );
    std::fs::remove_file(file).unwrap();
    let gone = user.run(["receipt", "update", &id, "--status", "pending"]);
    assert_eq!(gone.status, 2, "{gone:?}");
}

#[test]
fn submit_creates_a_receipt_when_asked() {
    let listener = Fake::default().start();
    let user = User::new();
    let sent = submit(&user, &listener, &["-r", "--json"]);
    let id = parsed(&sent)["workOrderId"].as_str().unwrap().to_owned();
    let shown = parsed(&user.run(["receipt", "show", &id, "--json"]));
    assert_eq!(
        (&shown["createdByYou"], &shown["status"]),
        (&json!(true), &json!("pending"))
    );
}

#[test]
fn receipts_of_others_are_verified_and_said_to_be() {
    let listener = Fake::default().start();
    let id = {
        let other = User::new();
        let id = order(&other, &listener);
        other.run(["receipt", "create", &id]);
        id
    };
    let user = User::new();
    let shown = user.run(["receipt", "show", &id, "-u", &listener.uri]);
    assert_eq!(shown.status, 0, "{shown:?}");
    assert!(
        shown
            .stdout
            .contains("not known: the order is not in your journal")
    );
    let part = user.run(["receipt", "show", &id[..8], "-u", &listener.uri]);
    assert_eq!(part.status, 1);
    let none = "ab".repeat(32);
    let none = user.run(["receipt", "show", &none, "-u", &listener.uri]);
    assert_eq!(none.status, 1);
    assert!(none.stderr.contains("receipt.unknown"), "{none:?}");

    let list = |more: &[&str]| {
        let base = ["receipt", "list", "-u", &listener.uri];
        user.run(base.iter().chain(more))
    };
    assert_eq!(list(&["--worker", WORKER]).stdout, format!("{id}\n"));
    let json = list(&["--worker", WORKER, "--json", "--status", "pending"]);
    assert_eq!(parsed(&json), json!([id]));
    let none = list(&["--worker", "another"]);
    assert_eq!((none.status, none.stdout.as_str()), (0, ""));
}

#[test]
fn forgeries_end_with_1() {
    let spoilt = Fake {
        edit_receipt: Box::new(|reply| {
            if reply["result"].get("receiptCreateStatus").is_some() {
                reply["result"]["receiptCreateStatus"] = 1.into();
            }
        }),
        ..Fake::default()
    };
    let listener = spoilt.start();
    let user = User::new();
    let id = order(&user, &listener);
    assert_eq!(user.run(["receipt", "create", &id]).status, 0);
    let shown = user.run(["receipt", "show", &id, "--json"]);
    assert_eq!(shown.status, 1);
    assert!(shown.stderr.contains("do not rely on it"), "{shown:?}");
    assert!(parsed(&shown)["error"]["message"].is_string());
}

#[test]
fn an_entry_of_an_earlier_release_has_no_request_hash() {
    let listener = Fake::default().start();
    let user = User::new();
    let id = order(&user, &listener);
    let path = user
        .home()
        .join(format!(".local/state/sconce/orders/{id}.json"));
    let mut entry: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for name in ["requestHash", "keyFile", "receiptKey"] {
        entry.as_object_mut().unwrap().remove(name).unwrap();
    }
    std::fs::write(&path, entry.to_string()).unwrap();
    let created = user.run(["receipt", "create", &id]);
    assert_eq!(created.status, 1);
    assert!(created.stderr.contains("earlier release"), "{created:?}");
    assert_eq!(
        user.run(["order", "get", &id]).status,
        0,
        "its answer opens"
    );
}
