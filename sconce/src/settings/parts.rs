//! The settings as each part of a platform takes them.

use std::path::Path;

use listener::{ListenerConfig, Mode as Answering, TlsFiles};
use manager::{ManagerConfig, StaticWorker};
use monitor::Monitor;
use protocol::token::Token;

use super::{Settings, WorkersSettings, units};
use crate::platform::Mode;

impl Settings {
    /// What the listener is to know.
    pub(crate) fn for_listener(&self, token: Token, monitor: Monitor) -> ListenerConfig {
        let of = &self.listener;
        let files = self.tls.certificate.clone().zip(self.tls.key.clone());
        ListenerConfig {
            address: of.address,
            tls: files.map(|(certificate, key)| TlsFiles { certificate, key }),
            mode: match of.mode {
                Mode::Async => Answering::Async,
                Mode::Sync => Answering::Sync {
                    longest: of.sync_wait,
                },
            },
            result_wait: of.result_wait,
            operator_token: Some(token),
            limits: self.limits,
            drain: of.drain,
            receipt_retention: self.orders.receipts,
            metrics: self.metrics,
            monitor,
        }
    }

    /// What the manager is to know.
    pub(crate) fn for_manager(&self, token: Token, monitor: Monitor) -> ManagerConfig {
        let mut config = ManagerConfig::new(token);
        if let Some(endpoint) = &self.manager.endpoint {
            config.bind.clone_from(endpoint);
        }
        config.workers.clone_from(&self.workers.elsewhere);
        config.max_processes = self.manager.processes;
        config.max_attempts = self.orders.attempts;
        config.max_lost_alone = self.orders.lost_alone;
        config.time_to_live = self.orders.time_to_live;
        config.retention = self.orders.retention;
        config.mark_overlap = self.orders.mark_overlap;
        config.timing = self.leases;
        config.monitor = monitor;
        config
    }

    /// What the directory is to know that keeps its things in this data folder, if there is to be one.
    pub(crate) fn for_directory(&self, data: &Path) -> Option<directory::Config> {
        let of = &self.directory;
        let mut config = directory::Config::new(data);
        config.address = of.address.filter(|_| self.wants_vault())?;
        config.realm.clone_from(&of.realm);
        config.epoch = of.epoch;
        config.heartbeat = of.heartbeat;
        config.retention = of.retention;
        config.witnesses.threshold = of.witness_threshold;
        config.witnesses.list.clone_from(&of.witnesses);
        config.auditors.threshold = of.auditor_threshold;
        config.drain = self.listener.drain;
        Some(config)
    }

    /// Settings that are each possible and not together: their keys, and what is wrong.
    pub(super) fn contradictions(&self) -> impl Iterator<Item = (Vec<&'static str>, String)> {
        let body = u64::try_from(self.limits.body).unwrap_or(u64::MAX);
        let memory = u64::try_from(self.limits.memory).unwrap_or(u64::MAX);
        let too_small = |what: &str, bytes: u64| {
            (bytes < body).then(|| {
                let (bytes, body) = (units::size(bytes), units::size(body));
                format!("{what} of {bytes} has no room for a body of limits.body, {body}")
            })
        };
        let missing = |has: bool, lacks: bool, what: &str| {
            (has && lacks).then(|| format!("give {what} as well, or neither"))
        };
        let (certificate, key) = (self.tls.certificate.is_some(), self.tls.key.is_some());
        let workers = &self.workers;
        let nobody = workers.count == 0
            && workers.names.is_empty()
            && workers.elsewhere.is_empty()
            && self.manager.endpoint.is_none();
        let nobody = nobody.then(|| {
            "there would be no worker: make it 1 or more, or give workers.elsewhere, or a \
             manager.endpoint that hosts can find"
                .to_owned()
        });
        let here = workers.here();
        let twice = workers
            .elsewhere
            .iter()
            .find(|one| here.contains(&one.name));
        let twice = twice.map(|StaticWorker { name, .. }| {
            format!(
                "{name} would run here as well: take another name, or set workers.count or \
                 workers.names without it"
            )
        });
        let of = &self.directory;
        let (want, have) = (of.witness_threshold, of.witnesses.len());
        let too_few = (have < want)
            .then(|| format!("{want} have to sign, and directory.witnesses names {have}"));
        let vault = &self.vault;
        let one_address = (vault.address.port() != 0 && vault.pool == Some(vault.address))
            .then(|| format!("both would listen at {}", vault.address));
        [
            (
                vec!["tls.certificate"],
                missing(certificate, !key, "tls.key"),
            ),
            (
                vec!["tls.key"],
                missing(key, !certificate, "tls.certificate"),
            ),
            (
                vec!["limits.memory", "limits.body"],
                too_small("limits.memory", memory),
            ),
            (
                vec!["limits.open_bytes", "limits.body"],
                too_small("limits.open_bytes", self.store.max_open_bytes),
            ),
            (vec!["vault.pool", "vault.address"], one_address),
            (
                vec!["directory.witness_threshold", "directory.witnesses"],
                too_few,
            ),
            (
                vec!["directory.auditor_threshold"],
                (of.auditor_threshold > 0 && of.auditors.is_none())
                    .then(|| "directory.auditors names nobody who could sign".to_owned()),
            ),
            (
                vec!["directory.heartbeat", "directory.epoch"],
                (of.heartbeat < of.epoch)
                    .then(|| "directory.heartbeat is shorter than directory.epoch".to_owned()),
            ),
            (vec!["workers.count"], nobody),
            (vec!["workers.elsewhere"], twice),
        ]
        .into_iter()
        .filter_map(|(keys, what)| Some((keys, what?)))
    }
}

impl Settings {
    /// Whether a vault runs here: workers get their keys from one.
    pub(crate) fn wants_vault(&self) -> bool {
        let vault = &self.vault;
        vault.pool.is_some() || vault.image.is_some() || !self.workers.here().is_empty()
    }
}

impl WorkersSettings {
    /// Names of the workers that run here.
    pub(crate) fn here(&self) -> Vec<String> {
        if self.names.is_empty() {
            let mut names: Vec<_> = (1..=self.count)
                .map(|n| format!("scone-worker-{n}"))
                .collect();
            names.sort();
            return names;
        }
        self.names.clone()
    }
}
