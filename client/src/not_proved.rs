//! What nobody has shown, in words for people.

use std::fmt;

use attestation::policy::{Outcome, Rule};
use attestation::{Status, VerifiedEvidence};
use protocol::record::WorkerRecord;

use crate::evidence;

/// Something that stays unproved of a worker. `Display` says it in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotProved {
    /// There is no evidence that an enclave holds the keys.
    NoEvidence,
    /// There is evidence, and nobody has asked to verify it.
    EvidenceNotVerified,
    /// The evidence is a simulated platform's.
    Simulated,
    /// A debugger may look into the program.
    Debug,
    /// The platform lacks an update or a setting, and the policy takes it like that.
    Platform,
    /// The policy is about platforms alone.
    AnyProgram,
    /// The policy does not say who has signed the program. Anybody can sign it, without changing what it measures, and
    /// it takes its keys from vaults of its own signer.
    AnySigner,
}

impl NotProved {
    /// What a record leaves unproved whose evidence is not verified.
    pub fn without_evidence(record: &WorkerRecord) -> Vec<Self> {
        vec![if evidence::is_there(record) {
            Self::EvidenceNotVerified
        } else {
            Self::NoEvidence
        }]
    }

    /// What evidence leaves unproved that a policy accepts.
    pub fn by(evidence: &VerifiedEvidence) -> Vec<Self> {
        let claims = evidence.claims();
        let findings = evidence.verdict().findings();
        let open = |rule| {
            let mut of_rule = findings.iter().filter(|finding| finding.rule == rule);
            of_rule.any(|finding| finding.outcome == Outcome::Unchecked)
        };
        let any_program = open(Rule::Tee);
        let up_to_date = claims.status == Status::UpToDate && claims.advisories.is_empty();
        [
            (claims.is_simulated(), Self::Simulated),
            (claims.is_debug(), Self::Debug),
            (any_program, Self::AnyProgram),
            (!any_program && open(Rule::Signer), Self::AnySigner),
            (!up_to_date, Self::Platform),
        ]
        .into_iter()
        .filter_map(|(applies, gap)| applies.then_some(gap))
        .collect()
    }
}

impl fmt::Display for NotProved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoEvidence => {
                "nothing attests that an enclave holds the worker's keys: whoever runs the listener \
                 or the worker may read what is sent"
            }
            Self::EvidenceNotVerified => {
                "the worker's evidence was not verified: whoever runs the listener or the worker may \
                 read what is sent"
            }
            Self::Simulated => {
                "the platform is simulated and protects nothing: whoever runs it may read what is sent"
            }
            Self::Debug => {
                "a debugger may look into the program: whoever runs it may read what is sent"
            }
            Self::Platform => {
                "the platform lacks an update or a setting that its vendor advises, and the policy \
                 takes it like that"
            }
            Self::AnyProgram => "the policy takes any program: nothing says what this one does",
            Self::AnySigner => {
                "the policy names no signer: whoever has signed the program can have it take keys \
                 that he knows, and then read what is sent"
            }
        })
    }
}
