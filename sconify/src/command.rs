//! The command line. Each subcommand has a module; this one has what they share.

mod build;
mod diff;
mod files;
mod gramine;
mod iexec;
mod inspect;
mod key;
mod lock;
mod measure;
mod package;
mod scone;
mod sign;
mod verify;

use std::ffi::OsString;
use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use serde::Serialize;

use crate::output::write_whole;
use crate::terminal::Terminal;
use crate::{Error, Fault as _, interruption};

/// Build, measure, sign, inspect, compare and package enclave images.
#[derive(Parser)]
#[command(
    name = "sconify",
    version,
    max_term_width = 100,
    after_help = "\
Exit status: 0 done; 1 the operation failed, or the answer is no; 2 the command line or an
input cannot be used; 3 nothing to compare with: `lock --check` where the tools are others."
)]
struct Args {
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
enum Command {
    Build(Box<build::Args>),
    Inspect(inspect::Args),
    Verify(verify::Args),
    Diff(diff::Args),
    Lock(lock::Args),
    Package(Box<package::Args>),
    Measure(measure::Args),
    Sign(Box<sign::Args>),
    #[command(subcommand)]
    Key(key::Command),
    #[command(subcommand)]
    Files(files::Command),
    Iexec(Box<iexec::Args>),
    Gramine(Box<gramine::Args>),
    Scone(Box<scone::Args>),
}

/// Does what `arguments` say, the first of which is ignored, and says what went wrong, if something
/// did. `name` is how the user calls the command: `sconify`, or `sconce sconify`.
///
/// Exit status: 0 done; 1 failed, or the answer is no; 2 the command line or an input can't be used;
/// 3 there is nothing to compare with.
#[must_use]
pub fn main(name: &'static str, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = Args::command().bin_name(name);
    let matches = command.try_get_matches_from(arguments);
    match matches.and_then(|matches| Args::from_arg_matches(&matches)) {
        Ok(args) => run(args),
        Err(error) => {
            // Nobody is left to be told.
            let _gone: std::io::Result<()> = error.print();
            // Help that was asked for is no failure.
            if error.use_stderr() {
                ExitCode::from(2)
            } else {
                ExitCode::SUCCESS
            }
        }
    }
}

fn run(args: Args) -> ExitCode {
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

fn dispatch(command: Command, terminal: &Terminal) -> Result<(), Error> {
    match command {
        Command::Build(args) => build::run(*args, terminal),
        Command::Inspect(args) => inspect::run(&args, terminal),
        Command::Verify(args) => verify::run(&args, terminal),
        Command::Diff(args) => diff::run(&args, terminal),
        Command::Lock(args) => lock::run(args, terminal),
        Command::Package(args) => package::run(*args, terminal),
        Command::Measure(args) => measure::run(args, terminal),
        Command::Sign(args) => sign::run(&args, terminal),
        Command::Key(command) => key::run(command, terminal),
        Command::Files(command) => files::run(command, terminal),
        Command::Iexec(args) => iexec::run(&args, terminal),
        Command::Gramine(args) => gramine::run(&args, terminal),
        Command::Scone(args) => scone::run(&args, terminal),
    }
}

/// Writes a document to `out`, or to standard output unless the report has it; what is known of it goes
/// where the other does not.
fn hand_over(
    document: &str,
    out: Option<&Path>,
    report: &(impl fmt::Display + Serialize),
    terminal: &Terminal,
) -> Result<(), Error> {
    match out {
        Some(path) => write_whole(path, false, |file| {
            file.write_all(document.as_bytes())
                .map_err(Error::io("write", path))
        })?,
        None if !terminal.wants_json() => {
            terminal.print_text(document);
            for line in report.to_string().lines() {
                terminal.say(line);
            }
            return Ok(());
        }
        None => {}
    }
    terminal.print(report);
    Ok(())
}
