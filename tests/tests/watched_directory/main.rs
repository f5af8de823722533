//! `sconce kt serve`, `witness` and `audit`, each a process of its own, and clients whose policy demands what
//! witnesses and auditors have seen.

mod site;

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use directory::fetch::Fetch;
use sconce_tests::image;
use serde_json::Value;
use site::{ALICE, Site, data};
use tokio::runtime::Runtime;
use transparency::json;
use transparency::messages::GetEntryResponse;
use transparency::object_hash;
use transparency::signature::SigningKey;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// No epoch without an update: they are counted.
const RARELY: &str = "--heartbeat 3600s";

/// A directory's log, and a witness of it, as other programs see them.
struct Wire {
    runtime: Runtime,
    fetch: Fetch,
}

impl Wire {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            runtime,
            fetch: Fetch::new(PATIENCE, 1 << 20).unwrap(),
        }
    }

    fn checkpoint(&self, directory: &str) -> String {
        let url = format!("{directory}/v1/log/checkpoint");
        let answer = self.runtime.block_on(self.fetch.get(&url)).unwrap();
        String::from_utf8(answer.body.to_vec()).unwrap()
    }

    /// What a witness answers to a checkpoint that is to follow one of this size, without a proof.
    fn add(&self, witness: &str, old: u64, checkpoint: &str) -> (u16, String) {
        let url = format!("{witness}/add-checkpoint");
        let body = format!("old {old}\n\n{checkpoint}");
        let sent = self.fetch.post(&url, "text/plain", None, body);
        let answer = self.runtime.block_on(sent).unwrap();
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        (answer.status, text)
    }
}

/// How many heads a checkpoint says there are.
fn size(checkpoint: &str) -> u64 {
    checkpoint.lines().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_witness_keeps_what_it_has_seen_and_refuses_a_log_that_was_set_back() {
    let (site, wire) = (Site::new(), Wire::new());
    let first = site.directory("kt", "");
    let before = wire.checkpoint(first.said("address"));
    first.stop();
    image::copy(&site.path("kt"), &site.path("set-back"));

    // Its key is made once, and nobody else reads it.
    let folder = site.path("witness.example");
    let show = format!(
        "kt witness --folder {} --name witness.example --show-key",
        folder.display()
    );
    let key = site.json(&show)["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("witness.example+"), "{key}");
    let mode = std::fs::metadata(folder.join("witness.key")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    let witness = site.witness("witness.example", "kt", "127.0.0.1:0");
    assert_eq!(witness.said("key"), key);
    assert_eq!(witness.said("log"), "example.com/heads");
    let (address, listed) = (witness.said("address").to_owned(), witness.listed());
    let watched = format!("--witness {listed} --witness-threshold 1");
    let directory = site.directory("kt", &watched);
    let pinned = site.pinned("kt");
    site.json(&site.put(&pinned, "one"));
    let get = |pinned: &str| format!("keys get {ALICE} --directory {pinned}");
    assert_eq!(site.json(&get(&pinned))["witnesses"], 1);
    let seen = || std::fs::read(folder.join("witness.json")).unwrap();
    let kept = seen();

    // Started again it is the same, and goes on.
    witness.stop();
    let witness = site.witness("witness.example", "kt", &address);
    assert_eq!(witness.listed(), listed);
    assert_eq!(seen(), kept, "it has forgotten");
    site.json(&site.put(&pinned, "two"));
    assert_ne!(seen(), kept);
    let now = wire.checkpoint(directory.said("address"));
    assert!(now.contains("\n— witness.example "), "{now}");
    directory.stop();

    let (old, new) = (size(&before), size(&now));
    let conflict = (409, format!("{new}\n"));
    assert_eq!(wire.add(&address, 0, &before), conflict);
    assert_eq!(wire.add(&address, 0, &now), conflict);
    // The directory of a copy that was made before: no new head of it is published.
    let directory = site.directory("set-back", &format!("{watched} --heartbeat 100ms"));
    let finds = format!(
        "it has cosigned {new} leaves, and there are only {}",
        old + 1
    );
    let begun = Instant::now();
    while !directory.log().contains(&finds) {
        assert!(begun.elapsed() < PATIENCE, "{finds}: {}", directory.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(wire.checkpoint(directory.said("address")), before);
    let pinned = site.pinned("set-back");
    site.refuses(&get(&pinned), "kt.witnesses");
    witness.stop();
}

#[test]
fn clients_demand_as_many_witnesses_as_they_pinned() {
    let site = Site::new();
    site.directory("kt", "").stop();
    let [one, two] = ["one", "two"].map(|name| site.witness(name, "kt", "127.0.0.1:0"));
    let listed = [one.listed(), two.listed()].join(" --witness ");
    let directory = site.directory("kt", &format!("--witness {listed} --witness-threshold 1"));
    let lax = site.pinned("kt");
    let both = site.pin("kt", "both.json", |trust| trust.witnesses.threshold = 2);
    let trust = site.trust("kt").witnesses;
    assert_eq!((trust.threshold, trust.keys.len()), (1, 2));
    let bare = with_bare_keys(&site);
    let [kept, short, state] =
        ["kept.json", "short.json", "audit.redb"].map(|name| site.named(name));
    let get = |pinned, save| format!("keys get {ALICE} --directory {pinned} --save {save}");
    let verify =
        |pinned, answer| format!("keys verify {ALICE} --directory {pinned} --answer {answer}");
    let audit = |pinned| format!("kt audit --once --trust {pinned} --state {state}");

    site.json(&site.put(&both, "one"));
    let seen = site.json(&get(&both, &kept));
    assert_eq!(
        (&seen["witnesses"], &seen["log"]["state"]),
        (&2.into(), &"included".into())
    );
    assert_eq!(site.json(&verify(&both, &kept))["witnesses"], 2);
    assert_eq!(data(&site.json(&format!("{bare} {kept}"))), b"one");

    // Enough for the directory, and for whoever wants no more.
    let address = two.said("address").to_owned();
    two.stop();
    site.refuses(&site.put(&both, "two"), "kt.witnesses");
    let complaint = site.refuses(&get(&both, &short), "kt.witnesses");
    complaint.says(Some("1 of the pinned witnesses")).unwrap();
    site.refuses(&verify(&both, &short), "kt.witnesses");
    assert_eq!(site.json(&verify(&lax, &short))["witnesses"], 1);
    // Without a policy it is an answer like any other.
    assert_eq!(data(&site.json(&format!("{bare} {short}"))), b"two");
    site.refuses(&audit(&both), "kt.witnesses");
    site.json(&audit(&lax));

    // It comes back from its folder, and signs the next head.
    let two = site.witness("two", "kt", &address);
    site.refuses(&get(&both, &short), "kt.witnesses");
    site.json(&site.put(&lax, "three"));
    assert_eq!(site.json(&get(&both, &kept))["witnesses"], 2);
    site.json(&audit(&both));
    for daemon in [directory, one, two] {
        daemon.stop();
    }
}

/// `sconce kt verify-response` with the directory's keys in files, and nothing else that was pinned.
fn with_bare_keys(site: &Site) -> String {
    let trust = site.trust("kt");
    let keys = [
        ("vrf", trust.vrf_key),
        ("map", trust.map_key),
        ("log", trust.log_key.unwrap()),
    ];
    let options = keys.map(|(name, pem)| {
        let file = site.path(&format!("{name}.pem"));
        std::fs::write(&file, pem).unwrap();
        format!("--{name}-key {}", file.display())
    });
    let options = options.join(" ");
    format!("kt verify-response {options} --realm example.com --user {ALICE}")
}

#[test]
fn an_auditor_signs_goes_on_and_finds_another_log() {
    let site = Site::new();
    let directory = site.directory("kt", RARELY);
    let [state, key, public, kept] =
        ["audit.redb", "auditor.pem", "auditor.pub.pem", "kept.json"].map(|name| site.named(name));
    let pinned = site.pinned("kt");
    let audit = format!("kt audit --once --trust {pinned} --state {state} --key {key}");
    // Nobody knows it yet: its signatures are not taken.
    assert_eq!(site.json(&audit)["new"]["signed"], 0);
    directory.stop();
    let directory = site.directory(
        "kt",
        &format!("{RARELY} --auditor {public} --auditor-threshold 1"),
    );
    let lax = site.pin("kt", "lax.json", |trust| trust.auditors.threshold = 0);
    site.json(&site.put(&lax, "one"));
    let get = |pinned: &str| format!("keys get {ALICE} --directory {pinned} --save {kept}");
    site.json(&get(&lax));
    let verify = format!("keys verify {ALICE} --directory {pinned} --answer {kept}");
    site.refuses(&verify, "kt.auditors");

    let round = site.json(&audit);
    let epochs = round["epochs"].as_u64().unwrap();
    assert_eq!(
        (&round["updates"], &round["entries"]),
        (&1.into(), &1.into())
    );
    assert_eq!(round["new"]["epochs"], epochs - 1, "{round}");
    assert_eq!(round["new"]["signed"], epochs - 1, "{round}");
    assert_eq!(site.json(&get(&pinned))["auditors"], 1);
    site.json(&verify);
    let kept: GetEntryResponse = json::read(&std::fs::read(&kept).unwrap()).unwrap();
    let head = kept.smh.unwrap();
    let key = SigningKey::from_pem(&std::fs::read_to_string(&key).unwrap()).unwrap();
    let preimage = object_hash::map_head(head.map_head.as_ref().unwrap());
    let signatures = &head.auditor_signatures;
    key.verifying_key()
        .verify_among(&preimage, signatures)
        .unwrap();

    // Nothing is read twice.
    let again = site.json(&audit);
    assert_eq!(
        (&again["epochs"], &again["new"]["epochs"]),
        (&epochs.into(), &0.into())
    );
    site.json(&site.put(&lax, "two"));
    let next = site.sconce(&audit);
    let said = String::from_utf8(next.stdout).unwrap();
    let wanted =
        format!("good up to epoch {epochs}: 2 updates make 1 entries (1 epochs and 1 updates ");
    assert!(next.status.success() && said.starts_with(&wanted), "{said}");

    // The same keys, and another log.
    std::fs::create_dir(site.path("other")).unwrap();
    std::fs::copy(
        site.path("kt/directory.keys"),
        site.path("other/directory.keys"),
    )
    .unwrap();
    let other = site.directory("other", "");
    let elsewhere = format!("{audit} --directory {}", other.said("address"));
    let complaint = site.refuses(&elsewhere, "kt.audit-log");
    assert!(
        complaint
            .advice
            .unwrap()
            .contains("keep the file of --state")
    );
    let refusal = site.sconce(&format!("{elsewhere} --json"));
    let refusal: Value = serde_json::from_slice(&refusal.stdout).unwrap();
    assert_eq!(refusal["error"]["code"], "kt.audit-log");
    site.json(&audit);
    directory.stop();
    site.refuses(&audit, "kt.audit-unreachable");
    other.stop();
}
