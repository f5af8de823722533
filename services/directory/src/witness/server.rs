//! A witness over HTTP (C2SP tlog-witness): one call, `POST /add-checkpoint`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Error, Witness};

/// Longest request: 63 hashes, and a checkpoint with the signatures of many.
const MAX_BODY: usize = 64 << 10;

/// Longest time from a connection or an answer to the end of the next request's head, and from there to
/// the end of its body.
const READ_TIME: Duration = Duration::from_secs(30);

/// Most connections at once; more wait.
const MAX_CONNECTIONS: usize = 256;

/// A witness that answers. Dropping it ends it.
#[derive(Debug)]
pub struct WitnessServer {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl WitnessServer {
    /// Binds the address and begins to answer. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// Those of binding.
    pub async fn start(address: SocketAddr, witness: Arc<Witness>) -> std::io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            tokio::select! {
                () = accept(socket, witness) => {}
                _ = stopped => {}
            }
        });
        Ok(Self {
            address,
            _stop: stop,
            task,
        })
    }

    /// Where it answers, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns when it has ended, which it doesn't by itself.
    pub async fn ended(&mut self) {
        // An error says that it has ended, too.
        let _ = (&mut self.task).await;
    }
}

async fn accept(socket: TcpListener, witness: Arc<Witness>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match socket.accept().await {
            Ok((stream, _)) => {
                let witness = Arc::clone(&witness);
                tokio::spawn(async move {
                    converse(stream, witness).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, witness: Arc<Witness>) {
    let service = service_fn(move |request| {
        let witness = Arc::clone(&witness);
        async move { Ok::<_, Infallible>(answer(request, witness).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(READ_TIME)
        .max_buf_size(16 << 10);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection ended");
    }
}

async fn answer(request: Request<Incoming>, witness: Arc<Witness>) -> Response<Full<Bytes>> {
    if request.uri().path() != "/add-checkpoint" {
        return plain(
            StatusCode::NOT_FOUND,
            "there is only /add-checkpoint here\n",
        );
    }
    if request.method() != Method::POST {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "checkpoints are posted\n");
    }
    let body = Limited::new(request.into_body(), MAX_BODY).collect();
    let body = match timeout(READ_TIME, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return plain(StatusCode::PAYLOAD_TOO_LARGE, "the body cannot be read\n"),
        Err(_) => return plain(StatusCode::REQUEST_TIMEOUT, "the body did not come\n"),
    };
    // What was seen is written to the disk before it's signed.
    let judged = tokio::task::spawn_blocking(move || witness.add_checkpoint(&body, now()));
    match judged.await {
        Ok(Ok(cosignature)) => plain(StatusCode::OK, cosignature),
        Ok(Err(error)) => refuse(&error),
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the witness failed\n"),
    }
}

fn refuse(error: &Error) -> Response<Full<Bytes>> {
    match error {
        Error::Conflict { size, .. } => {
            tracing::debug!("error[{}]: {error}", error.code());
            let mut response = plain(StatusCode::CONFLICT, format!("{size}\n"));
            let kind = HeaderValue::from_static("text/x.tlog.size");
            response.headers_mut().insert(CONTENT_TYPE, kind);
            return response;
        }
        Error::State { .. } => tracing::error!(%error, "nothing is cosigned"),
        Error::Split { .. } | Error::Proof { .. } => {
            tracing::warn!(%error, "a log does not go on from what was cosigned");
        }
        _ => tracing::debug!(%error, "refused"),
    }
    let status = StatusCode::from_u16(error.status());
    plain(
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        format!("error[{}]: {error}\n", error.code()),
    )
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| time.as_secs())
}
