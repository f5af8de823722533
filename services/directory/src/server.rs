//! The server: a directory and its address.

use std::net::SocketAddr;
use std::sync::Arc;

use entrance::{BindError, Tls};

use crate::http::{Desk, Door, PROTOCOLS, Room};
use crate::tokens::Tokens;
use crate::{Config, Directory, Error};

/// A running directory. Dropping it is a shutdown that nobody waits for.
pub struct Server {
    door: Door,
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
        let tokens = config.writers.tokens.as_deref().map(Tokens::read);
        let tokens = tokens.transpose()?.unwrap_or_default();
        let tls = config.tls.clone();
        let tls = tls.map(|files| Tls::load(files, PROTOCOLS)).transpose()?;
        let wanted = config.address;
        let (socket, address) = entrance::bind(wanted).await.map_err(|error| match error {
            BindError::InUse => Error::InUse(wanted),
            BindError::Other(source) => Error::Bind {
                address: wanted,
                source,
            },
        })?;
        let (limits, drain) = (config.limits, config.drain);
        let development = config.writers.development;
        // Opening a large store takes a moment.
        let opened = tokio::task::spawn_blocking(move || Directory::open(&config));
        let directory = opened
            .await
            .map_err(|fault| Error::Store(fault.to_string()))??;
        if development {
            tracing::warn!("development: writers are believed to be who they say they are");
        }
        let desk = Desk::new(Arc::clone(&directory), tokens, development, limits);
        let room = Room::new(desk, limits.connections, tls);
        tracing::info!(%address, epoch = directory.epoch(), "directory is answering");
        Ok(Self {
            door: Door::open(socket, address, room, drain),
            directory,
        })
    }

    /// Where it listens, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// What answers.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Takes no more connections, waits for requests in progress, at most [`Config::drain`], and for the epoch
    /// that is being sealed. Updates that wait are there at the next start.
    pub async fn shutdown(self) {
        self.door.close().await;
        let directory = self.directory;
        // Joins a thread.
        let _ = tokio::task::spawn_blocking(move || directory.stop()).await;
        tracing::info!("directory has stopped");
    }
}
