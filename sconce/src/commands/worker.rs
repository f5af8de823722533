//! `sconce worker`: who takes orders, and what their records prove.

use client::{CheckedRecord, Client, Criteria, NotProved, Worker, WorkerId};
use protocol::crypto::sha256;
use protocol::record::WorkerRecord;
use serde_json::{Value, json};

use crate::args::ListenerArgs;
use crate::failure::{Failure, short};
use crate::terminal::Terminal;
use crate::verification::{self, Requirement, VerifyArgs};

/// Workers of a listener: who takes orders, and what their records prove.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    List(ListArgs),
    Show(ShowArgs),
}

/// List the workers.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  sconce worker list --uri http://localhost:1947")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    listener: ListenerArgs,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

/// Show one worker's record, what was checked, and what is not proved.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  sconce worker show scone-worker-1")]
pub(crate) struct ShowArgs {
    /// The worker's name, or its id (64 hex digits).
    worker: String,
    #[command(flatten)]
    listener: ListenerArgs,
    /// Print one JSON object, with the whole record.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    verify: VerifyArgs,
}

/// Lists or shows.
pub(crate) async fn run(command: Command, terminal: &Terminal) -> Result<(), Failure> {
    let (json, outcome) = match command {
        Command::List(args) => (args.json, list(&args, terminal).await),
        Command::Show(args) => (args.json, show(&args, terminal).await),
    };
    if let (true, Err(failure)) = (json, &outcome) {
        terminal.print_json(&failure.to_json());
    }
    outcome
}

/// A worker as a list shows it.
pub(crate) struct Summary {
    pub(crate) id: WorkerId,
    /// The name whose hash the id is, if it's one of the usual ones.
    pub(crate) name: Option<String>,
    /// A word for its status.
    pub(crate) status: &'static str,
    /// A word for what the record shows of them: nothing, or a quote that nobody has verified here.
    pub(crate) keys: &'static str,
}

impl Summary {
    /// As JSON.
    pub(crate) fn view(&self) -> Value {
        json!({ "name": self.name, "id": self.id, "status": self.status, "keys": self.keys })
    }

    /// As a line.
    pub(crate) fn line(&self) -> String {
        let id = short(self.id.as_str());
        let name = self.name.as_deref().unwrap_or("-");
        format!("{name:<18} {id}…  {:<12} {} keys", self.status, self.keys)
    }
}

/// Every worker of the listener. `names` are tried first to say what an id stands for.
pub(crate) async fn summaries(
    client: &Client,
    names: &[String],
) -> Result<Vec<Summary>, client::Error> {
    let mut summaries = Vec::new();
    for id in client.lookup(&Criteria::default()).await? {
        let record = client.record(&id).await?;
        summaries.push(Summary {
            name: name_of(&id, names),
            status: record.status.name(),
            keys: keys_of(&record),
            id,
        });
    }
    summaries.sort_by(|a, b| (a.name.is_none(), &a.name).cmp(&(b.name.is_none(), &b.name)));
    Ok(summaries)
}

/// Names that a platform gives by default. A record has no name; its id is the name's hash.
const USUAL_NAMES: usize = 64;

fn name_of(id: &WorkerId, names: &[String]) -> Option<String> {
    let usual = (1..=USUAL_NAMES).map(|n| format!("scone-worker-{n}"));
    names
        .iter()
        .cloned()
        .chain(usual)
        .find(|name| WorkerId::from_name(name) == *id)
}

fn keys_of(record: &WorkerRecord) -> &'static str {
    match NotProved::without_evidence(record).first() {
        Some(NotProved::NoEvidence) => "unattested",
        _ => "quoted",
    }
}

async fn list(args: &ListArgs, terminal: &Terminal) -> Result<(), Failure> {
    let failure = |error| Failure::of_client("worker list", &error);
    let client = args.listener.connect().map_err(failure)?;
    let summaries = summaries(&client, &[]).await.map_err(failure)?;
    if args.json {
        let views: Vec<_> = summaries.iter().map(Summary::view).collect();
        terminal.print_json(&views);
        return Ok(());
    }
    if summaries.is_empty() {
        terminal.note("the listener has no workers");
    }
    for summary in summaries {
        terminal.print(summary.line());
    }
    Ok(())
}

/// The worker of this name, or of this id if it looks like one.
pub(crate) fn id_of(worker: &str) -> WorkerId {
    let is_id = worker.len() == 64 && protocol::ids::is_hex(worker);
    WorkerId::new(worker)
        .ok()
        .filter(|_| is_id)
        .unwrap_or_else(|| WorkerId::from_name(worker))
}

async fn show(args: &ShowArgs, terminal: &Terminal) -> Result<(), Failure> {
    let requirement = match args.verify.requirement() {
        Err(failure) if args.verify.is_asked_for() => return Err(failure),
        requirement => requirement.unwrap_or(Requirement::Skipped),
    };
    let id = id_of(&args.worker);
    let what = format!("worker {}", args.worker);
    let failure = |error| Failure::of_client(&what, &error);
    let client = args.listener.connect().map_err(failure)?;
    let record = client.record(&id).await.map_err(failure)?;
    let check = || CheckedRecord::check(id.clone(), record.clone());
    let checked = check();
    let judged = match check() {
        Ok(record) => requirement.judge(record).await,
        Err(error) => Err(error),
    };
    let refused = match &judged {
        Err(error @ (client::Error::Evidence { .. } | client::Error::Directory { .. })) => {
            Some(verification::of_look(&what, error, client.uri()))
        }
        _ => None,
    };
    let gaps = match &judged {
        Ok(worker) => worker.not_proved(),
        Err(_) => NotProved::without_evidence(&record),
    };
    let gaps: Vec<_> = gaps.iter().map(ToString::to_string).collect();
    if args.json {
        let evidence = judged.as_ref().ok().and_then(Worker::evidence);
        terminal.print_json(&json!({
            "id": id,
            "status": record.status.name(),
            "keys": keys_of(&record),
            "usable": checked.is_ok(),
            "fault": checked.as_ref().err().map(ToString::to_string),
            "policy": requirement.source(),
            "evidence": verification::view(evidence),
            "refused": refused.as_ref().map(|failure| failure.to_json()["error"].take()),
            "notProved": gaps,
            "record": record,
        }));
    }
    let record = checked.map_err(failure)?;
    if !args.json {
        for line in describe(&record, &args.worker) {
            terminal.print(line);
        }
        terminal.print(format_args!(
            "evidence           {}",
            evidence_line(judged.as_ref().ok(), refused.as_ref(), &requirement)
        ));
        for gap in gaps {
            terminal.print(format_args!("not proved         {gap}"));
        }
    }
    Ok(())
}

fn evidence_line(
    worker: Option<&Worker>,
    refused: Option<&Failure>,
    requirement: &Requirement,
) -> String {
    match (
        worker.and_then(Worker::evidence),
        refused,
        requirement.source(),
    ) {
        (Some(_), _, Some(policy)) => format!("accepted by {policy}; `sconce verify` says more"),
        (_, Some(failure), _) => format!("refused: {}", failure.message()),
        _ => "not verified: `sconce verify` does".to_owned(),
    }
}

fn describe(worker: &CheckedRecord, name: &str) -> Vec<String> {
    let print = |pem: &str| hex::encode(sha256(&[pem.as_bytes()]));
    vec![
        format!("worker             {name}"),
        format!("id                 {}", worker.id()),
        format!("status             {}", worker.record().status.name()),
        format!(
            "verification key   secp256k1, SHA-256 {}",
            print(worker.verification_key().pem())
        ),
        format!(
            "encryption key     RSA {} bits, SHA-256 {}",
            worker.encryption_key().bits(),
            print(worker.encryption_key().pem())
        ),
        "checked            active; the verification key has signed the encryption key".to_owned(),
    ]
}
