//! `sconce config`, and the layers of settings as `sconce up` reads them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use serde_json::Value;
use support::{Outcome, User, outcome, parsed};

/// A user whose data folder has this file of settings.
fn user_with(settings: &str) -> User {
    let user = User::new();
    let folder = user.home().join("data");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("sconce.toml"), settings).unwrap();
    user
}

/// `config show --json` in the user's data folder, with an environment and more arguments.
fn show(user: &User, environment: &[(&str, &str)], more: &[&str]) -> Outcome {
    let data = user.home().join("data");
    let line = [
        "config",
        "show",
        "--json",
        "--data-dir",
        data.to_str().unwrap(),
    ];
    let mut command = user.command(line.iter().chain(more));
    command.envs(environment.iter().copied());
    outcome(command)
}

/// Every setting by its key.
fn settings(outcome: &Outcome) -> BTreeMap<String, Value> {
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let list = parsed(outcome)["settings"].as_array().unwrap().clone();
    let by_key = |one: Value| (one["key"].as_str().unwrap().to_owned(), one);
    list.into_iter().map(by_key).collect()
}

/// Value and source of one.
fn of(outcome: &Outcome, key: &str) -> (Value, String) {
    let one = &settings(outcome)[key];
    (
        one["value"].clone(),
        one["source"].as_str().unwrap().to_owned(),
    )
}

#[test]
fn the_example_is_the_defaults() {
    let user = User::new();
    let example = user.run(["config", "example"]);
    assert_eq!((example.status, example.stderr.as_str()), (0, ""));
    assert!(example.stdout.lines().all(|line| line.len() <= 100));

    let defaults = settings(&show(&user, &[], &[]));
    let with = user_with(&example.stdout);
    let read = settings(&show(&with, &[], &[]));
    assert_eq!(defaults.len(), read.len());
    for (key, default) in defaults {
        assert_eq!(default["source"], "default");
        assert_eq!(read[&key]["value"], default["value"], "{key}");
        let source = read[&key]["source"].as_str().unwrap();
        let (file, line) = source.rsplit_once(':').unwrap();
        assert!(file.ends_with("/data/sconce.toml"), "{source}");
        let line = example
            .stdout
            .lines()
            .nth(line.parse::<usize>().unwrap() - 1);
        let (_, name) = key.split_once('.').unwrap();
        assert!(
            line.unwrap().starts_with(&format!("{name} = ")),
            "{key}: {line:?}"
        );
    }
}

#[test]
fn the_documentation_lists_every_setting() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/configuration.md")).unwrap();
    let mut rows: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    rows.retain(|row| row.contains("`SCONCE_") && row.contains('.'));
    let wanted: Vec<_> = settings(&show(&User::new(), &[], &[]))
        .into_values()
        .collect();
    for one in &wanted {
        let text = |member: &str| one[member].as_str().unwrap_or_default().to_owned();
        let flag = match one["flag"].as_str() {
            Some(flag) => format!("`{flag}`"),
            None => String::new(),
        };
        let cells = [
            format!("`{}`", text("key")),
            text("expected"),
            format!("`{}`", one["value"]),
            format!("`{}`", text("variable")),
            flag,
            text("about"),
        ];
        let row = format!("| {} |", cells.join(" | ")).replace("|  |", "| |");
        assert!(
            rows.contains(&row.as_str()),
            "docs/configuration.md lacks\n{row}"
        );
    }
    assert_eq!(
        rows.len(),
        wanted.len(),
        "rows of settings that there aren't"
    );
}

#[test]
fn later_layers_go_before_earlier_ones() {
    let user = user_with("[limits]\ndepth = 10\nitems = 20\n\nbody = \"1MiB\"\n");
    let environment = [
        ("SCONCE_LIMITS_ITEMS", "21"),
        ("SCONCE_LIMITS_BODY", "2 MiB"),
    ];
    let flags = ["--set", "limits.body=3MiB", "--set", "limits.memory=1GiB"];
    let shown = show(&user, &environment, &flags);
    let file = user.home().join("data/sconce.toml");
    assert_eq!(parsed(&shown)["file"], file.to_str().unwrap());
    let line = |number| format!("{}:{number}", file.display());
    assert_eq!(of(&shown, "limits.depth"), (10.into(), line(2)));
    let items = (21.into(), "SCONCE_LIMITS_ITEMS".to_owned());
    assert_eq!(of(&shown, "limits.items"), items);
    let body = ("3MiB".into(), "--set limits.body".to_owned());
    assert_eq!(of(&shown, "limits.body"), body);
    assert_eq!(of(&shown, "limits.memory").0, "1GiB");
    assert_eq!(
        of(&shown, "limits.headers"),
        ("16KiB".into(), "default".to_owned())
    );
    // One that is empty is none.
    let shown = show(&user, &[("SCONCE_LIMITS_ITEMS", "")], &[]);
    assert_eq!(of(&shown, "limits.items"), (20.into(), line(3)));
}

#[test]
fn people_see_three_columns() {
    let user = user_with("[listener]\naddress = \"localhost:7\"\n");
    let data = user.home().join("data");
    let shown = user.run(["config", "show", "--data-dir", data.to_str().unwrap()]);
    let columns = |key: &str| {
        let line = shown
            .stdout
            .lines()
            .find(|line| line.starts_with(key))
            .unwrap();
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let place = format!("{}:2", data.join("sconce.toml").display());
    let address = ["listener.address", "\"127.0.0.1:7\"", &place];
    assert_eq!(columns("listener.address"), address);
    assert_eq!(
        columns("limits.requester_rate")[1..],
        ["\"1000/s\"", "default"]
    );
    assert!(shown.stderr.starts_with("settings   "), "{shown:?}");
}

/// A file, the line and the key that is named, and a part of what is said.
const BAD: &[(&str, &str, &str, &str)] = &[
    (
        "[limits]\nbody = \"8 apples\"",
        "2",
        "limits.body",
        "expected a size from 1KiB to 15MiB, such as \"8MiB\"; found \"8 apples\"",
    ),
    (
        "[limits]\n\nbody = \"16MiB\"",
        "3",
        "limits.body",
        "from 1KiB to 15MiB",
    ),
    (
        "[limits]\nbody = 1.5",
        "2",
        "limits.body",
        "found the float 1.5",
    ),
    (
        "[limits]\nbody = [1]",
        "2",
        "limits.body",
        "found the array [1]",
    ),
    (
        "[limits]\ndepth = \"16\"",
        "2",
        "limits.depth",
        "a whole number from 5 to 100; found \"16\"",
    ),
    ("[limits]\ndepth = -1", "2", "limits.depth", "found -1"),
    (
        "[limits]\nbody_time = 30",
        "2",
        "limits.body_time",
        "a time from 10ms to 1h, such as \"30s\"; found 30",
    ),
    (
        "[limits]\nrequester_rate = \"fast\"",
        "2",
        "limits.requester_rate",
        "such as \"100/s\"",
    ),
    (
        "[limits]\nrequester_burst = 0",
        "2",
        "limits.requester_burst",
        "from 1 to",
    ),
    (
        "[limits.body]\nx = 1",
        "1",
        "limits.body",
        "found the table",
    ),
    (
        "[limits]\nbdoy = \"1MiB\"",
        "2",
        "limits.bdoy",
        "is limits.body meant?",
    ),
    ("[limit]\nbody = \"1MiB\"", "2", "limit", "is limits meant?"),
    ("body = 1", "1", "body", "there is no such setting"),
    (
        "[listener]\naddress = \"somewhere\"",
        "2",
        "listener.address",
        "such as \"127.0.0.1:1947\"",
    ),
    (
        "[listener]\nmode = \"both\"",
        "2",
        "listener.mode",
        "\"async\" or \"sync\"",
    ),
    (
        "[metrics]\nenabled = \"yes\"",
        "2",
        "metrics.enabled",
        "true or false",
    ),
    (
        "[workers]\nnames = [\"no name\"]",
        "2",
        "workers.names",
        "a list of workers' names",
    ),
    (
        "[workers]\nelsewhere = [\"a=b\"]",
        "2",
        "workers.elsewhere",
        "NAME=tcp://HOST:PORT",
    ),
    (
        "[workers]\nthreads = 0",
        "2",
        "workers.threads",
        "or \"auto\"",
    ),
    (
        "[tls]\ncertificate = \"x\"",
        "2",
        "tls.certificate",
        "give tls.key as well",
    ),
    (
        "[workers]\ncount = 0",
        "2",
        "workers.count",
        "there would be no worker",
    ),
    (
        "[workers]\nelsewhere = [\"scone-worker-2=tcp://10.0.0.1:7777\"]",
        "2",
        "workers.elsewhere",
        "scone-worker-2 would run here as well",
    ),
    (
        "[limits]\nbody = \"4MiB\"\nmemory = \"2MiB\"",
        "3",
        "limits.memory",
        "no room",
    ),
];

#[test]
fn every_fault_is_named_with_file_line_and_key() {
    let user = User::new();
    let file = user.home().join("f.toml");
    let file = file.to_str().unwrap();
    for (text, line, key, what) in BAD {
        std::fs::write(file, text).unwrap();
        let checked = user.run(["config", "check", file]);
        assert_eq!((checked.status, checked.stdout.as_str()), (2, ""), "{text}");
        let place = format!("error: {file}:{line}: {key}: ");
        assert!(checked.stderr.starts_with(&place), "{text}: {checked:?}");
        assert!(checked.stderr.contains(what), "{text}: {checked:?}");
        let up = user.run(["up", "--config", file]);
        assert_eq!((up.status, &up.stderr), (2, &checked.stderr), "{text}");
    }
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_their_lines() {
    let user = User::new();
    let file = user.home().join("f.toml");
    std::fs::write(&file, "[limits]\nx = 1\ndepth = 1\nbody = 1\n").unwrap();
    let line = ["config", "check", file.to_str().unwrap(), "--json"];
    let checked = user.run(line);
    assert_eq!(checked.status, 2);
    let json = parsed(&checked);
    assert_eq!(json["usable"], false);
    let faults = json["faults"].as_array().unwrap();
    let keys: Vec<_> = faults.iter().map(|fault| &fault["key"]).collect();
    assert_eq!(
        keys,
        ["limits.x", "limits.depth", "limits.body"],
        "{checked:?}"
    );
    std::fs::write(&file, "").unwrap();
    let checked = user.run(line);
    assert_eq!(
        (checked.status, &parsed(&checked)["usable"]),
        (0, &true.into())
    );
    for (text, line) in [
        ("[limits]\nbody = \n", 2),
        ("[limits", 1),
        ("a = 1\na = 2", 2),
    ] {
        std::fs::write(&file, text).unwrap();
        let said = user.run(line_of_check(&file)).stderr;
        let place = format!("error: {}:{line}: this is not TOML: ", file.display());
        assert!(said.starts_with(&place), "{said}");
    }
    std::fs::write(&file, b"\n\n\xff").unwrap();
    let said = user.run(line_of_check(&file)).stderr;
    assert!(said.contains("f.toml:3: this is not UTF-8"), "{said}");
}

fn line_of_check(file: &Path) -> [String; 3] {
    ["config", "check", file.to_str().unwrap()].map(str::to_owned)
}

#[test]
fn variables_and_flags_are_named() {
    let user = User::new();
    let told = show(&user, &[("SCONCE_LIMITS_BODY", "8 apples")], &[]);
    let said = "error: SCONCE_LIMITS_BODY: expected a size ";
    assert!(
        told.status == 2 && told.stderr.starts_with(said),
        "{told:?}"
    );
    for (flags, said) in [
        (
            ["--set", "limits.body=8 apples"],
            "error: --set limits.body: expected a size ",
        ),
        (
            ["--set", "limits.bdoy=1"],
            "error: --set limits.bdoy: there is no such setting; is limits.body meant?",
        ),
        (
            ["--set", "limits"],
            "error: --set limits: expected KEY=VALUE",
        ),
    ] {
        let told = show(&user, &[], &flags);
        assert!(
            told.status == 2 && told.stderr.starts_with(said),
            "{told:?}"
        );
    }
    for (flags, said) in [
        (
            ["--listener", "somewhere"],
            "error: --listener: expected an IP address and a port",
        ),
        (
            ["--threads", "none"],
            "error: --threads: expected a whole number",
        ),
        (
            ["--worker", "no name"],
            "error: --worker: expected a list of workers' names",
        ),
    ] {
        let told = user.run(["up"].iter().chain(&flags));
        assert!(
            told.status == 2 && told.stderr.starts_with(said),
            "{told:?}"
        );
    }
    // Other people's variables may begin alike: only one that is nearly a setting is remarked.
    let data = user.home().join("data");
    let mut command = user.command(["config", "show", "--data-dir", data.to_str().unwrap()]);
    command.env("SCONCE_LIMITS_BDOY", "1MiB");
    command.env("SCONCE_LISTENER_PORT_1947_TCP_PROTO", "tcp");
    let told = outcome(command);
    let said = "warning: SCONCE_LIMITS_BDOY is no setting, SCONCE_LIMITS_BODY is\n";
    assert_eq!((told.status, told.stderr.as_str()), (0, said));
}

#[test]
fn the_file_is_found_where_it_is_expected() {
    let user = user_with("[limits]\ndepth = 10\n");
    let folder = user.home().join("here");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("sconce.toml"), "[limits]\ndepth = 11\n").unwrap();
    std::fs::write(folder.join("other.toml"), "[limits]\ndepth = 12\n").unwrap();
    std::fs::write(folder.join("third.toml"), "[limits]\ndepth = 13\n").unwrap();
    let (data, none) = (user.home().join("data"), user.home().join("none"));
    let depth = |data: &Path, variable: Option<&str>, flag: Option<&str>| {
        let line = [
            "config",
            "show",
            "--json",
            "--data-dir",
            data.to_str().unwrap(),
        ];
        let mut command = user.command(line);
        command.current_dir(&folder);
        command.envs(variable.map(|file| ("SCONCE_CONFIG", file)));
        command.args(flag.map(|file| ["--config", file]).iter().flatten());
        of(&outcome(command), "limits.depth")
    };
    let of_data = format!("{}:2", data.join("sconce.toml").display());
    assert_eq!(depth(&data, None, None), (10.into(), of_data));
    assert_eq!(
        depth(&none, None, None),
        (11.into(), "sconce.toml:2".to_owned())
    );
    let other = (12.into(), "other.toml:2".to_owned());
    assert_eq!(depth(&data, Some("other.toml"), None), other);
    let third = (13.into(), "third.toml:2".to_owned());
    assert_eq!(depth(&data, Some("other.toml"), Some("third.toml")), third);
    // Paths in a file start from its folder.
    std::fs::write(data.join("sconce.toml"), "[workers]\nimage = \"x/y\"\n").unwrap();
    let image = of(&show(&user, &[], &[]), "workers.image").0;
    assert_eq!(image, data.join("x/y").to_str().unwrap());
}

#[test]
fn variables_that_are_empty_count_as_not_set() {
    let user = user_with("[limits]\ndepth = 10\n");
    let named = [("SCONCE_CONFIG", ""), ("SCONCE_LOG_FORMAT", "")];
    assert_eq!(of(&show(&user, &named, &[]), "limits.depth").0, 10);
    let mut command = user.command(["worker", "list"]);
    command.envs(["SCONCE_URI", "SCONCE_CA"].map(|name| (name, "")));
    let outcome = outcome(command);
    // It got as far as the usual address, wherever that leads.
    assert_eq!(outcome.status, 1, "{outcome:?}");
    let status = |folder: &str| {
        let mut command = user.command(["status"]);
        command.env("SCONCE_DATA_DIR", folder);
        support::outcome(command).stderr
    };
    assert!(status("").contains(".local/share/sconce"));
}

#[test]
fn a_choice_of_log_lines_that_cannot_be_read_is_said_so() {
    let user = User::new();
    for (choice, is_said) in [("a=b=c", true), ("sconce=debug,warn", false), ("", false)] {
        let mut command = user.command(["config", "show"]);
        command.env("RUST_LOG", choice);
        let outcome = outcome(command);
        assert_eq!(outcome.status, 0, "{outcome:?}");
        let said = outcome.stderr.contains("RUST_LOG does not count");
        assert_eq!(said, is_said, "{choice}: {outcome:?}");
    }
}

#[test]
fn results_that_are_lost_make_a_failure() {
    let user = User::new();
    let written_to = |file: std::process::Stdio| {
        let mut command = user.command(["config", "example"]);
        command.stdout(file);
        outcome(command)
    };
    let full = std::fs::File::options().write(true).open("/dev/full");
    let full = written_to(full.unwrap().into());
    assert_eq!(full.status, 1, "{full:?}");
    assert!(full.stderr.contains("standard output"), "{full:?}");
    // A reader that has seen enough.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let gone = written_to(writer.into());
    assert_eq!((gone.status, gone.stderr.as_str()), (0, ""));
}

#[test]
fn what_anybody_can_put_into_the_working_directory_does_not_count() {
    let user = User::new();
    let folder = user.home().join("here");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("sconce.toml");
    std::fs::write(&file, "[workers]\nimage = \"theirs\"\n").unwrap();
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    let show = |more: &[&str]| {
        let mut command = user.command(["config", "show", "--json"].iter().chain(more));
        command.current_dir(&folder);
        outcome(command)
    };
    let is_refused = || {
        let refused = show(&[]);
        assert_eq!(refused.status, 2, "{refused:?}");
        let words = "sconce.toml in the working directory may be anybody's";
        assert!(refused.stderr.contains(words), "{refused:?}");
        // Whoever names it means it.
        assert_eq!(show(&["--config", "sconce.toml"]).status, 0);
    };
    mode(&file, 0o644);
    mode(&folder, 0o1777);
    assert_eq!(show(&[]).status, 0, "it is one's own");
    mode(&file, 0o666);
    is_refused();
    mode(&file, 0o644);
    // Only root can give files away.
    if chown(&file, Some(12_345), None).is_ok() {
        is_refused();
        mode(&folder, 0o755);
        assert_eq!(show(&[]).status, 0, "the folder's owner has put it there");
    }
}
