//! Why a directory can't start, or can't go on.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a directory can't start, or can't go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Somebody listens there already.
    #[error("{0} is in use by another program, stop it or choose another address")]
    InUse(SocketAddr),
    /// The address can't be listened on.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The certificate can't be used.
    #[error(transparent)]
    Tls(#[from] entrance::TlsError),
    /// The file of private keys can't be used.
    #[error("{path}: {fault}")]
    Keys {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        fault: String,
    },
    /// The file of tokens can't be used.
    #[error("{path}: {fault}")]
    Tokens {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        fault: String,
    },
    /// A setting can't be used.
    #[error("{setting}: {fault}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What is wrong.
        fault: String,
    },
    /// Users can't be loaded: the directory has entries, one is there twice, or one was refused.
    #[error("{0}")]
    Import(String),
    /// The store can't be opened, read or written.
    #[error("the directory's store: {0}")]
    Store(String),
}

impl Error {
    /// The stable code of its kind.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InUse(_) | Self::Bind { .. } | Self::Tls(_) => "directory.address",
            Self::Keys { .. } => "directory.key-file",
            Self::Tokens { .. } => "directory.tokens",
            Self::Setting { .. } => "directory.settings",
            Self::Import(_) => "directory.import",
            Self::Store(_) => "directory.store",
        }
    }
}
