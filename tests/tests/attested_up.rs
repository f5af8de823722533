//! `sconce up` with its vault: whose program gets keys, and what becomes of them. Everything is done with
//! the command, as an operator does it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::process::Output;
use std::time::{Duration, Instant};

use sconce_tests::command::sconce;
use sconce_tests::image;
use sconce_tests::place::Place;
use sconce_tests::process::{Process, Signal};
use sconce_tests::vectors::checkout;
use sconify::build::{Image, Plan};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "not so in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Another measurement, which the operator is told beside the one that the keys are for.
#[test]
fn one_changed_byte_gets_no_keys() {
    let place = Place::new();
    let up = place.setup().start();
    assert!(place.greeting(&up).contains("Hello you"));
    let changed = place.changed();
    let (ours, other) = (
        image::worker().measurement().to_string(),
        image::measurement(&changed),
    );
    assert_ne!(ours, other);

    // Beside the platform, as a process of the same worker: CAS refuses it.
    let stray = place.stray(&changed, "avalon/scone-worker-1/g1");
    eventually("the host says what was refused", || {
        stray.said().contains("cas.measurement")
    });
    let said = stray.said();
    drop(stray);
    for part in [&ours[..], &other, "sconce sconify diff"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let audit = place.run(&["session", "audit"]);
    let audit = String::from_utf8(audit.stdout).unwrap();
    let refused = audit.lines().find(|line| line.contains("cas.measurement"));
    assert!(refused.unwrap().contains(&other), "{audit}");
    let of_changed = |line: &&str| line.contains(&other) && line.contains("release done");
    assert_eq!(audit.lines().find(of_changed), None);
    // Nobody has joined: one process takes orders, and it is the other's.
    let status = place.json(&["status"]);
    assert_eq!(status["workers"][0]["processes"], 1, "{status}");
    assert!(place.greeting(&up).contains("Hello you"));
    drop(up);

    // As the platform's own image it does not start.
    let mut setup = place.setup();
    setup.image = Some(changed);
    let up = setup.spawn();
    eventually("it ends", || !up.process().is_alive());
    drop(up);
    let log = place.log();
    for part in [
        "error[kme.measurement]",
        &ours,
        &other,
        "sconce up --upgrade",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
    let (_, command) = log.split_once("what differs: sconce ").unwrap();
    let arguments: Vec<_> = command.lines().next().unwrap().split(' ').collect();
    let differ = sconce(place.path(), &arguments);
    let told = String::from_utf8_lossy(&differ.stdout).into_owned();
    assert_eq!(differ.status.code(), Some(1), "{differ:?}");
    assert!(told.contains("differ"), "{told}");
}

#[test]
fn rotated_keys_replace_the_others_after_the_overlap() {
    let place = Place::new();
    let up = place.setup().start();
    let first = up.workers();
    let made = place.json(&["keys", "rotate", "--overlap", "3s"]);
    let generations = made[0]["generations"].as_array().unwrap();
    assert_eq!(generations.len(), 2, "{made}");
    assert!(generations[0]["retires"].is_string(), "{made}");
    assert!(generations[1]["retires"].is_null(), "{made}");
    eventually("both have processes", || {
        up.workers().len() == 2 || place.generations() == [2]
    });
    assert!(place.greeting(&up).contains("Hello you"));
    eventually("the first generation is retired", || {
        place.generations() == [2]
    });
    eventually("its process has ended", || {
        first.iter().all(|one| !one.is_alive())
    });
    assert_eq!(up.workers().len(), 1);
    assert!(place.greeting(&up).contains("Hello you"));
    drop(up);

    // The vault remembers.
    let up = place.setup().start();
    assert_eq!(place.generations(), [2]);
    assert!(place.greeting(&up).contains("Hello you"));
}

/// The worker's program in an image of the next security version.
fn next_version(place: &Place) -> Image {
    let mut plan = Plan::new(checkout().canonicalize().unwrap());
    let parameters = fs::read_to_string(plan.package_folder().join("enclave.toml")).unwrap();
    let next = parameters.replace("security_version = 1\n", "security_version = 2\n");
    assert_ne!(next, parameters);
    let config = place.path().join("enclave.toml");
    fs::write(&config, next).unwrap();
    plan.config = Some(config);
    plan.out = Some(place.path().join("next"));
    image::build(&plan)
}

#[test]
fn workers_are_upgraded_and_never_to_a_lower_security_version() {
    let place = Place::new();
    let up = place.setup().start();
    let changed = place.changed();
    let wanted = image::measurement(&changed);
    let changed = changed.to_str().unwrap();
    place.json(&["upgrade", "--image", changed, "--overlap", "3s"]);
    let policy = || fs::read_to_string(place.data().join("requester-policy.toml")).unwrap();
    eventually("requesters may take the new image", || {
        policy().contains(&wanted)
    });
    eventually("it has replaced the other", || place.generations() == [2]);
    eventually("requesters take no other", || {
        !policy().contains(&image::worker().measurement().to_string())
    });
    eventually("its process alone takes orders", || {
        place.json(&["status"])["workers"][0]["processes"] == 1 && up.workers().len() == 1
    });
    assert!(place.greeting(&up).contains("Hallo you"));
    let again = place.run(&["upgrade", "--image", changed]);
    assert!(again.status.success(), "{again:?}");
    assert!(
        stderr(&again).contains("for this image already"),
        "{again:?}"
    );
    assert_eq!(place.generations(), [2]);

    let next = next_version(&place);
    let next = next.folder.to_str().unwrap();
    place.json(&["upgrade", "--image", next, "--overlap", "0s"]);
    eventually("the next version is there", || place.generations() == [3]);
    let back = place.run(&["upgrade", "--image", changed]);
    assert_eq!(back.status.code(), Some(1), "{back:?}");
    assert!(stderr(&back).contains("error[kme.svn]"), "{back:?}");
    assert_eq!(place.generations(), [3]);
    let audit = place.run(&["session", "audit"]);
    assert!(
        String::from_utf8_lossy(&audit.stdout).contains("kme.svn"),
        "{audit:?}"
    );
}

#[test]
fn a_start_with_another_image_upgrades_if_it_is_asked_to() {
    let place = Place::new();
    drop(place.setup().start());
    let mut setup = place.setup();
    setup.image = Some(place.changed());
    setup.arguments = ["--upgrade", "--overlap", "2s"].map(Into::into).to_vec();
    let up = setup.start();
    eventually("the first image has ended", || {
        place.generations() == [2] && up.workers().len() == 1
    });
    assert!(place.greeting(&up).contains("Hallo you"));
}

#[test]
fn sessions_are_written_read_and_replaced_by_their_owner() {
    let place = Place::new();
    let up = place.setup().start();
    let file = place.path().join("session.yaml");
    let write = |more: &str| {
        let measured = image::worker().measurement().to_string();
        let (_, hex) = measured.rsplit_once(':').unwrap();
        let text = format!(
            "name: mine/one\nversion: \"0.3\"\n{more}services:\n  - name: s\n    mrenclaves: [\"{hex}\"]\n    \
             environment: {{KEY: \"$$SCONE::canary$$\"}}\nsecrets:\n  - {{name: canary, kind: ascii, value: hush}}\n"
        );
        fs::write(&file, text).unwrap();
    };
    let file = file.to_str().unwrap();
    write("");
    let update = place.run(&["session", "update", file]);
    assert_eq!(update.status.code(), Some(2), "{update:?}");
    let created = place.json(&["session", "create", file]);
    let hash = created["hash"].as_str().unwrap().to_owned();
    let shown = place.run(&["session", "show", "mine/one"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("canary") && !shown.contains("hush"),
        "{shown}"
    );

    let wrong = place.run(&["session", "create", file]);
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    let said = stderr(&wrong);
    assert!(said.contains("`sconce session update FILE`"), "{said}");
    let unknown = stderr(&place.run(&["session", "show", "mine/none"]));
    for part in ["error[cas.session]", "`sconce session show` lists"] {
        assert!(unknown.contains(part), "{unknown}");
    }
    write(&format!("predecessor: {}\n", "0".repeat(64)));
    let wrong = place.run(&["session", "update", file]);
    assert!(stderr(&wrong).contains("cas.predecessor"), "{wrong:?}");
    write(&format!("predecessor: {hash}\n"));
    let updated = place.json(&["session", "update", file]);
    assert_ne!(updated["hash"], created["hash"]);
    let all = place.json(&["session", "show"]);
    let names: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["session"])
        .collect();
    assert_eq!(names, ["avalon/scone-worker-1", "mine/one"]);

    fs::write(file, "name: mine/one\nsurprise: 1\n").unwrap();
    let unusable = place.run(&["session", "create", file]);
    assert_eq!(unusable.status.code(), Some(2), "{unusable:?}");
    assert!(
        stderr(&unusable).contains("error[cas.form]"),
        "{unusable:?}"
    );

    drop(up);
    for command in [
        &["session", "show"][..],
        &["keys", "list"],
        &["pool", "show"],
    ] {
        let away = place.run(command);
        assert_eq!(away.status.code(), Some(1), "{away:?}");
        let said = stderr(&away);
        let start = format!(
            "start it with `sconce up --data-dir {}`",
            place.data().display()
        );
        assert!(said.contains("error[vault.unreachable]"), "{said}");
        assert!(said.contains(&start), "{said}");
    }
}

#[test]
fn a_copy_of_the_audit_log_shows_that_it_goes_on() {
    let place = Place::new();
    let up = place.setup().start();
    let copy = place.path().join("audit.jsonl");
    let lines = place.run(&["session", "audit", "--json"]).stdout;
    fs::write(&copy, &lines).unwrap();
    let verify = ["session", "audit", "--verify", copy.to_str().unwrap()];
    let good = place.run(&verify);
    assert!(good.status.success(), "{good:?}");
    assert!(
        String::from_utf8_lossy(&good.stdout).contains("begins with them"),
        "{good:?}"
    );
    place.json(&["keys", "rotate", "--overlap", "0s"]);
    drop(up);
    // A vault that has lost its state has another log, and another realm.
    fs::remove_file(place.data().join("vault.journal")).unwrap();
    let up = place.setup().spawn();
    eventually("it ends", || !up.process().is_alive());
    drop(up);
    // What the vault said, once, and what to do.
    let log = place.log();
    assert_eq!(log.matches("error[vault.rollback]").count(), 1, "{log}");
    assert!(log.contains("put back the journal"), "{log}");
    assert!(!log.contains("trying again"), "{log}");
}

#[test]
fn a_vault_that_was_ready_and_loses_its_journal_is_tried_again_and_said_so_once() {
    let place = Place::new();
    let up = place.setup().start();
    fs::write(place.data().join("vault.journal"), b"no journal").unwrap();
    up.vault().unwrap().signal(Signal::KILL);
    eventually("the host says why", || place.log().contains("error[vault."));
    std::thread::sleep(Duration::from_secs(3));
    let log = place.log();
    assert_eq!(log.matches("error[vault.").count(), 1, "{log}");
    // Its host goes too: the next one finds the same, and the supervisor says that once.
    up.vault_host().unwrap().signal(Signal::KILL);
    eventually("the supervisor says why", || {
        place.log().matches("error[vault.").count() == 2
    });
    std::thread::sleep(Duration::from_secs(3));
    let log = place.log();
    assert_eq!(log.matches("error[vault.").count(), 2, "{log}");
    assert!(up.process().is_alive(), "{log}");
}

#[test]
fn a_pool_is_opened_shown_and_closed() {
    let place = Place::new();
    let mut setup = place.setup();
    setup.arguments = ["--set", "vault.pool=127.0.0.1:0"].map(Into::into).to_vec();
    let _up = setup.start();
    let none = place.run(&["pool", "show"]);
    assert!(stderr(&none).contains("error[kme.pool]"), "{none:?}");
    let image = image::worker().folder.to_str().unwrap();
    let opened = place.json(&["pool", "open", "pool-1", "--image", image]);
    assert_eq!(opened["worker"], "pool-1");
    assert_eq!(opened["program"], image::worker().measurement().to_string());
    assert_eq!(place.json(&["pool", "show"]), opened);
    let status = place.json(&["status"]);
    let address = status["platform"]["pool"].as_str().unwrap();
    let address = address.strip_prefix("http://").unwrap();
    std::net::TcpStream::connect(address).unwrap();
    place.json(&["pool", "close"]);
    let none = place.run(&["pool", "show"]);
    assert_eq!(none.status.code(), Some(1), "{none:?}");
}

/// Whoever has the folder of a vault and not its owner's key is not its owner.
#[test]
fn a_vault_has_one_owner() {
    let place = Place::new();
    drop(place.setup().start());
    fs::remove_file(place.data().join("operator.key")).unwrap();
    let up = place.setup().spawn();
    eventually("it ends", || !up.process().is_alive());
    drop(up);
    assert!(
        place.log().contains("error[vault.owner]"),
        "{}",
        place.log()
    );
}

#[test]
fn nothing_outlives_a_supervisor_that_is_killed() {
    let place = Place::new();
    let up = place.setup().start();
    let mut all: Vec<Process> = up.hosts();
    all.extend(up.workers());
    all.extend(up.vault_host());
    all.extend(up.vault());
    assert_eq!(all.len(), 4);
    up.crash();
    eventually("all have gone", || all.iter().all(|one| !one.is_alive()));
    let up = place.setup().start();
    assert!(place.greeting(&up).contains("Hello you"));
}

#[test]
fn a_second_signal_does_not_wait() {
    let place = Place::new();
    let up = place.setup().start();
    let mut all: Vec<Process> = up.hosts();
    all.extend(up.vault_host());
    for _ in 0..2 {
        up.process().signal(Signal::TERM);
        std::thread::sleep(Duration::from_millis(30));
    }
    eventually("it has ended", || !up.process().is_alive());
    eventually("so have its hosts", || {
        all.iter().all(|one| !one.is_alive())
    });
}
