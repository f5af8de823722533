//! `sconce receipt show`: a receipt and its updates, verified.

use client::{CheckedReceipt, Subject, Updater, WorkOrderId};
use protocol::crypto::secp256k1::VerifyingKey;
use protocol::crypto::sha256;
use sconify::terminal::foreign::harmless;
use serde_json::{Value, json};

use super::{CommonArgs, failed};
use crate::failure::Failure;
use crate::journal::{Entry, Journal};
use crate::terminal::Terminal;

/// Show a receipt with its updates, every signature verified.
///
/// Of an order of yours it is also compared with what your journal knows: worker, requester, request
/// hash, and the key of your receipt. For another order give its whole id; its worker's key is then
/// believed as the listener has it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce receipt show 3f9a1c
  sconce receipt show 3f9a1c --json")]
pub(crate) struct Args {
    /// The order's id, or as much of its beginning as no other order of yours has.
    id: String,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

/// Fetches, verifies, compares, prints.
pub(super) async fn run(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let (id, entry) = find(&args.id)?;
    let failure = |error| failed(&id, &error);
    let client = args.common.connect(entry.as_ref()).map_err(failure)?;
    let pinned = entry.as_ref().and_then(Entry::worker_key);
    let receipt = client
        .receipt(&id, pinned.as_ref())
        .await
        .map_err(failure)?;

    let subject = entry.as_ref().and_then(Entry::subject);
    if let Some(member) = subject.as_ref().and_then(|own| receipt.differs_from(own)) {
        return Err(Failure::failed(format_args!(
            "the receipt of order {id} is not of your order: its {member} differs"
        ))
        .advice("do not rely on it"));
    }
    let creator = Creator::of(&receipt, entry.as_ref());
    if args.common.json {
        terminal.print_json(&view(&receipt, subject.as_ref(), creator));
    } else {
        for line in describe(&receipt, subject.as_ref(), creator) {
            terminal.print(line);
        }
    }
    if matches!(creator, Creator::Other) {
        terminal
            .warn("this is not the receipt that you created: somebody else who saw the order did");
    }
    Ok(())
}

/// An order of the journal, or any other by its whole id.
fn find(text: &str) -> Result<(WorkOrderId, Option<Entry>), Failure> {
    let journal = Journal::open()?;
    let whole = WorkOrderId::new(text).ok().filter(|_| text.len() >= 64);
    match whole {
        Some(id) => Ok((id.clone(), journal.get(&id)?)),
        None => {
            let entry = journal.find(text)?;
            Ok((entry.work_order_id.clone(), Some(entry)))
        }
    }
}

/// Whose the receipt's key is, as far as the journal knows.
#[derive(Clone, Copy)]
enum Creator {
    You,
    Other,
    Unknown,
}

impl Creator {
    fn of(receipt: &CheckedReceipt, entry: Option<&Entry>) -> Self {
        let own = entry.and_then(|entry| entry.receipt_key.as_deref());
        let own = own.and_then(|pem| VerifyingKey::from_pem(pem).ok());
        match own {
            Some(key) if key.is_same_key(receipt.key()) => Self::You,
            Some(_) => Self::Other,
            None => Self::Unknown,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::You => "you",
            Self::Other => "somebody else",
            Self::Unknown => "whoever has the key",
        }
    }
}

fn updater(updater: Updater) -> &'static str {
    match updater {
        Updater::Creator => "creator",
        Updater::Worker => "worker",
    }
}

fn view(receipt: &CheckedReceipt, own: Option<&Subject>, creator: Creator) -> Value {
    let updates: Vec<_> = receipt
        .updates()
        .map(|(by, update)| json!({ "signedBy": updater(by), "update": update }))
        .collect();
    json!({
        "workOrderId": receipt.receipt().work_order_id,
        "status": receipt.status().name(),
        "verified": true,
        "fitsYourOrder": own.map(|_| true),
        "createdByYou": match creator {
            Creator::You => Some(true),
            Creator::Other => Some(false),
            Creator::Unknown => None,
        },
        "receipt": receipt.receipt(),
        "updates": updates,
    })
}

fn describe(receipt: &CheckedReceipt, own: Option<&Subject>, creator: Creator) -> Vec<String> {
    let stated = receipt.receipt();
    let key = hex::encode(sha256(&[receipt.key().pem().as_bytes()]));
    let fits = match own {
        Some(_) => "yes: worker, requester and request hash",
        None => "not known: the order is not in your journal",
    };
    let mut lines = vec![
        format!("order              {}", stated.work_order_id),
        format!("status             {}", receipt.status().name()),
        format!(
            "created            {}, by {}",
            stated.receipt_create_status.name(),
            creator.name()
        ),
        format!("worker             {}", stated.worker_id),
        format!("requester          {}", stated.requester_id),
        format!(
            "request hash       {}",
            harmless(&stated.work_order_request_hash)
        ),
        format!("key                secp256k1, SHA-256 {key}"),
        format!("fits your order    {fits}"),
    ];
    for (number, (by, update)) in receipt.updates().enumerate() {
        lines.push(format!(
            "update {:<12}{}, by its {}: {}",
            number + 1,
            update.update_type.name(),
            updater(by),
            harmless(&update.update_data)
        ));
    }
    lines.push("checked            every signature; the order of the statuses".to_owned());
    lines
}
