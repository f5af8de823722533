//! A manager whose times are short.

#![allow(clippy::unwrap_used, reason = "shared by several tests")]

use std::time::Duration;

use sconce_manager::{Manager, ManagerConfig};

use crate::support::{Store, token, until};

/// Everything happens soon.
pub(crate) fn config() -> ManagerConfig {
    let mut config = ManagerConfig::new(token());
    config.timing.alive = Duration::from_millis(500);
    config.timing.claim = Duration::from_millis(100);
    config.timing.sweep = Duration::from_millis(50);
    config.timing.drain = Duration::from_millis(300);
    config
}

pub(crate) fn start(config: ManagerConfig, store: &Store) -> Manager {
    Manager::start(config, store.orders(), store.registry.clone()).unwrap()
}

/// Waits until so many processes are there.
pub(crate) async fn joined(manager: &Manager, processes: usize) {
    until(async || {
        let status = manager.status().await.unwrap();
        let found = status.workers.iter().map(|worker| worker.processes.len());
        found.sum::<usize>() == processes
    })
    .await;
}
