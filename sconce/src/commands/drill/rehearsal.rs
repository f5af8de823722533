//! A scenario played on a simulated platform, in its own time: what a verifier is shown at each moment,
//! and what it says.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::rc::Rc;

use attestation::{
    Cache, Claims, Collateral, Fingerprint, Policy, Refusal, Time, TrustAnchor, VerifiedQuote,
};
use simulator::{Advisory, Change, Platform, QeAdvisory, Secs, Seed, Settings, Tcb, TcbStatus};

use super::course::course;
use super::outcome::{Broken, Course, Judgement, Outcome, Refused};
use super::plan::Plan;
use super::scenario::{ADVISORY, Event, Happening, QE_ADVISORY};

/// How old the platform is when a drill begins, in seconds: a quarter of a year.
const AGE: u64 = 90 * 86_400;

/// Collaterals that the verifier keeps.
const COLLATERALS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(2_047);

/// The firmware that [`ADVISORY`] asks for.
const PATCHED: Tcb = {
    let mut tcb = Settings::CURRENT;
    tcb.components[0] += 1;
    tcb
};

/// The quoting enclave that [`QE_ADVISORY`] asks for.
const PATCHED_QE: u16 = 9;

/// The platform of a drill before anything has happened, the anchor under which it is trusted, and what
/// its service has answered so far.
pub(super) struct Ground {
    platform: Platform,
    anchor: TrustAnchor,
    /// By what had happened until then, and when it was asked.
    fetched: RefCell<Fetched>,
    /// The verifier, as a service has it.
    verifier: RefCell<Cache>,
}

type Fetched = BTreeMap<(Vec<Event>, Time), Rc<Collateral>>;

/// Why a drill cannot be played.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The simulated platform does not do it.
    #[error(transparent)]
    Platform(#[from] simulator::Error),
    /// Its root or its collateral is refused in its form.
    #[error("the simulated platform's own documents are refused: {0}")]
    Documents(String),
}

/// A plan while it is played for a program. Each question is asked of the verifier once.
pub(super) struct Rehearsal<'a> {
    ground: &'a Ground,
    plan: Plan,
    platform: Platform,
    secs: Secs,
    fetches: Vec<Time>,
    quotes: BTreeMap<Time, Rc<Vec<u8>>>,
    answers: BTreeMap<Time, Rc<Result<Claims, Refusal>>>,
}

impl Ground {
    /// A platform that is some months old when the drill begins; always the same one.
    pub(super) fn new(start: Time) -> Result<Self, Error> {
        let made = start.unix().saturating_sub(AGE);
        let platform = Platform::new(Seed::from_bytes([0xd1; 32]), Settings::new(made))?;
        let root = platform.root_der();
        let anchor = TrustAnchor::simulated(root, Fingerprint::of(root))
            .map_err(|error| Error::Documents(error.to_string()))?;
        Ok(Self {
            platform,
            anchor,
            fetched: RefCell::default(),
            verifier: RefCell::new(Cache::new(COLLATERALS)),
        })
    }

    /// Whom the drill trusts.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.platform.root_der())
    }

    /// Plays a plan for an enclave.
    pub(super) fn rehearse(&self, plan: Plan, secs: Secs) -> Rehearsal<'_> {
        let mut platform = self.platform.clone();
        for event in &plan.events {
            if let Some(change) = change(event.what) {
                platform.happens(event.at.unix(), change);
            }
        }
        Rehearsal {
            ground: self,
            platform,
            secs,
            fetches: plan.fetches(),
            plan,
            quotes: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }
}

impl Rehearsal<'_> {
    /// What a policy says in the course of the plan, and what that amounts to.
    pub(super) fn seen(&mut self, policy: &Policy) -> Result<(Course, Outcome), Error> {
        let course = self.course(policy)?;
        let outcome = Outcome::of(&course, self.plan.wanted, self.plan.turn());
        Ok((course, outcome))
    }

    fn course(&mut self, policy: &Policy) -> Result<Course, Error> {
        let mut fault = None;
        let breaks = self.breaks();
        let spans = course(
            &breaks,
            self.plan.end,
            |at| {
                self.judge(policy, at).unwrap_or_else(|error| {
                    fault.get_or_insert(error);
                    Judgement::Accepted
                })
            },
            Judgement::is_like,
        );
        fault.map_or(Ok(spans), Err)
    }

    /// What the evidence of a moment says, if it is genuine.
    pub(super) fn claims(&mut self, at: Time) -> Result<Option<Claims>, Error> {
        Ok(self.answer(at)?.as_ref().as_ref().ok().cloned())
    }

    /// The moments at which something else than the time changes.
    fn breaks(&self) -> Vec<Time> {
        let entrance = self.plan.entrance();
        let events = self.plan.events.iter().map(|event| event.at);
        let mut breaks: Vec<_> = events
            .chain(self.fetches.iter().copied())
            .filter(|at| *at > entrance && *at < self.plan.end)
            .chain([entrance])
            .collect();
        breaks.sort_unstable();
        breaks.dedup();
        breaks
    }

    fn judge(&mut self, policy: &Policy, at: Time) -> Result<Judgement, Error> {
        let answer = self.answer(at)?;
        let claims = match answer.as_ref() {
            Ok(claims) => claims,
            Err(refusal) => {
                return Ok(Judgement::Refused(Refused {
                    stage: refusal.stage(),
                    rules: Vec::new(),
                    reason: refusal.to_string(),
                }));
            }
        };
        let verdict = policy.judge(claims, at, None);
        if verdict.accepts() {
            return Ok(Judgement::Accepted);
        }
        let rules = verdict.broken().map(|finding| Broken {
            rule: finding.rule.name(),
            claim: finding.claim.clone(),
            wanted: finding.wanted.clone(),
        });
        Ok(Judgement::Refused(Refused {
            stage: verdict.stage(),
            rules: rules.collect(),
            reason: verdict.to_string(),
        }))
    }

    /// What the verifier says of the evidence that it has at a moment.
    fn answer(&mut self, at: Time) -> Result<Rc<Result<Claims, Refusal>>, Error> {
        if let Some(answer) = self.answers.get(&at) {
            return Ok(Rc::clone(answer));
        }
        let collateral = self.collateral_at(at)?;
        let quote = self.quote_at(at)?;
        let Ground {
            anchor, verifier, ..
        } = self.ground;
        let answer = verifier
            .borrow_mut()
            .verify(&quote, &collateral, anchor, at);
        let answer = answer.map(VerifiedQuote::into_claims);
        let answer = Rc::new(answer);
        self.answers.insert(at, Rc::clone(&answer));
        Ok(answer)
    }

    /// The collateral of the last fetch.
    fn collateral_at(&self, at: Time) -> Result<Rc<Collateral>, Error> {
        let asked = last_of(&self.fetches, at).unwrap_or(self.plan.start);
        let events = self.plan.events.iter().copied();
        let published = events.filter(|event| event.at <= asked && change(event.what).is_some());
        let key = (published.collect(), asked);
        if let Some(collateral) = self.ground.fetched.borrow().get(&key) {
            return Ok(Rc::clone(collateral));
        }
        let collateral = self.platform.collateral(asked.unix())?.to_json();
        let collateral = Collateral::from_json(collateral.as_bytes())
            .map_err(|error| Error::Documents(error.to_string()))?;
        let collateral = Rc::new(collateral);
        let mut fetched = self.ground.fetched.borrow_mut();
        fetched.insert(key, Rc::clone(&collateral));
        Ok(collateral)
    }

    /// A quote that was made after the last thing that happened.
    fn quote_at(&mut self, at: Time) -> Result<Rc<Vec<u8>>, Error> {
        let event = self.plan.events.iter().rfind(|event| event.at <= at);
        let made = event.map_or(self.plan.start, |event| event.at);
        if let Some(quote) = self.quotes.get(&made) {
            return Ok(Rc::clone(quote));
        }
        let quote = self.platform.quote(&self.secs, &[0; 64], made.unix())?;
        let quote = Rc::new(quote);
        self.quotes.insert(made, Rc::clone(&quote));
        Ok(quote)
    }
}

/// The last of ascending moments that is not after `at`.
fn last_of(moments: &[Time], at: Time) -> Option<Time> {
    let after = moments.partition_point(|moment| *moment <= at);
    after.checked_sub(1).map(|index| moments[index])
}

/// What it is to the platform.
fn change(what: Happening) -> Option<Change> {
    match what {
        Happening::AdvisoryPublished => Some(Change::Advisory(Advisory {
            id: ADVISORY.to_owned(),
            status: TcbStatus::OutOfDate,
            fixed_by: Some(PATCHED),
        })),
        Happening::Patched => Some(Change::Tcb(PATCHED)),
        Happening::QeAdvisoryPublished => Some(Change::QeAdvisory(QeAdvisory {
            id: QE_ADVISORY.to_owned(),
            status: TcbStatus::OutOfDate,
            fixed_by: Some(PATCHED_QE),
        })),
        Happening::QeUpdated => Some(Change::Qe {
            isv_svn: PATCHED_QE,
        }),
        Happening::PckRevoked => Some(Change::RevokePck),
        Happening::Downgraded => Some(Change::Tcb(Settings::OLDER)),
        Happening::ServiceLost | Happening::ServiceBack | Happening::Entrance => None,
    }
}
