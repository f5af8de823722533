//! How claims and rules are shown.

use attestation::policy::{Finding, Outcome};
use attestation::{Claims, Origin, Verdict, pck};
use sconify::terminal::harmless;
use serde_json::{Value, json};
use sgx::quote::{Body, Quote, TdReport, Tee};
use sgx::{Digest, Kind, ReportBody, TdDigest, TdRegister};

/// Whether a quote's header says that its platform is simulated. Anybody can write it, or leave it out.
pub(super) fn says_simulated(quote: &Quote<'_>) -> bool {
    quote.header().user_data == simulator::USER_DATA
}

/// A rule, as `--json` shows it.
pub(crate) fn finding(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule.name(),
        "claim": finding.claim,
        "wanted": finding.wanted,
        "outcome": finding.outcome.name(),
    })
}

/// Every rule of a policy with what it was held against, a line each.
pub(crate) fn rules(verdict: &Verdict) -> String {
    let mut text = String::new();
    for finding in verdict.findings() {
        let mark = match finding.outcome {
            Outcome::Holds => "holds",
            Outcome::Broken => "BROKEN",
            Outcome::Unchecked => "-",
        };
        let (rule, claim) = (finding.rule.name(), harmless(&finding.claim));
        text += &format!("{mark:<8}{rule:<24}{claim}");
        if finding.outcome != Outcome::Unchecked && finding.claim != finding.wanted {
            text += &format!("  (wanted: {})", harmless(&finding.wanted));
        }
        text.push('\n');
    }
    text
}

/// What a genuine quote claims, as `--json` shows it.
pub(crate) fn claims(claims: &Claims) -> Value {
    let levels: Vec<Value> = claims
        .levels()
        .into_iter()
        .map(|(part, level)| {
            json!({
                "part": part,
                "status": level.status,
                "date": level.date.to_string(),
                "advisories": level.advisories,
            })
        })
        .collect();
    let source = match claims.origin {
        Origin::Intel => Source::Hardware,
        Origin::Simulated(_) => Source::Simulation,
    };
    json!({
        "origin": claims.origin.to_string(),
        "simulated": claims.is_simulated(),
        "tee": tee(claims.tee()),
        "quoteVersion": claims.quote_version.number(),
        "status": claims.status,
        "advisories": claims.advisories,
        "levels": levels,
        "tcbEvaluationDataNumber": {
            "tcbInfo": claims.evaluation.tcb_info,
            "qeIdentity": claims.evaluation.qe_identity,
        },
        "pck": pck(&claims.pck.extension, &claims.pck.ca),
        "program": body(&claims.body, source),
        "collateralExpires": claims.expires.to_string(),
    })
}

/// The platform under a genuine quote, for people.
pub(crate) fn platform(claims: &Claims) -> String {
    let platform = match claims.origin {
        Origin::Intel => "certified by Intel".to_owned(),
        Origin::Simulated(root) => format!("simulated, which protects nothing: root {root}"),
    };
    let pck = &claims.pck.extension;
    let mut text = format!(
        "Platform     {platform}\nCertificate  FMSPC {}, PCE-ID {}, by {}\nQuote        version {}, {}\n",
        hex::encode_upper(pck.fmspc),
        hex::encode_upper(pck.pce_id),
        harmless(&claims.pck.ca),
        claims.quote_version.number(),
        tee(claims.tee()),
    );
    for (part, level) in claims.levels() {
        let advisories = match &level.advisories[..] {
            [] => String::new(),
            ids => format!("; {}", harmless(&ids.join(", "))),
        };
        text += &format!(
            "Level        {part}: {} of {}{advisories}\n",
            level.status, level.date
        );
    }
    text
}

/// Whose word it is that a program is so.
#[derive(Clone, Copy)]
pub(super) enum Source {
    Hardware,
    Simulation,
    /// Nobody's yet: no signature has been checked.
    Unverified,
}

/// What is said of the program.
pub(super) fn body(body: &Body, source: Source) -> Value {
    match body {
        Body::Sgx(report) => enclave(report, source),
        Body::Tdx(report) => domain(report, source),
    }
}

fn enclave(report: &ReportBody, source: Source) -> Value {
    let measurement = Digest::Mrenclave(Kind::Sgx, report.mrenclave);
    let signer = Digest::Mrsigner(Kind::Sgx, report.mrsigner);
    json!({
        "measurement": of(source, Kind::Sgx, &measurement.to_string()),
        "signer": of(source, Kind::Sgx, &signer.to_string()),
        "product": report.isv_prod_id,
        "svn": report.isv_svn,
        "debug": report.attributes.is_debug(),
        "attributes": format!("{:#018x}", report.attributes.flags),
        "xfrm": format!("{:#018x}", report.attributes.xfrm),
        "miscselect": format!("{:#010x}", report.miscselect.0),
        "cpusvn": hex::encode(report.cpusvn),
        "configId": hex::encode(report.config_id),
        "configSvn": report.config_svn,
        "extendedProductId": hex::encode(report.isv_ext_prod_id),
        "familyId": hex::encode(report.isv_family_id),
        "reportData": hex::encode(report.report_data),
    })
}

fn domain(report: &TdReport, source: Source) -> Value {
    let mut value = json!({
        "debug": report.is_debug(),
        "attributes": format!("{:#018x}", report.td_attributes),
        "xfam": format!("{:#018x}", report.xfam),
        "seamAttributes": format!("{:#018x}", report.seam_attributes),
        "teeTcbSvn": hex::encode(report.tee_tcb_svn),
        "reportData": hex::encode(report.report_data),
    });
    if let Some(tdx15) = &report.tdx15 {
        value["teeTcbSvn2"] = hex::encode(tdx15.tee_tcb_svn2).into();
    }
    for register in TdRegister::ALL {
        if let Some(measured) = report.register(register) {
            let digest = TdDigest {
                kind: Kind::Tdx,
                register,
                value: measured,
            };
            value[register.word()] = of(source, Kind::Tdx, &digest.to_string()).into();
        }
    }
    value
}

/// The text of a digest of this kind, or what it is if it comes from elsewhere.
fn of(source: Source, kind: Kind, text: &str) -> String {
    let word = match source {
        Source::Hardware => kind.word(),
        Source::Simulation => Kind::Sim.word(),
        Source::Unverified => "unverified",
    };
    let digest = text.strip_prefix(kind.word()).unwrap_or(text);
    format!("{word}{digest}")
}

/// What a platform's certificate says of it.
pub(super) fn pck(extension: &pck::Extension, ca: &str) -> Value {
    json!({
        "ca": ca,
        "fmspc": hex::encode_upper(extension.fmspc),
        "pceId": hex::encode_upper(extension.pce_id),
        "pceSvn": extension.tcb.pcesvn,
        "components": extension.tcb.components,
    })
}

pub(super) const fn tee(tee: Tee) -> &'static str {
    match tee {
        Tee::Sgx => "SGX",
        Tee::Tdx => "TDX",
    }
}
