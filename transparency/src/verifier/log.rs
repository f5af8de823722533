//! Check 5: the head is in the log that everybody sees, and witnesses and auditors stand by it.

use super::{Head, Logged, Verifier};
use crate::error::Error;
use crate::log::{self, Hash};
use crate::memory::{LogState, Memory};
use crate::messages::{GetEntryResponse, LogProof};
use crate::note::{Checkpoint, Note, VerifierKey};
use crate::object_hash;
use crate::sct::{self, Sct};

impl Verifier {
    /// How far the head is in the log, and how many pinned witnesses have signed the log.
    pub(super) fn logged(
        &self,
        answer: &GetEntryResponse,
        head: &Head,
    ) -> Result<(Logged, usize), Error> {
        if self.keys.log.is_none() && self.keys.checkpoint.is_none() {
            return Ok((Logged::Unchecked, 0));
        }
        if answer.smh_sct.is_empty() {
            return Err(Error::Sct("smh_sct is missing".to_owned()));
        }
        let promise =
            Sct::decode(&answer.smh_sct).map_err(|fault| Error::Sct(fault.to_string()))?;
        if let Some(key) = &self.keys.log {
            promise
                .verify(&head.signed, key)
                .map_err(|fault| Error::Sct(fault.to_string()))?;
        }
        let Some(key) = &self.keys.checkpoint else {
            return Ok((Logged::Promised, 0));
        };
        let proof = answer.log_proof.as_ref().ok_or_else(|| {
            Error::Log(
                "missing, and a checkpoint_key is pinned: the head may be shown to nobody else"
                    .to_owned(),
            )
        })?;
        let (note, state) = checkpoint(key, proof)?;
        included(&promise, head, proof, state)?;
        let witnesses = self.witnessed(&note)?;
        Ok((Logged::Included(state), witnesses))
    }

    /// How many pinned auditors have signed the head.
    pub(super) fn audited(&self, head: &Head) -> Result<usize, Error> {
        let Some(map_head) = &head.signed.map_head else {
            return Ok(0);
        };
        let preimage = object_hash::map_head(map_head);
        let signed = |key: &&crate::signature::VerifyingKey| {
            [&head.signed.signatures, &head.signed.auditor_signatures]
                .iter()
                .any(|signatures| key.verify_among(&preimage, signatures).is_ok())
        };
        let have = self.keys.auditors.iter().filter(signed).count();
        let want = self.keys.auditors_wanted;
        if have < want {
            return Err(Error::Auditors { have, want });
        }
        Ok(have)
    }

    /// Verifies that the newer log which was seen continues the one before, by a consistency proof of RFC 6962
    /// for the sizes of [`Memory::log`] and [`Memory::newer_log`].
    ///
    /// # Errors
    ///
    /// [`Error::Log`] if it doesn't: nobody can add to a log and change what was in it, and have this proof.
    pub fn link(&self, proof: &[Hash], memory: &mut Memory) -> Result<(), Error> {
        let (Some(old), Some(new)) = (memory.log, memory.newer_log) else {
            return Ok(());
        };
        log::verify_consistency(old.size, &old.root, new.size, &new.root, proof).map_err(
            |fault| {
                Error::Log(format!(
                    "the log of size {} isn't shown to begin with the log of size {} that was seen: {fault}",
                    new.size, old.size
                ))
            },
        )?;
        memory.log = Some(new);
        memory.newer_log = None;
        Ok(())
    }

    fn witnessed(&self, note: &Note) -> Result<usize, Error> {
        let keys = self.keys.witnesses.iter();
        let have = keys.filter(|key| note.verify(key).is_ok()).count();
        let want = self.keys.witnesses_wanted;
        if have < want {
            return Err(Error::Witnesses { have, want });
        }
        Ok(have)
    }
}

/// The checkpoint, signed by the log.
fn checkpoint(key: &VerifierKey, proof: &LogProof) -> Result<(Note, LogState), Error> {
    let broken = |fault: crate::note::Error| Error::Log(format!("checkpoint: {fault}"));
    let note = Note::parse(&proof.checkpoint).map_err(broken)?;
    note.verify(key).map_err(broken)?;
    let Checkpoint { origin, size, root } = Checkpoint::parse(&note.text).map_err(broken)?;
    if origin != key.name() {
        return Err(Error::Log(format!(
            "checkpoint: it is of {origin:?}, and the pinned key is of {:?}",
            key.name()
        )));
    }
    if size != proof.tree_size {
        return Err(Error::Log(format!(
            "tree_size: {}, and the checkpoint is of size {size}",
            proof.tree_size
        )));
    }
    Ok((note, LogState { size, root }))
}

/// The head is the leaf of its epoch.
fn included(promise: &Sct, head: &Head, proof: &LogProof, state: LogState) -> Result<(), Error> {
    if proof.leaf_index != head.epoch {
        return Err(Error::Log(format!(
            "leaf_index: {}, and the head of epoch {} has the same number in the log",
            proof.leaf_index, head.epoch
        )));
    }
    let path = proof
        .audit_path
        .iter()
        .map(|hash| Hash::try_from(hash.as_slice()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| Error::Log("audit_path: a hash has 32 bytes".to_owned()))?;
    let leaf = sct::leaf_hash(promise.timestamp_ms, &sct::entry_text(&head.signed))
        .map_err(|fault| Error::Sct(fault.to_string()))?;
    log::verify_inclusion(&leaf, proof.leaf_index, state.size, &path, &state.root)
        .map_err(|fault| Error::Log(format!("audit_path: {fault}")))
}

/// Checks that a log doesn't contradict those that were seen, and is no older.
pub(super) fn check_seen(log: LogState, memory: &Memory) -> Result<(), Error> {
    check_same(log, memory)?;
    let seen = [memory.log, memory.newer_log];
    let newest = seen.iter().flatten().map(|seen| seen.size).max();
    match newest {
        Some(seen) if log.size < seen => Err(Error::EpochOld {
            what: "log of size",
            found: log.size,
            seen,
        }),
        _ => Ok(()),
    }
}

/// Checks that a log of a size that was seen has the root that was seen.
pub(super) fn check_same(log: LogState, memory: &Memory) -> Result<(), Error> {
    let seen = [memory.log, memory.newer_log];
    if seen
        .iter()
        .flatten()
        .any(|seen| seen.size == log.size && seen.root != log.root)
    {
        return Err(two_logs(log));
    }
    Ok(())
}

/// There are two logs of this size.
pub(super) fn two_logs(log: LogState) -> Error {
    Error::Equivocation {
        what: "the log of size",
        number: log.size,
    }
}

/// Remembers a log that has been checked: the first one as it is, later ones until they are linked to it.
pub(super) fn see(log: LogState, memory: &mut Memory) {
    match memory.log {
        None => memory.log = Some(log),
        Some(seen) if log.size > seen.size => memory.newer_log = Some(log),
        Some(_) => {}
    }
}
