//! Who is given nothing: one case for each code, and an audit line for each.

use std::time::Duration;

use provision::Evidence;
use provision::text::Hex;
use sconce_vault::cas::Error;
use simulator::{Advisory, Change, Forgery, TcbStatus};

use crate::support::{ALICE, Asker, MADE, NOW, World, cas, platform};

const DAY: u64 = 86_400;

fn refused(asker: &Asker, code: &str) -> Error {
    let mut world = World::with_till();
    let (error, found) = world.refusal(asker);
    assert_eq!(found, code, "{error}");
    error
}

/// What is said to evidence that is forged in one way.
fn forged(forgery: Forgery) -> (Error, &'static str) {
    let mut world = World::with_till();
    let attempt = world.attempt("shop/till/app");
    let (secs, data) = (Asker::app().secs, attempt.report_data());
    let forged = world.platform.forge(forgery, &secs, &data, NOW.unix());
    let forged = forged.unwrap();
    let evidence = Evidence::new(forged.quote, &forged.collateral.to_json()).unwrap();
    world.refusal_of(&attempt.request(evidence))
}

#[test]
fn a_debug_enclave() {
    refused(&Asker::debugged(), "cas.debug");
}

#[test]
fn another_measurement() {
    let error = refused(
        &Asker::but(|secs| secs.mrenclave.0[31] ^= 1),
        "cas.measurement",
    );
    let (message, advice) = (error.to_string(), error.advice().unwrap());
    assert!(
        message.contains(&format!("sim:mrenclave:{}", "11".repeat(32))),
        "{message}"
    );
    assert!(
        message.contains(&format!("sim:mrenclave:{}10", "11".repeat(31))),
        "{message}"
    );
    assert!(advice.contains("sconify diff"), "{advice}");
}

#[test]
fn another_signer() {
    refused(&Asker::but(|secs| secs.mrsigner.0[0] ^= 1), "cas.signer");
}

#[test]
fn another_product() {
    refused(&Asker::but(|secs| secs.isv_prod_id += 1), "cas.product");
}

#[test]
fn a_lower_security_version() {
    refused(&Asker::but(|secs| secs.isv_svn -= 1), "cas.svn");
}

#[test]
fn a_security_version_out_of_range() {
    for (said, good, bad) in [
        ("isvsvn: 3", &[3][..], &[2, 4][..]),
        ("isvsvn_min: 2, isvsvn_max: 4", &[2, 3, 4], &[1, 5]),
        ("isvsvn_max: 4", &[0, 4], &[5]),
    ] {
        let mut world = World::new();
        let text = world.till("").replace("isvsvn_min: 3", said);
        world.put(ALICE, "shop/till", &text).unwrap();
        for svn in good {
            let grant = world.grant(&Asker::but(|secs| secs.isv_svn = *svn));
            assert!(grant.is_ok(), "{said}: {svn}");
        }
        for svn in bad {
            let (_, code) = world.refusal(&Asker::but(|secs| secs.isv_svn = *svn));
            assert_eq!(code, "cas.svn", "{said}: {svn}");
        }
    }
}

#[test]
fn what_the_host_configured() {
    refused(&Asker::but(|secs| secs.config_id[0] = 1), "cas.evidence");
}

#[test]
fn a_quote_over_another_key_or_for_another_purpose() {
    let mut world = World::with_till();
    let attempt = world.attempt("shop/till/app");
    let other = world.attempt("shop/till/app");
    let keys = protocol::report_data::vault(b"a key", "a realm");
    for report_data in [other.report_data(), keys, [0; 64]] {
        let evidence = world.evidence(&Asker::app(), &report_data);
        let (_, code) = world.refusal_of(&attempt.request(evidence));
        assert_eq!(code, "cas.report-data");
    }
    // The very same nonce, session and service with the attacker's key.
    let (_, mut request) = world.request(&Asker::app());
    request.key = Hex([7; 32]);
    assert_eq!(world.refusal_of(&request).1, "cas.report-data");
}

#[test]
fn a_quote_for_another_session_or_service() {
    let mut world = World::with_till();
    let text = world.till("").replace("shop/till", "shop/safe");
    world.put(ALICE, "shop/safe", &text).unwrap();
    let (_, mut request) = world.request(&Asker::app());
    request.session = "shop/safe".parse().unwrap();
    assert_eq!(world.refusal_of(&request).1, "cas.report-data");
}

#[test]
fn a_nonce_that_is_too_old_or_of_another_start() {
    let mut world = World::with_till();
    let (_, request) = world.request(&Asker::app());
    world.elapsed += Duration::from_secs(61);
    assert_eq!(world.refusal_of(&request).1, "cas.nonce-stale");

    let (_, request) = world.request(&Asker::app());
    world.cas = cas(&world.key, sconce_vault::cas::Limits::default());
    world.elapsed = Duration::from_secs(1);
    assert_eq!(world.refusal_of(&request).1, "cas.nonce-stale");

    let (_, mut request) = world.request(&Asker::app());
    request.nonce = Hex([0; 32]);
    assert_eq!(world.refusal_of(&request).1, "cas.nonce-stale");
}

#[test]
fn a_replayed_attestation() {
    let mut world = World::with_till();
    let (_, request) = world.request(&Asker::app());
    assert!(world.release(&request).is_ok());
    assert_eq!(world.refusal_of(&request).1, "cas.nonce-used");
    // With a fresh nonce the quote is one over another.
    let mut again = request.clone();
    again.nonce = Hex(world.nonce());
    assert_eq!(world.refusal_of(&again).1, "cas.report-data");
}

#[test]
fn a_bad_request_uses_up_nobodys_nonce() {
    let mut world = World::with_till();
    let (_, request) = world.request(&Asker::app());
    let mut forged = request.clone();
    forged.key = Hex([9; 32]);
    assert_eq!(world.refusal_of(&forged).1, "cas.report-data");
    assert!(world.release(&request).is_ok());
}

#[test]
fn collateral_that_has_expired() {
    let mut world = World::with_till();
    world.platform = platform(1).with(MADE + DAY, Change::CollateralStops);
    world.now = attestation::Time::from_unix(MADE + 40 * DAY);
    let (error, code) = world.refusal(&Asker::app());
    assert_eq!(code, "cas.evidence", "{error}");
    assert!(error.to_string().contains("time"), "{error}");
}

#[test]
fn collateral_that_is_none() {
    let mut asker = Asker::app();
    asker.collateral = Some("{}".to_owned());
    refused(&asker, "cas.evidence");
}

#[test]
fn collateral_of_another_platform() {
    for forgery in [Forgery::Fmspc, Forgery::PceId] {
        let (error, code) = forged(forgery);
        assert_eq!(code, "cas.platform", "{error}");
    }
}

#[test]
fn a_platform_that_is_not_up_to_date() {
    let mut world = World::with_till();
    world.platform.happens(
        MADE + 60,
        Change::Advisory(Advisory {
            id: "SIM-SA-00100".to_owned(),
            status: TcbStatus::SwHardeningNeeded,
            fixed_by: None,
        }),
    );
    let (error, code) = world.refusal(&Asker::app());
    assert_eq!(code, "cas.platform", "{error}");

    let tolerant = world.till("").replace(
        "    mode: simulated\n",
        "    mode: simulated\n    tolerate: [software-hardening-needed]\n    ignore_advisories: [SIM-SA-00100]\n",
    );
    let predecessor = world.hash("shop/till");
    let text = format!("{tolerant}predecessor: {predecessor}\n");
    world.put(ALICE, "shop/till", &text).unwrap();
    assert!(world.grant(&Asker::app()).is_ok());
}

#[test]
fn a_platform_whose_certificate_is_revoked() {
    let mut world = World::with_till();
    assert!(world.grant(&Asker::app()).is_ok());
    world.platform.happens(MADE + 60, Change::RevokePck);
    let (error, code) = world.refusal(&Asker::app());
    assert_eq!(code, "cas.evidence", "{error}");
    assert!(error.to_string().contains("revoked"), "{error}");
}

#[test]
fn forged_evidence() {
    for forgery in [
        Forgery::AttestationKey,
        Forgery::QeDebug,
        Forgery::QeSigner,
        Forgery::QeReportKey,
        Forgery::TcbInfoSigner,
        Forgery::TcbInfoSignature,
        Forgery::PckCaIsNone,
        Forgery::PckCrlIssuer,
    ] {
        let (error, code) = forged(forgery);
        assert_eq!(code, "cas.evidence", "{forgery:?}: {error}");
    }
}

#[test]
fn a_quote_that_is_damaged_anywhere() {
    let mut world = World::with_till();
    let attempt = world.attempt("shop/till/app");
    let good = world.evidence(&Asker::app(), &attempt.report_data());
    for at in (0..good.quote.0.len()).step_by(97) {
        let mut evidence = good.clone();
        evidence.quote.0[at] ^= 1;
        let request = attempt.request(evidence);
        assert!(world.release(&request).is_err(), "byte {at}");
    }
    assert!(world.release(&attempt.request(good)).is_ok());
}

#[test]
fn simulated_evidence_under_a_production_policy() {
    let mut world = World::new();
    let text = world.till("");
    let (head, tail) = text.split_once("    mode: simulated\n").unwrap();
    let (_, tail) = tail.split_once('\n').unwrap();
    for mode in ["    mode: hardware\n", "    tolerate: []\n"] {
        let predecessor = match world.log.is_empty() {
            true => String::new(),
            false => format!("predecessor: {}\n", world.hash("shop/till")),
        };
        let text = format!("{head}{mode}{tail}{predecessor}");
        world.put(ALICE, "shop/till", &text).unwrap();
        let (error, code) = world.refusal(&Asker::app());
        assert_eq!(code, "cas.simulated");
        assert!(
            error.to_string().contains(&world.platform.fingerprint()),
            "{error}"
        );
    }
}

#[test]
fn another_simulated_platform() {
    let mut asker = Asker::app();
    asker.platform = Some(platform(2));
    refused(&asker, "cas.simulated");
    // A quote of it beside the collateral of the right one.
    let world = World::with_till();
    let right = world.platform.collateral(NOW.unix()).unwrap();
    asker.collateral = Some(right.to_json());
    refused(&asker, "cas.evidence");
    // And the other way round.
    let mut asker = Asker::app();
    asker.collateral = Some(platform(2).collateral(NOW.unix()).unwrap().to_json());
    refused(&asker, "cas.simulated");
}

#[test]
fn a_root_that_is_called_as_intels() {
    let (_, code) = forged(Forgery::RootName);
    assert_eq!(code, "cas.simulated");
}

#[test]
fn unknown_sessions_and_services() {
    refused(&Asker::of("shop/nothing/app"), "cas.session");
    refused(&Asker::of("shop/till/other"), "cas.service");
}

#[test]
fn a_key_that_leads_to_no_secret() {
    let mut world = World::with_till();
    let (_, mut request) = world.request(&Asker::app());
    // The point of order 1: whoever agrees with it agrees on zeros.
    request.key = Hex([0; 32]);
    let evidence = world.evidence(&Asker::app(), &request.report_data());
    request.evidence = evidence;
    assert_eq!(world.refusal_of(&request).1, "cas.form");
}

#[test]
fn the_first_fault_in_order_is_named() {
    let mut asker = Asker::debugged();
    asker.secs.mrenclave.0 = [9; 32];
    asker.secs.mrsigner.0 = [9; 32];
    asker.secs.isv_prod_id = 9;
    asker.secs.isv_svn = 0;
    refused(&asker, "cas.debug");
    asker.secs.attributes.flags &= !sgx::flags::DEBUG;
    refused(&asker, "cas.measurement");
    asker.secs.mrenclave.0 = [0x11; 32];
    refused(&asker, "cas.signer");
    asker.secs.mrsigner.0 = [0x22; 32];
    refused(&asker, "cas.product");
    asker.secs.isv_prod_id = 1;
    refused(&asker, "cas.svn");
}
