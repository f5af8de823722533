//! `sconce order`: orders that you submitted before.

use std::time::Instant;

use client::{Answer, Client, Error, Pending};
use serde_json::json;

use crate::args::{TrustArgs, WaitArgs};
use crate::failure::{Failure, short};
use crate::journal::{Entry, Journal, State};
use crate::output::OutputView;
use crate::terminal::Terminal;

/// Your own orders: `submit` keeps a journal of them.
///
/// The journal is a folder of files that only you can read: $XDG_STATE_HOME/sconce/orders, or
/// ~/.local/state/sconce/orders. It holds session keys, no inputs and no answers. Remove a file, and
/// nobody can open that answer any more.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    Get(GetArgs),
    List(ListArgs),
}

/// Fetch, verify and decrypt the answer to an order.
///
/// It has to be signed with the key that the worker's record had when the order was sent: the one that
/// was verified then.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce order get 3f9a1c
  sconce order get 3f9a1c --no-wait --json")]
pub(crate) struct GetArgs {
    /// The order's id, or as much of its beginning as no other order has.
    id: String,
    /// The listener's address, if it is not where the order was sent.
    #[arg(short, long, value_name = "URL")]
    uri: Option<String>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    wait: WaitArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// List your orders, the latest first, as far as your journal knows.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  sconce order list --json")]
pub(crate) struct ListArgs {
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

/// Fetches or lists.
pub(crate) async fn run(command: Command, terminal: &Terminal) -> Result<(), Failure> {
    match command {
        Command::Get(args) => {
            let outcome = get(&args, terminal).await;
            if let (true, Err(failure)) = (args.json, &outcome) {
                terminal.print_json(&failure.to_json());
            }
            outcome
        }
        Command::List(args) => list(&args, terminal),
    }
}

async fn get(args: &GetArgs, terminal: &Terminal) -> Result<(), Failure> {
    let journal = Journal::open()?;
    let mut entry = journal.find(&args.id)?;
    let id = short(entry.work_order_id.as_str()).to_owned();
    let pending = entry.pending().ok_or_else(|| {
        Failure::failed(format_args!("the journal's entry of order {id} is damaged"))
            .advice("its answer cannot be opened any more")
    })?;
    if entry.measurement.is_none() {
        terminal.warn("the worker was not verified when the order was sent");
    }
    let what = format!("order {id}");
    let uri = args.uri.as_deref().unwrap_or(&entry.uri);
    let client = args
        .trust
        .connect(uri)
        .map_err(|error| Failure::of_client(&what, &error))?;

    let spinner = terminal.spinner(what.clone());
    let outcome = fetch(&client, &pending, &args.wait).await;
    drop(spinner);
    entry.settle(&outcome);
    if let Err(failure) = journal.write(&entry) {
        terminal.warn(failure);
    }
    let answer = outcome
        .map_err(|error| Failure::of_client(&what, &error))?
        .ok_or_else(|| {
            Failure::failed(format_args!("{what} is not finished"))
                .advice("ask again later, or leave out --no-wait")
        })?;
    if args.json {
        terminal.print_json(&json!({
            "workOrderId": entry.work_order_id,
            "state": entry.state.name(),
            "verified": true,
            "measurement": entry.measurement,
            "outputs": answer.outputs().map(OutputView::new).collect::<Vec<_>>(),
        }));
    } else {
        for output in answer.outputs() {
            terminal.print_output("", output);
        }
    }
    Ok(())
}

async fn fetch(
    client: &Client,
    pending: &Pending,
    wait: &WaitArgs,
) -> Result<Option<Answer>, Error> {
    if wait.no_wait {
        return client.poll(pending).await;
    }
    // A wait rides out a listener that goes away; one that never was there is said at once.
    let begun = Instant::now();
    match tokio::time::timeout(wait.timeout(), client.poll(pending)).await {
        Ok(Ok(Some(answer))) => return Ok(Some(answer)),
        Ok(Err(error @ Error::Transport { .. })) => return Err(error),
        _ => {}
    }
    let left = wait.timeout().saturating_sub(begun.elapsed());
    match client.wait(pending, left).await {
        Err(Error::TimedOut { order, .. }) => Err(Error::TimedOut {
            order,
            after: wait.timeout(),
        }),
        outcome => outcome.map(Some),
    }
}

fn list(args: &ListArgs, terminal: &Terminal) -> Result<(), Failure> {
    let entries = Journal::open()?.list(terminal)?;
    if args.json {
        let views: Vec<_> = entries.iter().map(view).collect();
        terminal.print_json(&views);
        return Ok(());
    }
    if entries.is_empty() {
        terminal.note("no orders yet; `sconce submit --help` shows how to send one");
    }
    for entry in entries {
        let workload = workload(&entry);
        let worker = worker(&entry);
        let state = match &entry.reason {
            Some(reason) => format!("{}: {reason}", entry.state.name()),
            None => entry.state.name().to_owned(),
        };
        terminal.print(format_args!(
            "{}  {:>8} ago  {workload:<20} {worker:<18} {state}",
            short(entry.work_order_id.as_str()),
            age(entry.age()),
        ));
    }
    Ok(())
}

fn view(entry: &Entry) -> serde_json::Value {
    json!({
        "workOrderId": entry.work_order_id,
        "uri": entry.uri,
        "worker": entry.worker,
        "workerId": entry.worker_id,
        "workload": workload(entry),
        "measurement": entry.measurement,
        "submitted": entry.submitted,
        "state": entry.state.name(),
        "reason": entry.reason,
        "finished": matches!(entry.state, State::Answered | State::Failed),
    })
}

fn workload(entry: &Entry) -> String {
    let name = entry.workload_id.name();
    name.unwrap_or_else(|| entry.workload_id.as_str().to_owned())
}

fn worker(entry: &Entry) -> &str {
    entry
        .worker
        .as_deref()
        .unwrap_or_else(|| short(entry.worker_id.as_str()))
}

/// Seconds in the largest unit that gives at least one.
fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn ages_are_short() {
        let ages = [0, 59, 60, 3599, 3600, 86399, 86400, 864_000].map(age);
        assert_eq!(
            ages,
            [
                "0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d", "10 d"
            ]
        );
    }
}
