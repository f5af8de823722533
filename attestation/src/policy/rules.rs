//! The rules, one after the other. All of them are applied, whatever the first ones say.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;

use sgx::quote::{Body, TdReport, Tee};
use sgx::{Digest, Kind, ReportBody, TdDigest, TdRegister};

use super::verdict::{Sheet, Verdict};
use super::{Bits, PlatformRules, Policy, Program, Rule, SgxProgram, TdxProgram};
use crate::{Claims, Origin, Time};

pub(super) fn judge(
    policy: &Policy,
    claims: &Claims,
    now: Time,
    report_data: Option<&[u8; 64]>,
) -> Verdict {
    let mut sheet = Sheet::default();
    debug(policy, claims, &mut sheet);
    in_force(policy, claims, now, &mut sheet);
    origin(policy, claims, &mut sheet);
    program(&policy.program, claims, &mut sheet);
    match report_data {
        Some(wanted) => {
            let claim = claims.report_data();
            sheet.check(Rule::ReportData, claim == wanted, hex(claim), hex(wanted));
        }
        None => sheet.leave(Rule::ReportData, hex(claims.report_data())),
    }
    platform(&policy.platform, claims, &mut sheet);
    sheet.verdict()
}

fn debug(policy: &Policy, claims: &Claims, sheet: &mut Sheet) {
    let debug = claims.is_debug();
    if policy.allow_debug {
        sheet.leave(Rule::Debug, on(debug));
    } else {
        sheet.check(Rule::Debug, !debug, on(debug), on(false));
    }
}

fn in_force(policy: &Policy, claims: &Claims, now: Time, sheet: &mut Sheet) {
    match policy.expires {
        Some(expires) => sheet.check(
            Rule::PolicyExpiry,
            now < expires,
            expires,
            format_args!("a time after {now}"),
        ),
        None => sheet.leave(Rule::PolicyExpiry, "never"),
    }
    collateral_in_force(policy.platform.minimum_validity, claims, now, sheet);
}

/// A verification says nothing of times before it.
fn collateral_in_force(validity: u64, claims: &Claims, now: Time, sheet: &mut Sheet) {
    let rule = Rule::CollateralExpiry;
    if now < claims.verified {
        let claim = format!("verified at {}", claims.verified);
        return sheet.check(rule, false, claim, format_args!("no time after {now}"));
    }
    let wanted = now.unix().checked_add(validity);
    sheet.check(
        rule,
        wanted.is_some_and(|wanted| wanted <= claims.expires.unix()),
        claims.expires,
        match validity {
            0 => format!("no time before {now}"),
            seconds => format!("no time within {seconds} s of {now}"),
        },
    );
}

fn origin(policy: &Policy, claims: &Claims, sheet: &mut Sheet) {
    let real = "a real platform";
    let Origin::Simulated(root) = &claims.origin else {
        sheet.check(Rule::Simulation, true, real, real);
        return;
    };
    let simulated = "a simulated platform, which protects nothing";
    if policy.allow_sim {
        sheet.check(
            Rule::Simulation,
            true,
            simulated,
            "a real or a simulated platform",
        );
    } else {
        sheet.check(Rule::Simulation, false, simulated, real);
    }
    sheet.check(
        Rule::SimulatedRoot,
        policy.allow_sim && policy.simulated_roots.contains(root),
        root,
        any_of(&policy.simulated_roots),
    );
}

fn program(program: &Program, claims: &Claims, sheet: &mut Sheet) {
    let simulated = claims.is_simulated();
    let tee = match claims.tee() {
        Tee::Sgx => "SGX",
        Tee::Tdx => "TDX",
    };
    match (program, &claims.body) {
        (Program::Any, _) => sheet.leave(Rule::Tee, tee),
        (Program::Sgx(_), Body::Sgx(_)) | (Program::Tdx(_), Body::Tdx(_)) => {
            sheet.check(Rule::Tee, true, tee, tee);
        }
        (Program::Sgx(_), Body::Tdx(_)) => return sheet.check(Rule::Tee, false, tee, "SGX"),
        (Program::Tdx(_), Body::Sgx(_)) => return sheet.check(Rule::Tee, false, tee, "TDX"),
    }
    match (&claims.body, program) {
        (Body::Sgx(report), Program::Sgx(program)) => enclave(program, report, simulated, sheet),
        (Body::Sgx(report), _) => any_enclave(report, simulated, sheet),
        (Body::Tdx(report), Program::Tdx(program)) => domain(program, report, simulated, sheet),
        (Body::Tdx(report), _) => any_domain(report, simulated, sheet),
    }
}

fn enclave(program: &SgxProgram, report: &ReportBody, simulated: bool, sheet: &mut Sheet) {
    let (measurement, signer) = digests(report, simulated);
    // Without measurements, signer, product and SVN name the program, and each of them has to be there.
    let pinned = !program.measurements.is_empty();
    if pinned {
        let fits = |wanted: &Digest| same(wanted, &measurement);
        let holds = program.measurements.iter().any(fits);
        let wanted = any_of(&program.measurements);
        sheet.check(Rule::Measurement, holds, measurement, wanted);
    } else {
        sheet.leave(Rule::Measurement, measurement);
    }
    if pinned && program.signers.is_empty() {
        sheet.leave(Rule::Signer, signer);
    } else {
        let fits = |wanted: &Digest| same(wanted, &signer);
        let holds = program.signers.iter().any(fits);
        sheet.check(Rule::Signer, holds, signer, any_of(&program.signers));
    }
    let product = report.isv_prod_id;
    match program.product {
        Some(wanted) => sheet.check(Rule::Product, product == wanted, product, wanted),
        None if pinned => sheet.leave(Rule::Product, product),
        None => sheet.check(Rule::Product, false, product, NOTHING),
    }
    let svn = report.isv_svn;
    match program.minimum_svn {
        Some(least) => sheet.check(Rule::Svn, svn >= least, svn, at_least(least)),
        None if pinned => sheet.leave(Rule::Svn, svn),
        None => sheet.check(Rule::Svn, false, svn, NOTHING),
    }
    let attributes = report.attributes;
    bits(
        Rule::Attributes,
        program.attributes,
        attributes.flags,
        sheet,
    );
    bits(Rule::ProcessorState, program.xfrm, attributes.xfrm, sheet);
    let config = program.config_id.unwrap_or([0; 64]);
    let holds = report.config_id == config;
    sheet.check(Rule::Config, holds, hex(&report.config_id), hex(&config));
}

fn any_enclave(report: &ReportBody, simulated: bool, sheet: &mut Sheet) {
    let (measurement, signer) = digests(report, simulated);
    sheet.leave(Rule::Measurement, measurement);
    sheet.leave(Rule::Signer, signer);
    sheet.leave(Rule::Product, report.isv_prod_id);
    sheet.leave(Rule::Svn, report.isv_svn);
    bits(Rule::Attributes, None, report.attributes.flags, sheet);
    bits(Rule::ProcessorState, None, report.attributes.xfrm, sheet);
    sheet.leave(Rule::Config, hex(&report.config_id));
}

fn domain(program: &TdxProgram, report: &TdReport, simulated: bool, sheet: &mut Sheet) {
    for claim in registers(report, simulated) {
        let register = claim.register;
        let wanted = program
            .registers
            .iter()
            .filter(|one| one.register == register);
        let wanted: Vec<&TdDigest> = wanted.collect();
        // The documents of the TDX module's vendor have been asked about it.
        let module = matches!(register, TdRegister::MrSeam | TdRegister::MrSignerSeam);
        if program.unchecked.contains(&register) || (module && wanted.is_empty()) {
            sheet.leave(rule(register), claim);
        } else if wanted.is_empty() {
            let holds = claim.value.0 == [0; 48];
            sheet.check(rule(register), holds, claim, "zero");
        } else {
            let holds = wanted.contains(&&claim);
            sheet.check(rule(register), holds, claim, any_of(&wanted));
        }
    }
    let attributes = Some(program.attributes);
    bits(Rule::Attributes, attributes, report.td_attributes, sheet);
    bits(Rule::ProcessorState, program.xfam, report.xfam, sheet);
}

fn any_domain(report: &TdReport, simulated: bool, sheet: &mut Sheet) {
    for claim in registers(report, simulated) {
        sheet.leave(rule(claim.register), claim);
    }
    bits(Rule::Attributes, None, report.td_attributes, sheet);
    bits(Rule::ProcessorState, None, report.xfam, sheet);
}

fn platform(rules: &PlatformRules, claims: &Claims, sheet: &mut Sheet) {
    let status = claims.status;
    let holds = rules.statuses.contains(&status);
    sheet.check(Rule::Status, holds, status, any_of(&rules.statuses));
    let known = |id: &String| rules.advisories.contains(id);
    let holds = claims.advisories.iter().all(known);
    sheet.check(
        Rule::Advisories,
        holds,
        all_of(&claims.advisories),
        match &rules.advisories[..] {
            [] => Cow::Borrowed("none"),
            ids => format!("no others than {}", all_of(ids)).into(),
        },
    );
    let number = claims
        .evaluation
        .tcb_info
        .min(claims.evaluation.qe_identity);
    match rules.minimum_evaluation_data_number {
        Some(least) => {
            let holds = number >= least;
            sheet.check(Rule::EvaluationDataNumber, holds, number, at_least(least));
        }
        None => sheet.leave(Rule::EvaluationDataNumber, number),
    }
}

const NOTHING: &str = "nothing (the policy does not name the program)";

/// Measurement and signer, each with its kind.
fn digests(report: &ReportBody, simulated: bool) -> (Digest, Digest) {
    let kind = if simulated { Kind::Sim } else { Kind::Sgx };
    (
        Digest::Mrenclave(kind, report.mrenclave),
        Digest::Mrsigner(kind, report.mrsigner),
    )
}

/// Whether a digest that is wanted is the one that is claimed.
fn same(wanted: &Digest, claim: &Digest) -> bool {
    match (wanted, claim) {
        (Digest::Mrenclave(wanted_of, wanted), Digest::Mrenclave(of, claim)) => {
            fits(*wanted_of, *of) && wanted == claim
        }
        (Digest::Mrsigner(wanted_of, wanted), Digest::Mrsigner(of, claim)) => {
            fits(*wanted_of, *of) && wanted == claim
        }
        _ => false,
    }
}

/// On hardware nothing in a quote says who made the enclave: every kind of enclave fits there.
const fn fits(wanted: Kind, claimed: Kind) -> bool {
    match claimed {
        Kind::Sgx => matches!(wanted, Kind::Sgx | Kind::Gramine | Kind::Scone),
        Kind::Sim => matches!(wanted, Kind::Sim),
        _ => false,
    }
}

fn bits(rule: Rule, wanted: Option<Bits>, claim: u64, sheet: &mut Sheet) {
    let text = format!("{claim:#018x}");
    match wanted {
        Some(wanted) => sheet.check(
            rule,
            wanted.hold(claim),
            text,
            format_args!("{:#018x} in the bits {:#018x}", wanted.value, wanted.mask),
        ),
        None => sheet.leave(rule, text),
    }
}

/// The registers that a report has, each with its kind.
fn registers(report: &TdReport, simulated: bool) -> impl Iterator<Item = TdDigest> {
    let kind = if simulated { Kind::Sim } else { Kind::Tdx };
    TdRegister::ALL.into_iter().filter_map(move |register| {
        let value = report.register(register)?;
        Some(TdDigest {
            kind,
            register,
            value,
        })
    })
}

const fn rule(register: TdRegister) -> Rule {
    match register {
        TdRegister::MrSeam => Rule::Mrseam,
        TdRegister::MrSignerSeam => Rule::Mrsignerseam,
        TdRegister::MrTd => Rule::Mrtd,
        TdRegister::MrConfigId => Rule::Mrconfigid,
        TdRegister::MrOwner => Rule::Mrowner,
        TdRegister::MrOwnerConfig => Rule::Mrownerconfig,
        TdRegister::Rtmr0 => Rule::Rtmr0,
        TdRegister::Rtmr1 => Rule::Rtmr1,
        TdRegister::Rtmr2 => Rule::Rtmr2,
        TdRegister::Rtmr3 => Rule::Rtmr3,
        TdRegister::MrServiceTd => Rule::Mrservicetd,
    }
}

fn hex(bytes: &[u8]) -> String {
    if bytes.iter().all(|byte| *byte == 0) {
        "zero".to_string()
    } else {
        hex::encode(bytes)
    }
}

fn on(flag: bool) -> &'static str {
    if flag { "on" } else { "off" }
}

fn at_least(least: impl Display) -> String {
    format!("at least {least}")
}

fn any_of<T: Display>(items: &[T]) -> String {
    list(items, " or ", "nothing")
}

fn all_of<T: Display>(items: &[T]) -> String {
    list(items, ", ", "none")
}

fn list<T: Display>(items: &[T], between: &str, empty: &str) -> String {
    match items {
        [] => empty.to_string(),
        items => {
            let texts: Vec<String> = items.iter().map(ToString::to_string).collect();
            texts.join(between)
        }
    }
}
