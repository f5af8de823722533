//! Folders of others, damaged ones, and batches that were torn.

use super::*;

#[test]
fn a_folder_is_of_one_map_and_of_one_process() {
    let folder = empty();
    let storage = open_in(folder.path(), options(4)).unwrap();
    let second = open_in(folder.path(), options(4)).unwrap_err();
    assert!(
        second.to_string().contains("in use by another process"),
        "{second}"
    );
    drop(storage);
    let mut other = options(4);
    other.map = MapId::new("other.example").unwrap();
    let foreign = open_in(folder.path(), other).unwrap_err();
    assert_eq!(foreign.code(), "directory.store");
    assert_eq!(
        foreign.to_string(),
        r#"the store is of map "test.example", not of map "other.example""#
    );
}

#[test]
fn damage_at_the_end_is_found_when_the_store_is_opened() {
    let one = |space, key: &[u8]| {
        let folder = empty();
        let storage = open_in(folder.path(), options(18)).unwrap();
        let changes: Vec<_> = (0..9).map(|seed| (index(seed), vec![seed])).collect();
        seal(&storage, 0, &changes);
        let rows = storage.engine.scan(space, key, key, usize::MAX).unwrap();
        let (key, mut value) = rows.last().unwrap().clone();
        value[8] ^= 1;
        let write = Write::Put(space, key, value);
        storage.engine.commit(vec![write], Durability::Now).unwrap();
        drop(storage);
        let damaged = open_in(folder.path(), options(18)).unwrap_err();
        assert!(matches!(damaged, Error::Damaged(_)), "{space:?}: {damaged}");
    };
    one(Space::Branch, &[]);
    one(Space::Head, &[]);
    one(Space::Log, b"n");
}

/// A crash may cut the journal anywhere. What is left must be one epoch or the other.
#[test]
fn a_torn_batch_is_none() {
    let folder = empty();
    let storage = open_in(folder.path(), options(6)).unwrap();
    let changes: Vec<_> = (0..40).map(|seed| (index(seed), vec![seed; 30])).collect();
    seal(&storage, 0, &changes);
    let journal = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "jnl"))
        .unwrap();
    let used = |bytes: &[u8]| {
        bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |at| at + 1)
    };
    let before = used(&fs::read(&journal).unwrap());
    let epoch = Epoch {
        mutations: changes[..20]
            .iter()
            .map(|(index, _)| mutation(*index, b"new"))
            .collect(),
        ..Epoch::default()
    };
    let new = storage.seal(epoch, &mut Say).unwrap().head;
    let old = storage.head(0).unwrap();
    let copy = copy_of(folder.path());
    drop(storage);
    let whole = fs::read(copy.path().join(journal.file_name().unwrap())).unwrap();
    let after = used(&whole);
    assert!(after > before + 4000, "{before} {after}");

    let mut seen = Vec::new();
    for cut in (before..=after)
        .step_by((after - before) / 12)
        .chain([after - 1, after])
    {
        let torn = copy_of(copy.path());
        fs::write(
            torn.path().join(journal.file_name().unwrap()),
            &whole[..cut],
        )
        .unwrap();
        let storage = open_in(torn.path(), options(6)).unwrap();
        let head = storage.sealed().unwrap().head;
        assert!(head == old || head == new, "cut at {cut}");
        for (index, leaf) in &changes[..20] {
            let is_new = head.epoch == new.epoch;
            let expected = if is_new {
                b"new".to_vec()
            } else {
                leaf.clone()
            };
            let proof = storage.prove(head.epoch, index).unwrap();
            assert_proves(&proof, index, &head.root, Some(&expected));
            assert_eq!(storage.newest(index).unwrap().unwrap().leaf, expected);
        }
        assert_eq!(storage.entries(head.epoch + 1, 1).unwrap().len(), 0);
        // And it goes on from there.
        seal(&storage, 1, &changes[..3]);
        seen.push(head.epoch);
    }
    assert_eq!(seen.first(), Some(&0));
    assert_eq!(seen.last(), Some(&1));
}

fn copy_of(folder: &Path) -> TempDir {
    let copy = empty();
    let mut folders = vec![folder.to_owned()];
    while let Some(from) = folders.pop() {
        let to = copy.path().join(from.strip_prefix(folder).unwrap());
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(&from).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
                }
            }
        }
    }
    copy
}
