//! The command line: what there is. What each command does stands in [`commands`](crate::commands).

use clap::{ArgAction, Parser, Subcommand};

use crate::commands::{
    bench, config, demo, down, drill, host, keys, kt, order, pool, quote, receipt, sconify,
    session, status, submit, up, upgrade, vault, verify, worker, workload,
};
use crate::logging::Format;

/// Run functions in a measured worker program; send it encrypted work orders; get signed answers. The
/// platform under the program is simulated in this version, and protects nothing.
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
    /// How lines on standard error are written [default: text].
    #[arg(
        long,
        global = true,
        display_order = 902,
        value_enum,
        value_name = "text|json",
        hide_possible_values = true,
        env = "SCONCE_LOG_FORMAT",
        hide_env = true
    )]
    pub(crate) log_format: Option<Format>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Demo(demo::Args),
    Up(Box<up::Args>),
    #[command(subcommand)]
    Config(config::Command),
    Status(status::Args),
    Down(down::Args),
    Submit(Box<submit::Args>),
    Verify(Box<verify::Args>),
    #[command(subcommand)]
    Worker(worker::Command),
    #[command(subcommand)]
    Order(order::Command),
    #[command(subcommand)]
    Receipt(receipt::Command),
    #[command(subcommand)]
    Workload(workload::Command),
    Bench(bench::Args),
    #[command(subcommand)]
    Keys(keys::Command),
    #[command(subcommand)]
    Kt(kt::Command),
    Upgrade(upgrade::Args),
    #[command(subcommand)]
    Session(session::Command),
    #[command(subcommand)]
    Pool(pool::Command),
    #[command(subcommand)]
    Quote(quote::Command),
    Drill(Box<drill::Args>),
    Sconify(sconify::Args),
    Host(Box<host::Args>),
    Vault(Box<vault::Args>),
}
