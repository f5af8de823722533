use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use protocol::Reason;
use protocol::methods::Method;

use crate::orders::Orders;
use crate::readiness::Checks;
use crate::refusals::Refusals;
use crate::requests::Requests;
use crate::sources::{Sources, WorkerSeen};
use crate::store_file::Commits;
use crate::{Connection, Ended, Loss, Readiness, Refusal, process, scrape};

/// What is counted and looked up of a platform. Clones are the same monitor.
#[derive(Clone)]
pub struct Monitor(Arc<Inner>);

struct Inner {
    registry: Registry,
    orders: Orders,
    requests: Requests,
    refusals: Refusals,
    commits: Commits,
    sources: Sources,
    checks: Checks,
    started: f64,
}

/// The content type of [`Monitor::metrics`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Monitor {
    /// A monitor that has seen nothing. Make it when the process starts.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("sconce");
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "The release that runs", Info::new(version));
        Self(Arc::new(Inner {
            orders: Orders::register(&mut registry),
            requests: Requests::register(&mut registry),
            refusals: Refusals::register(&mut registry),
            commits: Commits::register(&mut registry),
            sources: Sources::default(),
            checks: Checks::default(),
            started: process::now(),
            registry,
        }))
    }

    /// An order was accepted, so long after its submit was read.
    pub fn accepted(&self, took: Duration) {
        self.0.orders.accepted(took);
    }

    /// A submit that waits for the result was answered, so long after it was read.
    pub fn sync_submitted(&self, took: Duration) {
        self.0.orders.sync_submitted(took);
    }

    /// A worker answered an order, so long after it was handed to it.
    pub fn attempted(&self, took: Duration) {
        self.0.orders.attempted(took);
    }

    /// An attempt at an order came to nothing.
    pub fn lost(&self, loss: Loss) {
        self.0.orders.lost(loss);
    }

    /// An order ended, so long after it was accepted.
    pub fn ended(&self, how: Ended, age: Duration) {
        self.0.orders.ended(how, 1, Some(age));
    }

    /// So many orders ended that nobody took.
    pub fn expired(&self, reason: Reason, orders: u64) {
        self.0
            .orders
            .ended(Ended::Error(Some(reason)), orders, None);
    }

    /// Somebody is connected until what this gives is dropped.
    pub fn connected(&self) -> Connection {
        self.0.requests.connected()
    }

    /// A request was answered; neither `method` nor `error` if it had none.
    pub fn answered(&self, method: Option<Method>, error: Option<Reason>) {
        self.0.requests.answered(method, error);
    }

    /// Something was refused.
    pub fn refused(&self, refusal: Refusal) {
        self.0.refusals.count(refusal);
    }

    /// The store committed so many operations.
    pub fn committed(&self, operations: usize, took: Duration) {
        self.0.commits.count(operations, took);
    }

    /// Looks up from now on how many orders there are, whether the store takes writes, and how
    /// large its file is, if it has one.
    pub fn watch_store(
        &self,
        orders: Arc<dyn store::Orders>,
        table: Arc<dyn store::Table>,
        file: Option<&Path>,
    ) {
        self.0.sources.change(|known| {
            known.orders = Some(orders);
            known.table = Some(table);
            known.file = file.map(Path::to_owned);
        });
    }

    /// Looks up from now on which workers there are.
    pub fn watch_workers(&self, workers: impl Fn() -> Vec<WorkerSeen> + Send + Sync + 'static) {
        let workers = Arc::new(workers);
        self.0.sources.change(|known| known.workers = Some(workers));
    }

    /// Every metric as text in the format of OpenMetrics 1.0, with [`CONTENT_TYPE`].
    pub async fn metrics(&self) -> String {
        let platform = scrape::of_platform(&self.0.sources.now()).await;
        let process = scrape::of_process(self.0.started);
        let mut text = String::with_capacity(16 << 10);
        for registry in [&self.0.registry, &platform, &process] {
            // Writing to a string can't fail.
            let _infallible = encode_registry(&mut text, registry);
        }
        let _infallible = encode_eof(&mut text);
        text
    }

    /// Whether everything is there that an order needs. It writes to the store, once in a second
    /// at most.
    pub async fn readiness(&self) -> Readiness {
        self.0.checks.look(&self.0.sources.now()).await
    }
}

impl Default for Monitor {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").finish_non_exhaustive()
    }
}
