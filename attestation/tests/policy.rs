//! Policies against whole evidence: a platform quotes, the verifier verifies, a policy judges.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod evidence;

use evidence::{NOW, REPORT_DATA, anchor, collateral, evidence, platform, secs, settings, time};
use sconce_attestation::policy::{Program, Rule, SgxProgram};
use sconce_attestation::{
    Fingerprint, Policy, Stage, Status, Verdict, VerifiedEvidence, VerifiedQuote, verify,
};
use sgx::{Digest, Kind};
use simulator::{Advisory, Change, Platform, TcbStatus};

fn quote(platform: &Platform, now: u64) -> VerifiedQuote {
    let made = evidence(platform, now);
    verify(
        &made.quote,
        &collateral(&made),
        &anchor(platform),
        time(now),
    )
    .unwrap()
}

/// The policy that takes the program on this platform.
fn policy(platform: &Platform) -> Policy {
    let mut policy = Policy::strict(Program::Sgx(SgxProgram {
        measurements: vec![Digest::Mrenclave(Kind::Sim, secs().mrenclave)],
        ..SgxProgram::default()
    }));
    policy.allow_sim = true;
    policy.simulated_roots = vec![Fingerprint::of(platform.root_der())];
    policy
}

fn broken(judged: Result<VerifiedEvidence, Verdict>) -> Vec<Rule> {
    judged
        .unwrap_err()
        .broken()
        .map(|finding| finding.rule)
        .collect()
}

#[test]
fn what_a_policy_accepts_is_evidence_for_as_long_as_both_hold() {
    let platform = platform(1, settings());
    let mut policy = policy(&platform);
    let accepted = policy
        .appraise(quote(&platform, NOW), time(NOW), Some(&REPORT_DATA))
        .unwrap();
    let collateral_expires = accepted.claims().expires;
    assert_eq!(accepted.expires(), collateral_expires);
    assert_eq!(accepted.claims().report_data(), &REPORT_DATA);
    assert!(accepted.verdict().accepts());

    policy.expires = Some(time(NOW + 60));
    let accepted = policy
        .appraise(quote(&platform, NOW), time(NOW), None)
        .unwrap();
    assert_eq!(accepted.expires(), time(NOW + 59));
    let last = policy.appraise(quote(&platform, NOW), accepted.expires(), None);
    assert!(last.is_ok());
    let later = policy.appraise(quote(&platform, NOW), time(NOW + 60), None);
    assert_eq!(broken(later), [Rule::PolicyExpiry]);
}

#[test]
fn a_quote_that_was_verified_long_ago_is_not_accepted_today() {
    let platform = platform(1, settings());
    let policy = policy(&platform);
    let quote = quote(&platform, NOW);
    let end = quote.claims().expires;
    assert!(policy.appraise(quote.clone(), end, None).is_ok());
    let later = policy.appraise(quote.clone(), time(end.unix() + 1), None);
    assert_eq!(broken(later), [Rule::CollateralExpiry]);
    let sooner = policy.appraise(quote, time(NOW - 1), None);
    assert_eq!(broken(sooner), [Rule::CollateralExpiry]);
}

#[test]
fn every_policy_that_does_not_ask_for_simulation_refuses_it() {
    let platform = platform(1, settings());
    let mut lenient = Policy::strict(Program::Any);
    lenient.platform.statuses = Status::ALL.into();
    lenient.allow_debug = true;
    for policy in [Policy::strict(Program::Any), lenient] {
        let judged = policy.appraise(quote(&platform, NOW), time(NOW), None);
        assert_eq!(broken(judged), [Rule::Simulation, Rule::SimulatedRoot]);
    }
}

#[test]
fn an_advisory_takes_the_status_and_itself_to_be_accepted() {
    let advisory = Advisory {
        id: "SIM-SA-00777".into(),
        status: TcbStatus::SwHardeningNeeded,
        fixed_by: None,
    };
    let platform = platform(1, settings()).with(NOW + 10, Change::Advisory(advisory));
    let mut policy = policy(&platform);
    let judge = |policy: &Policy| {
        let later = NOW + 20;
        policy.appraise(quote(&platform, later), time(later), None)
    };
    assert_eq!(broken(judge(&policy)), [Rule::Status, Rule::Advisories]);
    policy.platform.statuses.push(Status::SwHardeningNeeded);
    assert_eq!(broken(judge(&policy)), [Rule::Advisories]);
    policy.platform.advisories.push("SIM-SA-00777".into());
    let accepted = judge(&policy).unwrap();
    // What it takes beyond the strictest stands in the verdict.
    let advisories = accepted
        .verdict()
        .findings()
        .iter()
        .find(|finding| finding.rule == Rule::Advisories)
        .unwrap();
    assert_eq!(advisories.claim, "SIM-SA-00777");
    assert_eq!(advisories.wanted, "no others than SIM-SA-00777");
}

#[test]
fn a_debug_enclave_is_refused_at_a_stage_of_its_own() {
    let platform = platform(1, settings());
    let mut debug = secs();
    debug.attributes.flags |= sgx::flags::DEBUG;
    let made = platform.evidence(&debug, &REPORT_DATA, NOW).unwrap();
    let quote = verify(
        &made.quote,
        &collateral(&made),
        &anchor(&platform),
        time(NOW),
    )
    .unwrap();
    let refused = policy(&platform)
        .appraise(quote, time(NOW), None)
        .unwrap_err();
    assert_eq!(refused.stage(), Stage::PolicyDebug);
}
