//! Many users at once.

use super::*;

fn user(seed: u32) -> Result<Imported, SignerError> {
    let map = MapId::new("any").unwrap();
    let index = Index::new(map.leaf(&index(1), &seed.to_be_bytes()));
    Ok(Imported {
        record: UserRecord {
            vrf: [4; 65],
            proof: seed.is_multiple_of(2).then_some([seed as u8; 64]),
        },
        mutation: Mutation {
            user: format!("user {seed}"),
            ..mutation(index, &seed.to_be_bytes())
        },
    })
}

fn import(storage: &Storage, count: u32) -> Result<Sealed, Error> {
    let sealed = storage.import(5, 0..count, user, &mut Say, &|_| {})?;
    storage.publish(sealed.checkpoint.clone())?;
    Ok(sealed)
}

#[test]
fn an_import_makes_the_map_that_its_updates_make() {
    for count in [0, 1, 2, 1500u32] {
        let folder = empty();
        let mut options = options(6);
        options.retention = Duration::ZERO;
        let storage = open_in(folder.path(), options.clone()).unwrap();
        let sealed = import(&storage, count).unwrap();
        assert_eq!((sealed.head.epoch, sealed.head.mutations), (1, count));
        let entries: Entries = (0..count)
            .map(|seed| user(seed).unwrap().mutation)
            .map(|mutation| (mutation.index, mutation.leaf))
            .collect();
        assert_eq!(sealed.head.root, root_of(&entries));

        // Later epochs replace branches of the import, which stay: they prove it for ever.
        let changed: Vec<_> = entries
            .keys()
            .map(|index| (*index, b"new".to_vec()))
            .collect();
        for at in 0..3 {
            seal(&storage, 10 + at, &changed[..changed.len() / 2]);
            storage.collect(10_000).unwrap();
        }
        drop(storage);
        let storage = open_in(folder.path(), options).unwrap();
        assert_eq!(storage.oldest(), 3);
        for (index, leaf) in entries.iter().step_by(97) {
            let proof = storage.prove(1, index).unwrap();
            assert_proves(&proof, index, &sealed.head.root, Some(leaf));
        }
        for seed in 0..count.min(2) {
            let imported = user(seed).unwrap();
            let record = storage.user(&imported.mutation.user).unwrap();
            assert_eq!(record, Some(imported.record));
        }
        if count > 0 {
            assert!(matches!(import(&storage, 1), Err(Error::NotEmpty)));
        }
    }
}

#[test]
fn an_import_that_fails_leaves_nothing() {
    let folder = empty();
    let storage = open_in(folder.path(), options(6)).unwrap();
    let fails = |seed| match seed {
        900 => Err("no such user".into()),
        seed => user(seed),
    };
    let failed = storage.import(0, 0..1500, fails, &mut Say, &|_| {});
    assert!(matches!(failed, Err(Error::Import(_))), "{failed:?}");
    let twice = storage.import(0, 0..1500, |seed| user(seed % 1000), &mut Say, &|_| {});
    let said = twice.unwrap_err().to_string();
    assert!(said.ends_with(" is there twice"), "{said}");
    let unsigned = storage.import(0, 0..10, user, &mut Refuse, &|_| {});
    assert!(matches!(unsigned, Err(Error::Unsigned(_))), "{unsigned:?}");
    let left = [Space::Feed, Space::Change, Space::User, Space::Branch];
    let is_empty = |storage: &Storage| {
        left.iter()
            .all(|space| storage.engine.scan(*space, &[], &[], 1).unwrap().is_empty())
    };
    assert!(is_empty(&storage));
    assert_eq!(storage.sealed().unwrap().head.epoch, 0);

    // As if the process had ended in the middle.
    let junk = vec![
        seal::meta("importing", Vec::new()),
        Write::Put(Space::Feed, vec![1; 12], vec![0]),
        Write::Put(Space::Branch, vec![1; 12], vec![0]),
    ];
    storage.engine.commit(junk, Durability::Now).unwrap();
    drop(storage);
    let storage = open_in(folder.path(), options(6)).unwrap();
    assert!(is_empty(&storage));
    let sealed = import(&storage, 700).unwrap();
    assert_eq!((sealed.head.epoch, sealed.head.mutations), (1, 700));
}
