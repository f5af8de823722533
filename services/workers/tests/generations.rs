//! Records of workers whose keys are counted.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::Duration;

use protocol::WorkerId;
use protocol::record::{Status, WorkerRecord};
use sconce_workers::{Announced, Attended, Error, Registry};
use serde_json::json;
use store::redb::{Engine, Options};

const SOON: Duration = Duration::from_millis(500);

struct Fixture {
    registry: Registry,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(folder.path().join("store"), Options::default()).unwrap();
        Self {
            registry: Registry::new(Arc::new(engine)),
            _folder: folder,
        }
    }

    async fn announce(&self, key: &str, generation: u64) -> Announced {
        self.try_announce(key, generation).await.unwrap()
    }

    async fn try_announce(&self, key: &str, generation: u64) -> Result<Announced, Error> {
        let record = record(key, "");
        self.registry.announce(&id(), &record, generation).await
    }

    async fn attend(&self, newest: u64, older: bool) {
        let worker = id();
        let attended = Attended {
            worker,
            newest,
            older,
        };
        self.registry.attend(&[attended]).await.unwrap();
    }

    async fn fall_back(&self, key: &str, generation: u64) -> Result<bool, Error> {
        let (registry, record) = (&self.registry, record(key, ""));
        registry.fall_back(&id(), &record, generation, SOON).await
    }

    async fn published(&self) -> WorkerRecord {
        self.registry.get(&id()).await.unwrap().unwrap()
    }

    async fn key(&self) -> String {
        let data = &self.published().await.details["workerTypeData"];
        data["encryptionKey"].as_str().unwrap().to_owned()
    }
}

fn id() -> WorkerId {
    WorkerId::new("01").unwrap()
}

fn record(key: &str, proof: &str) -> WorkerRecord {
    WorkerRecord {
        worker_type: 1,
        organization_id: "aa".to_owned(),
        application_type_id: "bb".to_owned(),
        details: json!({"workerTypeData": {
            "verificationKey": key, "encryptionKey": key, "encryptionKeySignature": key,
            "proofData": proof,
        }}),
        status: Status::Active,
    }
}

#[tokio::test]
async fn earlier_keys_do_not_replace_later_ones() {
    let f = Fixture::new();
    assert_eq!(f.announce("a", 1).await, Announced::Added);
    assert_eq!(f.announce("b", 2).await, Announced::Replaced);
    assert_eq!(f.announce("a", 1).await, Announced::Older);
    assert_eq!(f.announce("b", 2).await, Announced::Kept);
    assert_eq!(f.key().await, "b");
    // Where nobody counts, the last one has it.
    assert_eq!(f.announce("c", 0).await, Announced::Replaced);
}

#[tokio::test]
async fn an_operators_word_outlives_the_keys() {
    let f = Fixture::new();
    f.announce("a", 1).await;
    let status = Status::Decommissioned;
    f.registry.set_status(&id(), status).await.unwrap();
    f.announce("b", 2).await;
    assert_eq!(f.published().await.status, status);
}

#[tokio::test]
async fn the_same_keys_show_their_newest_evidence() {
    let f = Fixture::new();
    let mut first = record("a", "old");
    first.organization_id = "of an operator".to_owned();
    f.registry.register(&id(), &first).await.unwrap();
    let shown = record("a", "new");
    let announced = f.registry.announce(&id(), &shown, 1).await.unwrap();
    assert_eq!(announced, Announced::Kept);
    let found = f.published().await;
    assert_eq!(found.organization_id, first.organization_id);
    assert_eq!(found.details, shown.details);
}

#[tokio::test]
async fn the_record_falls_back_when_the_newest_are_gone_for_a_while() {
    let f = Fixture::new();
    f.announce("a", 1).await;
    f.announce("b", 2).await;
    assert!(
        !f.fall_back("a", 1).await.unwrap(),
        "they were there just now"
    );
    tokio::time::sleep(SOON).await;
    f.attend(2, true).await;
    assert!(!f.fall_back("a", 1).await.unwrap(), "they are there");
    tokio::time::sleep(SOON).await;
    f.attend(1, false).await;
    assert!(f.fall_back("a", 1).await.unwrap());
    assert!(!f.fall_back("a", 1).await.unwrap(), "once");
    assert_eq!(f.key().await, "a");
    assert_eq!(f.announce("b", 2).await, Announced::Replaced);
}

#[tokio::test]
async fn keys_are_not_forgotten_while_they_are_in_use() {
    let f = Fixture::new();
    f.announce("a", 1).await;
    f.announce("b", 2).await;
    tokio::time::sleep(SOON).await;
    let retired = f.registry.retired_keys(SOON).await.unwrap();
    assert_eq!(retired.len(), 1);
    // A process turns up between the two steps.
    f.attend(2, true).await;
    assert!(!f.registry.rule_out(&retired[0]).await.unwrap());
    assert_eq!(f.registry.retired_keys(SOON).await.unwrap(), []);
    assert_eq!(f.announce("a", 1).await, Announced::Older);

    tokio::time::sleep(SOON).await;
    let retired = f.registry.retired_keys(SOON).await.unwrap();
    assert!(f.registry.rule_out(&retired[0]).await.unwrap());
    let back = f.try_announce("a", 1).await;
    assert!(matches!(back, Err(Error::Retired)));
    let back = f.fall_back("a", 1).await;
    assert!(matches!(back, Err(Error::Retired)));
}

/// Keys that nobody had seen before later ones came are retired with them all the same.
#[tokio::test]
async fn keys_that_come_late_are_retired_too() {
    let f = Fixture::new();
    f.announce("b", 2).await;
    assert_eq!(f.announce("a", 1).await, Announced::Older);
    f.announce("c", 3).await;
    tokio::time::sleep(SOON).await;
    for key in f.registry.retired_keys(SOON).await.unwrap() {
        assert!(f.registry.rule_out(&key).await.unwrap());
    }
    for (key, generation) in [("a", 1), ("b", 2)] {
        let back = f.try_announce(key, generation).await;
        assert!(matches!(back, Err(Error::Retired)), "{key}");
    }
}
