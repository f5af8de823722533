//! The two threads that write. One [takes](taker) updates: those that come together are put on disk together, and
//! their clients are told then. The other makes [epochs](writer) of what waits, and publishes these.
//!
//! They are apart so that nobody who puts an update waits for an epoch: to seal one takes as long as its
//! updates are many. Both know what waits, by a lock that neither holds while it reads or writes the disk.

mod taker;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use self::taker::{Take, Taker};
use self::writer::{Order, Writer};
use crate::core::Core;
use crate::storage::{Error, Pending};
use crate::waiting::Waiting;
use crate::witness::Panel;
use crate::{Config, Refusal};

/// The writing threads, from outside.
pub(crate) struct Sequencer {
    takes: Sender<Take>,
    orders: Sender<Order>,
    threads: Mutex<Option<Threads>>,
}

struct Threads {
    taker: JoinHandle<()>,
    writer: JoinHandle<()>,
}

/// An update that has passed every check that needs no order.
pub(crate) struct Job {
    pub(crate) pending: Pending,
    /// The entry within it.
    pub(crate) value: Vec<u8>,
    /// The entry that it was checked against.
    pub(crate) follows: Option<Vec<u8>>,
}

/// What waits, for both threads.
#[derive(Clone)]
struct Shared(Arc<Mutex<Waiting>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sequencer {
    /// Begins with what waited when the directory was stopped.
    pub(crate) fn start(
        core: Arc<Core>,
        config: &Config,
        panel: Panel,
        runtime: Handle,
    ) -> Result<Self, Error> {
        let (takes, taken) = mpsc::channel();
        let (orders, received) = mpsc::channel();
        let waiting = Waiting::new(core.storage.queued()?, config.limits.queue);
        let waiting = Shared(Arc::new(Mutex::new(waiting)));
        let taker = Taker {
            core: Arc::clone(&core),
            waiting: waiting.clone(),
            writer: orders.clone(),
        };
        let writer = Writer::new(core, config, panel, runtime, orders.clone(), waiting);
        let threads = Threads {
            taker: thread("takes updates", move || taker.run(&taken))?,
            writer: thread("makes epochs", move || writer.run(&received))?,
        };
        Ok(Self {
            takes,
            orders,
            threads: Mutex::new(Some(threads)),
        })
    }

    /// Puts an update on disk, to be applied by the next epoch.
    pub(crate) async fn take(&self, job: Job) -> Result<(), Refusal> {
        let (answer, answered) = oneshot::channel();
        let take = Take::One(Box::new(job), answer);
        self.takes.send(take).map_err(ended)?;
        answered.await.map_err(|_| Refusal::Internal)?
    }

    /// Makes an epoch of all that has been taken, and gives its number once it is published.
    pub(crate) async fn advance(&self) -> Result<u64, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.orders.send(Order::Advance(answer)).map_err(ended)?;
        answered.await.map_err(|_| Refusal::Internal)
    }

    /// Ends the threads once they have done what they are at. Blocks until then.
    pub(crate) fn stop(&self) {
        self.end();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Threads { taker, writer }) = threads.take() {
            for thread in [taker, writer] {
                if thread.join().is_err() {
                    tracing::error!("a thread of the directory had ended before it was told to");
                }
            }
        }
    }

    fn end(&self) {
        let _ = self.takes.send(Take::Stop);
        let _ = self.orders.send(Order::Stop);
    }
}

impl Drop for Sequencer {
    fn drop(&mut self) {
        self.end();
    }
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|fault| Error::Unsigned(Box::new(fault)))
}

fn ended<T>(_: T) -> Refusal {
    tracing::error!("a thread of the directory has ended");
    Refusal::Internal
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_millis().try_into().unwrap_or(u64::MAX))
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
