//! The key directory of a platform: what `sconce up` publishes of its workers, and what requesters do who
//! look them up.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use client::directory::{Directory, Lookup};
use protocol::WorkerId;
use protocol::entry::{APP, WorkerEntry};
use sconce_tests::command::{Up, sconce};
use sconce_tests::complaint::Complaint;
use sconce_tests::image;
use sconce_tests::place::{Place, WORKER};
use serde_json::Value;
use simulator::Platform;
use tokio::runtime::Runtime;
use transparency::trust::Trust;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// What is read of a platform's directory, with everything verified.
struct Reader {
    runtime: Runtime,
    lookup: Lookup,
}

impl Reader {
    /// By what the platform has left for requesters to pin.
    fn of(data: &Path) -> Self {
        let trust = Trust::from_json(&fs::read(data.join("directory.json")).unwrap()).unwrap();
        let directory = Directory::connect(trust.address.as_deref().unwrap()).unwrap();
        Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            lookup: Lookup::new(directory, &trust).unwrap(),
        }
    }

    fn entry(&self) -> Option<WorkerEntry> {
        let user = WorkerId::from_name(WORKER);
        let seen = self.runtime.block_on(self.lookup.look(user.as_str()));
        let data = seen.unwrap().app(APP)?.to_vec();
        Some(WorkerEntry::read(&data).unwrap())
    }

    fn generations(&self) -> BTreeSet<u64> {
        let entry = self.entry();
        let all = entry.into_iter().flat_map(|entry| entry.generations);
        all.map(|one| one.generation).collect()
    }

    fn until_published(&self, generations: &[u64], log: &dyn Fn() -> String) {
        let wanted: BTreeSet<_> = generations.iter().copied().collect();
        let begun = Instant::now();
        while self.generations() != wanted {
            let late = begun.elapsed() > PATIENCE;
            assert!(!late, "{generations:?} is not published:\n{}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn submit(home: &Path, up: &Up, data: &Path, more: &[&str]) -> Output {
    let uri = up.listener().unwrap();
    let line = ["submit", "-u", &uri, "-w", WORKER, "-l", "python-hello"];
    let data = ["--data-dir", data.to_str().unwrap(), "-i", "you"];
    sconce(home, &[&line[..], &data, more].concat())
}

#[test]
fn workers_are_published_and_orders_go_to_published_keys_alone() {
    let place = Place::new();
    let up = place.setup().start();
    // At once: it waits for the entry that is on its way.
    let answered = submit(place.path(), &up, &place.data(), &["--json"]);
    assert!(answered.status.success(), "{answered:?}\n{}", place.log());
    let answered: Value = serde_json::from_slice(&answered.stdout).unwrap();
    assert_eq!(answered["directory"]["generation"], 1);
    assert_eq!(answered["directory"]["realm"], "sconce.localhost");

    let reader = Reader::of(&place.data());
    let entry = reader.entry().unwrap();
    assert_eq!(entry.name, WORKER);
    let [one] = &entry.generations[..] else {
        panic!("{entry:?}");
    };
    assert_eq!(one.measurement, image::worker().measurement().to_string());
    let record = place.json(&["worker", "show", WORKER, "-u", &up.listener().unwrap()]);
    let data = &record["record"]["details"]["workerTypeData"];
    assert_eq!(data["encryptionKey"], one.encryption_key.as_str());
    assert_eq!(data["verificationKey"], one.verification_key.as_str());

    for secret in ["directory.keys", "directory.token", "directory.tokens"] {
        let mode = fs::metadata(place.data().join(secret)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{secret}");
    }
    let up_json: Value =
        serde_json::from_slice(&fs::read(place.data().join("up.json")).unwrap()).unwrap();
    let pinned: Value =
        serde_json::from_slice(&fs::read(place.data().join("directory.json")).unwrap()).unwrap();
    assert_eq!(up_json["directory"], pinned["address"]);

    evidence_is_audited(&place);

    // Started again, it is the same directory, and nothing has to be published anew.
    drop(up);
    let epoch = answered["directory"]["epoch"].as_u64().unwrap();
    let up = place.setup().start();
    let answered = submit(place.path(), &up, &place.data(), &["--json"]);
    let answered: Value = serde_json::from_slice(&answered.stdout).unwrap();
    assert!(answered["directory"]["epoch"].as_u64().unwrap() >= epoch);
    assert_eq!(answered["directory"]["generation"], 1);

    // Nobody to ask: nothing is sent. Without asking: as before.
    let mut nowhere = pinned;
    nowhere["address"] = "http://127.0.0.1:1".into();
    let file = place.path().join("nowhere.json");
    fs::write(&file, nowhere.to_string()).unwrap();
    let refused = submit(
        place.path(),
        &up,
        &place.data(),
        &["--directory", file.to_str().unwrap()],
    );
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.starts_with("error[directory.unreachable]: "), "{said}");
    let skipped = ["--insecure-skip-directory"];
    assert!(
        submit(place.path(), &up, &place.data(), &skipped)
            .status
            .success()
    );
}

/// An auditor checks the evidence in what the platform has published, by the policy that it is given.
fn evidence_is_audited(place: &Place) {
    let file = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (state, pinned) = (file("audit.redb"), place.data().join("directory.json"));
    let audited = place.json(&["kt", "audit", "--once", "--state", &state]);
    assert_eq!(audited["entries"], 1, "{audited}");
    assert_eq!(audited["new"]["evidence"], 1, "{audited}");

    let own = fs::read_to_string(place.data().join("requester-policy.toml")).unwrap();
    let measurements =
        [image::worker(), image::vault()].map(|image| image.measurement().to_string());
    let others = own.replace(&measurements[0], &measurements[1]);
    assert_ne!(own, others);
    let audit = |name: &str, policy: &str| {
        let written = file(&format!("{name}.toml"));
        fs::write(&written, policy).unwrap();
        let state = file(&format!("{name}.redb"));
        place.run(&[
            "kt", "audit", "--once", "--state", &state, "--policy", &written,
        ])
    };
    let good = audit("own", &own);
    assert!(good.status.success(), "{good:?}");
    let refused = |output: &Output, says: &str| {
        let complaint = Complaint::read(output, 1, "kt.audit-evidence", true).unwrap();
        let whose = format!("of {}: ", WorkerId::from_name(WORKER));
        let message = &complaint.message;
        assert!(
            message.contains(&whose) && message.contains(says),
            "{message}"
        );
    };
    refused(&audit("others", &others), &measurements[0]);
    // Who is told nothing of the simulated platform takes none of its evidence.
    let (pinned, state) = (pinned.to_str().unwrap(), file("new.redb"));
    let line = [
        "kt", "audit", "--once", "--trust", pinned, "--state", &state,
    ];
    refused(&sconce(place.path(), &line), "evidence: ");
}

/// Somebody runs the very same program, with a vault of his own, under the same name, on a platform that is
/// trusted as well: the evidence is good, and shows whose keys he has. Who looks them up sends him nothing.
#[test]
fn a_manager_that_gives_out_another_genuine_workers_keys_gets_no_orders() {
    let (honest, other) = (Place::new(), Place::new());
    let up = honest.setup().start();
    let simulated = |place: &Place| place.data().join("simulated-platform");
    fs::create_dir_all(simulated(&other)).unwrap();
    let platform = Platform::open(&simulated(&honest)).unwrap();
    platform.save(&simulated(&other)).unwrap();
    let others = other.setup().start();
    // They are good as far as evidence goes.
    let data = honest.data();
    let sent = submit(
        honest.path(),
        &others,
        &data,
        &["--insecure-skip-directory"],
    );
    assert!(sent.status.success(), "{sent:?}");

    let refused = submit(honest.path(), &others, &data, &["--json"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let refusal: Value = serde_json::from_slice(&refused.stdout).unwrap();
    let error = &refusal["error"];
    assert_eq!(error["code"], "directory.keys", "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("another worker's keys"), "{message}");
    let fingerprints = |place: &Place, up: &Up| {
        let uri = up.listener().unwrap();
        let verdict = place.json(&["verify", WORKER, "-u", &uri]);
        let keys = &verdict["keys"];
        ["verification", "encryption"].map(|key| keys[key].as_str().unwrap().to_owned())
    };
    for (whose, keys) in [
        ("shown", fingerprints(&other, &others)),
        ("published", fingerprints(&honest, &up)),
    ] {
        for (at, key) in keys.iter().enumerate() {
            assert!(message.contains(key.as_str()), "{whose}: {message}");
            assert_eq!(error[whose][at], key.as_str());
        }
    }
    let verdict = sconce(
        honest.path(),
        &[
            "verify",
            WORKER,
            "-u",
            &others.listener().unwrap(),
            "--data-dir",
            data.to_str().unwrap(),
        ],
    );
    assert_eq!(verdict.status.code(), Some(1), "{verdict:?}");
    // The worker itself is not harmed.
    assert_eq!(
        honest.greeting(&up),
        "Decryption result at client - Hello you\n"
    );
}

#[test]
fn rotation_and_retirement_change_the_entry() {
    let place = Place::new();
    let up = place.setup().start();
    let reader = Reader::of(&place.data());
    let log = || place.log();
    reader.until_published(&[1], &log);
    let before = reader.entry().unwrap().generations[0]
        .encryption_key
        .clone();
    place.json(&["keys", "rotate", WORKER, "--overlap", "8s"]);
    place.greeting(&up);
    reader.until_published(&[1, 2], &log);
    let both = reader.entry().unwrap();
    assert_eq!(both.generations[1].encryption_key, before);
    assert_ne!(both.generations[0].encryption_key, before);
    place.greeting(&up);
    reader.until_published(&[2], &log);
    place.greeting(&up);
    assert!(!place.log().contains("error["), "{}", place.log());
}

#[test]
fn an_upgrade_changes_the_entry() {
    let place = Place::new();
    let up = place.setup().start();
    let reader = Reader::of(&place.data());
    let log = || place.log();
    reader.until_published(&[1], &log);
    let changed = place.changed();
    let image = changed.to_str().unwrap();
    place.json(&["upgrade", "--image", image, "--overlap", "8s"]);
    reader.until_published(&[1, 2], &log);
    let both = reader.entry().unwrap().generations;
    assert_eq!(both[0].measurement, image::measurement(&changed));
    assert_eq!(
        both[1].measurement,
        image::worker().measurement().to_string()
    );
    place.greeting(&up);
    reader.until_published(&[2], &log);
    assert!(place.greeting(&up).contains("Hallo you"));
    let answered = submit(place.path(), &up, &place.data(), &["--json"]);
    let answered: Value = serde_json::from_slice(&answered.stdout).unwrap();
    assert_eq!(answered["directory"]["generation"], 2);

    // Who reads all of it finds every step signed, and the evidence of both programs good.
    let user = WorkerId::from_name(WORKER);
    let history = place.json(&["keys", "history", user.as_str()]);
    assert_eq!(history["changes"].as_array().unwrap().len(), 3, "{history}");
    let state = place.path().join("audit.redb");
    let audited = place.json(&["kt", "audit", "--once", "--state", state.to_str().unwrap()]);
    assert_eq!(audited["updates"], 3, "{audited}");
    assert_eq!(audited["new"]["evidence"], 3, "{audited}");
    assert!(!place.log().contains("error["), "{}", place.log());
}
