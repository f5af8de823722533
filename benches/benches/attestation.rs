//! Verifying evidence, beside dcap-qvl, which does the same with the same cryptographic library.
//!
//! `cargo bench -p sconce-benches --bench attestation`

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::Duration;

use attestation::{Cache, Collateral, Fingerprint, Time, TrustAnchor, verify};
use dcap_qvl::QuoteCollateralV3;
use dcap_qvl::verify::QuoteVerifier;
use sconce_benches::figures::{median, promise, us};
use simulator::{Scenario, Seed};
use tests::process::this_thread;
use tests::quotes;

/// Verifications that are timed together.
const BATCH: u32 = 100;

const ROUNDS: usize = 31;

fn main() {
    let mut ratios = Vec::new();
    let mut rates = Vec::new();
    for evidence in all() {
        let (ratio, rate) = evidence.measure();
        ratios.push(ratio);
        rates.push(rate);
    }
    let worst = ratios.iter().copied().fold(0.0, f64::max);
    promise(
        "verification of a quote with all of its collateral: of the time that dcap-qvl takes",
        format!("{worst:.2} times, where it is most"),
        "at most 1.00 times",
        worst <= 1.0,
    );
    let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
    promise(
        "quotes whose collateral was verified before: in a second of one core",
        format!("{least:.0}, where it is least"),
        "at least 5 000",
        least >= 5_000.0,
    );
}

/// Evidence in the form that each of the two takes.
struct Evidence {
    name: String,
    quote: Vec<u8>,
    collateral: Collateral,
    anchor: TrustAnchor,
    now: u64,
    theirs: QuoteCollateralV3,
    verifier: QuoteVerifier,
}

impl Evidence {
    /// How long ours takes, in times of theirs; and verifications a second with a cache.
    fn measure(&self) -> (f64, f64) {
        let mut cache = Cache::new(NonZeroUsize::MIN);
        let (mut full, mut theirs, mut cached) = (Vec::new(), Vec::new(), Vec::new());
        let mut ratios = Vec::new();
        for _ in 0..ROUNDS {
            // Next to each other, because the core's speed changes with what its neighbours do.
            let [ours, peer] = [timed(|| self.full()), timed(|| self.peer())];
            ratios.push(ours.as_secs_f64() / peer.as_secs_f64());
            full.push(ours);
            theirs.push(peer);
            cached.push(timed(|| self.cached(&mut cache)));
        }
        let ratio = median(&mut ratios);
        let cached = median(&mut cached);
        let rate = 1.0 / cached.as_secs_f64();
        println!(
            "{}: {} for all of it, {} with dcap-qvl: {ratio:.2} times; {} with a cache: {rate:.0} a second",
            self.name,
            us(median(&mut full)),
            us(median(&mut theirs)),
            us(cached),
        );
        (ratio, rate)
    }

    fn full(&self) {
        let (quote, now) = (black_box(&self.quote[..]), Time::from_unix(self.now));
        let verified = verify(quote, &self.collateral, &self.anchor, now);
        black_box(verified.expect("genuine evidence"));
    }

    fn peer(&self) {
        let verified = self
            .verifier
            .verify(black_box(&self.quote), &self.theirs, self.now);
        black_box(verified.expect("genuine evidence"));
    }

    fn cached(&self, cache: &mut Cache) {
        let (quote, now) = (black_box(&self.quote[..]), Time::from_unix(self.now));
        let verified = cache.verify(quote, &self.collateral, &self.anchor, now);
        black_box(verified.expect("genuine evidence"));
    }

    fn new(
        (name, quote): (&str, Vec<u8>),
        collateral: &[u8],
        (anchor, root): (TrustAnchor, Vec<u8>),
        now: u64,
    ) -> Self {
        Self {
            name: name.to_owned(),
            quote,
            collateral: Collateral::from_json(collateral).expect("collateral"),
            anchor,
            now,
            theirs: serde_json::from_slice(collateral).expect("collateral"),
            verifier: QuoteVerifier::new(root),
        }
    }
}

/// Intel's, SGX and TDX, where there are vectors; and a simulated platform's.
fn all() -> Vec<Evidence> {
    let cases = quotes::cases().unwrap_or_default();
    let real = ["r01-sgx-real", "r02-tdx-real"];
    let real = cases.iter().filter(|case| real.contains(&&case.name[..]));
    let mut all: Vec<_> = real
        .map(|case| {
            let anchor = (TrustAnchor::intel(), case.root.clone());
            let quote = (&case.name[..], case.quote.clone());
            Evidence::new(quote, &case.collateral, anchor, case.now)
        })
        .collect();

    let now = 1_751_328_000;
    let good = Scenario::named("good").expect("a scenario");
    let built = good.evidence(Seed::from_bytes([7; 32]), now);
    let built = built.expect("evidence");
    let anchor = TrustAnchor::simulated(&built.root, Fingerprint::of(&built.root));
    let anchor = (anchor.expect("a root"), built.root);
    let collateral = built.collateral.to_json();
    let quote = ("simulated", built.quote);
    all.push(Evidence::new(quote, collateral.as_bytes(), anchor, now));
    all
}

/// Processor time of one.
fn timed(mut work: impl FnMut()) -> Duration {
    let before = this_thread();
    for _ in 0..BATCH {
        work();
    }
    (this_thread() - before) / BATCH
}
