//! `sconce keys verify`: whether a key is the one that a directory has.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::entry::{self, WorkerEntry};
use sconify::terminal::foreign::harmless;
use serde_json::{Value, json};
use transparency::memory::Memory;
use transparency::verifier::{Verified, Verifier};

use super::place::{DirectoryArgs, see};
use super::view;
use crate::commands::kt::verify_response::{read, read_answer, shown};
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::verification::directory as pinned;

/// Verify that a key is the one that a directory has of a user, or that an answer which was kept is true.
///
/// Keys of workers and of `iexec-result-key` are found inside of what their application has; elsewhere the
/// file has to be all of it. Exit status 1: it is another one, or nothing.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce keys verify <worker id> --key encryption-key.pem
  sconce keys verify 0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed --key key.pem --app iexec-result-key
  sconce keys verify alice@example.com --answer answer.json --directory directory.json --json")]
pub(crate) struct Args {
    /// The user's id.
    user: String,
    /// The file with what the directory should have.
    #[arg(long, value_name = "FILE", required_unless_present = "answer")]
    key: Option<PathBuf>,
    /// The application that has to have it [default: any].
    #[arg(long, value_name = "ID", requires = "key")]
    app: Option<String>,
    /// Ask nobody: take an answer that was kept (see `sconce keys get --save`).
    #[arg(long, value_name = "FILE")]
    answer: Option<PathBuf>,
    #[command(flatten)]
    directory: DirectoryArgs,
    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let (verified, realm) = verified(args).await?;
    let found = match &args.key {
        Some(file) => Some(compare(args, &verified, &realm, &read(file)?)?),
        None => None,
    };
    if args.json {
        let mut value = view::json(&verified, &realm);
        if let Some(app) = &found {
            value["found"] = json!({ "app": app });
        }
        terminal.print_json(&value);
        return Ok(());
    }
    if let (Some(app), Some(file)) = (found, &args.key) {
        terminal.print(format_args!(
            "The same: {} is what {} has for {}",
            shown(file),
            harmless(&args.user),
            harmless(&app)
        ));
    }
    terminal.print(view::text(&verified, &realm));
    Ok(())
}

async fn verified(args: &Args) -> Result<(Verified, String), Failure> {
    let Some(file) = &args.answer else {
        let lookup = args.directory.lookup()?;
        let verified = lookup
            .hold(async |directory, verifier, memory| {
                see(directory, verifier, memory, &args.user).await
            })
            .await?;
        return Ok((verified, lookup.realm().to_owned()));
    };
    let trust = pinned::pinned(&args.directory.file()?)?;
    let verifier =
        Verifier::new(&trust).map_err(|fault| Failure::unusable(&fault).coded(fault.code()))?;
    // An answer that was kept is old: neither the clock nor what was seen since says anything of it.
    let answer = read_answer(file)?;
    let verified = verifier.verify(&args.user, &answer, None, &mut Memory::default())?;
    Ok((verified, trust.realm))
}

/// The application that has it.
fn compare(
    args: &Args,
    verified: &Verified,
    realm: &str,
    wanted: &[u8],
) -> Result<String, Failure> {
    let user = harmless(&args.user);
    let (realm, epoch) = (harmless(realm), verified.epoch());
    let missing = |what: String| {
        Failure::failed(format_args!(
            "the directory {realm} has nothing of {user}{what} (epoch {epoch})"
        ))
        .coded("directory.missing")
        .advised("it is proven: nobody is shown anything else of that epoch")
    };
    let present = verified.present().ok_or_else(|| missing(String::new()))?;
    let apps = present.profile.0.iter();
    let asked: Vec<_> = apps
        .filter(|(app, _)| args.app.as_ref().is_none_or(|asked| asked == *app))
        .collect();
    if asked.is_empty() {
        let app = args.app.as_deref().unwrap_or_default();
        return Err(missing(format!(" for {}", harmless(app))));
    }
    for (app, data) in &asked {
        if has(app, data, wanted) {
            return Ok((*app).clone());
        }
    }
    let published: Vec<Value> = asked
        .iter()
        .map(|(app, data)| json!({ "app": app, "data": STANDARD.encode(data) }))
        .collect();
    Err(Failure::failed(format_args!(
        "the directory {realm} has another key of {user} (epoch {epoch}): {}",
        published_text(&asked)
    ))
    .coded("directory.keys")
    .with("published", published)
    .advised(
        "do not use this one; whoever gave it to you gave you another one than everybody else sees",
    ))
}

/// Whether an application's data is, or has, this key.
fn has(app: &str, data: &[u8], wanted: &[u8]) -> bool {
    let same = |key: &str| key.trim().as_bytes() == wanted.trim_ascii();
    if data.trim_ascii() == wanted.trim_ascii() {
        return true;
    }
    if app == entry::APP {
        let worker = WorkerEntry::read(data).ok();
        return worker.is_some_and(|worker| {
            let mut generations = worker.generations.iter();
            generations.any(|one| same(&one.encryption_key) || same(&one.verification_key))
        });
    }
    let value: Option<Value> = serde_json::from_slice(data).ok();
    value.is_some_and(|value| value["key"].as_str().is_some_and(same))
}

fn published_text(asked: &[(&String, &Vec<u8>)]) -> String {
    let parts = asked
        .iter()
        .map(|(app, data)| match WorkerEntry::read(data) {
            Ok(worker) => {
                let keys = worker.generations.iter().map(|one| {
                    let key = view::fingerprint(&one.encryption_key);
                    format!("generation {} encrypts to {key}", one.generation)
                });
                keys.collect::<Vec<_>>().join(", ")
            }
            Err(_) => format!("{} has {} bytes for it", harmless(app), data.len()),
        });
    parts.collect::<Vec<_>>().join("; ")
}
