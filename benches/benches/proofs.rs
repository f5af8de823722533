//! What proves a key directory's answers: the VRF, the map, and a whole answer as a client verifies it.
//!
//! Times are of the processor, whatever else it does in between.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use rustix::time::{ClockId, clock_gettime};
use transparency::json;
use transparency::log::{self, Frontier};
use transparency::map::{DEPTH, Hash, Index, MapId, Tree, root_of};
use transparency::memory::Memory;
use transparency::messages::{
    GetEntryResponse, LeafProof, LogProof, MapHead, Profile, SignedMapHead, Timestamp,
};
use transparency::note::{Checkpoint, Kind, Note, SignerKey};
use transparency::object_hash;
use transparency::sct::{self, Sct};
use transparency::signature::SigningKey;
use transparency::trust::{Policy, Trust};
use transparency::update::Draft;
use transparency::verifier::Verifier;
use transparency::vrf::SecretKey;

const REALM: &str = "bench.example";
const USER: &str = "alice";
/// How many leaves the map has.
const LEAVES: u32 = 100_000;
/// How many heads the log has.
const HEADS: u64 = 1000;

fn vrf(c: &mut Criterion<Processor>) {
    let secret = SecretKey::from_bytes(&[1; 32]).unwrap();
    let (output, proof) = secret.prove(USER).unwrap();
    let mut group = c.benchmark_group("vrf");
    group.bench_function("output", |b| b.iter(|| secret.evaluate(black_box(USER))));
    group.bench_function("output and proof", |b| {
        b.iter(|| secret.prove(black_box(USER)))
    });
    group.bench_function("verify", |b| {
        b.iter(|| {
            let index = secret.public_key().verify(USER, &output, &proof);
            index.unwrap()
        });
    });
    group.finish();
}

fn map(c: &mut Criterion<Processor>) {
    let map = MapId::new(REALM).unwrap();
    let index = leaf(0).0;
    let mut group = c.benchmark_group("map");
    group.bench_function("a leaf's way to the root, alone", |b| {
        b.iter(|| map.climb(&index, black_box([1; 32]), DEPTH, 0));
    });
    let tree = grown(&map);
    let proof = tree.prove(&index);
    let name = format!("a proof's way to the root, among {LEAVES} leaves");
    group.bench_function(name, |b| {
        b.iter(|| root_of(&map, black_box(&proof), &index, Some(b"leaf")));
    });
    let updates: Vec<_> = (0..1000).map(|n| (leaf(n).0, [7; 32])).collect();
    group.sample_size(10);
    group.bench_function("1 000 updates in memory", |b| {
        b.iter_batched_ref(
            || tree.clone(),
            |tree| tree.update(&updates),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

/// As a client does: from the text to what may be used, with the log's proof and a witness.
fn answer(c: &mut Criterion<Processor>) {
    let (trust, text) = directory();
    let verifier = Verifier::new(&trust).unwrap();
    c.bench_function("a whole answer, from its text", |b| {
        b.iter(|| {
            let answer: GetEntryResponse = json::read(black_box(&text)).unwrap();
            let mut memory = Memory::default();
            let verified = verifier.verify(USER, &answer, None, &mut memory);
            assert!(verified.unwrap().present().is_some());
        });
    });
}

/// An honest directory: what its clients pin, and what it answers.
fn directory() -> (Trust, Vec<u8>) {
    let secret = SecretKey::from_bytes(&[1; 32]).unwrap();
    let [map_key, log_key, user_key] = [(); 3].map(|()| SigningKey::generate().unwrap());
    let (output, proof) = secret.prove(USER).unwrap();
    let index = output.index();
    let update = Draft {
        user: USER,
        index: index.as_bytes(),
        previous: None,
        profile: &Profile([("app".to_owned(), vec![1; 500])].into()),
        authorized_keys: &[user_key.verifying_key().clone()],
        nonce: &[2; 16],
    };
    let update = update.sign(&[&user_key]).unwrap();
    let map = MapId::new(REALM).unwrap();
    let leaf_data = update.update.key_value.value;
    let mut tree = grown(&map);
    let root = tree.update(&[(index, map.leaf(&index, &leaf_data))]);
    let smh = signed_head(&map_key, root);
    let sct = Sct::sign(&log_key, 1_800_000_000_000, &smh).unwrap();
    let entry = sct::leaf_hash(sct.timestamp_ms, &sct::entry_text(&smh)).unwrap();
    let keys = [
        SignerKey::from_seed(&format!("{REALM}/heads"), Kind::Ed25519, &[3; 32]).unwrap(),
        SignerKey::from_seed("witness.example", Kind::Cosignature, &[4; 32]).unwrap(),
    ];
    let answer = GetEntryResponse {
        vrf: output.as_bytes().to_vec(),
        vrf_proof: proof.as_bytes().to_vec(),
        committed: update.committed,
        leaf_proof: Some(LeafProof {
            leaf_data,
            neighbors: tree.prove(&index).to_neighbors(),
        }),
        smh: Some(smh),
        smh_sct: sct.encode().unwrap(),
        vrf_suite: Trust::BOUND.to_owned(),
        log_proof: Some(logged(&keys, entry)),
        update: None,
    };
    let [checkpoint, witness] = keys.map(|key| key.verifier().to_string());
    let trust = Trust {
        realm: REALM.to_owned(),
        vrf_suite: Trust::BOUND.to_owned(),
        vrf_key: secret.public_key().to_pem().unwrap(),
        map_key: map_key.verifying_key().to_pem(),
        log_key: Some(log_key.verifying_key().to_pem()),
        checkpoint_key: Some(checkpoint),
        witnesses: Policy {
            threshold: 1,
            keys: vec![witness],
        },
        ..Trust::default()
    };
    (trust, json::write(&answer).unwrap())
}

fn signed_head(key: &SigningKey, root: Hash) -> SignedMapHead {
    let head = MapHead {
        realm: REALM.to_owned(),
        epoch: HEADS - 1,
        root: root.to_vec(),
        issue_time: Some(Timestamp {
            seconds: 1_800_000_000,
            nanos: 0,
        }),
    };
    let signed = key.sign_digitally(&object_hash::map_head(&head)).unwrap();
    SignedMapHead {
        map_head: Some(head),
        signatures: [(key.id().to_string(), signed)].into(),
        ..SignedMapHead::default()
    }
}

/// The entry as the last of the log.
fn logged([key, witness]: &[SignerKey; 2], entry: log::Hash) -> LogProof {
    let mut frontier = Frontier::new();
    let mut nodes = std::collections::HashMap::new();
    for n in 1..=HEADS {
        let leaf = if n == HEADS { entry } else { [0; 32] };
        nodes.extend(frontier.push(leaf).unwrap());
    }
    let path = log::prove_inclusion(HEADS - 1, HEADS, &mut |node| {
        Ok::<_, log::Error>(nodes[&node])
    });
    let checkpoint = Checkpoint {
        origin: key.verifier().name().to_owned(),
        size: HEADS,
        root: frontier.root(),
    };
    let mut note = Note::new(checkpoint.to_string()).unwrap();
    note.sign(key).unwrap();
    let cosigned = note.cosign(witness, 1_800_000_000).unwrap();
    note.signatures.push(cosigned);
    LogProof {
        leaf_index: HEADS - 1,
        tree_size: HEADS,
        audit_path: path.unwrap().iter().map(|hash| hash.to_vec()).collect(),
        checkpoint: note.to_string(),
    }
}

fn grown(map: &MapId) -> Tree {
    let mut tree = Tree::new(map.clone());
    tree.update(&(0..LEAVES).map(leaf).collect::<Vec<_>>());
    tree
}

/// A leaf where chance has it.
fn leaf(n: u32) -> (Index, Hash) {
    let hash = log::leaf_hash(&n.to_be_bytes());
    (Index::new(hash), hash)
}

/// The time that this thread has had.
struct Processor;

impl Measurement for Processor {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::try_from(time).unwrap()
    }

    fn end(&self, start: Duration) -> Duration {
        self.start() - start
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(Processor);
    targets = vrf, map, answer
}
criterion_main!(benches);
