//! Sockets: bound, accepted from, prepared.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// Why an address can't be listened on.
#[derive(Debug)]
pub enum BindError {
    /// Somebody listens there already.
    InUse,
    /// What else the system says.
    Other(std::io::Error),
}

/// Listens at an address; with the real port.
///
/// # Errors
///
/// What the system says.
pub async fn bind(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), BindError> {
    let failed = |source: std::io::Error| match source.kind() {
        ErrorKind::AddrInUse => BindError::InUse,
        _ => BindError::Other(source),
    };
    let socket = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    Ok((socket, address))
}

/// Pause when the system has no more descriptors for connections.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// Waits after a connection that could not be accepted, if trying again at once would be of no use.
pub async fn pause_after(error: &std::io::Error) {
    match error.kind() {
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted => {}
        _ => {
            tracing::error!(%error, "a connection could not be accepted");
            tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
        }
    }
}

/// Answers are small: they go out at once. A client that has vanished is cut off after a time.
pub fn prepare(stream: &TcpStream, write_time: Duration) {
    let unread = u32::try_from(write_time.as_millis()).unwrap_or(u32::MAX);
    let timeout = rustix::net::sockopt::set_tcp_user_timeout(stream, unread);
    if timeout.is_err() || stream.set_nodelay(true).is_err() {
        tracing::debug!("a connection's options could not be set");
    }
}
