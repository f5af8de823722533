//! One bit is changed: in a quote, its collateral, a certificate, a revocation list, a policy.
//!
//! Nothing that was refused is accepted then, and nothing that is accepted says anything else than
//! before. Bits that are outside every signature are listed in [`outside`].
//!
//! `SCONCE_BITS` is how many bits of each input are changed (a tenth of that where it is refused
//! anyway), chosen by `SCONCE_SEED`; with as many as there are, or more, it is every one.

mod caches;
mod certificates;
mod evidence;
mod flips;
mod outside;
mod policies;

use evidence::Evidence;
use flips::Flips;
use outside::Input;

/// Changes bits of `bytes`, and looks at what `with` makes of evidence that has them.
fn change(
    flips: &Flips,
    input: Input,
    evidence: &Evidence,
    bytes: &[u8],
    with: impl Fn(Vec<u8>) -> Evidence,
) {
    let before = evidence.outcome();
    let mut outside = 0;
    for flip in flips.of(bytes) {
        let changed = with(flip.apply(bytes));
        let Ok(after) = changed.outcome() else {
            continue;
        };
        let place = format!("{}: {input:?} {}", evidence.name, flip.place(bytes));
        assert_eq!(Some(&after), before.as_ref().ok(), "{place}");
        assert!(
            input.is_outside(bytes, flip),
            "{place}: accepted, and not listed"
        );
        outside += 1;
    }
    println!("{}: {input:?}, {outside} bits outside", evidence.name);
}

#[test]
fn no_bit_of_a_quote_changes_what_is_accepted() {
    for evidence in evidence::accepted() {
        let flips = Flips::few(&evidence.name).and_all_below(evidence.end_of_report());
        change(&flips, Input::Quote, &evidence, &evidence.quote, |quote| {
            Evidence {
                quote,
                ..evidence.clone()
            }
        });
    }
}

#[test]
fn no_bit_of_collateral_changes_what_is_accepted() {
    for evidence in evidence::accepted() {
        let flips = Flips::few(&evidence.name);
        change(
            &flips,
            Input::Collateral,
            &evidence,
            &evidence.collateral,
            |collateral| Evidence {
                collateral,
                ..evidence.clone()
            },
        );
    }
}

#[test]
fn what_is_outside_every_signature_is_nothing_but_form() {
    for evidence in evidence::accepted() {
        let before = evidence.outcome().expect("accepted evidence");
        for (input, bytes) in [
            (Input::Quote, &evidence.quote),
            (Input::Collateral, &evidence.collateral),
        ] {
            let flips = Flips::all().only(|flip| input.is_outside(bytes, flip));
            let mut seen = 0;
            for flip in flips.of(bytes) {
                seen += 1;
                let changed = evidence.with(input, flip.apply(bytes));
                assert_eq!(
                    changed.outcome().as_ref(),
                    Ok(&before),
                    "{}: {input:?} {}: listed, and counts",
                    evidence.name,
                    flip.place(bytes)
                );
            }
            println!("{}: {input:?}, {seen} bits listed", evidence.name);
        }
    }
}

#[test]
fn no_bit_makes_refused_evidence_acceptable() {
    for evidence in evidence::refused() {
        let flips = Flips::tenth(&evidence.name);
        for (input, bytes) in [
            (Input::Quote, &evidence.quote),
            (Input::Collateral, &evidence.collateral),
        ] {
            for flip in flips.of(bytes) {
                let changed = evidence.with(input, flip.apply(bytes));
                if changed.outcome().is_ok() {
                    // Some of the vectors are good evidence with one bit changed: it was changed back.
                    assert!(
                        changed.is_an_original(),
                        "{}: {input:?} {}: accepted",
                        evidence.name,
                        flip.place(bytes)
                    );
                }
            }
        }
    }
}
