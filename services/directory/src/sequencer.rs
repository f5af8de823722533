//! The one thread that writes: it takes updates, makes epochs of them, and publishes these.
//!
//! Updates that come together are put on disk together, and their clients are told then. An epoch is due when
//! something waits and the last one is old enough, and now and then anyway. Between being sealed, on disk,
//! and being published it is shown to the witnesses; meanwhile updates are taken as ever.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::core::Core;
use crate::current::Current;
use crate::stamp::Stamp;
use crate::storage::{Error, Pending, Queued, Sealed};
use crate::waiting::{Waiting, weight};
use crate::witness::Panel;
use crate::{Config, Refusal, failed};

/// The writing thread, from outside.
pub(crate) struct Sequencer {
    orders: Sender<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// An update that has passed every check that needs no order.
pub(crate) struct Job {
    pub(crate) pending: Pending,
    /// The entry within it.
    pub(crate) value: Vec<u8>,
    /// The entry that it was checked against.
    pub(crate) follows: Option<Vec<u8>>,
}

type Answer = oneshot::Sender<Result<(), Refusal>>;

enum Order {
    Take(Box<Job>, Answer),
    Cosigned(Witnessed),
    Advance(oneshot::Sender<u64>),
    Stop,
}

/// What witnesses said.
struct Witnessed {
    checkpoint: String,
    count: usize,
}

/// Most updates that are put on disk together.
const GROUP: usize = 4096;

/// The time after which something that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// The time between two looks for what need not be kept.
const COLLECT: Duration = Duration::from_secs(5);

/// Most records that one look removes.
const COLLECTED: usize = 20_000;

impl Sequencer {
    /// Begins with what waited when the directory was stopped.
    pub(crate) fn start(
        core: Arc<Core>,
        config: &Config,
        panel: Panel,
        runtime: Handle,
    ) -> Result<Self, Error> {
        let (orders, received) = mpsc::channel();
        let waiting = Waiting::new(core.storage.queued()?, config.limits.queue);
        let writer = Writer {
            sealed: unpublished(&core),
            core,
            orders: orders.clone(),
            panel: Arc::new(panel),
            threshold: config.witnesses.threshold,
            runtime,
            times: Times {
                epoch: config.epoch,
                heartbeat: config.heartbeat,
            },
            waiting,
            last: Instant::now(),
            pause: None,
            asking: false,
            wanted: Vec::new(),
            collected: Instant::now(),
        };
        let thread = std::thread::Builder::new().name("sequencer".to_owned());
        let thread = thread
            .spawn(move || writer.run(&received))
            .map_err(|fault| Error::Unsigned(Box::new(fault)))?;
        Ok(Self {
            orders,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Puts an update on disk, to be applied by the next epoch.
    pub(crate) async fn take(&self, job: Job) -> Result<(), Refusal> {
        let (answer, answered) = oneshot::channel();
        self.send(Order::Take(Box::new(job), answer))?;
        answered.await.map_err(|_| Refusal::Internal)?
    }

    /// Makes an epoch now, and gives its number once it is published.
    pub(crate) async fn advance(&self) -> Result<u64, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.send(Order::Advance(answer))?;
        answered.await.map_err(|_| Refusal::Internal)
    }

    /// Ends the thread once it has done what it is at. Blocks until then.
    pub(crate) fn stop(&self) {
        let _ = self.orders.send(Order::Stop);
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the sequencer had ended before it was told to");
        }
    }

    fn send(&self, order: Order) -> Result<(), Refusal> {
        self.orders.send(order).map_err(|_| {
            tracing::error!("the sequencer has ended");
            Refusal::Internal
        })
    }
}

impl Drop for Sequencer {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::Stop);
    }
}

/// An epoch that is on disk, and that no reader sees.
fn unpublished(core: &Core) -> Option<Sealed> {
    let published = core.newest.get().epoch();
    core.storage
        .sealed()
        .filter(|sealed| sealed.head.epoch > published)
}

struct Times {
    epoch: Duration,
    heartbeat: Duration,
}

struct Writer {
    core: Arc<Core>,
    orders: Sender<Order>,
    panel: Arc<Panel>,
    threshold: usize,
    runtime: Handle,
    times: Times,
    waiting: Waiting,
    /// Sealed, and not published.
    sealed: Option<Sealed>,
    /// Whether witnesses are being asked about it.
    asking: bool,
    /// When the last epoch was sealed.
    last: Instant,
    /// After something has failed, nothing is done until then.
    pause: Option<Instant>,
    /// Who waits for an epoch.
    wanted: Vec<oneshot::Sender<u64>>,
    collected: Instant,
}

impl Writer {
    fn run(mut self, received: &Receiver<Order>) {
        loop {
            let now = Instant::now();
            let wait = self.due(now).saturating_duration_since(now);
            match received.recv_timeout(wait) {
                Ok(first) => {
                    if !self.serve(first, received) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            if self.due(now) <= now {
                self.go_on();
            }
            self.collect();
        }
    }

    /// When there is something to do for nobody.
    fn due(&self, now: Instant) -> Instant {
        let far = now + Duration::from_secs(3600);
        let due = if self.asking {
            far
        } else if self.sealed.is_some() || !self.wanted.is_empty() {
            now
        } else if self.waiting.is_empty() {
            self.last.checked_add(self.times.heartbeat).unwrap_or(far)
        } else {
            self.last.checked_add(self.times.epoch).unwrap_or(far)
        };
        self.pause.map_or(due, |pause| due.max(pause)).min(far)
    }

    /// Does what is asked for, and what was asked for meanwhile; false if it's the end.
    fn serve(&mut self, first: Order, received: &Receiver<Order>) -> bool {
        let mut group = Vec::new();
        let mut next = Some(first);
        let mut go_on = true;
        while let Some(order) = next {
            match order {
                Order::Take(job, answer) => group.push((*job, answer)),
                Order::Cosigned(witnessed) => self.witnessed(witnessed),
                Order::Advance(answer) => {
                    self.wanted.push(answer);
                    self.pause = None;
                }
                Order::Stop => go_on = false,
            }
            next = (go_on && group.len() < GROUP)
                .then(|| received.try_recv().ok())
                .flatten();
        }
        self.take(group);
        go_on
    }

    /// Puts those that may wait on disk, all at once, and answers all.
    fn take(&mut self, group: Vec<(Job, Answer)>) {
        let mut fresh: Vec<(Job, Answer)> = Vec::new();
        let mut bytes = 0;
        let mut joined = Vec::new();
        for (job, answer) in group {
            let same = fresh
                .iter()
                .find(|(other, _)| other.pending.index == job.pending.index);
            let place = match same {
                Some((other, _)) if other.value == job.value => Ok(Place::Joined),
                Some(_) => Err(another()),
                None => self.place(&job, fresh.len(), bytes),
            };
            match place {
                Ok(Place::Fresh) => {
                    bytes += weight(&job.pending);
                    fresh.push((job, answer));
                }
                Ok(Place::There) => reply(answer, Ok(())),
                Ok(Place::Joined) => joined.push(answer),
                Err(refusal) => reply(answer, Err(refusal)),
            }
        }
        if fresh.is_empty() {
            return;
        }
        let pending = fresh.iter().map(|(job, _)| job.pending.clone()).collect();
        let stored = self.core.storage.queue(pending);
        let stored = stored.map_err(failed("the queue"));
        let outcome = || match &stored {
            Ok(_) => Ok(()),
            Err(_) => Err(Refusal::Internal),
        };
        let places = stored.as_deref().unwrap_or_default();
        for (number, (job, answer)) in fresh.into_iter().enumerate() {
            if let Some(place) = places.get(number) {
                let queued = Queued {
                    place: *place,
                    pending: job.pending,
                };
                self.waiting.push(queued, job.value);
            }
            reply(answer, outcome());
        }
        for answer in joined {
            reply(answer, outcome());
        }
        self.core.metrics.waiting.set(count(self.waiting.len()));
    }

    /// Whether an update may wait, beside `more` with so many `bytes` that are about to.
    fn place(&self, job: &Job, more: usize, bytes: usize) -> Result<Place, Refusal> {
        let index = &job.pending.index;
        match self.waiting.value(index) {
            Some(value) if value == job.value => return Ok(Place::There),
            Some(_) => return Err(another()),
            None => {}
        }
        let leaf = self.core.storage.newest(index);
        let leaf = leaf.map_err(failed("an entry"))?.map(|leaf| leaf.leaf);
        if leaf.as_ref() == Some(&job.value) {
            return Ok(Place::There);
        }
        if leaf != job.follows {
            let fault = "the entry has changed meanwhile: read it again, and sign anew";
            return Err(Refusal::Overtaken(fault));
        }
        if self.waiting.is_full(more, bytes) {
            return Err(Refusal::Busy);
        }
        Ok(Place::Fresh)
    }

    /// Makes the epoch that is due, or goes on with the one that is not published.
    fn go_on(&mut self) {
        self.pause = None;
        if self.sealed.is_none()
            && let Err(error) = self.seal()
        {
            tracing::error!(%error, "an epoch could not be sealed");
            self.pause = Some(Instant::now() + AGAIN);
            return;
        }
        let Some(sealed) = &self.sealed else { return };
        let checkpoint = String::from_utf8_lossy(&sealed.checkpoint).into_owned();
        if self.panel.is_empty() {
            return self.publish(checkpoint);
        }
        self.asking = true;
        let (panel, storage) = (Arc::clone(&self.panel), Arc::clone(&self.core.storage));
        let (orders, size) = (self.orders.clone(), sealed.head.epoch + 1);
        self.runtime.spawn(async move {
            let prove = move |old| storage.consistency(old, size).ok();
            let witnessed = match panel.cosign(&checkpoint, prove).await {
                Ok(cosigned) => {
                    for (name, failure) in &cosigned.failures {
                        tracing::warn!(witness = name, %failure, "a witness does not cosign");
                    }
                    Witnessed {
                        checkpoint: cosigned.note,
                        count: cosigned.count,
                    }
                }
                Err(fault) => {
                    tracing::error!(%fault, "the checkpoint is none");
                    Witnessed {
                        checkpoint,
                        count: 0,
                    }
                }
            };
            // Nobody takes it when the directory is being stopped; it is asked for again after that.
            let _ = orders.send(Order::Cosigned(witnessed));
        });
    }

    fn seal(&mut self) -> Result<(), Error> {
        let begun = Instant::now();
        let core = &self.core;
        let before = core.newest.get().snapshot.head().issued;
        let issued = now().max(before);
        let batch = self
            .waiting
            .next_epoch(issued, |index| core.storage.newest(index))?;
        let settled = batch.epoch.settled.clone();
        let applied = batch.epoch.mutations.len();
        let mut stamp = Stamp {
            keys: &core.keys,
            realm: &core.realm,
            issued,
        };
        let sealed = core.storage.seal(batch.epoch, &mut stamp)?;
        core.metrics.sealed(begun.elapsed());
        core.metrics.applied.inc_by(applied as u64);
        core.metrics.dropped.inc_by(batch.dropped);
        tracing::debug!(epoch = sealed.head.epoch, applied, "an epoch is sealed");
        self.waiting.settle(&settled);
        core.metrics.waiting.set(count(self.waiting.len()));
        self.sealed = Some(sealed);
        self.last = Instant::now();
        Ok(())
    }

    /// Publishes if enough witnesses have signed; else asks again after a while.
    fn witnessed(&mut self, witnessed: Witnessed) {
        self.asking = false;
        if witnessed.count >= self.threshold {
            return self.publish(witnessed.checkpoint);
        }
        self.core.metrics.unwitnessed.inc();
        let (count, wanted) = (witnessed.count, self.threshold);
        tracing::error!(
            count,
            wanted,
            "too few witnesses: the epoch is not published"
        );
        self.pause = Some(Instant::now() + AGAIN);
    }

    fn publish(&mut self, checkpoint: String) {
        let core = &self.core;
        let current = core
            .storage
            .publish(checkpoint.into_bytes())
            .map_err(failed("publishing"))
            .and_then(|snapshot| Current::of(snapshot, &core.storage));
        let Ok(current) = current else {
            self.pause = Some(Instant::now() + AGAIN);
            return;
        };
        let epoch = current.epoch();
        core.newest.set(current);
        core.metrics.show_epoch(epoch);
        self.sealed = None;
        for wanted in self.wanted.drain(..) {
            let _ = wanted.send(epoch);
        }
    }

    /// Removes some of what need not be kept.
    fn collect(&mut self) {
        if self.collected.elapsed() < COLLECT {
            return;
        }
        match self.core.storage.collect(COLLECTED) {
            // There is more: soon again.
            Ok(removed) if removed >= COLLECTED => {}
            Ok(_) => self.collected = Instant::now(),
            Err(error) => {
                tracing::error!(%error, "what need not be kept could not be removed");
                self.collected = Instant::now();
            }
        }
    }
}

enum Place {
    /// It has to be put on disk.
    Fresh,
    /// It waits already, or stands in the map already.
    There,
    /// It is about to be put on disk for another request.
    Joined,
}

fn another() -> Refusal {
    Refusal::Overtaken(
        "another update of this entry waits for the next epoch: send this one after that",
    )
}

fn reply(answer: Answer, outcome: Result<(), Refusal>) {
    // A client that has gone has its update taken all the same.
    let _ = answer.send(outcome);
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_millis().try_into().unwrap_or(u64::MAX))
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
