//! The subcommands, one module each.

pub(crate) mod demo;
pub(crate) mod down;
pub(crate) mod host;
pub(crate) mod order;
pub(crate) mod status;
pub(crate) mod submit;
pub(crate) mod up;
pub(crate) mod worker;
pub(crate) mod workload;

use std::future::Future;

use tokio::runtime::Builder;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Runs the command that was given.
pub(crate) fn run(cli: Cli, terminal: &Terminal) -> Result<(), Failure> {
    match cli.command {
        Command::Demo(args) => block_on(Threads::Many, demo::run(args, terminal)),
        Command::Up(args) => block_on(Threads::Many, up::run(*args, terminal)),
        Command::Status(args) => block_on(Threads::One, status::run(args, terminal)),
        Command::Down(args) => down::run(&args, terminal),
        Command::Submit(args) => block_on(Threads::One, submit::run(*args, terminal)),
        Command::Worker(command) => block_on(Threads::One, worker::run(command, terminal)),
        Command::Order(command) => block_on(Threads::One, order::run(command, terminal)),
        Command::Workload(command) => workload::run(command, terminal),
        Command::Host(args) => host::run(*args),
    }
}

/// How many threads a command needs: a requester's waits most of the time.
enum Threads {
    One,
    Many,
}

fn block_on(
    threads: Threads,
    command: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let mut builder = match threads {
        Threads::One => Builder::new_current_thread(),
        Threads::Many => Builder::new_multi_thread(),
    };
    builder
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format_args!("cannot start: {error}")))?
        .block_on(command)
}
