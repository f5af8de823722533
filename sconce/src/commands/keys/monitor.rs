//! `sconce keys monitor`: watches entries, and says when something is wrong with them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use client::directory::Lookup;
use sconify::terminal::foreign::harmless;
use serde_json::json;
use transparency::memory::Checkpoint;
use transparency::signature::{SigningKey, VerifyingKey};
use transparency::verifier::{Change, Coverage, Verified};
use zeroize::Zeroizing;

use super::history;
use super::place::{DirectoryArgs, see};
use super::view;
use crate::args::duration;
use crate::commands::kt::verify_response::{shown, text};
use crate::failure::Failure;
use crate::signals::StopSignals;
use crate::terminal::Terminal;

/// Watch entries of a directory, and end with an error when one changes as it must not.
///
/// Each time all changes since the last time are read and verified: they have to be signed by who may, and
/// with --key by that key. An entry that goes away, or comes back, a second history, an old state, and a log
/// that was written again are found too. What was seen is remembered, so that the next run goes on.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce keys monitor alice@example.com --key alice.pem
  sconce keys monitor <worker id> <worker id> --every 1m --json
  sconce keys monitor alice@example.com --key alice.pem --once && echo still mine")]
pub(crate) struct Args {
    /// The users' ids.
    #[arg(required = true)]
    users: Vec<String>,
    /// The owner's key, or its public key, in PEM; a change that none of these has signed is an alarm. May be
    /// given several times.
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// How often to look.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    every: Duration,
    /// Look once.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    directory: DirectoryArgs,
    /// Print a JSON object for each change, one a line.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let lookup = args.directory.lookup()?;
    let keys = args.key.iter().map(|file| owner(file));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let mut stop = StopSignals::new()?;
    let mut first = true;
    loop {
        for user in &args.users {
            match look(&lookup, user, &keys, terminal).await {
                Ok(seen) => tell(args, &lookup, user, &seen, first, terminal),
                // Somebody who can't be reached hides nothing that is not seen later.
                Err(failure) if !args.once && failure.code() == Some(UNREACHABLE) => {
                    terminal.warn(format_args!("{}: {}", harmless(user), failure.message()));
                }
                Err(failure) => return Err(failure.with("user", user.as_str())),
            }
        }
        if args.once {
            return Ok(());
        }
        first = false;
        tokio::select! {
            _ = stop.next() => return Ok(()),
            () = tokio::time::sleep(args.every) => {}
        }
    }
}

/// The code of a directory that gives no answer.
const UNREACHABLE: &str = "directory.unreachable";

/// What was seen of a user.
struct Seen {
    newest: Verified,
    before: Option<Checkpoint>,
    changes: Vec<Change>,
}

async fn look(
    lookup: &Lookup,
    user: &str,
    keys: &[VerifyingKey],
    terminal: &Terminal,
) -> Result<Seen, Failure> {
    let spinner = terminal.spinner(format!("looking at {}", harmless(user)));
    lookup
        .hold(async |directory, verifier, memory| {
            let newest = see(directory, verifier, memory, user).await?;
            let before = memory.history(user).cloned();
            let check = verifier
                .history(&newest, Coverage::ChangesOnly, before.as_ref())
                .owned_by(keys.to_vec());
            let changes = history::read(
                check,
                Coverage::ChangesOnly,
                &newest,
                directory,
                memory,
                &spinner,
            )
            .await?;
            Ok(Seen {
                newest,
                before,
                changes,
            })
        })
        .await
}

fn tell(args: &Args, lookup: &Lookup, user: &str, seen: &Seen, first: bool, terminal: &Terminal) {
    let mut before = seen.before.as_ref().map(|before| before.epoch);
    if args.json {
        for change in &seen.changes {
            let mut line = view::change_json(change, lookup.realm());
            line["event"] = "change".into();
            terminal.print_json_line(&line);
        }
        if first {
            terminal.print_json_line(&json!({
                "event": "seen",
                "user": user,
                "epoch": seen.newest.epoch(),
                "present": seen.newest.present().is_some(),
            }));
        }
        return;
    }
    let user = harmless(user);
    for change in &seen.changes {
        let told = view::change_text(change, before);
        terminal.print(format_args!("{user}: {told}"));
        before = Some(change.verified.epoch());
    }
    if first {
        // Whoever looked before may have looked without the owner's keys.
        let unchanged = seen.before.as_ref().filter(|_| seen.changes.is_empty());
        let state = match (seen.newest.present(), unchanged) {
            (None, _) => "has no entry".to_owned(),
            (Some(_), Some(before)) => format!("is as it was in epoch {}", before.epoch),
            (Some(_), None) if args.key.is_empty() => "changed by who may change it".to_owned(),
            (Some(_), None) => "is as its owner left it".to_owned(),
        };
        terminal.print(format_args!(
            "{user}: {state} (epoch {})",
            seen.newest.epoch()
        ));
    }
}

/// A key of the owner's: the private one, or what is public of it.
fn owner(file: &Path) -> Result<VerifyingKey, Failure> {
    let pem = Zeroizing::new(text(file)?);
    VerifyingKey::from_pem(&pem)
        .or_else(|_| SigningKey::from_pem(&pem).map(|key| key.verifying_key().clone()))
        .map_err(|_| {
            Failure::unusable(format_args!("{}: no P-256 key in PEM", shown(file))).coded("kt.key")
        })
}
