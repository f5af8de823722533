//! The accepting task: connections are bounded, served, and drained at the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use entrance::{Places, pause_after};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::connection::{Guest, Room};

pub(crate) use super::connection::PROTOCOLS;

/// An address that is listened at.
pub(crate) struct Door {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Connections over the limit that are told so; those over this limit are just closed.
const TOLD: usize = 64;

impl Door {
    pub(crate) fn open(
        socket: TcpListener,
        address: SocketAddr,
        room: Room,
        drain: Duration,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self {
            address,
            stop,
            task: tokio::spawn(run(socket, Arc::new(room), stopped, drain)),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and waits for requests in progress.
    pub(crate) async fn close(self) {
        // Errors mean that it has ended already.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

async fn run(
    socket: TcpListener,
    room: Arc<Room>,
    mut stopped: oneshot::Receiver<()>,
    drain: Duration,
) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let places = Places::new(&room.limits);
    let told = Arc::new(Semaphore::new(TOLD));
    loop {
        let (stream, address) = tokio::select! {
            // A dropped handle closes the door like a shutdown.
            _ = &mut stopped => break,
            Some(_) = connections.join_next() => continue,
            accepted = socket.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    pause_after(&error).await;
                    continue;
                }
            },
        };
        let guest = if let Some(place) = places.take(address.ip()) {
            Guest::Placed(place)
        } else {
            let Ok(place) = Arc::clone(&told).try_acquire_owned() else {
                continue;
            };
            Guest::Unplaced(place)
        };
        connections.spawn(Arc::clone(&room).serve(stream, guest, graceful.watcher()));
    }
    drop(socket);
    if tokio::time::timeout(drain, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests in progress were cut off by the shutdown");
    }
    connections.shutdown().await;
}
