//! The command line. Each subcommand has a module; this one has what they share.

use std::process::ExitCode;

use clap::Subcommand;

use crate::Error;

/// What `sconify`, and `sconce sconify`, take.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

/// What there is to do.
#[derive(Subcommand)]
enum Command {}

/// Runs a subcommand and says what went wrong, if something did.
pub fn run(args: Args) -> ExitCode {
    match dispatch(args.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error[{}]: {error}", error.code());
            match error.exit() {
                crate::Exit::Failed => ExitCode::from(1),
                crate::Exit::Unusable => ExitCode::from(2),
            }
        }
    }
}

fn dispatch(command: Command) -> Result<(), Error> {
    match command {}
}
