//! One connection: TLS where there is a certificate, then requests, one after the other.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use entrance::{Connections, Place, Timed, Tls, prepare};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::Watcher;
use monitor::Connection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::http::{Desk, too_slow};

/// What all connections share.
pub(crate) struct Room {
    pub(crate) desk: Desk,
    pub(crate) limits: Connections,
    pub(crate) tls: Option<Tls>,
    http: http1::Builder,
}

/// A client that was let in.
pub(crate) enum Guest {
    /// One that has a place, and is counted.
    Placed(Place, #[expect(dead_code, reason = "held")] Connection),
    /// One too many, who is told so.
    Unplaced(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit),
}

/// Most bytes that a connection holds beside a body, which has a budget of its own.
const READ_AHEAD: usize = 64 << 10;

impl Room {
    pub(crate) fn new(desk: Desk, limits: Connections, tls: Option<Tls>) -> Self {
        let mut http = http1::Builder::new();
        // `Timed` has the time of heads, without a timer for each request.
        http.header_read_timeout(None)
            .max_buf_size(READ_AHEAD.max(limits.headers))
            .max_headers(limits.header_count)
            .max_header_size(limits.headers);
        Self {
            desk,
            limits,
            tls,
            http,
        }
    }

    /// Serves a connection to its end. The guest's place counts from before the handshake.
    pub(crate) async fn serve(self: Arc<Self>, stream: TcpStream, guest: Guest, shutdown: Watcher) {
        prepare(&stream, self.limits.write_time);
        let Some(tls) = &self.tls else {
            return self.converse(stream, guest, shutdown).await;
        };
        match timeout(self.limits.handshake_time, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => self.converse(stream, guest, shutdown).await,
            // Somebody who speaks plain HTTP, or doesn't know the authority: no news.
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn converse<S>(self: Arc<Self>, stream: S, guest: Guest, shutdown: Watcher)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (stream, progress) = Timed::new(stream, &self.limits, too_slow);
        let source = guest.source();
        let room = Arc::clone(&self);
        let service = service_fn(move |request| {
            progress.begin();
            let (room, progress) = (Arc::clone(&room), progress.clone());
            async move {
                let reply = match source {
                    Some(source) => room.desk.answer(source, request).await,
                    None => room.desk.turn_away(request).await,
                };
                progress.end();
                Ok::<_, Infallible>(reply)
            }
        });
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        // A client that breaks off is no news.
        if let Err(error) = shutdown.watch(connection).await {
            tracing::debug!(%error, "a connection ended");
        }
        drop(guest);
    }
}

impl Guest {
    /// Who shares its address, if it's answered at all.
    fn source(&self) -> Option<IpAddr> {
        match self {
            Self::Placed(place, _) => Some(place.source()),
            Self::Unplaced(_) => None,
        }
    }
}
