//! `sconce bench`: how many orders a listener gets done, and how long each takes.

mod chart;
mod load;
mod report;

use std::time::Duration;

use client::{Client, Criteria, Order, Worker, WorkerId};
use indicatif::{ProgressBar, ProgressStyle};

use self::load::{Bound, Load, Tally};
use self::report::Report;
use crate::args::{ListenerArgs, duration};
use crate::failure::{Failure, short};
use crate::platform::Mode;
use crate::signals::StopSignals;
use crate::terminal::{Terminal, is_unicode};
use crate::verification::{self, Requirement, VerifyArgs};

/// Send a listener many orders, and show how many it gets done and how long each takes.
///
/// Every answer is verified and decrypted, as a requester does it. Ctrl-C ends the run and shows
/// what there is. Exit status 1 if an order failed.
///
/// Without --rate each client sends its next order when it has the answer to the one before. With
/// --rate orders are due at fixed times, and latency counts from when an order was due, whether or
/// not a client was free then: what a slow listener makes others wait is in the figures.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce bench
  sconce bench --clients 1 --orders 1000
  sconce bench --rate 500 --duration 1m --json
  sconce bench -w scone-worker-1 -l python-fib -i 90")]
pub(crate) struct Args {
    #[command(flatten)]
    listener: ListenerArgs,
    /// A worker's name; may be given several times [default: every active worker, in turn].
    #[arg(short, long, value_name = "NAME")]
    worker: Vec<String>,
    /// The workload's name.
    #[arg(short = 'l', long, value_name = "NAME", default_value = "python-hello")]
    workload: String,
    /// An input of each order; may be given several times.
    #[arg(short, long, value_name = "TEXT", default_value = "bench")]
    input: Vec<String>,
    /// Most orders at once.
    #[arg(long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u16).range(1..=1024))]
    clients: u16,
    /// How many orders [default: as many as get done in --duration].
    #[arg(long, value_name = "N", conflicts_with = "duration", value_parser = clap::value_parser!(u64).range(1..))]
    orders: Option<u64>,
    /// How long to send orders, as in 30s or 2m.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    duration: Duration,
    /// Orders a second, sent whether or not those before are done.
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// How long to send orders that do not count, before.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    warm_up: Duration,
    /// Whether submitting waits for the answer [default: as the listener has it].
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Print one JSON object with all figures.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    verify: VerifyArgs,
}

fn rate(text: &str) -> Result<f64, &'static str> {
    let rate = text.parse().map_err(|_| "give a number, as in 500")?;
    if (0.001..=1e6).contains(&rate) {
        Ok(rate)
    } else {
        Err("give 0.001 to 1000000 orders a second")
    }
}

/// Runs it.
pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<(), Failure> {
    let json = args.json;
    let (report, tally) = measure(args, terminal).await.inspect_err(|failure| {
        if json {
            terminal.print_json(&failure.to_json());
        }
    })?;
    if json {
        terminal.print_json(&report);
    } else {
        report.print(&tally, terminal);
    }
    match report.failed {
        0 if report.orders == 0 => Err(Failure::failed("no order was answered")),
        0 => Ok(()),
        failed => Err(Failure::failed(format_args!(
            "{failed} of {} orders failed",
            failed + report.orders
        ))),
    }
}

async fn measure(args: Args, terminal: &Terminal) -> Result<(Report, Tally), Failure> {
    let mut stop = StopSignals::new()?;
    let requirement = args.verify.requirement()?;
    let failure = |error| Failure::of_client("bench", &error);
    let client = args.listener.connect().map_err(failure)?;
    let workers = workers(&client, &args.worker, &requirement).await?;
    if let Some(worker) = workers.first() {
        verification::warn(worker, terminal);
    }
    let orders = workers.iter().map(|worker| args.order(worker)).collect();
    let load = Load::new(client, orders, args.clients.into());
    args.try_one(&load).await?;

    let warm_up = Bound::Time(args.warm_up);
    tokio::select! {
        _ = load.run(warm_up, args.rate) => {}
        () = stop.next() => return Err(Failure::failed("stopped during the warm-up")),
    }
    let bound = args
        .orders
        .map_or(Bound::Time(args.duration), Bound::Orders);
    let bar = bar(bound, terminal);
    let watch = async {
        loop {
            tokio::time::sleep(LOOK).await;
            show(&bar, bound, &load);
        }
    };
    // On a signal nothing new is sent; what is on its way is dropped, and counts for nothing.
    let took = tokio::select! {
        took = load.run(bound, args.rate) => took,
        () = watch => return Err(Failure::failed("watching ended")),
        () = stop.next() => load.elapsed(),
    };
    bar.finish_and_clear();

    let tally = load.tally();
    Ok((Report::new(&args, &workers, &tally, took), tally))
}

/// How often the display is brought up to date.
const LOOK: Duration = Duration::from_millis(200);

impl Args {
    fn order(&self, worker: &Worker) -> Order {
        let inputs = self.input.iter();
        let order = inputs.fold(Order::new(worker, &self.workload), |order, input| {
            order.input(input.as_str())
        });
        match self.mode {
            // Nobody waits: a listener of either mode answers at once that the order is pending.
            Some(Mode::Async) => order.response_timeout(Duration::ZERO),
            _ => order,
        }
    }

    /// A listener that isn't there, or a workload that fails, is better said once than 10 000 times.
    async fn try_one(&self, load: &Load) -> Result<(), Failure> {
        let at_once = load
            .try_one()
            .await
            .map_err(|error| Failure::of_client("the first order", &error))?;
        if self.mode == Some(Mode::Sync) && !at_once {
            return Err(Failure::unusable("the listener does not wait for answers")
                .advice("start it with `sconce up --mode sync`, or leave out --mode"));
        }
        Ok(())
    }
}

/// Those that are named, or all that take orders; each fulfils what is asked of workers.
async fn workers(
    client: &Client,
    names: &[String],
    requirement: &Requirement,
) -> Result<Vec<Worker>, Failure> {
    let failure = |error| Failure::of_client("bench", &error);
    let mut workers = Vec::new();
    if !names.is_empty() {
        for name in names {
            let id = WorkerId::from_name(name);
            workers.push(requirement.worker(client, &id, name).await?);
        }
        return Ok(workers);
    }
    for id in client.lookup(&Criteria::default()).await.map_err(failure)? {
        match client.checked_record(&id).await {
            Ok(record) => {
                let what = format!("worker {}", short(id.as_str()));
                let worker = requirement.judge(record).await;
                workers.push(
                    worker.map_err(|error| verification::of_client(&what, &error, client.uri()))?,
                );
            }
            Err(client::Error::NotActive { .. }) => {}
            Err(error) => return Err(failure(error)),
        }
    }
    if workers.is_empty() {
        return Err(Failure::failed("the listener has no active worker")
            .advice("`sconce worker list` shows what there is"));
    }
    Ok(workers)
}

fn bar(bound: Bound, terminal: &Terminal) -> ProgressBar {
    if !terminal.is_lively() {
        return ProgressBar::hidden();
    }
    let (length, template) = match bound {
        Bound::Orders(orders) => (orders, "{bar:30} {pos}/{len} orders  {msg}"),
        Bound::Time(time) => (
            u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            "{bar:30} {elapsed}  {msg}",
        ),
    };
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template(template) {
        let chars = if is_unicode() { "━╸ " } else { "=> " };
        bar.set_style(style.progress_chars(chars));
    }
    bar
}

fn show(bar: &ProgressBar, bound: Bound, load: &Load) {
    if bar.is_hidden() {
        return;
    }
    let (elapsed, recent) = (load.elapsed(), load.take_recent());
    let done = load.with_tally(Tally::done);
    bar.set_position(match bound {
        Bound::Orders(_) => done,
        Bound::Time(_) => u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
    });
    bar.set_message(recent.to_string());
}
