//! `sconce keys put`: changes one's own entry.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use client::directory::{Directory, Lookup, Refusal};
use protocol::SystemEntropy;
use protocol::token::Token;
use sconify::output::write_secret;
use sconify::terminal::foreign::harmless;
use transparency::commitment::NONCE;
use transparency::error::Error;
use transparency::memory::Memory;
use transparency::messages::{EntryUpdate, Profile, PublicKey};
use transparency::signature::{SigningKey, VerifyingKey};
use transparency::update::Draft;
use transparency::verifier::{Confirmation, Coverage, Verified, Verifier};
use zeroize::Zeroizing;

use super::history;
use super::place::{DirectoryArgs, now, see};
use super::view;
use crate::args::duration;
use crate::commands::kt::verify_response::{read, shown, text};
use crate::failure::Failure;
use crate::platform::read_token;
use crate::terminal::{Spinner, Terminal};

/// The file with the platform's token for writing, beside directory.json.
const TOKEN: &str = "directory.token";
/// Between two tries.
const BETWEEN: Duration = Duration::from_millis(300);

/// Put keys of your own into a directory, signed, and wait until everybody is shown them.
///
/// The key that signs is yours, and never leaves this machine: without it nobody can change the entry, the
/// directory included, and nobody can get it back either. What other applications have stays.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce keys put alice@example.com --key alice.pem --new-key --app ssh=id_ed25519.pub
  sconce keys put alice@example.com --key alice.pem --app ssh=new.pub --remove mail
  sconce keys put alice@example.com --key alice.pem --authorize next.pub.pem --app ssh=id.pub

The public half of a key, which --authorize takes too:
  openssl pkey -in next.pem -pubout -out next.pub.pem")]
pub(crate) struct Args {
    /// The user's id.
    user: String,
    /// The P-256 key that signs, in PEM: one that the entry of now names, if there is one.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Make that key first; the file must not be there.
    #[arg(long)]
    new_key: bool,
    /// What an application is to have, from a file; may be given several times.
    #[arg(long = "app", value_name = "ID=FILE", value_parser = app)]
    apps: Vec<(String, PathBuf)>,
    /// An application that is to have nothing any more; may be given several times.
    #[arg(long, value_name = "ID")]
    remove: Vec<String>,
    /// Who may change the entry next: P-256 keys in PEM [default: whoever may now, or the key that signs].
    #[arg(long, value_name = "FILE")]
    authorize: Vec<PathBuf>,
    /// The file with the token for writing [default: directory.token beside directory.json].
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
    /// How long to wait until the entry is shown.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    wait: Duration,
    #[command(flatten)]
    directory: DirectoryArgs,
    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let lookup = args.directory.lookup()?;
    let token = args.token()?;
    let changes = args.changes()?;
    let authorize = args
        .authorize
        .iter()
        .map(|file| public_key(file))
        .collect::<Result<Vec<_>, _>>()?;
    let key = match args.new_key {
        true => None,
        false => Some(args.signing_key()?),
    };
    let spinner = terminal.spinner("reading the entry");
    let update = lookup
        .hold(async |directory, verifier, memory| {
            let present = see(directory, verifier, memory, &args.user).await?;
            check_changes(&present, directory, verifier, memory, &spinner).await?;
            let key = match key {
                Some(key) => key,
                None => args.make_key(&present, terminal)?,
            };
            draft(&present, &changes, authorize, &key)
        })
        .await?;
    drop(spinner);
    let spinner = terminal.spinner("waiting until the entry is shown");
    let verified = send(&lookup, args, token.as_ref(), &update).await?;
    drop(spinner);
    if args.json {
        terminal.print_json(&view::json(&verified, lookup.realm()));
    } else {
        terminal.print(view::text(&verified, lookup.realm()));
    }
    Ok(())
}

/// What applications are to have, and which are to have nothing.
struct Changes {
    set: Vec<(String, Vec<u8>)>,
    remove: Vec<String>,
}

impl Args {
    fn changes(&self) -> Result<Changes, Failure> {
        if self.apps.is_empty() && self.remove.is_empty() && self.authorize.is_empty() {
            return Err(Failure::unusable("nothing is to be changed")
                .advice("say what: --app ID=FILE, --remove ID or --authorize FILE"));
        }
        let set = self.apps.iter();
        let set = set.map(|(app, file)| Ok((app.clone(), read(file)?)));
        Ok(Changes {
            set: set.collect::<Result<_, Failure>>()?,
            remove: self.remove.clone(),
        })
    }

    fn token(&self) -> Result<Option<Token>, Failure> {
        if let Some(file) = &self.token {
            return read_token(file).map(Some);
        }
        let file = self.directory.beside(TOKEN)?;
        file.is_file().then(|| read_token(&file)).transpose()
    }

    fn signing_key(&self) -> Result<SigningKey, Failure> {
        let pem = Zeroizing::new(text(&self.key)?);
        SigningKey::from_pem(&pem).map_err(|fault| {
            Failure::unusable(format_args!("{}: {fault}", shown(&self.key)))
                .coded(fault.code())
                .advised("--new-key makes one")
        })
    }

    /// Makes the key, for a user who has no entry yet: no other names it.
    fn make_key(&self, present: &Verified, terminal: &Terminal) -> Result<SigningKey, Failure> {
        if present.present().is_some() {
            let user = harmless(&self.user);
            return Err(Failure::failed(format_args!(
                "{user} has an entry, which a new key can't change: none was made"
            ))
            .coded("kt.update-signature")
            .advised("give one of the keys that it names: --key FILE, without --new-key"));
        }
        let key = SigningKey::generate().map_err(Failure::failed)?;
        write_secret(&self.key, key.to_pem().as_bytes())
            .map_err(|error| Failure::unusable(error).coded("file.io"))?;
        terminal.say(format_args!(
            "made {}: keep it, nobody else can change the entry",
            shown(&self.key)
        ));
        Ok(key)
    }
}

/// Who signs an entry anew signs what other applications have in it, too: so that has to be signed already, and
/// may not be what the directory itself has put there.
async fn check_changes(
    present: &Verified,
    directory: &Directory,
    verifier: &Verifier,
    memory: &Memory,
    spinner: &Spinner,
) -> Result<(), Failure> {
    if present.present().is_none() {
        return Ok(());
    }
    let coverage = Coverage::ChangesOnly;
    let before = memory.history(present.user()).cloned();
    let check = verifier.history(present, coverage, before.as_ref());
    // An owner's monitor has not seen them yet: it goes on from where it was.
    let scratch = &mut memory.clone();
    match history::read(check, coverage, present, directory, scratch, spinner).await {
        // They need not have signed old heads. They have signed the newest, and so all changes before it.
        Err(failure) if failure.code() == Some("kt.auditors") => Ok(()),
        read => read.map(drop),
    }
}

/// The update of what is there now.
fn draft(
    present: &Verified,
    changes: &Changes,
    authorize: Vec<VerifyingKey>,
    key: &SigningKey,
) -> Result<EntryUpdate, Failure> {
    let own = key.verifying_key();
    let (mut profile, mut authorized) = match present.present() {
        Some(there) => {
            let keys = there.entry.authorized_keys.iter();
            let keys: Vec<_> = keys.filter_map(usable).collect();
            (there.profile.clone(), keys)
        }
        None => (Profile::default(), vec![own.clone()]),
    };
    if !authorized.contains(own) {
        let user = harmless(present.user());
        return Err(Failure::failed(format_args!(
            "the key {} may not change the entry of {user}: it names others",
            view::key_id(own.id().as_bytes())
        ))
        .coded("kt.update-signature")
        .advised(format_args!("`sconce keys get {user}` shows which")));
    }
    if !authorize.is_empty() {
        authorized = authorize;
    }
    for app in &changes.remove {
        if profile.0.remove(app).is_none() {
            let (user, app) = (harmless(present.user()), harmless(app));
            return Err(Failure::failed(format_args!(
                "{user} has nothing for the application {app}"
            ))
            .coded("directory.missing")
            .advised(format_args!("`sconce keys get {user}` shows what there is")));
        }
    }
    profile.0.extend(changes.set.iter().cloned());
    let mut nonce = [0; NONCE];
    protocol::Entropy::fill(&SystemEntropy::new(), &mut nonce).map_err(Failure::failed)?;
    Draft {
        user: present.user(),
        index: present.index().as_bytes(),
        previous: present.leaf(),
        profile: &profile,
        authorized_keys: &authorized,
        nonce: &nonce,
    }
    .sign(&[key])
    .map_err(|fault| Failure::failed(fault).coded(fault.code()))
}

fn usable(key: &PublicKey) -> Option<VerifyingKey> {
    match key {
        PublicKey::P256(der) => VerifyingKey::from_der(der).ok(),
        _ => None,
    }
}

/// Sends the update, the same one each time, until the directory proves that it shows it.
async fn send(
    lookup: &Lookup,
    args: &Args,
    token: Option<&Token>,
    update: &EntryUpdate,
) -> Result<Verified, Failure> {
    let begun = Instant::now();
    loop {
        let sent = lookup
            .hold(async |directory, verifier, memory| {
                let directory = directory.clone();
                let directory = match token {
                    Some(token) => directory.with_token(token),
                    None => directory,
                };
                let answer = match directory.put(&args.user, update).await {
                    Ok(answer) => answer,
                    Err(error) if error.is_passing() => return Ok(Err(Refusal::from(error))),
                    Err(error) => return Err(Failure::from(Refusal::from(error))),
                };
                let shown = verifier.confirm(&args.user, &answer, update, Some(now()), memory);
                let shown = match shown {
                    // They sign moments after a head is published.
                    Err(fault @ Error::Auditors { .. }) => return Ok(Err(fault.into())),
                    shown => shown?,
                };
                client::directory::link(&directory, verifier, memory).await?;
                Ok(Ok(shown))
            })
            .await?;
        if let Ok(Confirmation::Confirmed(verified)) = sent {
            return Ok(verified);
        }
        if begun.elapsed() >= args.wait {
            return Err(match sent {
                Err(refusal) => refusal.into(),
                Ok(_) => {
                    let unconfirmed = Unconfirmed(args.wait.as_secs());
                    Failure::failed(&unconfirmed)
                        .coded(unconfirmed.code())
                        .advised("see with `sconce keys get` whether it is shown, before you change it again")
                }
            });
        }
        tokio::time::sleep(BETWEEN).await;
    }
}

/// An update that was taken, and is not shown.
#[derive(Debug, thiserror::Error)]
#[error("the directory took the update, and has not shown it within {0} s")]
struct Unconfirmed(u64);

impl Unconfirmed {
    fn code(&self) -> &'static str {
        "directory.unconfirmed"
    }
}

fn public_key(file: &Path) -> Result<VerifyingKey, Failure> {
    VerifyingKey::from_pem(&text(file)?).map_err(|fault| {
        Failure::unusable(format_args!("{}: {fault}", shown(file))).coded(fault.code())
    })
}

fn app(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((app, file)) if !app.is_empty() && !file.is_empty() => {
            Ok((app.to_owned(), PathBuf::from(file)))
        }
        _ => Err("give the application's id and a file, as in ssh=id_ed25519.pub".to_owned()),
    }
}
