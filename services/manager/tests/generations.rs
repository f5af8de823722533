//! Keys that are replaced while orders keep coming: processes of two generations beside each other.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod started;
mod support;

use std::time::Duration;

use protocol::WorkerId;
use sconce_manager::Manager;
use serde_json::{Value, json};
use started::{config, joined, start};
use support::host::{Act, Behaviour, Host, Plan, good};
use support::{Store, WORKER, new_signup, until};

/// Keys of one generation.
struct Keys {
    signup: String,
    /// Hex of the encryption key's PEM, as orders name it.
    named: String,
}

impl Keys {
    fn new(generation: u64) -> Self {
        let mut signup: Value = serde_json::from_str(&new_signup()).unwrap();
        signup["generation"] = generation.into();
        let named = hex::encode(signup["encryption_key"].as_str().unwrap());
        let signup = signup.to_string();
        Self { signup, named }
    }

    /// A host whose worker opens orders that were made for these keys and no others.
    fn plan(&self) -> Plan {
        Plan::new(WORKER)
            .with_signup(self.signup.clone())
            .behaving(opening(self.named.clone()))
    }

    fn host(&self, manager: &Manager) -> Host {
        self.plan().start(manager.endpoint())
    }

    /// Whether the worker's record has these keys.
    async fn are_published(&self, store: &Store) -> bool {
        let record = store.registry.get(&WorkerId::from_name(WORKER)).await;
        let record = record.unwrap().unwrap();
        let key = record.details["workerTypeData"]["encryptionKey"].as_str();
        hex::encode(key.unwrap()) == self.named
    }

    /// An order for these keys that says so.
    async fn order(&self, store: &Store, order: &str) {
        let params = json!({"workerEncryptionKey": self.named, "madeFor": self.named});
        store.submit_with(WORKER, order, params).await;
    }

    /// An order for these keys that names none.
    async fn silent_order(&self, store: &Store, order: &str) {
        let params = json!({"madeFor": self.named});
        store.submit_with(WORKER, order, params).await;
    }
}

fn opening(own: String) -> Behaviour {
    Box::new(move |request, _| {
        if request["params"]["madeFor"] == own.as_str() {
            return Act::AnswerAfter(Duration::from_millis(3), good(request));
        }
        let order = &request["params"]["workOrderId"];
        let data = json!({"reason": "order.integrity", "workOrderId": order});
        let error =
            json!({"code": 2, "message": "Work order integrity check failed", "data": data});
        Act::Answer(
            json!({"jsonrpc": "2.0", "id": 1, "error": error})
                .to_string()
                .into_bytes(),
        )
    })
}

async fn is_answered(store: &Store, order: &str) {
    let ending = store.ending(order).await;
    assert_eq!(ending["result"]["workOrderId"], order, "{ending}");
}

#[tokio::test]
async fn two_generations_run_beside_each_other_and_the_record_is_the_newest() {
    let store = Store::new();
    let manager = start(config(), &store);
    let (old, new) = (Keys::new(1), Keys::new(2));
    let first = old.host(&manager);
    joined(&manager, 1).await;
    assert!(old.are_published(&store).await);
    let second = new.host(&manager);
    joined(&manager, 2).await;
    assert!(new.are_published(&store).await);
    let status = manager.status().await.unwrap();
    let processes = status.workers[0].processes.iter();
    let mut generations: Vec<_> = processes.map(|process| process.generation).collect();
    generations.sort_unstable();
    assert_eq!(generations, [1, 2]);

    // One that is started again in the overlap goes on, and changes nothing.
    drop(first);
    joined(&manager, 1).await;
    let first = old.host(&manager);
    joined(&manager, 2).await;
    assert!(new.are_published(&store).await);

    old.order(&store, "01").await;
    new.order(&store, "02").await;
    is_answered(&store, "01").await;
    is_answered(&store, "02").await;
    assert_eq!(
        (first.orders(), second.orders()),
        (1, 1),
        "each to the keys that it names"
    );
    manager.shutdown().await;
}

#[tokio::test]
async fn an_order_that_names_no_key_is_tried_once_with_each() {
    let store = Store::new();
    let manager = start(config(), &store);
    let (old, new, none) = (Keys::new(1), Keys::new(2), Keys::new(3));
    let first = old.host(&manager);
    let second = new.host(&manager);
    joined(&manager, 2).await;

    new.silent_order(&store, "01").await;
    is_answered(&store, "01").await;
    assert_eq!(
        (first.orders(), second.orders()),
        (0, 1),
        "the newest first"
    );
    old.silent_order(&store, "02").await;
    is_answered(&store, "02").await;
    assert_eq!((first.orders(), second.orders()), (1, 2));

    for (number, order) in (1..).zip(["03", "04"]) {
        none.order(&store, order).await;
        let ending = store.ending(order).await;
        assert_eq!(ending["error"]["data"]["reason"], "order.integrity");
        assert_eq!((first.orders(), second.orders()), (1 + number, 2 + number));
    }
    manager.shutdown().await;
}

/// Orders that wait for each other's places would wait for ever.
#[tokio::test]
async fn orders_that_change_places_do_not_wait_for_each_other() {
    let store = Store::new();
    let manager = start(config(), &store);
    let (old, new) = (Keys::new(1), Keys::new(2));
    let _hosts = [&old, &new].map(|keys| keys.plan().with_room_for(1).start(manager.endpoint()));
    joined(&manager, 2).await;
    let orders: Vec<_> = (0..20).map(|number| format!("{number:02}")).collect();
    for (number, order) in orders.iter().enumerate() {
        let (made_for, named) = if number % 2 == 0 {
            (&old, &new)
        } else {
            (&new, &old)
        };
        let params = json!({"workerEncryptionKey": named.named, "madeFor": made_for.named});
        store.submit_with(WORKER, order, params).await;
    }
    for order in &orders {
        is_answered(&store, order).await;
    }
    manager.shutdown().await;
}

#[tokio::test]
async fn processes_of_one_generation_have_the_same_keys() {
    let store = Store::new();
    let manager = start(config(), &store);
    let _first = Keys::new(1).host(&manager);
    joined(&manager, 1).await;
    for other in [Keys::new(1), Keys::new(0)] {
        let refused = other.host(&manager);
        until(async || refused.refusals() > 0).await;
        joined(&manager, 1).await;
    }
    manager.shutdown().await;
}

/// Far longer than a busy machine keeps the manager from noting who is there.
const OVERLAP: Duration = Duration::from_millis(1500);

#[tokio::test]
async fn keys_that_were_retired_do_not_come_back() {
    let store = Store::new();
    let mut config = config();
    config.timing.absence = Duration::from_millis(90);
    config.mark_overlap = OVERLAP;
    let manager = start(config, &store);
    let (old, new) = (Keys::new(1), Keys::new(2));
    let first = old.host(&manager);
    joined(&manager, 1).await;
    let _second = new.host(&manager);
    joined(&manager, 2).await;

    // As long as one is there, however long, its orders are remembered and it may be started again.
    old.order(&store, "01").await;
    is_answered(&store, "01").await;
    tokio::time::sleep(OVERLAP * 3 / 2).await;
    assert_eq!(store.registry.retired_keys(OVERLAP).await.unwrap(), []);
    drop(first);
    joined(&manager, 1).await;
    let first = old.host(&manager);
    joined(&manager, 2).await;
    drop(first);
    joined(&manager, 1).await;

    tokio::time::sleep(OVERLAP * 2).await;
    let refused = old.host(&manager);
    until(async || refused.refusals() > 0).await;
    joined(&manager, 1).await;
    assert!(new.are_published(&store).await);
    manager.shutdown().await;
}

#[tokio::test]
async fn where_the_newest_keys_have_no_process_the_record_is_the_older() {
    let store = Store::new();
    let mut config = config();
    config.timing.absence = Duration::from_millis(300);
    let manager = start(config, &store);
    let (old, new) = (Keys::new(1), Keys::new(2));
    let second = new.host(&manager);
    joined(&manager, 1).await;
    let _first = old.host(&manager);
    joined(&manager, 2).await;
    assert!(new.are_published(&store).await);
    drop(second);
    until(async || old.are_published(&store).await).await;
    old.silent_order(&store, "01").await;
    is_answered(&store, "01").await;

    let _second = new.host(&manager);
    joined(&manager, 2).await;
    until(async || new.are_published(&store).await).await;
    manager.shutdown().await;
}

/// Twice all keys are replaced, while requesters use those that they have read last, or the time before.
#[tokio::test(flavor = "multi_thread")]
async fn no_order_fails_while_keys_are_replaced() {
    const ORDERS: usize = 60;
    let store = Store::new();
    let manager = start(config(), &store);
    let keys = [1, 2, 3].map(Keys::new);
    let mut hosts = vec![keys[0].host(&manager), keys[0].host(&manager)];
    joined(&manager, 2).await;
    let mut submitted = Vec::new();
    for (number, next) in keys.iter().enumerate() {
        if number > 0 {
            hosts.extend([next.host(&manager), next.host(&manager)]);
            // Nobody knows a key before it is published.
            until(async || next.are_published(&store).await).await;
        }
        for order in 0..ORDERS {
            let read = &keys[number.saturating_sub(order % 3 / 2)];
            let name = format!("{number}-{order:02}");
            if order % 2 == 0 {
                read.order(&store, &name).await;
            } else {
                read.silent_order(&store, &name).await;
            }
            submitted.push(name);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // The overlap ends when the orders under the old keys have: then its processes are drained.
        if number > 0 {
            for order in &submitted {
                is_answered(&store, order).await;
            }
            hosts.drain(..2).for_each(|host| host.leave());
        }
    }
    for order in &submitted {
        is_answered(&store, order).await;
    }
    manager.shutdown().await;
}
