//! `sconce pool`: the pool of a vault, for managers of Avalon's kind.

use std::path::PathBuf;

use protocol::WorkerId;
use provision::api::{NewPool, Pool};
use provision::text::Text;
use serde_json::json;

use crate::args::DataArgs;
use crate::failure::Failure;
use crate::platform::{self, Images, Which};
use crate::terminal::Terminal;
use crate::vault::{self, VaultRecord};

/// A pool: one worker towards requesters, whose keys stay in the vault, and any number of processors.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    Open(OpenArgs),
    Show(ShowArgs),
    Close(CloseArgs),
}

/// Have keys made for a pool. Its managers reach the vault at the address `vault.pool`.
///
/// The keys are bound to the image whose programs are taken in as processors, each after it has proved what
/// it is. Processors get the keys of one order at a time.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  sconce pool open pool-1 --image target/sconify/worker")]
pub(crate) struct OpenArgs {
    /// The name of the worker that requesters know it as.
    worker: String,
    /// The processors' image: a folder of `sconify build`, an OCI layout, or a tar [default: built from the
    /// checkout].
    #[arg(long, value_name = "IMAGE")]
    image: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Show the pool, and what is published of it.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  sconce pool show --json")]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Print one JSON object, with the public keys and their evidence.
    #[arg(long)]
    json: bool,
}

/// Have the pool's keys destroyed. Orders that are encrypted to them can't be answered any more.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  sconce pool close")]
pub(crate) struct CloseArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Opens, shows or closes.
pub(crate) async fn run(command: Command, terminal: &Terminal) -> Result<(), Failure> {
    let (json, outcome) = match command {
        Command::Open(args) => (args.json, open(&args, terminal).await),
        Command::Show(args) => (args.json, show(&args.data, args.json, terminal)),
        Command::Close(args) => (args.json, close(&args, terminal)),
    };
    if let (true, Err(failure)) = (json, &outcome) {
        terminal.print_json(&failure.to_json());
    }
    outcome
}

async fn open(args: &OpenArgs, terminal: &Terminal) -> Result<(), Failure> {
    let data = args.data.folder()?;
    let record = VaultRecord::read(&data)?;
    // Before anything is built.
    let mut vault = vault::connect(&data)?;
    let image = platform::locate(Which::Worker, args.image.as_deref(), terminal).await?;
    let image = Images::open(platform::images_folder(&data))
        .map_err(|error| Failure::failed(format_args!("the folder of images: {error}")))?
        .keep(&image)?;
    let wish = NewPool {
        worker: args.worker.clone(),
        program: image.program(record.root.0),
    };
    let spinner = terminal.spinner("making keys");
    vault
        .ensure_pool(&wish)
        .map_err(|error| Failure::of_vault(&error))?;
    drop(spinner);
    drop(vault);
    show(&args.data, args.json, terminal)
}

fn show(data: &DataArgs, json: bool, terminal: &Terminal) -> Result<(), Failure> {
    let mut vault = vault::connect(&data.folder()?)?;
    let pool = vault.pool().map_err(|error| Failure::of_vault(&error))?;
    if json {
        terminal.print_json(&pool);
        return Ok(());
    }
    let Pool {
        worker,
        program: Text(program),
        ..
    } = &pool;
    terminal.print(format_args!("pool       {worker}"));
    terminal.print(format_args!("worker id  {}", WorkerId::from_name(worker)));
    terminal.print(format_args!("processors {program}"));
    Ok(())
}

fn close(args: &CloseArgs, terminal: &Terminal) -> Result<(), Failure> {
    let mut vault = vault::connect(&args.data.folder()?)?;
    vault
        .close_pool()
        .map_err(|error| Failure::of_vault(&error))?;
    if args.json {
        terminal.print_json(&json!({ "closed": true }));
    } else {
        terminal.print("the pool is closed and its keys are destroyed");
    }
    Ok(())
}
