//! The newest published epoch, as answers show it.

use std::sync::{Arc, PoisonError, RwLock};

use transparency::messages::{LogProof, SignedMapHead};

use crate::auditors;
use crate::storage::{Head, Snapshot, Storage};
use crate::{Refusal, failed};

/// What all answers of an epoch have in common.
pub(crate) struct Current {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) head: SignedHead,
    pub(crate) log: LogProof,
}

/// A head as it goes over the wire.
#[derive(Clone)]
pub(crate) struct SignedHead {
    pub(crate) smh: SignedMapHead,
    pub(crate) sct: Vec<u8>,
}

/// The newest epoch, replaced by a swap of pointers.
pub(crate) struct Newest(RwLock<Arc<Current>>);

impl Newest {
    pub(crate) fn new(current: Current) -> Self {
        Self(RwLock::new(Arc::new(current)))
    }

    pub(crate) fn get(&self) -> Arc<Current> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces `old`, unless that has been done meanwhile.
    pub(crate) fn replace(&self, old: &Arc<Current>, current: Current) {
        let mut newest = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&newest, old) {
            *newest = Arc::new(current);
        }
    }

    pub(crate) fn set(&self, current: Current) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
    }
}

impl Current {
    pub(crate) fn of(snapshot: Arc<Snapshot>, storage: &Storage) -> Result<Self, Refusal> {
        let head = SignedHead::of(snapshot.head(), storage)?;
        let log = LogProof {
            leaf_index: snapshot.head().epoch,
            tree_size: snapshot.head().epoch + 1,
            audit_path: snapshot
                .inclusion()
                .iter()
                .map(|hash| hash.to_vec())
                .collect(),
            checkpoint: checkpoint(&snapshot),
        };
        Ok(Self {
            snapshot,
            head,
            log,
        })
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.snapshot.head().epoch
    }

    /// The proof that the head of an older epoch is in the same log.
    pub(crate) fn log_proof(&self, epoch: u64, storage: &Storage) -> Result<LogProof, Refusal> {
        if epoch == self.epoch() {
            return Ok(self.log.clone());
        }
        let path = storage
            .inclusion(epoch, self.log.tree_size)
            .map_err(failed("a proof of the log"))?;
        Ok(LogProof {
            leaf_index: epoch,
            audit_path: path.iter().map(|hash| hash.to_vec()).collect(),
            ..self.log.clone()
        })
    }
}

impl SignedHead {
    /// With the signatures that auditors have added to it.
    pub(crate) fn of(head: &Head, storage: &Storage) -> Result<Self, Refusal> {
        let mut smh = SignedMapHead::decode(&head.head).map_err(failed("a stored head"))?;
        let added = storage
            .signatures(head.epoch)
            .map_err(failed("signatures of auditors"))?;
        smh.auditor_signatures = auditors::signatures(added);
        Ok(Self {
            smh,
            sct: head.sct.clone(),
        })
    }
}

/// Checkpoints are text; ours were made of text.
pub(crate) fn checkpoint(snapshot: &Snapshot) -> String {
    String::from_utf8_lossy(snapshot.checkpoint()).into_owned()
}
