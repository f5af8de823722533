//! Hosting a vault.
//!
//! A vault is an enclave program like a worker, launched in the same way, and everything of the trust in
//! it comes from what it seals and proves by itself. Its host gives it a file and sockets, starts it again
//! when it has died, and carries nothing: the vault's clients speak TLS with it, which its host can't read.

mod keeper;

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use self::keeper::Keeper;
use crate::config::{Enclave, Timing};
use crate::error::Error;
use crate::handle::{self, Handle};

/// Runs the host of a vault until SIGTERM or SIGINT, and ends the vault's program with it. What a vault
/// has answered for is in its file by then, so it is not asked to hurry and has nothing to save.
///
/// # Errors
///
/// Anything that keeps it from starting: an image that is not launched, a file that can't be opened, and
/// [`Error::Vault`], what the vault says if it refuses its journal or its platform at its first starts. A
/// vault that starts and dies is no error, and one that was ready before is none; it's started again.
pub fn run(config: Config) -> Result<(), Error> {
    handle::until_signalled(|stop| Keeper::start(config, stop, Default::default())?.run())
}

/// Starts the host of a vault on a thread of its own. When this returns its program has been started,
/// though it's perhaps not ready yet; connections wait for it.
///
/// # Errors
///
/// As for [`run`].
pub fn start(config: Config) -> Result<Handle, Error> {
    Handle::start(|stop, pid| {
        let keeper = Keeper::start(config, stop, pid)?;
        Ok((None, move || keeper.run()))
    })
}

/// What the host of a vault is told. [`Config::new`] fills in the rest.
#[derive(Debug)]
#[non_exhaustive]
pub struct Config {
    /// The vault's image and the platform that vouches for it.
    pub enclave: Enclave,
    /// The file with its sealed state, made with mode 0600 if it isn't there: descriptor 4.
    pub journal: PathBuf,
    /// Where it takes TLS connections: descriptor 5. Whoever made it may keep a copy, so that it stays
    /// bound while no vault runs.
    pub listener: TcpListener,
    /// Where it takes plain HTTP for pools, if it is to: descriptor 6.
    pub pool: Option<TcpListener>,
    /// Further arguments of the program.
    pub program_args: Vec<OsString>,
    /// How long things may take. Those of a vault are its start, its end, and waiting to start it
    /// again: no more than 1 s by default, since everybody waits for it.
    pub timing: Timing,
}

impl Config {
    /// The defaults for a vault of this image, with its state in `journal`, behind `listener`.
    #[must_use]
    pub fn new(enclave: Enclave, journal: impl Into<PathBuf>, listener: TcpListener) -> Self {
        Self {
            enclave,
            journal: journal.into(),
            listener,
            pool: None,
            program_args: Vec::new(),
            timing: Timing {
                last_restart: Duration::from_secs(1),
                ..Timing::default()
            },
        }
    }
}
