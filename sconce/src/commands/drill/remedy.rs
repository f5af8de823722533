//! What might save a program, or keep an impostor out: changes to a policy or to what operators do, to
//! be tried by playing the scenario again.

use attestation::policy::{Program as Wanted, SgxProgram};
use attestation::{Claims, Policy, Status, Time};
use sgx::{Digest, Kind};
use simulator::Secs;

use super::outcome::{Outcome, Refused};
use super::plan::Plan;
use super::programs::Program;
use super::scenario::{Cast, Event, Happening, Scenario};

/// Something that could be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Another policy.
    Policy(Amendment),
    /// Other work of operators.
    Work(Work),
}

/// A change to a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Amendment {
    /// Take a status of the platform, with these advisories.
    Accept {
        status: Status,
        advisories: Vec<String>,
    },
    /// Take no platform that lacks anything.
    UpToDateOnly,
    /// Name the program by its measurement.
    Pin,
    /// Take the next release too, by its measurement.
    AddRelease,
    /// Name the program by its signer.
    TrustSigner,
    /// Take no older release than today's.
    RaiseSvn,
    /// Let the policy go on.
    Renew,
    /// Ask for less time that collateral has to be in force yet.
    DropValidity,
}

/// Something that operators do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// The patch is installed by then.
    PatchBy(Time),
    /// The quoting enclave is updated by then.
    UpdateQeBy(Time),
    /// Collateral can be fetched again by then.
    FetchBy(Time),
    /// Collateral is fetched every hour; it matters between these moments.
    FetchHourly { from: Time, until: Time },
}

/// What is worth trying after `outcome`, of a program in a scenario. `refused` is the first refusal
/// that was not wanted, `claims` what the evidence said then.
pub(super) fn candidates(
    scenario: Scenario,
    outcome: Outcome,
    refused: Option<&Refused>,
    claims: Option<&Claims>,
    policy: &Policy,
) -> Vec<Remedy> {
    match outcome {
        Outcome::Unfit | Outcome::Holds | Outcome::KeptOut => Vec::new(),
        Outcome::Falls { at, .. } => {
            let last = Time::from_unix(at.unix().saturating_sub(1));
            let work = work_before(scenario, last).map(Remedy::Work);
            let amendments =
                refused.map_or_else(Vec::new, |refused| amendments_for(refused, claims));
            work.into_iter()
                .chain(amendments.into_iter().map(Remedy::Policy))
                .collect()
        }
        Outcome::LetIn { from, until } => {
            let published = matches!(scenario, Scenario::RevokedPck | Scenario::LoweredSvn);
            let hourly = until.filter(|_| published);
            let hourly = hourly.map(|until| Remedy::Work(Work::FetchHourly { from, until }));
            let amendments = amendments_against(scenario, policy);
            hourly
                .into_iter()
                .chain(amendments.iter().cloned().map(Remedy::Policy))
                .collect()
        }
    }
}

/// What operators could have done in time.
const fn work_before(scenario: Scenario, last: Time) -> Option<Work> {
    match scenario {
        Scenario::Advisory | Scenario::LatePatch => Some(Work::PatchBy(last)),
        Scenario::QeOutdated => Some(Work::UpdateQeBy(last)),
        Scenario::StaleCollateral => Some(Work::FetchBy(last)),
        _ => None,
    }
}

/// What would take the rules away that refuse.
fn amendments_for(refused: &Refused, claims: Option<&Claims>) -> Vec<Amendment> {
    let is_broken = |names: &[&str]| refused.rules.iter().any(|rule| names.contains(&rule.rule));
    let mut amendments = Vec::new();
    if is_broken(&["status", "advisories"])
        && let Some(claims) = claims
    {
        amendments.push(Amendment::Accept {
            status: claims.status,
            advisories: claims.advisories.clone(),
        });
    }
    if is_broken(&["measurement"]) {
        amendments.extend([Amendment::AddRelease, Amendment::TrustSigner]);
    }
    if is_broken(&["policy-expiry"]) {
        amendments.push(Amendment::Renew);
    }
    if is_broken(&["collateral-expiry"]) {
        amendments.push(Amendment::DropValidity);
    }
    amendments
}

/// What would keep out whoever was let in.
fn amendments_against(scenario: Scenario, policy: &Policy) -> Vec<Amendment> {
    let is_pinned = match &policy.program {
        Wanted::Sgx(program) => !program.measurements.is_empty(),
        _ => false,
    };
    let mut amendments = Vec::new();
    match scenario {
        Scenario::LoweredSvn => amendments.push(Amendment::UpToDateOnly),
        Scenario::OldRelease | Scenario::StolenKey => amendments.push(Amendment::RaiseSvn),
        _ => {}
    }
    if matches!(scenario, Scenario::OldRelease | Scenario::StolenKey) && !is_pinned {
        amendments.push(Amendment::Pin);
    }
    amendments
}

impl Amendment {
    /// The policy with this change, for a program.
    pub(super) fn apply(&self, policy: &Policy, program: &Program) -> Policy {
        let mut policy = policy.clone();
        let next = measurement(&program.played_by(Cast::NewRelease));
        match self {
            Self::Accept { status, advisories } => {
                let rules = &mut policy.platform;
                add(&mut rules.statuses, status);
                advisories
                    .iter()
                    .for_each(|id| add(&mut rules.advisories, id));
            }
            Self::UpToDateOnly => {
                policy.platform.statuses = vec![Status::UpToDate];
                policy.platform.advisories.clear();
            }
            Self::Pin => change_enclave(&mut policy, |enclave| {
                enclave.measurements = vec![program.measurement()];
            }),
            Self::AddRelease => change_enclave(&mut policy, |enclave| {
                add(&mut enclave.measurements, &next);
            }),
            Self::TrustSigner => change_enclave(&mut policy, |enclave| {
                enclave.measurements.clear();
                enclave.signers = vec![program.signer()];
                enclave.product = Some(program.secs.isv_prod_id);
                enclave.minimum_svn = Some(program.secs.isv_svn);
            }),
            Self::RaiseSvn => change_enclave(&mut policy, |enclave| {
                enclave.minimum_svn = Some(program.secs.isv_svn);
            }),
            Self::Renew => policy.expires = None,
            Self::DropValidity => policy.platform.minimum_validity = 0,
        }
        policy
    }

    fn tells(&self, program: &Program) -> String {
        let svn = program.secs.isv_svn;
        match self {
            Self::Accept { status, advisories } if advisories.is_empty() => {
                format!("policy: accept {status}")
            }
            Self::Accept { status, advisories } => {
                let holes = advisories.join(", ");
                format!("policy: accept {status} with {holes}, and live with that")
            }
            Self::UpToDateOnly => "policy: accept UpToDate alone, and no advisory".to_owned(),
            Self::Pin => "policy: name the program by its measurement".to_owned(),
            Self::AddRelease => {
                "policy: list the next release's measurement before it is started".to_owned()
            }
            Self::TrustSigner => {
                format!("policy: name the program by signer, product and SVN {svn} or more")
            }
            Self::RaiseSvn => format!("policy: minimum_svn = {svn}, that of today's release"),
            Self::Renew => "policy: put off its expiry".to_owned(),
            Self::DropValidity => "policy: minimum_validity = 0".to_owned(),
        }
    }
}

impl Work {
    /// The plan with this work in it.
    pub(super) fn apply(self, plan: &Plan) -> Plan {
        let mut plan = plan.clone();
        let (at, what) = match self {
            Self::PatchBy(at) => (at, Happening::Patched),
            Self::UpdateQeBy(at) => (at, Happening::QeUpdated),
            Self::FetchBy(at) => (at, Happening::ServiceBack),
            Self::FetchHourly { from, until } => {
                plan.fetch_hourly(from, until);
                return plan;
            }
        };
        plan.events.push(Event { at, what });
        plan.events.sort_by_key(|event| event.at);
        plan
    }

    fn tells(self) -> String {
        match self {
            Self::PatchBy(at) => format!("install the patch by {at}"),
            Self::UpdateQeBy(at) => format!("update the quoting enclave by {at}"),
            Self::FetchBy(at) => format!("fetch new collateral by {at}"),
            Self::FetchHourly { .. } => "fetch collateral every hour".to_owned(),
        }
    }
}

impl Remedy {
    /// What is to be done, in a line.
    pub(super) fn tells(&self, program: &Program) -> String {
        match self {
            Self::Policy(amendment) => amendment.tells(program),
            Self::Work(work) => work.tells(),
        }
    }

    /// What it changes: a word for programs.
    pub(super) const fn changes(&self) -> &'static str {
        match self {
            Self::Policy(_) => "policy",
            Self::Work(_) => "operations",
        }
    }
}

/// Changes the rules about an enclave; a policy that takes any program has some from then on.
fn change_enclave(policy: &mut Policy, change: impl FnOnce(&mut SgxProgram)) {
    let mut enclave = match &policy.program {
        Wanted::Sgx(enclave) => enclave.clone(),
        _ => SgxProgram::default(),
    };
    change(&mut enclave);
    policy.program = Wanted::Sgx(enclave);
}

const fn measurement(secs: &Secs) -> Digest {
    Digest::Mrenclave(Kind::Sim, secs.mrenclave)
}

fn add<T: PartialEq + Clone>(list: &mut Vec<T>, item: &T) {
    if !list.contains(item) {
        list.push(item.clone());
    }
}
