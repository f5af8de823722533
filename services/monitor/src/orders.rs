//! Orders: accepted, tried, ended.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use protocol::Reason;

use crate::latency::histogram;

/// What an order ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A result.
    Result,
    /// An error, with its reason; a worker of another make may have given none.
    Error(Option<Reason>),
}

/// How an attempt at an order came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The lease ran out, or somebody else holds the order.
    Lease,
    /// The process was lost while it had the order.
    Process,
    /// The worker's answer made no sense.
    Answer,
    /// The worker never began.
    NotBegun,
}

impl Ended {
    /// `ok`, the reason's code, or `other`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Result => OK,
            Self::Error(Some(reason)) => reason.code(),
            Self::Error(None) => OTHER,
        }
    }
}

const OK: &str = "ok";
const OTHER: &str = "other";

impl Loss {
    const ALL: [Self; 4] = [Self::Lease, Self::Process, Self::Answer, Self::NotBegun];

    const fn label(self) -> &'static str {
        match self {
            Self::Lease => "lease",
            Self::Process => "process",
            Self::Answer => "answer",
            Self::NotBegun => "not_begun",
        }
    }
}

/// See the module.
pub(crate) struct Orders {
    accepted: Counter,
    submit: Histogram,
    sync_submit: Histogram,
    ok: Counter,
    other: Counter,
    failed: Vec<(Reason, Counter)>,
    order: Histogram,
    attempt: Histogram,
    lost: [Counter; Loss::ALL.len()],
}

impl Orders {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let accepted = Counter::default();
        registry.register(
            "orders_accepted",
            "Orders that were accepted",
            accepted.clone(),
        );
        let ended = Family::<[(&str, &str); 1], Counter>::default();
        registry.register(
            "orders_ended",
            "Orders that ended, by what they ended with: ok, or the reason",
            ended.clone(),
        );
        let outcome = |label| ended.get_or_create_owned(&[("outcome", label)]);
        let lost = Family::<[(&str, &str); 1], Counter>::default();
        registry.register(
            "attempts_lost",
            "Attempts at orders that came to nothing, by why",
            lost.clone(),
        );
        let mut latency = |name, help| {
            let histogram = histogram();
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
            histogram
        };
        Self {
            submit: latency(
                "submit",
                "From reading a submit to the order being safe on disk",
            ),
            sync_submit: latency(
                "sync_submit",
                "From reading a submit to its reply, where the listener waits for results",
            ),
            order: latency("order", "From accepting an order to its end"),
            attempt: latency("attempt", "From handing an order to a worker to its answer"),
            accepted,
            ok: outcome(OK),
            other: outcome(OTHER),
            failed: Reason::ALL
                .iter()
                .filter(|reason| may_end(**reason))
                .map(|reason| (*reason, outcome(reason.code())))
                .collect(),
            lost: Loss::ALL.map(|loss| lost.get_or_create_owned(&[("reason", loss.label())])),
        }
    }

    pub(crate) fn accepted(&self, took: Duration) {
        self.accepted.inc();
        self.submit.observe(took.as_secs_f64());
    }

    pub(crate) fn sync_submitted(&self, took: Duration) {
        self.sync_submit.observe(took.as_secs_f64());
    }

    pub(crate) fn attempted(&self, took: Duration) {
        self.attempt.observe(took.as_secs_f64());
    }

    pub(crate) fn lost(&self, loss: Loss) {
        let at = Loss::ALL.iter().position(|one| *one == loss);
        if let Some(counter) = at.and_then(|at| self.lost.get(at)) {
            counter.inc();
        }
    }

    pub(crate) fn ended(&self, how: Ended, orders: u64, age: Option<Duration>) {
        let counter = match how {
            Ended::Result => &self.ok,
            Ended::Error(reason) => {
                let mut failed = self.failed.iter();
                let known = reason.and_then(|reason| failed.find(|(one, _)| *one == reason));
                known.map_or(&self.other, |(_, counter)| counter)
            }
        };
        counter.inc_by(orders);
        if let Some(age) = age {
            self.order.observe(age.as_secs_f64());
        }
    }
}

/// What [`Reason::ends_the_order`] says, and what the manager ends orders with beside.
fn may_end(reason: Reason) -> bool {
    reason.ends_the_order() || matches!(reason, Reason::WorkerUnknown | Reason::Internal)
}
