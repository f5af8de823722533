//! The platform: a machine, and its pretended vendor.

use std::fmt;

use ring::digest;
use sgx::{KeyRequest, Report, TargetInfo};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::change::{Change, Event};
use crate::collateral::{Collateral, Draft};
use crate::error::{Error, KeyError};
use crate::history::{Machine, Published};
use crate::keys::Seed;
use crate::pki::{Authorities, Charter, Pck};
use crate::processor::Processor;
use crate::quoting::{self, Quoting};
use crate::secs::Secs;
use crate::settings::{Ca, Settings};
use crate::tcb::Tcb;

/// A simulated platform: a machine with its fuses and its quoting enclave, and a vendor with its
/// certificates, revocation lists and documents.
///
/// It is a value without a clock. Everything that it gives follows from its seed, its settings, the
/// [`Change`]s that it was told of, and the time that it is asked at, in seconds since 1970: the same
/// question has the same answer, to the byte. So a drill can ask about tomorrow, and tests agree.
///
/// It protects nothing: whoever can read its state can forge everything that it says.
#[derive(Clone)]
pub struct Platform {
    pub(crate) seed: Seed,
    pub(crate) settings: Settings,
    /// What happens, in the order of time.
    pub(crate) events: Vec<Event>,
    pub(crate) authorities: Authorities,
}

/// What a verifier is given, and the root that it would have to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The quote (DCAP, version 3).
    pub quote: Vec<u8>,
    /// What the vendor says of the platform.
    pub collateral: Collateral,
    /// The simulated root certificate (DER).
    pub root: Vec<u8>,
}

/// A key that EGETKEY has derived: 128 bits, which only the enclave that asked may have.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Key(pub(crate) [u8; 16]);

impl Platform {
    /// A new platform. (With [`Platform::open_or_make`] it is kept in a folder.)
    ///
    /// # Errors
    ///
    /// [`Error::Encoding`] if the settings' times cannot be written into certificates.
    pub fn new(seed: Seed, settings: Settings) -> Result<Self, Error> {
        Ok(Self {
            authorities: Authorities::new(&seed, &settings, &Charter::HONEST)?,
            seed,
            settings,
            events: Vec::new(),
        })
    }

    /// From a time on, something is otherwise. What is asked about earlier times is not changed by it.
    pub fn happens(&mut self, at: u64, change: Change) {
        let place = self.events.partition_point(|event| event.at <= at);
        self.events.insert(place, Event { at, change });
    }

    /// As [`Platform::happens`], for building one in an expression.
    #[must_use]
    pub fn with(mut self, at: u64, change: Change) -> Self {
        self.happens(at, change);
        self
    }

    /// What it was made as.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What happens to it, in the order of time.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Its simulated root certificate (DER).
    #[must_use]
    pub fn root_der(&self) -> &[u8] {
        &self.authorities.root.der
    }

    /// The fingerprint of its root: `sim:` and SHA-256 over the DER, 64 hex digits. A verifier accepts a
    /// simulated root by this alone.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = digest::digest(&digest::SHA256, self.root_der());
        format!("sim:{}", hex::encode(digest))
    }

    /// The machine's security versions at a time.
    #[must_use]
    pub fn tcb(&self, now: u64) -> Tcb {
        self.machine(now).tcb
    }

    /// EREPORT: what the processor says of an enclave, for another on the same machine. Only the host may
    /// call it, with the SECS of the enclave that asks.
    #[must_use]
    pub fn ereport(
        &self,
        secs: &Secs,
        target: &TargetInfo,
        report_data: &[u8; 64],
        now: u64,
    ) -> Report {
        self.processor(now).ereport(secs, target, report_data)
    }

    /// EGETKEY: a key that follows from the machine, from the enclave and from what it asks for.
    ///
    /// # Errors
    ///
    /// The refusals of the SDM.
    pub fn egetkey(&self, secs: &Secs, request: &KeyRequest, now: u64) -> Result<Key, KeyError> {
        self.processor(now).egetkey(secs, request)
    }

    /// The TARGETINFO of the quoting enclave: for whom a report has to be made that is to become a quote.
    #[must_use]
    pub fn quoting_target(&self, now: u64) -> TargetInfo {
        quoting::enclave(self.machine(now).qe_svn).target()
    }

    /// The quoting enclave: a quote (DCAP, version 3) of a report whose MAC is this platform's.
    ///
    /// # Errors
    ///
    /// [`Error::Report`] if the MAC is another; [`Error::Encoding`].
    pub fn quote_report(&self, report: &Report, now: u64) -> Result<Vec<u8>, Error> {
        self.quoting(report, now)?.assemble()
    }

    /// A quote of an enclave: [`Platform::ereport`] for the quoting enclave, and
    /// [`Platform::quote_report`].
    ///
    /// # Errors
    ///
    /// [`Error::Encoding`].
    pub fn quote(&self, secs: &Secs, report_data: &[u8; 64], now: u64) -> Result<Vec<u8>, Error> {
        let report = self.ereport(secs, &self.quoting_target(now), report_data, now);
        self.quote_report(&report, now)
    }

    /// What the vendor's service answers at a time, as collateral of this machine.
    ///
    /// # Errors
    ///
    /// [`Error::Encoding`].
    pub fn collateral(&self, now: u64) -> Result<Collateral, Error> {
        let published = Published::at(now, &self.settings, &self.events);
        Draft::honest(self, &published).collateral()
    }

    /// A quote and its collateral of the same time.
    ///
    /// # Errors
    ///
    /// As [`Platform::quote`] and [`Platform::collateral`].
    pub fn evidence(
        &self,
        secs: &Secs,
        report_data: &[u8; 64],
        now: u64,
    ) -> Result<Evidence, Error> {
        Ok(Evidence {
            quote: self.quote(secs, report_data, now)?,
            collateral: self.collateral(now)?,
            root: self.root_der().to_vec(),
        })
    }
}

/// What the honest way and forgeries are made of.
impl Platform {
    pub(crate) fn machine(&self, now: u64) -> Machine {
        Machine::at(now, &self.settings, &self.events)
    }

    pub(crate) fn processor(&self, now: u64) -> Processor {
        Processor::new(&self.seed, self.tcb(now))
    }

    /// What the machine's certificate says at these security versions.
    pub(crate) fn pck(&self, tcb: Tcb) -> Pck {
        Pck {
            ppid: *self.seed.derive_half("ppid"),
            tcb,
            pce_id: self.settings.pce_id,
            fmspc: self.settings.fmspc,
            instance: match self.settings.ca {
                Ca::Processor => None,
                Ca::Platform => Some(*self.seed.derive_half("platform instance")),
            },
        }
    }

    /// How the quoting enclave would make a quote of a report, if it takes it.
    pub(crate) fn quoting(&self, report: &Report, now: u64) -> Result<Quoting, Error> {
        let machine = self.machine(now);
        if !self.processor(now).made(report, &self.quoting_target(now)) {
            return Err(Error::Report);
        }
        let pck = self.pck(machine.tcb);
        let pck = self.authorities.certify(&pck, &self.seed, &self.settings)?;
        let chain = self.authorities.pck_chain(&pck);
        Ok(Quoting::honest(report, &machine, &self.seed, &pck, chain))
    }
}

impl fmt::Debug for Platform {
    /// All but secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform")
            .field("fingerprint", &self.fingerprint())
            .field("settings", &self.settings)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

impl Key {
    /// The bytes.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Key {
    /// That it is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use sgx::quote::{Body, Quote};
    use sgx::{Mrenclave, Mrsigner};

    use super::*;

    const MADE: u64 = 1_748_736_000;

    fn platform(seed: u8) -> Platform {
        Platform::new(Seed::from_bytes([seed; 32]), Settings::new(MADE)).expect("a platform")
    }

    fn secs() -> Secs {
        Secs::new(Mrenclave([1; 32]), Mrsigner([2; 32]))
    }

    #[test]
    fn the_same_question_has_the_same_answer() {
        let evidence = |seed| {
            platform(seed)
                .evidence(&secs(), &[3; 64], MADE)
                .expect("evidence")
        };
        assert_eq!(evidence(1), evidence(1));
        assert_ne!(evidence(1).root, evidence(2).root);
        assert_ne!(evidence(1).quote, evidence(2).quote);
    }

    #[test]
    fn a_quote_says_what_the_host_and_not_what_the_enclave_wants() {
        let platform = platform(1);
        let bytes = platform.quote(&secs(), &[3; 64], MADE).expect("a quote");
        let quote = Quote::parse(&bytes).expect("a quote");
        let Body::Sgx(body) = quote.body() else {
            panic!("not of SGX");
        };
        let cpusvn = platform.tcb(MADE).cpusvn();
        assert_eq!(*body, secs().report_body(cpusvn, [3; 64]));
        assert!(quote.header().user_data.starts_with(b"SIMULATED"));
    }

    #[test]
    fn the_quoting_enclave_takes_reports_of_its_own_machine_alone() {
        let (here, elsewhere) = (platform(1), platform(2));
        let target = here.quoting_target(MADE);
        let report = here.ereport(&secs(), &target, &[3; 64], MADE);
        here.quote_report(&report, MADE).expect("a quote");

        let mut changed = report;
        changed.body.mrenclave.0[0] ^= 1;
        let for_another = here.ereport(&secs(), &secs().target(), &[3; 64], MADE);
        let of_another = elsewhere.ereport(&secs(), &target, &[3; 64], MADE);
        for report in [changed, for_another, of_another] {
            let refusal = here.quote_report(&report, MADE).expect_err("refused");
            assert!(matches!(refusal, Error::Report), "{refusal}");
        }
    }

    #[test]
    fn reports_do_not_outlive_a_change_of_the_processor() {
        let platform = platform(1).with(MADE + 1, Change::Tcb(Settings::OLDER));
        let target = platform.quoting_target(MADE);
        let report = platform.ereport(&secs(), &target, &[3; 64], MADE);
        platform.quote_report(&report, MADE).expect("a quote");
        platform
            .quote_report(&report, MADE + 1)
            .expect_err("another processor");
    }

    #[test]
    fn events_stay_in_the_order_of_time() {
        let mut platform = platform(1);
        for (at, svn) in [(9, 1), (5, 2), (9, 3), (1, 4)] {
            platform.happens(MADE + at, Change::Qe { isv_svn: svn });
        }
        let seen: Vec<_> = platform
            .events()
            .iter()
            .map(|event| (event.at - MADE, event.change.clone()))
            .collect();
        let qe = |isv_svn| Change::Qe { isv_svn };
        assert_eq!(seen, [(1, qe(4)), (5, qe(2)), (9, qe(1)), (9, qe(3))]);
    }

    #[test]
    fn nothing_secret_is_shown() {
        let platform = platform(7);
        let key = Key([7; 16]);
        let shown = format!("{platform:?} {key:?}");
        assert!(!shown.contains("7, 7, 7"), "{shown}");
        assert!(!shown.contains("0707"), "{shown}");
        assert!(shown.contains(&platform.fingerprint()));
    }

    #[test]
    fn times_beyond_certificates_are_refused() {
        let settings = Settings::new(u64::MAX);
        Platform::new(Seed::from_bytes([1; 32]), settings).expect_err("no such time");
        let platform = platform(1);
        platform.collateral(u64::MAX).expect_err("no such time");
        platform
            .collateral(253_402_300_799)
            .expect_err("its end is beyond");
    }
}
