//! The embedded engine, but for calls that are made to fail.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use store::{
    Capabilities, Completed, Completion, Counts, Error, Held, Lease, OrderId, Orders, PartitionId,
    State, Submission, Submitted, Token,
};

/// Which call fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Submit,
    Claim,
    Extend,
    Release,
    Complete,
    /// `get` and `wait`.
    Read,
}

/// What goes wrong with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It's performed, and the answer lost.
    AnswerLost,
    /// It isn't performed.
    Unavailable,
    /// It isn't performed and never will be.
    Refused,
}

/// See the module.
pub(crate) struct Faulty {
    inner: Arc<dyn Orders>,
    faults: Mutex<VecDeque<(Call, Fault)>>,
}

impl Faulty {
    pub(crate) fn new(inner: Arc<dyn Orders>) -> Arc<Self> {
        let faults = Mutex::default();
        Arc::new(Self { inner, faults })
    }

    /// The next calls of this kind fail so, one after the other; earlier plans are dropped.
    pub(crate) fn plan(&self, call: Call, faults: &[Fault]) {
        let faults = faults.iter().map(|fault| (call, *fault)).collect();
        *self.faults.lock().unwrap() = faults;
    }

    /// Whether all that was planned has happened.
    pub(crate) fn is_spent(&self) -> bool {
        self.faults.lock().unwrap().is_empty()
    }

    async fn perform<T>(
        &self,
        call: Call,
        performance: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            let planned = faults.front().is_some_and(|(planned, _)| *planned == call);
            planned.then(|| faults.pop_front()).flatten()
        };
        match fault {
            None => performance.await,
            Some((_, Fault::AnswerLost)) => {
                performance.await?;
                Err(Error::Unknown("a test".to_owned()))
            }
            Some((_, Fault::Unavailable)) => Err(Error::Unavailable("a test".to_owned())),
            Some((_, Fault::Refused)) => Err(store::Reason::KeyTwice.into()),
        }
    }
}

#[async_trait::async_trait]
impl Orders for Faulty {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn submit(&self, submission: Submission) -> Result<Submitted, Error> {
        self.perform(Call::Submit, self.inner.submit(submission))
            .await
    }

    async fn claim(
        &self,
        partition: &PartitionId,
        limit: usize,
        lease: Duration,
        wait: Duration,
    ) -> Result<Vec<Lease>, Error> {
        let claim = self.inner.claim(partition, limit, lease, wait);
        self.perform(Call::Claim, claim).await
    }

    async fn extend(&self, order: &OrderId, token: Token, lease: Duration) -> Result<Held, Error> {
        let extend = self.inner.extend(order, token, lease);
        self.perform(Call::Extend, extend).await
    }

    async fn release(
        &self,
        order: &OrderId,
        token: Token,
        delay: Duration,
        counts: bool,
    ) -> Result<Held, Error> {
        let release = self.inner.release(order, token, delay, counts);
        self.perform(Call::Release, release).await
    }

    async fn complete(&self, completion: Completion) -> Result<Completed, Error> {
        self.perform(Call::Complete, self.inner.complete(completion))
            .await
    }

    async fn get(&self, order: &OrderId) -> Result<State, Error> {
        self.perform(Call::Read, self.inner.get(order)).await
    }

    async fn memo(&self, order: &OrderId) -> Result<Option<Vec<u8>>, Error> {
        self.perform(Call::Read, self.inner.memo(order)).await
    }

    async fn wait(&self, order: &OrderId, until: Duration) -> Result<State, Error> {
        self.perform(Call::Read, self.inner.wait(order, until))
            .await
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
