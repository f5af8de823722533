//! The worker program, with the workloads of the table.
//!
//! A host starts it with a socket as standard input. There is nothing here for people to run.

use std::process::ExitCode;

use sconce_worker::{program, table};

fn main() -> ExitCode {
    program::run(table::find, table::longest(), &mut table::ids())
}
