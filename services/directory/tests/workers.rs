//! What a worker's entry has to show before a directory takes it.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, like tests"
)]

use attestation::policy::{Policy, Program, SgxProgram};
use attestation::{Fingerprint, Time};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::{WorkerId, report_data};
use sconce_directory::apps::{AVALON_WORKER, Apps, Workers};
use serde_json::{Value, json};
use sgx::{Digest, Kind, Mrenclave, Mrsigner};
use simulator::{Platform, Secs, Seed, Settings};
use transparency::messages::{Entry, Profile, PublicKey};

/// 2026-01-01T00:00:00Z, when the platforms are made.
const MADE: u64 = 1_767_225_600;
const NOW: u64 = MADE + 3_600;

const WORKER: &str = "scone-worker-1";
const MEASUREMENT: Mrenclave = Mrenclave([0x11; 32]);
const SIGNER: Mrsigner = Mrsigner([0x22; 32]);
const DIRECTORY_KEY: &[u8] = b"the key that may change the entry";

fn platform(seed: u8) -> Platform {
    Platform::new(Seed::from_bytes([seed; 32]), Settings::new(MADE)).unwrap()
}

fn checks() -> Workers {
    let mut policy = Policy::strict(Program::Sgx(SgxProgram {
        measurements: vec![Digest::Mrenclave(Kind::Sim, MEASUREMENT)],
        ..SgxProgram::default()
    }));
    policy.allow_sim = true;
    policy.simulated_roots = vec![Fingerprint::of(platform(1).root_der())];
    Workers::new(policy)
}

/// A generation with the evidence that fits it.
fn generation(platform: &Platform, secs: &Secs, number: u64, directory_key: &[u8]) -> Value {
    let [verification, encryption] = ["v", "e"].map(|key| format!("{key}{number}"));
    let id = WorkerId::from_name(WORKER);
    let quoted = report_data::worker_keys(&id, &verification, &encryption, directory_key);
    let evidence = platform.evidence(secs, &quoted, NOW).unwrap();
    let collateral: Value = serde_json::from_str(&evidence.collateral.to_json()).unwrap();
    json!({
        "generation": number,
        "verification_key": verification,
        "encryption_key": encryption,
        "measurement": Digest::Mrenclave(Kind::Sim, secs.mrenclave).to_string(),
        "signer": Digest::Mrsigner(Kind::Sim, secs.mrsigner).to_string(),
        "product": secs.isv_prod_id,
        "svn": secs.isv_svn,
        "evidence": { "quote": STANDARD.encode(&evidence.quote), "collateral": collateral },
    })
}

fn data(generations: &[Value]) -> Vec<u8> {
    let worker = json!({ "name": WORKER, "generations": generations });
    worker.to_string().into_bytes()
}

fn authorized() -> [PublicKey; 1] {
    [PublicKey::P256(DIRECTORY_KEY.to_vec())]
}

fn fault(data: &[u8]) -> String {
    let user = WorkerId::from_name(WORKER);
    let now = Time::from_unix(NOW);
    checks()
        .check(user.as_str(), data, &authorized(), now)
        .unwrap_err()
}

#[test]
fn good_entries_are_taken() {
    let (platform, secs) = (platform(1), Secs::new(MEASUREMENT, SIGNER));
    let mut older = generation(&platform, &secs, 1, DIRECTORY_KEY);
    // The same platform at the same time: the same collateral.
    older["evidence"]
        .as_object_mut()
        .unwrap()
        .remove("collateral");
    let both = data(&[generation(&platform, &secs, 2, DIRECTORY_KEY), older]);
    let user = WorkerId::from_name(WORKER);
    let entry = Entry {
        authorized_keys: authorized().to_vec(),
        ..Entry::default()
    };
    let profile = Profile([(AVALON_WORKER.to_owned(), both)].into());
    let apps = Apps::default().with(AVALON_WORKER, checks());
    let now = Time::from_unix(NOW);
    apps.check(user.as_str(), &profile, &entry, now).unwrap();
    // Not before it was made, and not for ever.
    for now in [MADE - 1, NOW + 400 * 24 * 3600] {
        let refused = apps.check(user.as_str(), &profile, &entry, Time::from_unix(now));
        assert_eq!(refused.unwrap_err().app, AVALON_WORKER);
    }
    // A directory that has not been told which programs there are takes none of a simulated platform.
    let strict = Apps::new(Policy::strict(Program::Any));
    assert!(strict.check(user.as_str(), &profile, &entry, now).is_err());
}

#[test]
fn evidence_has_to_be_about_the_entry() {
    let (platform, secs) = (platform(1), Secs::new(MEASUREMENT, SIGNER));
    let good = || generation(&platform, &secs, 1, DIRECTORY_KEY);
    let changed = |member: &str, value: Value| {
        let mut one = good();
        one[member] = value;
        fault(&data(&[one]))
    };
    for member in ["verification_key", "encryption_key"] {
        let said = changed(member, json!("another"));
        assert!(said.contains("other keys"), "{said}");
    }
    let another = generation(&platform, &secs, 1, b"another key");
    assert!(fault(&data(&[another])).contains("another authorized key"));
    let stranger = Secs::new(Mrenclave([0x33; 32]), SIGNER);
    let stranger = generation(&platform, &stranger, 1, DIRECTORY_KEY);
    let said = fault(&data(&[stranger]));
    assert!(said.starts_with("generations[0]: evidence: "), "{said}");
    for (member, value) in [
        (
            "measurement",
            json!(format!("sim:mrenclave:{}", "33".repeat(32))),
        ),
        (
            "measurement",
            json!(format!("sgx:mrenclave:{}", "11".repeat(32))),
        ),
        ("signer", json!(format!("sim:mrsigner:{}", "33".repeat(32)))),
        ("product", json!(secs.isv_prod_id + 1)),
        ("svn", json!(secs.isv_svn + 1)),
    ] {
        let said = changed(member, value);
        assert!(
            said.starts_with(&format!("generations[0]: {member}: ")),
            "{said}"
        );
    }
    // An older generation is looked at as closely.
    let mut older = generation(&platform, &secs, 1, DIRECTORY_KEY);
    older["encryption_key"] = "another".into();
    let newest = generation(&platform, &secs, 2, DIRECTORY_KEY);
    let said = fault(&data(&[newest, older]));
    assert!(said.starts_with("generations[1]: evidence: "), "{said}");
}

#[test]
fn evidence_has_to_be_genuine_and_the_entry_the_workers_own() {
    let (platform, secs) = (platform(1), Secs::new(MEASUREMENT, SIGNER));
    let mut forged = generation(&platform, &secs, 1, DIRECTORY_KEY);
    let quote = forged["evidence"]["quote"].as_str().unwrap();
    let mut quote = STANDARD.decode(quote).unwrap();
    quote[100] ^= 1;
    forged["evidence"]["quote"] = STANDARD.encode(quote).into();
    assert!(fault(&data(&[forged])).contains("evidence: "));
    let mut broken = generation(&platform, &secs, 1, DIRECTORY_KEY);
    broken["evidence"]["quote"] = "!".into();
    assert!(fault(&data(&[broken])).contains("no base64"));
    let foreign = generation(&self::platform(2), &secs, 1, DIRECTORY_KEY);
    assert!(fault(&data(&[foreign])).contains("evidence: "));

    let good = data(&[generation(&platform, &secs, 1, DIRECTORY_KEY)]);
    let now = Time::from_unix(NOW);
    let user = WorkerId::from_name(WORKER);
    let other = WorkerId::from_name("scone-worker-2");
    let said = checks().check(other.as_str(), &good, &authorized(), now);
    assert!(said.unwrap_err().starts_with("name: "));
    let [own] = authorized();
    for keys in [
        vec![],
        vec![own.clone(), PublicKey::P256(b"another".to_vec())],
        vec![PublicKey::Ed25519(DIRECTORY_KEY.to_vec())],
        vec![PublicKey::P256(b"another".to_vec())],
    ] {
        assert!(checks().check(user.as_str(), &good, &keys, now).is_err());
    }
    assert!(checks().check(user.as_str(), &good, &[own], now).is_ok());
}
