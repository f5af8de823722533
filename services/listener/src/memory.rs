//! Memory for bodies and answers: how much there is, and how much of it one source may take.
//!
//! A body waits until there is room, and an answer does without: it's there already. So a part is
//! kept from bodies, altogether and in each share, and whoever sends can't silence who answers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;

/// Bytes of each that don't count, so that small requests get through while large ones hold the
/// budget. The number of connections bounds what they take.
pub(crate) const FREE: usize = 64 << 10;

/// What bodies and answers longer than [`FREE`] may take together.
pub(crate) struct Budget {
    limits: Limits,
    all: Arc<Pool>,
    /// What those take who have a share of their own.
    shares: Mutex<HashMap<IpAddr, Weak<Pool>>>,
}

/// What one source may take of it.
#[derive(Clone, Copy)]
pub(crate) struct Share<'a> {
    budget: &'a Budget,
    source: IpAddr,
}

/// What something takes of the budget, given back when dropped.
#[derive(Default)]
pub(crate) struct Held {
    bytes: usize,
    permits: Vec<OwnedSemaphorePermit>,
    /// Kept for as long as something is taken of it.
    own: Option<Arc<Pool>>,
}

/// So many bytes, and how many of them bodies may have.
struct Pool {
    all: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            all: Arc::new(Pool::new(limits.memory, limits)),
            shares: Mutex::default(),
        }
    }

    pub(crate) fn of(&self, source: IpAddr) -> Share<'_> {
        let budget = self;
        Share { budget, source }
    }
}

impl Share<'_> {
    /// Memory for an answer of this length, if there is any.
    pub(crate) fn hold(self, length: usize) -> Option<Held> {
        let counted = length.saturating_sub(FREE);
        if counted == 0 {
            return Some(Held::default());
        }
        let permits = u32::try_from(counted).ok()?;
        let own = self.own();
        let pools = own.iter().chain([&self.budget.all]);
        let taken = pools.map(|pool| Arc::clone(&pool.all).try_acquire_many_owned(permits));
        Some(Held {
            bytes: counted,
            permits: taken.collect::<Result<_, _>>().ok()?,
            own,
        })
    }

    /// Takes what a body of this length needs beyond what it has, as soon as it is there.
    pub(crate) async fn extend(self, held: &mut Held, length: usize) {
        let counted = length.saturating_sub(FREE);
        let more = counted.saturating_sub(held.bytes);
        if more == 0 {
            return;
        }
        let permits = u32::try_from(more).unwrap_or(u32::MAX);
        let own = self.own();
        for pool in own.iter().chain([&self.budget.all]) {
            // In this order: who waits for the second has no more of it than bodies may have.
            for part in [&pool.bodies, &pool.all] {
                // It is never closed.
                held.permits
                    .extend(Arc::clone(part).acquire_many_owned(permits).await);
            }
        }
        held.bytes = counted;
        held.own = own;
    }

    /// The source's own share, unless that is everything.
    fn own(self) -> Option<Arc<Pool>> {
        let limits = &self.budget.limits;
        let percent = if self.source.is_loopback() {
            limits.memory_share_of_loopback
        } else {
            limits.memory_share_of_address
        };
        if percent >= 100 {
            return None;
        }
        let shares = self.budget.shares.lock();
        let mut shares = shares.unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = shares.get(&self.source).and_then(Weak::upgrade) {
            return Some(own);
        }
        let bytes = limits.memory / 100 * usize::from(percent);
        let own = Arc::new(Pool::new(bytes.max(limits.body).min(limits.memory), limits));
        // No more are left than there are connections.
        shares.retain(|_, share| share.strong_count() > 0);
        shares.insert(self.source, Arc::downgrade(&own));
        Some(own)
    }
}

impl Pool {
    /// Bodies may have three quarters, or as much as one of them needs.
    fn new(bytes: usize, limits: &Limits) -> Self {
        let bodies = (bytes - bytes / 4).max(limits.body.min(bytes));
        let semaphore = |bytes: usize| Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS)));
        Self {
            all: semaphore(bytes),
            bodies: semaphore(bodies),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn shares_are_given_back_and_forgotten() {
        let budget = Budget::new(&Limits {
            memory: 8 * MIB,
            body: MIB,
            ..Limits::default()
        });
        let share = |address: &str| budget.of(address.parse().unwrap());
        let (one, other) = (share("192.0.2.1"), share("192.0.2.2"));
        assert!(one.hold(5 * MIB).is_none());
        let held = one.hold(3 * MIB).unwrap();
        assert!(one.hold(2 * MIB).is_none());
        assert!(one.hold(FREE).is_some());
        assert!(other.hold(3 * MIB).is_some());
        assert!(share("127.0.0.1").hold(5 * MIB).is_some());
        drop(held);
        assert!(one.hold(3 * MIB).is_some());
        let last = share("192.0.2.3").hold(MIB);
        assert!(last.is_some());
        assert_eq!(budget.shares.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn bodies_leave_room_for_answers() {
        let budget = Budget::new(&Limits {
            memory: 8 * MIB,
            body: MIB,
            ..Limits::default()
        });
        let near = budget.of("127.0.0.1".parse().unwrap());
        let mut bodies = Held::default();
        near.extend(&mut bodies, 6 * MIB).await;
        let mut waiting = Held::default();
        let wait = near.extend(&mut waiting, MIB);
        let waited = tokio::time::timeout(std::time::Duration::from_millis(20), wait).await;
        assert!(waited.is_err());
        let answer = near.hold(2 * MIB);
        assert!(answer.is_some());
        drop(bodies);
        let mut bodies = Held::default();
        near.extend(&mut bodies, 6 * MIB).await;
    }
}
