//! Takes updates: on disk, and then known to wait, in the order in which they came.
//!
//! An update is let in if nothing waits for its entry and the entry is the one it was checked against. Both stay
//! so until it waits itself, as only this thread adds to what waits and the other changes entries that wait alone.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use tokio::sync::oneshot;

use super::writer::Order;
use super::{Job, Shared, count};
use crate::core::Core;
use crate::storage::Queued;
use crate::waiting::weight;
use crate::{Refusal, failed};

pub(super) type Answer = oneshot::Sender<Result<(), Refusal>>;

/// What the thread is told.
pub(super) enum Take {
    One(Box<Job>, Answer),
    Stop,
}

/// Most updates that are put on disk together.
const GROUP: usize = 4096;

pub(super) struct Taker {
    pub(super) core: Arc<Core>,
    pub(super) waiting: Shared,
    /// Told when something waits again.
    pub(super) writer: Sender<Order>,
}

impl Taker {
    pub(super) fn run(self, received: &Receiver<Take>) {
        while let Ok(first) = received.recv() {
            if !self.serve(first, received) {
                return;
            }
        }
    }

    /// Takes one, and what came meanwhile; false if it's the end.
    fn serve(&self, first: Take, received: &Receiver<Take>) -> bool {
        let mut group = Vec::new();
        let mut next = Some(first);
        let mut go_on = true;
        while let Some(take) = next {
            match take {
                Take::One(job, answer) => group.push((*job, answer)),
                Take::Stop => go_on = false,
            }
            next = (go_on && group.len() < GROUP)
                .then(|| received.try_recv().ok())
                .flatten();
        }
        self.take(group);
        go_on
    }

    /// Puts those that may wait on disk, all at once, and answers all.
    fn take(&self, group: Vec<(Job, Answer)>) {
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
        let (jobs, mut answers): (Vec<_>, Vec<_>) = fresh.into_iter().unzip();
        self.wait(places, jobs);
        answers.append(&mut joined);
        for answer in answers {
            reply(answer, outcome());
        }
    }

    /// Has those that are on disk wait for their epoch.
    fn wait(&self, places: &[u64], jobs: Vec<Job>) {
        let mut waiting = self.waiting.lock();
        let idle = waiting.is_empty();
        for (place, job) in places.iter().zip(jobs) {
            let queued = Queued {
                place: *place,
                pending: job.pending,
            };
            waiting.push(queued, job.value);
        }
        self.core.metrics.waiting.set(count(waiting.len()));
        drop(waiting);
        if idle {
            // It is gone when the directory is being stopped; what waits is there at the next start.
            let _ = self.writer.send(Order::Wake);
        }
    }

    /// Whether an update may wait, beside `more` with so many `bytes` that are about to.
    fn place(&self, job: &Job, more: usize, bytes: usize) -> Result<Place, Refusal> {
        let index = &job.pending.index;
        let full = {
            let waiting = self.waiting.lock();
            match waiting.value(index) {
                Some(value) if value == job.value => return Ok(Place::There),
                Some(_) => return Err(another()),
                None => waiting.is_full(more, bytes),
            }
        };
        let leaf = self.core.storage.newest(index);
        let leaf = leaf.map_err(failed("an entry"))?.map(|leaf| leaf.leaf);
        if leaf.as_ref() == Some(&job.value) {
            return Ok(Place::There);
        }
        if leaf != job.follows {
            let fault = "the entry has changed meanwhile: read it again, and sign anew";
            return Err(Refusal::Overtaken(fault));
        }
        if full {
            return Err(Refusal::Busy);
        }
        Ok(Place::Fresh)
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
