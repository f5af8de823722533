//! One connection: TLS where there is a certificate, then requests of HTTP/1.1 or HTTP/2.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use entrance::{Connections, Place, Progress, Timed, Tls, prepare};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::Desk;
use super::answer::too_slow;

/// What clients can choose from where there is TLS.
pub(crate) const PROTOCOLS: &[&str] = &[H2, "http/1.1"];

const H2: &str = "h2";

/// What all connections share.
pub(crate) struct Room {
    pub(crate) desk: Desk,
    pub(crate) limits: Connections,
    pub(crate) tls: Option<Tls>,
    one: http1::Builder,
    two: http2::Builder<TokioExecutor>,
}

/// A client that was let in.
pub(crate) enum Guest {
    /// One that has a place.
    Placed(Place),
    /// One too many, who is told so.
    Unplaced(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit),
}

/// Most bytes that a connection holds beside a body.
const READ_AHEAD: usize = 64 << 10;

/// Most requests of one connection of HTTP/2 that are answered at once.
const STREAMS: u32 = 64;

impl Room {
    pub(crate) fn new(desk: Desk, limits: Connections, tls: Option<Tls>) -> Self {
        let mut one = http1::Builder::new();
        // `Timed` has the time of heads, without a timer for each request.
        one.header_read_timeout(None)
            .max_buf_size(READ_AHEAD.max(limits.headers))
            .max_headers(limits.header_count)
            .max_header_size(limits.headers);
        let mut two = http2::Builder::new(TokioExecutor::new());
        two.max_concurrent_streams(STREAMS)
            .max_header_list_size(u32::try_from(limits.headers).unwrap_or(u32::MAX))
            .max_send_buf_size(READ_AHEAD);
        Self {
            desk,
            limits,
            tls,
            one,
            two,
        }
    }

    /// Serves a connection to its end. The guest's place counts from before the handshake.
    pub(crate) async fn serve(self: Arc<Self>, stream: TcpStream, guest: Guest, shutdown: Watcher) {
        prepare(&stream, self.limits.write_time);
        let Some(tls) = &self.tls else {
            return self.converse(stream, guest, shutdown, false).await;
        };
        match timeout(self.limits.handshake_time, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => {
                let two = stream.get_ref().1.alpn_protocol() == Some(H2.as_bytes());
                self.converse(stream, guest, shutdown, two).await;
            }
            // Somebody who speaks plain HTTP, or doesn't know the authority: no news.
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn converse<S>(self: Arc<Self>, stream: S, guest: Guest, shutdown: Watcher, two: bool)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (stream, progress) = Timed::new(stream, &self.limits, too_slow);
        let source = guest.source();
        let room = Arc::clone(&self);
        let pace = Pace::new(progress);
        let service = service_fn(move |request| {
            let (room, turn) = (Arc::clone(&room), pace.begin());
            async move {
                let reply = match source {
                    Some(source) => room.desk.answer(source, request).await,
                    None => room.desk.turn_away(),
                };
                drop(turn);
                Ok::<_, Infallible>(reply)
            }
        });
        let stream = TokioIo::new(stream);
        let ended = if two {
            shutdown
                .watch(self.two.serve_connection(stream, service))
                .await
        } else {
            shutdown
                .watch(self.one.serve_connection(stream, service))
                .await
        };
        // A client that breaks off is no news.
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended");
        }
        drop(guest);
    }
}

impl Guest {
    /// Who shares its address, if it's answered at all.
    fn source(&self) -> Option<IpAddr> {
        match self {
            Self::Placed(place) => Some(place.source()),
            Self::Unplaced(_) => None,
        }
    }
}

/// How many requests of a connection are being answered; with HTTP/2 several at once.
#[derive(Clone)]
struct Pace {
    progress: Progress,
    busy: Arc<AtomicUsize>,
}

/// A request that is being answered.
struct Turn(Pace);

impl Pace {
    fn new(progress: Progress) -> Self {
        Self {
            progress,
            busy: Arc::default(),
        }
    }

    fn begin(&self) -> Turn {
        if self.busy.fetch_add(1, Ordering::AcqRel) == 0 {
            self.progress.begin();
        }
        Turn(self.clone())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.0.busy.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.progress.end();
        }
    }
}
