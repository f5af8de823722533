//! `sconce keys history`: how an entry changed, and who signed that.

use client::directory::{Directory, Refusal, Span};
use sconify::terminal::foreign::harmless;
use serde_json::{Value, json};
use transparency::memory::Memory;
use transparency::verifier::{Change, Coverage, HistoryCheck, Verified};

use super::place::{DirectoryArgs, see};
use super::view;
use crate::failure::Failure;
use crate::terminal::{Spinner, Terminal};

/// Show how a user's entry changed, with every change verified.
///
/// Each has to be signed by a key that the entry before it had named. Entries say which one they replace, so
/// that none can be left out between them; for entries that don't, --every-epoch asks for each epoch there
/// has been.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce keys history alice@example.com
  sconce keys history alice@example.com --every-epoch --json")]
pub(crate) struct Args {
    /// The user's id.
    user: String,
    /// Check every epoch, not only those with a change; needs proofs that directories keep for some days
    /// only.
    #[arg(long)]
    every_epoch: bool,
    #[command(flatten)]
    directory: DirectoryArgs,
    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let lookup = args.directory.lookup()?;
    let coverage = if args.every_epoch {
        Coverage::EveryEpoch
    } else {
        Coverage::ChangesOnly
    };
    let spinner = terminal.spinner("reading the history");
    let (newest, changes) = lookup
        .hold(async |directory, verifier, memory| {
            let newest = see(directory, verifier, memory, &args.user).await?;
            let check = verifier.history(&newest, coverage, None);
            // An owner's monitor has not seen them yet: it goes on from where it was.
            let scratch = &mut memory.clone();
            let changes = read(check, coverage, &newest, directory, scratch, &spinner).await?;
            Ok::<_, Failure>((newest, changes))
        })
        .await?;
    drop(spinner);
    let complete = coverage == Coverage::EveryEpoch || changes.iter().all(|one| one.chained);
    if args.json {
        let changes: Vec<Value> = changes
            .iter()
            .map(|change| view::change_json(change, lookup.realm()))
            .collect();
        terminal.print_json(&json!({
            "user": args.user,
            "realm": lookup.realm(),
            "epoch": newest.epoch(),
            "complete": complete,
            "changes": changes,
        }));
        return Ok(());
    }
    let mut before = None;
    for change in &changes {
        terminal.print(view::change_text(change, before));
        before = Some(change.verified.epoch());
    }
    let (user, epoch) = (harmless(&args.user), newest.epoch());
    terminal.print(match changes.len() {
        0 => format!("Verified: {user} has had no entry up to epoch {epoch}"),
        1 => format!("Verified: one change up to epoch {epoch}, signed by who may"),
        count => format!("Verified: {count} changes up to epoch {epoch}, each signed by who may"),
    });
    if !complete {
        terminal.warn(
            "some entries don't say which one they replace, so that a change may be left out: \
             --every-epoch shows whether",
        );
    }
    Ok(())
}

/// Reads a history to its end: the changes in it.
pub(super) async fn read(
    mut check: HistoryCheck<'_>,
    coverage: Coverage,
    newest: &Verified,
    directory: &Directory,
    memory: &mut Memory,
    spinner: &Spinner,
) -> Result<Vec<Change>, Failure> {
    let mut changes = Vec::new();
    while let Some(start) = check.next_start() {
        spinner.say(format!("epoch {start} of {}", newest.epoch()));
        let span = Span {
            start,
            page_size: 0,
            changes_only: coverage == Coverage::ChangesOnly,
        };
        let page = directory
            .history(newest.user(), span)
            .await
            .map_err(Refusal::from)?;
        changes.extend(check.page(&page, memory)?);
    }
    check.finish(memory)?;
    Ok(changes)
}
