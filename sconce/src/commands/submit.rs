//! `sconce submit`: one work order, from the worker's record to the answer.

mod inputs;
mod unused;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use client::{
    Answer, Client, Error, Order, Protection, ReceiptStatus, Sealed, Subject, Worker, WorkerId,
};
use protocol::Reason;
use protocol::crypto::secp256k1::SigningKey;
use serde_json::json;

use crate::args::{ListenerArgs, WaitArgs};
use crate::commands::receipt;
use crate::failure::{Failure, short};
use crate::journal::{Entry, Journal};
use crate::key_file;
use crate::output::OutputView;
use crate::terminal::Terminal;
use crate::verification::{self, VerifyArgs};

/// Send a work order and wait for its answer.
///
/// The options are those of Hyperledger Avalon's generic client, under the same names; each may be
/// written with hyphens too (--worker-id). Before anything is encrypted,
/// the worker's evidence is verified; the answer is shown only if that worker has signed it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce submit -w scone-worker-1 -l python-hello -i Mujtaba -o
  sconce submit -w scone-worker-1 -l python-hello -i Mujtaba -o --data-dir ~/.local/share/sconce
  sconce submit --uri http://localhost:1947 -w scone-worker-1 -l python-fib -i 5 -o --policy p.toml
  sconce submit -w scone-worker-1 -l python-hello --in_data_file letter.txt --json
  sconce submit -w scone-worker-1 -l python-fib -i 100000 --no-wait")]
pub(crate) struct Args {
    #[command(flatten)]
    listener: ListenerArgs,
    #[command(flatten)]
    worker: WorkerArgs,
    /// The workload's name.
    #[arg(
        short = 'l',
        long = "workload_id",
        alias = "workload-id",
        value_name = "NAME"
    )]
    workload: String,
    #[command(flatten)]
    inputs: inputs::InputArgs,
    /// Decrypt the answer and print it.
    #[arg(short = 'o', long = "decrypted_output", alias = "decrypted-output")]
    output: bool,
    /// Sign the request (also -rs), with the key of --key-file or a fresh one.
    #[arg(long = "requester_signature", alias = "requester-signature")]
    sign: bool,
    /// The key to sign with: a file that holds 64 hex digits (openssl rand -hex 32).
    #[arg(long, alias = "key_file", value_name = "FILE", requires = "sign")]
    key_file: Option<PathBuf>,
    /// Create the order's receipt, signed with the key of -rs or a fresh one (see `sconce receipt`).
    #[arg(short = 'r', long)]
    receipt: bool,
    #[command(flatten)]
    wait: WaitArgs,
    /// Print one JSON object with the order, the answer and what was not proved.
    #[arg(long)]
    json: bool,
    /// Share one initialisation vector between all texts of the order, for workers of Avalon that
    /// cannot do without. Whoever sees such an order can read the first 32 bytes of every input and
    /// of the answer.
    #[arg(long, alias = "avalon_iv")]
    avalon_iv: bool,
    /// Keep nothing that could open the answer later.
    #[arg(long, alias = "no_journal", conflicts_with = "no_wait")]
    no_journal: bool,
    #[command(flatten)]
    verify: VerifyArgs,
    #[command(flatten)]
    unused: unused::UnusedArgs,
}

/// Which worker.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct WorkerArgs {
    /// The worker's name.
    #[arg(
        short = 'w',
        long = "worker_id",
        alias = "worker-id",
        value_name = "NAME"
    )]
    name: Option<String>,
    /// The worker's id in hex (also -wx).
    #[arg(long = "worker_id_hex", alias = "worker-id-hex", value_name = "HEX")]
    hex: Option<String>,
}

impl WorkerArgs {
    fn id(&self) -> Result<WorkerId, Failure> {
        match (&self.name, &self.hex) {
            (Some(name), _) => Ok(WorkerId::from_name(name)),
            (None, hex) => hex
                .as_deref()
                .filter(|hex| looks_like_an_id(hex))
                .and_then(|hex| WorkerId::new(hex).ok())
                .ok_or_else(|| {
                    Failure::unusable(
                        "the value of --worker_id_hex is no id: that has 64 hex digits",
                    )
                    .advice("`sconce worker show NAME` prints it; for a name use -w")
                }),
        }
    }

    /// How the user calls the worker.
    fn name(&self) -> &str {
        let given = self.name.as_deref().or(self.hex.as_deref());
        given.unwrap_or_default()
    }
}

/// Ids are SHA-256 digests; some write 0x in front.
fn looks_like_an_id(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    digits.len() == 64 && protocol::ids::is_hex(digits)
}

/// Submits, waits, prints.
pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<(), Failure> {
    let json = args.json;
    let outcome = submit(args, terminal).await;
    if let (true, Err(failure)) = (json, &outcome) {
        terminal.print_json(&failure.to_json());
    }
    outcome
}

async fn submit(args: Args, terminal: &Terminal) -> Result<(), Failure> {
    args.unused.check(terminal)?;
    let id = args.worker.id()?;
    let requirement = args.verify.requirement()?;
    let inputs = args.inputs.read()?;
    let no_inputs = inputs.is_empty();
    let key = args
        .sign
        .then(|| match &args.key_file {
            Some(file) => key_file::read(file, terminal),
            None => key_file::fresh(),
        })
        .transpose()?
        .map(Arc::new);
    let client = args
        .listener
        .connect()
        .map_err(|error| Failure::of_client("submit", &error))?;

    let worker = requirement.worker(&client, &id, args.worker.name()).await;
    let worker = worker.map_err(|failure| match &args.worker.name {
        Some(name) if looks_like_an_id(name) => failure.advice("for an id use -wx"),
        _ => failure,
    })?;
    verification::warn(&worker, terminal);
    let order = compose(&args, &worker, inputs, key.clone(), terminal);
    let sealed = order
        .seal()
        .map_err(|error| Failure::of_client("submit", &error))?;
    let mut record = Record::begin(&args, &client, &worker, &sealed, terminal)?;

    let spinner = terminal.spinner(format!("{} on {}", args.workload, short(id.as_str())));
    let outcome = send(&client, &sealed, &args.wait, terminal).await;
    drop(spinner);
    record.end(&outcome, terminal);
    let order_id = sealed.pending.id().as_str();
    let outcome = outcome.map_err(|error| failed(order_id, no_inputs, &error))?;
    let receipt = if args.receipt {
        create_receipt(&client, &sealed, key, &mut record, terminal).await
    } else {
        Ok(())
    };
    if args.json && receipt.is_err() {
        // One object is printed: the failure.
        return receipt;
    }
    match outcome {
        Some(answer) => show(&args, &worker, &answer, terminal),
        None => accepted(&args, order_id, terminal),
    }
    receipt
}

/// Signed with the order's key, or a fresh one.
async fn create_receipt(
    client: &Client,
    sealed: &Sealed,
    key: Option<Arc<SigningKey>>,
    record: &mut Record,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let key = match key {
        Some(key) => key,
        None => Arc::new(key_file::fresh()?),
    };
    receipt::send(client, &Subject::of(sealed), ReceiptStatus::Pending, &key).await?;
    record.note_receipt(&key, terminal);
    Ok(())
}

fn failed(order_id: &str, no_inputs: bool, error: &Error) -> Failure {
    let failure = Failure::of_client(format_args!("order {}", short(order_id)), error);
    match error {
        Error::Rpc(error) if no_inputs && error.reason == Some(Reason::WorkloadInput) => {
            failure.advice("no input was sent: -i TEXT")
        }
        _ => failure,
    }
}

fn compose(
    args: &Args,
    worker: &Worker,
    inputs: Vec<Vec<u8>>,
    key: Option<Arc<SigningKey>>,
    terminal: &Terminal,
) -> Order {
    let protection = args.inputs.protection();
    if protection == Protection::Plain && !inputs.is_empty() {
        terminal.warn("the inputs travel in clear: everybody on the way reads them");
    }
    let mut order = Order::new(worker, &args.workload).avalon_iv(args.avalon_iv);
    for input in inputs {
        order = order.input_as(input, protection);
    }
    match key {
        Some(key) => order.signed(key),
        None => order,
    }
}

/// When somebody who waits is told that it's not in vain.
const STILL: Duration = Duration::from_secs(5);

async fn send(
    client: &Client,
    sealed: &Sealed,
    wait: &WaitArgs,
    terminal: &Terminal,
) -> Result<Option<Answer>, Error> {
    match client.post(sealed).await? {
        Some(answer) => Ok(Some(answer)),
        None if wait.no_wait => Ok(None),
        None => {
            let mut answer = pin!(client.wait(&sealed.pending, wait.timeout()));
            if let Ok(early) = tokio::time::timeout(STILL, &mut answer).await {
                return early.map(Some);
            }
            terminal.note(format_args!(
                "still waiting; the order is accepted, up to {} s more",
                wait.timeout().saturating_sub(STILL).as_secs()
            ));
            answer.await.map(Some)
        }
    }
}

fn show(args: &Args, worker: &Worker, answer: &Answer, terminal: &Terminal) {
    let id = answer.work_order_id();
    if args.json {
        let gaps: Vec<_> = worker
            .not_proved()
            .iter()
            .map(ToString::to_string)
            .collect();
        terminal.print_json(&json!({
            "workOrderId": id,
            "workerId": worker.id(),
            "workload": args.workload,
            "state": "answered",
            "verified": true,
            "evidence": verification::view(worker.evidence()),
            "directory": verification::published_view(worker),
            "notProved": gaps,
            "outputs": answer.outputs().map(OutputView::new).collect::<Vec<_>>(),
        }));
    } else if args.output {
        for output in answer.outputs() {
            terminal.print_output("Decryption result at client - ", output);
        }
    } else {
        let whose = match worker.evidence() {
            Some(_) => "the verified worker's",
            None => "that of a worker that is NOT VERIFIED",
        };
        terminal.print(format_args!(
            "Order {id}: the answer's signature is {whose} (-o prints it)"
        ));
    }
}

fn accepted(args: &Args, id: &str, terminal: &Terminal) {
    if args.json {
        terminal.print_json(&json!({ "workOrderId": id, "state": "accepted" }));
    } else {
        terminal.print(id);
        terminal.note(format_args!(
            "fetch its answer with: sconce order get {}",
            short(id)
        ));
    }
}

/// The order's entry in the journal, unless the user wants none.
struct Record(Option<(Journal, Entry)>);

impl Record {
    fn begin(
        args: &Args,
        client: &Client,
        worker: &Worker,
        sealed: &Sealed,
        terminal: &Terminal,
    ) -> Result<Self, Failure> {
        if args.no_journal {
            return Ok(Self(None));
        }
        let name = args.worker.name.as_deref();
        let mut entry = Entry::new(client.uri(), name, sealed, args.key_file.as_deref());
        entry.measurement = worker.evidence().and_then(verification::measurement_of);
        let kept = Journal::open().and_then(|journal| journal.write(&entry).map(|()| journal));
        match kept {
            Ok(journal) => Ok(Self(Some((journal, entry)))),
            // Without the entry nobody could open the answer.
            Err(failure) if args.wait.no_wait => Err(failure),
            Err(failure) => {
                terminal.warn(format_args!("the order is not in your journal: {failure}"));
                Ok(Self(None))
            }
        }
    }

    fn note_receipt(&mut self, key: &SigningKey, terminal: &Terminal) {
        if let Some((journal, entry)) = &mut self.0 {
            entry.receipt_key = Some(key.verifying_key().pem().to_owned());
            if let Err(failure) = journal.write(entry) {
                terminal.warn(failure);
            }
        }
    }

    fn end(&mut self, outcome: &Result<Option<Answer>, Error>, terminal: &Terminal) {
        if let Some((journal, entry)) = &mut self.0 {
            entry.settle(outcome);
            if let Err(failure) = journal.write(entry) {
                terminal.warn(failure);
            }
        }
    }
}
