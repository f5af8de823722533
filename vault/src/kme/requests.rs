//! What the owner of a vault asks, decided over its whole state: generations, and the session that their
//! keys stand in.

use std::time::Duration;

use attestation::Time;
use provision::api::{self, NewGeneration, NewWorker, Owner, WorkerSession};
use provision::audit::{Audited, Outcome};
use provision::text::{Hex, Text};

use super::{
    Client, Decision, Error, Fresh, Generation, Keys, Made, Wish, Worker, WorkerName, directory,
    service_name,
};
use crate::cas::Cas;
use crate::state::{self, Event, State};

/// What is decided of a request: a refusal, too, is told in the audit log.
pub type Decided<T> = state::Decision<Result<T, Error>>;

/// Who asks, and when.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// SHA-256 of the public key of the client's certificate, if it has shown one.
    pub client: Option<&'a Client>,
    /// The time, by the host's clock.
    pub now: Time,
}

/// Makes whoever asks first the owner.
pub fn claim(state: &State, asker: Asker<'_>) -> Decided<Owner> {
    let decision = state.kme.claim(asker.client, asker.now);
    let owner = Owner {
        owner: Hex(asker.client.copied().unwrap_or_default()),
    };
    let decided = decision.map(|decision| kept(decision, None));
    asker
        .refused_or("owner.claim", None, decided)
        .map(|reply| reply.map(|()| owner))
}

/// The keys of a worker for this program, which are made if there are none. What has to be in `fresh` say
/// [`Kme::wants_keys`](super::Kme::wants_keys) and
/// [`Kme::wants_directory_key`](super::Kme::wants_directory_key).
pub fn ensure(
    state: &State,
    cas: &Cas,
    asker: Asker<'_>,
    worker: &str,
    wish: NewWorker,
    fresh: Fresh,
) -> Decided<WorkerSession> {
    let decision = name_and(worker, wish).and_then(|(name, wish)| {
        let (client, now) = (asker.client, asker.now);
        state.kme.ensure(client, &name, &wish, fresh, now)
    });
    let decided = decision.and_then(|decision| with_session(state, cas, asker.now, decision));
    let decided = asker.refused_or("worker.generation", Some(worker), decided);
    decided.map(|reply| reply.map(session_of))
}

/// New keys of a worker, for the program of its newest ones unless another is named. Only the owner needs
/// `keys`: for others none have to be made.
pub fn new_generation(
    state: &State,
    cas: &Cas,
    asker: Asker<'_>,
    worker: &str,
    wish: NewGeneration,
    keys: Option<Keys>,
) -> Decided<WorkerSession> {
    let decide = || {
        let name: WorkerName = worker.parse()?;
        let program = match wish.program {
            Some(program) => program.try_into()?,
            None => state.kme.program(asker.client, &name)?,
        };
        let overlap = Duration::from_secs(wish.overlap_seconds);
        let (client, now) = (asker.client, asker.now);
        state
            .kme
            .new_generation(client, &name, &program, overlap, keys, now)
    };
    let decided = decide().and_then(|decision| with_session(state, cas, asker.now, decision));
    let decided = asker.refused_or("worker.generation", Some(worker), decided);
    decided.map(|reply| reply.map(session_of))
}

/// Destroys the keys of a generation now.
pub fn retire(
    state: &State,
    cas: &Cas,
    asker: Asker<'_>,
    worker: &str,
    generation: u64,
) -> Decided<()> {
    let name = worker.parse::<WorkerName>();
    let decision =
        name.and_then(|name| state.kme.retire(asker.client, &name, generation, asker.now));
    let decided = decision.and_then(|decision| with_session(state, cas, asker.now, decision));
    asker.refused_or("worker.retire", Some(worker), decided)
}

/// The workers and their generations, for the owner.
///
/// # Errors
///
/// Whoever asks is not the owner.
pub fn workers(state: &State, client: Option<&Client>) -> Result<Vec<api::Worker>, Error> {
    state.kme.authorize(client)?;
    Ok(state.kme.workers().map(listed).collect())
}

/// Retires what is due, one worker at a time: to be asked until there is nothing, before anything is
/// released or listed. It is no request, and nobody is answered.
#[must_use]
pub fn due(state: &State, cas: &Cas, now: Time) -> Option<Decided<()>> {
    let decision = state.kme.due(now)?;
    let nobody = Asker { client: None, now };
    let decided = with_session(state, cas, now, decision);
    Some(nobody.refused_or("worker.retire", None, decided))
}

impl Asker<'_> {
    /// The decision, or the line of the audit log that says why there is none.
    pub(super) fn refused_or<T>(
        &self,
        event: &str,
        worker: Option<&str>,
        decided: Result<state::Decision<T>, Error>,
    ) -> Decided<T> {
        let error = match decided {
            Ok(decision) => return decision.map(Ok),
            Err(error) => error,
        };
        let name = worker.and_then(|worker| worker.parse::<WorkerName>().ok());
        let line = Audited {
            time: Text(self.now),
            event: event.to_owned(),
            outcome: Outcome::Refused,
            session: name.map(|name| name.session().to_string()),
            service: None,
            code: Some(error.code().to_owned()),
            detail: Some(error.to_string()),
            measurement: None,
            who: self.client.copied().map(Hex),
        };
        state::Decision {
            events: Vec::new(),
            audit: vec![line],
            reply: Err(error),
        }
    }
}

fn name_and(worker: &str, wish: NewWorker) -> Result<(WorkerName, Wish), Error> {
    let name = worker.parse()?;
    let program = wish.program.try_into()?;
    let directory = wish.directory.as_deref().map(directory::trust);
    let directory = directory.transpose()?;
    Ok((name, Wish { program, directory }))
}

/// The decision with what CAS makes of its session.
fn with_session<T>(
    state: &State,
    cas: &Cas,
    now: Time,
    mut decision: Decision<T>,
) -> Result<state::Decision<T>, Error> {
    let Some(session) = decision.session.take() else {
        return Ok(kept(decision, None));
    };
    let written = cas.write_own(&state.cas, session, now);
    match written.reply {
        Err(error) => Err(Error::Session(error)),
        Ok(_) => Ok(kept(decision, Some((written.events, written.audit)))),
    }
}

/// What is kept of a decision: its own events, then those of the session.
fn kept<T>(
    decision: Decision<T>,
    session: Option<(Vec<Event>, Vec<Audited>)>,
) -> state::Decision<T> {
    let (events, audit) = session.unwrap_or_default();
    let own = decision.events.into_iter().map(Event::Kme);
    state::Decision {
        events: own.chain(events).collect(),
        audit: decision.audit.into_iter().chain(audit).collect(),
        reply: decision.reply,
    }
}

fn session_of(made: Made) -> WorkerSession {
    WorkerSession {
        session: made.worker.session(),
        worker: made.worker.to_string(),
        service: service_name(made.generation),
        generation: made.generation,
    }
}

fn listed((name, worker): (&WorkerName, &Worker)) -> api::Worker {
    let generation = |(number, one): (u64, &Generation)| api::Generation {
        generation: number,
        service: service_name(number),
        measurement: Text(one.program.measurement()),
        svn: one.program.svn(),
        made: Text(Time::from_unix(one.made)),
        retires: one.retires.map(|at| Text(Time::from_unix(at))),
    };
    api::Worker {
        worker: name.to_string(),
        session: name.session(),
        generations: worker.generations().map(generation).collect(),
    }
}

#[cfg(test)]
mod tests;
