//! The embedded engine: one file, one process, every commit on disk before it is answered.
//!
//! Callers hand their operations to one writer thread, which takes all that wait, performs them
//! in one transaction, commits it with one `fsync`, and answers everyone (group commit). Reads
//! see the latest commit and run on the caller's thread: they touch a handful of pages and take
//! some microseconds (`examples/throughput.rs` prints how many), less than moving them to another
//! thread and back. Waiting calls are woken by the commit that
//! brings what they wait for; nothing polls.
//!
//! A disk that fails, or is full, fails the commits that it happens to. The writer then opens the
//! file again, as often as it takes, so that the engine goes on as soon as the disk does.

mod clock;
#[cfg(test)]
mod failures;
mod finish;
mod hints;
mod lease;
mod ledger;
mod open;
mod reader;
mod records;
mod retention;
mod schema;
mod slot;
mod submit;
mod writer;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use self::clock::{Clock, milliseconds};
use self::hints::Hints;
use self::reader::Reader;
use self::slot::Slot;
use self::writer::Writer;
use crate::{
    Capabilities, Committed, Completed, Completion, Counts, Cursor, Error, Held, Key, Lease,
    OrderId, Orders, Page, PartitionId, Reason, Row, State, Submission, Submitted, Table, Token,
    Write,
};

/// How an [`Engine`] is to behave.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most orders that are open, queued and leased together; further ones are
    /// [`Submitted::Full`].
    pub max_orders: u64,
    /// Most bytes of the bodies of open orders together; an order that would go beyond is
    /// [`Submitted::Full`]. With less than [`max_body`](Self::max_body) the largest orders are
    /// never taken.
    pub max_open_bytes: u64,
    /// Most finished orders that are kept: each further one drops the oldest in the same step.
    pub max_finished: u64,
    /// Longest id or key, in bytes.
    pub max_key: usize,
    /// Largest order body, in bytes.
    pub max_body: usize,
    /// Largest result, in bytes.
    pub max_result: usize,
    /// Largest value of a record or append, in bytes.
    pub max_value: usize,
    /// Most orders or records in one call.
    pub max_batch: usize,
    /// About the most bytes of bodies or values in one answer.
    pub max_answer: usize,
    /// Memory for pages of the file, in bytes.
    pub cache: usize,
    /// Most operations in one commit.
    pub group: usize,
    /// Most operations that wait for a commit; further callers wait for room.
    pub queue: usize,
    /// Most bytes of the operations that wait for a commit; further callers wait for room.
    pub queue_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_orders: 100_000,
            max_open_bytes: 4 << 30,
            max_finished: 1_000_000,
            max_key: 1024,
            max_body: 16 << 20,
            max_result: 16 << 20,
            max_value: 1 << 20,
            max_batch: 1024,
            max_answer: 32 << 20,
            cache: 16 << 20,
            group: 256,
            queue: 1024,
            queue_bytes: 64 << 20,
        }
    }
}

/// [`Orders`] and [`Table`] in one `redb` file.
///
/// Share it by reference or `Arc`. Dropping it performs what is still queued, closes the file and
/// frees it for another process; that takes as long as one commit.
pub struct Engine {
    shared: Arc<Shared>,
    writer: Writer,
}

/// What callers and the writer thread both use.
struct Shared {
    database: Slot,
    clock: Clock,
    options: Options,
    /// Rung when an order of the partition may have become claimable, or will at another time.
    claimable: Hints<PartitionId>,
    /// Rung when the order has ended.
    ended: Hints<OrderId>,
    /// Told of every commit.
    observer: OnceLock<Observer>,
}

/// Is told how many operations a commit had, and how long it took until it was on disk.
type Observer = Box<dyn Fn(usize, Duration) + Send + Sync>;

impl Engine {
    /// Opens the file, or creates it, readable by its owner only.
    ///
    /// # Errors
    ///
    /// [`Reason::InUse`], [`Reason::SchemaNewer`] and [`Reason::NotAStore`], each naming the file;
    /// [`Error::Unavailable`] if the file cannot be created, read or written.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        let (database, last) = open::open(&path, &options)?;
        let again = options.clone();
        let slot = Slot::new(database, move || open::reopen(&path, &again));
        Self::start(slot, last, options)
    }

    /// Calls `observer` after every commit from now on, with its number of operations and the time
    /// until it was on disk. It is called by the thread that writes, so it must be quick. Only the
    /// first one that is given counts.
    pub fn observe_commits(&self, observer: impl Fn(usize, Duration) + Send + Sync + 'static) {
        // Full means that somebody observes already.
        let _ = self.shared.observer.set(Box::new(observer));
    }

    fn start(database: Slot, last: u64, options: Options) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            database,
            clock: Clock::resume(last),
            options,
            claimable: Hints::new(),
            ended: Hints::new(),
            observer: OnceLock::new(),
        });
        let writer = Writer::start(Arc::clone(&shared))?;
        Ok(Self { shared, writer })
    }

    fn read(&self) -> Result<Reader, Error> {
        self.shared.database.with(Reader::begin)?
    }

    fn clamp(&self, limit: usize) -> usize {
        limit.min(self.shared.options.max_batch.max(1))
    }
}

fn check_key(what: &'static str, bytes: &[u8], options: &Options) -> Result<(), Error> {
    let (size, limit) = (bytes.len(), options.max_key);
    if size > limit {
        return Err(Reason::KeyTooLong { what, size, limit }.into());
    }
    Ok(())
}

fn check_size(what: &'static str, bytes: &[u8], limit: usize) -> Result<(), Error> {
    let size = bytes.len();
    if size > limit {
        return Err(Reason::TooLarge { what, size, limit }.into());
    }
    Ok(())
}

#[async_trait]
impl Orders for Engine {
    fn capabilities(&self) -> Capabilities {
        let options = &self.shared.options;
        Capabilities {
            max_key: options.max_key,
            max_body: options.max_body,
            max_result: options.max_result,
            max_value: options.max_value,
            max_batch: options.max_batch,
            max_answer: options.max_answer,
            poll: POLL,
        }
    }

    async fn submit(&self, submission: Submission) -> Result<Submitted, Error> {
        check_key(
            "the partition id",
            submission.partition.as_bytes(),
            &self.shared.options,
        )?;
        check_key(
            "the order id",
            submission.order.as_bytes(),
            &self.shared.options,
        )?;
        for replay in &submission.replays {
            check_key("a replay key", replay.as_bytes(), &self.shared.options)?;
        }
        let (size, limit) = (submission.replays.len(), Submission::MAX_REPLAYS);
        if size > limit {
            return Err(Reason::BatchTooLarge { size, limit }.into());
        }
        check_size("the body", &submission.body, self.shared.options.max_body)?;
        check_size("the memo", &submission.memo, Submission::MAX_MEMO)?;
        self.writer.call(submit::Submit(submission)).await
    }

    async fn claim(
        &self,
        partition: &PartitionId,
        limit: usize,
        lease: Duration,
        wait: Duration,
    ) -> Result<Vec<Lease>, Error> {
        let deadline = deadline(wait);
        let listener = self.shared.claimable.listen(partition);
        loop {
            let rung = listener.rung();
            let next = self.read()?.next_due(partition)?;
            let now = self.shared.clock.now();
            if limit == 0 {
                return Ok(Vec::new());
            }
            if next.is_some_and(|due| due <= now) {
                let leases = self
                    .writer
                    .call(lease::Claim {
                        partition: partition.clone(),
                        limit: self.clamp(limit),
                        lease: milliseconds(lease),
                    })
                    .await?;
                if !leases.is_empty() {
                    let now = self.shared.clock.now();
                    return Ok(leases.into_iter().map(|granted| granted.at(now)).collect());
                }
                if Instant::now() >= deadline {
                    return Ok(Vec::new());
                }
                // Somebody else was first: look again when that lease may end.
                continue;
            }
            if Instant::now() >= deadline {
                return Ok(Vec::new());
            }
            let until = next.map_or(deadline, |due| {
                deadline.min(Instant::now() + Duration::from_millis(due - now))
            });
            // Rung or time is up: either way the next look decides.
            let _ = tokio::time::timeout_at(until, rung).await;
        }
    }

    async fn extend(&self, order: &OrderId, token: Token, lease: Duration) -> Result<Held, Error> {
        let (order, lease) = (order.clone(), milliseconds(lease));
        self.writer
            .call(lease::Extend {
                order,
                token,
                lease,
            })
            .await
    }

    async fn release(
        &self,
        order: &OrderId,
        token: Token,
        delay: Duration,
        counts: bool,
    ) -> Result<Held, Error> {
        self.writer
            .call(lease::Release {
                order: order.clone(),
                token,
                delay: milliseconds(delay),
                counts,
            })
            .await
    }

    async fn complete(&self, completion: Completion) -> Result<Completed, Error> {
        let options = &self.shared.options;
        check_size("the result", &completion.result, options.max_result)?;
        let (size, limit) = (completion.appends.len(), options.max_batch);
        if size > limit {
            return Err(Reason::BatchTooLarge { size, limit }.into());
        }
        for append in &completion.appends {
            check_key(
                "the key of an append",
                append.key.as_bytes(),
                &self.shared.options,
            )?;
            check_size("an append", &append.value, options.max_value)?;
        }
        self.writer.call(finish::Complete(completion)).await
    }

    async fn get(&self, order: &OrderId) -> Result<State, Error> {
        self.read()?.state(order, self.shared.clock.now())
    }

    async fn memo(&self, order: &OrderId) -> Result<Option<Vec<u8>>, Error> {
        self.read()?.memo(order)
    }

    async fn wait(&self, order: &OrderId, until: Duration) -> Result<State, Error> {
        let deadline = deadline(until);
        let listener = self.shared.ended.listen(order);
        loop {
            let rung = listener.rung();
            let state = Orders::get(self, order).await?;
            let pending = matches!(state, State::Queued | State::Leased);
            if !pending || Instant::now() >= deadline {
                return Ok(state);
            }
            // Rung or time is up: either way the next look decides.
            let _ = tokio::time::timeout_at(deadline, rung).await;
        }
    }

    async fn expire(
        &self,
        partition: &PartitionId,
        older_than: Duration,
        result: &[u8],
        limit: usize,
    ) -> Result<usize, Error> {
        check_size("the result", result, self.shared.options.max_result)?;
        self.writer
            .call(finish::Expire {
                partition: partition.clone(),
                older_than: milliseconds(older_than),
                result: result.to_vec(),
                limit: self.clamp(limit),
            })
            .await
    }

    async fn evict(&self, finished_for: Duration, limit: usize) -> Result<usize, Error> {
        self.writer
            .call(retention::Evict {
                finished_for: milliseconds(finished_for),
                limit: self.clamp(limit),
            })
            .await
    }

    async fn forget_marks(
        &self,
        partition: &PartitionId,
        older_than: Duration,
        limit: usize,
    ) -> Result<usize, Error> {
        self.writer
            .call(retention::ForgetMarks {
                partition: partition.clone(),
                older_than: milliseconds(older_than),
                limit: self.clamp(limit),
            })
            .await
    }

    async fn counts(&self) -> Result<Counts, Error> {
        self.read()?.counts()
    }
}

#[async_trait]
impl Table for Engine {
    async fn get(&self, partition: &PartitionId, key: &Key) -> Result<Option<Row>, Error> {
        self.read()?.row(partition, key)
    }

    async fn scan(
        &self,
        partition: &PartitionId,
        prefix: &[u8],
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, Error> {
        self.read()?.page(
            partition,
            prefix,
            cursor,
            self.clamp(limit.max(1)),
            self.shared.options.max_answer,
        )
    }

    async fn commit(&self, partition: &PartitionId, batch: Vec<Write>) -> Result<Committed, Error> {
        check_key(
            "the partition id",
            partition.as_bytes(),
            &self.shared.options,
        )?;
        records::check(&batch, &self.shared.options)?;
        self.writer
            .call(records::Commit {
                partition: partition.clone(),
                batch,
            })
            .await
    }

    async fn time(&self) -> Result<Duration, Error> {
        Ok(Duration::from_millis(self.shared.clock.now()))
    }
}

/// Wake-ups come with the commit; this only leaves room for a busy machine.
const POLL: Duration = Duration::from_millis(250);

/// The moment after which a call stops waiting; centuries are cut down to a year.
fn deadline(wait: Duration) -> Instant {
    Instant::now() + wait.min(Duration::from_secs(365 * 24 * 3600))
}
