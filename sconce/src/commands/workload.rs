//! `sconce workload`: the functions that are compiled into the worker program.

use std::iter::repeat;
use std::path::Path;

use registry::{Input, Workload};
use serde_json::json;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Workloads: the functions that are compiled into the worker program.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    New(NewArgs),
    List(ListArgs),
}

/// Add a workload: its function with a test, and its entry in workloads.json.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  sconce workload new my-id
  cargo test -p sconce-workloads")]
pub(crate) struct NewArgs {
    /// The workload's id: small letters, digits and hyphens, a letter first.
    id: String,
}

/// List the workloads of this checkout with their inputs.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  sconce workload list --json")]
pub(crate) struct ListArgs {
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

/// Adds or lists.
pub(crate) fn run(command: Command, terminal: &Terminal) -> Result<(), Failure> {
    let here = std::env::current_dir().map_err(Failure::failed)?;
    let checkout = sconify::build::find_checkout(&here).map_err(|_| {
        Failure::failed(format_args!("no checkout in {} or above it", here.display())).advice(
            "go to Sconce's sources: a folder with workloads.json beside a Cargo.toml with [workspace]",
        )
    })?;
    match command {
        Command::New(args) => new(&checkout, &args.id, terminal),
        Command::List(args) => list(&checkout, args.json, terminal),
    }
}

fn new(checkout: &Path, id: &str, terminal: &Terminal) -> Result<(), Failure> {
    let files =
        registry::new_workload(checkout, id).map_err(|error| Failure::of_registry(&error))?;
    // The function's file comes first.
    for (file, what) in files
        .iter()
        .zip(["new    "].into_iter().chain(repeat("changed")))
    {
        terminal.print(format_args!(
            "{what}  {}",
            relative(checkout, file).display()
        ));
    }
    if let Some(function) = files.first() {
        terminal.note(format_args!(
            "write what it does in {}, then try it: cargo test -p sconce-workloads; a running \
             platform takes it after `sconce down` and `sconce up`",
            relative(checkout, function).display()
        ));
    }
    Ok(())
}

fn relative<'a>(checkout: &Path, file: &'a Path) -> &'a Path {
    file.strip_prefix(checkout).unwrap_or(file)
}

fn list(checkout: &Path, as_json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let workloads = registry::list(checkout).map_err(|error| Failure::of_registry(&error))?;
    if as_json {
        let views: Vec<_> = workloads.iter().map(view).collect();
        terminal.print_json(&views);
        return Ok(());
    }
    for workload in workloads {
        let inputs: Vec<_> = workload.inputs.iter().map(input).collect();
        terminal.print(format_args!("{}({})", workload.id, inputs.join(", ")));
        for line in workload
            .doc
            .lines()
            .take_while(|line| !line.trim().is_empty())
        {
            terminal.print(format_args!("    {}", line.trim()));
        }
    }
    Ok(())
}

fn input(input: &Input) -> String {
    format!("{}: {}", input.name, input.kind)
}

fn view(workload: &Workload) -> serde_json::Value {
    let inputs: Vec<_> = workload
        .inputs
        .iter()
        .map(|input| json!({ "name": input.name, "type": input.kind }))
        .collect();
    let path = format!("{}::{}", workload.module, workload.function);
    json!({
        "id": workload.id,
        "function": path,
        "inputs": inputs,
        "timeLimitSeconds": workload.time_limit.as_secs_f64(),
        "doc": workload.doc.trim(),
    })
}
