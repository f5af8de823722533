//! What a run showed.

use std::collections::BTreeMap;
use std::time::Duration;

use client::Worker;
use sconify::terminal::foreign::harmless;
use serde::Serialize;

use super::chart::{self, Bin};
use super::{Args, Tally};
use crate::platform::Mode;
use crate::terminal::{Terminal, is_unicode};

/// All figures, as `--json` shows them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    uri: String,
    workload: String,
    /// Ids.
    workers: Vec<String>,
    mode: Mode,
    clients: u16,
    /// Orders a second that were asked for.
    target_rate: Option<f64>,
    warm_up_seconds: f64,
    seconds: f64,
    /// Answered and verified.
    pub(super) orders: u64,
    pub(super) failed: u64,
    errors: BTreeMap<String, u64>,
    /// Orders a second that were answered.
    rate: f64,
    latency_ms: Option<Latency>,
    histogram: Vec<Row>,
    /// Processor time of the load generator for each order.
    client_cpu_micros: f64,
}

#[derive(Serialize)]
struct Latency {
    min: f64,
    mean: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    #[serde(rename = "p99.9")]
    p999: f64,
    max: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    from_ms: f64,
    to_ms: f64,
    count: u64,
}

impl Report {
    pub(super) fn new(args: &Args, workers: &[Worker], tally: &Tally, took: Duration) -> Self {
        let (orders, failed) = (tally.latency.len(), tally.failed());
        let seconds = took.as_secs_f64();
        let ids = workers.iter().map(|worker| worker.id().to_string());
        Self {
            uri: args.listener.uri.clone(),
            workload: args.workload.clone(),
            workers: ids.collect(),
            // Some answers of a listener that waits come too late for that.
            mode: if tally.at_once * 2 > orders {
                Mode::Sync
            } else {
                Mode::Async
            },
            clients: args.clients,
            target_rate: args.rate,
            warm_up_seconds: args.warm_up.as_secs_f64(),
            seconds,
            orders,
            failed,
            errors: tally.errors.clone(),
            rate: orders as f64 / seconds.max(1e-9),
            latency_ms: (orders > 0).then(|| latency(tally)),
            histogram: chart::bins(&tally.latency).into_iter().map(row).collect(),
            client_cpu_micros: tally.cpu().as_secs_f64() * 1e6 / (orders + failed).max(1) as f64,
        }
    }

    /// For people.
    pub(super) fn print(&self, tally: &Tally, terminal: &Terminal) {
        let unicode = is_unicode();
        let bins = chart::bins(&tally.latency);
        let chart = chart::draw(&bins, &marks(tally), WIDTH, unicode);
        for line in self.lines(unicode).into_iter().chain(chart) {
            terminal.print(line);
        }
    }

    fn lines(&self, unicode: bool) -> Vec<String> {
        let workers = match self.workers.len() {
            1 => "1 worker".to_owned(),
            more => format!("{more} workers"),
        };
        let clients = match self.clients {
            1 => "1 client".to_owned(),
            more => format!("{more} clients"),
        };
        let pace = match self.target_rate {
            Some(rate) => format!("{rate} orders/s asked for"),
            None => "each with one order after the other".to_owned(),
        };
        let mut lines = vec![
            format!(
                "load       {} on {workers}, {}; {clients}, {pace}",
                harmless(&self.workload),
                self.mode
            ),
            format!(
                "orders     {} answered and verified in {:.1} s, {} failed",
                self.orders, self.seconds, self.failed
            ),
            format!("rate       {:.1} orders/s", self.rate),
        ];
        let errors = self.errors.iter();
        lines.extend(errors.map(|(why, count)| format!("failed     {count} x {why}")));
        if let Some(latency) = &self.latency_ms {
            let show = |ms: f64| chart::time((ms * 1e3).round() as u64, unicode);
            lines.push(format!(
                "latency    p50 {}  p90 {}  p99 {}  p99.9 {}  max {}",
                show(latency.p50),
                show(latency.p90),
                show(latency.p99),
                show(latency.p999),
                show(latency.max)
            ));
        }
        lines.push(format!(
            "own cost   {:.0} {} of processor time an order",
            self.client_cpu_micros,
            chart::micros_unit(unicode)
        ));
        lines
    }
}

/// Of bars, in characters.
const WIDTH: usize = 48;

fn marks(tally: &Tally) -> Vec<(&'static str, u64)> {
    let quantiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];
    quantiles
        .map(|(name, quantile)| (name, tally.latency.value_at_quantile(quantile)))
        .to_vec()
}

fn latency(tally: &Tally) -> Latency {
    let values = &tally.latency;
    let at = |quantile| values.value_at_quantile(quantile) as f64 / 1e3;
    Latency {
        min: values.min() as f64 / 1e3,
        mean: values.mean() / 1e3,
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: values.max() as f64 / 1e3,
    }
}

fn row(bin: Bin) -> Row {
    Row {
        from_ms: bin.from as f64 / 1e3,
        to_ms: bin.to as f64 / 1e3,
        count: bin.count,
    }
}
