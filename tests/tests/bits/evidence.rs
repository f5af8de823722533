//! Evidence that is changed: Intel's where there are vectors, and a simulated platform's.

use std::sync::LazyLock;

use attestation::policy::{PlatformRules, Program};
use attestation::{Claims, Collateral, Fingerprint, Policy, Stage, Time, TrustAnchor, verify};
use sconce_tests::quotes::{self, Case, Expected};
use sgx::quote::Quote;
use simulator::{Scenario, Seed};

use crate::outside::Input;

/// Evidence, and whom it is shown.
#[derive(Debug, Clone)]
pub(crate) struct Evidence {
    pub(crate) name: String,
    pub(crate) quote: Vec<u8>,
    pub(crate) collateral: Vec<u8>,
    pub(crate) anchor: TrustAnchor,
    pub(crate) now: Time,
    /// What a policy may take, besides [`Program::Any`].
    pub(crate) platform: PlatformRules,
}

/// When a simulated platform is asked: any time would do.
const NOW: u64 = 1_751_328_000;

/// What is accepted.
pub(crate) fn accepted() -> impl Iterator<Item = Evidence> {
    ORIGINALS.iter().cloned()
}

static ORIGINALS: LazyLock<Vec<Evidence>> = LazyLock::new(|| {
    let real = cases().filter(|case| {
        let untouched = ["r01-sgx-real", "r02-tdx-real"];
        untouched.contains(&case.name.as_str())
    });
    let mut originals: Vec<_> = real.map(|case| Evidence::of(&case)).collect();
    originals.push(Evidence::built("good"));
    originals
});

/// What is refused, for the reasons of every vector, and of every forgery that the simulated
/// platform knows.
pub(crate) fn refused() -> impl Iterator<Item = Evidence> {
    let real = cases()
        .filter(|case| case.intel && matches!(case.expected, Expected::Reject { .. }))
        .map(|case| Evidence::of(&case));
    let built = Scenario::ALL
        .iter()
        .map(|scenario| Evidence::built(scenario.name()));
    real.chain(built)
        .filter(|evidence| evidence.outcome().is_err())
}

fn cases() -> impl Iterator<Item = Case> {
    quotes::cases().unwrap_or_default().into_iter()
}

impl Evidence {
    /// That of a vector.
    fn of(case: &Case) -> Self {
        let anchor = if case.intel {
            TrustAnchor::intel()
        } else {
            simulated(&case.root)
        };
        let evidence = Self {
            name: case.name.clone(),
            quote: case.quote.clone(),
            collateral: case.collateral.clone(),
            anchor,
            now: Time::from_unix(case.now),
            platform: PlatformRules::default(),
        };
        evidence.with_policy()
    }

    /// That of a simulated platform.
    fn built(scenario: &str) -> Self {
        let scenario = Scenario::named(scenario).expect("a scenario");
        let built = scenario
            .evidence(Seed::from_bytes([7; 32]), NOW)
            .expect("evidence");
        let evidence = Self {
            name: format!("simulated {}", scenario.name()),
            quote: built.quote,
            collateral: built.collateral.to_json().into_bytes(),
            anchor: simulated(&built.root),
            now: Time::from_unix(NOW),
            platform: PlatformRules::default(),
        };
        evidence.with_policy()
    }

    /// Takes the status that it has, where it is genuine.
    fn with_policy(self) -> Self {
        let Ok(claims) = self.genuine() else {
            return self;
        };
        Self {
            platform: PlatformRules {
                statuses: vec![claims.status],
                advisories: claims.advisories,
                ..PlatformRules::default()
            },
            ..self
        }
    }

    /// The same with another quote or another collateral.
    pub(crate) fn with(&self, input: Input, bytes: Vec<u8>) -> Self {
        let mut changed = self.clone();
        match input {
            Input::Quote => changed.quote = bytes,
            Input::Collateral => changed.collateral = bytes,
        }
        changed
    }

    /// What it says, if it is genuine and the policy takes it.
    pub(crate) fn outcome(&self) -> Result<Claims, Stage> {
        let quote = self.verify()?;
        self.policy()
            .appraise(quote, self.now, None)
            .map(|accepted| accepted.claims().clone())
            .map_err(|verdict| verdict.stage())
    }

    /// What it says, if it is genuine.
    pub(crate) fn genuine(&self) -> Result<Claims, Stage> {
        self.verify().map(attestation::VerifiedQuote::into_claims)
    }

    /// Whether it is good evidence, as it was made.
    pub(crate) fn is_an_original(&self) -> bool {
        ORIGINALS
            .iter()
            .any(|original| original.quote == self.quote && original.collateral == self.collateral)
    }

    /// Bytes of the quote before the platform's certificates.
    pub(crate) fn end_of_report(&self) -> usize {
        let quote = Quote::parse(&self.quote).expect("a quote");
        let certificates = quote.signature().certification.data;
        let at = self
            .quote
            .windows(certificates.len())
            .position(|part| part == certificates);
        at.expect("a quote has its certificates")
    }

    /// Any program on such a platform.
    pub(crate) fn policy(&self) -> Policy {
        let root = self.anchor.simulated_fingerprint();
        Policy {
            platform: self.platform.clone(),
            allow_sim: root.is_some(),
            simulated_roots: root.into_iter().collect(),
            ..Policy::strict(Program::Any)
        }
    }

    pub(crate) fn verify(&self) -> Result<attestation::VerifiedQuote, Stage> {
        let collateral = Collateral::from_json(&self.collateral).map_err(|error| error.stage())?;
        verify(&self.quote, &collateral, &self.anchor, self.now).map_err(|refusal| refusal.stage())
    }
}

fn simulated(root: &[u8]) -> TrustAnchor {
    TrustAnchor::simulated(root, Fingerprint::of(root)).expect("a simulated root")
}
