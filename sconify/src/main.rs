//! `sconify`: the command. `sconce sconify` is the same.

use std::process::ExitCode;

use sconce_sconify::command;

fn main() -> ExitCode {
    command::main("sconify", std::env::args_os())
}
