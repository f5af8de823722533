//! Where users stand in the map: outputs and proofs of the VRF, computed once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use transparency::map::Index;
use transparency::vrf::{self, Suite};

use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::storage::{Storage, UserRecord};
use crate::{Refusal, failed};

/// A user's place, and the proof that it is the only one.
#[derive(Clone, Copy)]
pub(crate) struct Record {
    pub(crate) index: Index,
    pub(crate) vrf: [u8; vrf::OUTPUT_LEN],
    pub(crate) proof: [u8; vrf::PROOF_LEN],
}

/// Records of users. Those who have an entry are on disk; of the others the last ones that somebody asked for
/// are kept in memory, so that inventing ids fills no disk.
pub(crate) struct Records {
    storage: Arc<Storage>,
    keys: Arc<Keys>,
    suite: Suite,
    metrics: Arc<Metrics>,
    absent: Mutex<Recent>,
}

/// The last so many of something: when the young are too many, they become the old, and the old are
/// forgotten. Who is asked for again is young again.
#[derive(Default)]
struct Recent {
    young: HashMap<String, Record>,
    old: HashMap<String, Record>,
}

/// Most records of one generation: with ids of 256 bytes, 15 MB together.
const GENERATION: usize = 16_384;

impl Records {
    pub(crate) fn new(
        storage: Arc<Storage>,
        keys: Arc<Keys>,
        suite: Suite,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            storage,
            keys,
            suite,
            metrics,
            absent: Mutex::default(),
        }
    }

    /// The record of a user. `fresh` is asked before a proof is computed, which takes about half a
    /// millisecond.
    pub(crate) fn of(
        &self,
        user: &str,
        fresh: impl FnOnce() -> Result<(), Refusal>,
    ) -> Result<Record, Refusal> {
        if let Some(record) = self.absent().get(user) {
            return Ok(record);
        }
        let stored = self.storage.user(user).map_err(failed("a user"))?;
        if let Some(UserRecord {
            vrf,
            proof: Some(proof),
        }) = stored
        {
            return Ok(Record::new(vrf, proof));
        }
        fresh()?;
        let record = self.compute(user)?;
        // Imported users come without proofs, but they are users.
        if stored.is_some() {
            self.keep(user, &record)?;
        } else {
            self.absent().insert(user.to_owned(), record);
        }
        Ok(record)
    }

    /// Keeps the record of somebody who has, or is about to have, an entry.
    pub(crate) fn keep(&self, user: &str, record: &Record) -> Result<(), Refusal> {
        let record = UserRecord {
            vrf: record.vrf,
            proof: Some(record.proof),
        };
        self.storage
            .put_user(user, &record)
            .map_err(failed("a user"))
    }

    fn compute(&self, user: &str) -> Result<Record, Refusal> {
        self.metrics.vrf_proofs.inc();
        let (output, proof) = self
            .keys
            .vrf
            .prove_as(self.suite, user)
            .map_err(failed("a VRF proof"))?;
        Ok(Record::new(*output.as_bytes(), *proof.as_bytes()))
    }

    fn absent(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.absent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn new(vrf: [u8; vrf::OUTPUT_LEN], proof: [u8; vrf::PROOF_LEN]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, &vrf);
        let mut index = [0; 32];
        index.copy_from_slice(digest.as_ref());
        Self {
            index: Index::new(index),
            vrf,
            proof,
        }
    }
}

impl Recent {
    fn get(&mut self, user: &str) -> Option<Record> {
        if let Some(record) = self.young.get(user) {
            return Some(*record);
        }
        let (user, record) = self.old.remove_entry(user)?;
        self.insert(user, record);
        Some(record)
    }

    fn insert(&mut self, user: String, record: Record) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(user, record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recent_are_bounded_and_the_asked_for_stay() {
        let record = Record::new([4; 65], [1; 64]);
        let mut recent = Recent::default();
        recent.insert("asked".to_owned(), record);
        for number in 0..5 * GENERATION {
            recent.insert(number.to_string(), record);
            if number % (GENERATION / 2) == 0 {
                assert!(recent.get("asked").is_some(), "{number}");
            }
            assert!(recent.young.len() + recent.old.len() <= 2 * GENERATION);
        }
        assert!(recent.get("0").is_none());
    }
}
