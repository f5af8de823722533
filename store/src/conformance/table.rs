//! Cases: records.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{Factory, Handle, Limits, partition, two};
use crate::{Committed, Cursor, Error, Expected, Key, PartitionId, Reason, Row, Version, Write};

/// Any bytes come back, and a deleted record is gone, in every handle.
pub async fn a_record_comes_back_as_it_was(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let bytes = (0..=255).collect::<Vec<u8>>();
    for (key, value) in [
        (&bytes[..], &bytes[..]),
        (b"", b"empty key"),
        (b"empty", b""),
    ] {
        let key = Key::from(key);
        assert_eq!(b.record(&key).await, None);
        let version = a.put(&key, value, Expected::Absent).await.unwrap();
        let row = Row {
            key: key.clone(),
            version,
            value: value.to_vec(),
        };
        assert_eq!(b.record(&key).await, Some(row));
        a.delete(&key, Expected::Version(version)).await.unwrap();
        assert_eq!(b.record(&key).await, None);
    }
}

/// A write whose expectation does not hold changes nothing and says so.
pub async fn a_write_needs_the_expected_version(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let key = Key::from("key");
    let conflict = Err(key.clone());
    let some = Expected::Version(Version(1));
    assert_eq!(a.put(&key, b"value", some).await, conflict);
    assert_eq!(a.delete(&key, some).await.unwrap_err(), key);
    a.delete(&key, Expected::Absent).await.unwrap();

    let first = a.put(&key, b"first", Expected::Absent).await.unwrap();
    assert_eq!(b.put(&key, b"other", Expected::Absent).await, conflict);
    let current = Expected::Version(first);
    let second = b.put(&key, b"second", current).await.unwrap();
    assert_eq!(a.put(&key, b"stale", current).await, conflict);
    assert_eq!(a.delete(&key, current).await.unwrap_err(), key);
    assert_eq!(b.record(&key).await.unwrap().value, b"second");
    assert_eq!(b.record(&key).await.unwrap().version, second);
    a.put(&key, b"third", Expected::Anything).await.unwrap();
    assert_eq!(b.record(&key).await.unwrap().value, b"third");
}

/// Time goes on, in every handle, also over a restart.
pub async fn time_never_runs_backwards(factory: &dyn Factory) {
    let store = factory.create(Limits::NONE).await;
    let mut last = Duration::ZERO;
    for _ in 0..3 {
        let (a, b) = (store.open().await, store.open().await);
        for handle in [&a, &b, &a] {
            let time = handle.table.time().await.unwrap();
            assert!(time >= last, "{time:?} after {last:?}");
            // What is written is never older.
            handle
                .put(&Key::from("key"), b"", Expected::Anything)
                .await
                .unwrap();
            last = time;
        }
    }
}

/// A record that was deleted and written again is not mistaken for the one before.
pub async fn a_version_is_never_used_again(factory: &dyn Factory) {
    let (a, _) = two(factory).await;
    let key = Key::from("key");
    let mut versions = Vec::new();
    for _ in 0..5 {
        versions.push(a.put(&key, b"same", Expected::Absent).await.unwrap());
        versions.push(a.put(&key, b"same", Expected::Anything).await.unwrap());
        a.delete(&key, Expected::Anything).await.unwrap();
    }
    let total = versions.len();
    versions.sort();
    versions.dedup();
    assert_eq!(versions.len(), total);
}

/// One conflict anywhere in a batch, and none of it happens; the conflicting key is named.
pub async fn a_batch_is_performed_whole_or_not_at_all(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let taken = Key::from("taken");
    let version = a.put(&taken, b"taken", Expected::Absent).await.unwrap();
    let batch = |expected| {
        vec![
            put("one", "1", Expected::Absent),
            put("two", "2", Expected::Anything),
            Write::Delete {
                key: taken.clone(),
                expected,
            },
        ]
    };
    let wrong = Expected::Version(Version(version.0 + 1));
    let conflict = a.table.commit(partition(), batch(wrong)).await;
    assert_eq!(conflict, Ok(Committed::Conflict(taken.clone())));
    assert_eq!(b.record(&"one".into()).await, None);
    assert_eq!(b.record(&"two".into()).await, None);
    assert!(b.record(&taken).await.is_some());

    let right = Expected::Version(version);
    let done = a.table.commit(partition(), batch(right)).await.unwrap();
    let Committed::Done(version) = done else {
        panic!("{done:?}");
    };
    assert_eq!(b.record(&"one".into()).await.unwrap().version, version);
    assert_eq!(b.record(&"two".into()).await.unwrap().version, version);
    assert_eq!(b.record(&taken).await, None);
    let again = a.table.commit(partition(), batch(right)).await.unwrap();
    assert!(matches!(again, Committed::Conflict(_)), "a repeat is seen");
}

/// Pages of any size give every record under the prefix once, in the order of the keys.
pub async fn a_scan_gives_each_record_once(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let mut expected = Vec::new();
    for number in 0..30_u8 {
        expected.push([b"p/".as_slice(), &[number * 8]].concat());
    }
    expected.push(b"p/\xff\xff".to_vec());
    let outside: [&[u8]; 5] = [b"", b"o", b"p", b"p0", b"\xff"];
    for key in expected.iter().map(Vec::as_slice).chain(outside) {
        a.put(&key.into(), key, Expected::Absent).await.unwrap();
    }
    expected.sort();
    for limit in [1, 7, 31, 1000] {
        assert_eq!(b.keys(b"p/", limit).await, expected);
    }
    assert_eq!(b.keys(b"", 4).await.len(), expected.len() + outside.len());
    assert_eq!(b.keys(b"\xff", 4).await, [b"\xff"]);
    assert_eq!(b.keys(b"nothing", 4).await, Vec::<Vec<u8>>::new());
}

/// A cursor keeps its place when the record that it stands on goes and others come.
pub async fn a_scan_keeps_its_place_among_changes(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    for key in ["a", "c", "e", "g"] {
        a.put(&key.into(), b"", Expected::Absent).await.unwrap();
    }
    let page = b.table.scan(partition(), b"", None, 2).await.unwrap();
    let keys = page.rows.iter().map(|row| row.key.as_bytes());
    assert_eq!(keys.collect::<Vec<_>>(), [b"a", b"c"]);
    a.delete(&"c".into(), Expected::Anything).await.unwrap();
    a.put(&"b".into(), b"", Expected::Absent).await.unwrap();
    a.put(&"d".into(), b"", Expected::Absent).await.unwrap();
    let rest = b.table.scan(partition(), b"", page.next.as_ref(), 10);
    let rest = rest.await.unwrap();
    let keys = rest.rows.iter().map(|row| row.key.as_bytes());
    assert_eq!(keys.collect::<Vec<_>>(), [b"d", b"e", b"g"]);
    assert_eq!(rest.next, None);
    let end = Cursor::after("g".into());
    let none = b
        .table
        .scan(partition(), b"", Some(&end), 10)
        .await
        .unwrap();
    assert_eq!((none.rows, none.next), (Vec::new(), None));
}

/// The same key in two partitions names two records.
pub async fn records_keep_to_their_partition(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let other = PartitionId::from("worker-2");
    let key = Key::from("key");
    a.put(&key, b"here", Expected::Absent).await.unwrap();
    assert_eq!(b.table.get(&other, &key).await, Ok(None));
    let batch = vec![put("key", "there", Expected::Absent)];
    let done = a.table.commit(&other, batch).await.unwrap();
    assert!(matches!(done, Committed::Done(_)));
    assert_eq!(b.record(&key).await.unwrap().value, b"here");
    assert_eq!(b.keys(b"", 10).await.len(), 1);
    let there = b.table.get(&other, &key).await.unwrap().unwrap();
    assert_eq!(there.value, b"there");
}

/// A batch that names a key twice or goes beyond the capabilities is refused with a reason.
pub async fn a_bad_batch_is_refused(factory: &dyn Factory) {
    let (a, _) = two(factory).await;
    let limits = a.orders.capabilities();
    let refusal = async |batch| match a.table.commit(partition(), batch).await {
        Err(Error::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    };
    let one = || put("key", "1", Expected::Anything);
    assert_eq!(refusal(vec![one(), one()]).await, Reason::KeyTwice);
    let large = "x".repeat(limits.max_value + 1);
    let reason = refusal(vec![put("key", &large, Expected::Anything)]).await;
    assert!(matches!(reason, Reason::TooLarge { .. }), "{reason:?}");
    let long = "x".repeat(limits.max_key + 1);
    let reason = refusal(vec![put(&long, "", Expected::Anything)]).await;
    assert!(matches!(reason, Reason::KeyTooLong { .. }), "{reason:?}");
    let many = (0..=limits.max_batch).map(|number| put(&number.to_string(), "", Expected::Absent));
    let many = many.collect::<Vec<_>>();
    let reason = refusal(many.clone()).await;
    assert!(matches!(reason, Reason::BatchTooLarge { .. }), "{reason:?}");
    assert_eq!(a.keys(b"", 10).await, Vec::<Vec<u8>>::new());
    let most = many[1..].to_vec();
    let done = a.table.commit(partition(), most).await.unwrap();
    assert!(matches!(done, Committed::Done(_)));
}

/// Callers that count up one record at the same time lose no step.
pub async fn racing_writes_lose_no_update(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let key = Key::from("counter");
    a.put(&key, &[0], Expected::Absent).await.unwrap();
    let mut race = JoinSet::new();
    for caller in 0..8 {
        let handle = if caller % 2 == 0 {
            a.clone()
        } else {
            b.clone()
        };
        let key = key.clone();
        race.spawn(async move {
            for _ in 0..10 {
                loop {
                    let row = handle.record(&key).await.unwrap();
                    let expected = Expected::Version(row.version);
                    let next = [row.value[0] + 1];
                    if handle.put(&key, &next, expected).await.is_ok() {
                        break;
                    }
                }
            }
        });
    }
    race.join_all().await;
    assert_eq!(a.record(&key).await.unwrap().value, [80]);
}

/// Records, versions and cursors mean the same after a restart.
pub async fn records_survive_a_restart(factory: &dyn Factory) {
    let store = factory.create(Limits::NONE).await;
    let before = store.open().await;
    for key in ["a", "b", "c"] {
        before
            .put(&key.into(), b"value", Expected::Absent)
            .await
            .unwrap();
    }
    let row = before.record(&"b".into()).await;
    let page = before.table.scan(partition(), b"", None, 1).await.unwrap();
    drop(before);

    let after = store.open().await;
    assert_eq!(after.record(&"b".into()).await, row);
    let rest = after.table.scan(partition(), b"", page.next.as_ref(), 10);
    assert_eq!(rest.await.unwrap().rows.len(), 2);
    let version = row.unwrap().version;
    let new = after
        .put(&"b".into(), b"new", Expected::Version(version))
        .await;
    assert!(new.unwrap() > version);
}

fn put(key: &str, value: &str, expected: Expected) -> Write {
    Write::Put {
        key: key.into(),
        value: value.into(),
        expected,
    }
}

/// Short forms for single records in the usual partition.
impl Handle {
    async fn record(&self, key: &Key) -> Option<Row> {
        self.table.get(partition(), key).await.unwrap()
    }

    /// The new version, or the key of the conflict.
    async fn put(&self, key: &Key, value: &[u8], expected: Expected) -> Result<Version, Key> {
        self.write(Write::Put {
            key: key.clone(),
            value: value.to_vec(),
            expected,
        })
        .await
    }

    async fn delete(&self, key: &Key, expected: Expected) -> Result<Version, Key> {
        let key = key.clone();
        self.write(Write::Delete { key, expected }).await
    }

    async fn write(&self, write: Write) -> Result<Version, Key> {
        match self.table.commit(partition(), vec![write]).await.unwrap() {
            Committed::Done(version) => Ok(version),
            Committed::Conflict(key) => Err(key),
        }
    }

    /// All keys under a prefix, page by page.
    async fn keys(&self, prefix: &[u8], limit: usize) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        let mut cursor = None;
        loop {
            let scan = self.table.scan(partition(), prefix, cursor.as_ref(), limit);
            let page = scan.await.unwrap();
            assert!(page.rows.len() <= limit);
            keys.extend(page.rows.into_iter().map(|row| row.key.into_bytes()));
            cursor = page.next;
            if cursor.is_none() {
                return keys;
            }
        }
    }
}
