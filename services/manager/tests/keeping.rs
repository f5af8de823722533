//! What happens in the course of time: orders expire, results and replay marks are dropped, workers
//! without processes are off-line.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod started;
mod support;

use std::time::Duration;

use protocol::WorkerId;
use protocol::record::Status;
use started::{config, joined, start};
use store::{Orders as _, State, Submitted};
use support::host::Plan;
use support::{Store, WORKER, new_signup, until};

async fn status(store: &Store) -> Status {
    let id = WorkerId::from_name(WORKER);
    store.registry.get(&id).await.unwrap().unwrap().status
}

async fn becomes(store: &Store, wanted: Status) {
    until(async || status(store).await == wanted).await;
}

/// Has an order done, and waits until its result is dropped.
async fn done_and_evicted(store: &Store, order: &str) {
    store.submit(WORKER, order).await;
    until(async || store.engine.get(&order.into()).await.unwrap() == State::Evicted).await;
}

#[tokio::test]
async fn a_worker_without_processes_is_off_line_until_one_joins() {
    let store = Store::new();
    let mut config = config();
    config.timing.absence = Duration::from_millis(300);
    let manager = start(config.clone(), &store);
    let host = Plan::new(WORKER).start(manager.endpoint());
    joined(&manager, 1).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(status(&store).await, Status::Active, "it is there");

    drop(host);
    joined(&manager, 0).await;
    store.submit(WORKER, "01").await;
    becomes(&store, Status::OffLine).await;
    // What was taken in before waits on.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(manager.status().await.unwrap().orders.queued, 1);

    let host = Plan::new(WORKER).start(manager.endpoint());
    assert_eq!(store.ending("01").await["result"]["workOrderId"], "01");
    assert_eq!(status(&store).await, Status::Active);

    // A worker that a later platform doesn't start any more.
    manager.shutdown().await;
    drop(host);
    let manager = start(config, &store);
    assert_eq!(
        status(&store).await,
        Status::Active,
        "its host may be about to join"
    );
    becomes(&store, Status::OffLine).await;
    manager.shutdown().await;
}

#[tokio::test]
async fn marks_of_a_replaced_key_are_dropped_after_the_overlap() {
    let store = Store::new();
    let mut config = config();
    config.retention = Duration::ZERO;
    config.mark_overlap = Duration::from_millis(500);
    config.timing.store_delay = Duration::from_millis(200);
    let manager = start(config, &store);
    let first = Plan::new(WORKER).start(manager.endpoint());
    done_and_evicted(&store, "01").await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    let refused = store.try_submit(WORKER, "01").await;
    assert_eq!(refused, Submitted::DuplicateOrder, "its key is in use");

    drop(first);
    joined(&manager, 0).await;
    let _second = Plan::new(WORKER)
        .with_signup(new_signup())
        .start(manager.endpoint());
    joined(&manager, 1).await;
    let refused = store.try_submit(WORKER, "01").await;
    assert_eq!(
        refused,
        Submitted::DuplicateOrder,
        "the overlap has begun only"
    );
    done_and_evicted(&store, "02").await;
    until(async || store.engine.get(&"01".into()).await.unwrap() == State::Unknown).await;
    // It's forgotten as if it had never been; whoever repeats it gets what its key is worth now.
    done_and_evicted(&store, "01").await;

    tokio::time::sleep(Duration::from_millis(800)).await;
    for order in ["01", "02"] {
        let refused = store.try_submit(WORKER, order).await;
        assert_eq!(refused, Submitted::DuplicateOrder, "made for the new key");
    }
    assert!(
        store
            .registry
            .retired_keys(Duration::ZERO)
            .await
            .unwrap()
            .is_empty()
    );
    let first = serde_json::from_str(support::signup()).unwrap();
    let first = protocol::record::WorkerRecord::of_signup(&first);
    let id = WorkerId::from_name(WORKER);
    let back = store.registry.announce(&id, &first, 0).await;
    assert!(matches!(back, Err(workers::Error::Retired)), "{back:?}");
    manager.shutdown().await;
}

#[tokio::test]
async fn orders_that_nobody_takes_expire() {
    let store = Store::new();
    let mut config = config();
    config.time_to_live = Duration::from_millis(200);
    // Registered, and without any process.
    let record = protocol::record::WorkerRecord::of_signup(
        &serde_json::from_str(support::signup()).unwrap(),
    );
    let id = WorkerId::from_name(WORKER);
    store.registry.register(&id, &record).await.unwrap();
    let manager = start(config, &store);
    store.submit(WORKER, "01").await;
    let ending = store.ending("01").await;
    assert_eq!(ending["error"]["code"], 1);
    assert_eq!(ending["error"]["data"]["reason"], "order.expired");
    manager.shutdown().await;
}

#[tokio::test]
async fn a_worker_that_is_off_line_gets_no_orders_until_it_is_active() {
    let store = Store::new();
    let manager = start(config(), &store);
    let host = Plan::new(WORKER).start(manager.endpoint());
    joined(&manager, 1).await;
    let id = WorkerId::from_name(WORKER);
    let set = store.registry.set_status(&id, Status::OffLine).await;
    set.unwrap();
    // What the manager knows may be a second old, and a claim may wait for 0.1 s.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    store.submit(WORKER, "01").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(host.orders(), 0);
    assert_eq!(manager.status().await.unwrap().orders.queued, 1);
    let set = store.registry.set_status(&id, Status::Active).await;
    set.unwrap();
    assert_eq!(store.ending("01").await["result"]["workOrderId"], "01");
    manager.shutdown().await;
}

#[tokio::test]
async fn orders_of_a_worker_that_will_not_come_back_end() {
    for status in [Status::Decommissioned, Status::Compromised] {
        let store = Store::new();
        let manager = start(config(), &store);
        let host = Plan::new(WORKER).start(manager.endpoint());
        joined(&manager, 1).await;
        let id = WorkerId::from_name(WORKER);
        store.registry.set_status(&id, status).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        store.submit(WORKER, "01").await;
        let ending = store.ending("01").await;
        assert_eq!(ending["error"]["code"], 2);
        assert_eq!(ending["error"]["data"]["reason"], "worker.unknown");
        let message = ending["error"]["message"].as_str().unwrap();
        assert!(message.contains(status.name()), "{message}");
        assert_eq!(host.orders(), 0);
        manager.shutdown().await;
    }
}

#[tokio::test]
async fn old_results_are_dropped() {
    let store = Store::new();
    let mut config = config();
    config.retention = Duration::from_millis(300);
    let manager = start(config, &store);
    let _host = Plan::new(WORKER).start(manager.endpoint());
    store.submit(WORKER, "01").await;
    store.ending("01").await;
    until(async || store.engine.get(&"01".into()).await.unwrap() == State::Evicted).await;
    manager.shutdown().await;
}
