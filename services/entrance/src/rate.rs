//! How often the same one may come: token buckets in a table that never grows.
//!
//! A bucket is one number, the moment at which it is full again (the generic cell rate algorithm of
//! ITU-T I.371). A bucket that is full says nothing, so its place is free: entries expire by
//! themselves. Whoever invents names fills places that are free again after one interval of the
//! rate, and displaces at most those who owe least.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::Allowance;

/// Buckets of one allowance, one for each name.
pub struct Buckets {
    /// Nanoseconds between two at the average rate; without it everything is allowed.
    interval: Option<u64>,
    /// Nanoseconds of the average rate that may be spent at once.
    burst: u64,
    /// Keyed with a secret of this process, so that nobody can choose whom to displace.
    hasher: RandomState,
    epoch: Instant,
    table: Mutex<Box<[Set]>>,
}

/// Places that a name may have.
type Set = [Bucket; WAYS];

/// 16 bytes.
#[derive(Clone, Copy, Default)]
struct Bucket {
    name: u64,
    /// When it is full again, in nanoseconds since the epoch.
    full_at: u64,
}

const WAYS: usize = 8;

/// With [`WAYS`] places of 16 bytes: 512 KiB for 32 768 names.
const SETS: usize = 4096;

impl Buckets {
    /// Buckets that are full.
    pub fn new(allowance: Allowance) -> Self {
        let interval = allowance.rate.map(|rate| {
            let interval = rate.per.as_nanos() / u128::from(rate.times.get());
            u64::try_from(interval).unwrap_or(u64::MAX).max(1)
        });
        // Nothing is looked up where everything is allowed.
        let sets = if interval.is_some() { SETS } else { 0 };
        Self {
            interval,
            burst: interval
                .unwrap_or(0)
                .saturating_mul(allowance.burst.get().into()),
            hasher: RandomState::new(),
            epoch: Instant::now(),
            table: Mutex::new(vec![[Bucket::default(); WAYS]; sets].into()),
        }
    }

    /// Takes one from the bucket of this name; if it's empty, says when there is one.
    ///
    /// # Errors
    ///
    /// How long to wait for the next.
    pub fn take(&self, name: &(impl Hash + ?Sized)) -> Result<(), Duration> {
        if self.interval.is_none() {
            return Ok(());
        }
        self.take_at(self.hasher.hash_one(name), self.epoch.elapsed())
    }

    fn take_at(&self, name: u64, now: Duration) -> Result<(), Duration> {
        let Some(interval) = self.interval else {
            return Ok(());
        };
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        // The set is chosen by other bits than those that most names in it differ in.
        let set = usize::try_from(name >> 32).unwrap_or(0) % table.len();
        let bucket = place(&mut table[set], name, now);
        let full_at = bucket.full_at.max(now).saturating_add(interval);
        match (full_at - now).checked_sub(self.burst) {
            None | Some(0) => {
                *bucket = Bucket { name, full_at };
                Ok(())
            }
            Some(missing) => Err(Duration::from_nanos(missing)),
        }
    }
}

/// The place of this name; else one that is free, or that of the bucket that lacks least.
fn place(set: &mut Set, name: u64, now: u64) -> &mut Bucket {
    let own = set.iter().position(|one| one.name == name);
    let at = own.unwrap_or_else(|| {
        let full_at = |at: &usize| set[*at].full_at;
        (0..WAYS).min_by_key(full_at).unwrap_or(0)
    });
    let bucket = &mut set[at];
    if own.is_none() {
        *bucket = Bucket { name, full_at: now };
    }
    bucket
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::limits::Rate;

    fn buckets(times: u32, burst: u32) -> Buckets {
        Buckets::new(Allowance {
            rate: Some(Rate::per_second(NonZeroU32::new(times).unwrap())),
            burst: NonZeroU32::new(burst).unwrap(),
        })
    }

    const fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let buckets = buckets(10, 3);
        for _ in 0..3 {
            assert_eq!(buckets.take_at(7, at(0)), Ok(()));
        }
        assert_eq!(buckets.take_at(7, at(0)), Err(at(100)));
        // Asking costs nothing.
        assert_eq!(buckets.take_at(7, at(40)), Err(at(60)));
        assert_eq!(buckets.take_at(7, at(100)), Ok(()));
        assert_eq!(buckets.take_at(7, at(100)), Err(at(100)));
        // Others have their own, and after a while it's full again, and no fuller.
        assert_eq!(buckets.take_at(8, at(100)), Ok(()));
        for _ in 0..3 {
            assert_eq!(buckets.take_at(7, at(60_000)), Ok(()));
        }
        assert!(buckets.take_at(7, at(60_000)).is_err());
    }

    #[test]
    fn without_a_rate_all_may_come() {
        let buckets = Buckets::new(Allowance {
            rate: None,
            burst: NonZeroU32::MIN,
        });
        assert!((0..1000).all(|_| buckets.take("x").is_ok()));
        assert!(buckets.table.lock().unwrap().is_empty());
    }

    #[test]
    fn inventing_names_displaces_nobody_who_owes_much() {
        let buckets = buckets(1, 1000);
        let debtor = 0xdead_beef_0000_0001;
        assert!((0..1000).all(|_| buckets.take_at(debtor, at(0)).is_ok()));
        assert!(buckets.take_at(debtor, at(0)).is_err());
        for invented in 0..500_000_u64 {
            let name = buckets.hasher.hash_one(invented);
            assert_eq!(buckets.take_at(name, at(1)), Ok(()));
        }
        assert!(buckets.take_at(debtor, at(2)).is_err());
        let size = size_of::<Bucket>() * WAYS * SETS;
        assert_eq!(
            (size, buckets.table.lock().unwrap().len()),
            (512 << 10, SETS)
        );
    }
}
