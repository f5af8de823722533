//! The receipts' methods, over HTTP. What is signed is put together here by hand.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::SystemEntropy;
use protocol::crypto::secp256k1::SigningKey;
use protocol::crypto::sha256;
use sconce_listener::Listener;
use serde_json::{Value, json};
use store::{Completion, Orders as _};
use support::http::Client;
use support::{Door, call, config, get_result, record, submit, worker_id};

/// The request hash of what `support::submit` makes.
fn request_hash(order: &str) -> [u8; 32] {
    let worker = worker_id();
    let ids = [&format!("{order}00"), order, worker.as_str(), "0c", "0d"].concat();
    sha256(&[&sha256(&[ids.as_bytes()]), &sha256(&[b"AAAA"])])
}

fn key() -> SigningKey {
    SigningKey::generate(&SystemEntropy::new()).unwrap()
}

fn sign(key: &SigningKey, text: &str) -> String {
    STANDARD.encode(key.sign(&sha256(&[text.as_bytes()])))
}

/// A listener, a worker whose key is known, and a requester.
struct Court {
    door: Door,
    creator: SigningKey,
    worker: SigningKey,
}

impl Court {
    async fn open() -> Self {
        let door = Door::open(config()).await;
        let worker = key();
        let mut details = record().details;
        let keys = &mut details["workerTypeData"];
        let encryption = keys["encryptionKey"].as_str().unwrap().to_owned();
        keys["verificationKey"] = worker.verifying_key().pem().into();
        let signature = worker.sign(&sha256(&[encryption.as_bytes()]));
        keys["encryptionKeySignature"] = hex::encode(signature).into();
        let registry = &door.store.registry;
        registry.update(&worker_id(), &details).await.unwrap();
        Self {
            door,
            creator: key(),
            worker,
        }
    }

    /// The same with an order of this id.
    async fn with_order(order: &str) -> Self {
        let court = Self::open().await;
        court.submit(order);
        court
    }

    fn submit(&self, order: &str) {
        assert_eq!(self.door.post(&submit(order)).error().0, 5);
    }

    /// Lets the only order that waits end so.
    async fn finish(&self, ended: &str) {
        let engine = &self.door.store.engine;
        let (lease, now) = (Duration::from_secs(5), Duration::ZERO);
        let partition = worker_id().as_str().into();
        let leases = engine.claim(&partition, 1, lease, now);
        let lease = leases.await.unwrap().remove(0);
        let completion = Completion {
            order: lease.order,
            token: lease.token,
            result: ended.into(),
            appends: Vec::new(),
        };
        engine.complete(completion).await.unwrap();
    }

    /// Parameters of a good receipt.
    fn receipt(&self, order: &str) -> Value {
        self.receipt_with(order, |_| ())
    }

    /// The same, signed after a change.
    fn receipt_with(&self, order: &str, change: impl FnOnce(&mut Value)) -> Value {
        let mut receipt = json!({
            "workOrderId": order, "workerServiceId": "5e", "workerId": worker_id(),
            "requesterId": "0d", "receiptCreateStatus": 0,
            "workOrderRequestHash": STANDARD.encode(request_hash(order)),
            "requesterGeneratedNonce": "77", "signatureRules": "SHA-256/SECP256K1",
            "receiptVerificationKey": self.creator.verifying_key().pem(),
        });
        change(&mut receipt);
        let text = [
            "workOrderId",
            "workerServiceId",
            "workerId",
            "requesterId",
            "receiptCreateStatus",
            "workOrderRequestHash",
            "requesterGeneratedNonce",
        ]
        .map(|name| match &receipt[name] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .concat();
        receipt["requesterSignature"] = sign(&self.creator, &text).into();
        receipt
    }

    fn create(&self, receipt: Value) -> (i64, String) {
        self.door
            .post(&call("WorkOrderReceiptCreate", receipt))
            .error()
    }

    fn update(&self, order: &str, kind: i64, data: &str, key: &SigningKey) -> Value {
        json!({
            "workOrderId": order, "updaterId": "0d", "updateType": kind, "updateData": data,
            "updateSignature": sign(key, &format!("{order}{kind}{data}")),
            "signatureRules": "SHA-256/SECP256K1",
            "receiptVerificationKey": key.verifying_key().pem(),
        })
    }

    fn send_update(&self, update: Value) -> (i64, String) {
        self.door
            .post(&call("WorkOrderReceiptUpdate", update))
            .error()
    }

    fn ask(&self, method: &str, params: Value) -> Value {
        self.door.post(&call(method, params)).json()
    }

    /// The receipt's current status.
    fn status(&self, order: &str) -> Value {
        let found = self.ask("WorkOrderReceiptRetrieve", json!({"workOrderId": order}));
        found["result"]["receiptCurrentStatus"].clone()
    }
}

fn done() -> (i64, String) {
    (0, String::new())
}

fn refused(code: i64, reason: &str) -> (i64, String) {
    (code, reason.to_owned())
}

/// The hash of a response, laid out by hand.
fn response_hash(id: &str, order: &str) -> String {
    let text = format!(
        "{{\n    \"jsonrpc\": \"2.0\",\n    \"id\": {id},\n    \"result\": {{\n        \
         \"workOrderId\": \"{order}\",\n        \"outData\": []\n    }}\n}}"
    );
    hex::encode_upper(sha256(&[text.as_bytes()]))
}

fn ended_well(order: &str) -> String {
    format!(r#"{{"result":{{"workOrderId":"{order}","outData":[]}}}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn created_and_retrieved_as_it_was_sent() {
    let court = Court::with_order("ab01").await;
    let receipt = court.receipt("ab01");
    let reply = court.ask("WorkOrderReceiptCreate", receipt.clone());
    let wanted = json!({"code": 0, "message": "Receipt created successfully"});
    assert_eq!(reply["error"], wanted);
    let mut found = court.ask("WorkOrderReceiptRetrieve", json!({"workOrderId": "ab01"}));
    let mut found = found["result"].take();
    assert_eq!(found["receiptCurrentStatus"].take(), 0);
    found
        .as_object_mut()
        .unwrap()
        .remove("receiptCurrentStatus");
    assert_eq!(found, receipt);
    // Without rules it is the same.
    court.submit("ab02");
    let without = |p: &mut Value| _ = p.as_object_mut().unwrap().remove("signatureRules");
    assert_eq!(court.create(court.receipt_with("ab02", without)), done());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_receipt_an_order() {
    let court = Court::with_order("ab01").await;
    let receipt = court.receipt("ab01");
    let replies: Vec<_> = std::thread::scope(|scope| {
        let posts: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| court.create(receipt.clone())))
            .collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    assert_eq!(replies.iter().filter(|reply| **reply == done()).count(), 1);
    let taken = refused(2, "receipt.taken");
    assert_eq!(replies.iter().filter(|reply| **reply == taken).count(), 7);
    let reply = court.ask("WorkOrderReceiptCreate", receipt);
    let text = "Work order receipt already exists. Hence invalid parameter";
    assert_eq!(reply["error"]["message"], text);
    assert_eq!(reply["error"]["data"]["workOrderId"], "ab01");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_must_be_stored_and_fit() {
    let court = Court::with_order("ab01").await;
    let reply = court.ask("WorkOrderReceiptCreate", court.receipt("ab02"));
    let text = "Work order id does not exist, hence invalid request";
    assert_eq!(reply["error"]["message"], text);
    assert_eq!(reply["error"]["data"]["reason"], "order.unknown");
    assert_eq!(court.create(court.receipt("AB01")).1, "order.unknown");

    let mismatch = refused(2, "receipt.mismatch");
    let changes: [fn(&mut Value); 5] = [
        |p| p["requesterId"] = "0D".into(),
        |p| p["requesterId"] = "0e".into(),
        |p| p["workerId"] = worker_id().as_str().to_uppercase().into(),
        |p| p["workOrderRequestHash"] = STANDARD.encode([0; 32]).into(),
        |p| p["workOrderRequestHash"] = STANDARD.encode(request_hash("ab02")).into(),
    ];
    for change in changes {
        assert_eq!(court.create(court.receipt_with("ab01", change)), mismatch);
    }
    assert_eq!(court.create(court.receipt("ab01")), done());
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_of_receipts() {
    let court = Court::with_order("ab01").await;
    let forged = refused(4, "receipt.signature");
    let good = court.receipt("ab01");
    let with = |name: &str, value: Value| {
        let mut receipt = good.clone();
        receipt[name] = value;
        court.create(receipt)
    };
    assert_eq!(with("requesterGeneratedNonce", "78".into()), forged);
    assert_eq!(with("receiptCreateStatus", 1.into()), forged);
    assert_eq!(with("workerServiceId", "5f".into()), forged);
    let stranger = key();
    let pem = stranger.verifying_key().pem().to_owned();
    assert_eq!(with("receiptVerificationKey", pem.into()), forged);
    assert_eq!(with("requesterSignature", "AAAA".into()), forged);
    assert_eq!(with("requesterSignature", "".into()).1, "request.member");
    // High s: the same signature with the other root.
    let der = STANDARD.decode(good["requesterSignature"].as_str().unwrap());
    let high = high_s(&der.unwrap());
    assert_eq!(
        with("requesterSignature", STANDARD.encode(high).into()),
        done()
    );
}

/// The signature with n - s for s; ours are low.
fn high_s(der: &[u8]) -> Vec<u8> {
    const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let n = hex::decode(ORDER).unwrap();
    let r_length = usize::from(der[3]);
    let r = &der[2..4 + r_length];
    let s = &der[6 + r_length..];
    let s = [vec![0; 32_usize.saturating_sub(s.len())], s.to_vec()].concat();
    let s = &s[s.len() - 32..];
    let (mut out, mut borrow) = (vec![0_u8; 32], 0);
    for i in (0..32).rev() {
        let difference = i16::from(n[i]) - i16::from(s[i]) - borrow;
        borrow = i16::from(difference < 0);
        out[i] = difference.rem_euclid(256) as u8;
    }
    assert!(out[0] >= 0x80, "n - s has its highest bit set");
    let inner = [r, &[2, 33, 0], &out].concat();
    [&[0x30, inner.len() as u8], &inner[..]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_the_wrong_form() {
    let court = Court::with_order("ab01").await;
    let member = refused(2, "request.member");
    let long = "a".repeat(257);
    for (name, value) in [
        ("workOrderId", json!(long)),
        ("workerServiceId", json!(long)),
        ("requesterGeneratedNonce", json!(long)),
        ("receiptCreateStatus", json!(5)),
        ("receiptCreateStatus", json!("0")),
        ("signatureRules", json!("SHA-1/SECP256K1")),
        ("signatureRules", json!("anything")),
        ("receiptVerificationKey", json!("x".repeat(2000))),
        ("requesterSignature", json!("A".repeat(400))),
        ("workOrderRequestHash", json!("AAAA")),
        ("more", json!(1)),
    ] {
        let mut receipt = court.receipt("ab01");
        receipt[name] = value;
        assert_eq!(court.create(receipt), member, "{name}");
    }
    let update = |name: &str, value: Value| {
        let mut update = court.update("ab01", 3, "", &court.creator);
        update[name] = value;
        court.send_update(update)
    };
    for (name, value) in [
        ("updaterId", Value::Null),
        ("updaterId", json!(long)),
        ("updateType", json!(5)),
        ("updateData", json!("x".repeat(1025))),
        ("updateSignature", json!("")),
        ("receiptVerificationKey", json!("no key")),
    ] {
        assert_eq!(update(name, value), member, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn creator_and_worker_may_update_and_nobody_else() {
    let court = Court::with_order("ab01").await;
    let update = |data: &str, key| court.update("ab01", 3, data, key);
    let unknown = court.send_update(update("", &court.creator));
    assert_eq!(unknown, refused(2, "receipt.unknown"));
    court.create(court.receipt("ab01"));

    let reply = court.ask("WorkOrderReceiptUpdate", update("a", &court.creator));
    let wanted = json!({"code": 0, "message": "Receipt updated successfully"});
    assert_eq!(reply["error"], wanted);
    assert_eq!(court.send_update(update("a", &court.worker)), done());
    for signer in [&court.creator, &court.worker] {
        let mut unnamed = update("b", signer);
        unnamed
            .as_object_mut()
            .unwrap()
            .remove("receiptVerificationKey");
        assert_eq!(court.send_update(unnamed), done());
    }
    let stranger = key();
    assert_eq!(
        court.send_update(update("c", &stranger)),
        refused(3, "receipt.foreign")
    );
    let forged = refused(4, "receipt.signature");
    let mut unnamed = update("c", &stranger);
    unnamed
        .as_object_mut()
        .unwrap()
        .remove("receiptVerificationKey");
    assert_eq!(court.send_update(unnamed), forged);
    let mut borrowed = update("c", &stranger);
    borrowed["receiptVerificationKey"] = court.creator.verifying_key().pem().into();
    assert_eq!(court.send_update(borrowed), forged);
    let mut changed = update("c", &court.creator);
    changed["updateType"] = 4.into();
    assert_eq!(court.send_update(changed), forged);

    // The one that named no key got the worker's.
    let last = json!({"workOrderId": "ab01", "updateIndex": 4});
    let last = court.ask("WorkOrderReceiptUpdateRetrieve", last);
    let pem = court.worker.verifying_key();
    assert_eq!(last["result"]["receiptVerificationKey"], pem.pem());
    assert_eq!(last["result"]["updateCount"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_cannot_be_sent_again() {
    let court = Court::with_order("ab01").await;
    court.create(court.receipt("ab01"));
    let old = court.update("ab01", 0, "fine", &court.creator);
    assert_eq!(court.send_update(old.clone()), done());
    assert_eq!(
        court.send_update(court.update("ab01", 4, "", &court.creator)),
        done()
    );
    let mut renamed = old.clone();
    renamed["updaterId"] = "ff".into();
    for again in [old, renamed] {
        assert_eq!(court.send_update(again), refused(2, "receipt.repeated"));
    }
    assert_eq!(court.status("ab01"), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn completed_and_processed_need_the_response() {
    let court = Court::with_order("ab01").await;
    court.create(court.receipt("ab01"));
    let send = |kind, data: &str| {
        let update = court.update("ab01", kind, data, &court.creator);
        court.send_update(update)
    };
    let good = response_hash("11", "ab01");
    assert_eq!(
        send(2, &good),
        refused(2, "receipt.status"),
        "no result yet"
    );
    court.finish(&ended_well("ab01")).await;
    // What the requester sees is what is hashed.
    let seen = court.door.post(&get_result("ab01")).json();
    assert_eq!(
        seen["result"],
        json!({"workOrderId": "ab01", "outData": []})
    );

    let mismatch = refused(2, "receipt.mismatch");
    assert_eq!(send(2, ""), mismatch);
    assert_eq!(send(2, &good.to_lowercase()), mismatch);
    assert_eq!(send(2, &response_hash("12", "ab01")), mismatch);
    assert_eq!(send(1, &response_hash("11", "ab02")), mismatch);
    assert_eq!(send(2, &good), done(), "with the id of the submit");
    assert_eq!(court.status("ab01"), 2);
    assert_eq!(
        send(2, &response_hash("null", "ab01")),
        done(),
        "without an id"
    );
    for kind in [0, 3, 4] {
        assert_eq!(send(kind, "x"), refused(2, "receipt.status"));
    }
    assert_eq!(send(1, &good), done());
    for kind in 0..=4 {
        assert_eq!(send(kind, &good), refused(2, "receipt.status"));
    }
    assert_eq!(court.status("ab01"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_failed_or_are_gone() {
    let court = Court::with_order("ab01").await;
    court.create(court.receipt("ab01"));
    court.finish(r#"{"error":{"code":1,"message":"m"}}"#).await;
    let send = |order: &str, kind, data: &str| {
        court.send_update(court.update(order, kind, data, &court.creator))
    };
    let now = refused(2, "receipt.status");
    assert_eq!(send("ab01", 1, &response_hash("11", "ab01")), now);
    assert_eq!(send("ab01", 3, "it failed"), done());

    court.submit("ab02");
    court.create(court.receipt("ab02"));
    court.finish(&ended_well("ab02")).await;
    court
        .door
        .store
        .engine
        .evict(Duration::ZERO, 9)
        .await
        .unwrap();
    assert_eq!(send("ab02", 2, &response_hash("11", "ab02")), now);
    // The receipt outlives its order; another can't be made for it.
    assert_eq!(send("ab02", 4, ""), done());
    assert_eq!(court.status("ab02"), 4);
    court.submit("ab03");
    court.finish(&ended_well("ab03")).await;
    assert_eq!(court.create(court.receipt("ab03")), done(), "after the end");
    court.submit("ab04");
    court.finish(&ended_well("ab04")).await;
    court
        .door
        .store
        .engine
        .evict(Duration::ZERO, 9)
        .await
        .unwrap();
    assert_eq!(court.create(court.receipt("ab04")).1, "order.unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_is_created_completed_takes_no_updates() {
    let court = Court::with_order("ab01").await;
    court.create(court.receipt_with("ab01", |p| p["receiptCreateStatus"] = 1.into()));
    assert_eq!(court.status("ab01"), 1);
    let update = court.update("ab01", 3, "", &court.creator);
    assert_eq!(court.send_update(update), refused(2, "receipt.status"));
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_by_index() {
    let court = Court::with_order("ab01").await;
    let get = |index: Value| {
        let params = json!({"workOrderId": "ab01", "updateIndex": index});
        court.ask("WorkOrderReceiptUpdateRetrieve", params)
    };
    let message = |reply: Value| reply["error"]["message"].as_str().unwrap_or("").to_owned();
    assert!(message(get(json!(1))).contains("receipt for work order id ab01 not found"));
    court.create(court.receipt("ab01"));
    let none = get(json!(4_294_967_296_u64));
    assert_eq!(none["error"]["data"]["reason"], "receipt.index");
    assert_eq!(
        message(none),
        "There is no updates available to this receipt Hence invalid parameter"
    );
    for (data, updater) in [("one", "aa"), ("two", "bb")] {
        let mut update = court.update("ab01", 0, data, &court.creator);
        update["updaterId"] = updater.into();
        assert_eq!(court.send_update(update.clone()), done());
        update["updateCount"] = if data == "one" { 1 } else { 2 }.into();
        assert_eq!(get(json!(4_294_967_296_u64))["result"], update);
        assert_eq!(get(json!(4_294_967_295_u64))["result"], update);
    }
    assert_eq!(get(json!(1))["result"]["updateData"], "one");
    assert_eq!(
        message(get(json!(0))),
        "Update index should be positive non-zero number. Hence invalid parameter"
    );
    for beyond in [3, 4_294_967_294_u64, 4_294_967_297] {
        assert_eq!(
            message(get(json!(beyond))),
            "Update index is larger than total update count. Hence invalid parameter"
        );
    }
    let of = |updater: Value| {
        let params = json!({"workOrderId": "ab01", "updateIndex": 1, "updaterId": updater});
        court.ask("WorkOrderReceiptUpdateRetrieve", params)
    };
    assert_eq!(of(json!("bb"))["result"]["updateData"], "two");
    assert_eq!(of(json!("bb"))["result"]["updateCount"], 1);
    assert_eq!(
        message(of(Value::Null)),
        "Invalid data format for updaterId"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_takes_64_updates() {
    let court = Court::with_order("ab01").await;
    court.create(court.receipt("ab01"));
    for number in 0..64 {
        let update = court.update("ab01", 0, &number.to_string(), &court.creator);
        assert_eq!(court.send_update(update), done());
    }
    let update = court.update("ab01", 0, "64", &court.creator);
    assert_eq!(court.send_update(update), refused(2, "receipt.full"));
}

#[tokio::test(flavor = "multi_thread")]
async fn look_up() {
    let court = Court::open().await;
    for order in ["ab02", "ab01", "ab03"] {
        court.submit(order);
        let service = if order == "ab03" { "5f" } else { "5e" };
        let receipt = court.receipt_with(order, |p| p["workerServiceId"] = service.into());
        assert_eq!(court.create(receipt), done());
    }
    court.send_update(court.update("ab02", 3, "", &court.creator));
    let find = |criteria: Value| court.ask("WorkOrderReceiptLookUp", criteria)["result"].take();
    let found = |ids: &[&str]| {
        let last = ids.last().copied().unwrap_or("");
        json!({"totalCount": ids.len(), "lookupTag": last, "ids": ids})
    };
    assert_eq!(
        find(json!({"requesterId": "0d"})),
        found(&["ab01", "ab02", "ab03"])
    );
    assert_eq!(find(json!({"requesterId": "0D"})), found(&[]));
    assert_eq!(
        find(json!({"workerServiceId": "5e"})),
        found(&["ab01", "ab02"])
    );
    let worker = worker_id();
    assert_eq!(
        find(json!({"workerId": worker})),
        found(&["ab01", "ab02", "ab03"])
    );
    for status in [json!("3"), json!(3)] {
        assert_eq!(find(json!({"receiptStatus": status})), found(&["ab02"]));
    }
    assert_eq!(
        find(json!({"requestCreateStatus": 0})),
        found(&["ab01", "ab03"])
    );
    let both = json!({"workerServiceId": "5e", "receiptStatus": "0", "workerId": worker});
    assert_eq!(find(both), found(&["ab01"]));

    let next = |criteria: Value| court.ask("WorkOrderReceiptLookUpNext", criteria);
    let rest = next(json!({"lastLookUpTag": "ab01", "workerServiceId": "5e"}));
    assert_eq!(rest["result"], found(&["ab02"]));
    assert_eq!(next(json!({"lastLookUpTag": "ab03"}))["result"], found(&[]));
    let without = next(json!({"workerServiceId": "5e"}));
    assert_eq!(
        without["error"]["message"],
        "'lastLookUpTag' is a required property"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_an_earlier_release_has_none() {
    let court = Court::open().await;
    // As a release without receipts stored it: without a memo.
    court.door.store.submit(support::WORKER, "ab01").await;
    let receipt = court.receipt("ab01");
    assert_eq!(court.create(receipt), refused(2, "receipt.mismatch"));
}

#[tokio::test(flavor = "multi_thread")]
async fn old_receipts_are_dropped() {
    let court = Court::with_order("ab01").await;
    court.create(court.receipt("ab01"));
    let store = &court.door.store;
    let strict = sconce_listener::ListenerConfig {
        receipt_retention: Duration::ZERO,
        ..config()
    };
    let (orders, registry) = (store.orders(), store.registry.clone());
    let other = Listener::start(strict, orders, registry, support::receipts(store));
    let other = other.await.unwrap();
    let asked = call("WorkOrderReceiptRetrieve", json!({"workOrderId": "ab01"}));
    support::platform::until(async || {
        let reply = Client::connect(other.address()).post(&asked.to_string());
        reply.json()["error"]["data"]["reason"] == "receipt.unknown"
    })
    .await;
}
