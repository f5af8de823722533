//! The command line. Each subcommand has a module; this one has what they share.

use std::process::ExitCode;

use clap::Subcommand;

use crate::terminal::Terminal;
use crate::{Error, Fault as _, interruption};

/// What `sconify`, and `sconce sconify`, take.
#[derive(clap::Args)]
pub struct Args {
    /// Print results, and an error, as JSON.
    #[arg(long, global = true, display_order = 900)]
    json: bool,
    /// Say nothing but results and errors.
    #[arg(short, long, global = true, display_order = 901)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

/// What there is to do.
#[derive(Subcommand)]
enum Command {}

/// Runs a subcommand and says what went wrong, if something did.
///
/// Exit status: 0 done; 1 failed, or the answer is no; 2 the command line or an input can't be used;
/// 3 there is nothing to compare with.
#[must_use]
pub fn run(args: Args) -> ExitCode {
    interruption::prepare();
    let terminal = Terminal::new(args.json, args.quiet);
    let outcome = dispatch(args.command, &terminal);
    match outcome.and_then(|()| terminal.lost().map_or(Ok(()), Err)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal.failure(&error);
            error.exit().into()
        }
    }
}

fn dispatch(command: Command, _terminal: &Terminal) -> Result<(), Error> {
    match command {}
}
