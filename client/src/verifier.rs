//! Verification of a worker before anything is encrypted to it.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use attestation::policy::{Outcome, Rule};
use attestation::{
    CollateralError, Fingerprint, INTEL_ROOT, Policy, Refusal, Stage, Time, TrustAnchor, Verdict,
    VerifiedEvidence, verify,
};
use protocol::report_data;

use crate::CheckedRecord;
use crate::directory::{self, Lookup, Published, Shown};
use crate::evidence::Evidence;

/// Says which second it is.
pub(crate) type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// What a requester wants to see of a worker.
///
/// Evidence is verified under Intel's root, or under the simulated one that the policy names if the
/// policy allows simulation; then it has to be for the keys and the id of the record that it came in;
/// then the policy says whether it is the program that is wanted, on a platform that is good enough.
#[derive(Clone)]
pub struct Verifier {
    policy: Policy,
    clock: Clock,
    directory: Option<Arc<Lookup>>,
}

impl Verifier {
    /// A verifier by this policy and by this machine's clock.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            clock: Arc::new(system_time),
            directory: None,
        }
    }

    /// The same by another clock.
    #[must_use]
    pub fn with_clock(self, clock: impl Fn() -> Time + Send + Sync + 'static) -> Self {
        Self {
            clock: Arc::new(clock),
            ..self
        }
    }

    /// The same, and a worker's keys have to be those that this directory publishes, too: the same that
    /// everybody is shown, and whose owner can see them.
    #[must_use]
    pub fn with_directory(self, directory: Lookup) -> Self {
        Self {
            directory: Some(Arc::new(directory)),
            ..self
        }
    }

    /// The directory that workers are looked up in, if there is one.
    #[must_use]
    pub fn directory(&self) -> Option<&Lookup> {
        self.directory.as_deref()
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) fn clock(&self) -> Clock {
        Arc::clone(&self.clock)
    }

    /// Verifies that the program that is wanted holds the keys of a record. The directory is not asked:
    /// [`Worker::verified`](crate::Worker::verified) does that as well.
    ///
    /// # Errors
    ///
    /// The first thing that does not fit, in the order that [`Verifier`] says.
    pub fn verify(&self, worker: &CheckedRecord) -> Result<VerifiedEvidence, Box<EvidenceError>> {
        let evidence = Evidence::read(worker.record())?;
        let now = (self.clock)();
        let anchor = self.anchor(&evidence)?;
        let quote = verify(&evidence.quote, &evidence.collateral, &anchor, now)
            .map_err(EvidenceError::from)?;
        let keys = expected(worker, &evidence.directory_key);
        check_keys(quote.claims().report_data(), &keys)?;
        self.policy
            .appraise(quote, now, Some(&keys))
            .map_err(|verdict| Box::new(EvidenceError::of(verdict)))
    }

    /// Whether the directory publishes the keys of a record, whose evidence has been verified. None: no
    /// directory is to be asked.
    pub(crate) async fn look_up(
        &self,
        worker: &CheckedRecord,
    ) -> Result<Option<Published>, directory::Refusal> {
        let Some(directory) = &self.directory else {
            return Ok(None);
        };
        let evidence = Evidence::read(worker.record());
        let evidence = evidence.map_err(|fault| directory::Refusal::Data {
            fault: fault.to_string(),
        })?;
        let shown = Shown {
            worker: worker.id(),
            verification: worker.verification_key().pem(),
            encryption: worker.encryption_key().pem(),
            directory_key: &evidence.directory_key,
        };
        directory.check(&shown).await.map(Some)
    }

    fn anchor(&self, evidence: &Evidence) -> Result<TrustAnchor, EvidenceError> {
        let roots: &[Fingerprint] = if self.policy.allow_sim {
            &self.policy.simulated_roots
        } else {
            &[]
        };
        let anchor = TrustAnchor::among(roots, &evidence.collateral).map_err(Refusal::from)?;
        // Intel's would refuse it too, in words about certificates.
        let claimed = evidence.collateral.claimed_root();
        match claimed {
            Some(root) if anchor.simulated_fingerprint().is_none() && root != INTEL_ROOT => {
                let found = Fingerprint::of(&root);
                Err(EvidenceError::Root { found })
            }
            _ => Ok(anchor),
        }
    }
}

impl fmt::Debug for Verifier {
    /// The policy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("policy", &self.policy)
            .field("directory", &self.directory.as_ref().map(|one| one.realm()))
            .finish_non_exhaustive()
    }
}

/// What the worker had quoted, if it is the one whose record this is, and this is its key for directories.
fn expected(worker: &CheckedRecord, directory_key: &[u8]) -> [u8; 64] {
    let verification = worker.verification_key().pem();
    let encryption = worker.encryption_key().pem();
    report_data::worker_keys(worker.id(), verification, encryption, directory_key)
}

/// REPORTDATA begins with the digest of the verification key alone.
fn check_keys(quoted: &[u8; 64], expected: &[u8; 64]) -> Result<(), EvidenceError> {
    let differs = if quoted[..32] != expected[..32] {
        Differs::VerificationKey
    } else if quoted[32..] != expected[32..] {
        Differs::EncryptionKeyOrId
    } else {
        return Ok(());
    };
    Err(EvidenceError::Keys { differs })
}

/// A clock before 1970 makes everything not in force yet.
fn system_time() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Time::from_unix(since.map_or(0, |since| since.as_secs()))
}

/// What of a record is not what its evidence was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Differs {
    /// The verification key.
    VerificationKey,
    /// The encryption key, the worker's id or its key for directories: one digest covers them all.
    EncryptionKeyOrId,
}

/// Why a worker's evidence is refused. What is given here comes from whoever answered, except digests.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// There is none.
    #[error("its record has no evidence: nothing shows that an enclave holds its keys")]
    Missing,
    /// It can't be read.
    #[error("proofData {fault}")]
    Form {
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The collateral can't be read.
    #[error("proofData: {0}")]
    Collateral(#[from] CollateralError),
    /// It leads to no root that is trusted.
    #[error(
        "it leads to the root {found}, which the policy does not name: no processor of Intel's has \
         made it"
    )]
    Root {
        /// The fingerprint, in the form of those of simulated platforms.
        found: Fingerprint,
    },
    /// It is not genuine, or not in force.
    #[error("{0}")]
    NotGenuine(#[from] Refusal),
    /// It is genuine, and for other keys or another worker.
    #[error("{}", differs.sentence())]
    Keys {
        /// What differs.
        differs: Differs,
    },
    /// It is genuine, and another program's.
    #[error("the worker runs {found}, and {wanted} is wanted{}", Besides(others))]
    Measurement {
        /// The measurement of the worker, with its kind.
        found: String,
        /// What the policy takes.
        wanted: String,
        /// Other rules of the policy that are broken.
        others: Vec<Rule>,
        /// The whole judgement.
        verdict: Verdict,
    },
    /// It is genuine, and other rules of the policy are broken.
    #[error("{0}")]
    Policy(Verdict),
    /// It was accepted, and does not hold any more.
    #[error("it held until {until}, and it is {now}: retrieve and verify the record again")]
    Expired {
        /// The last second.
        until: Time,
        /// When it was to be used.
        now: Time,
    },
}

impl EvidenceError {
    /// Its code, which has a page in `docs/errors`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "evidence.missing",
            Self::Keys { .. } => "evidence.keys",
            Self::Measurement { .. } => "evidence.mrenclave",
            _ => "evidence.refused",
        }
    }

    /// The check that failed; none where there is nothing to check.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        Some(match self {
            Self::Missing => return None,
            Self::Form { .. } => Stage::Parse,
            Self::Collateral(_) => Stage::Collateral,
            Self::Root { .. } => Stage::Root,
            Self::NotGenuine(refusal) => refusal.stage(),
            Self::Keys { .. } => Stage::Policy,
            Self::Measurement { verdict, .. } | Self::Policy(verdict) => verdict.stage(),
            Self::Expired { .. } => Stage::Time,
        })
    }

    /// The policy's judgement, where it came to that.
    #[must_use]
    pub const fn verdict(&self) -> Option<&Verdict> {
        match self {
            Self::Measurement { verdict, .. } | Self::Policy(verdict) => Some(verdict),
            _ => None,
        }
    }

    /// A measurement that is not the wanted one says most.
    fn of(verdict: Verdict) -> Self {
        let broken = |finding: &&attestation::policy::Finding| finding.outcome == Outcome::Broken;
        let findings = verdict.findings();
        let measurement = findings
            .iter()
            .filter(broken)
            .find(|finding| matches!(finding.rule, Rule::Measurement | Rule::Mrtd));
        let Some(measurement) = measurement else {
            return Self::Policy(verdict);
        };
        let others = findings.iter().filter(broken).map(|finding| finding.rule);
        Self::Measurement {
            found: measurement.claim.clone(),
            wanted: measurement.wanted.clone(),
            others: others.filter(|rule| *rule != measurement.rule).collect(),
            verdict,
        }
    }
}

impl Differs {
    const fn sentence(self) -> &'static str {
        match self {
            Self::VerificationKey => {
                "its evidence is for another verification key than the record's: somebody changed the \
                 record, or shows the evidence of another worker"
            }
            Self::EncryptionKeyOrId => {
                "its evidence is for this verification key, and for another encryption key, worker id or \
                 key for directories than the record's: somebody changed the record"
            }
        }
    }
}

/// Other rules, where there are any.
struct Besides<'a>(&'a [Rule]);

impl fmt::Display for Besides<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "; besides: ";
        for rule in self.0 {
            write!(f, "{between}{}", rule.name())?;
            between = ", ";
        }
        Ok(())
    }
}
