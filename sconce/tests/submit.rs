//! `submit` and `worker` against a listener in the test's own process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use protocol::{Reason, WorkerId};
use serde_json::{Value, json};
use support::listener::{Fake, WORKER};
use support::{User, parsed, submit};

#[test]
fn the_promised_command_prints_the_promised_line() {
    let listener = Fake::default().start();
    let user = User::new();
    let line = [
        "submit",
        "--uri",
        &listener.uri,
        "-w",
        "scone-worker-1",
        "--workload_id",
        "python-hello",
        "--in_data",
        "Mujtaba",
        "-o",
        "--insecure-skip-verify",
    ];
    let outcome = user.run(line);
    assert_eq!(
        outcome.stdout,
        "Decryption result at client - Hello Mujtaba\n"
    );
    assert_eq!(outcome.status, 0);
    insta::assert_snapshot!(outcome.stderr, @r"
    warning: the worker is not verified (--insecure-skip-verify)
    warning: nothing attests that an enclave holds the worker's keys: whoever runs the listener or the worker may read what is sent
    ");
}

#[test]
fn every_way_to_write_an_option() {
    let listener = Fake::default().start();
    let user = User::new();
    let id = WorkerId::from_name(WORKER);
    let (uri, wx) = (listener.uri.as_str(), format!("-wx={id}"));
    for args in [
        &[
            "-u",
            uri,
            "-wx",
            id.as_str(),
            "-l",
            "w",
            "-i",
            "a",
            "b",
            "-o",
        ][..],
        &["-u", uri, &wx, "-l", "w", "--in-data", "a", "-o"],
        &[
            "--uri",
            uri,
            "--worker_id_hex",
            id.as_str(),
            "--workload-id",
            "w",
            "-i",
            "a",
            "-rs",
            "-o",
        ],
        &[
            "-u",
            uri,
            "--worker-id",
            WORKER,
            "-l",
            "w",
            "-p",
            "-i",
            "a",
            "--decrypted-output",
        ],
        &[
            "-u",
            uri,
            "-w",
            WORKER,
            "-l",
            "w",
            "-i",
            "a",
            "--requester_signature",
            "--avalon-iv",
            "-o",
        ],
        &[
            "-u", uri, "-w", WORKER, "-l", "w", "-i", "a", "-c", "f", "-m", "registry", "-t",
            "DCAP", "-o",
        ],
    ] {
        let submit = ["submit", "--insecure-skip-verify"];
        let outcome = user.run(submit.iter().chain(args));
        assert_eq!(
            outcome.stdout, "Decryption result at client - Hello a\n",
            "{outcome:?}"
        );
    }
    let sent = listener.calls_of("WorkOrderSubmit");
    let signed: Vec<_> = sent
        .iter()
        .map(|order| order["requesterSignature"] != "")
        .collect();
    assert_eq!(signed, [false, false, true, false, true, false]);
    assert_eq!(sent[0]["inData"].as_array().unwrap().len(), 2);
    assert_eq!(sent[3]["inData"][0]["encryptedDataEncryptionKey"], "-");
    let shared: Vec<_> = sent
        .iter()
        .map(|order| order["sessionKeyIv"].is_string())
        .collect();
    assert_eq!(shared, [false, false, false, false, true, false]);
}

#[test]
fn inputs_are_texts_numbers_and_files() {
    let listener = Fake::default().start();
    let user = User::new();
    let file = user.home().join("input");
    std::fs::write(&file, b"\xff\x00").unwrap();
    let base = [
        "submit",
        "-u",
        &listener.uri,
        "-w",
        WORKER,
        "-l",
        "w",
        "--json",
        "--insecure-skip-verify",
    ];
    let run = |more: &[&str]| parsed(&user.run(base.iter().chain(more)))["outputs"][0].clone();
    assert_eq!(run(&["-i", "-5"]), json!({ "text": "Hello -5" }));
    assert_eq!(run(&["-i", ""]), json!({ "text": "Hello " }));
    assert_eq!(run(&["-i=-3 ab"]), json!({ "text": "Hello -3 ab" }));
    let refused = user.run(base.iter().chain(&["-i", "-3 ab"]));
    assert!(refused.stderr.contains("-i=\"-3 ab\""), "{refused:?}");
    assert_eq!(
        run(&["--in_data_file", file.to_str().unwrap()]),
        json!({ "base64": "SGVsbG8g/wA=" })
    );
}

#[test]
fn a_key_file_signs_with_the_same_key_every_time() {
    let listener = Fake::default().start();
    let user = User::new();
    let file = user.home().join("key");
    std::fs::write(&file, format!("{}\n", "11".repeat(32))).unwrap();
    for (mode, warned) in [(0o644, true), (0o600, false)] {
        std::fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let options = ["-rs", "--key-file", file.to_str().unwrap()];
        let said = submit(&user, &listener, &options).stderr;
        assert_eq!(
            said.contains("can be read by other users"),
            warned,
            "{said}"
        );
    }
    let sent = listener.calls_of("WorkOrderSubmit");
    assert!(sent[0]["verifyingKey"].is_string());
    assert_eq!(sent[0]["verifyingKey"], sent[1]["verifyingKey"]);
}

#[test]
fn what_has_no_use_here_is_refused_with_what_to_do() {
    let user = User::new();
    let listener = Fake::default().start();
    let refusals: String = [&["-a", "0xab"][..], &["-b", "fabric"], &["-m", "listing"]]
        .map(|option| {
            let outcome = submit(&user, &listener, option);
            assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""));
            outcome.stderr
        })
        .concat();
    assert!(listener.calls().is_empty());
    insta::assert_snapshot!(refusals);
}

#[test]
fn failures_say_what_to_do_next() {
    let fakes = [
        (
            "workload",
            Fake {
                failure: Some((Reason::WorkloadInput, "expected a number")),
                ..Fake::default()
            },
        ),
        (
            "forged",
            Fake {
                edit_reply: Box::new(|reply| reply["result"]["workerNonce"] = "AAAA".into()),
                ..Fake::default()
            },
        ),
        (
            "other order",
            Fake {
                edit_reply: Box::new(|reply| reply["result"]["workOrderId"] = "ab".into()),
                ..Fake::default()
            },
        ),
        (
            "unsigned key",
            Fake {
                edit_record: Box::new(|record| {
                    record["details"]["workerTypeData"]["encryptionKeySignature"] = Value::Null;
                }),
                ..Fake::default()
            },
        ),
        (
            "inactive",
            Fake {
                edit_record: Box::new(|record| record["status"] = 2.into()),
                ..Fake::default()
            },
        ),
        (
            "no listener",
            Fake {
                status: "404 Not Found",
                ..Fake::default()
            },
        ),
    ];
    let worker = WorkerId::from_name(WORKER);
    let mut all = String::new();
    for (name, fake) in fakes {
        let listener = fake.start();
        let outcome = submit(&User::new(), &listener, &["-o", "-q"]);
        assert_eq!(
            (outcome.status, outcome.stdout.as_str()),
            (1, ""),
            "{outcome:?}"
        );
        let order = listener.calls_of("WorkOrderSubmit");
        let order = order
            .first()
            .map_or("no order", |order| order["workOrderId"].as_str().unwrap());
        let text = outcome
            .stderr
            .replace(order, "ORDER")
            .replace(worker.as_str(), "WORKER");
        let text = text.replace(order.get(..16).unwrap_or(order), "ORDER");
        all += &format!("# {name}\n{text}");
    }
    let gone = User::new().run(["submit", "-u", "http://127.0.0.1:1", "-w", "x", "-l", "y"]);
    assert_eq!(gone.status, 1);
    all += &format!("# nobody there\n{}", gone.stderr);
    let listener = Fake::default().start();
    let unknown = User::new().run(["submit", "-u", &listener.uri, "-w", "x", "-l", "y"]);
    assert_eq!(unknown.status, 1);
    all += &format!("# unknown worker\n{}", unknown.stderr);
    insta::assert_snapshot!(all);
}

#[test]
fn an_order_without_inputs_says_so_when_they_are_missed() {
    let fake = Fake {
        failure: Some((Reason::WorkloadInput, "expected a number")),
        ..Fake::default()
    };
    let listener = fake.start();
    let bare = ["submit", "-u", &listener.uri, "-w", WORKER, "-l", "w"];
    let outcome = User::new().run(bare.iter().chain(&["--insecure-skip-verify"]));
    assert!(
        outcome.stderr.contains("no input was sent: -i TEXT"),
        "{outcome:?}"
    );
}

#[test]
fn failures_are_json_too() {
    let fake = Fake {
        failure: Some((Reason::WorkloadInput, "expected a number")),
        ..Fake::default()
    };
    let outcome = submit(&User::new(), &fake.start(), &["--json"]);
    assert_eq!(outcome.status, 1);
    let error = &parsed(&outcome)["error"];
    assert_eq!(error["reason"], "workload.input");
    assert_eq!(error["detail"], "expected a number");
    assert_eq!(error["docs"], "docs/errors/workload.input.md");
}

#[test]
fn replies_of_other_listeners_are_understood() {
    let fake = Fake {
        edit_reply: Box::new(|reply| {
            reply.as_object_mut().unwrap().remove("id");
            reply.as_object_mut().unwrap().remove("jsonrpc");
        }),
        content_type: "application/json; charset=utf-8",
        sync: true,
        ..Fake::default()
    };
    let outcome = submit(&User::new(), &fake.start(), &["-o"]);
    assert_eq!(
        outcome.stdout,
        "Decryption result at client - Hello Mujtaba\n"
    );
}

#[test]
fn outputs_do_not_steer_a_terminal_and_are_raw_elsewhere() {
    const SPITEFUL: &str = "a\u{1b}[2J\u{9b}1m\u{202e}\tb\nc";
    let listener = Fake::default().start();
    let user = User::new();
    let base = [
        "submit",
        "-u",
        &listener.uri,
        "-w",
        WORKER,
        "-l",
        "w",
        "-i",
        SPITEFUL,
        "--insecure-skip-verify",
    ];
    let raw = format!("Hello {SPITEFUL}");
    let outcome = user.run(base.iter().chain(&["-o"]));
    let prefix = "Decryption result at client - ";
    assert_eq!(outcome.stdout, format!("{prefix}{raw}\n"));
    let outcome = user.run(base.iter().chain(&["--json"]));
    assert_eq!(parsed(&outcome)["outputs"], json!([{ "text": raw }]));
    assert!(outcome.stdout.is_ascii(), "{outcome:?}");
    let id = parsed(&outcome)["workOrderId"].as_str().unwrap().to_owned();

    let shown = "Hello a\\u{1b}[2J\\u{9b}1m\\u{202e}\tb\nc";
    let seen = support::on_terminal(user.command(base.iter().chain(&["-q", "-o"])));
    assert_eq!(seen, format!("{prefix}{shown}\n"));
    let seen = support::on_terminal(user.command(["order", "get", "-q", &id]));
    assert_eq!(seen, format!("{shown}\n"));

    let file = user.home().join("input");
    std::fs::write(&file, b"\xff\x00").unwrap();
    let mut command = user.command(&base[..7]);
    command.args(["--insecure-skip-verify", "-o", "--in_data_file"]);
    command.arg(&file);
    let outcome = command.output().unwrap();
    assert_eq!(
        outcome.stdout,
        [prefix.as_bytes(), b"Hello \xff\x00\n"].concat()
    );
}

#[test]
fn a_timeout_says_how_to_go_on() {
    let listener = Fake {
        pending: usize::MAX,
        ..Fake::default()
    }
    .start();
    let user = User::new();
    let slow = submit(&user, &listener, &["--timeout", "6", "-o"]);
    assert!(
        slow.stderr
            .contains("still waiting; the order is accepted, up to 1 s more"),
        "{slow:?}"
    );
    let late = submit(&user, &listener, &["--timeout", "1", "-o"]);
    assert!(!late.stderr.contains("still waiting"), "{late:?}");
    assert_eq!((late.status, late.stdout.as_str()), (1, ""));
    assert!(
        late.stderr.contains("fetch it later: sconce order get "),
        "{late:?}"
    );
    let listed = parsed(&user.run(["order", "list", "--json"]));
    assert_eq!(listed[0]["state"], "accepted");
}

#[test]
fn workers_are_listed_and_shown() {
    let listener = Fake::default().start();
    let user = User::new();
    let list = user.run(["worker", "list", "-u", &listener.uri]);
    let row: Vec<_> = list.stdout.split_whitespace().collect();
    assert_eq!([row[0], row[2], row[3]], [WORKER, "active", "unattested"]);
    let list = parsed(&user.run(["worker", "list", "--json", "-u", &listener.uri]));
    let id = WorkerId::from_name(WORKER);
    assert_eq!(
        list,
        json!([{ "name": WORKER, "id": id, "status": "active", "keys": "unattested" }])
    );

    let show = user.run(["worker", "show", WORKER, "-u", &listener.uri]);
    assert_eq!(show.status, 0);
    for text in [
        id.as_str(),
        "RSA 3072 bits",
        "not proved",
        "nothing attests",
    ] {
        assert!(show.stdout.contains(text), "{show:?}");
    }
    let by_id = user.run(["worker", "show", id.as_str(), "--json", "-u", &listener.uri]);
    assert_eq!(parsed(&by_id)["usable"], true);
    let unknown = user.run(["worker", "show", "nobody", "-u", &listener.uri]);
    assert_eq!(unknown.status, 1);
}
