//! A store that fails, as far as the listener can tell.

mod support;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sconce_listener::Listener;
use store::{
    Capabilities, Completed, Completion, Counts, Error, Held, Lease, OrderId, Orders, PartitionId,
    State, Submission, Submitted, Token,
};
use support::http::{Client, Reply};
use support::platform::Store;
use support::{config, get_result, record, submit, worker_id};

/// What goes wrong with one call.
#[derive(Clone, Copy)]
enum Fault {
    /// It's performed, and the answer lost.
    AnswerLost,
    /// It isn't performed.
    Unavailable,
    /// The store is full.
    Full,
    /// It isn't performed and never will be.
    Refused,
}

/// The embedded engine, but for the next few calls.
struct Faulty {
    inner: Arc<dyn Orders>,
    faults: Mutex<VecDeque<Fault>>,
}

impl Faulty {
    fn next(&self) -> Option<Fault> {
        self.faults.lock().ok()?.pop_front()
    }
}

fn unavailable() -> Error {
    Error::Unavailable("a test".to_owned())
}

#[async_trait::async_trait]
impl Orders for Faulty {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn submit(&self, submission: Submission) -> Result<Submitted, Error> {
        match self.next() {
            None => self.inner.submit(submission).await,
            Some(Fault::AnswerLost) => {
                self.inner.submit(submission).await?;
                Err(Error::Unknown("a test".to_owned()))
            }
            Some(Fault::Unavailable) => Err(unavailable()),
            Some(Fault::Full) => Ok(Submitted::Full),
            Some(Fault::Refused) => Err(store::Reason::KeyTwice.into()),
        }
    }

    async fn claim(
        &self,
        partition: &PartitionId,
        limit: usize,
        lease: Duration,
        wait: Duration,
    ) -> Result<Vec<Lease>, Error> {
        self.inner.claim(partition, limit, lease, wait).await
    }

    async fn extend(&self, order: &OrderId, token: Token, lease: Duration) -> Result<Held, Error> {
        self.inner.extend(order, token, lease).await
    }

    async fn release(
        &self,
        order: &OrderId,
        token: Token,
        delay: Duration,
        counts: bool,
    ) -> Result<Held, Error> {
        self.inner.release(order, token, delay, counts).await
    }

    async fn complete(&self, completion: Completion) -> Result<Completed, Error> {
        self.inner.complete(completion).await
    }

    async fn get(&self, order: &OrderId) -> Result<State, Error> {
        match self.next() {
            None => self.inner.get(order).await,
            Some(_) => Err(unavailable()),
        }
    }

    async fn wait(&self, order: &OrderId, until: Duration) -> Result<State, Error> {
        match self.next() {
            None => self.inner.wait(order, until).await,
            Some(_) => Err(unavailable()),
        }
    }

    async fn expire(
        &self,
        partition: &PartitionId,
        older_than: Duration,
        result: &[u8],
        limit: usize,
    ) -> Result<usize, Error> {
        self.inner
            .expire(partition, older_than, result, limit)
            .await
    }

    async fn evict(&self, finished_for: Duration, limit: usize) -> Result<usize, Error> {
        self.inner.evict(finished_for, limit).await
    }

    async fn forget_marks(
        &self,
        partition: &PartitionId,
        older_than: Duration,
        limit: usize,
    ) -> Result<usize, Error> {
        self.inner.forget_marks(partition, older_than, limit).await
    }

    async fn counts(&self) -> Result<Counts, Error> {
        self.inner.counts().await
    }
}

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
        let faulty = Arc::new(Faulty {
            inner: store.orders(),
            faults: Mutex::default(),
        });
        let listener = Listener::start(config(), faulty.clone(), registry).await?;
        Ok(Self {
            faulty,
            listener,
            _store: store,
        })
    }

    /// Posts while these faults come, one a call.
    fn post(&self, faults: &[Fault], body: &serde_json::Value) -> Reply {
        if let Ok(mut queue) = self.faulty.faults.lock() {
            *queue = faults.iter().copied().collect();
        }
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
        assert_eq!(f.post(faults, &body).error(), accepted, "{number}");
        // The next with the same text is another's.
        assert_eq!(f.post(&[], &body).error(), (2, "order.taken".to_owned()));
    }
    let again = f.post(&[Fault::Unavailable], &submit("ab00"));
    assert_eq!(again.error(), (2, "order.taken".to_owned()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_is_said() -> anyhow::Result<()> {
    let f = Fixture::new().await?;
    let cases = [
        (vec![Fault::Full], (8, "busy".to_owned())),
        (vec![Fault::Refused], (8, "busy".to_owned())),
        (vec![Fault::Unavailable; 9], (10, "internal".to_owned())),
    ];
    for (faults, expected) in cases {
        let reply = f.post(&faults, &submit("ab01"));
        assert_eq!(reply.error(), expected);
        assert_eq!(reply.json()["error"]["data"]["workOrderId"], "ab01");
    }
    // None of that has taken the id.
    assert_eq!(f.post(&[], &submit("ab01")).error().0, 5);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_asked_for_again() -> anyhow::Result<()> {
    let f = Fixture::new().await?;
    f.post(&[], &submit("ab01"));
    let twice = f.post(&[Fault::Unavailable; 2], &get_result("ab01"));
    assert_eq!(twice.error(), (5, "order.pending".to_owned()));
    let always = f.post(&[Fault::Unavailable; 9], &get_result("ab01"));
    assert_eq!(always.error(), (10, "internal".to_owned()));
    Ok(())
}
