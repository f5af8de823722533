//! Receipts over real HTTP to a listener in this process, honest and otherwise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use protocol::SystemEntropy;
use protocol::crypto::secp256k1::SigningKey;
use protocol::ids::HexText;
use protocol::receipt::{NotVerified, ResponseId, response_text};
use sconce_client::{
    Client, Error, Order, ReceiptCriteria, ReceiptStatus, Subject, Updater, Worker, WorkerId,
};
use serde_json::{Value, json};
use support::{Fake, Listener, WORKER};

fn key() -> SigningKey {
    SigningKey::generate(&SystemEntropy::new()).unwrap()
}

/// A requester with an order that the listener has finished.
struct Requester {
    client: Client,
    worker: Worker,
    pending: sconce_client::Pending,
    subject: Subject,
    key: SigningKey,
}

impl Requester {
    async fn of(listener: &Listener) -> Self {
        let client = Client::connect(&listener.uri).unwrap();
        let worker = client
            .unverified_worker(&WorkerId::from_name(WORKER))
            .await
            .unwrap();
        let order = Order::new(&worker, "python-hello").input("Mujtaba");
        let sealed = order.seal().unwrap();
        assert!(client.post(&sealed).await.unwrap().is_none());
        Self {
            subject: Subject::of(&sealed),
            pending: sealed.pending,
            client,
            worker,
            key: key(),
        }
    }

    async fn create(&self) -> Result<(), Error> {
        let status = ReceiptStatus::Pending;
        let created = self.client.create_receipt(&self.subject, status, &self.key);
        created.await.map(|_| ())
    }

    async fn update(&self, status: ReceiptStatus, data: &str, key: &SigningKey) {
        let updater = HexText::from(&self.subject.requester_id);
        let id = &self.subject.work_order_id;
        let update = self.client.update_receipt(id, &updater, status, data, key);
        update.await.unwrap();
    }

    async fn read(&self) -> Result<sconce_client::CheckedReceipt, Error> {
        let id = &self.subject.work_order_id;
        let pinned = self
            .client
            .receipt(id, Some(self.worker.verification_key()));
        let pinned = pinned.await?;
        // The record has the same key.
        let recorded = self.client.receipt(id, None).await?;
        assert_eq!(pinned.updates().len(), recorded.updates().len());
        Ok(pinned)
    }
}

#[tokio::test]
async fn a_receipt_is_read_back_with_its_updates() {
    let listener = Fake::default().start();
    let requester = Requester::of(&listener).await;
    requester.create().await.unwrap();
    let read = requester.read().await.unwrap();
    assert!(read.key().is_same_key(&requester.key.verifying_key()));
    assert_eq!(read.differs_from(&requester.subject), None);
    assert_eq!(
        (read.status(), read.updates().len()),
        (ReceiptStatus::Pending, 0)
    );

    requester
        .update(ReceiptStatus::Failed, "x", &requester.key)
        .await;
    let hash = requester
        .client
        .response_hash(&requester.pending)
        .await
        .unwrap();
    requester
        .update(ReceiptStatus::Completed, &hash, support::worker_key())
        .await;
    let read = requester.read().await.unwrap();
    assert_eq!(read.status(), ReceiptStatus::Completed);
    let updaters: Vec<_> = read.updates().map(|(updater, _)| updater).collect();
    assert_eq!(updaters, [Updater::Creator, Updater::Worker]);

    let again = requester.create().await.unwrap_err();
    assert!(again.to_string().contains("receipt.taken"), "{again}");
    let mut other = requester.subject.clone();
    other.request_hash[0] ^= 1;
    assert_eq!(read.differs_from(&other), Some("workOrderRequestHash"));
}

#[tokio::test]
async fn the_response_hash_is_of_a_verified_answer() {
    let listener = Fake::default().start();
    let requester = Requester::of(&listener).await;
    let hash = requester
        .client
        .response_hash(&requester.pending)
        .await
        .unwrap();
    let params = json!({ "workOrderId": requester.subject.work_order_id });
    let result: Box<serde_json::value::RawValue> = requester
        .client
        .call("WorkOrderGetResult", &params)
        .await
        .unwrap();
    let text = response_text(ResponseId::Null, &result);
    assert!(text.starts_with("{\n    \"jsonrpc\": \"2.0\",\n    \"id\": null,\n    \"result\": {"));
    let digest = protocol::crypto::sha256(&[text.as_bytes()]);
    assert_eq!(hash, hex::encode_upper(digest));

    let liar = Fake {
        edit_reply: Box::new(|reply| reply["result"]["workerNonce"] = "AAAA".into()),
        ..Fake::default()
    };
    let requester = Requester::of(&liar.start()).await;
    let refused = requester.client.response_hash(&requester.pending).await;
    assert!(matches!(refused, Err(Error::NotVerified { .. })));
    let slow = Fake {
        pending: 9,
        ..Fake::default()
    };
    let requester = Requester::of(&slow.start()).await;
    let refused = requester.client.response_hash(&requester.pending).await;
    assert!(matches!(refused, Err(Error::NotFinished { .. })));
}

type Spoil = fn(&mut Value);

/// What becomes of a good receipt with two updates that a listener spoils.
async fn spoiled(spoil: Spoil) -> Result<(), Error> {
    let listener = Fake {
        edit_receipt: Box::new(spoil),
        ..Fake::default()
    };
    let requester = Requester::of(&listener.start()).await;
    requester.create().await.unwrap();
    requester
        .update(ReceiptStatus::Failed, "one", &requester.key)
        .await;
    requester
        .update(ReceiptStatus::Rejected, "two", &requester.key)
        .await;
    requester.read().await.map(|_| ())
}

#[tokio::test]
async fn a_listener_cannot_make_receipts_up() {
    spoiled(|_| ()).await.unwrap();
    let forgeries: [Spoil; 6] = [
        |reply| set(reply, "receiptCreateStatus", 4.into()),
        |reply| set(reply, "workOrderRequestHash", "AAAA".into()),
        |reply| set(reply, "requesterSignature", "AAAA".into()),
        |reply| {
            set(
                reply,
                "receiptVerificationKey",
                key().verifying_key().pem().into(),
            )
        },
        |reply| set(reply, "updateData", "other".into()),
        |reply| set(reply, "updateSignature", "AAAA".into()),
    ];
    for (n, spoil) in forgeries.into_iter().enumerate() {
        let error = spoiled(spoil).await.unwrap_err();
        assert!(matches!(error, Error::Receipt { .. }), "{n}: {error}");
    }
    let contradictions: [Spoil; 4] = [
        |reply| set(reply, "workOrderId", "ab".into()),
        |reply| set(reply, "receiptCurrentStatus", 1.into()),
        // The last one kept back.
        |reply| set(reply, "updateCount", 1.into()),
        // Said to have none.
        |reply| {
            if reply["result"].get("updateCount").is_some() {
                *reply = json!({"error": {"code": 2, "message": "none"}});
            }
        },
    ];
    for (n, spoil) in contradictions.into_iter().enumerate() {
        let error = spoiled(spoil).await.unwrap_err();
        assert!(
            matches!(error, Error::InconsistentReceipt { .. }),
            "{n}: {error}"
        );
    }
}

/// Changes a member where there is one.
fn set(reply: &mut Value, name: &str, value: Value) {
    if let Some(found) = reply["result"]
        .as_object_mut()
        .and_then(|r| r.get_mut(name))
    {
        *found = value;
    }
}

#[tokio::test]
async fn strangers_updates_are_refused() {
    let requester = Requester::of(&Fake::default().start()).await;
    requester.create().await.unwrap();
    requester.update(ReceiptStatus::Failed, "", &key()).await;
    let error = requester.read().await.unwrap_err();
    let Error::Receipt { source, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(source, NotVerified::ForeignKey);
}

#[tokio::test]
async fn statuses_that_cannot_follow_are_refused() {
    let requester = Requester::of(&Fake::default().start()).await;
    requester.create().await.unwrap();
    for status in [ReceiptStatus::Completed, ReceiptStatus::Failed] {
        requester.update(status, "", &requester.key).await;
    }
    let error = requester.read().await.unwrap_err();
    assert!(
        matches!(error, Error::InconsistentReceipt { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn look_up_goes_through_all_pages() {
    let listener = Fake::default().start();
    let client = Client::connect(&listener.uri).unwrap();
    let mut ids = Vec::new();
    for _ in 0..7 {
        let requester = Requester::of(&listener).await;
        requester.create().await.unwrap();
        ids.push(requester.subject.work_order_id);
    }
    ids.sort();
    let criteria = ReceiptCriteria {
        worker_id: Some(WorkerId::from_name(WORKER)),
        receipt_status: Some(ReceiptStatus::Pending),
        ..ReceiptCriteria::default()
    };
    assert_eq!(client.receipts(&criteria).await.unwrap(), ids);
    let asked = &listener.calls_of("WorkOrderReceiptLookUp")[0];
    assert_eq!(asked["receiptStatus"], "0");
    let criteria = ReceiptCriteria {
        worker_id: Some(WorkerId::from_name("another")),
        ..ReceiptCriteria::default()
    };
    assert!(client.receipts(&criteria).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_look_up_that_never_ends_ends() {
    let listener = Fake {
        edit_receipt: Box::new(|reply| {
            *reply = json!({"result": {"totalCount": 9, "lookupTag": "ab", "ids": ["ab"]}});
        }),
        ..Fake::default()
    };
    let client = Client::connect(&listener.start().uri).unwrap();
    let criteria = ReceiptCriteria {
        receipt_status: Some(ReceiptStatus::Failed),
        ..ReceiptCriteria::default()
    };
    assert_eq!(client.receipts(&criteria).await.unwrap().len(), 1);
}
