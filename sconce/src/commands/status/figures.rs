//! What a live view shows, worked out from two scrapes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::scrape::Scrape;

/// What goes on. Rates are those of the last interval.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Figures {
    /// Orders accepted a second.
    pub(super) accepted_per_second: f64,
    /// Orders that ended with a result, a second.
    pub(super) done_per_second: f64,
    /// Orders that ended with an error, a second.
    pub(super) failed_per_second: f64,
    /// Orders in the store; absent if it can't be read.
    pub(super) queued: Option<f64>,
    pub(super) leased: Option<f64>,
    pub(super) finished: Option<f64>,
    /// From acceptance to the end, of the orders that ended in the window; absent if none did.
    pub(super) p50_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
    /// Since the platform started.
    pub(super) busy_refusals: f64,
    pub(super) replays_refused: f64,
    pub(super) attempts_lost: f64,
    pub(super) workers: BTreeMap<String, Worker>,
    pub(super) store_bytes: Option<f64>,
    pub(super) commits_per_second: f64,
    pub(super) connections: f64,
    pub(super) memory_bytes: Option<f64>,
    /// 1 is one processor busy all the time.
    pub(super) processors: f64,
}

/// A worker's processes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Worker {
    pub(super) processes: f64,
    /// Orders that they have, of those that they may have at once.
    pub(super) orders: f64,
    pub(super) capacity: f64,
}

impl Figures {
    /// Of `now`; rates since `last`, so long ago, and latencies since `window`.
    pub(super) fn new(now: &Scrape, last: &Scrape, ago: Duration, window: &Scrape) -> Self {
        let total = |scrape: &Scrape, name| scrape.sum(name).unwrap_or(0.0);
        let rate = |new: f64, old: f64| (new - old).max(0.0) / ago.as_secs_f64().max(1e-3);
        let counted = |name| rate(total(now, name), total(last, name));
        let done = |scrape: &Scrape| scrape.with(ENDED, "outcome", "ok").unwrap_or(0.0);
        let failed = |scrape: &Scrape| total(scrape, ENDED) - done(scrape);
        let latency = now
            .buckets("sconce_order_seconds")
            .since(&window.buckets("sconce_order_seconds"));
        let ms = |share| latency.quantile(share).map(|seconds| seconds * 1e3);
        let state = |state| now.with("sconce_orders", "state", state);
        Self {
            accepted_per_second: counted("sconce_orders_accepted_total"),
            done_per_second: rate(done(now), done(last)),
            failed_per_second: rate(failed(now), failed(last)),
            queued: state("queued"),
            leased: state("leased"),
            finished: state("finished"),
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            busy_refusals: total(now, "sconce_busy_refusals_total"),
            replays_refused: total(now, "sconce_replays_refused_total"),
            attempts_lost: total(now, "sconce_attempts_lost_total"),
            workers: workers(now),
            store_bytes: now.sum("sconce_store_bytes"),
            commits_per_second: counted("sconce_store_commit_seconds_count"),
            connections: total(now, "sconce_connections"),
            memory_bytes: now.sum("process_resident_memory_bytes"),
            processors: counted("process_cpu_seconds_total"),
        }
    }

    /// For a terminal: a line for each subject.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!(
                "orders     {:.0}/s accepted, {:.0}/s done, {:.0}/s failed",
                self.accepted_per_second, self.done_per_second, self.failed_per_second
            ),
            format!(
                "stored     {} queued, {} leased, {} finished",
                count(self.queued),
                count(self.leased),
                count(self.finished)
            ),
            format!(
                "latency    p50 {}, p99 {} from acceptance to end",
                millis(self.p50_ms),
                millis(self.p99_ms)
            ),
            format!(
                "refused    {:.0} busy, {:.0} replayed; {:.0} attempts lost",
                self.busy_refusals, self.replays_refused, self.attempts_lost
            ),
            format!(
                "store      {}, {:.0} commits/s",
                bytes(self.store_bytes),
                self.commits_per_second
            ),
            format!(
                "process    {}, {:.2} processors, {:.0} connections",
                bytes(self.memory_bytes),
                self.processors,
                self.connections
            ),
        ];
        for (name, worker) in &self.workers {
            lines.push(format!(
                "worker     {name:<18} {:.0} of {:.0} orders, {}",
                worker.orders,
                worker.capacity,
                processes(worker.processes)
            ));
        }
        lines
    }

    /// For a file or another program: one line.
    pub(super) fn line(&self) -> String {
        let processes: f64 = self.workers.values().map(|worker| worker.processes).sum();
        format!(
            "accepted {:.0}/s  done {:.0}/s  failed {:.0}/s  queued {}  leased {}  p50 {}  p99 {}  \
             processes {processes:.0}  store {}",
            self.accepted_per_second,
            self.done_per_second,
            self.failed_per_second,
            count(self.queued),
            count(self.leased),
            millis(self.p50_ms),
            millis(self.p99_ms),
            bytes(self.store_bytes),
        )
    }
}

const ENDED: &str = "sconce_orders_ended_total";

fn workers(now: &Scrape) -> BTreeMap<String, Worker> {
    let of = |name, worker: &str| now.with(name, "worker", worker).unwrap_or(0.0);
    let processes = now.by("sconce_worker_processes", "worker");
    processes
        .into_iter()
        .map(|(name, processes)| {
            let worker = Worker {
                processes,
                orders: of("sconce_worker_orders", &name),
                capacity: of("sconce_worker_capacity", &name),
            };
            (name, worker)
        })
        .collect()
}

fn processes(count: f64) -> String {
    match count {
        0.0 => "no process takes orders".to_owned(),
        1.0 => "1 process".to_owned(),
        more => format!("{more:.0} processes"),
    }
}

fn count(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0}"))
}

fn millis(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1} ms"))
}

fn bytes(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{:.1} MB", value / 1e6))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "\
sconce_orders_accepted_total 100
sconce_orders_ended_total{outcome=\"ok\"} 90
sconce_orders_ended_total{outcome=\"workload.input\"} 1
sconce_order_seconds_bucket{le=\"0.002\"} 91
sconce_order_seconds_bucket{le=\"0.004\"} 91
sconce_order_seconds_bucket{le=\"+Inf\"} 91
process_cpu_seconds_total 1
";

    const NOW: &str = "\
sconce_orders_accepted_total 300
sconce_orders_ended_total{outcome=\"ok\"} 280
sconce_orders_ended_total{outcome=\"workload.input\"} 5
sconce_orders{state=\"queued\"} 3
sconce_orders{state=\"leased\"} 4
sconce_orders{state=\"finished\"} 285
sconce_order_seconds_bucket{le=\"0.002\"} 91
sconce_order_seconds_bucket{le=\"0.004\"} 285
sconce_order_seconds_bucket{le=\"+Inf\"} 285
sconce_worker_processes{worker=\"w\"} 2
sconce_worker_orders{worker=\"w\"} 4
sconce_worker_capacity{worker=\"w\"} 16
sconce_store_bytes 1234567
process_cpu_seconds_total 4
";

    #[test]
    fn figures_of_two_scrapes() {
        let (before, now) = (Scrape::parse(BEFORE), Scrape::parse(NOW));
        let figures = Figures::new(&now, &before, Duration::from_secs(2), &before);
        insta::assert_snapshot!("lines", figures.lines().join("\n"));
        insta::assert_snapshot!("line", figures.line());
        insta::assert_json_snapshot!("json", figures);
    }

    #[test]
    fn a_platform_that_does_nothing_has_figures_too() {
        let nothing = Scrape::default();
        let figures = Figures::new(&nothing, &nothing, Duration::ZERO, &nothing);
        assert_eq!(figures.accepted_per_second, 0.0);
        assert_eq!(figures.p50_ms, None);
        assert!(figures.line().contains("queued -"));
    }
}
