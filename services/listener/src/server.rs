//! Connections: accepted, bounded, served, drained.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use store::Orders;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use workers::Registry;

use crate::config::{Limits, ListenerConfig};
use crate::places::Places;
use crate::rpc::Service;
use crate::{Error, http};

/// A running listener. Dropping it is a shutdown that nobody waits for.
pub struct Listener {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Binds the address and begins to answer. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] and [`Error::Bind`], naming the address.
    pub async fn start(
        config: ListenerConfig,
        orders: Arc<dyn Orders>,
        registry: Registry,
    ) -> Result<Self, Error> {
        let wanted = config.address;
        let failed = |source: std::io::Error| match source.kind() {
            ErrorKind::AddrInUse => Error::InUse(wanted),
            _ => Error::Bind {
                address: wanted,
                source,
            },
        };
        let socket = TcpListener::bind(wanted).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let (limits, drain) = (config.limits, config.drain);
        let service = Arc::new(Service::new(config, orders, registry));
        let door = Door {
            socket,
            limits,
            service: http::router(service),
            full: http::full(limits),
        };
        tracing::info!(%address, "listener is answering");
        let task = tokio::spawn(door.run(stopped, drain));
        Ok(Self {
            address,
            stop,
            task,
        })
    }

    /// Where it listens, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, closes idle ones, and waits for requests in progress, at most
    /// [`ListenerConfig::drain`].
    pub async fn shutdown(self) {
        // Errors mean that it has ended already.
        let _ = self.stop.send(());
        let _ = self.task.await;
        tracing::info!("listener has stopped");
    }
}

/// The accepting task.
struct Door {
    socket: TcpListener,
    limits: Limits,
    service: Router,
    /// Answers those who came too many.
    full: Router,
}

/// Connections over the limit that are told so; those over this limit are just closed.
const TOLD: usize = 64;

/// Most bytes that a connection holds beside a body, which has a budget of its own.
const READ_AHEAD: usize = 64 << 10;

/// Pause when the system has no more descriptors for connections.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

impl Door {
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
            let (place, router) = if let Some(place) = places.take(address.ip()) {
                (Ok(place), &self.service)
            } else if let Ok(place) = Arc::clone(&told).try_acquire_owned() {
                (Err(place), &self.full)
            } else {
                continue;
            };
            prepare(&stream, &self.limits);
            let connection = protocol_of(&self.limits).serve_connection(
                TokioIo::new(stream),
                TowerToHyperService::new(router.clone()),
            );
            let connection = graceful.watch(connection);
            connections.spawn(async move {
                // A client that breaks off is no news.
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection ended");
                }
                drop(place);
            });
        }
        drop(self.socket);
        let drained = tokio::time::timeout(drain, graceful.shutdown()).await;
        if drained.is_err() {
            tracing::warn!("requests in progress were cut off by the shutdown");
        }
        connections.shutdown().await;
    }
}

fn protocol_of(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(READ_AHEAD.max(limits.headers))
        .max_headers(limits.header_count)
        .max_header_size(limits.headers);
    builder
}

/// Answers are small: they go out at once. A client that doesn't read them is cut off.
fn prepare(stream: &TcpStream, limits: &Limits) {
    let unread = u32::try_from(limits.write_time.as_millis()).unwrap_or(u32::MAX);
    let timeout = rustix::net::sockopt::set_tcp_user_timeout(stream, unread);
    if timeout.is_err() || stream.set_nodelay(true).is_err() {
        tracing::debug!("a connection's options could not be set");
    }
}

async fn pause_after(error: &std::io::Error) {
    match error.kind() {
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted => {}
        _ => {
            tracing::error!(%error, "a connection could not be accepted");
            tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
        }
    }
}
