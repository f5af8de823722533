//! What the vault does with a request: decides, has the journal keep it, and only then answers.
//!
//! Requests that change the state go one at a time, from their decision until the journal has them and the state
//! is changed. Releases change nothing, so any number of them go at once, and their lines of the audit log
//! share one flush; but none while something changes. So the audit log has everything in the order in which it
//! was true, and what was answered to be retired is given to nobody any more.

mod clock;
mod evidence;
mod pool;
mod problem;
mod releases;
mod route;
mod sessions;
mod turns;
mod workers;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use attestation::Time;
use provision::Realm;
use provision::audit::Audited;
use zeroize::Zeroizing;

use crate::cas::Cas;
use crate::journal::{self, Journal, Position};
use crate::kme::pool::Desk;
use crate::kme::{Spares, requests};
use crate::state::{Decision, Event, State};

pub use clock::Clock;
pub use evidence::OwnEvidence;
pub use problem::Problem;

/// Sessions that have RSA keys made at once. Anybody may write sessions, and most threads are for releases.
const MAKING: usize = 4;

/// Everything that requests are answered with.
pub struct Service {
    making: turns::Turns,
    kept: RwLock<Kept>,
    journal: Journal,
    cas: Cas,
    spares: Spares,
    desk: Desk,
    published: pool::Published,
    clock: Clock,
    evidence: OwnEvidence,
}

/// What a service is made of.
pub struct Parts {
    /// The state that the journal has brought back.
    pub state: State,
    /// Where in the journal that is.
    pub position: Position,
    /// Where changes are kept.
    pub journal: Journal,
    /// Who decides about sessions.
    pub cas: Cas,
    /// Keys for workers to come.
    pub spares: Spares,
    /// What answers managers of pools.
    pub desk: Desk,
    /// What the vault says of itself.
    pub evidence: OwnEvidence,
}

struct Kept {
    state: State,
    position: Position,
}

impl Service {
    /// From its parts. Its clock starts now.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            making: turns::Turns::new(MAKING),
            kept: RwLock::new(Kept {
                state: parts.state,
                position: parts.position,
            }),
            journal: parts.journal,
            cas: parts.cas,
            spares: parts.spares,
            desk: parts.desk,
            published: pool::Published::default(),
            clock: Clock::start(),
            evidence: parts.evidence,
        }
    }

    /// What the vault calls itself.
    #[must_use]
    pub fn realm(&self) -> &Realm {
        self.evidence.realm()
    }

    /// What has to be done from time to time, whether anybody asks or not: keys whose time is over are
    /// destroyed, the state is put into the journal when that makes opening it faster, and fresh collateral is
    /// asked for.
    ///
    /// # Errors
    ///
    /// [`Problem`]; the next time may succeed.
    pub fn keep_house(&self) -> Result<(), Problem> {
        self.settle()?;
        self.checkpoint()?;
        self.evidence.refresh()
    }

    /// Decides on something that may change the state, and does it.
    fn change<T>(&self, decide: impl FnOnce(&State, Time) -> Decision<T>) -> Result<T, Problem> {
        let mut kept = self.write();
        self.settle_in(&mut kept)?;
        let decision = decide(&kept.state, self.now());
        self.keep(&mut kept, decision)
    }

    /// Decides on something that changes nothing. What it says is in the audit log before it is said, and nothing
    /// changes meanwhile.
    fn look<T>(&self, decide: impl FnOnce(&State, Time) -> Decision<T>) -> Result<T, Problem> {
        self.settle()?;
        let kept = self.read();
        let decision = decide(&kept.state, self.now());
        self.say(decision)
    }

    /// The answer of a decision that changes nothing, when what it says is in the audit log.
    fn say<T>(&self, decision: Decision<T>) -> Result<T, Problem> {
        if !decision.audit.is_empty() {
            self.commit::<&[u8]>(&[], &decision.audit)?;
        }
        Ok(decision.reply)
    }

    /// Has the journal keep a decision, and makes its changes.
    fn keep<T>(&self, kept: &mut Kept, decision: Decision<T>) -> Result<T, Problem> {
        let events: Result<Vec<Zeroizing<Vec<u8>>>, _> =
            decision.events.iter().map(Event::encode).collect();
        let events = events?;
        if !events.is_empty() || !decision.audit.is_empty() {
            kept.position = self.commit(&events, &decision.audit)?;
        }
        for event in decision.events {
            kept.state.apply(event);
        }
        Ok(decision.reply)
    }

    /// Puts something into the journal, or ends the program: after a fault of the journal nobody knows what is in
    /// it, and only opening it again finds out.
    fn commit<E: AsRef<[u8]>>(&self, events: &[E], audit: &[Audited]) -> Result<Position, Problem> {
        self.journal.commit(events, audit).map_err(|error| {
            if !matches!(error, journal::Error::Long { .. }) {
                end(&error);
            }
            Problem::Journal(error)
        })
    }

    /// Puts the state into the journal, if it is time.
    fn checkpoint(&self) -> Result<(), Problem> {
        if !self.journal.is_checkpoint_due() {
            return Ok(());
        }
        let kept = self.read();
        let snapshot = kept.state.snapshot()?;
        match self.journal.checkpoint(kept.position, &snapshot) {
            Ok(()) => Ok(()),
            Err(error @ (journal::Error::Stale | journal::Error::Long { .. })) => {
                Err(Problem::Journal(error))
            }
            Err(error) => end(&error),
        }
    }

    /// Destroys keys whose time is over, before anything is decided that they could have a part in.
    fn settle(&self) -> Result<(), Problem> {
        let due = self.read().state.kme.next_due();
        if due.is_none_or(|due| due > self.now().unix()) {
            return Ok(());
        }
        self.settle_in(&mut self.write())
    }

    fn settle_in(&self, kept: &mut Kept) -> Result<(), Problem> {
        while let Some(due) = requests::due(&kept.state, &self.cas, self.now()) {
            self.keep(kept, due)??;
        }
        Ok(())
    }

    fn now(&self) -> Time {
        self.clock.now(self.journal.floor())
    }

    fn read(&self) -> RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Kept> {
        self.kept.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the program: its host starts it again, and it opens the journal as that is.
fn end(error: &journal::Error) -> ! {
    eprintln!("[{}] the journal failed: {error}", error.code());
    std::process::exit(crate::program::exit::INTERNAL.into())
}
