//! The subcommands, one module each.

pub(crate) mod order;
pub(crate) mod submit;
pub(crate) mod worker;
pub(crate) mod workload;

use std::future::Future;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Runs the command that was given.
pub(crate) fn run(cli: Cli, terminal: &Terminal) -> Result<(), Failure> {
    match cli.command {
        Command::Submit(args) => block_on(submit::run(*args, terminal)),
        Command::Worker(command) => block_on(worker::run(command, terminal)),
        Command::Order(command) => block_on(order::run(command, terminal)),
        Command::Workload(command) => workload::run(command, terminal),
    }
}

/// Runs a requester's command: one thread is enough to wait with.
fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format_args!("cannot start: {error}")))?
        .block_on(command)
}
