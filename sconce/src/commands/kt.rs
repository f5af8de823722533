//! `sconce kt`: the key-transparency directory, and those who watch it.
//!
//! A directory is served with `up`; the subcommands here are for one by itself, and for its witnesses and
//! auditors. What requesters and owners ask of it is `sconce keys`.

mod audit;
mod import;
mod serve;
pub(crate) mod verify_response;
mod witness;

use super::{Threads, block_on};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// The key directory by itself: serve it, witness it, audit it, check what it said.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    Serve(Box<serve::Args>),
    Import(import::Args),
    Witness(witness::Args),
    Audit(audit::Args),
    VerifyResponse(verify_response::Args),
}

/// Does what was asked for.
pub(crate) fn run(command: Command, terminal: &mut Terminal) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => block_on(Threads::Platform(None), serve::run(*args, terminal)),
        Command::Import(args) => import::run(&args, terminal),
        Command::Witness(args) => block_on(Threads::One, witness::run(args, terminal)),
        Command::Audit(args) => block_on(Threads::One, audit::run(args, terminal)),
        Command::VerifyResponse(args) => verify_response::run(&args, terminal),
    }
}
