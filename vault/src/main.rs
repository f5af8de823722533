//! The vault program. A host starts it with a socket as standard input; there is nothing here for people
//! to run.

use std::process::ExitCode;

fn main() -> ExitCode {
    sconce_vault::program::run()
}
