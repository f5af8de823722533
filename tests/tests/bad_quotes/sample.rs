//! Evidence that is good, and what can be done to it.

use std::sync::OnceLock;

use attestation::Fingerprint;
use sgx::{Mrenclave, Mrsigner, flags};
use simulator::{Change, Evidence, Forgery, Platform, Secs, Seed, Settings};

/// When everything is judged.
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) const DAY: u64 = 86_400;

/// What the policy of the sample asks for.
pub(crate) const MEASUREMENT: &str =
    "sim:mrenclave:1111111111111111111111111111111111111111111111111111111111111111";
pub(crate) const SIGNER: &str =
    "sim:mrsigner:2222222222222222222222222222222222222222222222222222222222222222";

/// What the program says.
pub(crate) const REPORT_DATA: [u8; 64] = [0x33; 64];

pub(crate) fn platform() -> &'static Platform {
    static PLATFORM: OnceLock<Platform> = OnceLock::new();
    PLATFORM
        .get_or_init(|| Platform::new(Seed::from_bytes([3; 32]), Settings::new(NOW - DAY)).unwrap())
}

pub(crate) fn secs() -> Secs {
    Secs {
        isv_prod_id: 3,
        isv_svn: 5,
        ..Secs::new(Mrenclave([0x11; 32]), Mrsigner([0x22; 32]))
    }
}

pub(crate) fn debug() -> Secs {
    let mut secs = secs();
    secs.attributes.flags |= flags::DEBUG;
    secs
}

/// The good evidence.
pub(crate) fn evidence() -> &'static Evidence {
    static EVIDENCE: OnceLock<Evidence> = OnceLock::new();
    EVIDENCE.get_or_init(|| platform().evidence(&secs(), &REPORT_DATA, NOW).unwrap())
}

/// Evidence after something has happened to the platform an hour ago.
pub(crate) fn after(change: Change) -> Evidence {
    let platform = platform().clone().with(NOW - 3600, change);
    platform.evidence(&secs(), &REPORT_DATA, NOW).unwrap()
}

pub(crate) fn forged(forgery: Forgery) -> Evidence {
    platform()
        .forge(forgery, &secs(), &REPORT_DATA, NOW)
        .unwrap()
}

/// The fingerprint of the root.
pub(crate) fn fingerprint() -> String {
    Fingerprint::of(&evidence().root).to_string()
}

/// The policy that takes it.
pub(crate) fn policy() -> String {
    format!(
        "allow_sim = true\nsimulated_roots = [\"{}\"]\n\n[sgx]\nmeasurements = [\"{MEASUREMENT}\"]\n",
        fingerprint()
    )
}
