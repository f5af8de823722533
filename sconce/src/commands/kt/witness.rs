//! `sconce kt witness`: a witness of key directories' logs.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use directory::witness::{Witness, WitnessServer};
use serde_json::json;
use transparency::note::{Kind, VerifierKey};
use transparency::trust::Trust;

use crate::failure::Failure;
use crate::signals::StopSignals;
use crate::terminal::Terminal;

/// Witness logs: cosign each checkpoint that goes on from the one before, and nothing else.
///
/// A directory that shows two people different things needs two logs, and a witness signs for one only. It
/// speaks C2SP tlog-witness. What it has seen is on the disk before it signs; a witness that has lost that
/// must not go on under its key.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce kt witness --folder witness --name witness.example --show-key
  sconce kt witness --folder witness --name witness.example --trust directory.json
  sconce kt witness --folder witness --name w1 --log 'sconce.localhost/heads+abcd1234+AX…' --json")]
pub(crate) struct Args {
    /// The folder of its key and of what it has seen; made if it isn't there.
    #[arg(long, value_name = "FOLDER")]
    folder: PathBuf,
    /// Its name, which stands beside its signatures: text without spaces and plus signs.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Where it answers.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8181")]
    listen: SocketAddr,
    /// The key of a log, as in name+hash+base64, whose name is the first line of its checkpoints. May be
    /// given several times.
    #[arg(long, value_name = "KEY", value_parser = log_key)]
    log: Vec<VerifierKey>,
    /// What was pinned of a directory, whose log is witnessed: its directory.json. May be given several
    /// times.
    #[arg(long, value_name = "FILE")]
    trust: Vec<PathBuf>,
    /// Print its key and end.
    #[arg(long)]
    show_key: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Answers until a signal says stop.
pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<(), Failure> {
    let outcome = serve(&args, terminal).await;
    if let (true, Err(failure)) = (args.json, &outcome) {
        terminal.print_json(&failure.to_json());
    }
    outcome
}

async fn serve(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let mut logs = args.log.clone();
    for file in &args.trust {
        logs.push(log_of(file)?);
    }
    if logs.is_empty() && !args.show_key {
        let nothing = "there is no log to witness";
        return Err(Failure::unusable(nothing)
            .coded("kt.witness-state")
            .advised("name one: --trust directory.json, or --log KEY"));
    }
    let witness = Witness::open(&args.folder, &args.name, logs)
        .map_err(|error| Failure::unusable(&error).coded(error.code()))?;
    let key = witness.verifier().to_string();
    if args.show_key {
        if args.json {
            terminal.print_json(&json!({ "key": key }));
        } else {
            terminal.print(&key);
        }
        return Ok(());
    }
    let mut stop = StopSignals::new()?;
    let origins: Vec<_> = witness.origins().map(str::to_owned).collect();
    let server = WitnessServer::start(args.listen, Arc::new(witness)).await;
    let server = server.map_err(|error| {
        Failure::failed(format_args!("cannot listen at {}: {error}", args.listen))
            .coded("directory.address")
    })?;
    let address = format!("http://{}", server.address());
    if args.json {
        terminal.print_json(&json!({ "address": address, "key": key, "logs": origins }));
    } else {
        terminal.print(format_args!("address  {address}"));
        terminal.print(format_args!("key      {key}"));
        for origin in &origins {
            terminal.print(format_args!("log      {origin}"));
        }
    }
    stop.next().await;
    Ok(())
}

/// The key of the log in a directory's file.
fn log_of(file: &Path) -> Result<VerifierKey, Failure> {
    let trust = read_trust(file)?;
    let key = trust.checkpoint_key.ok_or_else(|| {
        Failure::unusable(format_args!("{}: no checkpoint_key", file.display())).coded("kt.trust")
    })?;
    log_key(&key).map_err(|fault| {
        let file = file.display();
        Failure::unusable(format_args!("{file}: checkpoint_key: {fault}")).coded("kt.trust")
    })
}

/// What was pinned of a directory, from its file.
pub(super) fn read_trust(file: &Path) -> Result<Trust, Failure> {
    let text = fs::read(file).map_err(|error| {
        Failure::unusable(format_args!("cannot read {}: {error}", file.display())).coded("file.io")
    })?;
    Trust::from_json(&text).map_err(|error| {
        Failure::unusable(format_args!("{}: {error}", file.display())).coded(error.code())
    })
}

fn log_key(text: &str) -> Result<VerifierKey, String> {
    let key = VerifierKey::parse(text).map_err(|fault| fault.to_string())?;
    match key.kind() {
        Kind::Ed25519 => Ok(key),
        _ => Err("it is a witness's key, not a log's".to_owned()),
    }
}
