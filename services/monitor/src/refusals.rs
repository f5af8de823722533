//! Refusals of what is too much, and of what has been there before.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Why a request was refused that might have been answered at another time, or why it was seen as
/// one that had been there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No place for another connection, of this address or at all.
    Connections,
    /// No memory for another large body.
    Memory,
    /// Too many requests or orders of one requester.
    Rate,
    /// Too many orders wait.
    Orders,
    /// The store gave no answer.
    Store,
    /// The order's id has been used.
    OrderTaken,
    /// The requester's nonce has been used.
    OrderReplayed,
}

impl Refusal {
    const ALL: [Self; 7] = [
        Self::Connections,
        Self::Memory,
        Self::Rate,
        Self::Orders,
        Self::Store,
        Self::OrderTaken,
        Self::OrderReplayed,
    ];

    const fn label(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Memory => "memory",
            Self::Rate => "rate",
            Self::Orders => "orders",
            Self::Store => "store",
            Self::OrderTaken => "order.taken",
            Self::OrderReplayed => "order.replayed",
        }
    }

    const fn is_replay(self) -> bool {
        matches!(self, Self::OrderTaken | Self::OrderReplayed)
    }
}

/// See the module.
pub(crate) struct Refusals([Counter; Refusal::ALL.len()]);

impl Refusals {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let busy = Family::<[(&str, &str); 1], Counter>::default();
        registry.register(
            "busy_refusals",
            "Refusals because there was too much of something, by what",
            busy.clone(),
        );
        let replays = Family::<[(&str, &str); 1], Counter>::default();
        registry.register(
            "replays_refused",
            "Orders refused because their id or nonce has been used",
            replays.clone(),
        );
        Self(Refusal::ALL.map(|refusal| {
            let family = if refusal.is_replay() { &replays } else { &busy };
            family.get_or_create_owned(&[("reason", refusal.label())])
        }))
    }

    pub(crate) fn count(&self, refusal: Refusal) {
        let at = Refusal::ALL.iter().position(|one| *one == refusal);
        if let Some(counter) = at.and_then(|at| self.0.get(at)) {
            counter.inc();
        }
    }
}
