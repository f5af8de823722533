//! The registry over the embedded engine.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use protocol::WorkerId;
use protocol::methods::worker::LookUp;
use protocol::record::{Status, WorkerRecord};
use sconce_workers::{Announced, Error, Registry};
use serde_json::{Value, json};
use store::redb::{Engine, Options};

struct Fixture {
    registry: Registry,
    _folder: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path().join("store"), Options::default()).unwrap();
    Fixture {
        registry: Registry::new(Arc::new(engine)),
        _folder: folder,
    }
}

fn details(key: &str) -> Value {
    json!({"workerTypeData": {
        "verificationKey": key, "encryptionKey": key, "encryptionKeySignature": key,
    }})
}

fn record(key: &str) -> WorkerRecord {
    WorkerRecord {
        worker_type: 1,
        organization_id: "aa".to_owned(),
        application_type_id: "bb".to_owned(),
        details: details(key),
        status: Status::Active,
    }
}

fn id(text: &str) -> WorkerId {
    WorkerId::new(text).unwrap()
}

async fn found(registry: &Registry, criteria: LookUp) -> Vec<String> {
    let found = registry.look_up(&criteria).await.unwrap();
    found.into_iter().map(|(id, _)| id.to_string()).collect()
}

#[tokio::test]
async fn a_record_is_registered_once() {
    let f = fixture();
    assert_eq!(f.registry.get(&id("01")).await.unwrap(), None);
    f.registry.register(&id("01"), &record("k")).await.unwrap();
    f.registry.register(&id("01"), &record("k")).await.unwrap();
    let other = f.registry.register(&id("01"), &record("x")).await;
    assert!(matches!(other, Err(Error::Taken)));
    assert_eq!(f.registry.get(&id("01")).await.unwrap(), Some(record("k")));
}

#[tokio::test]
async fn ids_of_another_case_are_others() {
    let f = fixture();
    f.registry.register(&id("ab"), &record("k")).await.unwrap();
    f.registry.register(&id("AB"), &record("x")).await.unwrap();
    assert_eq!(f.registry.list().await.unwrap().len(), 2);
}

#[tokio::test]
async fn details_and_status_change_alone() {
    let f = fixture();
    let unknown = f.registry.set_status(&id("01"), Status::OffLine).await;
    assert!(matches!(unknown, Err(Error::Unknown)));
    let unknown = f.registry.update(&id("01"), &details("n")).await;
    assert!(matches!(unknown, Err(Error::Unknown)));

    f.registry.register(&id("01"), &record("k")).await.unwrap();
    f.registry
        .set_status(&id("01"), Status::OffLine)
        .await
        .unwrap();
    f.registry.update(&id("01"), &details("n")).await.unwrap();
    let now = f.registry.get(&id("01")).await.unwrap().unwrap();
    assert_eq!(now.status, Status::OffLine);
    assert_eq!(now.details, details("n"));
}

#[tokio::test]
async fn what_workers_announce_leaves_the_operators_word() {
    let f = fixture();
    let first = f
        .registry
        .announce(&id("01"), &record("k"), 0)
        .await
        .unwrap();
    assert_eq!(first, Announced::Added);
    f.registry
        .set_status(&id("01"), Status::Compromised)
        .await
        .unwrap();
    let again = f
        .registry
        .announce(&id("01"), &record("k"), 0)
        .await
        .unwrap();
    assert_eq!(again, Announced::Kept);
    let other = f
        .registry
        .announce(&id("01"), &record("n"), 0)
        .await
        .unwrap();
    assert_eq!(other, Announced::Replaced);
    let now = f.registry.get(&id("01")).await.unwrap().unwrap();
    assert_eq!(
        (now.status, now.details),
        (Status::Compromised, details("n"))
    );
}

#[tokio::test]
async fn look_up_is_in_the_order_of_ids_and_goes_on_after_a_tag() {
    let f = fixture();
    for name in ["0c", "0a", "0d", "0b"] {
        let mut record = record("k");
        record.worker_type = if name == "0b" { 2 } else { 1 };
        f.registry.register(&id(name), &record).await.unwrap();
    }
    let sgx = LookUp {
        worker_type: Some(1),
        ..LookUp::default()
    };
    assert_eq!(found(&f.registry, sgx.clone()).await, ["0a", "0c", "0d"]);
    let next = LookUp {
        after: Some(id("0a")),
        ..sgx.clone()
    };
    assert_eq!(found(&f.registry, next).await, ["0c", "0d"]);
    let absent_tag = LookUp {
        after: Some(id("0b")),
        ..sgx
    };
    assert_eq!(found(&f.registry, absent_tag).await, ["0c", "0d"]);
    let last = LookUp {
        after: Some(id("0d")),
        ..LookUp::default()
    };
    assert!(found(&f.registry, last).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_are_all_kept() {
    let f = fixture();
    f.registry.register(&id("01"), &record("k")).await.unwrap();
    let status = {
        let registry = f.registry.clone();
        tokio::spawn(async move { registry.set_status(&id("01"), Status::OffLine).await })
    };
    let update = {
        let registry = f.registry.clone();
        tokio::spawn(async move { registry.update(&id("01"), &details("n")).await })
    };
    status.await.unwrap().unwrap();
    update.await.unwrap().unwrap();
    let now = f.registry.get(&id("01")).await.unwrap().unwrap();
    assert_eq!((now.status, now.details), (Status::OffLine, details("n")));
}
