//! `sconce keys get`: what a directory has of a user.

use std::io::Write as _;
use std::path::PathBuf;

use client::directory::{PATIENCE, Refusal, ask};
use sconify::terminal::foreign::harmless;
use transparency::json;

use super::place::DirectoryArgs;
use super::view;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Show what a directory has of a user, with everything verified.
///
/// Absence is proven too. What is seen is remembered: an older state, or another one under the same number,
/// is refused the next time, and so is an entry that was replaced or has vanished.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce keys get alice@example.com
  sconce keys get 0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed --app iexec-result-key --out key.json
  sconce keys get alice@example.com --directory directory.json --save answer.json --json")]
pub(crate) struct Args {
    /// The user's id: a worker's id, an address, or another name.
    user: String,
    /// Print, or write, only what this application has.
    #[arg(long, value_name = "ID")]
    app: Option<String>,
    /// Write what the application has into a file.
    #[arg(long, value_name = "FILE", requires = "app")]
    out: Option<PathBuf>,
    /// Keep the answer in a file: `sconce keys verify` and `sconce kt verify-response` check it again.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    #[command(flatten)]
    directory: DirectoryArgs,
    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let lookup = args.directory.lookup()?;
    let verified = lookup
        .hold(async |directory, verifier, memory| {
            let asked = ask(directory, verifier, memory, &args.user, PATIENCE).await;
            let (answer, verified) = asked.map_err(Refusal::from)?;
            if let Some(file) = &args.save {
                // Whether it is true or not: a lie is what is worth keeping most.
                let bytes = json::write(&answer).map_err(Failure::failed)?;
                write(file, &bytes)?;
            }
            let verified = verified?;
            client::directory::link(directory, verifier, memory).await?;
            Ok::<_, Failure>(verified)
        })
        .await?;
    let Some(app) = &args.app else {
        if args.json {
            terminal.print_json(&view::json(&verified, lookup.realm()));
        } else {
            terminal.print(view::text(&verified, lookup.realm()));
            if verified.present().is_none() {
                terminal.say(
                    "workers are there under their ids: `sconce worker show NAME` has a worker's",
                );
            }
        }
        return Ok(());
    };
    let data = verified.app(app).ok_or_else(|| {
        Failure::failed(format_args!(
            "the directory {} has nothing of {} for the application {}",
            lookup.realm(),
            harmless(&args.user),
            harmless(app)
        ))
        .coded("directory.missing")
        .advised(format_args!("proven in epoch {}", verified.epoch()))
    })?;
    match &args.out {
        Some(file) => {
            write(file, data)?;
            terminal.say(format_args!("wrote {}", file.display()));
        }
        None if args.json => terminal.print_json(&view::json(&verified, lookup.realm())),
        None => terminal.print_output("", data),
    }
    Ok(())
}

/// Writes a file, whole or not at all.
pub(super) fn write(file: &std::path::Path, bytes: &[u8]) -> Result<(), Failure> {
    sconify::output::write_whole(file, false, |out| {
        out.write_all(bytes)
            .map_err(sconify::Error::io("write", file))
    })
    .map_err(|error| Failure::failed(error).coded("file.io"))
}
