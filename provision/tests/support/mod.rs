//! A vault and a program on simulated platforms, each as honest or not as a test wants it.

#![allow(dead_code, reason = "each test uses some of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use attestation::Time;
use protocol::report_data;
use sconce_provision::text::Base64;
use sconce_provision::{Evidence, Grant, Realm, VaultEvidence, VaultKey, VaultPolicy};
use sgx::{Kind, Mrenclave, Mrsigner, flags};
use simulator::{Platform, Secs, Seed, Settings};

/// 2026-01-01T00:00:00Z, when the platforms are made.
pub(crate) const MADE: u64 = 1_767_225_600;
/// An hour later, when most is asked.
pub(crate) const NOW: u64 = MADE + 3_600;

pub(crate) const SERVICE: &str = "avalon/worker-1/g1";

/// A platform whose keys everybody knows.
pub(crate) fn platform(seed: u8) -> Platform {
    Platform::new(Seed::from_bytes([seed; 32]), Settings::new(MADE)).unwrap()
}

pub(crate) fn time() -> Time {
    Time::from_unix(NOW)
}

/// A worker and a vault of one signer.
pub(crate) fn worker() -> Secs {
    Secs {
        isv_prod_id: 1,
        isv_svn: 1,
        ..Secs::new(Mrenclave([0x11; 32]), Mrsigner([0x22; 32]))
    }
}

pub(crate) fn vault() -> Secs {
    Secs {
        isv_prod_id: 2,
        isv_svn: 1,
        ..Secs::new(Mrenclave([0x33; 32]), Mrsigner([0x22; 32]))
    }
}

pub(crate) fn debug(mut secs: Secs) -> Secs {
    secs.attributes.flags |= flags::DEBUG;
    secs
}

pub(crate) fn realm() -> Realm {
    "0123456789abcdef0123456789abcdef".parse().unwrap()
}

/// A quote over this, with its collateral.
pub(crate) fn evidence(platform: &Platform, secs: &Secs, said: &[u8; 64]) -> Evidence {
    let evidence = platform.evidence(secs, said, NOW).unwrap();
    Evidence::new(evidence.quote, &evidence.collateral.to_json()).unwrap()
}

/// What a vault with this key says of itself.
pub(crate) fn shown(platform: &Platform, secs: &Secs, key: &VaultKey) -> VaultEvidence {
    let said = report_data::vault(key.public_der(), realm().as_str());
    shown_over(platform, secs, key, &said)
}

/// The same, with a quote over something else.
pub(crate) fn shown_over(
    platform: &Platform,
    secs: &Secs,
    key: &VaultKey,
    said: &[u8; 64],
) -> VaultEvidence {
    VaultEvidence {
        key: Base64(key.public_der().to_vec()),
        realm: realm(),
        evidence: evidence(platform, secs, said),
    }
}

/// What a program demands of its vault.
pub(crate) fn demanded_by(platform: &Platform, secs: &Secs) -> VaultPolicy {
    let quote = platform.quote(secs, &[0; 64], NOW).unwrap();
    VaultPolicy::of_own(&quote, Kind::Sim).unwrap()
}

pub(crate) fn grant() -> Grant {
    let mut grant = Grant::default();
    grant
        .environment
        .insert("CANARY".to_owned(), "canary-in-the-vault".to_owned());
    grant
}
