//! Drills of samples, looked at from outside: with the platform and the verifier alone, and by playing
//! what a report claims.

use attestation::policy::{Program as Wanted, SgxProgram};
use attestation::{Collateral, Fingerprint, Policy, Stage, Status, Time, TrustAnchor, verify};
use sgx::{Digest, Kind};
use simulator::{Advisory, Change, Platform, Seed, Settings, TcbStatus};

use super::outcome::Outcome;
use super::policies::{Named, rehearsed};
use super::programs::Program;
use super::remedy::{Amendment, Remedy, Work};
use super::report::{Drill, Effect, Report, Row};
use super::scenario::{ADVISORY, Event, Happening, Scenario};

const DAY: u64 = 86_400;

/// 2026-01-01T00:00:00Z
const START: u64 = 1_767_225_600;

fn at(seconds: u64) -> Time {
    Time::from_unix(START + seconds)
}

fn drill(policies: Vec<Named>, scenarios: &[Scenario]) -> Report {
    let drill = Drill {
        start: at(0),
        days: 42,
        fetch_hours: 24,
        programs: vec![Program::sample()],
        policies,
        scenarios: scenarios.to_vec(),
    };
    drill.play(|_| ()).unwrap()
}

fn samples(scenarios: &[Scenario]) -> Report {
    drill(Named::samples(&[Program::sample()]), scenarios)
}

fn named(policy: Policy) -> Vec<Named> {
    vec![Named {
        name: "policy".to_owned(),
        policy,
        file: None,
    }]
}

fn pinned() -> Policy {
    Policy::strict(Wanted::Sgx(SgxProgram {
        measurements: vec![Program::sample().measurement()],
        ..SgxProgram::default()
    }))
}

/// The only row of a drill with one policy and one scenario.
fn only(report: &Report) -> &Row {
    &report.acts[0].rows[0]
}

#[test]
fn verdicts_are_those_of_platform_and_verifier() {
    let published = 33 * 3_600 + 20 * 60;
    let mut fixed = Settings::CURRENT;
    fixed.components[0] += 1;
    let advisory = Advisory {
        id: ADVISORY.to_owned(),
        status: TcbStatus::OutOfDate,
        fixed_by: Some(fixed),
    };
    let seed = Seed::from_bytes([7; 32]);
    let platform = Platform::new(seed, Settings::new(START - 1000 * DAY)).unwrap();
    let platform = platform.with(START + published, Change::Advisory(advisory));
    let root = Fingerprint::of(platform.root_der());
    let anchor = TrustAnchor::simulated(platform.root_der(), root).unwrap();
    let policy = rehearsed(&pinned(), root);
    let secs = Program::sample().secs;
    let judge = |fetched: u64, now: u64| {
        let collateral = platform.collateral(START + fetched).unwrap();
        let collateral = Collateral::from_json(collateral.to_json().as_bytes()).unwrap();
        let quote = platform.quote(&secs, &[0; 64], START).unwrap();
        let quote = verify(&quote, &collateral, &anchor, at(now)).unwrap();
        policy.judge(quote.claims(), at(now), None)
    };
    let report = samples(&[Scenario::Advisory]);
    let Outcome::Falls { at: moment, until } = only(&report).outcome else {
        panic!("it falls");
    };
    assert_eq!((moment, until), (at(2 * DAY), None));
    assert!(judge(DAY, 2 * DAY - 1).accepts(), "the last second before");
    let verdict = judge(2 * DAY, 2 * DAY);
    let broken: Vec<_> = verdict.broken().map(|rule| rule.rule.name()).collect();
    let refused = only(&report).first_refusal().unwrap();
    let told: Vec<_> = refused.rules.iter().map(|rule| rule.rule).collect();
    assert_eq!(told, broken);
    assert_eq!(refused.stage, verdict.stage());
    assert_eq!(refused.reason, verdict.to_string());
}

#[test]
fn courses_have_no_gaps() {
    for act in samples(&Scenario::ALL).acts {
        for row in act.rows {
            let first = row.course.first().unwrap();
            assert_eq!(first.from, act.plan.entrance(), "{:?}", act.scenario);
            assert_eq!(row.course.last().unwrap().until, act.plan.end);
            for pair in row.course.windows(2) {
                assert_eq!(pair[0].until, pair[1].from);
                assert!(!pair[0].verdict.is_like(&pair[1].verdict));
            }
        }
    }
}

#[test]
fn a_deadline_is_the_last_second_in_which_it_helps() {
    let scenarios = [
        Scenario::Advisory,
        Scenario::QeOutdated,
        Scenario::StaleCollateral,
    ];
    let report = samples(&scenarios);
    let mut tried = 0;
    for act in &report.acts {
        let row = &act.rows[0];
        let Outcome::Falls { at: moment, .. } = row.outcome else {
            panic!("{:?} falls", act.scenario);
        };
        for one in &row.remedies {
            let what = match one.remedy {
                Remedy::Work(Work::PatchBy(_)) => Happening::Patched,
                Remedy::Work(Work::UpdateQeBy(_)) => Happening::QeUpdated,
                Remedy::Work(Work::FetchBy(_)) => Happening::ServiceBack,
                _ => continue,
            };
            assert_eq!(one.effect, Effect::Saves, "{}", one.tells);
            let mut plan = act.plan.clone();
            let late = Time::from_unix(moment.unix() + 1);
            plan.events.push(Event { at: late, what });
            let ground = super::rehearsal::Ground::new(at(0)).unwrap();
            let policy = rehearsed(&report.drill.policies[0].policy, ground.fingerprint());
            let mut play = ground.rehearse(plan, Program::sample().secs);
            let (_, outcome) = play.seen(&policy).unwrap();
            let fallen = Outcome::Falls {
                at: moment,
                until: Some(late),
            };
            assert_eq!(outcome, fallen, "{:?}", act.scenario);
            tried += 1;
        }
    }
    assert_eq!(tried, 3);
}

#[test]
fn another_policy_does_what_the_report_says_of_it() {
    let report = samples(&Scenario::ALL);
    let mut tried = 0;
    for act in &report.acts {
        for row in &act.rows {
            let policy = &report.drill.policies[row.policy].policy;
            for one in &row.remedies {
                let Remedy::Policy(amendment) = &one.remedy else {
                    continue;
                };
                let amended = amendment.apply(policy, &Program::sample());
                let claimed = one.costs.iter().map(|cost| (cost.scenario, cost.outcome));
                let claimed = claimed.chain([(act.scenario, one.outcome)]);
                let (scenarios, outcomes): (Vec<_>, Vec<_>) = claimed.unzip();
                let again = drill(named(amended), &scenarios);
                let found: Vec<_> = again.acts.iter().map(|act| act.rows[0].outcome).collect();
                assert_eq!(found, outcomes, "{}", one.tells);
                tried += 1;
            }
        }
    }
    assert!(tried > 10, "{tried}");
}

#[test]
fn a_policy_falls_with_its_own_expiry() {
    let expires = at(10 * DAY + 5);
    let policy = Policy {
        expires: Some(expires),
        ..pinned()
    };
    let report = drill(named(policy), &[Scenario::Calm]);
    let row = only(&report);
    let outcome = Outcome::Falls {
        at: expires,
        until: None,
    };
    assert_eq!(row.outcome, outcome);
    assert_eq!(row.remedies[0].remedy, Remedy::Policy(Amendment::Renew));
    assert_eq!(row.remedies[0].effect, Effect::Saves);
}

#[test]
fn who_asks_for_validity_falls_sooner() {
    let mut policy = pinned();
    policy.platform.minimum_validity = 5 * DAY;
    let report = drill(named(policy), &[Scenario::StaleCollateral]);
    let row = only(&report);
    let Outcome::Falls { at: sooner, .. } = row.outcome else {
        panic!("it falls");
    };
    let plain = drill(named(pinned()), &[Scenario::StaleCollateral]);
    let Outcome::Falls { at: later, .. } = only(&plain).outcome else {
        panic!("it falls");
    };
    assert_eq!(later.unix() - sooner.unix(), 5 * DAY);
    assert_eq!(row.first_refusal().unwrap().stage, Stage::Policy);
    assert_eq!(only(&plain).first_refusal().unwrap().stage, Stage::Time);
    let dropped = row.remedies.last().unwrap();
    assert_eq!(dropped.remedy, Remedy::Policy(Amendment::DropValidity));
    assert_eq!(dropped.effect, Effect::Helps, "it falls all the same");
}

#[test]
fn a_policy_about_hardware_is_rehearsed_with_its_digests() {
    let sample = Program::sample();
    let mut policy = pinned();
    policy.program = Wanted::Sgx(SgxProgram {
        measurements: vec![Digest::Mrenclave(Kind::Gramine, sample.secs.mrenclave)],
        signers: vec![Digest::Mrsigner(Kind::Gramine, sample.secs.mrsigner)],
        ..SgxProgram::default()
    });
    assert_eq!(
        only(&drill(named(policy), &[Scenario::Calm])).outcome,
        Outcome::Holds
    );
}

#[test]
fn a_policy_for_another_program_does_not_fit() {
    let mut policy = pinned();
    policy.program = Wanted::Sgx(SgxProgram {
        measurements: vec![Digest::Mrenclave(Kind::Sim, sgx::Mrenclave([9; 32]))],
        ..SgxProgram::default()
    });
    let report = drill(named(policy), &Scenario::ALL);
    for act in &report.acts {
        assert_eq!(act.rows[0].outcome, Outcome::Unfit, "{:?}", act.scenario);
        assert!(act.rows[0].remedies.is_empty());
    }
}

#[test]
fn collateral_that_is_fetched_often_shortens_what_a_thief_has() {
    let lost = |hours| {
        let drill = Drill {
            start: at(0),
            days: 14,
            fetch_hours: hours,
            programs: vec![Program::sample()],
            policies: named(pinned()),
            scenarios: vec![Scenario::RevokedPck],
        };
        let end = drill.end();
        only(&drill.play(|_| ()).unwrap()).outcome.wrong_for(end)
    };
    assert_eq!(lost(24), 11 * 3_600 + 40 * 60);
    assert_eq!(lost(6), 5 * 3_600 + 40 * 60);
    assert_eq!(lost(1), 40 * 60);
}

#[test]
fn a_program_is_made_up_for_each_policy_that_is_given() {
    let mut policy = pinned();
    policy.program = Wanted::Sgx(SgxProgram {
        signers: vec![Digest::Mrsigner(Kind::Sgx, sgx::Mrsigner([3; 32]))],
        product: Some(12),
        minimum_svn: Some(40),
        ..SgxProgram::default()
    });
    policy.platform.statuses = vec![Status::UpToDate, Status::ConfigurationNeeded];
    let program = Program::of_policy("policy", &policy).unwrap();
    assert_eq!((program.secs.isv_prod_id, program.secs.isv_svn), (12, 40));
    let report = drill(named(policy.clone()), &[Scenario::Calm]);
    assert_eq!(
        only(&report).outcome,
        Outcome::Unfit,
        "the sample is another"
    );
    let drill = Drill {
        programs: vec![program],
        ..report.drill
    };
    assert_eq!(only(&drill.play(|_| ()).unwrap()).outcome, Outcome::Holds);
}
