//! What the vault signs for key directories: its own generations, for the owner, and nothing else.

use attestation::Time;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::crypto::pem;
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::SigningKey;
use protocol::entry::{APP, WorkerEntry};
use protocol::{WorkerId, report_data};
use provision::api::{GenerationEvidence, NewEntry, NewGeneration, NewWorker, Program};
use provision::audit::Outcome;
use provision::text::Base64;
use provision::{DIRECTORY, DIRECTORY_KEY, ENCRYPTION_KEY, Evidence, SIGNING_KEY, WORKER_PRODUCT};
use serde_json::value::{RawValue, to_raw_value};
use sgx::{Mrenclave, Mrsigner};
use simulator::Secs;
use transparency::messages::{EntryUpdate, Profile, PublicKey};
use transparency::mutation::{self, Verdict};
use transparency::trust::Trust;
use transparency::{commitment, json, messages, signature};
use vault_client::{Identity, Vault};

use crate::machine::now;
use crate::support::{World, code};

const INDEX: [u8; 32] = [3; 32];

/// The public halves of the keys that a generation's programs are given.
struct Given {
    verification: String,
    encryption: String,
    /// DER.
    directory: Vec<u8>,
    trust: Option<String>,
}

fn given(world: &World, generation: u64, measurement: u8) -> Given {
    let service = format!("avalon/w/g{generation}");
    let grant = world
        .release(&mut world.client(None), measurement, &service)
        .unwrap();
    let der = pem::decode("PRIVATE KEY", &grant.environment[ENCRYPTION_KEY]).unwrap();
    let decryption = DecryptionKey::from_pkcs8(&der).unwrap();
    let signing = SigningKey::from_pem(&grant.environment[SIGNING_KEY]).unwrap();
    Given {
        verification: signing.verifying_key().pem().to_owned(),
        encryption: decryption.encryption_key().unwrap().pem().to_owned(),
        directory: STANDARD.decode(&grant.environment[DIRECTORY_KEY]).unwrap(),
        trust: grant.environment.get(DIRECTORY).cloned(),
    }
}

impl Given {
    fn said(&self, worker: &str) -> [u8; 64] {
        report_data::worker_keys(
            &WorkerId::from_name(worker),
            &self.verification,
            &self.encryption,
            &self.directory,
        )
    }
}

fn secs(measurement: u8) -> Secs {
    let mut secs = Secs::new(Mrenclave([measurement; 32]), Mrsigner([7; 32]));
    secs.isv_prod_id = WORKER_PRODUCT;
    secs.isv_svn = 1;
    secs
}

fn evidence(world: &World, secs: &Secs, said: &[u8; 64]) -> Evidence {
    let found = world.platform.evidence(secs, said, now()).unwrap();
    Evidence::new(found.quote, &found.collateral.to_json()).unwrap()
}

fn of(world: &World, generation: u64, measurement: u8) -> GenerationEvidence {
    let said = given(world, generation, measurement).said("w");
    GenerationEvidence {
        generation,
        evidence: evidence(world, &secs(measurement), &said),
    }
}

fn wish(previous: Option<&[u8]>, generations: Vec<GenerationEvidence>) -> NewEntry {
    NewEntry {
        index: Base64(INDEX.to_vec()),
        previous: previous.map(|leaf| Base64(leaf.to_vec())),
        generations,
    }
}

fn signed(vault: &mut Vault, wish: &NewEntry) -> EntryUpdate {
    let answer = vault.sign_entry("w", wish).unwrap();
    json::read_put(answer.update.get().as_bytes()).unwrap()
}

/// What an update publishes, if it is good for the leaf that there is.
fn published(update: &EntryUpdate, leaf: Option<&[u8]>) -> (messages::Entry, WorkerEntry) {
    let verdict = mutation::check(&update.update, leaf).unwrap();
    assert!(matches!(verdict, Verdict::Apply));
    assert_eq!(update.update.key_value.key, INDEX);
    let entry = messages::Entry::decode(&update.update.key_value.value).unwrap();
    let committed = update.committed.as_ref().unwrap();
    let user = WorkerId::from_name("w");
    assert!(commitment::opens(
        &entry.commitment,
        user.as_str(),
        committed
    ));
    let profile = Profile::decode(&committed.data).unwrap();
    assert_eq!(profile.0.len(), 1);
    let worker = WorkerEntry::read(&profile.0[APP]).unwrap();
    (entry, worker)
}

fn rotate(program: Option<Program>) -> NewGeneration {
    NewGeneration {
        program,
        overlap_seconds: 600,
    }
}

#[test]
fn an_entry_has_the_keys_that_programs_are_given_and_is_signed_by_a_key_that_none_is() {
    let mut world = World::new();
    let mut owner = world.owner();
    owner.ensure_worker("w", &world.program(9)).unwrap();
    let keys = given(&world, 1, 9);
    let first = signed(&mut owner, &wish(None, vec![of(&world, 1, 9)]));
    let (entry, worker) = published(&first, None);
    assert_eq!(
        entry.authorized_keys,
        [PublicKey::P256(keys.directory.clone())]
    );
    assert_eq!(worker.name, "w");
    let [one] = &worker.generations[..] else {
        panic!("one generation");
    };
    assert_eq!(one.generation, 1);
    assert_eq!(one.verification_key, keys.verification);
    assert_eq!(one.encryption_key, keys.encryption);
    assert_eq!(one.measurement, world.program(9).measurement.0.to_string());
    assert_eq!((one.product, one.svn), (WORKER_PRODUCT, 1));

    // An upgrade: both stand in the entry, the newest first, however they are brought.
    owner
        .new_generation("w", &rotate(Some(world.program(10))))
        .unwrap();
    let leaf = first.update.key_value.value.clone();
    let both = vec![of(&world, 1, 9), of(&world, 2, 10)];
    let second = signed(&mut owner, &wish(Some(&leaf), both));
    let (entry, worker) = published(&second, Some(&leaf));
    let numbers: Vec<_> = worker
        .generations
        .iter()
        .map(|one| one.generation)
        .collect();
    assert_eq!(numbers, [2, 1]);
    assert!(
        worker.generations[1].evidence.collateral.is_none(),
        "the same"
    );
    assert_eq!(
        entry.authorized_keys,
        [PublicKey::P256(keys.directory.clone())]
    );

    // It is good for that leaf alone: the one before can't be put back by it, or replaced twice.
    assert!(mutation::check(&second.update, None).is_err());
    let now = second.update.key_value.value.clone();
    assert!(mutation::check(&first.update, Some(&now)).is_err());

    // Retired generations stand in none any more, and the key stays over a start.
    owner.retire("w", 1).unwrap();
    world.restart();
    let mut owner = world.owner();
    let gone = wish(Some(&now), both_without_asking(&first));
    assert_eq!(code(owner.sign_entry("w", &gone)), "kme.generation");
    let third = signed(&mut owner, &wish(Some(&now), vec![of(&world, 2, 10)]));
    let (entry, worker) = published(&third, Some(&now));
    assert_eq!(worker.generations.len(), 1);
    assert_eq!(entry.authorized_keys, [PublicKey::P256(keys.directory)]);

    let log = owner.audit(1, 500).unwrap();
    let entries = log.iter().filter(|line| line.entry.event == "worker.entry");
    let outcomes: Vec<_> = entries.map(|line| line.entry.outcome).collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Done,
            Outcome::Done,
            Outcome::Refused,
            Outcome::Done
        ]
    );
}

/// The evidence of the first generation as it was published.
fn both_without_asking(update: &EntryUpdate) -> Vec<GenerationEvidence> {
    let (_, worker) = published(update, None);
    let shown = worker.with_collateral().map(|(one, collateral)| {
        let quote = STANDARD.decode(&one.evidence.quote).unwrap();
        GenerationEvidence {
            generation: one.generation,
            evidence: Evidence::new(quote, collateral.get()).unwrap(),
        }
    });
    shown.collect()
}

#[test]
fn nothing_else_is_signed() {
    let world = World::new();
    let mut owner = world.owner();
    owner.ensure_worker("w", &world.program(9)).unwrap();
    owner.ensure_worker("v", &world.program(9)).unwrap();
    let keys = given(&world, 1, 9);
    let good = || of(&world, 1, 9);
    let said = |said: [u8; 64], secs: &Secs| GenerationEvidence {
        generation: 1,
        evidence: evidence(&world, secs, &said),
    };
    let own = keys.said("w");
    let mut without = own;
    without.copy_from_slice(&report_data::worker_keys(
        &WorkerId::from_name("w"),
        &keys.verification,
        &keys.encryption,
        &[],
    ));
    let mut other_signer = secs(9);
    other_signer.mrsigner = Mrsigner([8; 32]);
    let mut older = secs(9);
    older.isv_svn = 0;
    let mut no_quote = good();
    no_quote.evidence.quote = Base64(b"quote".to_vec());
    let mut long = good();
    long.evidence.collateral = text(&"x".repeat(protocol::entry::MAX));

    for (what, generations) in [
        (
            "keys of another worker",
            vec![said(keys.said("v"), &secs(9))],
        ),
        ("no key for directories", vec![said(without, &secs(9))]),
        ("another program", vec![said(own, &secs(10))]),
        ("another signer", vec![said(own, &other_signer)]),
        ("an older program", vec![said(own, &older)]),
        ("no quote", vec![no_quote]),
        ("twice", vec![good(), good()]),
        ("none", vec![]),
        ("too long", vec![long]),
    ] {
        let refused = owner.sign_entry("w", &wish(None, generations));
        assert_eq!(code(refused), "kme.entry", "{what}");
    }
    let mut short = wish(None, vec![good()]);
    short.index.0.pop();
    assert_eq!(code(owner.sign_entry("w", &short)), "kme.entry");
    let mut later = good();
    later.generation = 2;
    let refused = owner.sign_entry("w", &wish(None, vec![later]));
    assert_eq!(code(refused), "kme.generation");
    let refused = owner.sign_entry("nobody", &wish(None, vec![good()]));
    assert_eq!(code(refused), "kme.worker");

    let (stranger, _) = Identity::generate().unwrap();
    for identity in [Some(&stranger), None] {
        let refused = world
            .client(identity)
            .sign_entry("w", &wish(None, vec![good()]));
        assert_eq!(code(refused), "vault.owner");
    }
    signed(&mut owner, &wish(None, vec![good()]));
}

fn text(text: &str) -> Box<RawValue> {
    to_raw_value(text).unwrap()
}

/// What an owner may say of a directory.
fn trust() -> Trust {
    let key = || {
        let key = signature::SigningKey::generate().unwrap();
        key.verifying_key().to_pem()
    };
    Trust {
        realm: "directory.example".to_owned(),
        vrf_suite: Trust::BOUND.to_owned(),
        vrf_key: key(),
        map_key: key(),
        ..Trust::default()
    }
}

#[test]
fn programs_are_told_the_directory_that_the_owner_names() {
    let world = World::new();
    let mut owner = world.owner();
    let told = |trust: &Trust| NewWorker {
        program: world.program(9),
        directory: Some(to_raw_value(trust).unwrap()),
    };
    let (one, two) = (trust(), trust());
    let made = owner.ensure_worker("w", told(&one)).unwrap();
    let keys = given(&world, 1, 9);
    assert_eq!(Trust::from_json(keys.trust.unwrap().as_bytes()), Ok(one));

    for wish in [told(&two), (&world.program(9)).into()] {
        assert_eq!(owner.ensure_worker("w", wish).unwrap(), made);
        let again = given(&world, 1, 9);
        let trust = again.trust.unwrap();
        assert_eq!(Trust::from_json(trust.as_bytes()).as_ref(), Ok(&two));
        assert_eq!(again.directory, keys.directory, "the key stays");
    }

    let useless = Trust {
        map_key: String::new(),
        ..two.clone()
    };
    let marked = Trust {
        realm: "$$SCONE::signing-g1$$".to_owned(),
        ..two.clone()
    };
    let long = Trust {
        address: Some("x".repeat(provision::MAX_TRUST)),
        ..two
    };
    for bad in [useless, marked, long] {
        assert_eq!(code(owner.ensure_worker("w", told(&bad))), "vault.request");
    }
    let log = owner.audit(1, 500).unwrap();
    let times = |event: &str| log.iter().filter(|line| line.entry.event == event).count();
    assert_eq!(times("worker.directory"), 2);
    assert_eq!(times("worker.directory-key"), 1);
    assert!(
        log.iter()
            .all(|line| line.entry.time.0 <= Time::from_unix(now() + 60))
    );
}
