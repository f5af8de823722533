//! What `--help` says, and how a command line is refused.

mod support;

use support::User;

/// Every command line that has a help page.
const COMMANDS: &[&str] = &[
    "",
    "demo",
    "up",
    "config",
    "config show",
    "config check",
    "config example",
    "status",
    "bench",
    "drill",
    "down",
    "host",
    "vault",
    "keys",
    "keys list",
    "keys rotate",
    "keys retire",
    "upgrade",
    "pool",
    "pool open",
    "pool show",
    "pool close",
    "session",
    "session create",
    "session show",
    "session update",
    "session audit",
    "submit",
    "verify",
    "worker",
    "worker list",
    "worker show",
    "order",
    "order get",
    "order list",
    "receipt",
    "receipt create",
    "receipt show",
    "receipt list",
    "receipt update",
    "workload",
    "workload new",
    "workload list",
];

#[test]
fn help_pages() {
    for command in COMMANDS {
        let args = command.split_whitespace().chain(["--help"]);
        let outcome = User::new().run(args);
        assert_eq!(
            (outcome.status, outcome.stderr.as_str()),
            (0, ""),
            "{command}"
        );
        let name = format!("help {command}").trim().replace(' ', "_");
        insta::assert_snapshot!(name, outcome.stdout);
    }
}

#[test]
fn command_lines_that_cannot_be_used_end_with_2() {
    let user = User::new();
    for args in [
        &[][..],
        &["sumbit"],
        &["submit"],
        &["submit", "-w", "x"],
        &["submit", "-w", "x", "-wx", "ab", "-l", "y"],
        &["submit", "-w", "x", "-l", "y", "--key-file", "k"],
        &["submit", "-w", "x", "-l", "y", "--timeout", "0"],
        &["submit", "-w", "x", "-l", "y", "--no-wait", "--no-journal"],
        &["submit", "-w", "x", "-l", "y", "-m", "other"],
        &["submit", "-wx", "xyz", "-l", "y"],
        &["submit", "-wx", "123", "-l", "y"],
        &["submit", "-w", "x", "-l", "y", "-i", "-3 ab"],
        &["submit", "-w", "x", "-l", "y", "-u", "localhost:1947"],
        &["submit", "-w", "x", "-l", "y", "-u", "ftp://localhost:1947"],
        &["submit", "-w", "x", "-l", "y", "--in_data_file", "/nowhere"],
        &[
            "submit",
            "-w",
            "x",
            "-l",
            "y",
            "-rs",
            "--key-file",
            "/dev/null",
        ],
        &["order", "get", "abc"],
        &["receipt"],
        &["receipt", "create"],
        &["receipt", "create", "abc"],
        &["receipt", "create", "abcd", "--status", "done"],
        &["receipt", "list"],
        &["receipt", "list", "--status", "5"],
        &["receipt", "list", "--requester", "xy"],
        &["receipt", "update", "abcd"],
        &["receipt", "show", "ab"],
        &["-q", "-v", "order", "list"],
        &["up", "--listener", "localhost"],
        &["up", "--mode", "both"],
        &["up", "--workers", "65"],
        &["up", "--workers", "0"],
        &["up", "--threads", "0"],
        &["up", "--workers", "2", "--worker", "a"],
        &["up", "--worker", "no name"],
        &["up", "--processes", "0"],
        &["up", "--config", "/nowhere"],
        &["up", "--set", "limits.body"],
        &["up", "--set", "limits.body=8 apples"],
        &["config", "check", "/nowhere"],
        &["up", "--static-worker", "x"],
        &[
            "host",
            "--worker",
            "x",
            "--program",
            "y",
            "--manager",
            "tcp://127.0.0.1:1",
        ],
    ] {
        let outcome = user.run(args);
        assert_eq!(outcome.status, 2, "{args:?}: {outcome:?}");
        assert!(!outcome.stderr.is_empty(), "{args:?}");
        assert_eq!(outcome.stdout, "", "{args:?}");
    }
}
