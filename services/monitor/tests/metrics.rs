//! What is given out, as a parser that is not ours reads it.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_parse::{Scrape, Value};
use protocol::Reason;
use protocol::methods::Method;
use sconce_monitor::{Ended, Loss, Monitor, Part, Refusal, WorkerSeen};
use store::redb::{Engine, Options};

/// The value of the one sample with this name and label.
fn value(text: &str, name: &str, label: Option<(&str, &str)>) -> Option<f64> {
    let scrape = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let mut found = scrape.samples.iter().filter(|sample| {
        sample.metric == name
            && label.is_none_or(|(key, value)| sample.labels.get(key) == Some(value))
    });
    let sample = found.next()?;
    assert!(found.next().is_none(), "{name} {label:?} is there twice");
    match sample.value {
        Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => Some(value),
        ref other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test]
async fn what_happened_is_counted() {
    let monitor = Monitor::new();
    let ms = Duration::from_millis;
    monitor.accepted(ms(2));
    monitor.accepted(ms(3));
    monitor.attempted(ms(1));
    monitor.ended(Ended::Result, ms(5));
    monitor.ended(Ended::Error(Some(Reason::WorkloadInput)), ms(5));
    monitor.ended(Ended::Error(None), ms(5));
    monitor.expired(Reason::OrderExpired, 7);
    monitor.lost(Loss::Process);
    monitor.refused(Refusal::OrderReplayed);
    monitor.refused(Refusal::Orders);
    monitor.committed(16, ms(1));
    monitor.answered(Some(Method::WorkOrderSubmit), None);
    monitor.answered(Some(Method::WorkOrderSubmit), Some(Reason::Busy));
    monitor.answered(None, Some(Reason::RequestJson));
    let connection = monitor.connected();
    let text = monitor.metrics().await;
    for (name, label, wanted) in [
        ("sconce_orders_accepted_total", None, 2.0),
        ("sconce_orders_ended_total", Some(("outcome", "ok")), 1.0),
        (
            "sconce_orders_ended_total",
            Some(("outcome", "workload.input")),
            1.0,
        ),
        ("sconce_orders_ended_total", Some(("outcome", "other")), 1.0),
        (
            "sconce_orders_ended_total",
            Some(("outcome", "order.expired")),
            7.0,
        ),
        (
            "sconce_attempts_lost_total",
            Some(("reason", "process")),
            1.0,
        ),
        (
            "sconce_replays_refused_total",
            Some(("reason", "order.replayed")),
            1.0,
        ),
        (
            "sconce_busy_refusals_total",
            Some(("reason", "orders")),
            1.0,
        ),
        ("sconce_store_operations_total", None, 16.0),
        (
            "sconce_requests_total",
            Some(("method", "WorkOrderSubmit")),
            2.0,
        ),
        ("sconce_requests_total", Some(("method", "unknown")), 1.0),
        ("sconce_request_errors_total", Some(("reason", "busy")), 1.0),
        ("sconce_submit_seconds_count", None, 2.0),
        ("sconce_submit_seconds_sum", None, 0.005),
        // Orders that nobody took have no age.
        ("sconce_order_seconds_count", None, 3.0),
        ("sconce_connections", None, 1.0),
        (
            "sconce_build_info",
            Some(("version", env!("CARGO_PKG_VERSION"))),
            1.0,
        ),
    ] {
        assert_eq!(value(&text, name, label), Some(wanted), "{name} {label:?}");
    }
    drop(connection);
    let text = monitor.metrics().await;
    assert_eq!(value(&text, "sconce_connections", None), Some(0.0));
    assert!(value(&text, "process_resident_memory_bytes", None).unwrap() > 1e6);
    assert!(value(&text, "process_cpu_seconds_total", None).unwrap() > 0.0);
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn histograms_are_whole() {
    let monitor = Monitor::new();
    for ms in [0, 1, 10, 100, 1_000_000] {
        monitor.attempted(Duration::from_millis(ms));
    }
    let text = monitor.metrics().await;
    let scrape = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let buckets = scrape
        .samples
        .iter()
        .find_map(|sample| match &sample.value {
            Value::Histogram(buckets) if sample.metric == "sconce_attempt_seconds" => Some(buckets),
            _ => None,
        })
        .unwrap();
    assert!(buckets.is_sorted_by(|a, b| a.less_than < b.less_than && a.count <= b.count));
    let within = |seconds: f64| {
        let bucket = buckets.iter().find(|bucket| bucket.less_than == seconds);
        bucket.unwrap().count
    };
    assert_eq!(within(0.0001), 1.0);
    assert_eq!(within(0.001), 2.0);
    assert_eq!(within(100.0), 4.0);
    assert_eq!(buckets.last().unwrap().count, 5.0);
}

#[tokio::test]
async fn a_platform_is_ready_when_its_store_and_a_worker_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.redb");
    let engine = Arc::new(Engine::open(&file, Options::default()).unwrap());
    let monitor = Monitor::new();
    assert!(monitor.readiness().await.ready, "there is nothing to watch");
    monitor.watch_store(engine.clone(), engine, Some(&file));
    let there = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let seen = Arc::clone(&there);
    monitor.watch_workers(move || {
        vec![WorkerSeen {
            name: "w".to_owned(),
            processes: seen.load(std::sync::atomic::Ordering::Relaxed),
            capacity: 8,
            in_flight: 3,
        }]
    });
    let lacking = monitor.readiness().await;
    let parts: Vec<_> = lacking.missing.iter().map(|one| one.part).collect();
    assert_eq!((lacking.ready, parts), (false, vec![Part::Workers]));
    there.store(2, std::sync::atomic::Ordering::Relaxed);
    assert!(monitor.readiness().await.ready);
    let text = monitor.metrics().await;
    let worker = Some(("worker", "w"));
    for (name, label, wanted) in [
        ("sconce_worker_processes", worker, 2.0),
        ("sconce_worker_capacity", worker, 8.0),
        ("sconce_worker_orders", worker, 3.0),
        ("sconce_orders", Some(("state", "queued")), 0.0),
    ] {
        assert_eq!(value(&text, name, label), Some(wanted), "{name}");
    }
    let size = std::fs::metadata(&file).unwrap().len();
    assert_eq!(value(&text, "sconce_store_bytes", None), Some(size as f64));
}

/// Not a bound: the figure is printed, for docs/promises.md.
#[test]
fn what_an_order_costs() {
    let monitor = Monitor::new();
    let orders = 100_000;
    let begin = Instant::now();
    for _ in 0..orders {
        let now = Instant::now();
        monitor.accepted(now.elapsed());
        monitor.answered(Some(Method::WorkOrderSubmit), None);
        monitor.sync_submitted(now.elapsed());
        monitor.attempted(now.elapsed());
        monitor.ended(Ended::Result, now.elapsed());
        monitor.committed(1, now.elapsed());
        monitor.committed(1, now.elapsed());
    }
    println!("{:?} an order", begin.elapsed() / orders);
}
