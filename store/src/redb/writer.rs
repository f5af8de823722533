//! The one thread that writes: group commit.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redb::Database;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::Shared;
use super::ledger::{self, Hint, Ledger, lock};
use super::memory::Draft;
use super::queue::{Linger, Queue};
use super::slot::out_of_order;
use crate::Error;

/// A change to the store.
pub(super) trait Operation: Send + 'static {
    /// What the caller learns once the change is on disk.
    type Answer: Send + 'static;

    /// Looks first and changes after: an operation that has nothing to do must not touch the
    /// ledger, because the others of its batch will be committed.
    fn perform(&self, ledger: &mut Ledger<'_>) -> ledger::Result<Self::Answer>;

    /// Bytes that it holds in memory, about.
    fn size(&self) -> usize {
        0
    }
}

/// The callers' end of the writer thread.
pub(super) struct Writer {
    queue: Arc<Queue<Box<dyn Call>>>,
    thread: Option<JoinHandle<()>>,
    /// Room in the queue, in units of [`UNIT`] bytes.
    room: Arc<Semaphore>,
    most_room: usize,
    /// The room that the smallest operation takes, so that there are not too many of them.
    least: usize,
}

/// Operations are counted in these, in bytes: small enough to be fair, and no size overflows.
const UNIT: usize = 1024;

/// The most bytes that one commit takes, about: its pages are in memory until it is done.
const COMMIT_BYTES: usize = 16 << 20;

impl Writer {
    pub(super) fn start(shared: Arc<Shared>) -> Result<Self, Error> {
        let queue = Arc::new(Queue::new());
        let most = shared.options.queue.max(1);
        let most_room = (shared.options.queue_bytes / UNIT).clamp(most, Semaphore::MAX_PERMITS);
        let calls = Arc::clone(&queue);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                let closing = CloseAtEnd(&calls);
                run(&shared, closing.0);
            })
            .map_err(|error| {
                Error::Unavailable(format!("cannot start the writer thread: {error}"))
            })?;
        Ok(Self {
            queue,
            thread: Some(thread),
            room: Arc::new(Semaphore::new(most_room)),
            most_room,
            least: most_room / most,
        })
    }

    /// Has an operation performed; ready when it is on disk.
    pub(super) async fn call<O: Operation>(&self, operation: O) -> Result<O::Answer, Error> {
        let units = operation.size() / UNIT + 1;
        let units = units.max(self.least).min(self.most_room);
        let room = Arc::clone(&self.room)
            .acquire_many_owned(u32::try_from(units).unwrap_or(u32::MAX))
            .await
            .map_err(|_| closed())?;
        let (reply, answer) = oneshot::channel();
        let call = Waiting {
            operation,
            answer: None,
            reply,
            _room: room,
        };
        self.queue.push(Box::new(call)).map_err(|_| closed())?;
        answer
            .await
            .unwrap_or_else(|_| Err(Error::Unknown("the writer ended before it answered".into())))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            // If it panicked, its callers have been told; there is nothing left to do here.
            let _ = thread.join();
        }
    }
}

/// However the writer ends, nobody waits for it after that.
struct CloseAtEnd<'q>(&'q Queue<Box<dyn Call>>);

impl Drop for CloseAtEnd<'_> {
    fn drop(&mut self) {
        self.0.close();
        drop(self.0.take_within(Duration::ZERO));
    }
}

fn closed() -> Error {
    Error::Unavailable("the writer has ended, open the store again".into())
}

/// An operation on its way through the writer.
trait Call: Send {
    fn size(&self) -> usize;
    /// Nobody waits for it any more, so it need not be begun.
    fn abandoned(&self) -> bool;
    fn perform(&mut self, ledger: &mut Ledger<'_>) -> ledger::Result<()>;
    /// Gives the answer out, or this error.
    fn answer(self: Box<Self>, outcome: Result<(), Error>);
}

struct Waiting<O: Operation> {
    operation: O,
    answer: Option<O::Answer>,
    reply: oneshot::Sender<Result<O::Answer, Error>>,
    _room: OwnedSemaphorePermit,
}

impl<O: Operation> Call for Waiting<O> {
    fn size(&self) -> usize {
        self.operation.size()
    }

    fn abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn perform(&mut self, ledger: &mut Ledger<'_>) -> ledger::Result<()> {
        self.answer = Some(self.operation.perform(ledger)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), Error>) {
        let answer = match (outcome, self.answer) {
            (Ok(()), Some(answer)) => Ok(answer),
            (Ok(()), None) => Err(Error::Unavailable("the operation was not begun".into())),
            (Err(error), _) => Err(error),
        };
        // A caller that has gone away does not want to know.
        let _ = self.reply.send(answer);
    }
}

fn run(shared: &Shared, calls: &Queue<Box<dyn Call>>) {
    let mut pause = PAUSES.0;
    let mut company = Company::default();
    let mut sizes = Sizes::default();
    while let Some(mut batch) = calls.take(company.linger(shared), |call| {
        sizes.fits(shared, call.as_ref())
    }) {
        sizes = Sizes::default();
        company.note(batch.len());
        batch.retain(|call| !call.abandoned());
        let begin = Instant::now();
        let committed = shared
            .database
            .with(|database| commit(database, shared, &mut batch));
        let (outcome, broken) = match committed {
            Ok(Ok(None)) => (Ok(()), false),
            Ok(Ok(Some(hints))) => {
                pause = PAUSES.0;
                ring(shared, &hints);
                if let Some(observer) = shared.observer.get() {
                    observer(batch.len(), begin.elapsed());
                }
                (Ok(()), false)
            }
            Ok(Err(failure)) => (Err(failure.error), failure.broken),
            Err(closed) => (Err(closed), true),
        };
        for call in batch {
            call.answer(outcome.clone());
        }
        if broken && !recover(shared, calls, &mut pause) {
            return;
        }
    }
}

/// What fits into one commit.
#[derive(Default)]
struct Sizes {
    calls: usize,
    bytes: usize,
}

impl Sizes {
    fn fits(&mut self, shared: &Shared, call: &dyn Call) -> bool {
        let fits = self.calls < shared.options.group && self.bytes < COMMIT_BYTES;
        self.calls += 1;
        self.bytes += call.size();
        fits
    }
}

/// How many callers there seem to be: as many as there were in one commit of late.
#[derive(Default)]
struct Company(usize);

impl Company {
    fn note(&mut self, calls: usize) {
        self.0 = calls.max(self.0 - self.0.div_ceil(8));
    }

    /// Whoever was alone the last time is not kept waiting. Else those are waited for who were
    /// there, and half of those who have an order: they will come to complete it.
    fn linger(&self, shared: &Shared) -> Option<Linger> {
        if self.0 < 2 {
            return None;
        }
        let leased = lock(&shared.memory).desk.counts().leased;
        let coming = usize::try_from(leased / 2).unwrap_or(usize::MAX);
        Some(Linger {
            enough: self.0.max(coming).min(shared.options.group),
            longest: shared.options.linger,
        })
    }
}

/// First and longest pause between attempts at a file that fails.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Opens the file again, as often as it takes. False if there is no need any more: the engine is
/// being dropped.
///
/// An open file can be read, so that is tried at once. It need not take a commit yet, for a disk
/// may be full; so the next commit comes after a pause, which grows until one succeeds.
fn recover(shared: &Shared, calls: &Queue<Box<dyn Call>>, pause: &mut Duration) -> bool {
    shared.database.close();
    loop {
        let opened = shared.reopen();
        match &opened {
            Ok(()) => tracing::warn!("the store's file is open again"),
            Err(error) => tracing::error!(%error, "the store's file cannot be opened again yet"),
        }
        if opened.is_ok() {
            // A commit may be on disk though it seemed to fail, and nobody has been woken for it.
            shared.claimable.ring_all();
            shared.ended.ring_all();
        }
        let goes_on = refuse(calls, *pause);
        *pause = (*pause * 2).min(PAUSES.1);
        if opened.is_ok() || !goes_on {
            return goes_on;
        }
    }
}

/// Answers callers for a while. False if there are none any more.
fn refuse(calls: &Queue<Box<dyn Call>>, time: Duration) -> bool {
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        let Some(refused) = calls.take_within(left) else {
            return false;
        };
        for call in refused {
            call.answer(Err(out_of_order()));
        }
    }
}

/// Why a commit failed.
struct Failure {
    error: Error,
    /// The file can't be used any more unless it is opened again.
    broken: bool,
}

impl Failure {
    fn nothing_happened(error: impl Into<redb::Error>) -> Self {
        let error = error.into();
        let broken = matches!(
            error,
            redb::Error::Io(_)
                | redb::Error::PreviousIo
                | redb::Error::DatabaseClosed
                | redb::Error::LockPoisoned(_)
        );
        tracing::error!(%error, "the store failed");
        Self {
            error: Error::Unavailable(error.to_string()),
            broken,
        }
    }

    /// What the file holds now is known only after it was opened again.
    fn nobody_knows(error: impl Into<redb::Error>) -> Self {
        let error = error.into();
        tracing::error!(%error, "the store failed");
        Self {
            error: Error::Unknown(error.to_string()),
            broken: true,
        }
    }
}

/// Performs a batch and has it on disk and then in memory, or, if nothing changed, leaves both
/// alone.
fn commit(
    database: &Database,
    shared: &Shared,
    batch: &mut [Box<dyn Call>],
) -> Result<Option<Vec<Hint>>, Failure> {
    let committed = try_commit(database, shared, batch);
    let mut memory = lock(&shared.memory);
    match committed {
        Ok(Some((draft, hints))) => {
            memory.apply(draft);
            Ok(Some(hints))
        }
        Ok(None) => Ok(None),
        Err(failure) => {
            // If the file is broken nobody knows whether they ended, until it is open again.
            if !failure.broken {
                memory.desk.cancel_closes();
            }
            Err(failure)
        }
    }
}

fn try_commit(
    database: &Database,
    shared: &Shared,
    batch: &mut [Box<dyn Call>],
) -> Result<Option<(Draft, Vec<Hint>)>, Failure> {
    let transaction = database.begin_write().map_err(Failure::nothing_happened)?;
    let mut ledger = Ledger::begin(
        &transaction,
        &shared.memory,
        &shared.options,
        shared.clock.now(),
    );
    let done = batch
        .iter_mut()
        .try_for_each(|call| call.perform(&mut ledger))
        .and_then(|()| ledger.finish())
        .map_err(Failure::nothing_happened)?;
    match done {
        None => transaction.abort().map_err(Failure::nothing_happened)?,
        Some(_) => transaction.commit().map_err(Failure::nobody_knows)?,
    }
    Ok(done)
}

fn ring(shared: &Shared, hints: &[Hint]) {
    for hint in hints {
        match hint {
            Hint::Claimable(partition) => shared.claimable.ring(partition),
            Hint::Ended(order) => shared.ended.ring(order),
        }
    }
}
