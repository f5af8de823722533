//! What becomes of orders: answered, given back, tried again, given up.

mod started;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use protocol::WorkerId;
use protocol::record::Status;
use sconce_manager::{Manager, WorkerStatus};
use started::{config, joined, start};
use store::Orders as _;
use support::host::{Act, Host, Plan, good, lost, result_for};
use support::{Store, WORKER, until};

/// A host whose worker says nothing to orders.
fn silent(manager: &Manager) -> Host {
    Plan::new(WORKER)
        .behaving(Box::new(|_, _| Act::Silence))
        .start(manager.endpoint())
}

async fn given(host: &Host, orders: usize) {
    until(async || host.orders() >= orders).await;
}

#[tokio::test]
async fn an_order_is_answered_by_the_worker_it_is_for() {
    let store = Store::new();
    let manager = start(config(), &store);
    let _host = Plan::new(WORKER).start(manager.endpoint());
    let other = Plan::new("another").start(manager.endpoint());
    store.submit(WORKER, "01").await;
    let ending = store.ending("01").await;
    assert_eq!(ending["result"]["workOrderId"], "01");
    assert_eq!(other.orders(), 0);

    let record = store.registry.get(&WorkerId::from_name(WORKER)).await;
    assert_eq!(record.unwrap().unwrap().status, Status::Active);
    until(async || {
        let status = manager.status().await.unwrap();
        let named = |worker: &&WorkerStatus| worker.name.as_deref() == Some(WORKER);
        let worker = status.workers.iter().find(named).unwrap();
        let process = &worker.processes[0];
        assert_eq!((process.pid, process.capacity), (Some(7), 4));
        (process.done, process.in_flight, status.orders.finished) == (1, 0, 1)
    })
    .await;
    manager.shutdown().await;
}

#[tokio::test]
async fn orders_of_a_host_that_falls_silent_go_to_another() {
    let store = Store::new();
    let manager = start(config(), &store);
    let frozen = silent(&manager);
    store.submit(WORKER, "01").await;
    given(&frozen, 1).await;
    let _good = Plan::new(WORKER).start(manager.endpoint());
    frozen.mute();
    let ending = store.ending("01").await;
    assert_eq!(ending["result"]["workOrderId"], "01");
    joined(&manager, 1).await;
    manager.shutdown().await;
}

#[tokio::test]
async fn hosts_find_a_manager_that_restarts() {
    let store = Store::new();
    let manager = start(config(), &store);
    let host = Plan::new(WORKER).start(manager.endpoint());
    joined(&manager, 1).await;
    let endpoint = manager.endpoint().to_owned();
    manager.shutdown().await;

    let mut again = config();
    again.bind = endpoint;
    let manager = start(again, &store);
    joined(&manager, 1).await;
    store.submit(WORKER, "01").await;
    store.ending("01").await;
    assert_eq!(host.orders(), 1);
    manager.shutdown().await;
}

#[tokio::test]
async fn an_order_that_kills_workers_ends_after_its_attempts() {
    let store = Store::new();
    let mut config = config();
    config.max_attempts = 3;
    let manager = start(config, &store);
    let host = Plan::new(WORKER)
        .behaving(Box::new(|_, _| Act::Answer(lost(None))))
        .start(manager.endpoint());
    store.submit(WORKER, "01").await;
    let ending = store.ending("01").await;
    assert_eq!(ending["error"]["code"], 1);
    assert_eq!(ending["error"]["data"]["reason"], "worker.lost");
    assert_eq!(ending["error"]["data"]["workOrderId"], "01");
    assert_eq!(host.orders(), 3);
    manager.shutdown().await;
}

#[tokio::test]
async fn only_the_order_that_kills_workers_suffers_for_it() {
    let store = Store::new();
    let mut config = config();
    config.max_attempts = 3;
    let manager = start(config, &store);
    let deaths = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&deaths);
    let host = Plan::new(WORKER)
        .with_room_for(8)
        .behaving(Box::new(move |request, _| {
            let order = request["params"]["workOrderId"].as_str().unwrap();
            if order.starts_with("bad") {
                counted.fetch_add(1, Ordering::SeqCst);
                return Act::Die;
            }
            Act::AnswerAfter(Duration::from_millis(30), good(request))
        }));
    let mut orders = Vec::new();
    for number in 0..40 {
        let kind = if number % 5 == 3 { "bad" } else { "good" };
        orders.push(format!("{kind}{number:02}"));
        store.submit(WORKER, orders.last().unwrap()).await;
    }
    let _host = host.start(manager.endpoint());
    for order in &orders {
        let ending = store.ending(order).await;
        if order.starts_with("bad") {
            assert_eq!(ending["error"]["data"]["reason"], "worker.lost", "{order}");
        } else {
            assert_eq!(ending["result"]["workOrderId"], order.as_str(), "{ending}");
        }
    }
    assert_eq!(
        deaths.load(Ordering::SeqCst),
        8 * 3,
        "once beside others, twice alone"
    );
    // And then others have room again.
    store.submit(WORKER, "last").await;
    assert_eq!(store.ending("last").await["result"]["workOrderId"], "last");
    manager.shutdown().await;
}

#[tokio::test]
async fn an_order_that_waits_to_be_alone_is_given_back_at_the_end() {
    let store = Store::new();
    let manager = start(config(), &store);
    let host = Plan::new(WORKER)
        .behaving(Box::new(|request, number| match number {
            _ if request["params"]["workOrderId"] == "slow" => Act::Silence,
            1 => Act::Answer(lost(None)),
            _ => Act::Answer(good(request)),
        }))
        .start(manager.endpoint());
    store.submit(WORKER, "slow").await;
    given(&host, 1).await;
    store.submit(WORKER, "01").await;
    given(&host, 2).await;
    until(async || manager.status().await.unwrap().orders.leased == 2).await;
    manager.shutdown().await;
    let counts = store.engine.counts().await.unwrap();
    assert_eq!((counts.queued, counts.leased), (2, 0));
}

#[tokio::test]
async fn attempts_that_never_began_do_not_count() {
    let store = Store::new();
    let mut config = config();
    config.max_attempts = 2;
    let manager = start(config, &store);
    let _host = Plan::new(WORKER)
        .behaving(Box::new(|request, number| {
            Act::Answer(match number {
                0..4 => lost(Some(false)),
                _ => good(request),
            })
        }))
        .start(manager.endpoint());
    store.submit(WORKER, "01").await;
    assert_eq!(store.ending("01").await["result"]["workOrderId"], "01");
    manager.shutdown().await;
}

#[tokio::test]
async fn answers_that_make_no_sense_count_as_lost() {
    let store = Store::new();
    let manager = start(config(), &store);
    let host = Plan::new(WORKER)
        .behaving(Box::new(|request, number| {
            Act::Answer(match number {
                0 => result_for("another order"),
                1 => b"\xff no reply".to_vec(),
                2 => br#"{"result":{}}"#.to_vec(),
                3 => br#"{"error":{"code":2,"message":"m","data":{"workOrderId":"ff"}}}"#.to_vec(),
                _ => good(request),
            })
        }))
        .start(manager.endpoint());
    store.submit(WORKER, "01").await;
    assert_eq!(store.ending("01").await["result"]["workOrderId"], "01");
    assert_eq!(host.orders(), 5);
    manager.shutdown().await;
}

#[tokio::test]
async fn a_workers_error_is_the_orders_end() {
    let store = Store::new();
    let manager = start(config(), &store);
    let _host = Plan::new(WORKER)
        .behaving(Box::new(|_, _| {
            Act::Answer(
                br#"{"id":0,"error":{"code":2,"message":"Error processing work load"}}"#.to_vec(),
            )
        }))
        .start(manager.endpoint());
    store.submit(WORKER, "01").await;
    let ending = store.ending("01").await;
    let expected = serde_json::json!({"error": {
        "code": 1, "message": "Error processing work load", "data": {"workOrderId": "01"},
    }});
    assert_eq!(ending, expected);
    manager.shutdown().await;
}

#[tokio::test]
async fn processes_of_a_worker_share_its_orders() {
    let store = Store::new();
    let manager = start(config(), &store);
    let plan = || {
        Plan::new(WORKER)
            .with_room_for(2)
            .behaving(Box::new(|request, _| {
                Act::AnswerAfter(Duration::from_millis(20), good(request))
            }))
            .start(manager.endpoint())
    };
    let (one, two) = (plan(), plan());
    joined(&manager, 2).await;
    for order in 0..24 {
        store.submit(WORKER, &format!("{order:02x}")).await;
    }
    for order in 0..24 {
        store.ending(&format!("{order:02x}")).await;
    }
    assert_eq!(one.orders() + two.orders(), 24);
    assert!(
        one.orders() >= 8 && two.orders() >= 8,
        "{} and {}",
        one.orders(),
        two.orders()
    );
    manager.shutdown().await;
}

#[tokio::test]
async fn a_lease_is_extended_while_the_host_is_alive() {
    let store = Store::new();
    let mut config = config();
    config.timing.lease = Duration::from_millis(300);
    let manager = start(config, &store);
    let host = Plan::new(WORKER)
        .behaving(Box::new(|request, _| {
            Act::AnswerAfter(Duration::from_millis(1200), good(request))
        }))
        .start(manager.endpoint());
    store.submit(WORKER, "01").await;
    assert_eq!(store.ending("01").await["result"]["workOrderId"], "01");
    assert_eq!(host.orders(), 1);
    manager.shutdown().await;
}

#[tokio::test]
async fn an_order_that_runs_too_long_is_lost() {
    let store = Store::new();
    let mut config = config();
    config.timing.lease = Duration::from_millis(200);
    config.timing.longest_run = Duration::from_millis(400);
    config.max_attempts = 2;
    let manager = start(config, &store);
    let host = silent(&manager);
    store.submit(WORKER, "01").await;
    let ending = store.ending("01").await;
    assert_eq!(ending["error"]["data"]["reason"], "worker.lost");
    assert_eq!(host.orders(), 2);
    manager.shutdown().await;
}

#[tokio::test]
async fn a_silent_process_gets_no_orders_until_it_joins_anew() {
    let store = Store::new();
    let mut config = config();
    config.timing.longest_run = Duration::from_millis(400);
    let manager = start(config, &store);
    let host = Plan::new(WORKER)
        .behaving(Box::new(|request, number| match number {
            0 => Act::Silence,
            _ => Act::Answer(good(request)),
        }))
        .start(manager.endpoint());
    store.submit(WORKER, "01").await;
    given(&host, 1).await;
    assert_eq!(host.joins(), 1);
    assert_eq!(store.ending("01").await["result"]["workOrderId"], "01");
    assert_eq!(host.joins(), 2);
    manager.shutdown().await;
}

#[tokio::test]
async fn a_host_that_leaves_may_finish_what_it_has() {
    let store = Store::new();
    let manager = start(config(), &store);
    let leaving = Plan::new(WORKER)
        .behaving(Box::new(|request, _| {
            Act::AnswerAfter(Duration::from_millis(300), good(request))
        }))
        .start(manager.endpoint());
    store.submit(WORKER, "01").await;
    given(&leaving, 1).await;
    leaving.leave();
    joined(&manager, 0).await;
    store.submit(WORKER, "02").await;
    assert_eq!(store.ending("01").await["result"]["workOrderId"], "01");
    assert_eq!(leaving.orders(), 1);
    let _other = Plan::new(WORKER).start(manager.endpoint());
    assert_eq!(store.ending("02").await["result"]["workOrderId"], "02");
    manager.shutdown().await;
}

#[tokio::test]
async fn a_host_that_leaves_without_a_word_loses_its_orders() {
    let store = Store::new();
    let mut config = config();
    config.timing.leave = Duration::from_millis(200);
    let manager = start(config, &store);
    let leaving = silent(&manager);
    store.submit(WORKER, "01").await;
    given(&leaving, 1).await;
    leaving.leave();
    let _other = Plan::new(WORKER).start(manager.endpoint());
    assert_eq!(store.ending("01").await["result"]["workOrderId"], "01");
    manager.shutdown().await;
}

#[tokio::test]
async fn a_restarted_manager_goes_on_with_the_queue() {
    let store = Store::new();
    let first = start(config(), &store);
    let host = silent(&first);
    store.submit(WORKER, "01").await;
    given(&host, 1).await;
    store.submit(WORKER, "02").await;
    first.shutdown().await;
    drop(host);

    let begun = Instant::now();
    let second = start(config(), &store);
    let _host = Plan::new(WORKER).start(second.endpoint());
    for order in ["01", "02"] {
        assert_eq!(store.ending(order).await["result"]["workOrderId"], order);
    }
    // The first gave its leases back: nothing waited for them to run out.
    assert!(begun.elapsed() < Duration::from_secs(5));
    second.shutdown().await;
}
