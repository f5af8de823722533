//! `sconce`: encrypted work orders, run by a separate worker program, answered to you alone.

mod args;
mod argv;
mod cli;
mod commands;
mod failure;
mod folders;
mod journal;
mod key_file;
mod logging;
mod notify;
mod output;
mod platform;
mod settings;
mod signals;
mod terminal;
mod vault;
mod verification;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _};

use crate::cli::{Cli, Command};
use crate::logging::Format;
use crate::terminal::Terminal;

/// Says what is wrong with the command line, or shows the help that was asked for; ends the process.
fn refuse(error: &clap::Error, args: &[OsString]) -> ! {
    // Nobody is left to be told.
    let _gone: std::io::Result<()> = error.print();
    if error.kind() == ErrorKind::UnknownArgument && argv::has_text_like_an_option(args) {
        Terminal::new(false, 0, Format::Text)
            .say("\n  tip: an input that begins with a hyphen: -i=\"-3 ab\"");
    }
    std::process::exit(error.exit_code())
}

fn main() -> ExitCode {
    let args = argv::with_long_names(std::env::args_os());
    let matches = argv::without_empty_variables(Cli::command()).try_get_matches_from(&args);
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = cli.unwrap_or_else(|error| refuse(&error, &args));
    if let Command::Sconify(args) = cli.command {
        return commands::sconify::run(args, cli.quiet);
    }
    let format = cli.log_format.unwrap_or_default();
    let mut terminal = Terminal::new(cli.quiet, cli.verbose, format);
    let outcome = commands::run(cli, &mut terminal);
    match outcome.and_then(|()| terminal.lost().map_or(Ok(()), Err)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal.failure(&failure);
            failure.exit_code()
        }
    }
}
