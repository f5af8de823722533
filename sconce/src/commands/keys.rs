//! `sconce keys`: the generations of workers' keys in a vault, and what a key directory has of users.

mod get;
mod history;
mod monitor;
mod place;
mod put;
mod verify;
pub(crate) mod view;

use std::time::Duration;

use provision::api::{NewGeneration, Worker, WorkerSession};
use provision::text::Text;
use sconify::terminal::foreign::harmless;
use serde_json::{Value, json};
use vault_client::Vault;

use crate::args::{DataArgs, duration};
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::vault;

/// Keys: those of workers in the vault, and what a key directory publishes of workers and users.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    List(ListArgs),
    Rotate(RotateArgs),
    Retire(RetireArgs),
    Get(get::Args),
    Put(Box<put::Args>),
    History(history::Args),
    Verify(verify::Args),
    Monitor(monitor::Args),
}

/// List the generations of keys that live, and what they are for.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  sconce keys list --json")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

/// Make new keys for workers, for the program that they run.
///
/// For the time of the overlap both generations have their processes, and orders under the earlier keys are
/// still answered. Then the earlier keys are destroyed. No key is ever given to another program than
/// the one that it was made for.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce keys rotate
  sconce keys rotate scone-worker-1 --overlap 1h")]
pub(crate) struct RotateArgs {
    /// The workers' names [default: all of the vault].
    workers: Vec<String>,
    /// How long earlier keys are kept.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    overlap: Duration,
    #[command(flatten)]
    data: DataArgs,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

/// Destroy a generation's keys now. Orders that are encrypted to them can't be answered any more.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  sconce keys retire scone-worker-1 1")]
pub(crate) struct RetireArgs {
    /// The worker's name.
    worker: String,
    /// The generation's number.
    generation: u64,
    #[command(flatten)]
    data: DataArgs,
    /// Print a JSON array of what is left.
    #[arg(long)]
    json: bool,
}

/// Does what was asked for.
pub(crate) async fn run(command: Command, terminal: &Terminal) -> Result<(), Failure> {
    let (json, outcome) = match command {
        Command::List(args) => (args.json, list(&args, terminal)),
        Command::Rotate(args) => (args.json, rotate(&args, terminal)),
        Command::Retire(args) => (args.json, retire(&args, terminal)),
        Command::Get(args) => (args.json, get::run(&args, terminal).await),
        Command::Put(args) => (args.json, put::run(&args, terminal).await),
        Command::History(args) => (args.json, history::run(&args, terminal).await),
        Command::Verify(args) => (args.json, verify::run(&args, terminal).await),
        Command::Monitor(args) => (args.json, monitor::run(&args, terminal).await),
    };
    if let (true, Err(failure)) = (json, &outcome) {
        terminal.print_json(&failure.to_json());
    }
    outcome
}

fn list(args: &ListArgs, terminal: &Terminal) -> Result<(), Failure> {
    let mut vault = vault::connect(&args.data.folder()?)?;
    print(&all(&mut vault)?, args.json, terminal);
    Ok(())
}

fn rotate(args: &RotateArgs, terminal: &Terminal) -> Result<(), Failure> {
    let mut vault = vault::connect(&args.data.folder()?)?;
    let wish = NewGeneration {
        program: None,
        overlap_seconds: args.overlap.as_secs(),
    };
    let names = names(&mut vault, &args.workers)?;
    new_generations(&mut vault, &names, &wish, terminal)?;
    let changed: Vec<_> = all(&mut vault)?
        .into_iter()
        .filter(|one| names.contains(&one.worker))
        .collect();
    print(&changed, args.json, terminal);
    Ok(())
}

fn retire(args: &RetireArgs, terminal: &Terminal) -> Result<(), Failure> {
    let mut vault = vault::connect(&args.data.folder()?)?;
    vault
        .retire(&args.worker, args.generation)
        .map_err(|error| Failure::of_vault(&error))?;
    terminal.say(format_args!(
        "destroyed generation {} of {}",
        args.generation, args.worker
    ));
    let left: Vec<_> = all(&mut vault)?
        .into_iter()
        .filter(|one| one.worker == args.worker)
        .collect();
    print(&left, args.json, terminal);
    Ok(())
}

/// The workers that were named, or all.
pub(super) fn names(vault: &mut Vault, named: &[String]) -> Result<Vec<String>, Failure> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let names: Vec<_> = all(vault)?.into_iter().map(|one| one.worker).collect();
    if names.is_empty() {
        return Err(Failure::failed("the vault has no keys of any worker"));
    }
    Ok(names)
}

/// Has new keys made for each of these workers.
pub(super) fn new_generations(
    vault: &mut Vault,
    workers: &[String],
    wish: &NewGeneration,
    terminal: &Terminal,
) -> Result<(), Failure> {
    for worker in workers {
        let _spinner = terminal.spinner(format!("making keys for {worker}"));
        let WorkerSession { generation, .. } =
            vault.new_generation(worker, wish).map_err(|error| {
                Failure::of_vault(&error)
                    .advice(format_args!("{worker} keeps the keys that it has"))
            })?;
        terminal.say(format_args!("made generation {generation} for {worker}"));
    }
    Ok(())
}

pub(super) fn all(vault: &mut Vault) -> Result<Vec<Worker>, Failure> {
    vault.workers().map_err(|error| Failure::of_vault(&error))
}

/// Prints workers with their generations.
pub(super) fn print(workers: &[Worker], json: bool, terminal: &Terminal) {
    if json {
        let views: Vec<_> = workers.iter().map(view).collect();
        terminal.print_json(&views);
        return;
    }
    for worker in workers {
        for one in &worker.generations {
            let until = one.retires.as_ref().map_or_else(
                || "until there are newer ones".to_owned(),
                |Text(at)| format!("destroyed at {at}"),
            );
            let (Text(measurement), Text(made)) = (&one.measurement, &one.made);
            terminal.print(format_args!(
                "{}  generation {}, made {made}, {until}\n    for {measurement}, security version {} or later",
                harmless(&worker.worker),
                one.generation,
                one.svn
            ));
        }
    }
}

fn view(worker: &Worker) -> Value {
    let generations = worker.generations.iter().map(|one| {
        json!({
            "generation": one.generation,
            "service": format!("{}/{}", worker.session, one.service),
            "measurement": one.measurement,
            "securityVersion": one.svn,
            "made": one.made,
            "retires": one.retires,
        })
    });
    json!({ "worker": worker.worker, "generations": generations.collect::<Vec<_>>() })
}
