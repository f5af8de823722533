//! Workers and their keys. What key management decides, and the session that gives the keys out, are kept
//! together.

use std::time::Duration;

use attestation::Time;
use provision::api::{self, NewGeneration, Owner, WorkerSession};
use provision::audit::{AuditLine, Audited, Outcome};
use provision::text::{Hex, Text};

use super::{Problem, Service};
use crate::journal::Journal;
use crate::kme::{self, Client, Kme, Made, Program, Worker, WorkerName};
use crate::state::{Decision, Event, State};

/// Lines of the audit log in one answer: they fit into what clients read.
const LINES: usize = 500;

impl Service {
    pub(super) fn claim(&self, client: Option<&Client>) -> Result<Owner, Problem> {
        self.manage("owner.claim", client, |kme, now| kme.claim(client, now))?;
        let owner = client.copied().unwrap_or_default();
        Ok(Owner { owner: Hex(owner) })
    }

    pub(super) fn ensure_worker(
        &self,
        client: Option<&Client>,
        name: &str,
        program: api::Program,
    ) -> Result<WorkerSession, Problem> {
        const EVENT: &str = "worker.ensure";
        let (name, program) = self.audited(EVENT, client, || both(name, program))?;
        let wanted = {
            let kme = &self.read().state.kme;
            kme.authorize(client).is_ok() && kme.wants_keys(&name)
        };
        let keys = wanted.then(|| self.spares.take()).transpose()?;
        let made = self.manage(EVENT, client, |kme, now| {
            kme.ensure(client, &name, &program, keys, now)
        })?;
        Ok(session_of(&made))
    }

    pub(super) fn new_generation(
        &self,
        client: Option<&Client>,
        name: &str,
        wish: NewGeneration,
    ) -> Result<WorkerSession, Problem> {
        const EVENT: &str = "worker.generation";
        let overlap = Duration::from_secs(wish.overlap_seconds);
        let (name, program) = self.audited(EVENT, client, || {
            let name: WorkerName = name.parse()?;
            let kme = &self.read().state.kme;
            kme.authorize(client)?;
            let program = match wish.program {
                Some(program) => Program::try_from(program)?,
                None => newest_program(kme, &name)?,
            };
            Ok((name, program))
        })?;
        let keys = self.spares.take()?;
        let made = self.manage(EVENT, client, |kme, now| {
            kme.new_generation(client, &name, &program, overlap, Some(keys), now)
        })?;
        Ok(session_of(&made))
    }

    pub(super) fn retire(
        &self,
        client: Option<&Client>,
        name: &str,
        generation: u64,
    ) -> Result<(), Problem> {
        self.manage("worker.retire", client, |kme, now| {
            kme.retire(client, &name.parse()?, generation, now)
        })
    }

    pub(super) fn workers(&self, client: Option<&Client>) -> Result<Vec<api::Worker>, Problem> {
        self.settle()?;
        let kept = self.read();
        kept.state.kme.authorize(client)?;
        Ok(kept.state.kme.workers().map(shown).collect())
    }

    pub(super) fn audit(
        &self,
        client: Option<&Client>,
        from: u64,
        limit: usize,
    ) -> Result<Vec<AuditLine>, Problem> {
        self.read().state.kme.authorize(client)?;
        let limit = limit.min(LINES).min(Journal::MAX_LINES);
        Ok(self.journal.audit(from, limit)?)
    }

    /// Has key management decide, and does it; a refusal stands in the audit log.
    fn manage<T>(
        &self,
        event: &str,
        client: Option<&Client>,
        decide: impl FnOnce(&Kme, Time) -> Result<kme::Decision<T>, kme::Error>,
    ) -> Result<T, Problem> {
        let done = self.change(|state, now| match decide(&state.kme, now) {
            Ok(decision) => Ok(self.with_session(state, decision)?.map(Ok)),
            Err(error) => Ok(Decision {
                events: Vec::new(),
                audit: vec![refused(event, client, &error, now)],
                reply: Err(error),
            }),
        })?;
        Ok(done?)
    }

    /// Prepares something about a request; a refusal stands in the audit log.
    fn audited<T>(
        &self,
        event: &str,
        client: Option<&Client>,
        prepare: impl FnOnce() -> Result<T, kme::Error>,
    ) -> Result<T, Problem> {
        let error = match prepare() {
            Ok(prepared) => return Ok(prepared),
            Err(error) => error,
        };
        let line = refused(event, client, &error, self.now());
        self.commit::<&[u8]>(&[], &[line])?;
        Err(error.into())
    }

    /// A decision of key management together with the session that follows from it.
    pub(super) fn with_session<T>(
        &self,
        state: &State,
        decision: kme::Decision<T>,
    ) -> Result<Decision<T>, Problem> {
        let mut events: Vec<_> = decision.events.into_iter().map(Event::Kme).collect();
        let mut audit = decision.audit;
        if let Some(session) = decision.session {
            let written = self.cas.write_own(&state.cas, session, self.now());
            events.extend(written.events);
            audit.extend(written.audit);
            written.reply?;
        }
        Ok(Decision {
            events,
            audit,
            reply: decision.reply,
        })
    }
}

fn both(name: &str, program: api::Program) -> Result<(WorkerName, Program), kme::Error> {
    Ok((name.parse()?, Program::try_from(program)?))
}

fn newest_program(kme: &Kme, name: &WorkerName) -> Result<Program, kme::Error> {
    let found = kme.workers().find(|(found, _)| *found == name);
    let newest = found.and_then(|(_, worker)| worker.generations().last());
    let (_, newest) = newest.ok_or_else(|| kme::Error::Unknown {
        worker: name.clone(),
    })?;
    Ok(newest.program.clone())
}

fn session_of(made: &Made) -> WorkerSession {
    WorkerSession {
        worker: made.worker.to_string(),
        session: made.worker.session(),
        service: kme::service_name(made.generation),
        generation: made.generation,
    }
}

fn shown((name, worker): (&WorkerName, &Worker)) -> api::Worker {
    let generations = worker.generations().map(|(number, one)| api::Generation {
        generation: number,
        service: kme::service_name(number),
        measurement: Text(one.program.measurement()),
        svn: one.program.svn(),
        made: Text(Time::from_unix(one.made)),
        retires: one.retires.map(|at| Text(Time::from_unix(at))),
    });
    api::Worker {
        worker: name.to_string(),
        session: name.session(),
        generations: generations.collect(),
    }
}

fn refused(event: &str, client: Option<&Client>, error: &kme::Error, now: Time) -> Audited {
    Audited {
        time: Text(now),
        event: event.to_owned(),
        outcome: Outcome::Refused,
        session: None,
        service: None,
        code: Some(error.code().to_owned()),
        detail: Some(error.to_string()),
        measurement: None,
        who: client.copied().map(Hex),
    }
}
