//! Workers that come and go, and keys that are replaced, over the embedded engine.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::Duration;

use protocol::WorkerId;
use protocol::record::{Status, WorkerRecord};
use sconce_workers::{Announced, Attended, Error, Registry};
use serde_json::{Value, json};
use store::redb::{Engine, Options};

const NOW: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(600);

struct Fixture {
    registry: Registry,
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = open(&folder);
        Self { registry, folder }
    }

    fn restarted(self) -> Self {
        drop(self.registry);
        let registry = open(&self.folder);
        Self {
            registry,
            folder: self.folder,
        }
    }

    async fn announce(&self, key: &str) -> Announced {
        self.registry
            .announce(&id(), &record(key), 0)
            .await
            .unwrap()
    }

    async fn status(&self) -> Status {
        self.registry.get(&id()).await.unwrap().unwrap().status
    }

    async fn lapse(&self, grace: Duration) -> usize {
        self.registry.lapse(grace).await.unwrap().len()
    }

    async fn set(&self, status: Status) {
        self.registry.set_status(&id(), status).await.unwrap();
    }

    async fn retired(&self, overlap: Duration) -> usize {
        self.registry.retired_keys(overlap).await.unwrap().len()
    }
}

fn open(folder: &tempfile::TempDir) -> Registry {
    let engine = Engine::open(folder.path().join("store"), Options::default()).unwrap();
    Registry::new(Arc::new(engine))
}

fn id() -> WorkerId {
    WorkerId::new("01").unwrap()
}

fn details(key: &str) -> Value {
    json!({"workerTypeData": {
        "verificationKey": "v", "encryptionKey": key, "encryptionKeySignature": key,
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

#[tokio::test]
async fn a_worker_whose_processes_are_gone_is_off_line_until_one_comes_back() {
    let f = Fixture::new();
    f.announce("k").await;
    assert_eq!(f.lapse(LONG).await, 0);
    assert_eq!(f.status().await, Status::Active);
    assert_eq!(f.lapse(NOW).await, 1);
    assert_eq!(f.status().await, Status::OffLine);
    assert_eq!(f.lapse(NOW).await, 0, "it is off-line already");

    let f = f.restarted();
    assert_eq!(f.announce("k").await, Announced::Kept);
    assert_eq!(f.status().await, Status::Active);
    assert_eq!(f.lapse(NOW).await, 1);
    f.registry.attend(&[id().into()]).await.unwrap();
    assert_eq!(f.status().await, Status::Active);
    assert_eq!(f.lapse(LONG).await, 0);
}

#[tokio::test]
async fn absence_is_counted_from_when_a_process_was_last_seen() {
    let f = Fixture::new();
    f.announce("k").await;
    let grace = Duration::from_millis(300);
    tokio::time::sleep(grace).await;
    f.registry.attend(&[id().into()]).await.unwrap();
    assert_eq!(f.lapse(LONG).await, 0);
    tokio::time::sleep(grace).await;
    let f = f.restarted();
    assert_eq!(f.lapse(grace).await, 1);
}

#[tokio::test]
async fn what_an_operator_says_stays() {
    let f = Fixture::new();
    f.announce("k").await;
    f.set(Status::OffLine).await;
    f.registry.attend(&[id().into()]).await.unwrap();
    f.announce("k").await;
    assert_eq!(f.status().await, Status::OffLine);

    f.set(Status::Active).await;
    assert_eq!(f.lapse(NOW).await, 1);
    f.set(Status::OffLine).await;
    f.announce("k").await;
    assert_eq!(
        f.status().await,
        Status::OffLine,
        "now it is the operator's word"
    );

    f.set(Status::Decommissioned).await;
    assert_eq!(f.lapse(NOW).await, 0);
    assert_eq!(f.status().await, Status::Decommissioned);
}

#[tokio::test]
async fn a_worker_that_never_signed_up_is_left_alone() {
    let f = Fixture::new();
    f.registry.register(&id(), &record("k")).await.unwrap();
    f.registry.update(&id(), &details("n")).await.unwrap();
    assert_eq!(f.lapse(NOW).await, 0);
    assert_eq!(f.status().await, Status::Active);
}

#[tokio::test]
async fn registering_again_is_no_error_while_the_worker_is_away() {
    let f = Fixture::new();
    f.announce("k").await;
    assert_eq!(f.lapse(NOW).await, 1);
    f.registry.register(&id(), &record("k")).await.unwrap();
    assert_eq!(f.status().await, Status::OffLine);
}

#[tokio::test]
async fn many_workers_are_attended_at_once() {
    let f = Fixture::new();
    let ids: Vec<_> = (0..300)
        .map(|number| WorkerId::new(format!("{number:04x}")).unwrap())
        .collect();
    for id in &ids {
        f.registry.register(id, &record("k")).await.unwrap();
    }
    let present: Vec<Attended> = ids.into_iter().map(Attended::from).collect();
    f.registry.attend(&present).await.unwrap();
    assert_eq!(f.lapse(LONG).await, 0);
    assert_eq!(f.lapse(NOW).await, 300);
    f.registry.attend(&present).await.unwrap();
    let active = |found: &(WorkerId, WorkerRecord)| found.1.status == Status::Active;
    assert!(f.registry.list().await.unwrap().iter().all(active));
}

#[tokio::test(flavor = "multi_thread")]
async fn coming_and_going_at_once_ends_in_one_of_both() {
    let f = Fixture::new();
    f.announce("k").await;
    for _ in 0..20 {
        let (one, other) = (f.registry.clone(), f.registry.clone());
        let lapse = tokio::spawn(async move { one.lapse(NOW).await });
        let attend = tokio::spawn(async move { other.attend(&[id().into()]).await });
        lapse.await.unwrap().unwrap();
        attend.await.unwrap().unwrap();
        f.registry.attend(&[id().into()]).await.unwrap();
        assert_eq!(f.status().await, Status::Active);
    }
}

#[tokio::test]
async fn a_replaced_encryption_key_is_remembered_until_it_is_settled() {
    let f = Fixture::new();
    f.announce("k").await;
    f.announce("k").await;
    f.set(Status::Active).await;
    assert_eq!(f.retired(NOW).await, 0);

    assert_eq!(f.announce("n").await, Announced::Replaced);
    assert_eq!(f.retired(LONG).await, 0);
    let f = f.restarted();
    let first = f.registry.retired_keys(NOW).await.unwrap().remove(0);
    assert_eq!(first.worker, id());
    assert!(first.age < LONG);

    // An operator replaces it too; the later change waits for its own time.
    tokio::time::sleep(Duration::from_millis(20)).await;
    f.registry.update(&id(), &details("o")).await.unwrap();
    f.registry.settle(&first).await.unwrap();
    let second = f.registry.retired_keys(NOW).await.unwrap().remove(0);
    assert_ne!(second, first);
    f.registry.settle(&second).await.unwrap();
    assert_eq!(f.retired(NOW).await, 0);
}

#[tokio::test]
async fn other_changes_retire_no_key() {
    let f = Fixture::new();
    f.announce("k").await;
    let mut other = details("k");
    other["workerTypeData"]["verificationKey"] = "another".into();
    f.registry.update(&id(), &other).await.unwrap();
    f.set(Status::OffLine).await;
    assert_eq!(f.retired(NOW).await, 0);
}

#[tokio::test]
async fn many_changes_of_keys_take_bounded_room() {
    let f = Fixture::new();
    f.announce("k").await;
    for number in 0..80 {
        let details = details(&format!("key {number}"));
        f.registry.update(&id(), &details).await.unwrap();
    }
    let last = f.registry.retired_keys(NOW).await.unwrap().remove(0);
    f.registry.settle(&last).await.unwrap();
    assert_eq!(f.retired(NOW).await, 0);
}

#[tokio::test]
async fn a_key_whose_orders_are_forgotten_does_not_come_back() {
    let f = Fixture::new();
    f.announce("k").await;
    f.announce("n").await;
    // Nothing has been forgotten, and nothing will be now that it is in use.
    let early = f.registry.retired_keys(NOW).await.unwrap().remove(0);
    assert_eq!(f.announce("k").await, Announced::Replaced);
    assert_eq!(f.retired(NOW).await, 0);
    assert!(!f.registry.rule_out(&early).await.unwrap());

    f.announce("o").await;
    let key = f.registry.retired_keys(NOW).await.unwrap().remove(0);
    assert!(f.registry.rule_out(&key).await.unwrap());
    f.registry.settle(&key).await.unwrap();
    let f = f.restarted();
    for past in ["k", "n"] {
        let back = f.registry.announce(&id(), &record(past), 0).await;
        assert!(matches!(back, Err(Error::Retired)), "{past}: {back:?}");
        let back = f.registry.update(&id(), &details(past)).await;
        assert!(matches!(back, Err(Error::Retired)), "{past}: {back:?}");
    }
    assert_eq!(f.announce("o").await, Announced::Kept);
    assert_eq!(f.announce("p").await, Announced::Replaced);
}
