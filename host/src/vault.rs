//! Hosting a vault.
//!
//! A vault is an enclave program like a worker, launched in the same way, and everything of the trust in
//! it comes from what it seals and proves by itself. Its host gives it a file and sockets, starts it again
//! when it has died, and carries nothing: the vault's clients speak TLS with it, which its host can't read.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::PathBuf;

use crate::config::{Enclave, Timing};
use crate::error::Error;

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
    /// How long things may take. Those of a vault are its start, its end, and waiting to start it again.
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
            timing: Timing::default(),
        }
    }
}
