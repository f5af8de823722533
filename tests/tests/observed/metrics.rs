//! Metrics: read by a parser that is not ours, compared with the orders that were run and with the
//! documentation.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use client::Error;
use prometheus_parse::{Scrape, Value};
use protocol::Reason;
use sconce_tests::process::Signal;
use sconce_tests::vectors::checkout;

use crate::platform::{WORKER, Watched, get};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Samples by name and labels.
fn scrape(reply: &str) -> BTreeMap<String, f64> {
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("content-type: application/openmetrics-text;"),
        "{head}"
    );
    let scrape = Scrape::parse(body.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let mut samples = BTreeMap::new();
    for sample in scrape.samples {
        let labels: BTreeMap<_, _> = sample.labels.iter().collect();
        let labels: Vec<_> = labels.values().map(|value| value.as_str()).collect();
        let name = [&[sample.metric.as_str()], labels.as_slice()]
            .concat()
            .join(" ");
        let value = match sample.value {
            Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => value,
            Value::Histogram(buckets) => buckets.last().unwrap().count,
            Value::Summary(_) => panic!("{name} is a summary"),
        };
        assert!(
            samples.insert(name.clone(), value).is_none(),
            "{name} is there twice"
        );
    }
    samples
}

fn reason(outcome: Result<client::Answer, Error>) -> Reason {
    match outcome {
        Err(Error::Rpc(error)) => error.reason.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn counters_agree_with_the_orders_that_were_run() {
    let platform = Watched::start("warn", &[], &["--mode", "sync"]);
    for _ in 0..20 {
        platform.run("python-hello", "you").unwrap();
    }
    for _ in 0..3 {
        assert_eq!(
            reason(platform.run("python-fib", "no number")),
            Reason::WorkloadInput
        );
    }
    assert_eq!(reason(platform.run("nothing", "")), Reason::WorkloadUnknown);
    let (unruly, worker) = platform.unruly();
    let exits = client::Order::new(&worker, "exits").input("");
    let lost = platform.block_on(platform.client.run(&exits));
    assert_eq!(reason(lost), Reason::WorkerLost);
    drop(unruly);
    let sealed = platform.order("python-hello", "again").seal().unwrap();
    platform.block_on(platform.client.post(&sealed)).unwrap();
    for _ in 0..2 {
        assert!(platform.block_on(platform.client.post(&sealed)).is_err());
    }
    platform.raw("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n{");
    platform.run("python-hello", "last").unwrap();

    // An answer may be there a moment before it is counted.
    let end = Instant::now() + Duration::from_secs(60);
    let samples = loop {
        let samples = scrape(&platform.get("/metrics"));
        let ended = samples
            .iter()
            .filter(|(name, _)| name.starts_with("sconce_orders_ended_total"));
        let settled = ended.map(|(_, count)| count).sum::<f64>() >= 27.0
            && samples[&format!("sconce_worker_orders {WORKER}")] == 0.0;
        if settled || Instant::now() > end {
            break samples;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let worker = |name: &str| format!("{name} {WORKER}");
    for (name, wanted) in [
        ("sconce_orders_accepted_total", 27.0),
        ("sconce_orders_ended_total ok", 22.0),
        ("sconce_orders_ended_total workload.input", 3.0),
        ("sconce_orders_ended_total workload.unknown", 1.0),
        ("sconce_orders_ended_total worker.lost", 1.0),
        ("sconce_orders_ended_total order.integrity", 0.0),
        ("sconce_orders queued", 0.0),
        ("sconce_orders leased", 0.0),
        ("sconce_orders finished", 27.0),
        ("sconce_attempts_lost_total process", 3.0),
        ("sconce_replays_refused_total order.taken", 2.0),
        ("sconce_busy_refusals_total orders", 0.0),
        ("sconce_requests_total WorkOrderSubmit", 29.0),
        ("sconce_requests_total WorkerRetrieve", 2.0),
        ("sconce_requests_total unknown", 1.0),
        ("sconce_request_errors_total order.taken", 2.0),
        ("sconce_request_errors_total request.json", 1.0),
        ("sconce_request_errors_total workload.input", 3.0),
        ("sconce_submit_seconds", 27.0),
        ("sconce_sync_submit_seconds", 27.0),
        ("sconce_order_seconds", 27.0),
        (&worker("sconce_worker_processes"), 1.0),
        (&worker("sconce_worker_orders"), 0.0),
    ] {
        assert_eq!(samples.get(name), Some(&wanted), "{name}");
    }
    // Each order is submitted and ended, some of them in one commit.
    assert!(samples["sconce_store_operations_total"] >= 2.0 * 27.0);
    assert!(samples["sconce_store_commit_seconds"] <= samples["sconce_store_operations_total"]);
    let size = std::fs::metadata(platform.data().join("store.redb")).unwrap();
    assert_eq!(samples["sconce_store_bytes"], size.len() as f64);
    assert!(samples["sconce_connections"] >= 1.0);
}

#[test]
fn the_documentation_lists_every_metric() {
    let platform = Watched::start("warn", &[], &[]);
    let reply = platform.get("/metrics");
    let mut given: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in reply.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            let suffix = match kind {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            let unit = reply
                .lines()
                .find_map(|line| line.strip_prefix(&format!("# UNIT {name} ")));
            let label = label_of(&reply, name).unwrap_or_default();
            let row = [kind, unit.unwrap_or_default(), label].map(str::to_owned);
            given.insert(format!("{name}{suffix}"), row.to_vec());
        }
    }
    assert!(given.len() > 20);
    let page = std::fs::read_to_string(checkout().join("docs/operations.md")).unwrap();
    let told: BTreeMap<String, Vec<String>> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"))
        .filter(|row| row.starts_with("sconce_") || row.starts_with("process_"))
        .map(|row| {
            let mut cells = row.split(" | ").map(|cell| cell.trim_matches(['`', ' ']));
            let name = cells.next().unwrap().to_owned();
            (name, cells.take(3).map(str::to_owned).collect())
        })
        .collect();
    assert_eq!(told, given, "left: docs/operations.md; right: /metrics");
}

/// The label that tells the samples of a metric apart; a bucket's bound is none.
fn label_of<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut samples = text.lines().filter(|line| !line.starts_with('#'));
    let labels = samples.find_map(|line| {
        let rest = line.strip_prefix(name)?;
        let (suffix, labels) = rest.split_once('{')?;
        ["", "_total", "_info"].contains(&suffix).then_some(labels)
    })?;
    labels.split_once('=').map(|(label, _)| label)
}

#[test]
fn health_is_told_and_get_is_for_these_paths_only() {
    let platform = Watched::start("warn", &[], &[]);
    let reply = platform.get("/healthz");
    assert!(
        reply.starts_with("HTTP/1.1 200 OK\r\n") && reply.ends_with("\r\n\r\nok\n"),
        "{reply}"
    );
    let reply = platform.get("/readyz");
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    assert!(reply.ends_with(r#"{"ready":true,"missing":[]}"#), "{reply}");
    assert!(platform.get("/").starts_with("HTTP/1.1 405 "));
    assert!(platform.get("/metrics/x").starts_with("HTTP/1.1 405 "));
    // A POST is JSON-RPC whatever the path.
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{}}"#;
    let post = format!(
        "POST /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    assert!(platform.raw(&post).contains(r#""jsonrpc":"2.0""#));
}

#[test]
fn a_platform_whose_worker_is_silent_is_alive_and_not_ready() {
    let platform = Watched::start("warn", &[], &[]);
    platform.signal_hosts(Signal::STOP);
    let deadline = Instant::now() + PATIENCE;
    let reply = loop {
        let reply = platform.get("/readyz");
        if !reply.starts_with("HTTP/1.1 200 ") {
            break reply;
        }
        assert!(
            Instant::now() < deadline,
            "the host is stopped and the platform ready"
        );
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(reply.starts_with("HTTP/1.1 503 "), "{reply}");
    assert!(
        reply.contains(r#""ready":false"#) && reply.contains(r#""part":"workers""#),
        "{reply}"
    );
    assert!(platform.get("/healthz").starts_with("HTTP/1.1 200 "));
    let samples = scrape(&platform.get("/metrics"));
    assert_eq!(samples[&format!("sconce_worker_processes {WORKER}")], 0.0);
    platform.signal_hosts(Signal::CONT);
}

#[test]
fn metrics_can_have_an_address_of_their_own_or_be_switched_off() {
    let own = ["--set", "metrics.address=127.0.0.1:0"];
    let platform = Watched::start("warn", &[], &own);
    assert!(platform.get("/metrics").starts_with("HTTP/1.1 405 "));
    let record = std::fs::read(platform.data().join("up.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let there = record["metrics"].as_str().unwrap();
    assert_ne!(there, platform.uri());
    assert!(scrape(&get(there, "/metrics")).contains_key("sconce_orders queued"));
    assert!(get(there, "/readyz").starts_with("HTTP/1.1 200 "));
    assert!(get(there, "/").starts_with("HTTP/1.1 404 "));
    drop(platform);

    let platform = Watched::start("warn", &[], &["--set", "metrics.enabled=false"]);
    assert!(platform.get("/metrics").starts_with("HTTP/1.1 405 "));
    assert!(platform.get("/readyz").starts_with("HTTP/1.1 200 "));
}
