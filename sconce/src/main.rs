//! `sconce`: encrypted work orders, run by a separate worker program, answered to you alone.

mod args;
mod argv;
mod cli;
mod commands;
mod failure;
mod folders;
mod foreign;
mod journal;
mod logging;
mod output;
mod platform;
mod signals;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::terminal::Terminal;

fn main() -> ExitCode {
    let cli = Cli::parse_from(argv::with_long_names(std::env::args_os()));
    let terminal = Terminal::new(cli.quiet, cli.verbose);
    logging::start(cli.verbose, cli.quiet);
    match commands::run(cli, &terminal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal.failure(&failure);
            failure.exit_code()
        }
    }
}
