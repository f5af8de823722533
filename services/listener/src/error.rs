use std::net::SocketAddr;

use entrance::TlsError;

/// Why a listener couldn't start.
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
    Tls(#[from] TlsError),
}
