//! Whether a program is the one that a service is for.
//!
//! The checks have one order, and the first that fails is the one that a refusal names: the root, then
//! everything that makes evidence genuine, then the program (debugger, measurement, signer, product, security
//! version), what it says of itself (REPORTDATA), and its platform.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use attestation::policy::{Outcome, Program, Rule, SgxProgram};
use attestation::{
    Cache, Claims, Collateral, Fingerprint, Policy, Refusal, Stage, Status, Time, TrustAnchor,
    Verdict, VerifiedEvidence, VerifiedQuote, x509,
};
use protocol::crypto::sha256;
use provision::Evidence;
use session::{
    Advisories, Attestation, Factors, Mode, OneOrMany, Service, Session, Signer, Tolerance,
};
use sgx::quote::Body;
use sgx::{Digest, Kind, Mrenclave, Mrsigner};

use super::{Error, Principal};

/// Verifies quotes, several at once, and keeps what it has verified of platforms.
pub(super) struct Verifier {
    caches: [Mutex<Kept>; 4],
}

/// What one of several threads keeps.
struct Kept {
    cache: Cache,
    /// Collateral that a quote was accepted with, by the digest of its text: reading it takes as long as
    /// verifying a signature.
    collaterals: BTreeMap<[u8; 32], Arc<Collateral>>,
    /// Anchors of simulated roots, by the digest of the chain that brought the root.
    anchors: BTreeMap<[u8; 32], TrustAnchor>,
}

/// Collaterals that each keeps, with up to 256 platforms of each: some half a megabyte. A vault serves few kinds of
/// platforms, and strangers write sessions for their own.
const COLLATERALS: NonZeroUsize = const { NonZeroUsize::new(8).unwrap() };
const ANCHORS: usize = 32;

/// A refusal, and the measurement if the quote was genuine.
pub(super) type Refused = (Error, Option<Digest>);

/// Evidence that was verified, and found to be of a service's program.
pub(super) struct Accepted {
    pub(super) measurement: Digest,
    pub(super) evidence: VerifiedEvidence,
}

impl Verifier {
    pub(super) fn new() -> Self {
        let kept = || {
            Mutex::new(Kept {
                cache: Cache::new(COLLATERALS),
                collaterals: BTreeMap::new(),
                anchors: BTreeMap::new(),
            })
        };
        Self {
            caches: std::array::from_fn(|_| kept()),
        }
    }

    /// Holds evidence against what a session says of a service's program.
    pub(super) fn appraise(
        &self,
        session: &Session,
        service: &Service,
        evidence: &Evidence,
        report_data: &[u8; 64],
        now: Time,
    ) -> Result<Accepted, Refused> {
        let wish = Wish::of(session);
        let quote = self.verify(&wish, evidence, now);
        let quote = quote.map_err(|error| (error, None))?;
        let measurement = measurement(quote.claims());
        wish.judge(&session.name, service, quote, report_data, now)
            .map(|evidence| Accepted {
                measurement: measurement.unwrap_or(NOTHING),
                evidence,
            })
            .map_err(|error| (error, measurement))
    }

    fn verify(
        &self,
        wish: &Wish<'_>,
        evidence: &Evidence,
        now: Time,
    ) -> Result<VerifiedQuote, Error> {
        let text = sha256(&[evidence.collateral.get().as_bytes()]);
        let mut kept = self.any();
        let collateral = match kept.collaterals.get(&text) {
            Some(collateral) => Arc::clone(collateral),
            None => Arc::new(evidence.collateral().map_err(|error| Error::Evidence {
                stage: Stage::Collateral.name(),
                what: error.to_string(),
            })?),
        };
        let anchor = kept.anchor(&wish.roots, &collateral)?;
        let quote = &evidence.quote.0;
        let verified = kept.cache.verify(quote, &collateral, &anchor, now);
        let verified = verified.map_err(|refusal| of_refusal(&refusal))?;
        kept.keep(text, collateral);
        Ok(verified)
    }

    /// One that is free, or the first.
    fn any(&self) -> MutexGuard<'_, Kept> {
        let free = self.caches.iter().find_map(|cache| match cache.try_lock() {
            Ok(kept) => Some(kept),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        let wait = || {
            self.caches[0]
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        free.unwrap_or_else(wait)
    }
}

impl Kept {
    fn keep(&mut self, text: [u8; 32], collateral: Arc<Collateral>) {
        if self.collaterals.len() >= COLLATERALS.get() && !self.collaterals.contains_key(&text) {
            self.collaterals.clear();
        }
        self.collaterals.insert(text, collateral);
    }

    /// The anchor to verify under: Intel's root, or the one of these simulated ones that the collateral leads to.
    fn anchor(
        &mut self,
        roots: &[Fingerprint],
        collateral: &Collateral,
    ) -> Result<TrustAnchor, Error> {
        let key = sha256(&[collateral.pck_crl_issuer_chain.as_bytes()]);
        if let Some(anchor) = self.anchors.get(&key)
            && anchor
                .simulated_fingerprint()
                .is_some_and(|root| roots.contains(&root))
        {
            return Ok(anchor.clone());
        }
        let Some(root) = collateral.claimed_root() else {
            // Verification says what is wrong with the chain.
            return Ok(TrustAnchor::intel());
        };
        let found = Fingerprint::of(&root);
        let intel = root == attestation::INTEL_ROOT;
        if intel && roots.is_empty() {
            return Ok(TrustAnchor::intel());
        }
        if !roots.contains(&found) {
            return Err(Error::Simulated {
                root: if intel {
                    "of Intel".to_owned()
                } else {
                    found.to_string()
                },
                wanted: named(roots),
            });
        }
        let anchor = TrustAnchor::simulated(&root, found);
        let anchor = anchor.map_err(|error| of_refusal(&error.into()))?;
        if self.anchors.len() >= ANCHORS {
            self.anchors.clear();
        }
        self.anchors.insert(key, anchor.clone());
        Ok(anchor)
    }
}

/// What a session asks of evidence for all of its services.
struct Wish<'a> {
    attestation: Option<&'a Attestation>,
    /// Whether enclaves that can be debugged are not only tolerated. What a worker's keys are given to such a one, its
    /// host reads: then no other may have them and vouch for them.
    debug_alone: bool,
    /// Simulated roots. Empty: the platform is to be real.
    roots: Vec<Fingerprint>,
}

impl<'a> Wish<'a> {
    fn of(session: &'a Session) -> Self {
        let security = session.security.as_ref();
        let attestation = security.and_then(|security| security.attestation.as_ref());
        let simulated = attestation.filter(|said| said.mode == Some(Mode::Simulated));
        let roots = simulated.and_then(|said| said.simulated_roots.as_ref());
        let roots = roots.into_iter().flatten();
        let tolerated = attestation.and_then(|said| said.tolerate.as_deref());
        let own = session.name.split('/').next() == Some(Principal::NAMESPACE);
        Self {
            attestation,
            debug_alone: own && tolerated.is_some_and(|list| list.contains(&Tolerance::DebugMode)),
            roots: roots.map(|root| Fingerprint::from_bytes(root.0)).collect(),
        }
    }

    /// Judges a genuine quote by each variant of the service's program. If none takes it, the refusal is that of the
    /// variant that it fits best.
    fn judge(
        &self,
        session: &str,
        service: &Service,
        quote: VerifiedQuote,
        report_data: &[u8; 64],
        now: Time,
    ) -> Result<VerifiedEvidence, Error> {
        if self.debug_alone && !quote.claims().is_debug() {
            return Err(Error::NoDebug {
                session: session.to_owned(),
            });
        }
        let mut best: Option<(usize, Error)> = None;
        for (program, signer) in self.programs(service) {
            let policy = self.policy(program, quote.claims());
            let verdict = policy.judge(quote.claims(), now, Some(report_data));
            let refused = first_fault(&verdict, session, signer, quote.claims());
            match (refused, &mut best) {
                (None, _) => {
                    return policy
                        .appraise(quote, now, Some(report_data))
                        .map_err(|verdict| Error::Platform(verdict.to_string()));
                }
                (Some(refused), Some(best)) if refused.0 <= best.0 => best.1.also(&refused.1),
                (Some(refused), _) => best = Some(refused),
            }
        }
        let nothing = || Error::Measurement {
            found: measurement(quote.claims()).map_or_else(String::new, |found| found.to_string()),
            wanted: "no program".to_owned(),
        };
        Err(best.map_or_else(nothing, |(_, error)| error))
    }

    fn policy(&self, program: SgxProgram, claims: &Claims) -> Policy {
        let mut policy = Policy::strict(Program::Sgx(program));
        policy.allow_sim = !self.roots.is_empty();
        policy.simulated_roots.clone_from(&self.roots);
        let Some(said) = self.attestation else {
            return policy;
        };
        let tolerated = said.tolerate.as_deref().unwrap_or_default();
        policy.allow_debug = tolerated.contains(&Tolerance::DebugMode);
        policy.platform.statuses = statuses(tolerated);
        policy.platform.advisories = match &said.ignore_advisories {
            Some(Advisories::All) => claims.advisories.clone(),
            Some(Advisories::These(list)) => list.clone(),
            None => Vec::new(),
        };
        let known = tolerated.iter().filter_map(|one| advisory(*one));
        policy
            .platform
            .advisories
            .extend(known.map(ToOwned::to_owned));
        policy
    }

    /// The programs that may be the service, each with what a policy can't say of its signer.
    fn programs<'s>(
        &self,
        service: &'s Service,
    ) -> impl Iterator<Item = (SgxProgram, Option<&'s Signer>)> {
        let kind = if self.roots.is_empty() {
            Kind::Sgx
        } else {
            Kind::Sim
        };
        let older = service.mrenclaves.as_ref().map(|list| {
            let program = SgxProgram {
                measurements: list.iter().map(|hash| mrenclave(kind, hash.0)).collect(),
                ..SgxProgram::default()
            };
            (program, None)
        });
        let variants = service.attestation.iter().flat_map(OneOrMany::as_slice);
        let newer = variants.map(move |factors| (program(kind, factors), factors.signer.as_ref()));
        // An empty list of measurements would leave the signer alone to name the program.
        let older = older.filter(|(program, _)| !program.measurements.is_empty());
        older.into_iter().chain(newer)
    }
}

fn program(kind: Kind, factors: &Factors) -> SgxProgram {
    let measurements = factors.mrenclave.iter().flat_map(OneOrMany::as_slice);
    let signer = factors.signer.as_ref();
    SgxProgram {
        measurements: measurements.map(|hash| mrenclave(kind, hash.0)).collect(),
        signers: signer
            .map(|signer| Digest::Mrsigner(kind, Mrsigner(signer.mrsigner.0)))
            .into_iter()
            .collect(),
        product: signer.map(|signer| signer.isvprodid),
        minimum_svn: signer.map(|signer| signer.isvsvn.or(signer.isvsvn_min).unwrap_or(0)),
        ..SgxProgram::default()
    }
}

const fn mrenclave(kind: Kind, bytes: [u8; 32]) -> Digest {
    Digest::Mrenclave(kind, Mrenclave(bytes))
}

/// What stands in for a measurement that there is not: evidence that is accepted is of an enclave.
const NOTHING: Digest = mrenclave(Kind::Sgx, [0; 32]);

/// The states of a platform that are taken.
fn statuses(tolerated: &[Tolerance]) -> Vec<Status> {
    let has = |tolerance| tolerated.contains(&tolerance);
    let hardening = has(Tolerance::SoftwareHardeningNeeded);
    let configuration = has(Tolerance::InsecureConfiguration);
    let outdated = has(Tolerance::OutdatedTcb);
    let all = [
        (true, Status::UpToDate),
        (hardening, Status::SwHardeningNeeded),
        (configuration, Status::ConfigurationNeeded),
        (
            configuration && hardening,
            Status::ConfigurationAndSwHardeningNeeded,
        ),
        (outdated, Status::OutOfDate),
        (
            outdated && configuration,
            Status::OutOfDateConfigurationNeeded,
        ),
    ];
    all.into_iter()
        .filter_map(|(taken, status)| taken.then_some(status))
        .collect()
}

/// The advisory that a tolerance is about, if it is about one.
const fn advisory(tolerance: Tolerance) -> Option<&'static str> {
    match tolerance {
        Tolerance::Hyperthreading => Some("INTEL-SA-00233"),
        Tolerance::InsecureIgpu => Some("INTEL-SA-00219"),
        Tolerance::AepicLeak => Some("INTEL-SA-00657"),
        _ => None,
    }
}

fn measurement(claims: &Claims) -> Option<Digest> {
    let kind = if claims.is_simulated() {
        Kind::Sim
    } else {
        Kind::Sgx
    };
    match &claims.body {
        Body::Sgx(report) => Some(Digest::Mrenclave(kind, report.mrenclave)),
        Body::Tdx(_) => None,
    }
}

/// The first fault of a verdict in the order of this module, with its place in it.
fn first_fault(
    verdict: &Verdict,
    session: &str,
    signer: Option<&Signer>,
    claims: &Claims,
) -> Option<(usize, Error)> {
    let broken = verdict.findings().iter().filter_map(|finding| {
        let (found, wanted) = (finding.claim.clone(), finding.wanted.clone());
        if finding.outcome != Outcome::Broken {
            let svn = finding.rule == Rule::Svn;
            return svn.then(|| other_svn(signer, claims)).flatten();
        }
        Some(match finding.rule {
            Rule::Debug => (
                0,
                Error::Debug {
                    session: session.to_owned(),
                },
            ),
            Rule::Simulation | Rule::SimulatedRoot => {
                let root = claims.origin.to_string();
                (1, Error::Simulated { root, wanted })
            }
            Rule::Tee | Rule::Measurement => (2, Error::Measurement { found, wanted }),
            Rule::Signer => (3, Error::Signer { found, wanted }),
            Rule::Product => (4, Error::Product { found, wanted }),
            Rule::Svn => (5, Error::Svn { found, wanted }),
            Rule::ReportData => (6, Error::ReportData),
            Rule::Status | Rule::Advisories | Rule::EvaluationDataNumber => {
                (7, Error::Platform(finding.to_string()))
            }
            _ => (
                8,
                Error::Evidence {
                    stage: verdict.stage().name(),
                    what: finding.to_string(),
                },
            ),
        })
    });
    broken.min_by_key(|(place, _)| *place)
}

/// A version that is not the one, or greater than the greatest, that a session names.
fn other_svn(signer: Option<&Signer>, claims: &Claims) -> Option<(usize, Error)> {
    let (signer, Body::Sgx(report)) = (signer?, &claims.body) else {
        return None;
    };
    let svn = report.isv_svn;
    let wanted = if signer.isvsvn.is_some_and(|just| just != svn) {
        format!("just {}", signer.isvsvn?)
    } else if signer.isvsvn_max.is_some_and(|most| most < svn) {
        format!("at most {}", signer.isvsvn_max?)
    } else {
        return None;
    };
    let found = svn.to_string();
    Some((5, Error::Svn { found, wanted }))
}

impl Error {
    /// Names what another variant of the same service wants, too.
    fn also(&mut self, other: &Self) {
        if let (
            Self::Measurement { wanted, .. },
            Self::Measurement {
                wanted: another, ..
            },
        )
        | (
            Self::Signer { wanted, .. },
            Self::Signer {
                wanted: another, ..
            },
        ) = (self, other)
            && wanted != another
        {
            wanted.push_str(" or ");
            wanted.push_str(another);
        }
    }
}

/// Why a quote is not genuine. Collateral of another platform, and a platform's state, have a code of their own.
fn of_refusal(refusal: &Refusal) -> Error {
    match refusal {
        Refusal::X509(x509::Error::OtherCa { .. }) => Error::Platform(refusal.to_string()),
        _ => match refusal.stage() {
            Stage::TcbMatch | Stage::TcbStatus => Error::Platform(refusal.to_string()),
            stage => Error::Evidence {
                stage: stage.name(),
                what: refusal.to_string(),
            },
        },
    }
}

fn named(roots: &[Fingerprint]) -> String {
    if roots.is_empty() {
        return "real platforms only, under Intel's".to_owned();
    }
    let texts: Vec<String> = roots.iter().map(ToString::to_string).collect();
    texts.join(" or ")
}
