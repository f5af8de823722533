//! Why a host fails.

use std::io;
use std::path::PathBuf;

use provision::api::Fault;

use crate::launch;

/// What can go wrong before a host runs, or so badly that it can't go on. Whatever the program or a
/// peer does is not among it: a host outlives both.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The ZeroMQ endpoint can't be listened on.
    #[error(
        "cannot listen on {endpoint}: {source}; choose another endpoint, or port 0 for any free one"
    )]
    Bind {
        /// The endpoint as it was given.
        endpoint: String,
        /// What ZeroMQ says.
        source: zmq::Error,
    },
    /// The manager's endpoint isn't one.
    #[error(
        "cannot connect to the manager at {endpoint}: {source}; expected something like tcp://127.0.0.1:5555"
    )]
    Manager {
        /// The endpoint as it was given.
        endpoint: String,
        /// What ZeroMQ says.
        source: zmq::Error,
    },
    /// A manager is given without the token that it asks of its hosts.
    #[error(
        "a manager is given but no token for it; give the token that the manager was started with"
    )]
    Token,
    /// ZeroMQ fails in a way that leaves nothing to carry frames with.
    #[error("zeromq failed: {0}; start the host again")]
    Zmq(#[from] zmq::Error),
    /// The program can't be executed.
    #[error("cannot start {}: {source}; build it, or give the path of another", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The measured program isn't launched.
    #[error(transparent)]
    Launch(#[from] launch::Error),
    /// A file that the program is to be given can't be opened.
    #[error(
        "cannot open {} for reading and writing: {source}; give the program another file",
        path.display()
    )]
    PrivateFile {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The operating system refuses a socket, a pipe or an event queue.
    #[error("cannot {action}: {source}; check the limits on open files and processes")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// The thread of a host panicked.
    #[error("the host's thread panicked; this is a defect, please report it")]
    Panicked,
    /// The text can't be a vault's address.
    #[error(
        "{address:?} is no address of a vault; give a name or an address and a port, as in 127.0.0.1:8081"
    )]
    VaultAddress {
        /// The text.
        address: String,
    },
    /// A vault has said a few times, before it was ever ready, that it can't use what it is given.
    #[error("{}", .0.message)]
    Vault(Box<Fault>),
    /// The name can't be a worker's.
    #[error("{name:?} cannot name a worker; use 1 to 64 letters, digits, '-', '_' and '.'")]
    WorkerName {
        /// The name.
        name: String,
    },
}

impl Error {
    /// The code of its class, for those that have one: each has a page in `docs/errors/`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Launch(error) => Some(error.code()),
            Self::Vault(fault) => Some(&*fault.code).filter(|code| !code.is_empty()),
            _ => None,
        }
    }

    /// What to do next, where the text does not say it.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        match self {
            Self::Vault(fault) => fault.advice.as_deref(),
            _ => None,
        }
    }

    /// Names what was tried when the operating system said no.
    pub(crate) fn system(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { action, source }
    }
}
