//! A store that fails, as far as the listener can tell.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::sync::Arc;

use protocol::SystemEntropy;
use protocol::crypto::secp256k1::SigningKey;
use protocol::hash::of_submit;
use protocol::json::Members;
use protocol::methods::submit::Submit;
use protocol::receipt::{Draft, ReceiptStatus};
use receipts::Receipts;
use sconce_listener::Listener;
use serde_json::Value;
use support::http::{Client, Reply};
use support::platform::Store;
use support::platform::faulty::{Call, Fault, Faults, Faulty};
use support::{call, config, get_result, receipts, record, submit, worker_id};

struct Fixture {
    faulty: Arc<Faulty>,
    listener: Listener,
    _store: Store,
}

impl Fixture {
    async fn new() -> anyhow::Result<Self> {
        let store = Store::new();
        let registry = store.registry.clone();
        registry.register(&worker_id(), &record()).await?;
        let faulty = Faults::between(&store.engine);
        let receipts = Receipts::new(faulty.clone());
        let listener = Listener::start(config(), faulty.clone(), registry, receipts).await?;
        Ok(Self {
            faulty,
            listener,
            _store: store,
        })
    }

    /// Posts while such calls fail.
    fn post(&self, call: Call, faults: &[Fault], body: &Value) -> Reply {
        self.faulty.meddler().plan(call, faults);
        self.send(body)
    }

    fn send(&self, body: &Value) -> Reply {
        Client::connect(self.listener.address()).post(&body.to_string())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn submits_are_repeated_and_never_taken_for_replays() -> anyhow::Result<()> {
    let f = Fixture::new().await?;
    let accepted = (5, "order.pending".to_owned());
    let some = [
        vec![Fault::AnswerLost],
        vec![Fault::Unavailable],
        vec![Fault::AnswerLost, Fault::AnswerLost, Fault::AnswerLost],
        vec![Fault::AnswerLost, Fault::Unavailable],
        vec![Fault::Unavailable, Fault::AnswerLost],
    ];
    for (number, faults) in some.iter().enumerate() {
        let body = submit(&format!("ab{number:02x}"));
        assert_eq!(
            f.post(Call::Submit, faults, &body).error(),
            accepted,
            "{number}"
        );
        // The next with the same text is another's.
        assert_eq!(
            f.post(Call::Submit, &[], &body).error(),
            (2, "order.taken".to_owned())
        );
    }
    let again = f.post(Call::Submit, &[Fault::Unavailable], &submit("ab00"));
    assert_eq!(again.error(), (2, "order.taken".to_owned()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_is_said() -> anyhow::Result<()> {
    let f = Fixture::new().await?;
    let cases = [
        (vec![Fault::Refused], (8, "busy".to_owned())),
        (vec![Fault::Unavailable; 9], (8, "busy".to_owned())),
    ];
    for (faults, expected) in cases {
        let reply = f.post(Call::Submit, &faults, &submit("ab01"));
        assert_eq!(reply.error(), expected);
        assert_eq!(reply.json()["error"]["data"]["workOrderId"], "ab01");
    }
    // None of that has taken the id.
    assert_eq!(f.post(Call::Submit, &[], &submit("ab01")).error().0, 5);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_been_stored_is_not_called_busy() -> anyhow::Result<()> {
    let f = Fixture::new().await?;
    let mut faults = vec![Fault::Unavailable; 9];
    faults[0] = Fault::AnswerLost;
    let reply = f.post(Call::Submit, &faults, &submit("ab01"));
    assert_eq!(reply.error(), (10, "internal".to_owned()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_says_to_come_again() -> anyhow::Result<()> {
    let store = Store::with_room_for(1);
    let registry = store.registry.clone();
    registry.register(&worker_id(), &record()).await?;
    let listener = Listener::start(config(), store.orders(), registry, receipts(&store)).await?;
    let post = |order| Client::connect(listener.address()).post(&submit(order).to_string());
    assert_eq!(post("ab01").error().0, 5);
    let full = post("ab02");
    assert_eq!(full.error(), (8, "busy".to_owned()));
    assert_eq!(full.json()["error"]["data"]["workOrderId"], "ab02");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_asked_for_again() -> anyhow::Result<()> {
    let f = Fixture::new().await?;
    f.post(Call::Submit, &[], &submit("ab01"));
    // The first look waits for the result, the others only look.
    let ask = |looks: usize| {
        let calls = std::iter::once(Call::Wait).chain(std::iter::repeat_n(Call::Get, looks));
        let plan = calls.map(|call| (call, Fault::Unavailable));
        f.faulty.meddler().plan_each(plan);
        f.send(&get_result("ab01")).error()
    };
    assert_eq!(ask(1), (5, "order.pending".to_owned()));
    assert_eq!(ask(9), (10, "internal".to_owned()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_waits_for_a_store_that_comes_back() -> anyhow::Result<()> {
    let f = Fixture::new().await?;
    f.post(Call::Submit, &[], &submit("ab01"));
    let receipt = receipt("ab01");
    for call in [Call::Memo, Call::TableGet, Call::Commit] {
        let busy = f.post(call, &[Fault::Unavailable; 9], &receipt);
        assert_eq!(busy.error(), (8, "busy".to_owned()));
    }
    let lost = [Fault::AnswerLost, Fault::Unavailable];
    let open = f.post(Call::Commit, &[lost, lost].concat(), &receipt);
    assert_eq!(
        open.error(),
        (0, String::new()),
        "its own receipt is no other's"
    );
    let again = f.post(Call::Memo, &[Fault::Unavailable; 2], &receipt);
    assert_eq!(again.error(), (2, "receipt.taken".to_owned()));
    Ok(())
}

/// A request that creates the receipt of what [`submit`] makes.
fn receipt(order: &str) -> Value {
    let params = submit(order)["params"].to_string();
    let params = Members::parse(&params).unwrap();
    let submitted = Submit::parse(&params).unwrap();
    let draft = Draft {
        work_order_id: &submitted.work_order_id,
        worker_id: &submitted.worker_id,
        requester_id: &submitted.requester_id,
        request_hash: of_submit(&submitted),
        status: ReceiptStatus::Pending,
    };
    let entropy = SystemEntropy::new();
    let key = SigningKey::generate(&entropy).unwrap();
    let receipt = draft.sign(&key, &entropy).unwrap();
    call(
        "WorkOrderReceiptCreate",
        serde_json::to_value(receipt).unwrap(),
    )
}
