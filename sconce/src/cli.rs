//! The command line: what there is. What each command does stands in [`commands`](crate::commands).

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand};

use crate::commands::{demo, down, host, order, status, submit, up, worker, workload};
use crate::failure::Failure;
use crate::folders;

/// Run functions in an enclave program; send them encrypted work orders; get signed answers that
/// only you can read.
#[derive(Parser)]
#[command(
    name = "sconce",
    version,
    max_term_width = 100,
    after_help = "\
Exit status: 0 done; 1 the operation failed; 2 the command line or an input cannot be used.
Log lines: -v, -vv, or RUST_LOG, as in RUST_LOG=sconce_manager=debug."
)]
pub(crate) struct Cli {
    /// Say more (twice: much more).
    #[arg(
        short,
        long,
        global = true,
        display_order = 900,
        action = ArgAction::Count,
        conflicts_with = "quiet"
    )]
    pub(crate) verbose: u8,
    /// Say nothing but results and errors.
    #[arg(short, long, global = true, display_order = 901)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Demo(demo::Args),
    Up(Box<up::Args>),
    Status(status::Args),
    Down(down::Args),
    Submit(Box<submit::Args>),
    #[command(subcommand)]
    Worker(worker::Command),
    #[command(subcommand)]
    Order(order::Command),
    #[command(subcommand)]
    Workload(workload::Command),
    Host(Box<host::Args>),
}

/// Which listener to talk to.
#[derive(clap::Args)]
pub(crate) struct ListenerArgs {
    /// The listener's address.
    #[arg(
        short,
        long,
        env = "SCONCE_URI",
        hide_env_values = true,
        value_name = "URL",
        default_value = "http://localhost:1947"
    )]
    pub(crate) uri: String,
}

/// Which platform of this machine.
#[derive(clap::Args)]
pub(crate) struct DataArgs {
    /// The data folder [default: $XDG_DATA_HOME/sconce, or ~/.local/share/sconce].
    #[arg(
        long,
        env = "SCONCE_DATA_DIR",
        hide_env_values = true,
        value_name = "FOLDER"
    )]
    data_dir: Option<PathBuf>,
}

impl DataArgs {
    /// The folder that was given, or the default one.
    pub(crate) fn folder(&self) -> Result<PathBuf, Failure> {
        self.data_dir.clone().map_or_else(folders::data, Ok)
    }
}

/// How long to wait for an answer.
#[derive(clap::Args)]
pub(crate) struct WaitArgs {
    /// How long to wait for the answer.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,
    /// Don't wait: end as soon as it's known whether there is an answer already.
    #[arg(long, alias = "no_wait")]
    pub(crate) no_wait: bool,
}

impl WaitArgs {
    pub(crate) fn timeout(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.timeout.into())
    }
}
