//! A cache that has seen the evidence before somebody changed a bit of it.

use std::num::NonZeroUsize;

use attestation::{Cache, Collateral, verify};

use crate::evidence;
use crate::flips::Flips;
use crate::outside::Input;

/// What it says of each change is what would be said without it, and afterwards it says the same as
/// before: nothing that was refused is remembered, and nothing that is remembered is taken for more
/// than it was.
#[test]
fn a_cache_says_what_would_be_said_without_it() {
    for evidence in evidence::accepted() {
        let mut cache = Cache::new(NonZeroUsize::MIN.saturating_add(1));
        let collateral = Collateral::from_json(&evidence.collateral).expect("collateral");
        let (anchor, now) = (&evidence.anchor, evidence.now);
        let before = verify(&evidence.quote, &collateral, anchor, now).expect("genuine evidence");
        for (input, bytes) in [
            (Input::Quote, &evidence.quote),
            (Input::Collateral, &evidence.collateral),
        ] {
            for flip in Flips::few(&evidence.name).of(bytes) {
                // In use, so that it stays.
                let found = cache.verify(&evidence.quote, &collateral, anchor, now);
                assert_eq!(found.as_ref(), Ok(&before), "{}", evidence.name);

                let changed = evidence.with(input, flip.apply(bytes));
                let Ok(collateral) = Collateral::from_json(&changed.collateral) else {
                    continue;
                };
                let with = cache.verify(&changed.quote, &collateral, anchor, now);
                let without = verify(&changed.quote, &collateral, anchor, now);
                let place = format!("{}: {input:?} {}", evidence.name, flip.place(bytes));
                assert_eq!(with, without, "{place}");
            }
        }
    }
}
