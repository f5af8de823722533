//! Makes epochs. One is due when something waits and the last one is old enough, and now and then anyway. Between being
//! sealed, on disk, and being published it is shown to the witnesses.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::{Shared, count, now};
use crate::core::Core;
use crate::current::Current;
use crate::stamp::Stamp;
use crate::storage::{Error, Sealed};
use crate::waiting::next_epoch;
use crate::witness::Panel;
use crate::{Config, failed};

/// What the thread is told.
pub(super) enum Order {
    /// Something waits.
    Wake,
    Cosigned(Witnessed),
    Advance(oneshot::Sender<u64>),
    Stop,
}

/// What witnesses said.
pub(super) struct Witnessed {
    checkpoint: String,
    count: usize,
}

/// The time after which something that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// The time between two looks for what need not be kept.
const COLLECT: Duration = Duration::from_secs(5);

/// Most records that one look removes.
const COLLECTED: usize = 20_000;

struct Times {
    epoch: Duration,
    heartbeat: Duration,
}

pub(super) struct Writer {
    core: Arc<Core>,
    orders: Sender<Order>,
    panel: Arc<Panel>,
    threshold: usize,
    runtime: Handle,
    times: Times,
    waiting: Shared,
    /// Sealed, and not published.
    sealed: Option<Sealed>,
    /// Whether witnesses are being asked about it.
    asking: bool,
    /// When the last epoch was sealed.
    last: Instant,
    /// After something has failed, nothing is done until then.
    pause: Option<Instant>,
    /// Who waits for an epoch that is not sealed yet.
    wanted: Vec<oneshot::Sender<u64>>,
    /// Who waits for the one that is.
    promised: Vec<oneshot::Sender<u64>>,
    collected: Instant,
}

impl Writer {
    pub(super) fn new(
        core: Arc<Core>,
        config: &Config,
        panel: Panel,
        runtime: Handle,
        orders: Sender<Order>,
        waiting: Shared,
    ) -> Self {
        Self {
            sealed: unpublished(&core),
            core,
            orders,
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
            promised: Vec::new(),
            collected: Instant::now(),
        }
    }

    pub(super) fn run(mut self, received: &Receiver<Order>) {
        loop {
            let now = Instant::now();
            let wait = self.due(now).saturating_duration_since(now);
            match received.recv_timeout(wait) {
                Ok(Order::Wake) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Order::Cosigned(witnessed)) => self.witnessed(witnessed),
                Ok(Order::Advance(answer)) => {
                    self.wanted.push(answer);
                    self.pause = None;
                }
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return,
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
        } else if self.waiting.lock().is_empty() {
            self.last.checked_add(self.times.heartbeat).unwrap_or(far)
        } else {
            self.last.checked_add(self.times.epoch).unwrap_or(far)
        };
        self.pause.map_or(due, |pause| due.max(pause)).min(far)
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
        let all = self.waiting.lock().all();
        let batch = next_epoch(&all, issued, |index| core.storage.newest(index))?;
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
        let mut waiting = self.waiting.lock();
        waiting.settle(&settled);
        core.metrics.waiting.set(count(waiting.len()));
        drop(waiting);
        self.promised.append(&mut self.wanted);
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
        for wanted in self.promised.drain(..) {
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

/// An epoch that is on disk, and that no reader sees.
fn unpublished(core: &Core) -> Option<Sealed> {
    let published = core.newest.get().epoch();
    core.storage
        .sealed()
        .filter(|sealed| sealed.head.epoch > published)
}
