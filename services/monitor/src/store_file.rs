//! The store's commits and its size.

use std::path::Path;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::latency::histogram;

/// See the module.
pub(crate) struct Commits {
    took: Histogram,
    operations: Counter,
}

impl Commits {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let commits = Self {
            took: histogram(),
            operations: Counter::default(),
        };
        registry.register_with_unit(
            "store_commit",
            "Commits of the store, until they are safe on disk",
            Unit::Seconds,
            commits.took.clone(),
        );
        registry.register(
            "store_operations",
            "Operations in those commits",
            commits.operations.clone(),
        );
        commits
    }

    pub(crate) fn count(&self, operations: usize, took: Duration) {
        self.took.observe(took.as_secs_f64());
        self.operations
            .inc_by(u64::try_from(operations).unwrap_or(u64::MAX));
    }
}

/// The file's size in bytes, if it can be found out.
pub(crate) fn size(file: &Path) -> Option<i64> {
    let size = std::fs::metadata(file).ok()?.len();
    i64::try_from(size).ok()
}
