//! Which directory, and what was seen of it.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use client::directory::{Directory, Lookup, PATIENCE, Refusal};
use sconify::terminal::foreign::harmless;
use transparency::error::Error;
use transparency::messages::Timestamp;
use transparency::verifier::{Verified, Verifier};

use super::view;
use crate::args::DataArgs;
use crate::failure::Failure;
use crate::verification::directory as pinned;

/// Which directory to ask.
#[derive(clap::Args)]
pub(crate) struct DirectoryArgs {
    /// What is pinned of the directory: a file such as directory.json, which `sconce up` writes
    /// [default: that in the data folder].
    #[arg(long, value_name = "FILE")]
    directory: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
}

impl DirectoryArgs {
    /// The directory. What is seen of it is remembered for later runs.
    pub(super) fn lookup(&self) -> Result<Lookup, Failure> {
        pinned::lookup(&self.file()?)
    }

    /// The file that pins it.
    pub(super) fn file(&self) -> Result<PathBuf, Failure> {
        if let Some(file) = &self.directory {
            return Ok(file.clone());
        }
        let folder = self.data.folder()?;
        pinned::of_platform(&folder).ok_or_else(|| {
            Failure::unusable(format_args!(
                "no directory is known: there is no {} in {}",
                pinned::RECORD,
                folder.display()
            ))
            .advice("name one with --directory FILE, or start one: sconce up --transparency 127.0.0.1:8080")
        })
    }

    /// A file beside the one that pins the directory.
    pub(super) fn beside(&self, name: &str) -> Result<PathBuf, Failure> {
        let file = self.file()?;
        Ok(file.parent().unwrap_or(Path::new(".")).join(name))
    }
}

/// Asks for a user while nobody else has the memory; verifies, and links the log.
pub(super) async fn see(
    directory: &Directory,
    verifier: &Verifier,
    memory: &mut transparency::memory::Memory,
    user: &str,
) -> Result<Verified, Failure> {
    let asked = client::directory::ask(directory, verifier, memory, user, PATIENCE).await;
    let (_, verified) = asked.map_err(Refusal::from)?;
    let verified = verified?;
    client::directory::link(directory, verifier, memory).await?;
    Ok(verified)
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match &refusal {
            Refusal::NotVerified(fault) => view::refused(fault),
            other => {
                let failure =
                    Self::failed(harmless(&other.to_string())).coded(other.code().to_owned());
                match other {
                    Refusal::NoAnswer(error) if error.is_passing() => failure.advised(
                        "is it running, and is the address in directory.json right? `sconce status` shows \
                         a platform's",
                    ),
                    other => failure.advised(format_args!("see docs/errors/{}.md", other.code())),
                }
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(fault: Error) -> Self {
        view::refused(&fault)
    }
}

/// This machine's clock.
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: since.subsec_nanos(),
    }
}
