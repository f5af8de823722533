//! Named platforms and forgeries: the cases that every verifier is tried with.

use sgx::{Mrenclave, Mrsigner, flags};

use crate::change::Change;
use crate::error::Error;
use crate::forgery::Forgery;
use crate::keys::Seed;
use crate::platform::{Evidence, Platform};
use crate::secs::Secs;
use crate::settings::{Ca, Settings};
use crate::tcb::{Level, TcbStatus};

/// A case, by the name that it has among the quotes of the vectors (there with `sim-` before it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scenario {
    name: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Honest,
    Status(TcbStatus),
    /// The machine's components are those of the newest level, its PCESVN that of the one below.
    OldPce,
    /// The machine is older than each level.
    BelowAllLevels,
    OutOfDate,
    Revoked,
    QeSvn(u16),
    DebugEnclave,
    PckRevoked,
    PckCaRevoked,
    Forged(Forgery),
}

const fn honest(name: &'static str, kind: Kind) -> Scenario {
    Scenario { name, kind }
}

const fn forged(name: &'static str, forgery: Forgery) -> Scenario {
    Scenario {
        name,
        kind: Kind::Forged(forgery),
    }
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 30] = [
        honest("good", Kind::Honest),
        honest("swhardening", Kind::Status(TcbStatus::SwHardeningNeeded)),
        honest(
            "confighardening",
            Kind::Status(TcbStatus::ConfigurationAndSwHardeningNeeded),
        ),
        honest("outofdate", Kind::OutOfDate),
        honest("pcesvn-low", Kind::OldPce),
        honest("tcb-revoked", Kind::Revoked),
        honest("no-matching-level", Kind::BelowAllLevels),
        honest("qe-outofdate", Kind::QeSvn(7)),
        honest("qe-svn-below-all", Kind::QeSvn(2)),
        honest("debug-enclave", Kind::DebugEnclave),
        honest("pck-revoked", Kind::PckRevoked),
        honest("pck-ca-revoked", Kind::PckCaRevoked),
        forged("att-key-swapped", Forgery::AttestationKey),
        forged("header-version-4", Forgery::HeaderVersion(4)),
        forged("vendor-unknown", Forgery::Vendor),
        forged("qe-debug", Forgery::QeDebug),
        forged("qe-wrong-mrsigner", Forgery::QeSigner),
        forged("qe-wrong-prodid", Forgery::QeProduct),
        forged("qe-report-other-key", Forgery::QeReportKey),
        forged("qe-auth-empty", Forgery::QeAuthData(0)),
        forged("qe-auth-64", Forgery::QeAuthData(64)),
        forged("fmspc-mismatch", Forgery::Fmspc),
        forged("pceid-mismatch", Forgery::PceId),
        forged("fmspc-lowercase", Forgery::FmspcLowercase),
        forged("no-tcb-level", Forgery::NoLevels),
        forged("tcb-signed-by-pck", Forgery::TcbInfoSigner),
        forged("tcb-wrong-signature", Forgery::TcbInfoSignature),
        forged("pck-ca-is-not-ca", Forgery::PckCaIsNone),
        forged("pck-crl-other-issuer", Forgery::PckCrlIssuer),
        forged("looks-like-intel-root", Forgery::RootName),
    ];

    /// The one of this name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name == name)
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its evidence at a time, of a platform that was made 30 days before. The enclave's MRENCLAVE is all
    /// `11`, its MRSIGNER all `22`, its REPORTDATA all `33`.
    ///
    /// # Errors
    ///
    /// [`Error::Encoding`] if the time cannot be written into certificates.
    pub fn evidence(&self, seed: Seed, now: u64) -> Result<Evidence, Error> {
        let made = now.saturating_sub(30 * 86_400);
        let mut platform = Platform::new(seed, self.settings(made))?;
        match self.kind {
            Kind::PckRevoked => platform.happens(now, Change::RevokePck),
            Kind::PckCaRevoked => platform.happens(now, Change::RevokePckCa),
            _ => {}
        }
        let mut secs = Secs::new(Mrenclave([0x11; 32]), Mrsigner([0x22; 32]));
        if self.kind == Kind::DebugEnclave {
            secs.attributes.flags |= flags::DEBUG;
        }
        let report_data = [0x33; 64];
        match self.kind {
            Kind::Forged(forgery) => platform.forge(forgery, &secs, &report_data, now),
            _ => platform.evidence(&secs, &report_data, now),
        }
    }

    fn settings(&self, made: u64) -> Settings {
        let mut settings = Settings {
            ca: Ca::Processor,
            ..Settings::new(made)
        };
        match self.kind {
            Kind::Status(status) => {
                let tcb = settings.tcb;
                settings.levels[0] = Level {
                    tcb,
                    date: settings.levels[0].date,
                    status,
                    advisories: vec!["SIM-SA-00001".to_owned(), "SIM-SA-00002".to_owned()],
                };
            }
            Kind::OldPce => settings.tcb.pcesvn = Settings::OLDER.pcesvn,
            Kind::OutOfDate => settings.tcb = Settings::OLDER,
            Kind::Revoked => settings.tcb = Settings::OLDEST,
            Kind::BelowAllLevels => {
                settings.levels.truncate(1);
                settings.tcb = Settings::OLDER;
            }
            Kind::QeSvn(isv_svn) => settings.qe_svn = isv_svn,
            _ => {}
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_751_328_000;

    #[test]
    fn each_has_a_name_and_evidence_of_its_own() {
        let seed = Seed::from_bytes([1; 32]);
        let all = Scenario::ALL.map(|one| one.evidence(seed.clone(), NOW).expect("evidence"));
        for (at, one) in Scenario::ALL.iter().enumerate() {
            assert_eq!(Scenario::named(one.name()), Some(*one));
            assert!(!all[..at].contains(&all[at]), "{}", one.name());
            let again = one.evidence(seed.clone(), NOW).expect("evidence");
            assert_eq!(all[at], again, "{}", one.name());
        }
    }
}
