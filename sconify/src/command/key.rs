//! `sconify key`: keys that sign images.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sgx::sigstruct::PublicKey;
use sgx::{Digest, Kind};

use crate::Error;
use crate::output::{taken, write_secret};
use crate::sign::{self, SignerKey};
use crate::terminal::Terminal;

/// Make a key that signs images, or show whose a key is.
///
/// Keys are RSA-3072 with the public exponent 3, which SGX wants, in PEM form.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Make a key that nobody has had before, in a file that only its owner may read.
    ///
    /// A file that is there already is never overwritten.
    #[command(after_help = "\
Example:
  sconify key new ~/keys/worker.pem")]
    New {
        /// Where it goes.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show whose images a key signs: MRSIGNER.
    #[command(after_help = "\
Examples:
  sconify key show ~/keys/worker.pem
  sconify key show --public hsm.pub.pem")]
    Show {
        /// The file has the public half: `PUBLIC KEY`.
        #[arg(long)]
        public: bool,
        /// The key's file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

pub(super) fn run(command: Command, terminal: &Terminal) -> Result<(), Error> {
    match command {
        Command::New { file } => new(&file, terminal),
        Command::Show { public, file } => show(&file, public, terminal),
    }
}

/// A private key that signs, with a warning if others may read it.
pub(super) fn read_private(path: &Path, terminal: &Terminal) -> Result<SignerKey, Error> {
    let key = SignerKey::read(path)?;
    let mode = path.metadata().map_or(0, |found| found.mode());
    if mode & 0o077 != 0 {
        terminal.warn(format_args!(
            "others may use the key in {0}: chmod 600 {0}",
            path.display()
        ));
    }
    Ok(key)
}

fn new(file: &Path, terminal: &Terminal) -> Result<(), Error> {
    // Finding primes takes a second, which is lost if there is no place for them.
    if file.symlink_metadata().is_ok() {
        return Err(taken(file));
    }
    let spinner = terminal.spinner("looking for primes");
    let key = SignerKey::generate()?;
    drop(spinner);
    let text = key.to_pem().map_err(|_| sign::Error::Generation)?;
    write_secret(file, text.as_bytes())?;
    terminal.print(&Facts::of(file, key.public()));
    Ok(())
}

fn show(file: &Path, public: bool, terminal: &Terminal) -> Result<(), Error> {
    let key = if public {
        sign::read_public_key(file)?
    } else {
        read_private(file, terminal)?.public().clone()
    };
    terminal.print(&Facts::of(file, &key));
    Ok(())
}

/// What is said of a key: nothing that is secret.
#[derive(Serialize)]
struct Facts {
    file: PathBuf,
    mrsigner: String,
}

impl Facts {
    fn of(file: &Path, key: &PublicKey) -> Self {
        Self {
            file: file.to_owned(),
            mrsigner: Digest::Mrsigner(Kind::Sim, key.mrsigner()).to_string(),
        }
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "key     {}", self.file.display())?;
        writeln!(f, "signer  {}", self.mrsigner)
    }
}
