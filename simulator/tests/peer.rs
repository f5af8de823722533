//! A verifier that knows nothing of us takes the simulated platform for one of Intel's, once it is
//! given the root.

#![allow(clippy::expect_used)]

use dcap_qvl::QuoteCollateralV3;
use dcap_qvl::verify::QuoteVerifier;
use sconce_simulator::{
    Advisory, Ca, Change, Collateral, Evidence, Platform, Secs, Seed, Settings, Tcb, TcbStatus,
};

const MADE: u64 = 1_748_736_000;
const NOW: u64 = 1_751_328_000;
const DAY: u64 = 86_400;

#[test]
fn it_accepts_what_an_honest_platform_gives() {
    for ca in [Ca::Processor, Ca::Platform] {
        let platform = platform(Settings {
            ca,
            ..Settings::new(MADE)
        });
        let evidence = evidence(&platform, NOW);
        assert_eq!(verify(&evidence, NOW), Ok(("UpToDate".to_owned(), vec![])));
    }
}

#[test]
fn it_refuses_it_under_another_root() {
    let platform = platform(Settings::new(MADE));
    let other = Platform::new(Seed::from_bytes([2; 32]), Settings::new(MADE)).expect("a platform");
    let evidence = Evidence {
        root: other.root_der().to_vec(),
        ..evidence(&platform, NOW)
    };
    verify(&evidence, NOW).expect_err("another root");
}

#[test]
fn it_sees_what_happens_when_it_happens() {
    let fixed = Tcb {
        components: [8, 9, 3, 3, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        pcesvn: 14,
    };
    let platform = platform(Settings::new(MADE))
        .with(
            NOW + DAY,
            Change::Advisory(Advisory {
                id: "SIM-SA-00100".to_owned(),
                status: TcbStatus::OutOfDate,
                fixed_by: Some(fixed),
            }),
        )
        .with(NOW + 2 * DAY, Change::Tcb(fixed))
        .with(NOW + 3 * DAY, Change::Tcb(Settings::OLDER))
        .with(NOW + 4 * DAY, Change::RevokePck);
    let told = |now| verify(&evidence(&platform, now), now).map_err(|why| why.contains("Revoked"));
    let status = |word: &str, advisories: &[&str]| {
        let advisories = advisories.iter().map(|&one| one.to_owned()).collect();
        Ok((word.to_owned(), advisories))
    };
    assert_eq!(told(NOW + DAY - 1), status("UpToDate", &[]));
    assert_eq!(told(NOW + DAY), status("OutOfDate", &["SIM-SA-00100"]));
    assert_eq!(told(NOW + 2 * DAY), status("UpToDate", &[]));
    assert_eq!(
        told(NOW + 3 * DAY),
        status("OutOfDate", &["SIM-SA-00003", "SIM-SA-00100"])
    );
    assert_eq!(told(NOW + 4 * DAY), Err(true));
}

#[test]
fn it_refuses_old_collateral() {
    let platform = platform(Settings::new(MADE)).with(NOW, Change::CollateralStops);
    let told = |now| verify(&evidence(&platform, now), now);
    told(NOW + 30 * DAY - 1).expect("in force");
    told(NOW + 30 * DAY + 1).expect_err("too old");
}

#[test]
fn it_refuses_machines_of_a_revoked_authority() {
    let platform = platform(Settings::new(MADE)).with(NOW, Change::RevokePckCa);
    let told = |now| verify(&evidence(&platform, now), now);
    told(NOW - 1).expect("not yet");
    told(NOW).expect_err("revoked");
}

fn platform(settings: Settings) -> Platform {
    Platform::new(Seed::from_bytes([1; 32]), settings).expect("a platform")
}

fn evidence(platform: &Platform, now: u64) -> Evidence {
    let secs = Secs::new(sgx::Mrenclave([3; 32]), sgx::Mrsigner([4; 32]));
    platform.evidence(&secs, &[5; 64], now).expect("evidence")
}

fn verify(evidence: &Evidence, now: u64) -> Result<(String, Vec<String>), String> {
    let verifier = QuoteVerifier::new(evidence.root.clone());
    let verified = verifier
        .verify(&evidence.quote, &collateral(&evidence.collateral), now)
        .map_err(|why| format!("{why:#}"))?;
    Ok((verified.status, verified.advisory_ids))
}

fn collateral(ours: &Collateral) -> QuoteCollateralV3 {
    QuoteCollateralV3 {
        pck_crl_issuer_chain: ours.pck_crl_issuer_chain.clone(),
        root_ca_crl: ours.root_ca_crl.clone(),
        pck_crl: ours.pck_crl.clone(),
        tcb_info_issuer_chain: ours.tcb_info_issuer_chain.clone(),
        tcb_info: ours.tcb_info.clone(),
        tcb_info_signature: ours.tcb_info_signature.clone(),
        qe_identity_issuer_chain: ours.qe_identity_issuer_chain.clone(),
        qe_identity: ours.qe_identity.clone(),
        qe_identity_signature: ours.qe_identity_signature.clone(),
        pck_certificate_chain: None,
    }
}
