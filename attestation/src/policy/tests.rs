//! Rules against claims that are made up here; whole evidence is for `tests/policy.rs`.

use alloc::string::ToString as _;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;
use sgx::quote::{Body, TdReport, TdReport15, Version};
use sgx::{
    Attributes, Digest, Kind, Miscselect, Mrenclave, Mrsigner, ReportBody, TdDigest, TdMeasurement,
    TdRegister, flags,
};

use super::*;
use crate::{Evaluation, Level, Origin, Platform, Stage, pck};

const NOW: Time = Time::from_unix(1_800_000_000);

fn enclave() -> ReportBody {
    ReportBody {
        cpusvn: [7; 16],
        miscselect: Miscselect(0),
        cet_attributes: 0,
        isv_ext_prod_id: [0; 16],
        attributes: Attributes {
            flags: flags::INIT | flags::MODE64BIT,
            xfrm: 0xe7,
        },
        mrenclave: Mrenclave([0x11; 32]),
        mrsigner: Mrsigner([0x22; 32]),
        config_id: [0; 64],
        isv_prod_id: 3,
        isv_svn: 5,
        config_svn: 0,
        isv_family_id: [0; 16],
        report_data: [0x33; 64],
    }
}

fn domain() -> TdReport {
    let measured = TdMeasurement([0x44; 48]);
    let none = TdMeasurement([0; 48]);
    TdReport {
        tee_tcb_svn: [3; 16],
        mr_seam: measured,
        mr_signer_seam: none,
        seam_attributes: 0,
        td_attributes: TdReport::SEPT_VE_DISABLE,
        xfam: 0xe7,
        mr_td: measured,
        mr_config_id: none,
        mr_owner: none,
        mr_owner_config: none,
        rtmr: [measured, measured, none, none],
        report_data: [0x33; 64],
        tdx15: None,
    }
}

fn level() -> Level {
    Level {
        status: Status::UpToDate,
        date: Time::from_unix(1_700_000_000),
        advisories: Vec::new(),
    }
}

fn claims(body: impl Into<Shown>) -> Claims {
    let Shown(body) = body.into();
    Claims {
        origin: Origin::Intel,
        quote_version: Version::V3,
        body,
        status: Status::UpToDate,
        advisories: Vec::new(),
        platform: level(),
        qe: level(),
        tdx_module: None,
        current: None,
        evaluation: Evaluation {
            tcb_info: 20,
            qe_identity: 19,
        },
        pck: Platform {
            extension: pck::Extension {
                ppid: [0; 16],
                tcb: pck::Tcb {
                    components: [0; 16],
                    pcesvn: 13,
                    cpusvn: [0; 16],
                },
                pce_id: [0; 2],
                fmspc: [0; 6],
                sgx_type: pck::SgxType::Standard,
                platform_instance_id: None,
                configuration: None,
            },
            ca: "Intel SGX PCK Platform CA".into(),
        },
        verified: NOW,
        expires: Time::from_unix(NOW.unix() + 86_400),
    }
}

/// Either body, so that [`claims`] takes both.
struct Shown(Body);

impl From<ReportBody> for Shown {
    fn from(report: ReportBody) -> Self {
        Self(Body::Sgx(report))
    }
}

impl From<TdReport> for Shown {
    fn from(report: TdReport) -> Self {
        Self(Body::Tdx(report))
    }
}

fn measurement(kind: Kind) -> Digest {
    Digest::Mrenclave(kind, Mrenclave([0x11; 32]))
}

fn signer(kind: Kind) -> Digest {
    Digest::Mrsigner(kind, Mrsigner([0x22; 32]))
}

fn by_measurement() -> Policy {
    Policy::strict(Program::Sgx(SgxProgram {
        measurements: vec![measurement(Kind::Sgx)],
        ..SgxProgram::default()
    }))
}

fn by_signer() -> SgxProgram {
    SgxProgram {
        signers: vec![signer(Kind::Sgx)],
        product: Some(3),
        minimum_svn: Some(5),
        ..SgxProgram::default()
    }
}

fn by_registers() -> TdxProgram {
    let value = TdMeasurement([0x44; 48]);
    let pinned = [TdRegister::MrTd, TdRegister::Rtmr0, TdRegister::Rtmr1];
    TdxProgram {
        registers: pinned
            .map(|register| TdDigest {
                kind: Kind::Tdx,
                register,
                value,
            })
            .into(),
        ..TdxProgram::default()
    }
}

/// The rules that `policy` finds broken.
fn broken(policy: &Policy, claims: &Claims) -> Vec<Rule> {
    let verdict = policy.judge(claims, NOW, None);
    let broken: Vec<Rule> = verdict.broken().map(|finding| finding.rule).collect();
    assert_eq!(broken.is_empty(), verdict.accepts());
    broken
}

#[test]
fn what_is_wanted_is_accepted() {
    let sgx = claims(enclave());
    let tdx = claims(domain());
    for (policy, claims) in [
        (by_measurement(), &sgx),
        (Policy::strict(Program::Sgx(by_signer())), &sgx),
        (Policy::strict(Program::Tdx(by_registers())), &tdx),
        (Policy::strict(Program::Any), &sgx),
        (Policy::strict(Program::Any), &tdx),
    ] {
        assert_eq!(broken(&policy, claims), []);
    }
}

#[test]
fn kinds_of_hardware_are_one_world_and_simulation_another() {
    let mut policy = by_measurement();
    for (kind, expected) in [
        (Kind::Sgx, vec![]),
        (Kind::Gramine, vec![]),
        (Kind::Scone, vec![]),
        (Kind::Sim, vec![Rule::Measurement]),
        (Kind::Tdx, vec![Rule::Measurement]),
    ] {
        policy.program = Program::Sgx(SgxProgram {
            measurements: vec![measurement(kind)],
            ..SgxProgram::default()
        });
        assert_eq!(broken(&policy, &claims(enclave())), expected, "{kind}");
    }
}

#[test]
fn a_simulated_platform_takes_the_flag_and_the_root_and_a_simulated_digest() {
    let root = Fingerprint::from_bytes([9; 32]);
    let mut claims = claims(enclave());
    claims.origin = Origin::Simulated(root);
    let mut policy = by_measurement();
    assert_eq!(
        broken(&policy, &claims),
        [Rule::Simulation, Rule::SimulatedRoot, Rule::Measurement]
    );
    policy.simulated_roots = vec![root];
    assert_eq!(
        broken(&policy, &claims),
        [Rule::Simulation, Rule::SimulatedRoot, Rule::Measurement]
    );
    policy.allow_sim = true;
    assert_eq!(broken(&policy, &claims), [Rule::Measurement]);
    policy.program = Program::Sgx(SgxProgram {
        measurements: vec![measurement(Kind::Sim)],
        ..SgxProgram::default()
    });
    assert_eq!(broken(&policy, &claims), []);
    policy.simulated_roots = vec![Fingerprint::from_bytes([8; 32])];
    assert_eq!(broken(&policy, &claims), [Rule::SimulatedRoot]);
}

#[test]
fn debug_comes_first_and_has_a_stage_of_its_own() {
    let mut report = enclave();
    report.attributes.flags |= flags::DEBUG;
    let mut policy = Policy::strict(Program::Any);
    let verdict = policy.judge(&claims(report), NOW, None);
    assert_eq!(verdict.stage(), Stage::PolicyDebug);
    assert_eq!(verdict.findings()[0].rule, Rule::Debug);
    assert_eq!(verdict.to_string(), "debug: on (wanted: off)");

    let mut report = domain();
    report.td_attributes |= TdReport::DEBUG;
    assert_eq!(broken(&policy, &claims(report)), [Rule::Debug]);
    policy.allow_debug = true;
    assert_eq!(broken(&policy, &claims(report)), []);
}

#[test]
fn each_rule_of_an_enclave_is_broken_by_its_claim() {
    let everything = SgxProgram {
        measurements: vec![measurement(Kind::Sgx)],
        attributes: Some(Bits {
            mask: flags::PROVISIONKEY,
            value: 0,
        }),
        xfrm: Some(Bits {
            mask: !0xe7,
            value: 0,
        }),
        ..by_signer()
    };
    let policy = Policy::strict(Program::Sgx(everything));
    let change = |change: fn(&mut ReportBody)| {
        let mut report = enclave();
        change(&mut report);
        broken(&policy, &claims(report))
    };
    assert_eq!(change(|_| {}), []);
    assert_eq!(change(|r| r.mrenclave.0[31] ^= 1), [Rule::Measurement]);
    assert_eq!(change(|r| r.mrsigner.0[0] ^= 0x80), [Rule::Signer]);
    assert_eq!(change(|r| r.isv_prod_id = 4), [Rule::Product]);
    assert_eq!(change(|r| r.isv_svn = 4), [Rule::Svn]);
    assert_eq!(change(|r| r.isv_svn = 6), []);
    assert_eq!(
        change(|r| r.attributes.flags |= flags::PROVISIONKEY),
        [Rule::Attributes]
    );
    assert_eq!(
        change(|r| r.attributes.xfrm |= 1 << 17),
        [Rule::ProcessorState]
    );
    assert_eq!(change(|r| r.config_id[63] = 1), [Rule::Config]);
}

#[test]
fn a_program_that_is_not_named_is_refused() {
    let nothing = Policy::strict(Program::Sgx(SgxProgram::default()));
    assert_eq!(
        broken(&nothing, &claims(enclave())),
        [Rule::Signer, Rule::Product, Rule::Svn]
    );
    for left_out in [
        SgxProgram {
            signers: vec![],
            ..by_signer()
        },
        SgxProgram {
            product: None,
            ..by_signer()
        },
        SgxProgram {
            minimum_svn: None,
            ..by_signer()
        },
    ] {
        let policy = Policy::strict(Program::Sgx(left_out));
        assert_eq!(broken(&policy, &claims(enclave())).len(), 1);
    }
    let nothing = Policy::strict(Program::Tdx(TdxProgram::default()));
    assert_eq!(
        broken(&nothing, &claims(domain())),
        [Rule::Mrtd, Rule::Rtmr0, Rule::Rtmr1]
    );
}

#[test]
fn one_tee_is_not_the_other() {
    assert_eq!(broken(&by_measurement(), &claims(domain())), [Rule::Tee]);
    let policy = Policy::strict(Program::Tdx(by_registers()));
    assert_eq!(broken(&policy, &claims(enclave())), [Rule::Tee]);
}

#[test]
fn each_register_of_a_domain_counts() {
    let policy = Policy::strict(Program::Tdx(by_registers()));
    let change = |change: fn(&mut TdReport)| {
        let mut report = domain();
        change(&mut report);
        broken(&policy, &claims(report))
    };
    assert_eq!(change(|_| {}), []);
    assert_eq!(change(|r| r.mr_td.0[0] ^= 1), [Rule::Mrtd]);
    assert_eq!(change(|r| r.rtmr[0].0[47] ^= 1), [Rule::Rtmr0]);
    assert_eq!(change(|r| r.rtmr[1].0[1] ^= 1), [Rule::Rtmr1]);
    assert_eq!(change(|r| r.rtmr[2].0[1] = 1), [Rule::Rtmr2]);
    assert_eq!(change(|r| r.rtmr[3].0[1] = 1), [Rule::Rtmr3]);
    assert_eq!(change(|r| r.mr_config_id.0[1] = 1), [Rule::Mrconfigid]);
    assert_eq!(change(|r| r.mr_owner.0[1] = 1), [Rule::Mrowner]);
    assert_eq!(
        change(|r| r.mr_owner_config.0[1] = 1),
        [Rule::Mrownerconfig]
    );
    assert_eq!(change(|r| r.mr_seam.0[1] ^= 1), []);
    assert_eq!(change(|r| r.td_attributes = 0), [Rule::Attributes]);
    assert_eq!(change(|r| r.td_attributes |= 2), [Rule::Attributes]);
    let service = |value| {
        let mut report = domain();
        report.tdx15 = Some(TdReport15 {
            tee_tcb_svn2: [3; 16],
            mr_service_td: TdMeasurement([value; 48]),
        });
        broken(&policy, &claims(report))
    };
    assert_eq!(service(0), []);
    assert_eq!(service(1), [Rule::Mrservicetd]);
}

#[test]
fn registers_may_be_left_out_by_name_and_have_several_values() {
    let mut program = by_registers();
    program
        .registers
        .retain(|one| one.register != TdRegister::Rtmr0);
    program.unchecked = vec![TdRegister::Rtmr0];
    program.registers.push(TdDigest {
        kind: Kind::Tdx,
        register: TdRegister::MrTd,
        value: TdMeasurement([0x55; 48]),
    });
    let policy = Policy::strict(Program::Tdx(program));
    let mut report = domain();
    report.rtmr[0] = TdMeasurement([0x66; 48]);
    for value in [0x44, 0x55] {
        report.mr_td = TdMeasurement([value; 48]);
        assert_eq!(broken(&policy, &claims(report)), []);
    }
    report.mr_td = TdMeasurement([0x66; 48]);
    assert_eq!(broken(&policy, &claims(report)), [Rule::Mrtd]);
}

#[test]
fn statuses_and_advisories_are_lists() {
    let mut policy = Policy::strict(Program::Any);
    let mut claims = claims(enclave());
    claims.status = Status::SwHardeningNeeded;
    claims.advisories = vec!["INTEL-SA-00334".into(), "INTEL-SA-00615".into()];
    assert_eq!(broken(&policy, &claims), [Rule::Status, Rule::Advisories]);
    policy.platform.statuses = vec![Status::SwHardeningNeeded];
    policy.platform.advisories = vec!["INTEL-SA-00615".into()];
    assert_eq!(broken(&policy, &claims), [Rule::Advisories]);
    policy.platform.advisories.push("INTEL-SA-00334".into());
    assert_eq!(broken(&policy, &claims), []);
    // A status that is up to date has to be on the list too, and so do advisories about it.
    claims.status = Status::UpToDate;
    assert_eq!(broken(&policy, &claims), [Rule::Status]);
}

#[test]
fn the_lower_evaluation_data_number_counts() {
    let mut policy = Policy::strict(Program::Any);
    for (least, holds) in [(18, true), (19, true), (20, false), (u32::MAX, false)] {
        policy.platform.minimum_evaluation_data_number = Some(least);
        assert_eq!(broken(&policy, &claims(enclave())).is_empty(), holds);
    }
}

#[test]
fn policies_and_collateral_end() {
    let mut policy = Policy::strict(Program::Any);
    let at = |policy: &Policy, seconds: u64| {
        let verdict = policy.judge(&claims(enclave()), Time::from_unix(seconds), None);
        verdict
            .broken()
            .map(|finding| finding.rule)
            .collect::<Vec<_>>()
    };
    let end = NOW.unix() + 86_400;
    assert_eq!(at(&policy, end), Vec::<Rule>::new());
    assert_eq!(at(&policy, end + 1), [Rule::CollateralExpiry]);
    policy.platform.minimum_validity = 3_600;
    assert_eq!(at(&policy, end - 3_600), Vec::<Rule>::new());
    assert_eq!(at(&policy, end - 3_599), [Rule::CollateralExpiry]);
    policy.platform.minimum_validity = u64::MAX;
    assert_eq!(at(&policy, NOW.unix()), [Rule::CollateralExpiry]);
    policy.platform.minimum_validity = 0;
    policy.expires = Some(NOW);
    assert_eq!(at(&policy, NOW.unix()), [Rule::PolicyExpiry]);
    policy.expires = Some(Time::from_unix(NOW.unix() + 1));
    assert_eq!(at(&policy, NOW.unix()), Vec::<Rule>::new());
    assert_eq!(at(&policy, NOW.unix() - 1), [Rule::CollateralExpiry]);
}

#[test]
fn report_data_is_compared_if_it_is_given() {
    let policy = Policy::strict(Program::Any);
    let claims = claims(enclave());
    assert!(policy.judge(&claims, NOW, Some(&[0x33; 64])).accepts());
    let mut other = [0x33; 64];
    other[63] ^= 1;
    let verdict = policy.judge(&claims, NOW, Some(&other));
    let rules: Vec<Rule> = verdict.broken().map(|finding| finding.rule).collect();
    assert_eq!(rules, [Rule::ReportData]);
    assert_eq!(verdict.stage(), Stage::Policy);
}

#[test]
fn a_verdict_names_every_rule_with_claim_and_wanted_value() {
    let mut claims = claims(enclave());
    claims.status = Status::OutOfDate;
    claims.advisories = vec!["INTEL-SA-00828".into()];
    let verdict = by_measurement().judge(&claims, NOW, None);
    let rules: Vec<&str> = verdict
        .findings()
        .iter()
        .map(|finding| finding.rule.name())
        .collect();
    assert_eq!(
        rules.join(" "),
        "debug policy-expiry collateral-expiry simulation tee measurement signer product svn \
         attributes processor-state config report-data status advisories evaluation-data-number"
    );
    assert_eq!(
        verdict.to_string(),
        "status: OutOfDate (wanted: UpToDate); advisories: INTEL-SA-00828 (wanted: none)"
    );
}

proptest! {
    /// Whatever a quote claims: with everything pinned, one more bit is one rule broken.
    #[test]
    fn a_changed_bit_of_the_identity_is_refused(bit in 0..512_usize) {
        let everything = SgxProgram {
            measurements: vec![measurement(Kind::Sgx)],
            ..by_signer()
        };
        let policy = Policy::strict(Program::Sgx(everything));
        let mut report = enclave();
        let digest = if bit < 256 { &mut report.mrenclave.0 } else { &mut report.mrsigner.0 };
        digest[bit % 256 / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(broken(&policy, &claims(report)).len(), 1);
    }

    /// A policy that asks for less accepts whatever the stricter one accepts.
    #[test]
    fn lists_only_ever_add(
        status in 0..8_usize,
        listed in proptest::collection::vec(0..8_usize, 1..4),
        more in 0..8_usize,
        advisories in proptest::collection::vec("[A-C]", 0..3),
        known in proptest::collection::vec("[A-C]", 0..3),
    ) {
        let mut claims = claims(enclave());
        claims.status = Status::ALL[status];
        claims.advisories = advisories;
        let mut policy = Policy::strict(Program::Any);
        policy.platform.statuses = listed.into_iter().map(|at| Status::ALL[at]).collect();
        policy.platform.advisories = known;
        let before = policy.judge(&claims, NOW, None).accepts();
        policy.platform.statuses.push(Status::ALL[more]);
        policy.platform.advisories.push("A".into());
        prop_assert!(!before || policy.judge(&claims, NOW, None).accepts());
    }
}
