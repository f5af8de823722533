//! The one thread that writes: group commit.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redb::{Database, StorageError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::Shared;
use super::ledger::{Hint, Ledger};
use super::slot::out_of_order;
use crate::Error;

/// A change to the store.
pub(super) trait Operation: Send + 'static {
    /// What the caller learns once the change is on disk.
    type Answer: Send + 'static;

    /// Looks first and changes after: an operation that has nothing to do must not touch the
    /// ledger, because the others of its batch will be committed.
    fn perform(&self, ledger: &mut Ledger<'_>) -> Result<Self::Answer, StorageError>;

    /// Bytes that it holds in memory, about.
    fn size(&self) -> usize {
        0
    }
}

/// The callers' end of the writer thread.
pub(super) struct Writer {
    /// `None` only while dropping.
    queue: Option<mpsc::Sender<Box<dyn Call>>>,
    thread: Option<JoinHandle<()>>,
    /// Room for queued bytes, in units of [`UNIT`].
    room: Arc<Semaphore>,
    most_room: usize,
}

/// Operations are counted in these, in bytes: small enough to be fair, and no size overflows.
const UNIT: usize = 1024;

/// The most bytes that one commit takes, about: its pages are in memory until it is done.
const COMMIT_BYTES: usize = 16 << 20;

impl Writer {
    pub(super) fn start(shared: Arc<Shared>) -> Result<Self, Error> {
        let (queue, calls) = mpsc::channel(shared.options.queue.max(1));
        let most_room = (shared.options.queue_bytes / UNIT).clamp(1, Semaphore::MAX_PERMITS);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || run(&shared, calls))
            .map_err(|error| {
                Error::Unavailable(format!("cannot start the writer thread: {error}"))
            })?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            room: Arc::new(Semaphore::new(most_room)),
            most_room,
        })
    }

    /// Has an operation performed; ready when it is on disk.
    pub(super) async fn call<O: Operation>(&self, operation: O) -> Result<O::Answer, Error> {
        let units = (operation.size() / UNIT + 1).min(self.most_room);
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
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        queue.send(Box::new(call)).await.map_err(|_| closed())?;
        answer
            .await
            .unwrap_or_else(|_| Err(Error::Unknown("the writer ended before it answered".into())))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // If it panicked, its callers have been told; there is nothing left to do here.
            let _ = thread.join();
        }
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
    fn perform(&mut self, ledger: &mut Ledger<'_>) -> Result<(), StorageError>;
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

    fn perform(&mut self, ledger: &mut Ledger<'_>) -> Result<(), StorageError> {
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

fn run(shared: &Shared, mut calls: mpsc::Receiver<Box<dyn Call>>) {
    let mut pause = PAUSES.0;
    while let Some(first) = calls.blocking_recv() {
        let mut bytes = first.size();
        let mut batch = vec![first];
        while batch.len() < shared.options.group && bytes < COMMIT_BYTES {
            let Ok(call) = calls.try_recv() else { break };
            bytes += call.size();
            batch.push(call);
        }
        batch.retain(|call| !call.abandoned());
        let begin = Instant::now();
        let committed = shared
            .database
            .with(|database| commit(database, shared, &mut batch));
        let (outcome, broken) = match committed {
            Ok(Ok(hints)) => {
                if let Some(hints) = &hints {
                    pause = PAUSES.0;
                    ring(shared, hints);
                    if let Some(observer) = shared.observer.get() {
                        observer(batch.len(), begin.elapsed());
                    }
                }
                (Ok(()), false)
            }
            Ok(Err(failure)) => (Err(failure.error), failure.broken),
            Err(closed) => (Err(closed), true),
        };
        for call in batch {
            call.answer(outcome.clone());
        }
        if broken && !recover(shared, &mut calls, &mut pause) {
            return;
        }
    }
}

/// First and longest pause between attempts at a file that fails.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How soon callers learn that the file fails.
const TICK: Duration = Duration::from_millis(10);

/// Opens the file again, as often as it takes. False if there is no need any more: the engine is
/// being dropped.
///
/// An open file can be read, so that is tried at once. It need not take a commit yet, for a disk
/// may be full; so the next commit comes after a pause, which grows until one succeeds.
fn recover(
    shared: &Shared,
    calls: &mut mpsc::Receiver<Box<dyn Call>>,
    pause: &mut Duration,
) -> bool {
    shared.database.close();
    loop {
        let opened = shared.database.open();
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
fn refuse(calls: &mut mpsc::Receiver<Box<dyn Call>>, time: Duration) -> bool {
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        match calls.try_recv() {
            Ok(call) => call.answer(Err(out_of_order())),
            Err(mpsc::error::TryRecvError::Empty) => std::thread::sleep(left.min(TICK)),
            Err(mpsc::error::TryRecvError::Disconnected) => return false,
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
    fn new(error: redb::Error, tell: fn(String) -> Error) -> Self {
        let broken = matches!(
            error,
            redb::Error::Io(_)
                | redb::Error::PreviousIo
                | redb::Error::DatabaseClosed
                | redb::Error::LockPoisoned(_)
        );
        tracing::error!(%error, "the store failed");
        Self {
            error: tell(error.to_string()),
            broken,
        }
    }

    fn nothing_happened(error: impl Into<redb::Error>) -> Self {
        Self::new(error.into(), Error::Unavailable)
    }

    fn nobody_knows(error: impl Into<redb::Error>) -> Self {
        Self::new(error.into(), Error::Unknown)
    }
}

/// Performs a batch and has it on disk, or, if nothing changed, leaves the file alone.
fn commit(
    database: &Database,
    shared: &Shared,
    batch: &mut [Box<dyn Call>],
) -> Result<Option<Vec<Hint>>, Failure> {
    let transaction = database.begin_write().map_err(Failure::nothing_happened)?;
    let mut ledger = Ledger::begin(&transaction, &shared.options, shared.clock.now())
        .map_err(Failure::nothing_happened)?;
    let hints = batch
        .iter_mut()
        .try_for_each(|call| call.perform(&mut ledger))
        .and_then(|()| ledger.finish())
        .map_err(Failure::nothing_happened)?;
    match hints {
        None => transaction.abort().map_err(Failure::nothing_happened)?,
        Some(_) => transaction.commit().map_err(Failure::nobody_knows)?,
    }
    Ok(hints)
}

fn ring(shared: &Shared, hints: &[Hint]) {
    for hint in hints {
        match hint {
            Hint::Claimable(partition) => shared.claimable.ring(partition),
            Hint::Ended(order) => shared.ended.ring(order),
        }
    }
}
