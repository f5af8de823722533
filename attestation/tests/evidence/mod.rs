//! Evidence of a simulated platform, which one builder makes for every test.

#![allow(dead_code, reason = "each test uses some of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use sconce_attestation::{Collateral, Fingerprint, Time, TrustAnchor};
use sgx::{Mrenclave, Mrsigner};
use simulator::{Evidence, Platform, Secs, Seed, Settings};

/// 2025-07-01T00:00:00Z, when the platforms are made.
pub(crate) const MADE: u64 = 1_751_328_000;

/// An hour later, at which most is asked.
pub(crate) const NOW: u64 = MADE + 3_600;

/// What the program says.
pub(crate) const REPORT_DATA: [u8; 64] = [0x5a; 64];

pub(crate) fn time(seconds: u64) -> Time {
    Time::from_unix(seconds)
}

pub(crate) fn settings() -> Settings {
    Settings::new(MADE)
}

/// A platform whose keys everybody knows.
pub(crate) fn platform(seed: u8, settings: Settings) -> Platform {
    Platform::new(Seed::from_bytes([seed; 32]), settings).unwrap()
}

pub(crate) fn secs() -> Secs {
    Secs::new(Mrenclave([0x11; 32]), Mrsigner([0x22; 32]))
}

/// A program's quote, and what the vendor says then.
pub(crate) fn evidence(platform: &Platform, now: u64) -> Evidence {
    platform.evidence(&secs(), &REPORT_DATA, now).unwrap()
}

/// The collateral as our verifier reads it.
pub(crate) fn collateral(evidence: &Evidence) -> Collateral {
    Collateral::from_json(evidence.collateral.to_json().as_bytes()).unwrap()
}

pub(crate) fn anchor(platform: &Platform) -> TrustAnchor {
    let root = platform.root_der();
    TrustAnchor::simulated(root, Fingerprint::of(root)).unwrap()
}
