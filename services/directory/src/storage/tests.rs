//! The store against a plain list of entries, and against what may happen to its files.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use proptest::prelude::*;
use tempfile::TempDir;
use transparency::{
    log,
    map::{self, Hash, Index, MapId},
};

use super::*;
use crate::engine::{Limits, Space};

mod damage;
mod import;

/// Signs by saying what it was asked to.
struct Say;

impl Signer for Say {
    fn head(&mut self, epoch: u64, root: Hash) -> Result<SignedHead, SignerError> {
        Ok(SignedHead {
            head: root.to_vec(),
            sct: vec![7; 3],
            entry: format!("head {epoch}").into_bytes(),
        })
    }

    fn checkpoint(&mut self, size: u64, root: Hash) -> Result<Vec<u8>, SignerError> {
        Ok([&size.to_be_bytes()[..], &root].concat())
    }
}

/// Signs nothing.
struct Refuse;

impl Signer for Refuse {
    fn head(&mut self, _: u64, _: Hash) -> Result<SignedHead, SignerError> {
        Err("no".into())
    }

    fn checkpoint(&mut self, _: u64, _: Hash) -> Result<Vec<u8>, SignerError> {
        Err("no".into())
    }
}

/// An empty folder; in memory if there is such a place, as nothing here is about the disk's speed.
fn empty() -> TempDir {
    TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .unwrap()
}

fn options(levels: usize) -> Options {
    let mut options = Options::new(MapId::new("test.example").unwrap());
    options.levels = levels;
    options.limits = Limits {
        cache: 1 << 20,
        write_buffer: 4 << 20,
    };
    options
}

fn open_in(folder: &Path, options: Options) -> Result<Storage, Error> {
    Storage::open(folder, options)
}

fn mutation(index: Index, leaf: &[u8]) -> Mutation {
    Mutation {
        user: format!("user {index}"),
        index,
        leaf: leaf.to_vec(),
        update: [b"key ", &index.as_bytes()[..], b" value ", leaf, b" signed"].concat(),
        committed: b"opening".to_vec(),
    }
}

/// Seals and publishes the updates in one epoch.
fn seal(storage: &Storage, issued: u64, changes: &[(Index, Vec<u8>)]) -> Sealed {
    let epoch = Epoch {
        issued,
        mutations: changes
            .iter()
            .map(|(index, leaf)| mutation(*index, leaf))
            .collect(),
        settled: Vec::new(),
    };
    let sealed = storage.seal(epoch, &mut Say).unwrap();
    storage.publish(sealed.checkpoint.clone()).unwrap();
    sealed
}

fn index(seed: u8) -> Index {
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = seed.wrapping_mul(151).rotate_left(at as u32 % 8) ^ (at as u8).wrapping_mul(seed);
    }
    Index::new(bytes)
}

/// Indices that share much of their way: differing at the ends, in the middle, or nowhere.
fn indices() -> impl Strategy<Value = Index> {
    (0..4u8, 0..3usize, 0..8u32).prop_map(|(seed, place, bit)| {
        let mut bytes = *index(seed).as_bytes();
        bytes[[0, 13, 31][place]] ^= 1 << bit;
        Index::new(bytes)
    })
}

type Entries = BTreeMap<Index, Vec<u8>>;

fn root_of(entries: &Entries) -> Hash {
    let map = MapId::new("test.example").unwrap();
    let leaves: Vec<_> = entries
        .iter()
        .map(|(index, leaf)| (*index, map.leaf(index, leaf)))
        .collect();
    map::build(&map, &leaves, &mut |_| {})
}

/// The proof must hold against the root, and show what the list has.
fn assert_proves(proof: &Proof, index: &Index, root: &Hash, expected: Option<&Vec<u8>>) {
    let leaf = proof.leaf.as_ref().map(|leaf| &leaf.leaf);
    assert_eq!(leaf, expected, "{index}");
    let map = MapId::new("test.example").unwrap();
    let led_to = map::root_of(&map, &proof.map, index, leaf.map(|leaf| &leaf[..]));
    assert_eq!(&led_to, root, "{index}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_epoch_proves_what_a_list_has(
        epochs in prop::collection::vec(prop::collection::vec((indices(), 0..3u8), 0..12), 1..6),
        strangers in prop::collection::vec(indices(), 3),
        levels in prop::sample::select(vec![0, 3, 18]),
    ) {
        let folder = empty();
        let storage = open_in(folder.path(), options(levels)).unwrap();
        let mut versions = vec![Entries::new()];
        seal(&storage, 0, &[]);
        for (at, changes) in epochs.iter().enumerate() {
            let mut entries = versions.last().unwrap().clone();
            let changes: Entries = changes.iter().map(|(index, leaf)| (*index, vec![*leaf; 9])).collect();
            entries.extend(changes.clone());
            seal(&storage, at as u64, &changes.into_iter().collect::<Vec<_>>());
            versions.push(entries);
        }
        drop(storage);
        let storage = open_in(folder.path(), options(levels)).unwrap();
        for (epoch, entries) in versions.iter().enumerate() {
            let root = root_of(entries);
            let head = storage.head(epoch as u64).unwrap();
            prop_assert_eq!(head.root, root);
            for index in versions.last().unwrap().keys().chain(&strangers) {
                let proof = storage.prove(epoch as u64, index).unwrap();
                assert_proves(&proof, index, &root, entries.get(index));
            }
        }
    }
}

#[test]
fn many_changes_go_over_two_cores_and_make_the_same_map() {
    let folder = empty();
    let storage = open_in(folder.path(), options(4)).unwrap();
    let map = MapId::new("any").unwrap();
    let entries: Entries = (0..400u32)
        .map(|n| {
            let bytes = map.leaf(&index(1), &n.to_be_bytes());
            (Index::new(bytes), n.to_be_bytes().to_vec())
        })
        .collect();
    let changes: Vec<_> = entries.clone().into_iter().collect();
    seal(&storage, 0, &changes[..200]);
    let sealed = seal(&storage, 0, &changes[100..]);
    assert_eq!(sealed.head.root, root_of(&entries));
    for (index, leaf) in &entries {
        let proof = storage.prove(1, index).unwrap();
        assert_proves(&proof, index, &sealed.head.root, Some(leaf));
        // What is stored of the change for later is the same proof.
        if let Some((_, stored)) = users::changed(&*storage.engine, index, 1).unwrap() {
            assert_eq!(stored, proof.map);
        }
    }
    let changed = changes[100..].iter().all(|(index, _)| {
        users::changed(&*storage.engine, index, 1)
            .unwrap()
            .is_some()
    });
    assert!(changed);
}

#[test]
fn what_was_replaced_goes_after_the_retention_but_changes_stay_proven() {
    let folder = empty();
    let mut options = options(0);
    options.retention = Duration::from_millis(100);
    let storage = open_in(folder.path(), options.clone()).unwrap();
    let [first, second] = [index(1), index(2)];
    let mut roots = Vec::new();
    for epoch in 0..10u8 {
        let mut changes = vec![(first, vec![epoch; 5])];
        if epoch == 3 {
            changes.push((second, vec![epoch; 5]));
        }
        roots.push(seal(&storage, u64::from(epoch) * 50, &changes).head.root);
    }
    // 7 was replaced at 400, 50 ms before the end; 6 at 350, 100 ms before, and is out.
    assert_eq!(storage.oldest(), 7);
    let branches = |storage: &Storage| {
        storage
            .engine
            .scan(Space::Branch, &[], &[], 99)
            .unwrap()
            .len()
    };
    // Since epoch 3 there is one branch, and a version of it an epoch.
    assert_eq!(branches(&storage), 7);
    assert_eq!(storage.collect(100).unwrap(), 4);
    assert_eq!(storage.collect(100).unwrap(), 0);
    assert_eq!(branches(&storage), 3);
    drop(storage);

    let storage = open_in(folder.path(), options).unwrap();
    assert_eq!(storage.oldest(), 7);
    for epoch in 0..10u8 {
        let proof = storage.prove(epoch.into(), &first).unwrap();
        let root = &roots[usize::from(epoch)];
        assert_proves(&proof, &first, root, Some(&vec![epoch; 5]));
        match storage.prove(epoch.into(), &second) {
            Ok(proof) if epoch == 3 || epoch >= 7 => {
                assert_proves(&proof, &second, root, Some(&vec![3; 5]));
            }
            Err(Error::Gone { oldest: 7, .. }) if epoch < 7 => {}
            other => panic!("epoch {epoch}: {other:?}"),
        }
    }
    assert!(matches!(storage.prove(10, &first), Err(Error::NotYet(10))));
}

#[test]
fn the_queue_survives_and_a_seal_settles_it() {
    let folder = empty();
    let pending = |seed| Pending {
        user: format!("user {seed}"),
        index: index(seed),
        update: vec![seed; 40],
        committed: vec![seed; 20],
    };
    let storage = open_in(folder.path(), options(4)).unwrap();
    let places = storage.queue(vec![pending(1), pending(2)]).unwrap();
    storage.queue(vec![pending(3)]).unwrap();
    drop(storage);
    let storage = open_in(folder.path(), options(4)).unwrap();
    let waiting: Vec<_> = storage.queued().unwrap();
    assert_eq!(
        waiting
            .iter()
            .map(|one| one.pending.clone())
            .collect::<Vec<_>>(),
        [pending(1), pending(2), pending(3)]
    );
    let epoch = Epoch {
        settled: places,
        ..Epoch::default()
    };
    storage.seal(epoch, &mut Say).unwrap();
    let after = storage.queue(vec![pending(4)]).unwrap();
    drop(storage);
    let storage = open_in(folder.path(), options(4)).unwrap();
    let waiting = storage.queued().unwrap();
    assert_eq!(waiting.len(), 2);
    assert_eq!(waiting[0].pending, pending(3));
    assert_eq!(waiting[1].place, after[0]);
}

#[test]
fn feed_and_changes_tell_what_each_epoch_did() {
    let folder = empty();
    let storage = open_in(folder.path(), options(4)).unwrap();
    let [first, second] = [index(1), index(2)];
    seal(
        &storage,
        0,
        &[(second, b"a".to_vec()), (first, b"b".to_vec())],
    );
    seal(&storage, 0, &[]);
    seal(&storage, 0, &[(first, b"c".to_vec())]);
    let items = storage.mutations(0, 0, 10).unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items[0].update, mutation(second, b"a").update);
    assert_eq!(items[1].committed, b"opening");
    assert_eq!(storage.mutations(0, 1, 10).unwrap()[0].number, 1);
    assert!(storage.mutations(1, 0, 10).unwrap().is_empty());
    assert!(storage.mutations(3, 0, 10).is_err());
    let changes = storage.changes(&first, 0, 10).unwrap();
    assert_eq!(
        changes
            .iter()
            .map(|change| change.epoch)
            .collect::<Vec<_>>(),
        [0, 2]
    );
    assert_eq!(storage.changes(&first, 1, 10).unwrap().len(), 1);
    let newest = storage.newest(&first).unwrap().unwrap();
    assert_eq!(
        (newest.epoch, &newest.leaf[..], newest.index),
        (2, &b"c"[..], first)
    );
    assert_eq!(newest.user, format!("user {first}"));
    assert_eq!(storage.newest(&index(9)).unwrap(), None);
}

#[test]
fn the_log_proves_every_head_in_every_later_checkpoint() {
    let folder = empty();
    let storage = open_in(folder.path(), options(4)).unwrap();
    let heads: Vec<_> = (0..300).map(|at| seal(&storage, at, &[]).head).collect();
    for size in [1, 2, 3, 7, 256, 257, 300u64] {
        let root = heads[size as usize - 1].log_root;
        for leaf in [0, size / 2, size - 1] {
            let path = storage.inclusion(leaf, size).unwrap();
            let hash = log::leaf_hash(format!("head {leaf}").as_bytes());
            log::verify_inclusion(&hash, leaf, size, &path, &root).unwrap();
        }
        for old in [1, size / 2, size] {
            if old > 0 {
                let path = storage.consistency(old, size).unwrap();
                let old_root = heads[old as usize - 1].log_root;
                log::verify_consistency(old, &old_root, size, &root, &path).unwrap();
            }
        }
    }
    let snapshot = storage.snapshot().unwrap();
    assert_eq!(snapshot.inclusion(), storage.inclusion(299, 300).unwrap());
    assert_eq!(storage.tile(0, 0, 256).unwrap().len(), 256);
    assert_eq!(storage.tile(0, 1, 256).unwrap().len(), 44);
    assert_eq!(storage.tile(0, 1, 3).unwrap().len(), 3);
    let whole = storage.tile(1, 0, 1).unwrap()[0];
    assert_eq!(whole, heads[255].log_root);
    assert_eq!(storage.entries(298, 9).unwrap(), [b"head 298", b"head 299"]);
}

#[test]
fn auditors_signatures_stand_by_their_head() {
    let folder = empty();
    let storage = open_in(folder.path(), options(4)).unwrap();
    seal(&storage, 0, &[]);
    seal(&storage, 0, &[]);
    storage.add_signature(1, "b", b"one").unwrap();
    storage.add_signature(1, "a", b"two").unwrap();
    storage.add_signature(1, "b", b"three").unwrap();
    let expected = [
        ("a".to_owned(), b"two".to_vec()),
        ("b".to_owned(), b"three".to_vec()),
    ];
    assert_eq!(storage.signatures(1).unwrap(), expected);
    assert!(storage.signatures(0).unwrap().is_empty());
    assert!(matches!(
        storage.add_signature(2, "a", b""),
        Err(Error::NotYet(2))
    ));
}

#[test]
fn nothing_is_stored_of_an_epoch_that_can_not_be() {
    let folder = empty();
    let storage = open_in(folder.path(), options(4)).unwrap();
    seal(&storage, 0, &[(index(1), b"a".to_vec())]);
    let before = storage.sealed();
    let twice = vec![mutation(index(2), b"a"), mutation(index(2), b"b")];
    let other = Mutation {
        index: index(3),
        ..mutation(index(2), b"a")
    };
    let seal = |mutations, signer: &mut dyn Signer| {
        let epoch = Epoch {
            mutations,
            ..Epoch::default()
        };
        storage.seal(epoch, signer).unwrap_err()
    };
    assert!(matches!(seal(twice, &mut Say), Error::Twice(_)));
    assert!(matches!(seal(vec![other], &mut Say), Error::Mismatch(_)));
    let refused = seal(vec![mutation(index(2), b"a")], &mut Refuse);
    assert!(matches!(refused, Error::Unsigned(_)));
    assert_eq!(storage.sealed(), before);
    assert_eq!(storage.newest(&index(2)).unwrap(), None);
}

#[test]
fn readers_see_an_epoch_once_it_is_published() {
    let folder = empty();
    let storage = open_in(folder.path(), options(4)).unwrap();
    assert!(storage.snapshot().is_none());
    seal(&storage, 0, &[]);
    let epoch = Epoch {
        mutations: vec![mutation(index(1), b"a")],
        ..Epoch::default()
    };
    storage.seal(epoch, &mut Say).unwrap();
    assert_eq!(storage.snapshot().unwrap().head().epoch, 0);
    assert!(matches!(storage.prove(1, &index(1)), Err(Error::NotYet(1))));
    let snapshot = storage.publish(b"cosigned".to_vec()).unwrap();
    assert_eq!(snapshot.checkpoint(), b"cosigned");
    assert!(snapshot.prove(&index(1)).unwrap().leaf.is_some());
    storage.seal(Epoch::default(), &mut Say).unwrap();
    let own = storage.sealed().unwrap();
    drop((snapshot, storage));
    // What was sealed is what there is after a crash, with the checkpoint it was sealed with.
    let storage = open_in(folder.path(), options(4)).unwrap();
    let snapshot = storage.snapshot().unwrap();
    assert_eq!(snapshot.head(), &own.head);
    assert_eq!(snapshot.checkpoint(), own.checkpoint);
}
