//! A connection to an engine on which calls fare as somebody decides.

use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::Handle;
use crate::{
    Capabilities, Committed, Completed, Completion, Counts, Cursor, Error, Held, Key, Lease,
    OrderId, Orders, Page, PartitionId, Row, State, Submission, Submitted, Table, Token, Write,
};

/// Which operation is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the operations")]
pub enum Call {
    Submit,
    Claim,
    Extend,
    Release,
    Complete,
    Get,
    Memo,
    Wait,
    Expire,
    Evict,
    ForgetMarks,
    Counts,
    TableGet,
    Scan,
    Commit,
    Time,
}

impl Call {
    /// Whether a caller can make it twice and not notice: the answers to the first and the second
    /// are worth the same, or the second changes nothing.
    pub fn is_doubled_unseen(self) -> bool {
        use Call::{Complete, Extend, Release, Submit};
        matches!(self, Submit | Extend | Release | Complete)
    }
}

/// How a call fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// How often it is performed.
    pub times: usize,
    /// What its caller is told in place of the first answer.
    pub error: Option<Error>,
}

impl Fate {
    /// As it should be.
    pub const GOOD: Self = Self {
        times: 1,
        error: None,
    };

    /// It is performed, and nobody learns what came of it.
    pub fn answer_lost() -> Self {
        Self {
            times: 1,
            error: Some(Error::Unknown("the answer got lost".into())),
        }
    }

    /// It is not performed.
    pub fn failed(error: impl Into<Error>) -> Self {
        Self {
            times: 0,
            error: Some(error.into()),
        }
    }
}

/// Decides how calls fare.
pub trait Meddler: Send + Sync {
    /// How the next call fares.
    fn fate(&self, call: Call) -> Fate;

    /// Whether those who wait are woken; if not they have to look again each
    /// [`Capabilities::poll`].
    fn wakes(&self) -> bool {
        true
    }
}

/// Forwards every call to an engine, as its [`Meddler`] wants it.
pub struct Between<M> {
    inner: Handle,
    meddler: M,
}

impl<M: Meddler> Between<M> {
    /// Comes between an engine and its callers.
    pub fn new(inner: Handle, meddler: M) -> Self {
        Self { inner, meddler }
    }

    /// Who decides.
    pub fn meddler(&self) -> &M {
        &self.meddler
    }

    async fn forward<T, F: Future<Output = Result<T, Error>>>(
        &self,
        call: Call,
        perform: impl Fn() -> F,
    ) -> Result<T, Error> {
        let Fate { times, error } = self.meddler.fate(call);
        let mut first = None;
        for _ in 0..times {
            let answer = perform().await?;
            first.get_or_insert(answer);
        }
        match (error, first) {
            (Some(error), _) => Err(error),
            (None, Some(answer)) => Ok(answer),
            (None, None) => Err(Error::Unavailable("the call went nowhere".into())),
        }
    }

    /// Calls again and again, as who is never woken has to, until `done` or the time is up.
    async fn look<T, F: Future<Output = Result<T, Error>>>(
        &self,
        time: Duration,
        perform: impl Fn() -> F,
        done: impl Fn(&T) -> bool,
    ) -> Result<T, Error> {
        let begin = Instant::now();
        loop {
            let answer = perform().await?;
            let left = time.saturating_sub(begin.elapsed());
            if done(&answer) || left.is_zero() {
                return Ok(answer);
            }
            tokio::time::sleep(left.min(self.capabilities().poll)).await;
        }
    }
}

#[async_trait]
impl<M: Meddler> Orders for Between<M> {
    fn capabilities(&self) -> Capabilities {
        self.inner.orders.capabilities()
    }

    async fn submit(&self, submission: Submission) -> Result<Submitted, Error> {
        let orders = &self.inner.orders;
        self.forward(Call::Submit, || orders.submit(submission.clone()))
            .await
    }

    async fn claim(
        &self,
        partition: &PartitionId,
        limit: usize,
        lease: Duration,
        wait: Duration,
    ) -> Result<Vec<Lease>, Error> {
        let orders = &self.inner.orders;
        let now = Duration::ZERO;
        if self.meddler.wakes() {
            let claim = || orders.claim(partition, limit, lease, wait);
            return self.forward(Call::Claim, claim).await;
        }
        let claim = || orders.claim(partition, limit, lease, now);
        let look = || self.look(wait, claim, |leases| !leases.is_empty());
        self.forward(Call::Claim, look).await
    }

    async fn extend(&self, order: &OrderId, token: Token, lease: Duration) -> Result<Held, Error> {
        let orders = &self.inner.orders;
        self.forward(Call::Extend, || orders.extend(order, token, lease))
            .await
    }

    async fn release(
        &self,
        order: &OrderId,
        token: Token,
        delay: Duration,
        counts: bool,
    ) -> Result<Held, Error> {
        let orders = &self.inner.orders;
        let release = || orders.release(order, token, delay, counts);
        self.forward(Call::Release, release).await
    }

    async fn complete(&self, completion: Completion) -> Result<Completed, Error> {
        let orders = &self.inner.orders;
        self.forward(Call::Complete, || orders.complete(completion.clone()))
            .await
    }

    async fn get(&self, order: &OrderId) -> Result<State, Error> {
        self.forward(Call::Get, || self.inner.orders.get(order))
            .await
    }

    async fn memo(&self, order: &OrderId) -> Result<Option<Vec<u8>>, Error> {
        self.forward(Call::Memo, || self.inner.orders.memo(order))
            .await
    }

    async fn wait(&self, order: &OrderId, until: Duration) -> Result<State, Error> {
        let orders = &self.inner.orders;
        if self.meddler.wakes() {
            let wait = || orders.wait(order, until);
            return self.forward(Call::Wait, wait).await;
        }
        let ended = |state: &State| !matches!(state, State::Queued | State::Leased);
        let look = || self.look(until, || orders.get(order), ended);
        self.forward(Call::Wait, look).await
    }

    async fn expire(
        &self,
        partition: &PartitionId,
        older_than: Duration,
        result: &[u8],
        limit: usize,
    ) -> Result<usize, Error> {
        let orders = &self.inner.orders;
        let expire = || orders.expire(partition, older_than, result, limit);
        self.forward(Call::Expire, expire).await
    }

    async fn evict(&self, finished_for: Duration, limit: usize) -> Result<usize, Error> {
        let orders = &self.inner.orders;
        self.forward(Call::Evict, || orders.evict(finished_for, limit))
            .await
    }

    async fn forget_marks(
        &self,
        partition: &PartitionId,
        older_than: Duration,
        limit: usize,
    ) -> Result<usize, Error> {
        let orders = &self.inner.orders;
        let forget = || orders.forget_marks(partition, older_than, limit);
        self.forward(Call::ForgetMarks, forget).await
    }

    async fn counts(&self) -> Result<Counts, Error> {
        self.forward(Call::Counts, || self.inner.orders.counts())
            .await
    }
}

#[async_trait]
impl<M: Meddler> Table for Between<M> {
    async fn get(&self, partition: &PartitionId, key: &Key) -> Result<Option<Row>, Error> {
        let table = &self.inner.table;
        self.forward(Call::TableGet, || table.get(partition, key))
            .await
    }

    async fn scan(
        &self,
        partition: &PartitionId,
        prefix: &[u8],
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, Error> {
        let table = &self.inner.table;
        let scan = || table.scan(partition, prefix, cursor, limit);
        self.forward(Call::Scan, scan).await
    }

    async fn commit(&self, partition: &PartitionId, batch: Vec<Write>) -> Result<Committed, Error> {
        let table = &self.inner.table;
        let commit = || table.commit(partition, batch.clone());
        self.forward(Call::Commit, commit).await
    }

    async fn time(&self) -> Result<Duration, Error> {
        self.forward(Call::Time, || self.inner.table.time()).await
    }
}
