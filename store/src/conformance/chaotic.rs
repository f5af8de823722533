//! A bad connection to a good engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::{Factory, Handle, Limits, Store};
use crate::{
    Capabilities, Committed, Completed, Completion, Counts, Cursor, Error, Held, Key, Lease,
    OrderId, Orders, Page, PartitionId, Row, State, Submission, Submitted, Table, Token, Write,
};

/// Wraps a [`Factory`] so that its stores behave as badly as the interfaces allow.
///
/// Wake-ups never arrive: whoever waits has to look again each [`Capabilities::poll`]. Calls that
/// are idempotent are performed twice, as if a network had doubled them. If it is
/// [`forgetful`](Self::forgetful), answers get lost as well: the call is performed, and its caller
/// learns [`Error::Unknown`]. What happens to which call follows from a seed.
pub struct Chaotic<F> {
    factory: F,
    seed: u64,
    forgetful: bool,
}

impl<F: Factory> Chaotic<F> {
    /// Doubles calls and drops wake-ups. The whole suite has to pass.
    pub fn doubling(factory: F, seed: u64) -> Self {
        Self {
            factory,
            seed,
            forgetful: false,
        }
    }

    /// Loses answers too. [`every_order_ends_once`](super::every_order_ends_once) has to pass;
    /// other cases say exactly what the answer has to be, which nobody can who did not get it.
    pub fn forgetful(factory: F, seed: u64) -> Self {
        Self {
            factory,
            seed,
            forgetful: true,
        }
    }
}

#[async_trait]
impl<F: Factory> Factory for Chaotic<F> {
    async fn create(&self, limits: Limits) -> Box<dyn Store> {
        Box::new(ChaoticStore {
            store: self.factory.create(limits).await,
            luck: Arc::new(AtomicU64::new(self.seed)),
            forgetful: self.forgetful,
        })
    }
}

struct ChaoticStore {
    store: Box<dyn Store>,
    luck: Arc<AtomicU64>,
    forgetful: bool,
}

#[async_trait]
impl Store for ChaoticStore {
    async fn open(&self) -> Handle {
        let handle = Arc::new(ChaoticHandle {
            inner: self.store.open().await,
            luck: Arc::clone(&self.luck),
            forgetful: self.forgetful,
        });
        Handle {
            orders: handle.clone(),
            table: handle,
        }
    }
}

struct ChaoticHandle {
    inner: Handle,
    luck: Arc<AtomicU64>,
    forgetful: bool,
}

impl ChaoticHandle {
    /// True one time in `odds`.
    fn strikes(&self, odds: u64) -> bool {
        // splitmix64: a number for each call, whoever makes it.
        let step = 0x9e37_79b9_7f4a_7c15;
        let mut word = self.luck.fetch_add(step, Ordering::Relaxed);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)).is_multiple_of(odds)
    }

    /// Whether to make an idempotent call a second time.
    fn doubles(&self) -> bool {
        self.strikes(2)
    }

    /// Loses an answer on its way.
    fn carry<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        if self.forgetful && self.strikes(4) {
            return Err(Error::Unknown("the answer got lost".into()));
        }
        answer
    }
}

#[async_trait]
impl Orders for ChaoticHandle {
    fn capabilities(&self) -> Capabilities {
        self.inner.orders.capabilities()
    }

    async fn submit(&self, submission: Submission) -> Result<Submitted, Error> {
        let answer = self.inner.orders.submit(submission.clone()).await;
        if self.doubles() {
            self.inner.orders.submit(submission).await?;
        }
        self.carry(answer)
    }

    async fn claim(
        &self,
        partition: &PartitionId,
        limit: usize,
        lease: Duration,
        wait: Duration,
    ) -> Result<Vec<Lease>, Error> {
        let begin = Instant::now();
        let now = Duration::ZERO;
        loop {
            let claim = self.inner.orders.claim(partition, limit, lease, now);
            let leases = claim.await?;
            let left = wait.saturating_sub(begin.elapsed());
            if !leases.is_empty() || left.is_zero() {
                return self.carry(Ok(leases));
            }
            tokio::time::sleep(left.min(self.capabilities().poll)).await;
        }
    }

    async fn extend(&self, order: &OrderId, token: Token, lease: Duration) -> Result<Held, Error> {
        let answer = self.inner.orders.extend(order, token, lease).await;
        if self.doubles() {
            self.inner.orders.extend(order, token, lease).await?;
        }
        self.carry(answer)
    }

    async fn release(
        &self,
        order: &OrderId,
        token: Token,
        delay: Duration,
        counts: bool,
    ) -> Result<Held, Error> {
        let orders = &self.inner.orders;
        let answer = orders.release(order, token, delay, counts).await;
        if self.doubles() {
            orders.release(order, token, delay, counts).await?;
        }
        self.carry(answer)
    }

    async fn complete(&self, completion: Completion) -> Result<Completed, Error> {
        let answer = self.inner.orders.complete(completion.clone()).await;
        if self.doubles() {
            self.inner.orders.complete(completion).await?;
        }
        self.carry(answer)
    }

    async fn get(&self, order: &OrderId) -> Result<State, Error> {
        self.carry(self.inner.orders.get(order).await)
    }

    async fn memo(&self, order: &OrderId) -> Result<Option<Vec<u8>>, Error> {
        self.carry(self.inner.orders.memo(order).await)
    }

    async fn wait(&self, order: &OrderId, until: Duration) -> Result<State, Error> {
        let begin = Instant::now();
        loop {
            let state = self.inner.orders.get(order).await?;
            let left = until.saturating_sub(begin.elapsed());
            if !matches!(state, State::Queued | State::Leased) || left.is_zero() {
                return self.carry(Ok(state));
            }
            tokio::time::sleep(left.min(self.capabilities().poll)).await;
        }
    }

    async fn expire(
        &self,
        partition: &PartitionId,
        older_than: Duration,
        result: &[u8],
        limit: usize,
    ) -> Result<usize, Error> {
        let orders = &self.inner.orders;
        self.carry(orders.expire(partition, older_than, result, limit).await)
    }

    async fn evict(&self, finished_for: Duration, limit: usize) -> Result<usize, Error> {
        self.carry(self.inner.orders.evict(finished_for, limit).await)
    }

    async fn forget_marks(
        &self,
        partition: &PartitionId,
        older_than: Duration,
        limit: usize,
    ) -> Result<usize, Error> {
        let orders = &self.inner.orders;
        self.carry(orders.forget_marks(partition, older_than, limit).await)
    }

    async fn counts(&self) -> Result<Counts, Error> {
        self.carry(self.inner.orders.counts().await)
    }
}

#[async_trait]
impl Table for ChaoticHandle {
    async fn get(&self, partition: &PartitionId, key: &Key) -> Result<Option<Row>, Error> {
        self.carry(self.inner.table.get(partition, key).await)
    }

    async fn scan(
        &self,
        partition: &PartitionId,
        prefix: &[u8],
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, Error> {
        let scan = self.inner.table.scan(partition, prefix, cursor, limit);
        self.carry(scan.await)
    }

    async fn commit(&self, partition: &PartitionId, batch: Vec<Write>) -> Result<Committed, Error> {
        self.carry(self.inner.table.commit(partition, batch).await)
    }

    async fn time(&self) -> Result<Duration, Error> {
        self.carry(self.inner.table.time().await)
    }
}
