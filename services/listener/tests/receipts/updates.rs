//! Updates of receipts.

use serde_json::{Value, json};

use crate::court::{Court, done, ended_well, key, refused, response_hash};
use crate::support::get_result;

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
