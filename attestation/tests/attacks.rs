//! Somebody who owns host and network, and a vendor of his own with all its keys, mixes what he has
//! with what is genuine. None of it is accepted, whatever was verified before.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod evidence;

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use evidence::{MADE, NOW, anchor, collateral, platform, settings, time};
use sconce_attestation::{Cache, Collateral, Refusal, Stage, VerifiedQuote, verify};
use simulator::{Ca, Settings};

const END: &str = "-----END CERTIFICATE-----\n";

/// A quote and its collateral, to be taken apart.
#[derive(Clone)]
struct Parts {
    quote: Vec<u8>,
    collateral: Collateral,
}

impl Parts {
    fn of(seed: u8, settings: Settings) -> Self {
        let made = evidence::evidence(&platform(seed, settings), NOW);
        Self {
            collateral: collateral(&made),
            quote: made.quote,
        }
    }

    /// Takes over the parts of another whose bits are set.
    fn mixed(&self, other: &Self, choice: u32) -> Self {
        let mut mixed = self.clone();
        let (to, from) = (&mut mixed.collateral, &other.collateral);
        let parts: [&mut dyn FnMut(); PARTS] = [
            &mut || mixed.quote.clone_from(&other.quote),
            &mut || {
                to.pck_crl_issuer_chain
                    .clone_from(&from.pck_crl_issuer_chain)
            },
            &mut || to.root_ca_crl.clone_from(&from.root_ca_crl),
            &mut || to.pck_crl.clone_from(&from.pck_crl),
            &mut || {
                to.tcb_info_issuer_chain
                    .clone_from(&from.tcb_info_issuer_chain)
            },
            &mut || to.tcb_info.clone_from(&from.tcb_info),
            &mut || to.tcb_info_signature = from.tcb_info_signature,
            &mut || {
                to.qe_identity_issuer_chain
                    .clone_from(&from.qe_identity_issuer_chain)
            },
            &mut || to.qe_identity.clone_from(&from.qe_identity),
            &mut || to.qe_identity_signature = from.qe_identity_signature,
        ];
        for (bit, take) in parts.into_iter().enumerate() {
            if choice & (1 << bit) != 0 {
                take();
            }
        }
        mixed
    }

    /// Puts another root under each of its chains.
    fn under_root_of(&self, other: &Self) -> Self {
        let root = last(&other.collateral.tcb_info_issuer_chain).to_owned();
        let own = last(&self.collateral.tcb_info_issuer_chain).to_owned();
        let mut grafted = self.clone();
        let chains = &mut grafted.collateral;
        for chain in [
            &mut chains.pck_crl_issuer_chain,
            &mut chains.tcb_info_issuer_chain,
            &mut chains.qe_identity_issuer_chain,
        ] {
            *chain = chain.replace(&own, &root);
        }
        let at = find(&grafted.quote, own.as_bytes());
        grafted.quote.truncate(at);
        grafted.quote.extend_from_slice(root.as_bytes());
        resize(&mut grafted.quote);
        grafted
    }
}

/// Quote, and nine members of collateral.
const PARTS: usize = 10;

/// The bits of a choice that only say who signs, and which certificates he brings along.
const QUOTE: u32 = 1;
const PCK_CRL_CHAIN: u32 = 1 << 1;
const PCK_CRL: u32 = 1 << 3;

fn last(chain: &str) -> &str {
    let end = chain.len() - END.len();
    &chain[chain[..end].rfind(END).unwrap() + END.len()..]
}

fn find(whole: &[u8], part: &[u8]) -> usize {
    let mut windows = whole.windows(part.len());
    windows.position(|window| window == part).unwrap()
}

/// Corrects the lengths of signature and certification data: the chain is the last of both.
fn resize(quote: &mut [u8]) {
    let length = |bytes: usize| u32::try_from(bytes).unwrap().to_le_bytes();
    let chain = find(quote, b"-----BEGIN");
    let signature = length(quote.len() - 436);
    let certification = length(quote.len() - chain);
    quote[432..436].copy_from_slice(&signature);
    quote[chain - 4..chain].copy_from_slice(&certification);
}

/// Both ways to verify, of which the second has seen the genuine evidence and the attacker's.
struct Verifiers {
    anchor: sconce_attestation::TrustAnchor,
    cache: Cache,
}

impl Verifiers {
    fn of_vendor(seed: u8, seen: &[(u8, &Parts)]) -> Self {
        let mut cache = Cache::new(NonZeroUsize::new(8).unwrap());
        for (seed, parts) in seen {
            let anchor = anchor(&platform(*seed, settings()));
            let seen = cache.verify(&parts.quote, &parts.collateral, &anchor, time(NOW));
            seen.unwrap();
        }
        let anchor = anchor(&platform(seed, settings()));
        Self { anchor, cache }
    }

    #[track_caller]
    fn verify(&mut self, parts: &Parts) -> Result<VerifiedQuote, Refusal> {
        let Parts { quote, collateral } = parts;
        let verdict = verify(quote, collateral, &self.anchor, time(NOW));
        let cached = self
            .cache
            .verify(quote, collateral, &self.anchor, time(NOW));
        assert_eq!(verdict, cached, "the cache says something else");
        verdict
    }
}

#[test]
fn no_mixture_with_another_vendors_evidence_is_accepted() {
    let (genuine, own) = (Parts::of(1, settings()), Parts::of(2, settings()));
    let mut verifiers = Verifiers::of_vendor(1, &[(1, &genuine), (2, &own)]);
    let claims = verifiers.verify(&genuine).unwrap();
    let grafted = own.under_root_of(&genuine);
    for other in [&own, &grafted] {
        for choice in 1..1 << PARTS {
            let mixed = genuine.mixed(other, choice);
            let same = mixed.quote == genuine.quote && mixed.collateral == genuine.collateral;
            match verifiers.verify(&mixed) {
                Ok(verified) => assert!(same && verified == claims, "parts {choice:010b}"),
                Err(_) => assert!(!same),
            }
        }
    }
}

/// The platforms of two CAs under one root: the list of the one says nothing of the other.
#[test]
fn no_mixture_of_two_cas_hides_a_platform_from_its_list() {
    let (genuine, other) = (Parts::of(1, settings()), {
        let mut settings = settings();
        settings.ca = Ca::Processor;
        Parts::of(1, settings)
    });
    let mut verifiers = Verifiers::of_vendor(1, &[(1, &genuine), (1, &other)]);
    let mut accepted = 0;
    for choice in 0..1 << PARTS {
        let verdict = verifiers.verify(&genuine.mixed(&other, choice));
        let together = QUOTE | PCK_CRL_CHAIN | PCK_CRL;
        let whole = [0, together].contains(&(choice & together));
        match verdict {
            Ok(_) => {
                assert!(whole, "parts {choice:010b}");
                accepted += 1;
            }
            Err(refusal) if !whole => {
                let stage = refusal.stage();
                assert!(stage <= Stage::Revoked, "parts {choice:010b}: {stage}");
            }
            Err(_) => {}
        }
    }
    // Both as they are, at least.
    assert!(accepted >= 2);
}

/// Whatever is grafted on, the genuine root's signature is missing.
#[test]
fn a_genuine_root_behind_own_certificates_helps_nobody() {
    let (genuine, own) = (Parts::of(1, settings()), Parts::of(2, settings()));
    let mut verifiers = Verifiers::of_vendor(1, &[(1, &genuine)]);
    let grafted = own.under_root_of(&genuine);
    let lists = 1 << 2;
    let refusal = verifiers.verify(&grafted).unwrap_err();
    assert_eq!(refusal.stage(), Stage::Crl, "{refusal}");
    let refusal = verifiers
        .verify(&grafted.mixed(&genuine, lists))
        .unwrap_err();
    assert_eq!(refusal.stage(), Stage::Chain, "{refusal}");
    // Only the quote is his, with his certificates below the genuine root.
    let refusal = verifiers
        .verify(&genuine.mixed(&grafted, QUOTE))
        .unwrap_err();
    assert_eq!(refusal.stage(), Stage::Chain, "{refusal}");
}

#[test]
fn no_time_is_too_early_or_too_late_to_be_refused() {
    let genuine = Parts::of(1, settings());
    let mut verifiers = Verifiers::of_vendor(1, &[(1, &genuine)]);
    let anchor = anchor(&platform(1, settings()));
    for now in [
        0,
        1,
        MADE - 1,
        MADE + 100 * 365 * 86_400,
        u64::MAX - 1,
        u64::MAX,
    ] {
        let Parts { quote, collateral } = &genuine;
        let refusal = verify(quote, collateral, &anchor, time(now)).unwrap_err();
        assert_eq!(refusal.stage(), Stage::Time);
        assert!(!refusal.to_string().is_empty());
        let cached = verifiers
            .cache
            .verify(quote, collateral, &anchor, time(now));
        assert_eq!(cached.unwrap_err().stage(), Stage::Time);
    }
}

/// What is too long to be of this PKI is refused before anything is made of it.
#[test]
fn long_input_is_refused_at_once() {
    let genuine = Parts::of(1, settings());
    let mut verifiers = Verifiers::of_vendor(1, &[(1, &genuine)]);
    let long = 8 << 20;
    let tlv = |tag: u8, content: &[u8]| {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x84], &length[..], content].concat()
    };
    let changes: [&dyn Fn(&mut Parts); 8] = [
        &|parts| parts.quote.resize(long, 0),
        &|parts| parts.collateral.pck_crl_issuer_chain = "\n".repeat(long),
        &|parts| {
            parts
                .collateral
                .pck_crl_issuer_chain
                .push_str(&"\n".repeat(long))
        },
        &|parts| {
            let chain = &mut parts.collateral.tcb_info_issuer_chain;
            *chain = chain.replacen("\n", &format!("\n{}\n", "A".repeat(long)), 1);
        },
        &|parts| parts.collateral.qe_identity_issuer_chain = "-----BEGIN".repeat(long / 10),
        &|parts| parts.collateral.root_ca_crl = tlv(0x30, &vec![0x30; long]),
        &|parts| parts.collateral.pck_crl = tlv(0x30, &tlv(0x30, &[0x30, 0].repeat(long / 2))),
        &|parts| parts.collateral.tcb_info = "[".repeat(long),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut parts = genuine.clone();
        change(&mut parts);
        let started = Instant::now();
        assert!(verifiers.verify(&parts).is_err(), "change {number}");
        // A bound that nothing honest comes near: what is quadratic takes hours.
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "change {number}"
        );
    }
}
