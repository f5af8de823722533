//! Key management: the keys of workers, by generations.
//!
//! A worker has generations of keys, numbered from 1. Each is made for one program and is given to no
//! other: whoever has verified a measurement and has encrypted to a key of it knows that no other program
//! will ever open that. To *rotate* is to make a new generation for the same program, to *upgrade* one for
//! another; older generations then live for an overlap, and are destroyed.
//!
//! ```text
//!             ensure            new_generation(overlap)              overlap ends, or retire
//!   (none) ───────────▶ g1 lives ───────────────────▶ g1, g2 live ───────────────────────────▶ g2 lives
//!                                                     g1 retires at …                g1's keys are gone
//! ```
//!
//! Nothing here reads a clock or writes a file. A request is *decided* from the state, which it does not
//! change: the [`Decision`] says which [`Event`]s have to be kept, and what the session `avalon/WORKER` is
//! to be from then on. When both are durable, [`Kme::apply`] makes the state that follows from the
//! events. The private keys stand in that session alone, as secrets of CAS; those of a [`pool`] are never
//! given to anybody and stand here.
//!
//! # What a hostile owner of the machine can't do
//!
//! - *Give keys to another program*: a generation's program is fixed, and a service of the session names
//!   its measurement, signer, product and least SVN.
//! - *Go back to an older program*: a generation's SVN is never lower than an earlier one's of the worker,
//!   whose signer and product never change.
//! - *Loosen what is asked of platforms* while an older generation lives: that is asked by the session, for
//!   all its services, and does not change before they have retired.
//! - *Turn back the clock* to keep a generation alive: time never goes back behind what events say.

mod directory;
mod entry;
mod error;
mod event;
mod keys;
mod name;
pub mod pool;
mod program;
pub mod requests;
mod session;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::BTreeMap;
use std::time::Duration;

use ::session::Session;
use attestation::Time;
use provision::audit::Audited;
use serde::{Deserialize, Serialize};

pub use directory::DirectoryKey;
pub use entry::{NONCE, entry};
pub use error::Error;
pub use event::Event;
pub use keys::{Keys, Spares};
pub use name::WorkerName;
pub use pool::Pool;
pub use program::{Program, ProgramError};
pub use session::service_name;
pub use worker::{Generation, Worker};

/// Who asks: SHA-256 of the public key (SubjectPublicKeyInfo, DER) of a client's certificate, of whose
/// private key TLS has proved possession.
pub type Client = [u8; 32];

/// Workers that a vault has keys for, at most.
pub const MAX_WORKERS: usize = 256;

/// Generations of a worker that live beside each other, at most.
pub const MAX_LIVING: usize = 8;

/// The longest overlap.
pub const MAX_OVERLAP: Duration = Duration::from_secs(30 * 24 * 3600);

/// The owner of the vault, and all generations that live.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kme {
    owner: Option<Client>,
    workers: BTreeMap<WorkerName, Worker>,
    /// The pool, if there is one.
    #[serde(default)]
    pool: Option<Pool>,
    /// The latest time that an event has happened at, in seconds since 1970.
    floor: u64,
}

/// What a request comes to. It has not happened before its events and its session are kept.
#[derive(Debug)]
#[must_use]
pub struct Decision<T> {
    /// What to answer.
    pub reply: T,
    /// What to keep, in this order; empty if nothing changes.
    pub events: Vec<Event>,
    /// What CAS is to hold from then on, in place of the session of this name. Private keys without a
    /// value in it stay as they are (`migrate`), and those that are gone from it are destroyed.
    pub session: Option<Session>,
    /// Lines for the audit log, one for each event.
    pub audit: Vec<Audited>,
}

/// What a worker is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The program that its keys are for.
    pub program: Program,
    /// What is trusted of the key directory that they are published in, in JSON. None: as before.
    pub directory: Option<String>,
}

/// What was made beforehand, so that a decision need not make it.
#[derive(Debug, Default)]
pub struct Fresh {
    /// Keys of a generation.
    pub keys: Option<Keys>,
    /// A key for directories.
    pub directory_key: Option<DirectoryKey>,
}

/// A generation that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its worker.
    pub worker: WorkerName,
    /// Its number, from 1.
    pub generation: u64,
}

impl Kme {
    /// The owner, once there is one.
    #[must_use]
    pub fn owner(&self) -> Option<&Client> {
        self.owner.as_ref()
    }

    /// The pool, if there is one.
    #[must_use]
    pub fn pool(&self) -> Option<&Pool> {
        self.pool.as_ref()
    }

    /// The workers that have keys, by name.
    pub fn workers(&self) -> impl Iterator<Item = (&WorkerName, &Worker)> {
        self.workers.iter()
    }

    /// Makes whoever asks first the owner. Asked again by the owner, it changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Owner`] for others.
    pub fn claim(&self, client: Option<&Client>, now: Time) -> Result<Decision<()>, Error> {
        let client = *client.ok_or(Error::Certificate)?;
        match self.owner {
            None => {
                let event = self.event(now, event::What::Claimed { owner: client });
                Ok(Decision::of((), vec![event], Some(&client)))
            }
            Some(owner) if owner == client => Ok(Decision::nothing(())),
            Some(_) => Err(Error::Owner),
        }
    }

    /// Whether a client is the owner.
    ///
    /// # Errors
    ///
    /// [`Error::Certificate`], [`Error::Unclaimed`] or [`Error::Owner`] if not.
    pub fn authorize(&self, client: Option<&Client>) -> Result<(), Error> {
        let client = client.ok_or(Error::Certificate)?;
        match &self.owner {
            None => Err(Error::Unclaimed),
            Some(owner) if owner == client => Ok(()),
            Some(_) => Err(Error::Owner),
        }
    }

    /// Whether the vault has an owner, which it keeps, and this is somebody else.
    #[must_use]
    pub fn is_stranger(&self, client: Option<&Client>) -> bool {
        self.owner.is_some() && self.owner.as_ref() != client
    }

    /// Whether [`Kme::ensure`] needs keys: there is no such worker yet.
    #[must_use]
    pub fn wants_keys(&self, worker: &WorkerName) -> bool {
        !self.workers.contains_key(worker)
    }

    /// Whether [`Kme::ensure`] needs a key for directories: there is no such worker yet, or it is of before
    /// they had one.
    #[must_use]
    pub fn wants_directory_key(&self, worker: &WorkerName) -> bool {
        let key = self.workers.get(worker).and_then(Worker::directory_key);
        key.is_none()
    }

    /// The newest generation of a worker, which is of this program; its first one, if there is none yet. Its
    /// programs are told the directory.
    ///
    /// # Errors
    ///
    /// [`Error::Measurement`] if the newest generation is of another program, [`Error::NoKeys`] if something has
    /// to be made and is not in `fresh`, and what keeps others from it.
    pub fn ensure(
        &self,
        client: Option<&Client>,
        worker: &WorkerName,
        wish: &Wish,
        fresh: Fresh,
        now: Time,
    ) -> Result<Decision<Made>, Error> {
        self.authorize(client)?;
        let Some(found) = self.workers.get(worker) else {
            if self.workers.len() >= MAX_WORKERS {
                return Err(Error::Workers);
            }
            let more = self.published(worker, wish, fresh.directory_key, now)?;
            return self.born(worker, &wish.program, Duration::ZERO, fresh.keys, more, now);
        };
        found.check_same(worker, &wish.program)?;
        let made = Made {
            worker: worker.clone(),
            generation: found.newest(),
        };
        let events = self.published(worker, wish, fresh.directory_key, now)?;
        if events.is_empty() {
            return Ok(Decision::nothing(made));
        }
        let after = self.worker_after(worker, &events);
        let owner = self.owner.as_ref();
        let mut decision = Decision::of(made, events, owner);
        decision.session = Some(session::of(worker, &after, owner, None));
        Ok(decision)
    }

    /// What changes of where and how a worker's keys are published.
    fn published(
        &self,
        worker: &WorkerName,
        wish: &Wish,
        key: Option<DirectoryKey>,
        now: Time,
    ) -> Result<Vec<Event>, Error> {
        let found = self.workers.get(worker);
        let mut events = Vec::new();
        if self.wants_directory_key(worker) {
            let (worker, key) = (worker.clone(), key.ok_or(Error::NoKeys)?);
            events.push(self.event(now, event::What::DirectoryKey { worker, key }));
        }
        if let Some(trust) = &wish.directory
            && found.and_then(Worker::directory) != Some(trust)
        {
            let (worker, trust) = (worker.clone(), trust.clone());
            events.push(self.event(now, event::What::Directory { worker, trust }));
        }
        Ok(events)
    }

    /// A new generation; those before it live for `overlap` more, or until they retire anyway.
    ///
    /// # Errors
    ///
    /// [`Error::Svn`] if the program is older than an earlier one or another signer's,
    /// [`Error::Demands`] if it asks for other platforms than generations that stay alive, and what keeps
    /// others from it.
    pub fn new_generation(
        &self,
        client: Option<&Client>,
        worker: &WorkerName,
        program: &Program,
        overlap: Duration,
        keys: Option<Keys>,
        now: Time,
    ) -> Result<Decision<Made>, Error> {
        self.authorize(client)?;
        let found = self.worker(worker)?;
        if overlap > MAX_OVERLAP {
            return Err(Error::Overlap);
        }
        found.check_successor(worker, program, overlap)?;
        self.born(worker, program, overlap, keys, Vec::new(), now)
    }

    /// The program of a worker's newest generation, for the owner.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`], and what keeps others from it.
    pub fn program(&self, client: Option<&Client>, worker: &WorkerName) -> Result<Program, Error> {
        self.authorize(client)?;
        let newest = self.worker(worker)?.generations().last();
        let program = newest.map(|(_, generation)| generation.program.clone());
        program.ok_or_else(|| Error::Unknown {
            worker: worker.clone(),
        })
    }

    /// Destroys the keys of a generation now.
    ///
    /// # Errors
    ///
    /// [`Error::Newest`] for the newest generation, which a worker always has, and what keeps others from
    /// it.
    pub fn retire(
        &self,
        client: Option<&Client>,
        worker: &WorkerName,
        generation: u64,
        now: Time,
    ) -> Result<Decision<()>, Error> {
        self.authorize(client)?;
        let found = self.worker(worker)?;
        found.check_retirable(worker, generation)?;
        Ok(self.gone(worker, vec![generation], now, client))
    }

    /// Retires the generations of one worker whose overlap has ended. It has to be asked, and what it says
    /// be kept, before anything is released or told, until there is nothing.
    #[must_use]
    pub fn due(&self, now: Time) -> Option<Decision<()>> {
        self.workers.iter().find_map(|(name, worker)| {
            let due = worker.due(self.not_before(now));
            (!due.is_empty()).then(|| self.gone(name, due, now, None))
        })
    }

    /// When the next generation retires, in seconds since 1970.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        let generations = self.workers.values().flat_map(Worker::generations);
        generations.filter_map(|(_, one)| one.retires).min()
    }

    /// Makes the state that follows an event.
    pub fn apply(&mut self, event: &Event) {
        self.floor = self.floor.max(event.time);
        match &event.what {
            event::What::Claimed { owner } => self.owner = Some(*owner),
            event::What::Born {
                worker,
                generation,
                program,
                overlap,
            } => {
                let worker = self.workers.entry(worker.clone()).or_default();
                worker.born(*generation, program.clone(), event.time, *overlap);
            }
            event::What::Pool {
                worker,
                program,
                secrets,
            } => {
                let (worker, program) = (worker.clone(), Program::clone(program));
                self.pool = Some(Pool::new(worker, program, event.time, secrets.clone()));
            }
            event::What::Joined { member } => {
                if let Some(pool) = &mut self.pool {
                    pool.joined(member.clone());
                }
            }
            event::What::DirectoryKey { worker, key } => {
                let worker = self.workers.entry(worker.clone()).or_default();
                worker.signs_with(key.clone());
            }
            event::What::Directory { worker, trust } => {
                let worker = self.workers.entry(worker.clone()).or_default();
                worker.publishes_in(trust.clone());
            }
            event::What::Closed { .. } => self.pool = None,
            event::What::Retired { worker, generation } => {
                if let Some(worker) = self.workers.get_mut(worker) {
                    worker.retired(*generation);
                }
            }
        }
    }

    fn worker(&self, name: &WorkerName) -> Result<&Worker, Error> {
        self.workers.get(name).ok_or_else(|| Error::Unknown {
            worker: name.clone(),
        })
    }

    /// `now`, or the latest time that has been.
    fn not_before(&self, now: Time) -> u64 {
        now.unix().max(self.floor)
    }

    fn event(&self, now: Time, what: event::What) -> Event {
        let time = self.not_before(now);
        Event { time, what }
    }

    fn born(
        &self,
        name: &WorkerName,
        program: &Program,
        overlap: Duration,
        keys: Option<Keys>,
        more: Vec<Event>,
        now: Time,
    ) -> Result<Decision<Made>, Error> {
        let keys = keys.ok_or(Error::NoKeys)?;
        let generation = self.workers.get(name).map_or(0, Worker::newest) + 1;
        let event = self.event(
            now,
            event::What::Born {
                worker: name.clone(),
                generation,
                program: program.clone(),
                overlap: overlap.as_secs(),
            },
        );
        let events: Vec<Event> = std::iter::once(event).chain(more).collect();
        let after = self.worker_after(name, &events);
        let owner = self.owner.as_ref();
        let made = Made {
            worker: name.clone(),
            generation,
        };
        let mut decision = Decision::of(made, events, owner);
        decision.session = Some(session::of(name, &after, owner, Some((generation, &keys))));
        Ok(decision)
    }

    fn gone(
        &self,
        name: &WorkerName,
        generations: Vec<u64>,
        now: Time,
        who: Option<&Client>,
    ) -> Decision<()> {
        let event = |generation| {
            let worker = name.clone();
            self.event(now, event::What::Retired { worker, generation })
        };
        let events: Vec<_> = generations.into_iter().map(event).collect();
        let after = self.worker_after(name, &events);
        let mut decision = Decision::of((), events, who);
        decision.session = Some(session::of(name, &after, self.owner.as_ref(), None));
        decision
    }

    /// A worker as it is after these events.
    fn worker_after(&self, name: &WorkerName, events: &[Event]) -> Worker {
        let worker = self.workers.get(name).cloned();
        let mut alone = Self {
            workers: worker
                .map(|worker| (name.clone(), worker))
                .into_iter()
                .collect(),
            ..Self::default()
        };
        events.iter().for_each(|event| alone.apply(event));
        alone.workers.remove(name).unwrap_or_default()
    }
}

impl<T> Decision<T> {
    fn of(reply: T, events: Vec<Event>, who: Option<&Client>) -> Self {
        Self {
            reply,
            audit: events.iter().map(|event| event.audited(who)).collect(),
            events,
            session: None,
        }
    }

    fn nothing(reply: T) -> Self {
        Self::of(reply, Vec::new(), None)
    }
}
