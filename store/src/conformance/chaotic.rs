//! A bad connection to a good engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use super::between::{Between, Call, Fate, Meddler};
use super::{Factory, Handle, Limits, Store};
#[expect(unused_imports, reason = "for the documentation")]
use crate::Capabilities;

/// Wraps a [`Factory`] so that its stores behave as badly as the interfaces allow.
///
/// Wake-ups never arrive: whoever waits has to look again each [`Capabilities::poll`]. Calls that
/// are idempotent are performed twice, as if a network had doubled them. If it is
/// [`forgetful`](Self::forgetful), answers get lost as well: the call is performed, and its caller
/// learns [`Error::Unknown`](crate::Error::Unknown). What happens to which call follows from a seed.
pub struct Chaotic<F> {
    factory: F,
    seed: u64,
    forgetful: bool,
}

impl<F: Factory> Chaotic<F> {
    /// Doubles calls and drops wake-ups. The whole suite has to pass.
    pub fn doubling(factory: F, seed: u64) -> Self {
        Self {
            factory,
            seed,
            forgetful: false,
        }
    }

    /// Loses answers too. [`every_order_ends_once`](super::every_order_ends_once) has to pass;
    /// other cases say exactly what the answer has to be, which nobody can who did not get it.
    pub fn forgetful(factory: F, seed: u64) -> Self {
        Self {
            factory,
            seed,
            forgetful: true,
        }
    }
}

#[async_trait]
impl<F: Factory> Factory for Chaotic<F> {
    async fn create(&self, limits: Limits) -> Box<dyn Store> {
        Box::new(ChaoticStore {
            store: self.factory.create(limits).await,
            luck: Arc::new(AtomicU64::new(self.seed)),
            forgetful: self.forgetful,
        })
    }
}

struct ChaoticStore {
    store: Box<dyn Store>,
    luck: Arc<AtomicU64>,
    forgetful: bool,
}

#[async_trait]
impl Store for ChaoticStore {
    async fn open(&self) -> Handle {
        let luck = Luck {
            state: Arc::clone(&self.luck),
            forgetful: self.forgetful,
        };
        let handle = Arc::new(Between::new(self.store.open().await, luck));
        Handle {
            orders: handle.clone(),
            table: handle,
        }
    }
}

/// Decides by chance.
struct Luck {
    state: Arc<AtomicU64>,
    forgetful: bool,
}

impl Luck {
    /// True one time in `odds`.
    fn strikes(&self, odds: u64) -> bool {
        // splitmix64: a number for each call, whoever makes it.
        let step = 0x9e37_79b9_7f4a_7c15;
        let mut word = self.state.fetch_add(step, Ordering::Relaxed);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)).is_multiple_of(odds)
    }
}

impl Meddler for Luck {
    fn fate(&self, call: Call) -> Fate {
        let doubled = call.is_doubled_unseen() && self.strikes(2);
        let lost = self.forgetful && self.strikes(4);
        let fate = if lost {
            Fate::answer_lost()
        } else {
            Fate::GOOD
        };
        Fate {
            times: 1 + usize::from(doubled),
            ..fate
        }
    }

    fn wakes(&self) -> bool {
        false
    }
}
