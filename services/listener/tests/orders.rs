//! Submitting orders and fetching results.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::time::{Duration, Instant};

use manager::{Manager, ManagerConfig};
use protocol::record::Status;
use sconce_listener::{ListenerConfig, Mode};
use serde_json::{Value, json};
use store::Orders as _;
use support::platform::host::{Act, Host, Plan, good, lost};
use support::platform::token;
use support::{Door, WORKER, config, get_result, submit, worker_id};

const COMPUTING: &str =
    "Work order is computing. Please query for WorkOrderGetResult to view the result";
const TAKEN: &str = "Work order id already exists in the database. Hence invalid parameter";

fn synchronous(longest: u64) -> ListenerConfig {
    ListenerConfig {
        mode: Mode::Sync {
            longest: Duration::from_millis(longest),
        },
        ..config()
    }
}

/// Somebody who works.
fn employ(door: &Door, plan: Plan) -> (Manager, Host) {
    let mut config = ManagerConfig::new(token());
    config.timing.claim = Duration::from_millis(100);
    config.max_attempts = 2;
    let registry = door.store.registry.clone();
    let manager = Manager::start(config, door.store.orders(), registry).unwrap();
    let host = plan.start(manager.endpoint());
    (manager, host)
}

fn error(code: i64, message: &str, order: &str) -> Value {
    json!({"code": code, "message": message, "data": {"workOrderId": order}})
}

/// The reply's error without our own addition to it.
fn plain_error(mut reply: Value) -> Value {
    let data = reply["error"]["data"].as_object_mut().unwrap();
    data.remove("reason");
    reply["error"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn submit_poll_and_fetch_again() {
    let door = Door::open(config()).await;
    let reply = door.post(&submit("ab01")).json();
    assert_eq!(
        (&reply["id"], &reply["jsonrpc"]),
        (&json!(11), &json!("2.0"))
    );
    assert_eq!(plain_error(reply), error(5, COMPUTING, "ab01"));
    let pending = door.post(&get_result("ab01")).json();
    let text = "Work order result is yet to be updated";
    assert_eq!(plain_error(pending), error(5, text, "ab01"));

    let (manager, host) = employ(&door, Plan::new(WORKER));
    support::platform::until(async || host.orders() == 1).await;
    for _ in 0..2 {
        let reply = door.post(&get_result("ab01")).json();
        assert_eq!(reply["result"]["workOrderId"], "ab01");
        assert_eq!(reply["id"], 11);
    }
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_gets_the_requests_own_text() {
    let door = Door::open(config()).await;
    let (seen, texts) = std::sync::mpsc::channel();
    let plan = Plan::new(WORKER).behaving(Box::new(move |request, _| {
        seen.send(request.clone()).unwrap();
        Act::Answer(good(request))
    }));
    let (manager, _host) = employ(&door, plan);
    door.post(&submit("ab01"));
    assert_eq!(texts.recv().unwrap(), submit("ab01"));
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_order_is_held_for_a_while() {
    let mut config = config();
    config.result_wait = Duration::from_secs(5);
    let door = Door::open(config).await;
    let plan = Plan::new(WORKER).behaving(Box::new(|request, _| {
        Act::AnswerAfter(Duration::from_millis(300), good(request))
    }));
    let (manager, _host) = employ(&door, plan);
    door.post(&submit("ab01"));
    let reply = door.post(&get_result("ab01")).json();
    assert_eq!(reply["result"]["workOrderId"], "ab01");
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn synchronous_submit_answers_with_the_result() {
    let door = Door::open(synchronous(9000)).await;
    let (manager, _host) = employ(&door, Plan::new(WORKER));
    let reply = door.post(&submit("ab01")).json();
    assert_eq!(reply["result"]["workOrderId"], "ab01");
    // Avalon's client asks again all the same.
    let again = door.post(&get_result("ab01")).json();
    assert_eq!(again["result"], reply["result"]);
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn synchronous_submit_waits_no_longer_than_it_may() {
    let door = Door::open(synchronous(300)).await;
    let begun = Instant::now();
    let reply = door.post(&submit("ab01")).json();
    assert_eq!(plain_error(reply), error(5, COMPUTING, "ab01"));
    assert!(begun.elapsed() >= Duration::from_millis(250));

    // Were it to wait here, the client would give up first.
    let door = Door::open(synchronous(600_000)).await;
    for (order, timeout) in [("ab02", 0), ("ab03", -5), ("ab04", i64::MIN)] {
        let mut body = submit(order);
        body["params"]["responseTimeoutMSecs"] = timeout.into();
        assert_eq!(door.post(&body).json()["error"]["code"], 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_told_in_both_modes() {
    let fails = || {
        Plan::new(WORKER).behaving(Box::new(|_, _| {
            let text = br#"{"id":1,"error":{"code":2,"message":"Error processing work load","data":{"reason":"workload.failed","detail":"AAAA"}}}"#;
            Act::Answer(text.to_vec())
        }))
    };
    let expected = json!({"code": 1, "message": "Error processing work load", "data": {
        "workOrderId": "ab01", "reason": "workload.failed", "detail": "AAAA",
    }});

    let door = Door::open(synchronous(5000)).await;
    let (manager, _host) = employ(&door, fails());
    assert_eq!(door.post(&submit("ab01")).json()["error"], expected);
    manager.shutdown().await;

    let door = Door::open(config()).await;
    let (manager, _host) = employ(&door, fails());
    assert_eq!(door.post(&submit("ab01")).json()["error"]["code"], 5);
    assert_eq!(door.post(&get_result("ab01")).json()["error"], expected);
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_workers_die_ends() {
    let door = Door::open(synchronous(5000)).await;
    let plan = Plan::new(WORKER).behaving(Box::new(|_, _| Act::Answer(lost(None))));
    let (manager, _host) = employ(&door, plan);
    let reply = door.post(&submit("ab01"));
    assert_eq!(reply.error(), (1, "worker.lost".to_owned()));
    manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_and_nonces_are_taken_once() {
    let door = Door::open(config()).await;
    assert_eq!(door.post(&submit("ab01")).json()["error"]["code"], 5);

    let same = door.post(&submit("ab01"));
    assert_eq!(same.error(), (2, "order.taken".to_owned()));
    assert_eq!(plain_error(same.json()), error(2, TAKEN, "ab01"));

    let mut other_body = submit("ab01");
    other_body["params"]["requesterNonce"] = "ff".into();
    let other_body = door.post(&other_body);
    assert_eq!(other_body.error(), (2, "order.taken".to_owned()));

    let mut same_nonce = submit("ab02");
    same_nonce["params"]["requesterNonce"] = "ab0100".into();
    let reply = door.post(&same_nonce);
    assert_eq!(reply.error(), (2, "order.replayed".to_owned()));
    assert_eq!(plain_error(reply.json()), error(2, TAKEN, "ab02"));

    // Another requester's nonce is another nonce, and an id of another case another id.
    same_nonce["params"]["requesterId"] = "0e".into();
    assert_eq!(door.post(&same_nonce).json()["error"]["code"], 5);
    let mut upper = submit("AB01");
    upper["params"]["requesterNonce"] = "AB0100".into();
    assert_eq!(door.post(&upper).json()["error"]["code"], 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parts_of_a_replay_key_cannot_be_shifted() {
    let door = Door::open(config()).await;
    let with = |order: &str, requester: &str, nonce: &str| {
        let mut body = submit(order);
        body["params"]["requesterId"] = requester.into();
        body["params"]["requesterNonce"] = nonce.into();
        door.post(&body).json()["error"]["code"].clone()
    };
    assert_eq!(with("01", "aa", "bbcc"), 5);
    assert_eq!(with("02", "aabb", "cc"), 5);
    assert_eq!(with("03", "aa", "bbcc"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_must_be_known_and_active() {
    let door = Door::open(config()).await;
    let mut unknown = submit("ab01");
    unknown["params"]["workerId"] = "CdEf".into();
    // The worker is looked at before the signature.
    unknown["params"]["requesterSignature"] = "not base64".into();
    let reply = door.post(&unknown);
    assert_eq!(reply.error(), (2, "worker.unknown".to_owned()));
    let text = "worker CdEf doesn't exists";
    assert_eq!(plain_error(reply.json()), error(2, text, "ab01"));

    let registry = &door.store.registry;
    for status in [Status::OffLine, Status::Decommissioned, Status::Compromised] {
        registry.set_status(&worker_id(), status).await.unwrap();
        let reply = door.post(&submit("ab01"));
        assert_eq!(reply.error(), (2, "worker.unknown".to_owned()));
        let error = plain_error(reply.json());
        let text = error["message"].as_str().unwrap();
        assert!(text.contains(status.name()), "{text}");
        assert_eq!(error["data"]["workOrderId"], "ab01");
    }
    registry
        .set_status(&worker_id(), Status::Active)
        .await
        .unwrap();
    assert_eq!(door.post(&submit("ab01")).json()["error"]["code"], 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_must_be_base64_in_both_modes() {
    for config in [config(), synchronous(100)] {
        let door = Door::open(config).await;
        for bad in ["@@@@", "AAA", "AAAA=", "A A=", "AAAA\n", "AB=="] {
            let mut body = submit("ab01");
            body["params"]["requesterSignature"] = bad.into();
            let reply = door.post(&body);
            assert_eq!(reply.error(), (2, "request.member".to_owned()), "{bad:?}");
            let text = "Invalid data format for requesterSignature";
            assert_eq!(plain_error(reply.json()), error(2, text, "ab01"));
        }
        // None of those has taken the id.
        let mut good = submit("ab01");
        good["params"]["requesterSignature"] = "AAAA".into();
        assert_eq!(door.post(&good).json()["error"]["code"], 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_are_not_there() {
    let door = Door::open(config()).await;
    let text = "Work order Id not found in the database. Hence invalid parameter";
    let unknown = door.post(&get_result("abab"));
    assert_eq!(unknown.error(), (2, "order.unknown".to_owned()));
    assert_eq!(plain_error(unknown.json()), error(2, text, "abab"));

    // One that expired names its id all the same, and one that is evicted is like no other.
    door.post(&submit("ab01"));
    let worker = worker_id();
    let expired = br#"{"error":{"code":1,"message":"m","data":{"reason":"order.expired"}}}"#;
    let partition = worker.as_str().into();
    let ended = door
        .store
        .engine
        .expire(&partition, Duration::ZERO, expired, 9);
    assert_eq!(ended.await.unwrap(), 1);
    let reply = door.post(&get_result("ab01"));
    assert_eq!(reply.error(), (1, "order.expired".to_owned()));
    assert_eq!(plain_error(reply.json()), error(1, "m", "ab01"));
    door.store.engine.evict(Duration::ZERO, 9).await.unwrap();
    let reply = door.post(&get_result("ab01"));
    assert_eq!(plain_error(reply.json()), error(2, text, "ab01"));
    assert_eq!(
        door.post(&submit("ab01")).error(),
        (2, "order.taken".to_owned())
    );
}
