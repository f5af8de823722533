//! `sconce kt audit`: an auditor of a key directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use attestation::policy::Program;
use attestation::{Fingerprint, Policy};
use directory::apps::Apps;
use directory::audit::{Auditor, Error, Follower, Round};
use serde_json::{Value, json};
use transparency::signature::SigningKey;

use super::witness::read_trust;
use crate::args::duration;
use crate::commands::quote::read_policy;
use crate::failure::Failure;
use crate::folders;
use crate::signals::StopSignals;
use crate::terminal::{Spinner, Terminal};
use crate::vault::REQUESTER_POLICY;

/// Audit a key directory: replay every update, compute every root again, and say what is wrong.
///
/// It reads the feed of updates from the beginning, or from where it was; checks that each was allowed; that
/// evidence of workers was genuine when it was taken; that the updates make the map that each head commits
/// to; and that the log is of these heads and none else. With a key it signs the heads that it finds good.
///
/// Exit status 0: all is good. Exit status 1: the directory lied or broke a rule, or can't be reached.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce kt audit --data-dir ~/.local/share/sconce --once
  sconce kt audit --trust directory.json --state audit.redb --key auditor.pem
  sconce kt audit --trust directory.json --directory http://kt.example:8080 --once --json")]
pub(crate) struct Args {
    /// What was pinned of the directory [default: directory.json in the folder of --data-dir].
    #[arg(long, value_name = "FILE", required_unless_present = "data_dir")]
    trust: Option<PathBuf>,
    /// The directory's address [default: the one in what was pinned].
    #[arg(long, value_name = "URL")]
    directory: Option<String>,
    /// The file with what was audited; made if it isn't there.
    #[arg(long, value_name = "FILE", default_value = "audit.redb")]
    state: PathBuf,
    /// The P-256 key to sign with, in PEM; made if the file isn't there, and beside it what is public of it
    /// (.pub.pem), which the directory has to name among its auditors. Without it nothing is signed.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Audit what there is, and end.
    #[arg(long)]
    once: bool,
    /// How often to look.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration, conflicts_with = "once")]
    every: Duration,
    /// The policy for evidence of workers: TOML, or JSON if the file's name ends so [default: any program,
    /// on the platforms that the policy in the folder of --data-dir takes, or on genuine ones].
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Take evidence of the simulated platform with this root too (sim: and 64 hex digits). It protects
    /// nothing. May be given several times.
    #[arg(long, value_name = "ROOT", value_parser = root)]
    trust_root: Vec<Fingerprint>,
    /// The data folder of a platform of this machine.
    #[arg(long, env = folders::DATA_DIR, hide_env_values = true, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Print one JSON object a look.
    #[arg(long)]
    json: bool,
}

/// Audits once, or until a signal says stop or something is found.
pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<(), Failure> {
    let outcome = audit(&args, terminal).await;
    if let (true, Err(failure)) = (args.json, &outcome) {
        terminal.print_json_line(&failure.to_json());
    }
    outcome
}

async fn audit(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let pinned = match (&args.trust, &args.data_dir) {
        (Some(file), _) => file.clone(),
        (None, Some(folder)) => folder.join("directory.json"),
        (None, None) => return Err(Failure::unusable("--trust or --data-dir is missing")),
    };
    let trust = read_trust(&pinned)?;
    let url = args.directory.as_ref().or(trust.address.as_ref());
    let url = url.ok_or_else(|| {
        Failure::unusable(format_args!("{} has no address", pinned.display()))
            .coded("kt.trust")
            .advised("name the directory's: --directory URL")
    })?;
    let key = args.key.as_deref().map(|file| signing_key(file, terminal));
    let key = key.transpose()?;
    if let (Some(key), false) = (&key, args.json) {
        terminal.note(format_args!("signs as sha256:{}", key.id()));
    }
    let apps = Apps::new(args.policy()?);
    let spinner = terminal.spinner("reading what was audited");
    let read = |entries| spinner.say(format!("reading what was audited: {entries} entries"));
    let mut auditor = Auditor::open(&args.state, &trust, apps, read).map_err(|e| failure(&e))?;
    drop(spinner);
    let follower = Follower::new(url).map_err(|error| failure(&error))?;
    let mut stop = StopSignals::new()?;
    loop {
        let spinner = terminal.spinner("auditing");
        let round = round(&follower, &mut auditor, key.as_ref(), &spinner);
        let round = tokio::select! {
            round = round => round,
            // What is committed is kept; the rest is audited again.
            () = stop.next() => return Ok(()),
        };
        drop(spinner);
        match round {
            Ok(round) => show(args, terminal, &auditor, &round),
            // A directory that is away may come back; one that lied has lied.
            Err(error) if !args.once && is_passing(&error) => {
                terminal.warn(format_args!("{error}; asking again"));
            }
            Err(error) => return Err(failure(&error)),
        }
        if args.once {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(args.every) => {}
            () = stop.next() => return Ok(()),
        }
    }
}

async fn round(
    follower: &Follower,
    auditor: &mut Auditor,
    key: Option<&SigningKey>,
    spinner: &Spinner,
) -> Result<Round, Error> {
    let progress = |done: &directory::audit::Audited, size: u64| {
        spinner.say(format!("auditing: {} epochs of {size}", done.epoch + 1));
    };
    follower.round(auditor, key, progress).await
}

fn show(args: &Args, terminal: &Terminal, auditor: &Auditor, round: &Round) {
    if args.json {
        terminal.print_json_line(&view(auditor, round));
    } else if args.once || round.epochs > 0 {
        let (epochs, updates) = (auditor.epochs(), auditor.updates());
        let newest = epochs.saturating_sub(1);
        terminal.print(format_args!(
            "good up to epoch {newest}: {updates} updates make {} entries ({} epochs and {} updates \
             are new, evidence of {} checked, {} heads signed)",
            auditor.entries(),
            round.epochs,
            round.updates,
            round.opened,
            round.signed
        ));
    }
}

fn view(auditor: &Auditor, round: &Round) -> Value {
    json!({
        "epochs": auditor.epochs(),
        "updates": auditor.updates(),
        "entries": auditor.entries(),
        "new": {
            "epochs": round.epochs,
            "updates": round.updates,
            "evidence": round.opened,
            "signed": round.signed,
        },
    })
}

impl Args {
    /// What evidence of workers has to show.
    fn policy(&self) -> Result<Policy, Failure> {
        let mut policy = match (&self.policy, &self.data_dir) {
            (Some(file), _) => read_policy(file)?,
            (None, Some(folder)) => {
                let of_platform = read_policy(&folder.join(REQUESTER_POLICY))?;
                // Entries stay in the feed when programs have been upgraded.
                Policy {
                    program: Program::Any,
                    expires: None,
                    ..of_platform
                }
            }
            (None, None) => Policy::strict(Program::Any),
        };
        if !self.trust_root.is_empty() {
            policy.allow_sim = true;
            policy.simulated_roots.extend(&self.trust_root);
        }
        Ok(policy)
    }
}

/// Reads a key, or makes one where there is no file.
fn signing_key(file: &Path, terminal: &Terminal) -> Result<SigningKey, Failure> {
    let unusable = |fault: String| {
        Failure::unusable(format_args!("{}: {fault}", file.display())).coded("kt.key")
    };
    if !file.exists() {
        let key = SigningKey::generate().map_err(|fault| unusable(fault.to_string()))?;
        sconify::output::write_secret(file, key.to_pem().as_bytes())
            .map_err(|fault| unusable(fault.to_string()))?;
        let public = file.with_extension("pub.pem");
        fs::write(&public, key.verifying_key().to_pem())
            .map_err(|fault| unusable(fault.to_string()))?;
        terminal.say(format_args!(
            "made {}, and {} for the directory and for requesters",
            file.display(),
            public.display()
        ));
        return Ok(key);
    }
    let text = fs::read_to_string(file).map_err(|fault| unusable(fault.to_string()))?;
    let text = zeroize::Zeroizing::new(text);
    SigningKey::from_pem(&text).map_err(|fault| unusable(fault.to_string()))
}

fn failure(error: &Error) -> Failure {
    let advice = match error {
        Error::State { .. } | Error::Trust(_) => {
            return Failure::unusable(error).coded(error.code());
        }
        Error::Fetch(_) | Error::Answer { .. } => "see that the directory runs, and ask again",
        Error::Evidence { .. } => {
            "if it is of a platform that you take, say so: --data-dir of your own `sconce up`, or --policy FILE \
             and --trust-root; if not, keep the file of --state, with which others can check this finding"
        }
        _ => "keep the file of --state: with what it remembers others can check this finding",
    };
    Failure::failed(error).coded(error.code()).advised(advice)
}

/// Whether it may be otherwise in a moment.
fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Fetch(_) | Error::Answer { .. })
}

fn root(text: &str) -> Result<Fingerprint, String> {
    text.parse()
        .map_err(|_| "write it as sim: and 64 hex digits".to_owned())
}
