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
use monitor::{Monitor, Refusal};
use store::Orders;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use workers::Registry;

use crate::config::{Limits, ListenerConfig};
use crate::http::Desk;
use crate::places::Places;
use crate::rpc::Service;
use crate::{Error, http, metrics};

/// A running listener. Dropping it is a shutdown that nobody waits for.
pub struct Listener {
    main: Entrance,
    /// The metrics' own.
    metrics: Option<Entrance>,
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
    /// [`Error::InUse`] and [`Error::Bind`], naming the address.
    pub async fn start(
        config: ListenerConfig,
        orders: Arc<dyn Orders>,
        registry: Registry,
    ) -> Result<Self, Error> {
        let (socket, address) = bind(config.address).await?;
        let own = match config.metrics.address() {
            Some(wanted) => Some(bind(wanted).await?),
            None => None,
        };
        let (limits, drain, monitor) = (config.limits, config.drain, config.monitor.clone());
        let desk = Desk::new(Arc::new(Service::new(config, orders, registry)));
        let door = Door {
            socket,
            limits,
            near: http::router(&desk, true),
            far: http::router(&desk, false),
            full: http::full(limits),
            monitor: monitor.clone(),
        };
        tracing::info!(%address, "listener is answering");
        Ok(Self {
            main: door.open(address, drain),
            metrics: own.map(|(socket, address)| {
                tracing::info!(%address, "metrics are shown");
                let router = metrics::router(monitor.clone());
                let door = Door {
                    socket,
                    limits,
                    near: router.clone(),
                    far: router.clone(),
                    full: http::full(limits),
                    monitor,
                };
                door.open(address, drain)
            }),
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

async fn bind(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |source: std::io::Error| match source.kind() {
        ErrorKind::AddrInUse => Error::InUse(wanted),
        _ => Error::Bind {
            address: wanted,
            source,
        },
    };
    let socket = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    Ok((socket, address))
}

/// The accepting task.
struct Door {
    socket: TcpListener,
    limits: Limits,
    /// Answers clients on this machine.
    near: Router,
    /// Answers all others.
    far: Router,
    /// Answers those who came too many.
    full: Router,
    monitor: Monitor,
}

/// Connections over the limit that are told so; those over this limit are just closed.
const TOLD: usize = 64;

/// Most bytes that a connection holds beside a body, which has a budget of its own.
const READ_AHEAD: usize = 64 << 10;

/// Pause when the system has no more descriptors for connections.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

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
            let (place, router) = if let Some(place) = places.take(address.ip()) {
                (Ok(place), self.service(address))
            } else {
                self.monitor.refused(Refusal::Connections);
                let Ok(place) = Arc::clone(&told).try_acquire_owned() else {
                    continue;
                };
                (Err(place), &self.full)
            };
            prepare(&stream, &self.limits);
            let connection = protocol_of(&self.limits).serve_connection(
                TokioIo::new(stream),
                TowerToHyperService::new(router.clone()),
            );
            let connection = graceful.watch(connection);
            let counted = self.monitor.connected();
            connections.spawn(async move {
                // A client that breaks off is no news.
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection ended");
                }
                drop((place, counted));
            });
        }
        drop(self.socket);
        let drained = tokio::time::timeout(drain, graceful.shutdown()).await;
        if drained.is_err() {
            tracing::warn!("requests in progress were cut off by the shutdown");
        }
        connections.shutdown().await;
    }

    fn service(&self, client: SocketAddr) -> &Router {
        if client.ip().to_canonical().is_loopback() {
            &self.near
        } else {
            &self.far
        }
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
