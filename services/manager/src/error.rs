use std::path::PathBuf;

/// Why a manager couldn't start or answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The socket for hosts can't be bound.
    #[error(
        "cannot listen for hosts on {endpoint} ({source}), stop what uses it or choose another"
    )]
    Bind {
        /// The endpoint.
        endpoint: String,
        /// What ZeroMQ says.
        source: zmq::Error,
    },
    /// The socket for hosts on this machine can't be listened on.
    #[error(
        "cannot listen for hosts on {path} ({source}), choose another path, of at most 107 bytes, in a folder of your own"
    )]
    Local {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A static worker's name is none.
    #[error("{0:?} is no worker name, use 1 to 64 characters of A-Z a-z 0-9 . _ -")]
    Name(String),
    /// A static worker's endpoint is none.
    #[error("{0:?} is no endpoint of a worker, use tcp://HOST:PORT")]
    Endpoint(String),
    /// ZeroMQ failed.
    #[error("ZeroMQ failed: {0}")]
    ZeroMq(#[from] zmq::Error),
    /// The operating system gave no thread or socket.
    #[error("cannot start the manager's thread: {0}")]
    System(#[from] std::io::Error),
    /// The registry gave no answer.
    #[error(transparent)]
    Registry(#[from] workers::Error),
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}
