//! Verification of the evidence of a simulated platform: what comes out, and when.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod evidence;

use evidence::{NOW, REPORT_DATA, anchor, collateral, evidence, platform, settings, time};
use sconce_attestation::{
    Collateral, Fingerprint, Origin, Refusal, Stage, Status, TrustAnchor, VerifiedQuote, verify,
};
use sgx::quote::Body;
use simulator::{Change, Forgery, Platform, Settings};

/// Something taken from other collateral, and where it is found.
type Swap = (fn(&mut Collateral, Collateral), Stage);

fn stage(refused: Result<VerifiedQuote, Refusal>) -> Stage {
    refused.unwrap_err().stage()
}

/// The quote and collateral of a new platform.
fn new() -> (Platform, Vec<u8>, Collateral) {
    let platform = platform(1, settings());
    let made = evidence(&platform, NOW);
    let collateral = collateral(&made);
    (platform, made.quote, collateral)
}

#[test]
fn claims_are_what_the_platform_reports() {
    let (platform, quote, collateral) = new();
    let verified = verify(&quote, &collateral, &anchor(&platform), time(NOW)).unwrap();
    let claims = verified.claims();
    let Body::Sgx(report) = &claims.body else {
        panic!("no enclave");
    };
    let secs = evidence::secs();
    assert_eq!(report.mrenclave, secs.mrenclave);
    assert_eq!(report.mrsigner, secs.mrsigner);
    assert_eq!(*claims.report_data(), REPORT_DATA);
    assert_eq!(claims.origin.to_string(), platform.fingerprint());
    assert!(matches!(claims.origin, Origin::Simulated(_)));
    assert_eq!(claims.status, Status::UpToDate);
    assert_eq!(claims.advisories, [""; 0]);
    assert_eq!(claims.pck.extension.fmspc, settings().fmspc);
    assert_eq!(
        claims.pck.extension.tcb.components,
        Settings::CURRENT.components
    );
    assert_eq!(claims.pck.ca, "SIMULATED SGX PCK Platform CA");
    assert_eq!(claims.evaluation.tcb_info, settings().evaluation);
    assert_eq!(claims.evaluation.qe_identity, settings().evaluation);
    assert_eq!(claims.verified, time(NOW));
    assert!(!claims.is_debug() && claims.is_simulated());
}

#[test]
fn statuses_and_advisories_of_all_parts_are_one() {
    let platform = platform(
        1,
        Settings {
            tcb: Settings::OLDER,
            qe_svn: 6,
            ..settings()
        },
    );
    let made = evidence(&platform, NOW);
    let verified = verify(
        &made.quote,
        &collateral(&made),
        &anchor(&platform),
        time(NOW),
    )
    .unwrap();
    let claims = verified.claims();
    assert_eq!(claims.status, Status::OutOfDate);
    assert_eq!(claims.advisories, ["SIM-SA-00003", "SIM-SA-00009"]);
    assert_eq!(claims.platform.advisories, ["SIM-SA-00003"]);
    assert_eq!(claims.qe.advisories, ["SIM-SA-00009"]);
}

/// The last second that the claims name is the last in which they are true, and the first before
/// which nothing is accepted is that of the youngest document.
#[test]
fn evidence_holds_from_one_second_to_another() {
    let (platform, quote, collateral) = new();
    let anchor = anchor(&platform);
    let at = |now| verify(&quote, &collateral, &anchor, time(now));
    let expires = at(NOW).unwrap().claims().expires.unix();
    assert!(at(expires).is_ok());
    assert_eq!(stage(at(expires + 1)), Stage::Time);
    assert_eq!(stage(at(u64::MAX)), Stage::Time);
    assert_eq!(stage(at(0)), Stage::Time);

    let known = collateral.verify(&anchor, time(NOW)).unwrap();
    assert_eq!(known.expires().unix(), expires);
    let issued = known
        .tcb_info()
        .issued
        .max(known.qe_identity().issued)
        .unix();
    assert!(issued <= NOW);
    assert_eq!(stage(at(issued - 1)), Stage::Time);
}

#[test]
fn verified_collateral_says_what_verification_does() {
    let (platform, quote, collateral) = new();
    let anchor = anchor(&platform);
    let known = collateral.verify(&anchor, time(NOW)).unwrap();
    let day = 86_400;
    for now in [
        0,
        NOW - day,
        NOW,
        NOW + 20 * day,
        NOW + 40 * day,
        NOW + 9_000 * day,
    ] {
        let whole = verify(&quote, &collateral, &anchor, time(now));
        assert_eq!(known.verify(&quote, time(now)), whole, "{now}");
    }
    for at in 0..quote.len() {
        let mut changed = quote.clone();
        changed[at] ^= 1 << (at % 8);
        let whole = verify(&changed, &collateral, &anchor, time(NOW));
        assert_eq!(known.verify(&changed, time(NOW)), whole, "byte {at}");
    }
}

#[test]
fn no_other_root_will_do() {
    let (_, quote, collateral) = new();
    let other = anchor(&platform(2, settings()));
    assert_eq!(
        stage(verify(&quote, &collateral, &other, time(NOW))),
        Stage::Crl
    );
    let intel = TrustAnchor::intel();
    assert_eq!(
        stage(verify(&quote, &collateral, &intel, time(NOW))),
        Stage::Crl
    );
}

/// A platform's quote under the documents of another platform of the same vendor's: the keys differ,
/// so nothing fits.
#[test]
fn parts_of_another_platforms_collateral_are_refused() {
    let (platform, quote, own) = new();
    let anchor = anchor(&platform);
    let other = collateral(&evidence(&evidence::platform(2, settings()), NOW));
    let swaps: [Swap; 7] = [
        (|own, other| own.root_ca_crl = other.root_ca_crl, Stage::Crl),
        (|own, other| own.pck_crl = other.pck_crl, Stage::Crl),
        (
            |own, other| own.pck_crl_issuer_chain = other.pck_crl_issuer_chain,
            Stage::Chain,
        ),
        (
            |own, other| own.tcb_info_issuer_chain = other.tcb_info_issuer_chain,
            Stage::TcbInfoSigner,
        ),
        (
            |own, other| own.tcb_info_signature = other.tcb_info_signature,
            Stage::TcbInfoSignature,
        ),
        (
            |own, other| own.qe_identity_issuer_chain = other.qe_identity_issuer_chain,
            Stage::TcbInfoSigner,
        ),
        (
            |own, other| own.qe_identity_signature = other.qe_identity_signature,
            Stage::QeIdentitySignature,
        ),
    ];
    for (swap, wanted) in swaps {
        let mut mixed = own.clone();
        swap(&mut mixed, other.clone());
        assert_eq!(stage(verify(&quote, &mixed, &anchor, time(NOW))), wanted);
    }
}

/// One vendor signs both documents with one key: neither passes for the other.
#[test]
fn documents_do_not_stand_in_for_each_other() {
    let (platform, quote, own) = new();
    let anchor = anchor(&platform);
    let mut identity_twice = own.clone();
    identity_twice.tcb_info = own.qe_identity.clone();
    identity_twice.tcb_info_signature = own.qe_identity_signature;
    assert_eq!(
        stage(verify(&quote, &identity_twice, &anchor, time(NOW))),
        Stage::TcbInfo
    );
    let mut info_twice = own.clone();
    info_twice.qe_identity = own.tcb_info.clone();
    info_twice.qe_identity_signature = own.tcb_info_signature;
    assert_eq!(
        stage(verify(&quote, &info_twice, &anchor, time(NOW))),
        Stage::QeIdentity
    );
    let mut lists = own.clone();
    std::mem::swap(&mut lists.root_ca_crl, &mut lists.pck_crl);
    assert_eq!(
        stage(verify(&quote, &lists, &anchor, time(NOW))),
        Stage::Crl
    );
}

/// Old lists are in force for a while yet; the new ones refuse.
#[test]
fn revocation_takes_the_lists_that_tell_of_it() {
    let day = 86_400;
    for change in [Change::RevokePck, Change::RevokePckCa] {
        let platform = platform(1, settings()).with(NOW + day, change);
        let anchor = anchor(&platform);
        let (before, after) = (evidence(&platform, NOW), evidence(&platform, NOW + 2 * day));
        let now = time(NOW + 2 * day);
        assert!(verify(&after.quote, &collateral(&before), &anchor, now).is_ok());
        let refused = verify(&before.quote, &collateral(&after), &anchor, now);
        assert_eq!(stage(refused), Stage::Revoked);
    }
}

/// Each forgery is found at the check that is there for it.
#[test]
fn forgeries_are_found_where_they_belong() {
    let platform = platform(1, settings());
    let judge = |forgery| {
        let made = platform.forge(forgery, &evidence::secs(), &REPORT_DATA, NOW);
        let made = made.unwrap();
        let anchor = TrustAnchor::simulated(&made.root, Fingerprint::of(&made.root)).unwrap();
        verify(&made.quote, &collateral(&made), &anchor, time(NOW))
    };
    for (forgery, wanted) in [
        (Forgery::Vendor, Stage::Header),
        (Forgery::PckCrlIssuer, Stage::Crl),
        (Forgery::PckCaIsNone, Stage::Chain),
        (Forgery::TcbInfoSigner, Stage::TcbInfoSigner),
        (Forgery::TcbInfoSignature, Stage::TcbInfoSignature),
        (Forgery::QeReportKey, Stage::QeReportSignature),
        (Forgery::AttestationKey, Stage::QeReportData),
        (Forgery::QeDebug, Stage::PolicyDebug),
        (Forgery::QeSigner, Stage::QePolicy),
        (Forgery::QeProduct, Stage::QePolicy),
        (Forgery::Fmspc, Stage::TcbMatch),
        (Forgery::PceId, Stage::TcbMatch),
        (Forgery::NoLevels, Stage::TcbMatch),
    ] {
        assert_eq!(stage(judge(forgery)), wanted, "{forgery:?}");
    }
    assert!(judge(Forgery::FmspcLowercase).is_ok());
}

#[test]
fn a_changed_report_is_not_what_was_signed() {
    let (platform, quote, collateral) = new();
    let anchor = anchor(&platform);
    // The header's user data, MRENCLAVE, the report data, the signature itself.
    for at in [28, 48 + 64, 48 + 383, 436, 499] {
        let mut changed = quote.clone();
        changed[at] ^= 1;
        let refused = verify(&changed, &collateral, &anchor, time(NOW));
        assert_eq!(stage(refused), Stage::IsvSignature, "{at}");
    }
}

#[test]
fn what_the_vendor_has_given_up_is_refused() {
    let platform = platform(
        1,
        Settings {
            tcb: Settings::OLDEST,
            ..settings()
        },
    );
    let made = evidence(&platform, NOW);
    let refused = verify(
        &made.quote,
        &collateral(&made),
        &anchor(&platform),
        time(NOW),
    );
    let Err(Refusal::Revoked { part, .. }) = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!(*part, "platform");
    assert_eq!(stage(refused), Stage::TcbStatus);
}

#[test]
fn the_anchor_is_chosen_from_the_verifiers_own_list() {
    let (platform, other) = (platform(1, settings()), platform(2, settings()));
    let collateral = collateral(&evidence(&platform, NOW));
    let (ours, others) = (anchor(&platform), anchor(&other));
    let [ours, others] = [ours, others].map(|anchor| anchor.simulated_fingerprint().unwrap());
    assert_eq!(collateral.claimed_root().unwrap(), platform.root_der());
    let among = |roots: &[_]| {
        let anchor = TrustAnchor::among(roots, &collateral).unwrap();
        anchor.simulated_fingerprint()
    };
    assert_eq!(among(&[others, ours]), Some(ours));
    // What the collateral claims counts for nothing by itself.
    assert_eq!(among(&[others]), None);
    assert_eq!(among(&[]), None);
}
