//! `sconify`: the command. `sconce sconify` is the same.

use std::process::ExitCode;

use clap::Parser;
use sconce_sconify::command;

/// Build, measure, sign, inspect and package enclave images.
#[derive(Parser)]
#[command(name = "sconify", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    args: command::Args,
}

fn main() -> ExitCode {
    command::run(Cli::parse().args)
}
