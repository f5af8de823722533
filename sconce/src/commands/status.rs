//! `sconce status`: what runs in a data folder.

mod figures;
mod scrape;
mod watch;

use serde_json::json;

use crate::args::DataArgs;
use crate::commands::worker::{Summary, summaries};
use crate::failure::Failure;
use crate::platform::{Found, Record, look};
use crate::terminal::Terminal;

/// Show whether a platform runs, where its listener is, and its workers.
///
/// Exit status 1 when none runs or its listener does not answer.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce status --json
  sconce status --watch")]
pub(crate) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// Print one JSON object; with --watch one a second, each on a line.
    #[arg(long)]
    json: bool,
    /// Show rates, latencies, queue, workers and store, every second, until Ctrl-C.
    #[arg(long)]
    watch: bool,
}

/// How many processes of a worker take orders.
fn processes(record: &Record, worker: &Summary) -> usize {
    let serving = worker
        .name
        .as_ref()
        .and_then(|name| record.serving.get(name));
    serving.copied().unwrap_or(0)
}

/// The generations of a worker's keys, in a line, if there is more to say than that it has keys.
fn keys(record: &Record, worker: &Summary) -> Option<String> {
    let generations = record.generations.get(worker.name.as_ref()?)?;
    let (newest, earlier) = generations.split_last()?;
    let mut line = format!("generation {}", newest.generation);
    for one in earlier {
        let until = one.retires.as_deref().unwrap_or("it is retired");
        line.push_str(&format!("; {} until {until}", one.generation));
    }
    (newest.generation > 1).then_some(line)
}

/// Shows it.
pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<(), Failure> {
    let data = args.data.folder()?;
    let Found::Running(record) = look(&data)? else {
        if args.json {
            let view = json!({ "running": false, "dataDir": data });
            match args.watch {
                true => terminal.print_json_line(&view),
                false => terminal.print_json(&view),
            }
        }
        return Err(
            Failure::failed(format_args!("no platform runs in {}", data.display()))
                .advice("start one with `sconce up`"),
        );
    };
    let record = record.ok_or_else(|| {
        Failure::failed(format_args!(
            "a platform is just starting in {}",
            data.display()
        ))
    })?;
    if args.watch {
        return watch::run(&record, args.json, terminal).await;
    }
    let failure = |error| Failure::of_client("status", &error);
    let client = record.client().map_err(failure)?;
    let names: Vec<_> = record
        .workers
        .iter()
        .chain(record.serving.keys())
        .cloned()
        .collect();
    let workers = summaries(&client, &names).await.map_err(failure)?;
    if args.json {
        let view = |worker: &Summary| {
            let mut view = worker.view();
            view["processes"] = processes(&record, worker).into();
            view
        };
        let views: Vec<_> = workers.iter().map(view).collect();
        terminal.print_json(&json!({
            "running": true,
            "dataDir": data,
            "platform": record,
            "workers": views,
        }));
        return Ok(());
    }
    let state = if record.ready { "ready" } else { "starting" };
    terminal.print(format_args!(
        "platform   {state}, process {}, version {}",
        record.pid, record.version
    ));
    terminal.print(format_args!("data       {}", data.display()));
    terminal.print(format_args!(
        "listener   {} ({})",
        record.listener, record.mode
    ));
    if let Some(program) = &record.program {
        terminal.print(program);
    }
    if let Some(vault) = &record.vault {
        let debug = if vault.debug {
            " (a debugger may look in)"
        } else {
            ""
        };
        terminal.print(format_args!("vault      {}", vault.address));
        terminal.print(format_args!("measured   {}{debug}", vault.measurement.0));
    }
    if let Some(directory) = &record.directory {
        terminal.print(format_args!("directory  {directory}"));
    }
    if let Some(pool) = &record.pool {
        terminal.print(format_args!("pool       {pool}"));
    }
    for worker in workers {
        let processes = match processes(&record, &worker) {
            0 => "no process takes orders".to_owned(),
            1 => "takes orders (1 process)".to_owned(),
            more => format!("takes orders ({more} processes)"),
        };
        terminal.print(format_args!("worker     {}  {processes}", worker.line()));
        if let Some(keys) = keys(&record, &worker) {
            terminal.print(format_args!("keys       {keys}"));
        }
    }
    Ok(())
}
