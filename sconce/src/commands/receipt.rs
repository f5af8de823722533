//! `sconce receipt`: signed statements about work orders.

mod show;

use std::path::{Path, PathBuf};

use client::{
    Client, Error, ReceiptCriteria, ReceiptStatus, RpcError, Subject, WorkOrderId, WorkerId,
};
use protocol::crypto::secp256k1::SigningKey;
use protocol::ids::HexText;
use protocol::{Reason, RequesterId};
use serde_json::json;

use crate::args::{DEFAULT_URI, ListenerArgs, TrustArgs};
use crate::failure::{Failure, short};
use crate::journal::{Entry, Journal};
use crate::key_file;
use crate::terminal::Terminal;

/// Receipts: signed statements about work orders, kept longer than the orders.
///
/// What is needed for the receipt of an order of yours stands in your journal (see `sconce order`).
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    Create(CreateArgs),
    Show(show::Args),
    List(ListArgs),
    Update(UpdateArgs),
}

/// Which listener, and what is printed.
#[derive(clap::Args)]
struct CommonArgs {
    /// The listener's address, if it is not where the order was sent.
    #[arg(short, long, value_name = "URL")]
    uri: Option<String>,
    #[command(flatten)]
    trust: TrustArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl CommonArgs {
    fn connect(&self, entry: Option<&Entry>) -> Result<Client, Error> {
        let usual = || std::env::var("SCONCE_URI").unwrap_or_else(|_| DEFAULT_URI.to_owned());
        let sent_to = entry.map(|entry| entry.uri.clone());
        let uri = self.uri.clone().or(sent_to).unwrap_or_else(usual);
        self.trust.connect(&uri)
    }
}

/// Create the receipt of an order of yours. There is one an order.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce receipt create 3f9a1c
  sconce receipt create 3f9a1c --key-file requester.key --json
  sconce receipt create 3f9a1c --status rejected")]
pub(crate) struct CreateArgs {
    /// The order's id, or as much of its beginning as no other order of yours has.
    id: String,
    /// What it shall say: pending, completed, processed, failed or rejected.
    #[arg(long, default_value = "pending", value_name = "STATUS", value_parser = status)]
    status: ReceiptStatus,
    /// The key to sign with: a file that holds 64 hex digits [default: the one that the order was
    /// signed with, or a fresh one that is thrown away: then only the worker can update the receipt].
    #[arg(long, alias = "key_file", value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    common: CommonArgs,
}

/// List the orders that have receipts of some kind, of everybody. Give at least one criterion.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce receipt list --worker scone-worker-1
  sconce receipt list --worker scone-worker-1 --status completed --json")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    criteria: CriteriaArgs,
    #[command(flatten)]
    listener: ListenerArgs,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[group(required = true, multiple = true)]
struct CriteriaArgs {
    /// The worker's name, or its id (64 hex digits).
    #[arg(short, long, value_name = "WORKER")]
    worker: Option<String>,
    /// The id of whose service the worker is, in hex.
    #[arg(long, value_name = "HEX", value_parser = hex_text)]
    service: Option<HexText>,
    /// The requester's id in hex.
    #[arg(long, value_name = "HEX", value_parser = hex_text)]
    requester: Option<HexText>,
    /// What the receipt says now.
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Option<ReceiptStatus>,
}

/// Add an update to a receipt of yours.
///
/// "completed" and "processed" say that there is an answer: it is fetched and verified, and the update
/// carries its hash. After "completed" nothing may follow, after "processed" only those two.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce receipt update 3f9a1c --status completed --key-file requester.key
  sconce receipt update 3f9a1c --status failed --data 'not what I ordered' --key-file requester.key")]
pub(crate) struct UpdateArgs {
    /// The order's id, or as much of its beginning as no other order of yours has.
    id: String,
    /// What the receipt shall say: pending, completed, processed, failed or rejected.
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: ReceiptStatus,
    /// A text for pending, failed and rejected, up to 1024 bytes. Everybody can read it.
    #[arg(long, value_name = "TEXT")]
    data: Option<String>,
    /// The key to sign with, which must be the one of the receipt: a file that holds 64 hex digits
    /// [default: the one that the order was signed with].
    #[arg(long, alias = "key_file", value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    common: CommonArgs,
}

/// Creates, shows, lists or updates.
pub(crate) async fn run(command: Command, terminal: &Terminal) -> Result<(), Failure> {
    let (json, outcome) = match command {
        Command::Create(args) => (args.common.json, create(&args, terminal).await),
        Command::Show(args) => (args.common.json, show::run(&args, terminal).await),
        Command::List(args) => (args.json, list(&args, terminal).await),
        Command::Update(args) => (args.common.json, update(&args, terminal).await),
    };
    if let (true, Err(failure)) = (json, &outcome) {
        terminal.print_json(&failure.to_json());
    }
    outcome
}

async fn create(args: &CreateArgs, terminal: &Terminal) -> Result<(), Failure> {
    let journal = Journal::open()?;
    let mut entry = journal.find(&args.id)?;
    let subject = subject(&entry)?;
    let file = args.key_file.as_ref().or(entry.key_file.as_ref());
    let key = match file {
        Some(file) => key_file::read(file, terminal)?,
        None => key_file::fresh()?,
    };
    let client = args
        .common
        .connect(Some(&entry))
        .map_err(|error| failed(&subject.work_order_id, &error))?;
    let kept = file.is_some();
    send(&client, &subject, args.status, &key).await?;
    entry.receipt_key = Some(key.verifying_key().pem().to_owned());
    if let Err(failure) = journal.write(&entry) {
        terminal.warn(failure);
    }

    let id = &subject.work_order_id;
    if args.common.json {
        terminal.print_json(&json!({
            "workOrderId": id,
            "status": args.status.name(),
            "receiptVerificationKey": key.verifying_key().pem(),
            "keyKept": kept,
        }));
        return Ok(());
    }
    let status = args.status.name();
    terminal.print(format_args!("Receipt of order {id}: created, {status}"));
    if !kept {
        terminal.note(
            "its key was made for it and is thrown away: only the worker can update it (--key-file)",
        );
    }
    Ok(())
}

/// Creates the receipt.
pub(crate) async fn send(
    client: &Client,
    subject: &Subject,
    status: ReceiptStatus,
    key: &SigningKey,
) -> Result<(), Failure> {
    let created = client.create_receipt(subject, status, key).await;
    created
        .map(|_| ())
        .map_err(|error| failed(&subject.work_order_id, &error))
}

async fn update(args: &UpdateArgs, terminal: &Terminal) -> Result<(), Failure> {
    let entry = Journal::open()?.find(&args.id)?;
    let id = &entry.work_order_id;
    let failure = |error| failed(id, &error);
    let key = updating_key(args.key_file.as_deref(), &entry, terminal)?;
    let client = args.common.connect(Some(&entry)).map_err(failure)?;
    let data = match (&args.data, args.status.names_response()) {
        (Some(_), true) => {
            return Err(Failure::unusable(format_args!(
                "--data: {:?} carries the hash of the answer and no text",
                args.status.name()
            )));
        }
        (None, true) => {
            let pending = entry.pending().ok_or_else(|| {
                Failure::failed(format_args!(
                    "the journal's entry of order {} is damaged",
                    short(id.as_str())
                ))
            })?;
            client.response_hash(&pending).await.map_err(failure)?
        }
        (data, false) => data.clone().unwrap_or_default(),
    };
    let updater = HexText::from(&entry.requester_id);
    client
        .update_receipt(id, &updater, args.status, &data, &key)
        .await
        .map_err(failure)?;
    let status = args.status.name();
    if args.common.json {
        terminal.print_json(&json!({ "workOrderId": id, "status": status, "data": data }));
    } else {
        terminal.print(format_args!("Receipt of order {id}: now {status}"));
    }
    Ok(())
}

fn updating_key(
    file: Option<&Path>,
    entry: &Entry,
    terminal: &Terminal,
) -> Result<SigningKey, Failure> {
    let file = file.or(entry.key_file.as_deref()).ok_or_else(|| {
        Failure::unusable("--key-file is missing: the journal knows no key for this order")
            .advice("give the file that the receipt was signed with")
    })?;
    let key = key_file::read(file, terminal)?;
    let other = entry
        .receipt_key
        .as_ref()
        .is_some_and(|pem| *pem != key.verifying_key().pem());
    if other {
        return Err(Failure::unusable(format_args!(
            "{} holds another key than the one that signed the receipt",
            file.display()
        ))
        .advice("a receipt that was created without a key file cannot be updated by you"));
    }
    Ok(key)
}

async fn list(args: &ListArgs, terminal: &Terminal) -> Result<(), Failure> {
    let failure = |error| Failure::of_client("receipt list", &error);
    let wanted = &args.criteria;
    let requester = wanted.requester.as_ref();
    let criteria = ReceiptCriteria {
        worker_service_id: wanted.service.clone(),
        worker_id: wanted.worker.as_deref().map(worker_id),
        requester_id: requester.and_then(|id| RequesterId::new(id.as_str()).ok()),
        receipt_status: wanted.status,
    };
    let client = args.listener.connect().map_err(failure)?;
    let ids = client.receipts(&criteria).await.map_err(failure)?;
    if args.json {
        terminal.print_json(&ids);
        return Ok(());
    }
    if ids.is_empty() {
        terminal.note("no receipts of this kind");
    }
    for id in ids {
        terminal.print(id);
    }
    Ok(())
}

/// The worker of this name or id.
fn worker_id(text: &str) -> WorkerId {
    let is_id = text.len() == 64 && protocol::ids::is_hex(text);
    let id = WorkerId::new(text).ok().filter(|_| is_id);
    id.unwrap_or_else(|| WorkerId::from_name(text))
}

/// What the receipt of an order in the journal is about.
fn subject(entry: &Entry) -> Result<Subject, Failure> {
    entry.subject().ok_or_else(|| {
        Failure::failed(format_args!(
            "the journal does not know the request hash of order {}",
            short(entry.work_order_id.as_str())
        ))
        .advice("it was sent by an earlier release; newer orders have it")
    })
}

fn failed(id: &WorkOrderId, error: &Error) -> Failure {
    let id = short(id.as_str());
    let failure = Failure::of_client(format_args!("receipt of order {id}"), error);
    match error {
        Error::Rpc(error) => match advice_on(error) {
            Some(advice) => failure.advice(format_args!("{advice}{id}")),
            None => failure,
        },
        Error::Receipt { .. } | Error::InconsistentReceipt { .. } => {
            failure.advice("somebody between you and its signers changed it; do not rely on it")
        }
        Error::NotFinished { .. } => {
            failure.advice(format_args!("wait for it: sconce order get {id}"))
        }
        _ => failure,
    }
}

/// What to do next; the order's id comes after it.
fn advice_on(error: &RpcError) -> Option<&'static str> {
    match error.reason? {
        Reason::ReceiptTaken => Some("look at it: sconce receipt show "),
        Reason::ReceiptUnknown => Some("if the order is yours, create it: sconce receipt create "),
        Reason::ReceiptStatus | Reason::ReceiptRepeated | Reason::ReceiptFull => {
            Some("what it says now: sconce receipt show ")
        }
        _ => None,
    }
}

fn status(text: &str) -> Result<ReceiptStatus, String> {
    ReceiptStatus::from_name(text).ok_or_else(|| {
        let names: Vec<_> = ReceiptStatus::ALL
            .iter()
            .map(|status| status.name())
            .collect();
        format!("expected one of {}", names.join(", "))
    })
}

fn hex_text(text: &str) -> Result<HexText, String> {
    RequesterId::new(text)
        .map(|id| HexText::from(&id))
        .map_err(|fault| fault.to_string())
}
