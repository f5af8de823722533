//! `workload` on a copy of what the registry reads of a checkout.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;

use support::{Outcome, User, checkout, outcome};

fn run(user: &User, args: &[&str]) -> Outcome {
    let mut command = user.command(args);
    command.current_dir(user.home().join("workloads/src"));
    outcome(command)
}

#[test]
fn a_new_workload_is_listed() {
    let user = checkout();
    let before = run(&user, &["workload", "list"]);
    assert_eq!(before.status, 0, "{before:?}");
    assert!(
        before.stdout.contains("python-hello(name: String)\n    "),
        "{before:?}"
    );

    let new = run(&user, &["workload", "new", "my-id"]);
    assert_eq!(new.status, 0, "{new:?}");
    assert!(
        new.stdout
            .starts_with("new      workloads/src/my_id.rs\nchanged  "),
        "{new:?}"
    );
    assert!(
        new.stderr.contains("cargo test -p sconce-workloads"),
        "{new:?}"
    );
    let list = run(&user, &["workload", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    let ids: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(
        ids,
        ["my-id", "python-fib", "python-hello", "secure-transaction"]
    );

    let again = run(&user, &["workload", "new", "my-id"]);
    assert_eq!((again.status, again.stdout.as_str()), (2, ""));
    let bad = run(&user, &["workload", "new", "My Id"]);
    assert_eq!(bad.status, 2, "{bad:?}");
}

#[test]
fn disagreements_are_shown_with_file_and_line() {
    let user = checkout();
    let list = user.home().join("workloads.json");
    let text = fs::read_to_string(&list)
        .unwrap()
        .replace("python-hello", "python-hullo");
    fs::write(&list, text).unwrap();
    let outcome = run(&user, &["workload", "list"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""));
    assert!(outcome.stderr.contains("workloads.json:"), "{outcome:?}");

    // A platform says the same, before cargo is asked.
    let folder = user.home().join("data");
    let folder = folder.to_str().unwrap();
    let up = ["up", "--listener", "localhost:0", "--data-dir", folder];
    let outcome = run(&user, &up);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""));
    for text in ["workloads.json:", "nothing was built"] {
        assert!(outcome.stderr.contains(text), "{outcome:?}");
    }
    assert!(!outcome.stderr.contains("building"), "{outcome:?}");
}

#[test]
fn outside_a_checkout_it_says_so() {
    let user = User::new();
    let mut command = user.command(["workload", "list"]);
    command.current_dir(user.home());
    let outcome = outcome(command);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("no checkout"), "{outcome:?}");
}
