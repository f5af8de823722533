//! Nonces: made without keeping them, and used once.
//!
//! A nonce is the time of its making, eight random bytes, and a MAC of both under a key that lives as
//! long as the program. So nobody fills the vault's memory by asking for them: only those that fresh
//! evidence has been given for are kept, until they expire.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use protocol::{Entropy, EntropyFailed};
use ring::hmac;

use super::Error;

/// Used nonces that are remembered at once: some 20 MB, for more than ten times the releases that a vault
/// of many cores makes in a nonce's life.
const MAX_USED: usize = 1 << 18;

/// The vault's nonces since it started.
pub(super) struct Nonces {
    key: hmac::Key,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    nonces: BTreeSet<[u8; 32]>,
    /// In the order of use, each with when it is forgotten.
    order: VecDeque<(Duration, [u8; 32])>,
    /// The latest time that some have been forgotten at.
    latest: Duration,
}

const LIFETIME: Duration = Duration::from_secs(provision::NONCE_LIFETIME);

impl Nonces {
    pub(super) fn new(entropy: &dyn Entropy) -> Result<Self, EntropyFailed> {
        let key: [u8; 32] = entropy.bytes()?;
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            used: Mutex::default(),
        })
    }

    /// A fresh one. `elapsed` is the time since the program started.
    pub(super) fn make(
        &self,
        entropy: &dyn Entropy,
        elapsed: Duration,
    ) -> Result<[u8; 32], EntropyFailed> {
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let random: [u8; 8] = entropy.bytes()?;
        let mut nonce = [0; 32];
        nonce[..8].copy_from_slice(&millis.to_be_bytes());
        nonce[8..16].copy_from_slice(&random);
        let tag = hmac::sign(&self.key, &nonce[..16]);
        nonce[16..].copy_from_slice(&tag.as_ref()[..16]);
        Ok(nonce)
    }

    /// That the nonce is one of these, young enough, and not used.
    pub(super) fn check(&self, nonce: &[u8; 32], elapsed: Duration) -> Result<(), Error> {
        self.expiry(nonce, elapsed)?;
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.nonces.contains(nonce) {
            return Err(Error::NonceUsed);
        }
        Ok(())
    }

    /// Uses it: of all calls with the same nonce only one succeeds.
    pub(super) fn spend(&self, nonce: &[u8; 32], elapsed: Duration) -> Result<(), Error> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        // A request that others have overtaken comes with an earlier time: what they forgot has expired for it, too.
        let elapsed = elapsed.max(used.latest);
        let expiry = self.expiry(nonce, elapsed)?;
        used.forget(elapsed);
        // When too many are remembered, none is forgotten too early: the vault gives nothing for a while.
        if used.nonces.len() >= MAX_USED {
            return Err(Error::NonceStale(provision::NONCE_LIFETIME));
        }
        if !used.nonces.insert(*nonce) {
            return Err(Error::NonceUsed);
        }
        used.order.push_back((expiry, *nonce));
        Ok(())
    }

    /// When it expires.
    fn expiry(&self, nonce: &[u8; 32], elapsed: Duration) -> Result<Duration, Error> {
        let stale = Error::NonceStale(provision::NONCE_LIFETIME);
        let tag = hmac::sign(&self.key, &nonce[..16]);
        let same = subtle::ConstantTimeEq::ct_eq(&tag.as_ref()[..16], &nonce[16..]);
        let mut millis = [0; 8];
        millis.copy_from_slice(&nonce[..8]);
        let made = Duration::from_millis(u64::from_be_bytes(millis));
        let expiry = made.saturating_add(LIFETIME);
        if !bool::from(same) || elapsed > expiry {
            return Err(stale);
        }
        Ok(expiry)
    }
}

impl Used {
    /// Forgets those that have expired. They stand in the order of use, which is not quite that of expiry: the
    /// first that has not expired keeps those behind it for a lifetime at most.
    fn forget(&mut self, elapsed: Duration) {
        self.latest = elapsed;
        while let Some((expiry, nonce)) = self.order.front()
            && *expiry < elapsed
        {
            self.nonces.remove(nonce);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::SystemEntropy;

    use super::*;

    const START: Duration = Duration::from_secs(100);

    fn nonces() -> Nonces {
        Nonces::new(&SystemEntropy::new()).unwrap()
    }

    #[test]
    fn a_nonce_is_used_once() {
        let nonces = nonces();
        let nonce = nonces.make(&SystemEntropy::new(), START).unwrap();
        assert_eq!(nonces.check(&nonce, START), Ok(()));
        assert_eq!(nonces.spend(&nonce, START), Ok(()));
        assert_eq!(nonces.check(&nonce, START), Err(Error::NonceUsed));
        assert_eq!(
            nonces.spend(&nonce, START + LIFETIME),
            Err(Error::NonceUsed)
        );
    }

    #[test]
    fn a_nonce_does_not_live_for_longer_than_its_lifetime() {
        let nonces = nonces();
        let nonce = nonces.make(&SystemEntropy::new(), START).unwrap();
        assert_eq!(nonces.check(&nonce, START + LIFETIME), Ok(()));
        let late = START + LIFETIME + Duration::from_millis(1);
        assert_eq!(
            nonces.check(&nonce, late).unwrap_err().code(),
            "cas.nonce-stale"
        );
        assert_eq!(
            nonces.spend(&nonce, late).unwrap_err().code(),
            "cas.nonce-stale"
        );
    }

    #[test]
    fn nonces_of_another_start_and_made_up_ones_are_stale() {
        let ours = nonces();
        let nonce = nonces().make(&SystemEntropy::new(), START).unwrap();
        assert_eq!(
            ours.check(&nonce, START).unwrap_err().code(),
            "cas.nonce-stale"
        );
        let mut nonce = ours.make(&SystemEntropy::new(), START).unwrap();
        for byte in 0..32 {
            nonce[byte] ^= 1;
            assert!(ours.check(&nonce, START).is_err(), "{byte}");
            nonce[byte] ^= 1;
        }
        assert_eq!(ours.check(&nonce, START), Ok(()));
    }

    #[test]
    fn used_ones_are_forgotten_when_they_have_expired() {
        let nonces = nonces();
        for second in 0..1000 {
            let now = Duration::from_secs(second);
            let nonce = nonces.make(&SystemEntropy::new(), now).unwrap();
            nonces.spend(&nonce, now).unwrap();
        }
        let kept = nonces.used.lock().unwrap().nonces.len();
        assert!(kept as u64 <= provision::NONCE_LIFETIME + 2, "{kept}");
    }

    #[test]
    fn a_used_one_is_not_used_again_by_a_request_that_was_overtaken() {
        let nonces = nonces();
        let entropy = SystemEntropy::new();
        let nonce = nonces.make(&entropy, START).unwrap();
        let other = nonces.make(&entropy, START + LIFETIME).unwrap();
        let second = Duration::from_secs(1);
        nonces.spend(&nonce, START).unwrap();
        // The clock is read before the journal is waited for: whoever comes later may be done earlier.
        nonces.spend(&other, START + LIFETIME + second).unwrap();
        assert!(nonces.spend(&nonce, START + LIFETIME - second).is_err());
    }

    #[test]
    fn one_of_many_uses_at_once_succeeds() {
        let nonces = nonces();
        let nonce = nonces.make(&SystemEntropy::new(), START).unwrap();
        let good = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| nonces.spend(&nonce, START).is_ok()))
                .collect();
            threads
                .into_iter()
                .filter(|_| true)
                .map(|thread| thread.join().unwrap())
                .filter(|ok| *ok)
                .count()
        });
        assert_eq!(good, 1);
    }
}
