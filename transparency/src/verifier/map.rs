//! Checks 1 to 4: the user's place, the head, the way between them, and what stands there.

use super::{Head, Present, Verifier, missing};
use crate::commitment;
use crate::error::Error;
use crate::map::{self, Index};
use crate::messages::{Committed, Entry, GetEntryResponse, LeafProof, Profile};
use crate::object_hash;
use crate::vrf::{Output, Proof};

impl Verifier {
    /// Check 1: the index is this user's, and the only one that it has.
    pub(super) fn index(&self, user: &str, answer: &GetEntryResponse) -> Result<Index, Error> {
        let suite = self.keys.suite;
        if !answer.vrf_suite.is_empty() && answer.vrf_suite != suite.name() {
            return Err(Error::Vrf(format!(
                "the answer is of suite {:?}, and {:?} is pinned",
                answer.vrf_suite,
                suite.name()
            )));
        }
        let broken = |fault: crate::vrf::Error| Error::Vrf(fault.to_string());
        let output = Output::from_slice(&answer.vrf).map_err(broken)?;
        let proof = Proof::from_slice(&answer.vrf_proof).map_err(broken)?;
        self.keys
            .vrf
            .verify_as(suite, user, &output, &proof)
            .map_err(broken)
    }

    /// Check 2: the head is signed by the pinned key, and of the pinned realm.
    pub(super) fn head(&self, answer: &GetEntryResponse) -> Result<Head, Error> {
        let signed = answer.smh.as_ref().ok_or_else(|| missing("smh"))?;
        let head = signed
            .map_head
            .as_ref()
            .ok_or_else(|| missing("smh.map_head"))?;
        self.keys
            .map
            .verify_among(&object_hash::map_head(head), &signed.signatures)
            .map_err(|fault| Error::HeadSignature {
                epoch: head.epoch,
                what: fault.to_string(),
            })?;
        if head.realm != self.realm() {
            return Err(Error::Realm {
                found: head.realm.clone(),
                pinned: self.realm().to_owned(),
            });
        }
        Head::read(signed, head)
    }

    /// Check 3: the neighbors lead from the leaf, or from an empty branch, to the root.
    pub(super) fn inclusion(
        &self,
        index: &Index,
        proof: &LeafProof,
        head: &Head,
    ) -> Result<(), Error> {
        let neighbors = map::Proof::from_neighbors(&proof.neighbors)
            .map_err(|fault| Error::Neighbors(fault.to_string()))?;
        let leaf = leaf(proof);
        if map::root_of(&self.keys.map_id, &neighbors, index, leaf) == head.root {
            return Ok(());
        }
        Err(Error::Inclusion {
            epoch: head.epoch,
            what: match leaf {
                Some(_) => "leaf",
                None => "absence of a leaf",
            },
        })
    }
}

/// Check 4: a leaf's commitment opens; where there is no leaf, nothing is there to open.
pub(super) fn opened(
    user: &str,
    proof: &LeafProof,
    committed: Option<&Committed>,
) -> Result<Option<Present>, Error> {
    let (leaf, committed) = match (leaf(proof), committed) {
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err(Error::CommittedExtra),
        (Some(_), None) => return Err(Error::CommittedMissing),
        (Some(leaf), Some(committed)) => (leaf, committed),
    };
    let entry = Entry::decode(leaf).map_err(|fault| Error::Form {
        member: "leaf_proof.leaf_data",
        what: fault.to_string(),
    })?;
    if !commitment::opens(&entry.commitment, user, committed) {
        return Err(Error::Commitment {
            user: user.to_owned(),
        });
    }
    let profile = Profile::decode(&committed.data).map_err(|fault| Error::Form {
        member: "committed.data",
        what: fault.to_string(),
    })?;
    Ok(Some(Present {
        profile,
        entry,
        leaf: leaf.to_vec(),
    }))
}

fn leaf(proof: &LeafProof) -> Option<&[u8]> {
    (!proof.leaf_data.is_empty()).then_some(proof.leaf_data.as_slice())
}
