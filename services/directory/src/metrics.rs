//! What goes on, for Prometheus.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The content type of the text.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    times: Histogram,
    pub(crate) connections: Gauge,
    pub(crate) vrf_proofs: Counter,
    pub(crate) waiting: Gauge,
    epoch: Gauge,
    pub(crate) applied: Counter,
    pub(crate) dropped: Counter,
    seals: Histogram,
    pub(crate) unwitnessed: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: &'static str,
    status: u16,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut this = Self {
            registry: Registry::with_prefix("sconce_directory"),
            requests: Family::default(),
            times: Histogram::new(exponential_buckets(0.000_1, 2.0, 16)),
            connections: Gauge::default(),
            vrf_proofs: Counter::default(),
            waiting: Gauge::default(),
            epoch: Gauge::default(),
            applied: Counter::default(),
            dropped: Counter::default(),
            seals: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            unwitnessed: Counter::default(),
        };
        this.register();
        this
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("requests", "Requests answered", self.requests.clone());
        let times = "Time from a request's head to its answer";
        r.register_with_unit("request", times, Unit::Seconds, self.times.clone());
        r.register(
            "connections",
            "Connections that are open",
            self.connections.clone(),
        );
        let proofs = "VRF proofs computed, one for each user never asked for before";
        r.register("vrf_proofs", proofs, self.vrf_proofs.clone());
        r.register(
            "waiting",
            "Updates that wait for an epoch",
            self.waiting.clone(),
        );
        r.register("epoch", "The newest published epoch", self.epoch.clone());
        r.register("applied", "Updates applied", self.applied.clone());
        let dropped = "Updates that no longer applied when their epoch came";
        r.register("dropped", dropped, self.dropped.clone());
        let seals = "Time to make an epoch, without witnesses";
        r.register_with_unit("seal", seals, Unit::Seconds, self.seals.clone());
        let unwitnessed = "Times that too few witnesses cosigned a checkpoint";
        r.register("unwitnessed", unwitnessed, self.unwitnessed.clone());
    }

    pub(crate) fn answered(&self, route: &'static str, status: u16, took: Duration) {
        self.requests
            .get_or_create(&Answered { route, status })
            .inc();
        self.times.observe(took.as_secs_f64());
    }

    pub(crate) fn show_epoch(&self, epoch: u64) {
        self.epoch.set(i64::try_from(epoch).unwrap_or(i64::MAX));
    }

    pub(crate) fn sealed(&self, took: Duration) {
        self.seals.observe(took.as_secs_f64());
    }

    /// All of it, in the text format of OpenMetrics.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string can't fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
