//! `sconce sconify`: the command `sconify`, under one roof with the platform that runs its images.

use std::ffi::OsString;
use std::process::ExitCode;

/// Build, measure, sign, inspect, compare and package enclave images: the command `sconify`.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// See `sconce sconify --help`.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGUMENTS"
    )]
    arguments: Vec<OsString>,
}

pub(crate) fn run(args: Args, quiet: bool) -> ExitCode {
    let name = "sconce sconify";
    let quiet = quiet.then(|| "--quiet".into());
    let arguments = [name.into()].into_iter().chain(quiet);
    sconify::command::main(name, arguments.chain(args.arguments))
}
