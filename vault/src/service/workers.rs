//! The owner, workers and their keys, and the audit log, which is the owner's to read.

use provision::api::{self, NewEntry, NewGeneration, NewWorker, Owner, SignedEntry, WorkerSession};
use provision::audit::AuditLine;

use super::{Problem, Service};
use crate::journal::Journal;
use crate::kme::requests::{self, Asker, Decided};
use crate::kme::{self, Client, DirectoryKey, Fresh, Kme, WorkerName};
use crate::state::State;

/// Lines of the audit log in one answer: they fit into what clients read.
const LINES: usize = 500;

impl Service {
    pub(super) fn claim(&self, client: Option<&Client>) -> Result<Owner, Problem> {
        self.manage(client, requests::claim)
    }

    pub(super) fn ensure_worker(
        &self,
        client: Option<&Client>,
        worker: &str,
        wish: NewWorker,
    ) -> Result<WorkerSession, Problem> {
        let (keys, directory_key) = {
            let kme = &self.read().state.kme;
            let name = worker.parse::<WorkerName>().ok();
            let name = name.filter(|_| kme.authorize(client).is_ok());
            let wants = |what: fn(&Kme, &WorkerName) -> bool| {
                name.as_ref().is_some_and(|name| what(kme, name))
            };
            (wants(Kme::wants_keys), wants(Kme::wants_directory_key))
        };
        let fresh = Fresh {
            keys: keys.then(|| self.spares.take()).transpose()?,
            directory_key: directory_key.then(DirectoryKey::generate).transpose()?,
        };
        self.manage(client, |state, asker| {
            requests::ensure(state, &self.cas, asker, worker, wish, fresh)
        })
    }

    /// A worker's entry for its key directory. It changes nothing here.
    pub(super) fn sign_entry(
        &self,
        client: Option<&Client>,
        worker: &str,
        wish: &NewEntry,
    ) -> Result<SignedEntry, Problem> {
        let nonce: [u8; kme::NONCE] = self.cas.random()?;
        let decided =
            self.look(|state, now| kme::entry(state, Asker { client, now }, worker, wish, &nonce));
        Ok(decided??)
    }

    pub(super) fn new_generation(
        &self,
        client: Option<&Client>,
        worker: &str,
        wish: NewGeneration,
    ) -> Result<WorkerSession, Problem> {
        // For strangers none are made, and none are thrown away.
        let is_owner = self.read().state.kme.authorize(client).is_ok();
        let keys = is_owner.then(|| self.spares.take()).transpose()?;
        self.manage(client, |state, asker| {
            requests::new_generation(state, &self.cas, asker, worker, wish, keys)
        })
    }

    pub(super) fn retire(
        &self,
        client: Option<&Client>,
        worker: &str,
        generation: u64,
    ) -> Result<(), Problem> {
        self.manage(client, |state, asker| {
            requests::retire(state, &self.cas, asker, worker, generation)
        })
    }

    pub(super) fn workers(&self, client: Option<&Client>) -> Result<Vec<api::Worker>, Problem> {
        self.settle()?;
        Ok(requests::workers(&self.read().state, client)?)
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

    /// Has key management decide, and does it.
    ///
    /// Once there is an owner, strangers change nothing: they are refused beside releases, and however many they are,
    /// no release waits until there are none.
    pub(super) fn manage<T>(
        &self,
        client: Option<&Client>,
        decide: impl FnOnce(&State, Asker<'_>) -> Decided<T>,
    ) -> Result<T, Problem> {
        let is_stranger = self.read().state.kme.is_stranger(client);
        let decide = |state: &State, now| decide(state, Asker { client, now });
        let done = if is_stranger {
            self.look(decide)
        } else {
            self.change(decide)
        };
        Ok(done??)
    }
}
