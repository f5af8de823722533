//! The worker program, with the workloads of the table.
//!
//! A host starts it with a socket as standard input. There is nothing here for people to run.

use std::process::ExitCode;

fn main() -> ExitCode {
    sconce_worker::program::run(sconce_worker::table::find)
}
