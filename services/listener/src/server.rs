//! Connections: accepted, bounded, served, drained.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use entrance::{BindError, Connections, Places, Tls, TlsError, TlsFiles, pause_after};
use hyper_util::server::graceful::GracefulShutdown;
use monitor::{Monitor, Refusal};
use receipts::Receipts;
use store::Orders;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use workers::Registry;

use crate::Error;
use crate::config::ListenerConfig;
use crate::connection::{Guest, Room};
use crate::http::Desk;
use crate::rpc::Service;

/// A running listener. Dropping it is a shutdown that nobody waits for.
pub struct Listener {
    main: Entrance,
    /// The metrics' own.
    metrics: Option<Entrance>,
    room: Arc<Room>,
}

/// An address that is listened at.
struct Entrance {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Binds the address and begins to answer. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] and [`Error::Bind`], naming the address; [`Error::Tls`], naming the file.
    pub async fn start(
        config: ListenerConfig,
        orders: Arc<dyn Orders>,
        registry: Registry,
        receipts: Receipts,
    ) -> Result<Self, Error> {
        let tls = config.tls.clone().map(load).transpose()?;
        let (socket, address) = bind(config.address).await?;
        let own = match config.metrics.address() {
            Some(wanted) => Some(bind(wanted).await?),
            None => None,
        };
        let (limits, drain, monitor) = (
            config.limits.at_the_door(),
            config.drain,
            config.monitor.clone(),
        );
        let door = |socket, room: &Arc<Room>| Door {
            socket,
            limits,
            room: Arc::clone(room),
            monitor: monitor.clone(),
        };
        let desk = Desk::new(Service::new(config, orders, registry, receipts));
        let room = Arc::new(Room::new(desk, limits, tls));
        tracing::info!(%address, tls = room.tls.is_some(), "listener is answering");
        let main = door(socket, &room).open(address, drain);
        let metrics = own.map(|(socket, address)| {
            tracing::info!(%address, "metrics are shown");
            let desk = Desk::for_metrics(monitor.clone());
            let room = Arc::new(Room::new(desk, limits, None));
            door(socket, &room).open(address, drain)
        });
        Ok(Self {
            main,
            metrics,
            room,
        })
    }

    /// Where it listens, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.main.address
    }

    /// Where metrics are shown, with the real port, if not at [`address`](Self::address).
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|entrance| entrance.address)
    }

    /// Reads the certificate's files again, for connections that come from now on. Without TLS
    /// there is nothing to do. Reads files, so it may block for a moment.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`], naming the file; the certificate stays the one that it was.
    pub fn reload_certificate(&self) -> Result<(), Error> {
        self.room.tls.as_ref().map_or(Ok(()), Tls::reload)?;
        Ok(())
    }

    /// Takes no more connections, closes idle ones, and waits for requests in progress, at most
    /// [`ListenerConfig::drain`].
    pub async fn shutdown(self) {
        self.main.close().await;
        // Last, so that the end can be watched.
        if let Some(metrics) = self.metrics {
            metrics.close().await;
        }
        tracing::info!("listener has stopped");
    }
}

impl Entrance {
    async fn close(self) {
        // Errors mean that it has ended already.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

fn load(files: TlsFiles) -> Result<Tls, TlsError> {
    Tls::load(files, &["http/1.1"])
}

async fn bind(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    entrance::bind(wanted).await.map_err(|error| match error {
        BindError::InUse => Error::InUse(wanted),
        BindError::Other(source) => Error::Bind {
            address: wanted,
            source,
        },
    })
}

/// The accepting task.
struct Door {
    socket: TcpListener,
    limits: Connections,
    room: Arc<Room>,
    monitor: Monitor,
}

/// Connections over the limit that are told so; those over this limit are just closed.
const TOLD: usize = 64;

impl Door {
    fn open(self, address: SocketAddr, drain: Duration) -> Entrance {
        let (stop, stopped) = oneshot::channel();
        Entrance {
            address,
            stop,
            task: tokio::spawn(self.run(stopped, drain)),
        }
    }

    async fn run(self, mut stopped: oneshot::Receiver<()>, drain: Duration) {
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        let places = Places::new(&self.limits);
        let told = Arc::new(Semaphore::new(TOLD));
        loop {
            let (stream, address) = tokio::select! {
                // A dropped handle closes the door like a shutdown.
                _ = &mut stopped => break,
                Some(_) = connections.join_next() => continue,
                accepted = self.socket.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        pause_after(&error).await;
                        continue;
                    }
                },
            };
            let guest = if let Some(place) = places.take(address.ip()) {
                Guest::Placed(place, self.monitor.connected())
            } else {
                self.monitor.refused(Refusal::Connections);
                let Ok(place) = Arc::clone(&told).try_acquire_owned() else {
                    continue;
                };
                Guest::Unplaced(place)
            };
            let room = Arc::clone(&self.room);
            connections.spawn(room.serve(stream, guest, graceful.watcher()));
        }
        drop(self.socket);
        let drained = tokio::time::timeout(drain, graceful.shutdown()).await;
        if drained.is_err() {
            tracing::warn!("requests in progress were cut off by the shutdown");
        }
        connections.shutdown().await;
    }
}
