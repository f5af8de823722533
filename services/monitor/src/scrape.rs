//! What is looked up each time the metrics are asked for.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::sources::{Known, WorkerSeen};
use crate::{process, store_file};

/// Workers that have a series of their own; those beyond are counted together.
const MOST_WORKERS: usize = 256;

/// The name of those beyond. No worker can have it: names have no blanks.
const OTHERS: &str = "all others";

/// Metrics with the prefix `sconce_`.
pub(crate) async fn of_platform(known: &Known) -> Registry {
    let mut registry = Registry::with_prefix("sconce");
    orders(&mut registry, known).await;
    if let Some(workers) = &known.workers {
        of_workers(&mut registry, workers());
    }
    if let Some(size) = known.file.as_deref().and_then(store_file::size) {
        let help = "Size of the store's file";
        registry.register_with_unit("store", help, Unit::Bytes, gauge(size));
    }
    registry
}

/// Metrics that every process has.
pub(crate) fn of_process(started: f64) -> Registry {
    let mut registry = Registry::with_prefix("process");
    let cpu = Counter::<f64, AtomicU64>::default();
    cpu.inc_by(process::cpu_time().as_secs_f64());
    let help = "Time on processors, in all threads";
    registry.register_with_unit("cpu", help, Unit::Seconds, cpu);
    let start = Gauge::<f64, AtomicU64>::default();
    start.set(started);
    let help = "When the process started, in seconds since 1970";
    registry.register_with_unit("start_time", help, Unit::Seconds, start);
    if let Some(bytes) = process::resident_bytes() {
        registry.register_with_unit(
            "resident_memory",
            "Memory in use",
            Unit::Bytes,
            gauge(bytes),
        );
    }
    if let Some(open) = process::descriptors() {
        registry.register("open_fds", "File descriptors that are open", gauge(open));
    }
    registry
}

/// A store that can't be read has no numbers: that they are missing is what is seen then.
async fn orders(registry: &mut Registry, known: &Known) {
    let Some(orders) = &known.orders else { return };
    let Ok(counts) = orders.counts().await else {
        return;
    };
    let family = Family::<[(&str, &str); 1], Gauge>::default();
    for (state, count) in [
        ("queued", counts.queued),
        ("leased", counts.leased),
        ("finished", counts.finished),
    ] {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        family.get_or_create(&[("state", state)]).set(count);
    }
    registry.register("orders", "Orders in the store, by state", family);
}

fn of_workers(registry: &mut Registry, mut workers: Vec<WorkerSeen>) {
    workers.sort_by(|a, b| a.name.cmp(&b.name));
    let (processes, capacity, in_flight) = (family(), family(), family());
    for (at, worker) in workers.into_iter().enumerate() {
        let name = if at < MOST_WORKERS {
            worker.name
        } else {
            OTHERS.to_owned()
        };
        for (family, value) in [
            (&processes, worker.processes),
            (&capacity, worker.capacity),
            (&in_flight, worker.in_flight),
        ] {
            let labels = [("worker", name.clone())];
            family.get_or_create(&labels).inc_by(value.into());
        }
    }
    for (name, help, family) in [
        (
            "worker_processes",
            "Processes of a worker that take orders",
            processes,
        ),
        (
            "worker_capacity",
            "Orders that those processes may have at once",
            capacity,
        ),
        (
            "worker_orders",
            "Orders that those processes have",
            in_flight,
        ),
    ] {
        registry.register(name, help, family);
    }
}

fn family() -> Family<[(&'static str, String); 1], Gauge> {
    Family::default()
}

fn gauge(value: i64) -> Gauge {
    let gauge = Gauge::<i64>::default();
    gauge.set(value);
    gauge
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_workers_there_are_the_series_are_bounded() {
        let workers = (0..1000).map(|n| WorkerSeen {
            name: format!("worker-{n:04}"),
            processes: 1,
            capacity: 4,
            in_flight: 0,
        });
        let mut registry = Registry::default();
        of_workers(&mut registry, workers.collect());
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let series = text.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(series, 3 * (MOST_WORKERS + 1));
        let others = "worker_processes{worker=\"all others\"} 744";
        assert!(text.contains(others), "{text}");
    }
}
