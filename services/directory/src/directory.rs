//! The directory without its wire: what is answered to whom.

mod config;
mod history;
mod log;
mod open;

use std::sync::Arc;

use transparency::map::Index;
use transparency::messages::{Committed, EntryUpdate, GetEntryResponse, LeafProof, LogProof};
use transparency::mutation::Verdict;
use transparency::trust::Trust;
use transparency::vrf::Suite;

use crate::apps::Apps;
use crate::auditors::AuditorKeys;
use crate::core::Core;
use crate::current::{Current, SignedHead};
use crate::metrics::Metrics;
use crate::records::{Record, Records};
use crate::sequencer::{Job, Sequencer};
use crate::storage::{Pending, Proof};
use crate::{Refusal, failed, updates};

pub use history::Page;

/// A directory that is open: everything but HTTP.
pub struct Directory {
    core: Arc<Core>,
    records: Records,
    sequencer: Sequencer,
    apps: Apps,
    auditors: AuditorKeys,
    suite: Suite,
    trust: Trust,
}

/// Longest id of a user, in bytes.
const MAX_USER: usize = 256;

impl Directory {
    /// The newest entry of a user, or that there is none, with everything that proves it.
    ///
    /// # Errors
    ///
    /// The id can't be one; or the store can't be read.
    pub fn get(&self, user: &str) -> Result<GetEntryResponse, Refusal> {
        self.get_if(user, || Ok(()))
    }

    /// As [`get`](Self::get); `fresh` is asked before a VRF proof is computed, for somebody whom nobody has asked
    /// for before.
    pub(crate) fn get_if(
        &self,
        user: &str,
        fresh: impl FnOnce() -> Result<(), Refusal>,
    ) -> Result<GetEntryResponse, Refusal> {
        is_user(user)?;
        let record = self.records.of(user, fresh)?;
        self.present(&record)
    }

    /// Makes sure that the user's VRF proof is there; `fresh` is asked before it is computed.
    pub(crate) fn known(
        &self,
        user: &str,
        fresh: impl FnOnce() -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        is_user(user)?;
        self.records.of(user, fresh).map(drop)
    }

    /// Takes an update of this user, whose credentials have been checked, and answers with the present state. The
    /// update is on disk by then; it can be seen after the next epoch. One that stands there already is
    /// answered likewise.
    ///
    /// # Errors
    ///
    /// Every rule that it breaks; [`Refusal::Busy`] when too many wait.
    pub async fn put(
        self: &Arc<Self>,
        user: &str,
        update: EntryUpdate,
    ) -> Result<GetEntryResponse, Refusal> {
        is_user(user)?;
        let (this, user) = (Arc::clone(self), user.to_owned());
        // Evidence of workers takes milliseconds to verify.
        let checked = tokio::task::spawn_blocking(move || this.check(user, &update));
        let (job, record) = checked.await.map_err(failed("a check"))??;
        if let Some(job) = job {
            self.sequencer.take(job).await?;
        }
        self.present(&record)
    }

    /// Makes an epoch now, and gives its number once it is published.
    ///
    /// # Errors
    ///
    /// The directory has stopped.
    pub async fn advance(&self) -> Result<u64, Refusal> {
        self.sequencer.advance().await
    }

    /// What clients pin: the realm and the public keys.
    pub fn config(&self) -> &Trust {
        &self.trust
    }

    /// The newest published epoch.
    pub fn epoch(&self) -> u64 {
        self.core.newest.get().epoch()
    }

    #[cfg(test)]
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.core.metrics
    }

    /// Ends the writing threads once they have done what they are at. Blocks until then.
    pub(crate) fn stop(&self) {
        self.sequencer.stop();
    }

    /// The update, ready to wait, unless it stands there already; and its user's place.
    fn check(&self, user: String, update: &EntryUpdate) -> Result<(Option<Job>, Record), Refusal> {
        let record = self.records.of(&user, || Ok(()))?;
        updates::check(&user, &record.index, update, &self.apps)?;
        let current = self.core.newest.get();
        let there = current.snapshot.prove(&record.index);
        let leaf = there
            .map_err(failed("an entry"))?
            .leaf
            .map(|leaf| leaf.leaf);
        match updates::follows(update, leaf.as_deref())? {
            Verdict::Replay => return Ok((None, record)),
            Verdict::Apply => {}
        }
        self.records.keep(&user, &record)?;
        let job = Job {
            pending: Pending {
                user,
                index: record.index,
                update: update.update.encode(),
                committed: update
                    .committed
                    .as_ref()
                    .map(Committed::encode)
                    .unwrap_or_default(),
            },
            value: update.update.key_value.value.clone(),
            follows: leaf,
        };
        Ok((Some(job), record))
    }

    fn present(&self, record: &Record) -> Result<GetEntryResponse, Refusal> {
        let current = self.core.newest.get();
        let proof = current.snapshot.prove(&record.index);
        let proof = proof.map_err(failed("a proof"))?;
        self.answer(record, proof, current.head.clone(), current.log.clone())
    }

    fn answer(
        &self,
        record: &Record,
        proof: Proof,
        head: SignedHead,
        log: LogProof,
    ) -> Result<GetEntryResponse, Refusal> {
        let neighbors = proof.map.to_neighbors();
        let (leaf_data, committed) = match proof.leaf {
            Some(leaf) => {
                let committed = Committed::decode(&leaf.committed);
                let committed = committed.map_err(failed("a stored opening"))?;
                (leaf.leaf, Some(committed))
            }
            None => (Vec::new(), None),
        };
        Ok(GetEntryResponse {
            vrf: record.vrf.to_vec(),
            vrf_proof: record.proof.to_vec(),
            committed,
            leaf_proof: Some(LeafProof {
                leaf_data,
                neighbors,
            }),
            smh: Some(head.smh),
            smh_sct: head.sct,
            vrf_suite: self.suite.name().to_owned(),
            log_proof: Some(log),
            update: None,
        })
    }

    /// What the map of an epoch has at a place, as answers show it.
    fn at(
        &self,
        current: &Current,
        epoch: u64,
        index: &Index,
    ) -> Result<(Proof, SignedHead, LogProof), Refusal> {
        let storage = &self.core.storage;
        if epoch == current.epoch() {
            let proof = current.snapshot.prove(index).map_err(failed("a proof"))?;
            return Ok((proof, current.head.clone(), current.log.clone()));
        }
        let proof = storage.prove(epoch, index).map_err(history::gone)?;
        let head = storage.head(epoch).map_err(failed("a head"))?;
        let head = SignedHead::of(&head, storage)?;
        Ok((proof, head, current.log_proof(epoch, storage)?))
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory")
            .field("realm", &self.core.realm)
            .finish_non_exhaustive()
    }
}

/// Whether something can be a user's id: 1 to 256 bytes, no control characters.
pub(crate) fn is_user(user: &str) -> Result<(), Refusal> {
    let fault = if user.is_empty() {
        "the user's id is empty"
    } else if user.len() > MAX_USER {
        "the user's id has more than 256 bytes"
    } else if user.chars().any(char::is_control) {
        "the user's id has control characters"
    } else {
        return Ok(());
    };
    Err(Refusal::Request(fault.to_owned()))
}
