//! `sconce status --watch`: the same figures again every second.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use client::Client;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{MissedTickBehavior, interval};

use super::figures::Figures;
use super::scrape::Scrape;
use crate::failure::Failure;
use crate::platform::Record;
use crate::signals::StopSignals;
use crate::terminal::Terminal;

/// How often figures are shown.
const PERIOD: Duration = Duration::from_secs(1);

/// Latencies are those of so many periods.
const WINDOW: usize = 10;

/// Shows figures until a signal says stop, or nobody reads them; those are the good ends.
pub(super) async fn run(record: &Record, json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let mut stop = StopSignals::new()?;
    let client = record.metrics_client()?;
    let mut screen = Screen::new(record, json, *terminal);
    tokio::select! {
        outcome = refresh(&client, &mut screen, terminal) => {
            screen.end();
            outcome
        }
        () = stop.next() => {
            screen.end();
            Ok(())
        }
    }
}

/// Goes on until the metrics can't be had any more, or can't be shown.
async fn refresh(client: &Client, screen: &mut Screen, terminal: &Terminal) -> Result<(), Failure> {
    let mut past: VecDeque<(Instant, Scrape)> = VecDeque::new();
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = match client.metrics().await {
            Ok(text) => (Instant::now(), Scrape::parse(&text)),
            Err(error) => return Err(failure(&error)),
        };
        // The first time there are no rates yet, so the view has only what is.
        let last = past.back().unwrap_or(&now);
        let oldest = past.front().unwrap_or(&now);
        let ago = now.0.duration_since(last.0);
        screen.show(&Figures::new(&now.1, &last.1, ago, &oldest.1));
        if terminal.is_cut_off() {
            return Ok(());
        }
        past.push_back(now);
        if past.len() > WINDOW {
            past.pop_front();
        }
    }
}

fn failure(error: &client::Error) -> Failure {
    let failure = Failure::of_client("the metrics", error);
    match error {
        client::Error::Status(405) => failure.advice(
            "the listener shows them to its own machine's loopback address only; metrics.address \
             gives them one of their own",
        ),
        _ => failure,
    }
}

/// Where figures are shown.
enum Screen {
    /// In place, below the line that says which platform it is.
    Live(ProgressBar, String),
    /// A line each time.
    Lines(Terminal),
    /// A line of JSON each time.
    Json(Terminal),
}

impl Screen {
    fn new(record: &Record, json: bool, terminal: Terminal) -> Self {
        if json {
            return Self::Json(terminal);
        }
        if !io::stdout().is_terminal() {
            return Self::Lines(terminal);
        }
        // The bar draws when it's told to, and no more often.
        let bar = ProgressBar::new_spinner();
        bar.set_draw_target(ProgressDrawTarget::stdout());
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        let head = format!(
            "platform   process {}, version {}, {} ({})",
            record.pid, record.version, record.listener, record.mode
        );
        Self::Live(bar, head)
    }

    fn show(&self, figures: &Figures) {
        match self {
            Self::Live(bar, head) => {
                let lines = [vec![head.clone()], figures.lines()].concat();
                bar.set_message(lines.join("\n"));
                bar.tick();
            }
            Self::Lines(terminal) => terminal.print(figures.line()),
            Self::Json(terminal) => terminal.print_json_line(figures),
        }
    }

    /// Leaves what was shown last.
    fn end(&self) {
        if let Self::Live(bar, _) = self {
            bar.abandon();
        }
    }
}
