//! Keeping what was verified, so that the next quote of the same platform costs two signatures.

use alloc::collections::BTreeMap;
use core::num::NonZeroUsize;

use sgx::quote::Quote;

use crate::chain::Pck;
use crate::collateral::{Collateral, Key};
use crate::verify::{Verified, VerifiedCollateral};
use crate::{Refusal, Time, TrustAnchor, VerifiedQuote};

/// Verified collateral, and verified certificates of platforms, within a bound.
///
/// It can't be poisoned, and it prolongs nothing:
///
/// - Only what a quote was accepted with is kept.
/// - It is kept under a digest of *every* byte that was verified, the trust anchor's too: what
///   differs in one of them is verified on its own. What is revoked is part of that.
/// - Each use asks anew whether everything is in force at its `now`.
/// - Who offers much pushes out what was used longest ago: that costs time, not more memory.
/// - A refusal is not kept.
#[derive(Debug)]
pub struct Cache {
    entries: Recent<Key, Entry>,
}

/// Collateral, and the platforms that quotes under it have come from.
#[derive(Debug)]
struct Entry {
    collateral: VerifiedCollateral,
    /// By the digest of a quote's certification data. They were found under this collateral: not
    /// revoked in its lists, and certified by its CA.
    platforms: Recent<[u8; 32], Pck>,
}

/// So many values at most, those that were used last.
#[derive(Debug)]
struct Recent<K, V> {
    capacity: usize,
    /// Uses so far.
    uses: u64,
    /// Each with its last use.
    values: BTreeMap<K, (u64, V)>,
}

impl Cache {
    /// Platforms that are kept for each collateral.
    pub const PLATFORMS: usize = 256;

    /// A cache of at most so many collaterals. Each takes about as much memory as its text, and some
    /// two kilobytes more for each of up to [`Cache::PLATFORMS`] platforms.
    #[must_use]
    pub const fn new(capacity: NonZeroUsize) -> Self {
        Self {
            entries: Recent::new(capacity.get()),
        }
    }

    /// Does what [`verify`](crate::verify()) does, with the same outcome.
    ///
    /// # Errors
    ///
    /// The first check that fails.
    pub fn verify(
        &mut self,
        quote: &[u8],
        collateral: &Collateral,
        anchor: &TrustAnchor,
        now: Time,
    ) -> Result<VerifiedQuote, Refusal> {
        let quote = Quote::parse(quote)?;
        let key = collateral.key(anchor);
        if let Some(entry) = self.entries.get(&key) {
            return entry.verify(&quote, now);
        }
        let verified = Verified::of(&quote, collateral, anchor, now)?;
        let mut platforms = Recent::new(Self::PLATFORMS);
        platforms.insert(platform_key(&quote), verified.pck);
        self.entries.insert(
            key,
            Entry {
                collateral: verified.collateral,
                platforms,
            },
        );
        Ok(verified.quote)
    }
}

impl Entry {
    fn verify(&mut self, quote: &Quote<'_>, now: Time) -> Result<VerifiedQuote, Refusal> {
        let key = platform_key(quote);
        if let Some(pck) = self.platforms.get(&key) {
            return self.collateral.appraise(quote, pck, now);
        }
        let pck = self.collateral.pck(quote)?;
        let verified = self.collateral.appraise(quote, &pck, now)?;
        self.platforms.insert(key, pck);
        Ok(verified)
    }
}

/// What the certificates in a quote are known by.
fn platform_key(quote: &Quote<'_>) -> [u8; 32] {
    let certification = &quote.signature().certification;
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    digest.update(&certification.kind.number().to_be_bytes());
    digest.update(certification.data);
    let mut key = [0; 32];
    key.copy_from_slice(digest.finish().as_ref());
    key
}

impl<K: Ord + Copy, V> Recent<K, V> {
    const fn new(capacity: usize) -> Self {
        Self {
            capacity,
            uses: 0,
            values: BTreeMap::new(),
        }
    }

    fn get(&mut self, key: &K) -> Option<&mut V> {
        let (used, value) = self.values.get_mut(key)?;
        self.uses += 1;
        *used = self.uses;
        Some(value)
    }

    /// Adds a value, in place of the one that was used longest ago if there are enough. That one is
    /// looked for among all: a verification takes far longer.
    fn insert(&mut self, key: K, value: V) {
        if self.values.len() >= self.capacity
            && let Some(oldest) = self
                .values
                .iter()
                .min_by_key(|(_, (used, _))| *used)
                .map(|(key, _)| *key)
        {
            self.values.remove(&oldest);
        }
        self.uses += 1;
        self.values.insert(key, (self.uses, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let mut recent = Recent::new(2);
        recent.insert(1, 'a');
        recent.insert(2, 'b');
        assert_eq!(recent.get(&1), Some(&mut 'a'));
        recent.insert(3, 'c');
        assert_eq!(recent.get(&2), None);
        assert_eq!(recent.get(&1), Some(&mut 'a'));
        assert_eq!(recent.get(&3), Some(&mut 'c'));
        assert_eq!(recent.values.len(), 2);
    }
}
