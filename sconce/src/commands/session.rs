//! `sconce session`: sessions of a vault, and its audit log.

mod audit;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use provision::SessionName;
use sconify::terminal::harmless;
use serde_json::json;
use session::Session;
use vault_client::Error;

use crate::args::DataArgs;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::vault;

/// Sessions of a vault: which programs are let in, and what they are given.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    Create(CreateArgs),
    Show(ShowArgs),
    Update(UpdateArgs),
    Audit(audit::Args),
}

/// Create a session.
///
/// The file is in SCONE's session language. It is refused as a whole if the vault can't keep a part of it.
/// Prints the session's hash, which an update has to name.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  sconce session create session.yaml")]
pub(crate) struct CreateArgs {
    /// The session's file; - is standard input.
    file: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Replace a session by its next version, which names the hash of the present one as its predecessor.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  sconce session update session.yaml")]
pub(crate) struct UpdateArgs {
    /// The session's file; - is standard input.
    file: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Show a session without its secret values, or list those that you may read.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce session show
  sconce session show avalon/scone-worker-1")]
pub(crate) struct ShowArgs {
    /// NAMESPACE/NAME; without it all are listed with their hashes.
    session: Option<SessionName>,
    #[command(flatten)]
    data: DataArgs,
    /// Print one JSON object, or an array.
    #[arg(long)]
    json: bool,
}

/// Most bytes of a session that are read.
const LONGEST: u64 = provision::MAX_SESSION as u64 + 1;

/// Creates, shows, updates or audits.
pub(crate) fn run(command: Command, terminal: &Terminal) -> Result<(), Failure> {
    let (json, outcome) = match command {
        Command::Create(args) => (args.json, create(&args, terminal)),
        Command::Show(args) => (args.json, show(&args, terminal)),
        Command::Update(args) => (args.json, update(&args, terminal)),
        Command::Audit(args) => (args.json, audit::run(&args, terminal)),
    };
    if let (true, Err(failure)) = (json, &outcome) {
        terminal.print_json(&failure.to_json());
    }
    outcome
}

fn create(args: &CreateArgs, terminal: &Terminal) -> Result<(), Failure> {
    let written = Written::read(&args.file)?;
    if written.session.predecessor.is_some() {
        return Err(written
            .unusable("it names a predecessor, so it is the next version of a session")
            .advised("sconce session update FILE"));
    }
    written.put(&args.data, args.json, terminal, created_before)
}

fn update(args: &UpdateArgs, terminal: &Terminal) -> Result<(), Failure> {
    let written = Written::read(&args.file)?;
    if written.session.predecessor.is_none() {
        return Err(written
            .unusable("an update names the hash of the version that it replaces: predecessor")
            .advised("`sconce session show` lists the hashes"));
    }
    written.put(&args.data, args.json, terminal, unknown)
}

/// What the vault refuses to create, which is often there.
fn created_before(error: &Error) -> Failure {
    if error.code() != "cas.predecessor" {
        return unknown(error);
    }
    let advice = "there is one of this name: `sconce session update FILE` replaces it, with its hash as \
                  predecessor (`sconce session show` lists the hashes)";
    Failure::of_vault_advised(error, Some(advice))
}

/// What the vault refuses, of a session that there may not be.
fn unknown(error: &Error) -> Failure {
    if error.code() != "cas.session" {
        return Failure::of_vault(error);
    }
    let advice = "`sconce session show` lists those that there are";
    Failure::of_vault_advised(error, Some(advice))
}

fn show(args: &ShowArgs, terminal: &Terminal) -> Result<(), Failure> {
    let mut vault = vault::connect(&args.data.folder()?)?;
    let failure = |error| unknown(&error);
    let Some(session) = &args.session else {
        let all = vault.sessions().map_err(failure)?;
        if args.json {
            terminal.print_json(&all);
        } else {
            for one in all {
                terminal.print(format_args!("{}  {}", one.hash, one.session));
            }
        }
        return Ok(());
    };
    let text = vault.session(session).map_err(failure)?;
    if args.json {
        terminal.print_json(&json!({ "session": session, "yaml": text }));
    } else {
        // Terminals act upon what sessions may hold.
        for line in text.lines() {
            terminal.print(harmless(line));
        }
    }
    Ok(())
}

/// A session's file.
struct Written {
    file: String,
    text: String,
    session: Session,
}

impl Written {
    fn read(file: &Path) -> Result<Self, Failure> {
        let name = file.display().to_string();
        let mut text = String::new();
        let read = if file == Path::new("-") {
            std::io::stdin().take(LONGEST).read_to_string(&mut text)
        } else {
            fs::File::open(file).and_then(|file| file.take(LONGEST).read_to_string(&mut text))
        };
        read.map_err(|error| Failure::unusable(format_args!("{name}: {error}")))?;
        let session = Session::parse(&text).map_err(|error| {
            Failure::unusable(format_args!("{name}: {}", harmless(&error.to_string())))
                .coded("cas.form")
                .advised("nothing was sent; docs/sessions.md has the keys that there are")
        })?;
        Ok(Self {
            file: name,
            text,
            session,
        })
    }

    fn unusable(&self, what: &str) -> Failure {
        Failure::unusable(format_args!("{}: {what}", self.file))
    }

    fn put(
        &self,
        data: &DataArgs,
        json: bool,
        terminal: &Terminal,
        refused: fn(&Error) -> Failure,
    ) -> Result<(), Failure> {
        let name: SessionName = self.session.name.parse().map_err(|error| {
            self.unusable(&format!("name: {error}"))
                .advised("a session is called NAMESPACE/NAME")
        })?;
        let mut vault = vault::connect(&data.folder()?)?;
        let written = vault
            .put_session(&name, &self.text)
            .map_err(|error| refused(&error))?;
        if json {
            terminal.print_json(&json!({ "session": name, "hash": written.hash }));
        } else {
            terminal.print(format_args!("{}  {name}", written.hash));
        }
        Ok(())
    }
}
