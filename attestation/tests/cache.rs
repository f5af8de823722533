//! The cache: as verification says, only sooner; and nobody can put anything into it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod evidence;

use std::num::NonZeroUsize;

use evidence::{NOW, anchor, collateral, evidence, platform, settings, time};
use sconce_attestation::{Cache, Collateral, Stage, TrustAnchor, verify};
use simulator::{Change, Platform, Settings};

const DAY: u64 = 86_400;

fn cache() -> Cache {
    Cache::new(NonZeroUsize::new(2).unwrap())
}

/// A change, and where it is found.
type Changed = (fn(&mut Collateral), Stage);

/// Asks the cache and verification, which have to agree; whether both accept.
fn same(
    cache: &mut Cache,
    quote: &[u8],
    collateral: &Collateral,
    anchor: &TrustAnchor,
    now: u64,
) -> Result<(), Stage> {
    let whole = verify(quote, collateral, anchor, time(now));
    let cached = cache.verify(quote, collateral, anchor, time(now));
    assert_eq!(cached, whole);
    cached.map(|_| ()).map_err(|refusal| refusal.stage())
}

fn new(seed: u8) -> (Platform, Vec<u8>, Collateral) {
    let platform = platform(seed, settings());
    let made = evidence(&platform, NOW);
    let collateral = collateral(&made);
    (platform, made.quote, collateral)
}

#[test]
fn it_says_what_verification_says() {
    let (platform, quote, collateral) = new(1);
    let anchor = anchor(&platform);
    let mut cache = cache();
    assert_eq!(same(&mut cache, &quote, &collateral, &anchor, NOW), Ok(()));
    assert_eq!(same(&mut cache, &quote, &collateral, &anchor, NOW), Ok(()));
    for at in 0..quote.len() {
        let mut changed = quote.clone();
        changed[at] ^= 1 << (at % 8);
        let _ = same(&mut cache, &changed, &collateral, &anchor, NOW);
    }
    assert_eq!(same(&mut cache, &quote, &collateral, &anchor, NOW), Ok(()));
}

#[test]
fn what_is_kept_goes_out_of_force() {
    let (platform, quote, collateral) = new(1);
    let anchor = anchor(&platform);
    let mut cache = cache();
    assert_eq!(same(&mut cache, &quote, &collateral, &anchor, NOW), Ok(()));
    for now in [0, NOW - 2 * DAY, NOW + 31 * DAY, NOW + 20_000 * DAY] {
        let refused = same(&mut cache, &quote, &collateral, &anchor, now);
        assert_eq!(refused, Err(Stage::Time), "{now}");
    }
    assert_eq!(same(&mut cache, &quote, &collateral, &anchor, NOW), Ok(()));
}

/// Whoever has collateral accepted has not had anything else accepted: not one byte of it may differ.
#[test]
fn what_differs_in_a_byte_is_verified_anew() {
    let (platform, quote, collateral) = new(1);
    let anchor = anchor(&platform);
    let mut cache = cache();
    assert_eq!(same(&mut cache, &quote, &collateral, &anchor, NOW), Ok(()));
    let changes: [Changed; 8] = [
        (|c| c.root_ca_crl[60] ^= 1, Stage::Crl),
        (|c| c.pck_crl[60] ^= 1, Stage::Crl),
        (|c| c.root_ca_crl.clear(), Stage::Crl),
        (
            |c| c.tcb_info = c.tcb_info.replace("OutOfDate", "UpToDate"),
            Stage::TcbInfoSignature,
        ),
        (|c| c.tcb_info.push(' '), Stage::TcbInfoSignature),
        (|c| c.tcb_info_signature[7] ^= 1, Stage::TcbInfoSignature),
        (
            |c| c.qe_identity = c.qe_identity.replace("\"isvsvn\":8", "\"isvsvn\":1"),
            Stage::QeIdentitySignature,
        ),
        (
            |c| c.qe_identity_signature[7] ^= 1,
            Stage::QeIdentitySignature,
        ),
    ];
    for (change, stage) in changes {
        let mut other = collateral.clone();
        change(&mut other);
        assert_eq!(same(&mut cache, &quote, &other, &anchor, NOW), Err(stage));
        assert_eq!(same(&mut cache, &quote, &other, &anchor, NOW), Err(stage));
    }
    assert_eq!(same(&mut cache, &quote, &collateral, &anchor, NOW), Ok(()));
}

#[test]
fn what_one_anchor_vouches_for_is_nothing_to_another() {
    let (platform, quote, collateral) = new(1);
    let (other, ..) = new(2);
    let mut cache = cache();
    let own = anchor(&platform);
    assert_eq!(same(&mut cache, &quote, &collateral, &own, NOW), Ok(()));
    for anchor in [anchor(&other), TrustAnchor::intel()] {
        let refused = same(&mut cache, &quote, &collateral, &anchor, NOW);
        assert_eq!(refused, Err(Stage::Crl));
    }
}

/// A platform that was accepted under old lists is not accepted under new ones that revoke it.
#[test]
fn a_kept_platform_can_be_revoked() {
    let platform = platform(1, settings()).with(NOW + DAY, Change::RevokePck);
    let anchor = anchor(&platform);
    let (before, after) = (evidence(&platform, NOW), evidence(&platform, NOW + 2 * DAY));
    let (old, new) = (collateral(&before), collateral(&after));
    let mut cache = cache();
    let now = NOW + 2 * DAY;
    assert_eq!(same(&mut cache, &before.quote, &old, &anchor, now), Ok(()));
    let refused = same(&mut cache, &before.quote, &new, &anchor, now);
    assert_eq!(refused, Err(Stage::Revoked));
    assert_eq!(same(&mut cache, &before.quote, &old, &anchor, now), Ok(()));
}

/// A patched platform has another certificate under the same collateral.
#[test]
fn platforms_of_one_collateral_are_kept_apart() {
    let platform = platform(1, settings()).with(NOW + DAY, Change::Tcb(Settings::OLDER));
    let anchor = anchor(&platform);
    let (best, older) = (evidence(&platform, NOW), evidence(&platform, NOW + 2 * DAY));
    let collateral = collateral(&best);
    let mut cache = cache();
    for quote in [&best.quote, &older.quote, &best.quote, &older.quote] {
        let now = NOW + 2 * DAY;
        assert_eq!(same(&mut cache, quote, &collateral, &anchor, now), Ok(()));
    }
}

#[test]
fn what_was_pushed_out_is_verified_anew() {
    let known: Vec<_> = (1..=4).map(new).collect();
    let mut cache = cache();
    for (platform, quote, collateral) in known.iter().chain(&known) {
        let anchor = anchor(platform);
        assert_eq!(same(&mut cache, quote, collateral, &anchor, NOW), Ok(()));
    }
}

/// Collateral that was kept for one platform revokes another.
#[test]
fn kept_lists_count_for_every_platform() {
    let platform = platform(1, settings())
        .with(NOW + DAY, Change::RevokePck)
        .with(NOW + 2 * DAY, Change::Tcb(Settings::OLDER));
    let anchor = anchor(&platform);
    let now = NOW + 3 * DAY;
    let (revoked, newer) = (evidence(&platform, NOW), evidence(&platform, now));
    let collateral = collateral(&newer);
    let mut cache = cache();
    assert_eq!(
        same(&mut cache, &newer.quote, &collateral, &anchor, now),
        Ok(())
    );
    let refused = same(&mut cache, &revoked.quote, &collateral, &anchor, now);
    assert_eq!(refused, Err(Stage::Revoked));
    let known = collateral.verify(&anchor, time(now)).unwrap();
    let refused = known.verify(&revoked.quote, time(now)).unwrap_err();
    assert_eq!(refused.stage(), Stage::Revoked);
}
