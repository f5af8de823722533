//! When evidence is accepted: each part on which it rests has a window of its own, and each certificate
//! can be revoked. None may be forgotten.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod forge;
mod whole;

use std::num::NonZeroUsize;

use sconce_attestation::{Cache, Refusal, Stage, Time, VerifiedQuote, verify};
use whole::{Draft, FROM, Made, Part, UNTIL};

const PARTS: [Part; 9] = [
    Part::PckCa,
    Part::QuotesPckCa,
    Part::Pck,
    Part::TcbSigning,
    Part::IdentitysTcbSigning,
    Part::RootCrl,
    Part::PckCrl,
    Part::TcbInfo,
    Part::QeIdentity,
];

/// Evidence of which one part has the narrow window.
fn made(narrow: Part) -> Made {
    let draft = Draft {
        narrow: Some(narrow),
        ..Draft::default()
    };
    draft.make()
}

/// Evidence with a certificate on the root's list, or on the CA's.
fn revoking(number: u8, by_root: bool) -> Made {
    let revoked: &[u8] = &[number];
    let none: &[u8] = &[];
    let draft = Draft {
        by_root: if by_root { revoked } else { none },
        by_ca: if by_root { none } else { revoked },
        ..Draft::default()
    };
    draft.make()
}

/// What each way of verification says, which has to be the same.
fn judge(made: &Made, cache: &mut Cache, now: u64) -> Result<VerifiedQuote, Refusal> {
    let Made {
        quote,
        collateral,
        anchor,
    } = made;
    let now = Time::from_unix(now);
    let whole = verify(quote, collateral, anchor, now);
    assert_eq!(cache.verify(quote, collateral, anchor, now), whole);
    let between = Time::from_unix(FROM + 1);
    let known = collateral.verify(anchor, between).unwrap();
    assert_eq!(known.verify(quote, now), whole);
    whole
}

#[test]
fn every_part_has_to_be_in_force() {
    for part in PARTS {
        let made = made(part);
        let mut cache = Cache::new(NonZeroUsize::MIN);
        for now in [FROM, FROM + 1, UNTIL] {
            let verified = judge(&made, &mut cache, now).unwrap();
            assert_eq!(verified.claims().expires.unix(), UNTIL, "{part:?}");
        }
        for now in [FROM - 1, UNTIL + 1] {
            let refused = judge(&made, &mut cache, now).unwrap_err();
            assert_eq!(refused.stage(), Stage::Time, "{part:?}: {refused}");
        }
        let mut cache = Cache::new(NonZeroUsize::MIN);
        assert!(judge(&made, &mut cache, UNTIL + 1).is_err());
        assert!(judge(&made, &mut cache, UNTIL).is_ok());
    }
}

/// The root can take back any certificate that it has issued, and the CA its own.
#[test]
fn every_certificate_can_be_revoked() {
    // The numbers that `Pki` gives.
    const ROOT: u8 = 1;
    const PCK_CA: u8 = 2;
    const PCK: u8 = 3;
    const TCB_SIGNING: u8 = 4;
    for (revoked, by_root) in [
        (ROOT, true),
        (PCK_CA, true),
        (TCB_SIGNING, true),
        (PCK, false),
    ] {
        let made = revoking(revoked, by_root);
        let mut cache = Cache::new(NonZeroUsize::MIN);
        let now = Time::from_unix(FROM);
        let refused = [
            verify(&made.quote, &made.collateral, &made.anchor, now),
            cache.verify(&made.quote, &made.collateral, &made.anchor, now),
            made.collateral
                .verify(&made.anchor, now)
                .and_then(|known| known.verify(&made.quote, now)),
        ];
        for refused in refused {
            assert_eq!(refused.unwrap_err().stage(), Stage::Revoked, "{revoked}");
        }
    }
    // The numbers are each CA's own.
    let made = revoking(PCK, true);
    assert!(judge(&made, &mut Cache::new(NonZeroUsize::MIN), FROM).is_ok());
}

/// What is revoked is told of before what is out of force, whichever way is asked.
#[test]
fn revocation_comes_before_time() {
    for (by_root, by_ca) in [(&[2][..], &[][..]), (&[], &[3])] {
        let draft = Draft {
            narrow: Some(Part::PckCrl),
            by_root,
            by_ca,
            ..Draft::default()
        };
        let made = draft.make();
        let late = Time::from_unix(UNTIL + 1);
        let refused = verify(&made.quote, &made.collateral, &made.anchor, late);
        assert_eq!(refused.unwrap_err().stage(), Stage::Revoked);
    }
}

/// What collateral expires with does not depend on a quote.
#[test]
fn collateral_says_until_when_it_is_in_force() {
    for part in PARTS {
        let made = made(part);
        let now = Time::from_unix(FROM);
        let known = made.collateral.verify(&made.anchor, now).unwrap();
        let of_quote = matches!(part, Part::Pck | Part::QuotesPckCa);
        assert_eq!(known.expires().unix() == UNTIL, !of_quote, "{part:?}");
        let late = Time::from_unix(UNTIL + 1);
        let refused = made.collateral.verify(&made.anchor, late);
        assert_eq!(refused.is_err(), !of_quote, "{part:?}");
    }
}
