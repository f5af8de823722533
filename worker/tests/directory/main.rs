//! A worker, shown its own entry by hosts and directories of every kind.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers fail as the test does"
)]

/// A directory that answers what it likes and signs it properly.
#[expect(dead_code, reason = "it can lie in more ways than a worker can notice")]
#[path = "../../../transparency/tests/lies/liar.rs"]
mod liar;

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use link::report::Refusal;
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::SigningKey as Secp256k1;
use protocol::entry::{APP, Evidence, Generation, WorkerEntry};
use sconce_worker::WorkerKeys;
use sconce_worker::directory::{Finding, Watch};
use serde_json::value::to_raw_value;
use sgx::{Mrenclave, Mrsigner};
use simulator::{Platform, Secs, Seed, Settings};
use tee::{SealingKey, Tee, Wanted};
use transparency::json;
use transparency::map::Index;
use transparency::messages::{Committed, Entry, EntryUpdate, GetEntryResponse, Profile};
use transparency::signature::SigningKey;
use transparency::update::Draft;

use liar::Liar;

const WORKER: &str = "worker-1";
const NOW: u64 = 1_767_229_200;
/// The generation of the program that is tested.
const OWN: u64 = 3;

struct Processor(Platform);

impl Tee for Processor {
    fn kind(&self) -> sgx::Kind {
        sgx::Kind::Sim
    }

    fn evidence(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, tee::Error> {
        let secs = Secs::new(Mrenclave([7; 32]), Mrsigner([2; 32]));
        let quote = self.0.quote(&secs, report_data, NOW);
        quote.map_err(|_| Refusal::Failed.into())
    }

    fn sealing_key(&self, _: &Wanted) -> Result<SealingKey, tee::Error> {
        Err(Refusal::Failed.into())
    }

    fn collateral(&self) -> Result<String, tee::Error> {
        let collateral = self.0.collateral(NOW);
        collateral
            .map(|one| one.to_json())
            .map_err(|_| Refusal::Failed.into())
    }
}

/// A directory, the worker's vault, and the worker.
struct World {
    liar: Liar,
    /// What the vault signs entries with.
    vault: SigningKey,
    keys: WorkerKeys,
    watch: Watch,
    nonces: u8,
}

/// One for all tests: it takes a while to make.
fn decryption() -> DecryptionKey {
    static KEY: OnceLock<Vec<u8>> = OnceLock::new();
    let make = || {
        let key = DecryptionKey::generate().unwrap();
        key.expose_pkcs8().unwrap().to_vec()
    };
    DecryptionKey::from_pkcs8(KEY.get_or_init(make)).unwrap()
}

impl World {
    fn new() -> Self {
        let vault = SigningKey::generate().unwrap();
        let signing = Secp256k1::from_bytes(&[7; 32]).unwrap();
        let platform = Platform::new(Seed::from_bytes([1; 32]), Settings::new(NOW - 3600));
        let keys = WorkerKeys::new(WORKER, signing, decryption())
            .unwrap()
            .with_directory_key(vault.verifying_key().to_der())
            .attested(&Processor(platform.unwrap()), OWN)
            .unwrap();
        let liar = Liar::new();
        Self {
            watch: Watch::new(WORKER, &keys, &liar.trust()).unwrap(),
            liar,
            vault,
            keys,
            nonces: 0,
        }
    }

    /// One whose entry has been published and seen.
    fn published() -> Self {
        let mut world = Self::new();
        world.publish(&world.entry(&[OWN]));
        assert_eq!(world.look(), Finding::Good);
        world
    }

    fn user(&self) -> &str {
        self.keys.worker_id().as_str()
    }

    /// An entry of these generations, whose keys are the worker's own if they are its own.
    fn entry(&self, numbers: &[u64]) -> WorkerEntry {
        let signup = self.keys.signup();
        let generation = |(place, number): (usize, &u64)| {
            let own = *number == OWN;
            let key = |own_key: &str| match own {
                true => own_key.to_owned(),
                false => format!("key of {number}"),
            };
            Generation {
                generation: *number,
                verification_key: key(&signup.verifying_key),
                encryption_key: key(&signup.encryption_key),
                measurement: "sim:mrenclave:07".to_owned(),
                signer: "sim:mrsigner:02".to_owned(),
                product: 1,
                svn: 1,
                evidence: Evidence {
                    quote: signup.quote.clone(),
                    collateral: (place == 0).then(|| to_raw_value("").unwrap()),
                },
            }
        };
        WorkerEntry {
            name: WORKER.to_owned(),
            generations: numbers.iter().enumerate().map(generation).collect(),
        }
    }

    fn profile(entry: &WorkerEntry) -> Profile {
        Profile([(APP.to_owned(), entry.to_json().unwrap())].into())
    }

    /// An update that the vault has signed, or somebody who had taken its place in the map.
    fn update(
        &mut self,
        profile: &Profile,
        by: &SigningKey,
        authorized: &[&SigningKey],
    ) -> EntryUpdate {
        self.nonces += 1;
        let user = self.user().to_owned();
        let index = self.liar.index(&user);
        let authorized: Vec<_> = authorized
            .iter()
            .map(|key| key.verifying_key().clone())
            .collect();
        let draft = Draft {
            user: &user,
            index: index.as_bytes(),
            previous: self.liar.next.leaves.get(&index).map(Vec::as_slice),
            profile,
            authorized_keys: &authorized,
            nonce: &[self.nonces; 16],
        };
        draft.sign(&[by]).unwrap()
    }

    fn put(&mut self, update: &EntryUpdate) {
        self.liar.apply(update);
        self.liar.seal();
    }

    /// As it should be: signed by the vault, for the vault.
    fn publish(&mut self, entry: &WorkerEntry) -> EntryUpdate {
        let vault = SigningKey::from_pem(&self.vault.to_pem()).unwrap();
        let update = self.update(&Self::profile(entry), &vault, &[&vault]);
        self.put(&update);
        update
    }

    fn answer(&self) -> GetEntryResponse {
        self.liar.get(self.user())
    }

    fn show(&self, answer: &GetEntryResponse) -> Finding {
        self.watch.look(&json::write(answer).unwrap())
    }

    fn look(&self) -> Finding {
        self.show(&self.answer())
    }

    /// Why it ends.
    fn foreign(&self) -> String {
        match self.look() {
            Finding::Foreign(why) => why,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_worker_goes_on_over_a_life_of_generations() {
    let mut world = World::new();
    assert_eq!(world.look(), Finding::Good, "none has been published");
    world.publish(&world.entry(&[2]));
    assert_eq!(world.look(), Finding::Good, "it does not stand in it yet");
    for numbers in [&[3, 2][..], &[3], &[4, 3], &[5, 4, 3]] {
        world.publish(&world.entry(numbers));
        assert_eq!(world.look(), Finding::Good, "{numbers:?}");
        assert_eq!(world.look(), Finding::Good, "again");
    }
    for _ in 0..3 {
        world.liar.seal();
        assert_eq!(world.look(), Finding::Good, "nothing has changed");
    }
}

#[test]
fn a_retired_worker_ends() {
    let mut world = World::published();
    world.publish(&world.entry(&[4]));
    assert!(
        world.foreign().contains("generation 3"),
        "{}",
        world.foreign()
    );
}

#[test]
fn keys_of_others_under_its_number_end_it_even_the_first_time() {
    for listed in [false, true] {
        for change in [
            (|one: &mut Generation| one.verification_key = "key".to_owned()) as fn(&mut Generation),
            |one| one.encryption_key = "key".to_owned(),
        ] {
            let mut world = if listed {
                World::published()
            } else {
                World::new()
            };
            let mut entry = world.entry(&[OWN]);
            change(&mut entry.generations[0]);
            world.publish(&entry);
            assert!(
                world.foreign().contains("other keys"),
                "{}",
                world.foreign()
            );
        }
    }
}

#[test]
fn an_entry_that_others_may_replace_ends_it() {
    let mallory = SigningKey::generate().unwrap();
    for listed in [false, true] {
        for with_vault in [false, true] {
            let mut world = if listed {
                World::published()
            } else {
                World::new()
            };
            let vault = SigningKey::from_pem(&world.vault.to_pem()).unwrap();
            let profile = World::profile(&world.entry(&[OWN]));
            // The keys are the right ones: today.
            let authorized = [&vault, &mallory];
            let authorized = if with_vault {
                &authorized[..]
            } else {
                &authorized[1..]
            };
            let update = world.update(&profile, &mallory, authorized);
            world.put(&update);
            assert!(
                world.foreign().contains("others may replace"),
                "{}",
                world.foreign()
            );
        }
    }
}

#[test]
fn an_entry_of_something_else_ends_it() {
    let mut other_name = World::new().entry(&[OWN]);
    other_name.name = "worker-2".to_owned();
    let form = Profile([(APP.to_owned(), b"[]".to_vec())].into());
    for profile in [World::profile(&other_name), form, Profile::default()] {
        let mut world = World::new();
        let vault = SigningKey::from_pem(&world.vault.to_pem()).unwrap();
        let update = world.update(&profile, &vault, &[&vault]);
        world.put(&update);
        world.foreign();
    }
}

#[test]
fn an_entry_that_is_gone_or_was_put_back_ends_it() {
    let mut world = World::published();
    let index: Index = world.liar.index(world.user());
    world.liar.next.leaves.remove(&index);
    world.liar.seal();
    assert!(world.foreign().contains("no entry"), "{}", world.foreign());

    let mut world = World::new();
    let first = world.publish(&world.entry(&[OWN]));
    assert_eq!(world.look(), Finding::Good);
    world.publish(&world.entry(&[4, OWN]));
    assert_eq!(world.look(), Finding::Good);
    world.put(&first);
    assert!(world.foreign().contains("put back"), "{}", world.foreign());
}

#[test]
fn what_proves_nothing_is_passed_over_and_told_once() {
    let mut world = World::published();
    let good = world.answer();
    let other = Liar::new();
    type Change = fn(&mut GetEntryResponse);
    let changes: [(&str, Change); 6] = [
        ("kt.committed-missing", |answer| answer.committed = None),
        ("kt.commitment", |answer| {
            answer.committed.get_or_insert_default().data.push(0);
        }),
        ("kt.vrf", |answer| answer.vrf_proof[40] ^= 1),
        ("kt.inclusion", |answer| {
            // Another leaf, and what opens its commitment.
            let proof = answer.leaf_proof.get_or_insert_default();
            let mut entry = Entry::decode(&proof.leaf_data).unwrap();
            entry.authorized_keys.clear();
            proof.leaf_data = entry.encode();
        }),
        ("kt.head-signature", |answer| {
            let smh = answer.smh.get_or_insert_default();
            smh.map_head.get_or_insert_default().epoch += 1;
        }),
        ("kt.form", |answer| answer.leaf_proof = None),
    ];
    for (code, change) in changes {
        let mut answer = good.clone();
        change(&mut answer);
        let Finding::Unproved(Some(why)) = world.show(&answer) else {
            panic!("{code}");
        };
        assert!(why.starts_with(code), "{why}");
        assert_eq!(world.show(&answer), Finding::Unproved(None), "{code}");
        assert_eq!(world.look(), Finding::Good, "{code}");
    }
    // A directory of the same name with other keys, in which there is no such worker.
    let foreign = other.get(world.user());
    assert!(matches!(world.show(&foreign), Finding::Unproved(Some(_))));

    // What was true once: the host keeps back what is true now.
    world.publish(&world.entry(&[4, OWN]));
    assert_eq!(world.look(), Finding::Good);
    assert!(
        matches!(world.show(&good), Finding::Unproved(Some(why)) if why.starts_with("kt.epoch-old"))
    );

    let long = vec![b' '; 2 << 20];
    for text in [&b""[..], b"{}", b"[]", b"null", b"\xff", &long] {
        assert!(matches!(world.watch.look(text), Finding::Unproved(_)));
    }
    assert_eq!(world.look(), Finding::Good);
}

#[test]
fn another_workers_entry_is_not_taken_for_its_own() {
    let mut world = World::published();
    let mallory = SigningKey::generate().unwrap();
    world.liar.put("somebody else", &mallory, "data");
    let theirs = world.liar.get("somebody else");
    assert!(
        matches!(world.show(&theirs), Finding::Unproved(Some(why)) if why.starts_with("kt.vrf"))
    );
}

#[test]
fn words_of_others_reach_the_log_in_one_line() {
    let world = World::published();
    let mut answer = world.answer();
    answer.committed = Some(Committed::default());
    let head = answer.smh.get_or_insert_default();
    head.map_head.get_or_insert_default().realm = "\n\x1b[31m".repeat(1000);
    let Finding::Unproved(Some(why)) = world.show(&answer) else {
        panic!("it proves nothing");
    };
    assert!(why.len() < 1000 && !why.contains(['\n', '\x1b']), "{why}");
}

#[test]
fn the_quote_is_about_the_key_for_directories() {
    let world = World::new();
    let signup = world.keys.signup();
    let der = world.vault.verifying_key().to_der();
    assert_eq!(signup.directory_key, STANDARD.encode(&der));
    let quote = STANDARD.decode(&signup.quote).unwrap();
    let quote = sgx::quote::Quote::parse(&quote).unwrap();
    let said = protocol::report_data::worker_keys(
        world.keys.worker_id(),
        &signup.verifying_key,
        &signup.encryption_key,
        &der,
    );
    assert_eq!(*quote.body().report_data(), said);
}
