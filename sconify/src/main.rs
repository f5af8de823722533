//! `sconify`: the command. `sconce sconify` is the same.

use std::process::ExitCode;

use clap::Parser;
use sconce_sconify::command;

/// Build, measure, sign, inspect and package enclave images.
#[derive(Parser)]
#[command(
    name = "sconify",
    version,
    max_term_width = 100,
    after_help = "\
Exit status: 0 done; 1 the operation failed, or the answer is no; 2 the command line or an input cannot
be used; 3 (lock --check) measurements of other tools cannot be compared."
)]
struct Cli {
    #[command(flatten)]
    args: command::Args,
}

fn main() -> ExitCode {
    command::run(Cli::parse().args)
}
