//! Which vaults a program takes its keys from, and every other one refused.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on ends"
)]

mod support;

use attestation::Time;
use protocol::{WorkerId, report_data};
use sconce_provision::text::Base64;
use sconce_provision::{Error, VaultEvidence, VaultKey, VaultPolicy};
use sgx::{Kind, Mrsigner};
use simulator::{Change, Secs, TcbStatus};
use support::{
    MADE, NOW, debug, demanded_by, platform, realm, shown, shown_over, time, vault, worker,
};

/// What a worker on the first platform says of this evidence.
fn refused(shown: &VaultEvidence) -> Error {
    let policy = demanded_by(&platform(1), &worker());
    let refused = shown.verify(&policy, time()).unwrap_err();
    assert_eq!(refused.code(), "provision.vault-evidence", "{refused}");
    refused
}

/// The rules that evidence breaks.
fn broken(shown: &VaultEvidence) -> Vec<&'static str> {
    match refused(shown) {
        Error::VaultPolicy(verdict) => verdict.broken().map(|one| one.rule.name()).collect(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_vault_of_the_own_signer_is_taken() {
    let key = VaultKey::generate().unwrap();
    let policy = demanded_by(&platform(1), &worker());
    let verified = shown(&platform(1), &vault(), &key).verify(&policy, time());
    let verified = verified.unwrap();
    assert_eq!(verified.key_der(), key.public_der());
    assert_eq!(*verified.realm(), realm());
}

#[test]
fn another_program_is_not() {
    let key = VaultKey::generate().unwrap();
    let genuine = platform(1);
    let of = |secs: Secs| broken(&shown(&genuine, &secs, &key));
    let other_signer = Secs {
        mrsigner: Mrsigner([0x44; 32]),
        ..vault()
    };
    assert_eq!(of(other_signer), ["signer"]);
    assert_eq!(of(worker()), ["product"], "a worker says it is a vault");
    let old = Secs {
        isv_svn: 0,
        ..vault()
    };
    assert_eq!(of(old), ["svn"]);
    assert_eq!(of(debug(vault())), ["debug"]);
    let configured = Secs {
        config_id: [1; 64],
        ..vault()
    };
    assert_eq!(of(configured), ["config"]);
}

#[test]
fn whoever_may_be_debugged_itself_takes_a_vault_that_may() {
    let key = VaultKey::generate().unwrap();
    let policy = demanded_by(&platform(1), &debug(worker()));
    for secs in [vault(), debug(vault())] {
        let shown = shown(&platform(1), &secs, &key);
        assert!(shown.verify(&policy, time()).is_ok());
    }
}

#[test]
fn a_quote_over_anything_else_is_not_taken() {
    let (key, other) = (VaultKey::generate().unwrap(), VaultKey::generate().unwrap());
    let der = key.public_der();
    let name = WorkerId::from_name("worker-1");
    let claims = [
        report_data::vault(other.public_der(), realm().as_str()),
        report_data::vault(der, "fedcba9876543210fedcba9876543210"),
        report_data::vault(der, ""),
        report_data::provision(&[1; 32], "avalon/worker-1/g1", &[2; 32]),
        report_data::worker_keys(&name, "PEM", "PEM", &[]),
        [0; 64],
    ];
    for said in claims {
        let shown = shown_over(&platform(1), &vault(), &key, &said);
        assert_eq!(broken(&shown), ["report-data"]);
    }
}

#[test]
fn another_platforms_root_is_not_trusted() {
    let key = VaultKey::generate().unwrap();
    let foreign = shown(&platform(2), &vault(), &key);
    assert!(matches!(refused(&foreign), Error::VaultQuote(_)));
    // Nor does collateral of the right root help a quote of the wrong one.
    let mut mixed = foreign;
    mixed.evidence.collateral = shown(&platform(1), &vault(), &key).evidence.collateral;
    assert!(matches!(refused(&mixed), Error::VaultQuote(_)));
}

#[test]
fn hardware_takes_no_simulated_vault() {
    let key = VaultKey::generate().unwrap();
    let quote = platform(1).quote(&worker(), &[0; 64], NOW).unwrap();
    let policy = VaultPolicy::of_own(&quote, Kind::Sgx).unwrap();
    let shown = shown(&platform(1), &vault(), &key);
    let refused = shown.verify(&policy, time()).unwrap_err();
    assert!(matches!(refused, Error::VaultQuote(_)), "{refused}");
}

#[test]
fn a_platform_that_is_not_up_to_date_is_not_taken() {
    let key = VaultKey::generate().unwrap();
    let change = Change::Advisory(simulator::Advisory {
        id: "SIM-SA-00001".to_owned(),
        status: TcbStatus::OutOfDate,
        fixed_by: None,
    });
    let stale = platform(1).with(MADE + 60, change);
    let broken = broken(&shown(&stale, &vault(), &key));
    assert!(broken.contains(&"status"), "{broken:?}");
}

#[test]
fn evidence_ends_with_its_collateral() {
    let key = VaultKey::generate().unwrap();
    let policy = demanded_by(&platform(1), &worker());
    let shown = shown(&platform(1), &vault(), &key);
    let year = 366 * 24 * 3_600;
    let late = shown.verify(&policy, Time::from_unix(NOW + year));
    assert_eq!(late.unwrap_err().code(), "provision.vault-evidence");
    let early = shown.verify(&policy, Time::from_unix(MADE - year));
    assert_eq!(early.unwrap_err().code(), "provision.vault-evidence");
}

#[test]
fn a_forged_quote_is_found_out() {
    let key = VaultKey::generate().unwrap();
    let good = shown(&platform(1), &vault(), &key);
    // Every byte of header and report, and some of each part behind them.
    let length = good.evidence.quote.0.len();
    for at in (0..600).step_by(7).chain((600..length).step_by(211)) {
        let mut shown = good.clone();
        shown.evidence.quote.0[at] ^= 1;
        let policy = demanded_by(&platform(1), &worker());
        // The PEM text of certificates has bytes that mean nothing.
        if let Ok(verified) = shown.verify(&policy, time()) {
            assert!(at > 1_000, "byte {at}");
            assert_eq!(verified.key_der(), key.public_der());
        }
    }
    let mut cut = good;
    cut.evidence.quote.0.truncate(400);
    refused(&cut);
}

#[test]
fn the_key_is_one_key_of_the_one_curve() {
    let key = VaultKey::generate().unwrap();
    let good = shown(&platform(1), &vault(), &key);
    for der in [
        Vec::new(),
        key.public_der()[1..].to_vec(),
        [key.public_der(), &[0]].concat(),
    ] {
        let shown = VaultEvidence {
            key: Base64(der),
            ..good.clone()
        };
        assert!(matches!(refused(&shown), Error::VaultKey));
    }
}

#[test]
fn no_quote_of_an_enclave_demands_nothing() {
    for quote in [&b""[..], b"quote"] {
        let refused = VaultPolicy::of_own(quote, Kind::Sim).unwrap_err();
        assert!(matches!(refused, Error::OwnQuote));
    }
}
