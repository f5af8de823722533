//! The receipts' methods, over HTTP.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod court;
#[path = "../support/mod.rs"]
mod support;
mod updates;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sconce_listener::Listener;
use serde_json::{Value, json};
use store::Orders as _;
use support::http::Client;
use support::{call, config, worker_id};

use crate::court::{Court, done, ended_well, key, refused, request_hash, response_hash};

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
